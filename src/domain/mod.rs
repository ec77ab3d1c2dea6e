//! What the product knows: words, states, figures, plans.
//!
//! Pure: no clock, no I/O, nothing of ours from other rooms. Time comes in as a parameter, unknown is a value.

pub mod access;
pub mod action;
pub mod analysis_run;
pub mod backtest;
pub mod changes;
pub mod checklist;
pub mod counters;
pub mod credentials;
#[cfg(feature = "demo")]
pub mod drill;
pub mod event;
pub mod feed;
pub mod freshness;
pub mod guardrails;
pub mod ids;
pub mod journal;
pub mod object;
pub mod pod;
pub mod recovered;
pub mod reduce;
pub mod replicaset;
mod serde_pairs;
pub mod series;
pub mod signals;
pub mod step;
pub mod suggest;
pub mod text;
pub mod verdict;
pub mod why;
pub mod workload;
pub mod world;
mod world_checks;
