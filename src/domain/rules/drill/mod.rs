//! Drills: a simulated release that may fail at an unannounced moment, and how it was handled.
//!
//! - [`mod@draw`] decides what goes wrong and when, [`mod@record`] is what was observed.
//! - [`mod@score`] says how it went, [`baseline`] how it would have gone without cockpit.

pub mod baseline;
pub mod draw;
pub mod record;
pub mod score;

pub use baseline::Baseline;
pub use draw::{Draw, Failure, draw};
pub use record::{DrillRecord, Ended, Moment};
pub use score::{Harm, Score, Verdict, score};
