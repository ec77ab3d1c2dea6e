//! The result of an analysis.

use serde::{Deserialize, Serialize};

use super::burn::Burn;
use super::needs::Need;
use super::quantile::QuantileBounds;
use super::ratio_interval::Ratio;
use super::scrape::Statuses;

/// The status of the canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnalysisStatus {
    /// It is worse than stable: roll back. Stays until a new rollout.
    Regressed,
    /// It may be worse: pause. Ends when the evidence has shrunk to a tenth of what raised it.
    Suspect,
    /// Nothing is proven yet: wait for more requests.
    Undecided,
    /// It is provably good enough, and there is no evidence against it: may be promoted.
    Healthy,
    /// The last sample is missing or unusable: wait. Evidence so far is kept.
    NoData,
}

impl AnalysisStatus {
    /// Returns the name for the screen.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Regressed => "REGRESSED",
            Self::Suspect => "SUSPECT",
            Self::Undecided => "UNDECIDED",
            Self::Healthy => "HEALTHY",
            Self::NoData => "NO DATA",
        }
    }

    /// Returns the name as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Suspect => "suspect",
            Self::Undecided => "undecided",
            Self::Healthy => "healthy",
            Self::NoData => "no-data",
        }
    }
}

/// Which evidence a status rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// The plain one: within seconds; suffices to pause.
    Plain,
    /// The guarded one: a minute later; suffices to roll back.
    Guarded,
}

/// The metric that the evidence against the canary is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// It fails more often than stable.
    Errors,
    /// It answers more requests with a redirect than stable, or rejects more, without failing.
    Statuses,
    /// It is slower than stable.
    Latency,
    /// It burns the error budget.
    Budget,
}

/// Evidence: how many times a bet against "the canary is no worse" has multiplied its stake. Finite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// On all metrics, exact for independent requests.
    pub plain: f64,
    /// On all metrics, guarded against bursts and uneven pods: what a rollback rests on.
    pub guarded: f64,
    /// That the canary is good enough: the weakest over all metrics with an objective.
    pub safe: f64,
    /// On latency alone; 1 without histograms.
    pub latency: f64,
}

/// What it would take to detect a regression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Needs {
    /// Twice as many errors.
    pub x2: Option<Need>,
    /// Five times as many.
    pub x5: Option<Need>,
    /// As many as [`Rules::enough`](crate::Rules) says, over what stable fails or the objective allows, whichever is more;
    /// 0 where that is off, `None` while there is no traffic to compare.
    pub enough: Option<Need>,
}

/// Requests of one track since the rollout began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Requests.
    pub requests: u64,
    /// Those that failed.
    pub errors: u64,
}

/// One thing of each track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracks<T> {
    /// Of the canary.
    pub canary: T,
    /// Of stable.
    pub stable: T,
}

/// A bucket of latencies, with the share of each track's requests in it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heat {
    /// Upper bound in seconds; `None` for the last bucket.
    pub le: Option<f64>,
    /// Share of the canary's requests.
    pub canary: f64,
    /// Share of stable's requests.
    pub stable: f64,
}

/// The result after a sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// When, in seconds; `None` before the first sample.
    pub t: Option<f64>,
    /// The status.
    pub opinion: AnalysisStatus,
    /// The evidence that a status against the canary rests on; `None` where it does not rest on evidence.
    pub tier: Option<Tier>,
    /// The evidence so far.
    pub e: Evidence,
    /// How many times more often the canary fails; `None` before the first error.
    pub ratio: Option<Ratio>,
    /// What it would take to detect a regression.
    pub needs: Needs,
    /// The metric at fault, where the canary is regressed or suspect.
    pub culprit: Option<Metric>,
    /// Requests of both tracks since the rollout began.
    pub seen: Tracks<Seen>,
    /// The last change of the canary, where requests from before it are left out of the proof that it is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof_since: Option<String>,
    /// Redirects and rejected requests of each track since the rollout began; `None` where metrics do not tell.
    #[serde(default)]
    pub statuses: Option<Tracks<Statuses>>,
    /// How the canary burns the error budget; `None` while it gets no requests.
    pub burn: Option<Burn>,
    /// Whether stable burns its budget too: then the canary is probably not the cause.
    pub stable_burns: bool,
    /// Where the 99th percentile of latency lies; `None` without histograms.
    pub p99: Tracks<Option<QuantileBounds>>,
    /// Shares of requests by bucket; empty without histograms.
    pub heat: Vec<Heat>,
    /// The reasons, in short sentences.
    pub reasons: Vec<String>,
}
