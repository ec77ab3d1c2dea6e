//! Names of the things that everything else is about.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use crate::domain::facts::workload::kind::WorkloadKind;

/// Name of an environment, e.g. `prod-eu`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EnvName(pub String);

impl EnvName {
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A workload in some environment: kind and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadId {
    pub kind: WorkloadKind,
    pub name: String,
}

impl WorkloadId {
    /// Makes an identity from kind and name.
    pub fn new(kind: WorkloadKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.as_str(), self.name)
    }
}

/// Why a text is not a workload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkloadIdError {
    /// There is no `/`.
    #[error("`{0}` is not KIND/NAME: write for example `rollout/payments-api`")]
    Shape(String),
    /// The kind is none that is known.
    #[error("unknown workload kind `{0}`: it is `rollout` or `deployment`")]
    Kind(String),
}

impl FromStr for WorkloadId {
    type Err = WorkloadIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((kind, name)) = text.split_once('/') else {
            return Err(WorkloadIdError::Shape(text.to_owned()));
        };
        if name.is_empty() || name.contains('/') {
            return Err(WorkloadIdError::Shape(text.to_owned()));
        }
        let kind = WorkloadKind::parse(kind).ok_or_else(|| WorkloadIdError::Kind(kind.to_owned()))?;
        Ok(Self::new(kind, name))
    }
}

impl Serialize for WorkloadId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WorkloadId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A workload in an environment: what an action is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkloadKey {
    pub env: EnvName,
    pub workload: WorkloadId,
}

impl fmt::Display for WorkloadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.workload, self.env)
    }
}

/// Which ReplicaSet's pods a number is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Track {
    /// The revision that serves when nothing is in progress.
    Stable,
    /// The revision in progress (canary, preview, new ReplicaSet).
    Canary,
}

impl Track {
    /// Returns the word for the screen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Canary => "canary",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workload_parses_the_spellings_of_kubectl() {
        for text in ["rollout/api", "ro/api", "rollouts.argoproj.io/api"] {
            assert_eq!(text.parse(), Ok(WorkloadId::new(WorkloadKind::Rollout, "api")));
        }
        assert_eq!("deploy/api".parse(), Ok(WorkloadId::new(WorkloadKind::Deployment, "api")));
    }

    #[test]
    fn invalid_workload_error_shows_the_format() {
        for text in ["api", "rollout/", "rollout/a/b"] {
            assert!(matches!(text.parse::<WorkloadId>(), Err(WorkloadIdError::Shape(_))), "{text}");
        }
        assert_eq!("job/api".parse::<WorkloadId>(), Err(WorkloadIdError::Kind("job".into())));
    }
}
