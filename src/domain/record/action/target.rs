//! The target of an action.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::facts::ids::{EnvName, WorkloadKey};

/// What an action is about. Journals hold it without a tag: each kind has a field of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Target {
    /// A workload in an environment.
    Workload(WorkloadKey),
}

impl Target {
    #[must_use]
    pub fn env(&self) -> &EnvName {
        match self {
            Self::Workload(key) => &key.env,
        }
    }

    /// Returns the workload, where it is one.
    #[must_use]
    pub fn workload(&self) -> Option<&WorkloadKey> {
        match self {
            Self::Workload(key) => Some(key),
        }
    }

    /// Returns what it is called within its environment.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Workload(key) => key.workload.to_string(),
        }
    }

    /// Returns which system carries out actions on it.
    #[must_use]
    pub fn system(&self) -> System {
        match self {
            Self::Workload(_) => System::Kubernetes,
        }
    }
}

impl From<WorkloadKey> for Target {
    fn from(key: WorkloadKey) -> Self {
        Self::Workload(key)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.name(), self.env())
    }
}

/// A system that carries out actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// The API server of the environment's cluster.
    Kubernetes,
}

impl System {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
        }
    }
}
