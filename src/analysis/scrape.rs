//! What one look at the counters brought: increments since the look before, each counted once.

use serde::{Deserialize, Serialize};

/// What both tracks answered between two looks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scrape {
    /// When, in seconds; only differences count.
    pub t: f64,
    /// Requests that the canary answered.
    pub canary: Counts,
    /// Requests that stable answered.
    pub stable: Counts,
    /// Requests that each pod of stable answered, where pods are told apart: how much pods differ although their code
    /// is the same.
    pub stable_pods: Vec<PodCounts>,
}

/// Requests that one track answered between two looks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// All of them.
    pub requests: u64,
    /// Those that failed.
    pub errors: u64,
    /// Those of known latency, by bucket, in ascending order of the bounds; empty where there is no histogram.
    pub buckets: Vec<Bucket>,
}

/// A bucket of a latency histogram. Holds its own requests only, not those of the buckets below it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Upper bound, inclusive, in seconds; infinite for the last.
    pub le: f64,
    /// Requests in it.
    pub count: u64,
}

/// Requests that one pod answered between two looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodCounts {
    /// All of them.
    pub requests: u64,
    /// Those that failed.
    pub errors: u64,
}

/// What comes in, one by one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Look {
    /// A look that brought numbers.
    Scrape(Scrape),
    /// A look that brought none.
    Missing {
        /// When, in seconds.
        t: f64,
        /// Why, in words.
        why: String,
    },
    /// A new rollout begins: what was seen before belongs to another.
    Reset,
}
