//! Canary analysis: is the canary worse than stable, how sure is that, and what would it take to know?
//!
//! It compares counts, not rates, and may be read after every scrape, without limit: the chance that a healthy canary is ever
//! called regressed stays below the configured alpha (Ville's inequality).
//!
//! [`CanaryAnalyzer`] takes [`Look`]s and gives a [`Report`]. What it is made of, each in its own file: evidence on errors and on
//! latency, guards against what real pods do, proof that the canary is good, the budget, and what it would take to know.

#![warn(missing_docs)]

/// The example in the README is a test.
#[cfg(doctest)]
#[doc = include_str!("README.md")]
struct Readme;

mod analysis_status;
mod beta;
mod burn;
mod category_evidence;
mod decimals;
mod detection;
mod draws;
mod errors;
mod histogram;
mod latency;
mod log_space;
mod margin;
mod needs;
mod one_share;
mod overdispersion;
mod pace;
mod pod_spread;
mod pool;
mod proof;
mod quantile;
mod ratio_evidence;
mod ratio_interval;
mod reasons;
mod report;
mod restart;
mod rules;
mod scrape;
mod sentence;
mod share_bets;
mod share_interval;
mod share_mismatch;
mod state;
mod status_evidence;
#[cfg(test)]
mod tests;
mod trouble;
mod weight;

pub use beta::{ln_beta, ln_incomplete_beta};
pub use burn::Burn;
pub use detection::{Chances, Detectable, Stage, Traffic, detectable, time_to_detect};
pub use histogram::Shared;
pub use latency::LatencyTest;
pub use needs::Need;
pub use quantile::QuantileBounds;
pub use ratio_interval::Ratio;
pub use reasons::{figure, time};
pub use report::{AnalysisStatus, Evidence, Heat, Metric, Needs, Report, Seen, Tier, Tracks};
pub use rules::{Enough, RuleError, Rules, SlowObjective};
pub use scrape::{Bucket, Counts, Look, PodCounts, Scrape, Statuses};
pub use share_interval::ShareSequence;
pub use share_mismatch::ln_mismatch;
pub use state::CanaryAnalyzer;
