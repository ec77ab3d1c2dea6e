//! What was observed during a drill.

use jiff::Timestamp;
use serde::Serialize;

use super::draw::Failure;
use crate::domain::record::action::Verb;
use analysis::{AnalysisStatus, Seen};

/// What users got in a short time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    pub at: Timestamp,
    pub seconds: f64,
    /// What the pods of the new revision answered.
    pub canary: Seen,
    /// Requests to the new revision that no pod answered: they failed, and no pod counted them.
    pub lost: u64,
    /// Whether the new revision does what the drill is about.
    pub failing: bool,
}

impl Moment {
    /// Returns the requests that went to the new revision.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.canary.requests + self.lost
    }

    /// Returns those of them that failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.canary.errors + self.lost
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// The new revision was taken away, and stable served again.
    Stopped,
    /// The new revision became stable.
    Promoted,
    /// The screen was left before.
    Left,
}

/// A drill that was flown.
#[derive(Clone, Debug, PartialEq)]
pub struct DrillRecord {
    pub failure: Failure,
    /// What it was drawn from.
    pub seed: u64,
    /// What users got, oldest first.
    pub moments: Vec<Moment>,
    /// Each new analysis status with its time.
    pub opinions: Vec<(Timestamp, AnalysisStatus)>,
    /// What the operator did, oldest first.
    pub actions: Vec<(Timestamp, Verb)>,
    pub ended: Ended,
}

impl DrillRecord {
    /// Returns when the new revision got its first requests.
    #[must_use]
    pub fn first_request(&self) -> Option<Timestamp> {
        self.moments.iter().find(|moment| moment.asked() > 0).map(|moment| moment.at)
    }

    /// Returns when it began to fail; `None` where it never did. Known to one moment's length.
    #[must_use]
    pub fn onset(&self) -> Option<Timestamp> {
        let failing = self.moments.iter().find(|moment| moment.failing)?;
        // What fails when no one is sent to it any more fails for no one.
        let last = self.moments.iter().rfind(|moment| moment.asked() > 0)?;
        (self.failure != Failure::Healthy && failing.at <= last.at).then_some(failing.at)
    }

    /// Returns when no request went to it any more after it had begun to fail.
    #[must_use]
    pub fn safe(&self) -> Option<Timestamp> {
        let onset = self.onset()?;
        let last = self.moments.iter().rposition(|moment| moment.asked() > 0)?;
        self.moments.get(last + 1).map(|moment| moment.at).filter(|at| *at > onset)
    }
}
