//! Which way a change goes: to something new, or back to what served before.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::facts::replicaset::ReplicaSet;

/// Which way a change goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Users get what they never had, or what was taken from them.
    #[default]
    Forward,
    /// Users get back what they had before: nothing may block it (law 3).
    Backward,
}

impl Direction {
    /// Returns the direction of a change from one ReplicaSet to another: backward to one that was made earlier. A
    /// controller that goes back finds the old ReplicaSet again; what is new gets a new one.
    #[must_use]
    pub fn between(from: &ReplicaSet, to: &ReplicaSet) -> Self {
        match (from.meta.created, to.meta.created) {
            (Some(from), Some(to)) if to < from => Self::Backward,
            _ => Self::Forward,
        }
    }

    #[must_use]
    pub fn is_backward(self) -> bool {
        self == Self::Backward
    }

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
