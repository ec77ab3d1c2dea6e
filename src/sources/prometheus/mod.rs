//! Prometheus, or what speaks its API: the signals of each workload's tracks.
//!
//! - [`client`] asks, [`answer`] reads strictly, [`trouble`] says what went wrong.
//! - [`presets`] are ready queries, [`queries`] the questions of an environment, [`detect`] finds the presets that fit.
//! - [`configured`] makes them from the config, [`look`] asks them all at once, and gets a number or the reason why there is none.
//! - [`counts`] asks for the raw counters that the analysis is given, [`cursors`] keeps how far they have been counted.
//! - [`flag_users`] compares users with a flag and users without it.
//! - [`source`] is the task that looks at every interval and leaves what it sees.
//!
//! Evaluation is at the server's own *now*: with clocks apart, a time of ours would ask for samples that are not there
//! yet, or for old ones.

pub mod answer;
pub mod client;
pub mod configured;
pub mod counts;
pub mod cursors;
pub mod detect;
pub mod flag_users;
pub mod look;
pub mod presets;
pub mod queries;
pub mod source;
#[cfg(test)]
mod tests;
mod translate;
pub mod trouble;

pub use client::PrometheusClient;
pub use look::Questions;
pub use queries::Queries;
pub use source::PrometheusSource;
