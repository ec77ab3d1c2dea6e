//! The counts of the analysis: raw counters of both tracks, asked for one moment, differenced by the domain.
//!
//! - [`selectors`] are the questions, [`outcome`] tells failed requests by their labels.
//! - [`asking`] asks them about a workload, [`counting`] keeps the state of each workload and says when to ask,
//!   [`replay`] does so for a time that has passed.

pub mod asking;
pub mod counting;
pub mod outcome;
pub mod replay;
pub mod selectors;
