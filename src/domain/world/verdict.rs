//! The verdict: one word for an environment, with its reasons.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::facts::flag::of_release::ReleaseFlags;
use crate::domain::facts::ids::Track;
use crate::domain::facts::signals::{Signal, Signals, Tracks};
use analysis::{AnalysisStatus, Report};

/// What to think of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Within its limits on fresh data.
    Go,
    /// Not yet: something waits or is worse than it should be.
    #[serde(alias = "hold")]
    Wait,
    /// Not enough data to say. Never green.
    Blind,
    NoGo,
}

impl Verdict {
    /// Returns the word in JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Go => "go",
            Self::Wait => "wait",
            Self::Blind => "blind",
            Self::NoGo => "no-go",
        }
    }

    /// Returns the word for the screen.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Go => "GO",
            Self::Wait => "WAIT",
            Self::Blind => "BLIND",
            Self::NoGo => "NO-GO",
        }
    }
}

/// Limits on the signals of one environment. A limit that is set is a gate: promotion stops at it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Greatest error ratio, 0 to 1.
    pub error_ratio: Option<f64>,
    /// Greatest 99th percentile of latency.
    pub p99: Option<SignedDuration>,
    /// The canary's error ratio may be at most this many times that of stable …
    pub error_factor: Option<f64>,
    /// … as long as it exceeds it by more than this (absolute ratio), so that 0 against 1 error is no alarm.
    pub error_slack: f64,
    /// The canary's p99 may be at most this many times that of stable.
    pub p99_factor: Option<f64>,
    /// Requests per second that a track needs before its ratios count.
    pub min_rps: f64,
    /// Failed requests within the window of the rates below which no limit on errors counts as exceeded; as many have to be
    /// slower than the p99 for one on that.
    pub min_failed: f64,
    /// What rates are taken over, in seconds.
    pub window_seconds: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            error_ratio: Some(0.01),
            p99: Some(SignedDuration::from_secs(1)),
            error_factor: Some(3.0),
            error_slack: 0.002,
            p99_factor: Some(1.5),
            min_rps: 0.1,
            min_failed: 5.0,
            window_seconds: 60.0,
        }
    }
}

impl Limits {
    /// Returns how many requests of a track failed within the window of the rates, where so few say too little.
    #[must_use]
    pub fn too_few_failed(&self, signals: &Signals, track: Track, now: Timestamp) -> Option<f64> {
        let reading = |signal| signals.reading(track, signal, now).ok();
        let failed = reading(Signal::ErrorRatio)? * reading(Signal::Rps)? * self.window_seconds;
        (failed.round() < self.min_failed).then_some(failed.round())
    }

    /// Returns how many requests of a track there were within the window of the rates, and how many it takes for a p99, where
    /// there were fewer: it is the figure of the one slowest request then.
    #[must_use]
    pub fn too_few_for_p99(&self, signals: &Signals, track: Track, now: Timestamp) -> Option<(f64, f64)> {
        let requests = (signals.reading(track, Signal::Rps, now).ok()? * self.window_seconds).round();
        let needed = self.min_failed * 100.0;
        (requests < needed).then_some((requests, needed))
    }

    /// Returns whether a reading is beyond a limit: the absolute one, or for the canary that against stable.
    #[must_use]
    pub fn exceeded(&self, signals: &Signals, track: Track, signal: Signal, now: Timestamp) -> bool {
        let reading = |track| signals.reading(track, signal, now).ok();
        let Some(value) = reading(track) else { return false };
        if signal == Signal::ErrorRatio && self.too_few_failed(signals, track, now).is_some() {
            return false;
        }
        if signal == Signal::P99 && self.too_few_for_p99(signals, track, now).is_some() {
            return false;
        }
        let (limit, factor, slack) = match signal {
            Signal::ErrorRatio => (self.error_ratio, self.error_factor, self.error_slack),
            Signal::P99 => (self.p99.map(|limit| limit.as_secs_f64()), self.p99_factor, 0.0),
            _ => return false,
        };
        let stable = reading(Track::Stable).filter(|_| track == Track::Canary);
        let beyond_stable = factor.zip(stable).is_some_and(|(f, stable)| value > stable * f && value - stable > slack);
        limit.is_some_and(|limit| value > limit) || beyond_stable
    }
}

/// A verdict with the reasons for it, the weightiest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    pub verdict: Verdict,
    /// Why, in words and figures, and what each reason alone would come to.
    pub reasons: Vec<Reason>,
}

/// A reason of a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub verdict: Verdict,
    /// Itself, in words and figures.
    pub text: String,
}

impl Assessment {
    /// Makes one whose reasons all come to the verdict.
    pub fn new(verdict: Verdict, reasons: impl IntoIterator<Item = String>) -> Self {
        Self { verdict, reasons: reasons.into_iter().map(|text| Reason { verdict, text }).collect() }
    }

    /// Returns the reasons in words.
    pub fn describe(&self) -> impl Iterator<Item = &str> {
        self.reasons.iter().map(|reason| reason.text.as_str())
    }
}

/// The analysis result of a canary.
#[derive(Clone, Debug, PartialEq)]
pub struct CanaryReport {
    pub tracks: Tracks,
    pub report: Arc<Report>,
    pub at: Timestamp,
    /// How the flags of the release are, as far as the analysis was told; `None` in a recording of before.
    pub flags: Option<Arc<ReleaseFlags>>,
}

impl CanaryReport {
    /// For how long the analysis result holds at least: it looks every 15 s, or as often as the signals are looked at.
    pub(in crate::domain) const MIN_ANALYSIS_VALIDITY: SignedDuration = SignedDuration::from_mins(2);

    /// Returns whether the last result is too old, or dated in the future: then the clock was set back.
    #[must_use]
    pub fn is_stale(&self, signals: &Signals, now: Timestamp) -> bool {
        let three = signals.interval.map_or(SignedDuration::ZERO, |interval| interval * 3);
        now.duration_since(self.at).abs() > three.max(Self::MIN_ANALYSIS_VALIDITY)
    }

    /// Returns whether it proved the canary to be worse than stable.
    #[must_use]
    pub fn is_regressed(&self) -> bool {
        self.report.opinion == AnalysisStatus::Regressed
    }

    /// Returns whether it holds the canary for what it has seen so far.
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        self.report.opinion == AnalysisStatus::Suspect
    }
}
