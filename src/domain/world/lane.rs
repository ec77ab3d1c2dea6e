//! The lane that somebody opened for a workload, as far as this machine follows it.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::Environment;
use crate::domain::facts::ids::EnvName;
use crate::domain::record::lane::{Lane, LaneRule};

/// What becomes here of a lane that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaneState {
    Open(Arc<OpenedLane>),
    /// It is not followed here: every gate is asked.
    NotUsed {
        lane: Box<Lane>,
        why: String,
    },
    /// Each allows something else, so none is followed.
    Several(Vec<Lane>),
}

/// A lane that is open and followed here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedLane {
    /// How it was opened first.
    pub lane: Lane,
    /// Its rule, with the environments as they are called here.
    pub rule: LaneRule,
    /// When it ends, extensions included.
    pub until: Timestamp,
    /// Who opened or extended it.
    pub by: BTreeSet<String>,
    /// The environment that the artifact comes from.
    pub before: EnvName,
    /// The environments between, in promotion order.
    pub skips: Vec<EnvName>,
}

impl LaneState {
    /// Returns the lane, where it is followed.
    #[must_use]
    pub fn open(&self) -> Option<&Arc<OpenedLane>> {
        match self {
            Self::Open(opened) => Some(opened),
            Self::NotUsed { .. } | Self::Several(_) => None,
        }
    }
}

impl Environment {
    /// Whether a lane that is open leads here from an environment, or past it.
    #[must_use]
    pub fn has_lane_from(&self, other: &EnvName) -> bool {
        let mut opened = self.workloads.iter().filter_map(|workload| workload.lane.as_ref()?.open());
        opened.any(|opened| opened.before == *other || opened.skips.contains(other))
    }
}
