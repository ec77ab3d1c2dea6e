//! What follows from a workload's objects: phase, revisions, step, weight, pause, figures.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::serving::Serving;
use crate::domain::facts::object::ImageRef;

/// Phase of a workload, in Argo's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    Healthy,
    Degraded,
    Progressing,
    Paused,
}

impl Phase {
    /// Reads the word; `None` for an empty or unknown one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "Healthy" => Self::Healthy,
            "Degraded" => Self::Degraded,
            "Progressing" => Self::Progressing,
            "Paused" => Self::Paused,
            _ => return None,
        })
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Degraded => "Degraded",
            Self::Progressing => "Progressing",
            Self::Paused => "Paused",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a new revision goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Strategy {
    /// Argo Rollouts: step by step.
    Canary,
    /// Argo Rollouts: a preview, then the switch.
    BlueGreen,
    /// Deployment: pods are replaced a few at a time.
    RollingUpdate,
    /// Deployment: all pods go, then new ones come.
    Recreate,
}

impl Strategy {
    /// Returns the word of the Kubernetes API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Canary => "Canary",
            Self::BlueGreen => "BlueGreen",
            Self::RollingUpdate => "RollingUpdate",
            Self::Recreate => "Recreate",
        }
    }
}

/// Why a workload is paused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PauseReason {
    /// `spec.paused`: a person, or autopilot.
    Manual,
    /// A pause step of a canary.
    CanaryStep,
    /// Blue-green: before the switch.
    BlueGreen,
    InconclusiveAnalysis,
    InconclusiveExperiment,
    /// One that a later controller knows.
    Other(String),
}

impl PauseReason {
    /// Reads the reason of a pause condition.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "CanaryPauseStep" => Self::CanaryStep,
            "BlueGreenPause" => Self::BlueGreen,
            "InconclusiveAnalysisRun" => Self::InconclusiveAnalysis,
            "InconclusiveExperiment" => Self::InconclusiveExperiment,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Returns the word of the controller; `manual` for `spec.paused`, which has none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Manual => "manual",
            Self::CanaryStep => "CanaryPauseStep",
            Self::BlueGreen => "BlueGreenPause",
            Self::InconclusiveAnalysis => "InconclusiveAnalysisRun",
            Self::InconclusiveExperiment => "InconclusiveExperiment",
            Self::Other(word) => word,
        }
    }

    /// Whether only a person's assessment ends it.
    #[must_use]
    pub fn is_inconclusive(&self) -> bool {
        matches!(self, Self::InconclusiveAnalysis | Self::InconclusiveExperiment)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub reason: PauseReason,
    pub since: Option<Timestamp>,
    /// When it ends without anybody.
    pub until: Option<Timestamp>,
    /// Whether only a person ends it.
    pub needs_person: bool,
}

impl Pause {
    /// The pause of `spec.paused`.
    #[must_use]
    pub fn manual() -> Self {
        Self { reason: PauseReason::Manual, since: None, until: None, needs_person: true }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replicas {
    pub desired: u32,
    pub current: u32,
    pub updated: u32,
    pub ready: u32,
    pub available: u32,
}

/// Weight of the canary, in parts of `max` (100 unless configured).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    /// What the steps ask for.
    pub set: u32,
    pub actual: u32,
    pub max: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Serves when nothing is in progress.
    Stable,
    /// On its way in, canary.
    Canary,
    /// Blue-green: takes the traffic.
    Active,
    /// Blue-green: is looked at.
    Preview,
}

impl Role {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Canary => "canary",
            Self::Active => "active",
            Self::Preview => "preview",
        }
    }
}

/// A revision as the screen names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    pub number: u64,
    pub hash: String,
    pub replicaset: String,
    /// Images of its containers, main one first.
    pub images: Vec<String>,
    /// Images of its init containers.
    #[serde(default)]
    pub init_images: Vec<String>,
    /// Names of its containers, and then of its init containers.
    #[serde(default)]
    pub names: Vec<String>,
    /// Digest that its ready pods run in the main container, where all agree.
    pub digest: Option<String>,
    /// The same for every container, by name; those of which it is not known are missing.
    #[serde(default)]
    pub digests: BTreeMap<String, String>,
}

impl Revision {
    /// Returns its images, those of init containers too.
    pub fn all_images(&self) -> impl Iterator<Item = &String> {
        self.images.iter().chain(&self.init_images)
    }

    /// Returns the name and image of each container, init containers too.
    pub fn containers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.iter().map(String::as_str).zip(self.all_images().map(String::as_str))
    }

    /// Returns the short version: tag, or start of the digest.
    #[must_use]
    pub fn version(&self) -> String {
        self.images.first().map_or_else(|| "?".to_owned(), |image| ImageRef::parse(image).version())
    }
}

/// Where a canary stands among its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepPosition {
    /// Current or next step, zero-based; `total` when all are done.
    pub index: usize,
    pub total: usize,
}

/// The figures that follow from a snapshot, computed once when it arrives.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    pub phase: Phase,
    pub message: String,
    /// How a new revision goes out.
    pub strategy: Strategy,
    /// Step position of a canary.
    pub step: Option<StepPosition>,
    pub weight: Option<Weight>,
    pub replicas: Replicas,
    /// The revision that serves when nothing is in progress.
    pub stable: Option<Revision>,
    /// The revision in progress, if any.
    pub canary: Option<Revision>,
    pub serving: Serving,
    /// Whether the new revision gets requests of users: a preview does not.
    pub canary_serves: bool,
    pub pause: Option<Pause>,
    /// Whether the update was aborted.
    pub aborted: bool,
    /// Share of progress in percent for the bar: weight, the switch of blue-green, else updated pods.
    pub progress: u8,
    /// Why it is not moving, in words; `None` when nothing holds it.
    pub why: Option<String>,
    /// Why none of the pods of the revision in progress will get ready by waiting alone, if so.
    pub failing: Option<String>,
    /// Which of its parts the operator may not read, with the reason.
    pub unseen: Vec<String>,
}

/// Share of progress in percent: weight while a canary is in progress, else the share of updated pods; what stable gets where
/// nothing is in progress. Blue-green switches all at once: nothing is out before the active service points at the new
/// revision, however many of its pods are up.
pub(super) fn progress(status: &Status) -> u8 {
    let share = |part: u32, whole: u32| (u64::from(part.min(whole)) * 100 / u64::from(whole.max(1))) as u8;
    match (&status.canary, status.weight) {
        (Some(_), Some(weight)) => share(weight.actual, weight.max),
        (Some(_), None) if status.strategy == Strategy::BlueGreen => u8::from(status.canary_serves) * 100,
        (Some(_), None) => share(status.replicas.updated, status.replicas.desired),
        // A controller that never looked at it made no revision.
        (None, _) => match &status.stable {
            None => 0,
            // Blue-green that switches back, or traffic that has yet to be moved.
            Some(stable) if !status.serving.shares.is_empty() => (status.serving.share_of(&stable.hash) * 100.0) as u8,
            Some(_) => 100,
        },
    }
}

#[cfg(test)]
impl Status {
    /// A canary that gets a fifth of the requests and is at a pause.
    #[must_use]
    pub fn of_canary_at_20_percent() -> Self {
        Self {
            phase: Phase::Paused,
            message: String::new(),
            strategy: Strategy::Canary,
            step: None,
            weight: Some(Weight { set: 20, actual: 20, max: 100 }),
            replicas: Replicas::default(),
            stable: Some(Revision::default()),
            canary: Some(Revision::default()),
            serving: Serving::of(super::serving::Measure::Weights, []),
            canary_serves: true,
            pause: None,
            aborted: false,
            progress: 20,
            why: None,
            failing: None,
            unseen: Vec::new(),
        }
    }
}
