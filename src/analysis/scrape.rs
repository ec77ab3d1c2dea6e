//! One sample of the counters: increments since the sample before, each counted once.

use serde::{Deserialize, Deserializer, Serialize};

/// Requests of both tracks between two samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scrape {
    /// When, in seconds; only differences count.
    pub t: f64,
    /// Requests that the canary answered.
    pub canary: Counts,
    /// Requests that stable answered.
    pub stable: Counts,
    /// Requests that each pod of stable answered, where metrics have a pod label: shows how much pods of the same
    /// code differ.
    pub stable_pods: Vec<PodCounts>,
}

/// Requests that one track answered between two samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// All of them.
    pub requests: u64,
    /// Those that failed.
    pub errors: u64,
    /// Those that did not fail and yet were not served, by status; `None` where the metric does not tell.
    #[serde(default)]
    pub statuses: Option<Statuses>,
    /// Those of known latency, by bucket, in ascending order of the bounds; empty where there is no histogram.
    pub buckets: Vec<Bucket>,
}

/// Requests that were answered, but not with success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statuses {
    /// Redirects: 3xx.
    pub redirects: u64,
    /// Requests that the version rejected: 4xx, and what gRPC has for it.
    pub rejected: u64,
}

/// A bucket of a latency histogram. Holds its own requests only, not those of the buckets below it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Upper bound, inclusive, in seconds; infinite for the last, which JSON writes as null.
    #[serde(deserialize_with = "bound")]
    pub le: f64,
    /// Requests in it.
    pub count: u64,
}

fn bound<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::INFINITY))
}

/// Requests that one pod answered between two samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodCounts {
    /// All of them.
    pub requests: u64,
    /// Those that failed.
    pub errors: u64,
}

/// One input of the analysis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Look {
    /// A sample with data.
    Scrape(Scrape),
    /// A sample without data.
    Missing {
        /// When, in seconds.
        t: f64,
        /// Why, in words.
        why: String,
    },
    /// The canary is no longer what it was, as when a feature flag was turned: what was counted before proves nothing of what it is now.
    /// What was found against it stays.
    Changed {
        /// When, in seconds.
        t: f64,
        /// What changed, in words that follow "after".
        what: String,
    },
    /// A new rollout begins: earlier samples belong to another one.
    Reset,
}
