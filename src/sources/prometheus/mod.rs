//! Prometheus, or what speaks its API: the signals of each workload's tracks.
//!
//! - [`settings`]: how to reach it; [`client`]: asks; [`answer`]: reads strictly; [`trouble`]: says what went wrong.
//! - [`template`] and [`presets`]: what to ask; [`queries`]: the questions of an environment.
//!
//! Evaluation is at the server's own *now*: with clocks apart, a time of ours would ask for samples that are not there
//! yet, or for old ones.

pub mod answer;
pub mod client;
pub mod presets;
pub mod queries;
pub mod settings;
pub mod template;
pub mod trouble;

pub use client::PrometheusClient;
pub use presets::Preset;
pub use queries::Queries;
pub use settings::{Auth, Secret, Settings};
