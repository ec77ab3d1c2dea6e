//! Drills: a release of the simulator that may go wrong at a moment that nobody announced, and how it was dealt with.
//!
//! - [`mod@draw`] decides what goes wrong and when, [`flight`] is what was noted on the way.
//! - [`mod@score`] says how it went, [`baseline`] how it would have gone without cockpit.

pub mod baseline;
pub mod draw;
pub mod flight;
pub mod score;

pub use baseline::Baseline;
pub use draw::{Draw, Failure, draw};
pub use flight::{Ended, Flight, Moment};
pub use score::{Harm, Score, Verdict, score};
