//! Backtests: what the analysis and the guardrails would have done about releases of the past, against what happened.
//!
//! - [`past`] finds the releases in the journals, with what happened to them.
//! - [`findings`] gathers the analysis result look by look, and what the guardrails would have done.
//! - [`difference`] compares the two.

pub mod difference;
pub mod findings;
pub mod past;

pub use difference::{Against, Difference};
pub use findings::{Findings, ReplayedAlarm, Step};
pub use past::{Deed, End, Past, releases};
