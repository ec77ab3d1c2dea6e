//! Prometheus, or what speaks its API: the signals of each workload's tracks.
//!
//! - [`settings`]: how to reach it; [`client`]: asks; [`answer`]: reads strictly; [`trouble`]: says what went wrong.
//! - [`template`] and [`presets`]: what to ask; [`queries`]: the questions of an environment.
//! - [`look`]: asks them all at once, and gets a number or the reason why there is none; [`detect`]: which presets fit.
//! - [`source`]: the task that looks at every interval and leaves what it sees.
//!
//! Evaluation is at the server's own *now*: with clocks apart, a time of ours would ask for samples that are not there
//! yet, or for old ones.

pub mod answer;
pub mod client;
pub mod detect;
pub mod look;
pub mod presets;
pub mod queries;
pub mod settings;
pub mod source;
pub mod template;
#[cfg(test)]
mod tests;
mod translate;
pub mod trouble;

pub use client::PrometheusClient;
pub use look::Questions;
pub use presets::Preset;
pub use queries::Queries;
pub use settings::{Auth, Secret, Settings};
pub use source::PrometheusSource;
