//! From samples of counters that only grow to what happened between two looks, each request counted exactly once.
//!
//! - [`seen`] is what an answer brought, [`identity`] tells series, targets, pods and duplicates apart.
//! - [`birth`] says from where the first sight of a series counts, [`cursor`] takes differences from there.
//! - [`histogram`] is a native histogram, [`latency`] brings histograms of both tracks to common bounds.
//! - [`question`] says which samples a look asks for.
//! - [`slices`] cuts time, so that a change of weight is not smeared over a long pause.
//! - [`tally`] holds it together and keeps the state; [`trouble`] says why there are no counts.
//!
//! Rates are for drawing: they are stretched to the ends of a window, miss the first value of a new series and, where
//! windows overlap, use requests twice. Times are in milliseconds by the server's clock.

pub mod birth;
pub mod cursor;
pub mod histogram;
pub mod identity;
mod known_canary;
pub mod latency;
mod lines;
pub mod question;
pub mod seen;
pub mod slices;
pub mod tally;
#[cfg(test)]
mod tests;
pub mod trouble;

pub use histogram::Histogram;
pub use known_canary::{GivenShare, KnownCanary, Shares, routed_share};
pub use question::Question;
pub use seen::{AnswerClass, KnownPod, PodReadiness, Role, Samples, Seen, SeriesSeen};
pub use tally::Counters;
pub use trouble::CounterProblem;
