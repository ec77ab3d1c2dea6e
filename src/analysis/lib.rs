//! The judge: is the canary worse than stable, how sure is that, and what would it take to know?
//!
//! It judges counts, not rates, and may be consulted after every scrape for ever: the chance that a healthy canary is ever
//! called regressed stays below the configured alpha (Ville's inequality).
//!
//! [`CanaryAnalyzer`] takes [`Look`]s and gives a [`Report`]. What it is made of, each in its own file: evidence on errors and on
//! latency, guards against what real pods do, proof that the canary is good, the budget, and what it would take to know.

#![warn(missing_docs)]

mod beta;
mod burn;
mod category_test;
mod errors;
mod histogram;
mod latency;
mod log_space;
mod needs;
mod one_share;
mod opinion;
mod pace;
mod pod_spread;
mod pool;
mod quantile;
mod ratio_interval;
mod ratio_test;
mod reasons;
mod report;
mod restart;
mod rules;
mod scrape;
mod share_interval;
mod share_mismatch;
mod state;
mod temper;
#[cfg(test)]
mod tests;
mod trouble;
mod weight;

pub use beta::{ln_beta, ln_incomplete_beta};
pub use burn::Burn;
pub use histogram::Shared;
pub use latency::LatencyTest;
pub use needs::Need;
pub use quantile::QuantileBounds;
pub use ratio_interval::Ratio;
pub use reasons::{figure, time};
pub use report::{AnalysisStatus, Evidence, Heat, Metric, Needs, Report, Seen, Tier, Tracks};
pub use rules::{RuleError, Rules, SlowObjective};
pub use scrape::{Bucket, Counts, Look, PodCounts, Scrape};
pub use share_interval::ShareSequence;
pub use share_mismatch::ln_mismatch;
pub use state::CanaryAnalyzer;
