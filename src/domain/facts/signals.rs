//! Live signals of a workload per track: request rate, error ratio, latency, saturation.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::facts::freshness::MAX_CLOCK_SKEW;
use crate::domain::facts::ids::Track;
use crate::domain::facts::series::Series;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Requests per second.
    Rps,
    /// Failed requests / all requests, 0 to 1.
    ErrorRatio,
    /// Median latency, seconds.
    P50,
    /// 95th percentile of latency, seconds.
    P95,
    /// 99th percentile of latency, seconds.
    P99,
    /// CPU cores per pod, or what is configured.
    Saturation,
}

impl Signal {
    /// All signals, in the order of the screen.
    pub const ALL: [Self; 6] = [Self::ErrorRatio, Self::P99, Self::P95, Self::P50, Self::Rps, Self::Saturation];

    /// Returns the label for the screen.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Rps => "traffic",
            Self::ErrorRatio => "errors",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Saturation => "cpu",
        }
    }

    /// Returns the name in config and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rps => "rps",
            Self::ErrorRatio => "error_ratio",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Saturation => "saturation",
        }
    }

    /// Returns the value as the screen shows it, with its unit.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Rps => super::text::rate(value),
            Self::ErrorRatio => super::text::percent(value),
            Self::P50 | Self::P95 | Self::P99 => super::text::latency(value),
            Self::Saturation => format!("{value:.2}"),
        }
    }
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", content = "detail", rename_all = "snake_case")]
pub enum NoData {
    NotYet,
    /// No metrics are configured for the environment.
    NotConfigured,
    /// The query gave an empty result.
    Empty,
    /// The query gave NaN or infinity: nothing was counted.
    NotANumber,
    /// There is no traffic, so there is no ratio.
    NoTraffic,
    /// The newest sample is too old.
    Stale,
    /// The server answered from part of its data only; its warning.
    Partial(String),
    /// The server could not be asked, or answered nonsense; what and why.
    Failed(String),
    /// There is no such track now.
    NoTrack,
}

impl NoData {
    /// Returns the reason in words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::NotYet => "not queried yet".to_owned(),
            Self::NotConfigured => "no metrics configured".to_owned(),
            Self::Empty => "no series matched".to_owned(),
            Self::NotANumber => "not a number: nothing counted".to_owned(),
            Self::NoTraffic => "no traffic".to_owned(),
            Self::Stale => "samples are too old".to_owned(),
            Self::Partial(warning) => format!("partial data: {warning}"),
            Self::Failed(why) => why.clone(),
            Self::NoTrack => "no such pods now".to_owned(),
        }
    }
}

/// A value or the reason why there is none.
pub type Reading = Result<f64, NoData>;

/// One look at all signals of one workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The time that was asked for.
    pub at: Timestamp,
    /// Readings by track and signal.
    #[serde(with = "super::serde_pairs")]
    pub readings: BTreeMap<(Track, Signal), Reading>,
}

/// Identity of the pods that a track's numbers are about: the names of the ReplicaSets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tracks {
    /// ReplicaSet of the stable revision.
    pub stable: Option<String>,
    /// ReplicaSet of the revision in progress.
    pub canary: Option<String>,
}

/// Signals of one workload over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Signals {
    pub tracks: Tracks,
    #[serde(with = "super::serde_pairs")]
    pub now: BTreeMap<(Track, Signal), Reading>,
    /// When the latest look was made.
    pub at: Option<Timestamp>,
    /// The history by track and signal.
    #[serde(with = "super::serde_pairs")]
    pub history: BTreeMap<(Track, Signal), Series>,
    /// How often the source looks.
    pub interval: Option<SignedDuration>,
    /// Why the server does not answer; it stands in for readings that never came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl Signals {
    /// Takes in one look: the newest readings replace the last, gaps are kept as gaps. Where the clock was set back, what
    /// is dated later goes: it would keep out all that is new.
    pub fn take(&mut self, sample: &Sample) {
        if self.at.is_some_and(|last| last.duration_since(sample.at) > MAX_CLOCK_SKEW) {
            self.history.values_mut().for_each(|series| series.forget_from(sample.at));
        }
        for (key, reading) in &sample.readings {
            self.history.entry(*key).or_default().push(sample.at, reading.as_ref().ok().copied());
        }
        self.now.clone_from(&sample.readings);
        self.at = Some(sample.at);
    }

    /// Returns a reading as of `now`: too old a look is [`NoData::Stale`].
    ///
    /// # Errors
    /// The reason why there is no value.
    pub fn reading(&self, track: Track, signal: Signal, now: Timestamp) -> Reading {
        if self.is_stale(now) {
            return Err(NoData::Stale);
        }
        let missing = || Err(self.trouble.clone().map_or(NoData::NotYet, NoData::Failed));
        self.now.get(&(track, signal)).cloned().unwrap_or_else(missing)
    }

    /// Returns whether the latest look is older than three intervals, or as far ahead: then the clock was set back.
    #[must_use]
    pub fn is_stale(&self, now: Timestamp) -> bool {
        let (Some(at), Some(interval)) = (self.at, self.interval) else { return false };
        now.duration_since(at).abs() > interval * 3
    }

    /// Returns the history of a signal.
    #[must_use]
    pub fn series(&self, track: Track, signal: Signal) -> Option<&Series> {
        self.history.get(&(track, signal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_set_back_keeps_new_samples_but_not_fresh() {
        let key = (Track::Canary, Signal::Rps);
        let look = |second, value| Sample {
            at: Timestamp::from_second(second).unwrap(),
            readings: BTreeMap::from([(key, Ok(value))]),
        };
        let mut signals = Signals { interval: Some(SignedDuration::from_secs(10)), ..Signals::default() };
        signals.take(&look(10, 1.0));
        signals.take(&look(3600, 2.0));
        let now = Timestamp::from_second(20).unwrap();
        assert_eq!(signals.reading(key.0, key.1, now), Err(NoData::Stale), "heard in a time to come");
        signals.take(&look(20, 3.0));
        assert_eq!(signals.reading(key.0, key.1, now), Ok(3.0));
        let kept: Vec<_> = signals.history[&key].points().map(|point| point.value).collect();
        assert_eq!(kept, [Some(1.0), Some(3.0)]);
    }
}
