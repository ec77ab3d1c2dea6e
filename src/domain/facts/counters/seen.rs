//! The samples of one query round.

use std::collections::BTreeMap;

use super::histogram::Histogram;
use crate::domain::facts::ids::Track;

/// No counter reads more: beyond it floats leave whole numbers out (2^53), and nothing is counted by them.
pub const MAX_COUNTER: f64 = 9_007_199_254_740_992.0;

/// All answers about a workload, asked for one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The moment: no sample is younger.
    pub at: i64,
    /// The series of both tracks.
    pub series: Vec<SeriesSeen>,
    /// The canary's pods that are ready or start, where Kubernetes told.
    pub pods: Option<Vec<KnownPod>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SeriesSeen {
    pub track: Track,
    pub role: Role,
    pub labels: BTreeMap<String, String>,
    pub samples: Samples,
}

/// Samples with their times, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// Numbers; may be NaN or infinite.
    Numbers(Vec<(i64, f64)>),
    Histograms(Vec<(i64, Histogram)>),
}

/// How a request that did not fail was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerClass {
    /// With what was asked for.
    Served,
    /// 3xx.
    Redirect,
    /// 4xx, or what gRPC has for it.
    Rejected,
    /// Nothing tells.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// Requests that did not fail.
    Answered(AnswerClass),
    Failed,
    /// Failed requests that another series counts among all requests.
    FailedAgain,
    /// Requests of which nothing tells whether they failed.
    Unknown,
    /// Requests that took at most so many seconds.
    Bucket(f64),
    /// Latencies in a native histogram, with the number of its units in a second.
    Native(u32),
    /// Whether the target answered the scrape: Prometheus' `up`.
    Up,
}

/// A pod that is, or will be, expected to be scraped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPod {
    pub name: String,
    pub created: Option<i64>,
    pub readiness: PodReadiness,
}

/// Whether a pod gets requests of users: before it was ready, what it answers is probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodReadiness {
    /// It was never ready.
    Starting,
    /// It became ready for the first time then, in milliseconds.
    Since(i64),
    /// It is ready; since when is not known, for a container was restarted.
    Ready,
}

impl Role {
    /// Returns whether it counts requests, so that its samples prove traffic to be measured.
    #[must_use]
    pub fn counts_requests(self) -> bool {
        matches!(self, Self::Answered(_) | Self::Failed)
    }
}

impl Samples {
    pub fn times(&self) -> impl Iterator<Item = i64> + '_ {
        let (numbers, histograms) = match self {
            Self::Numbers(numbers) => (numbers.as_slice(), [].as_slice()),
            Self::Histograms(histograms) => ([].as_slice(), histograms.as_slice()),
        };
        numbers.iter().map(|(at, _)| *at).chain(histograms.iter().map(|(at, _)| *at))
    }
}
