//! The target of an action.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::facts::flag::FlagKey;
use crate::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey};
use crate::domain::facts::manifest::Place;
use crate::domain::facts::owner::Owner;

/// What an action is about. Journals hold it without a tag: each kind has a field of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Target {
    /// A workload in an environment.
    Workload(WorkloadKey),
    /// What owns the manifest of a workload.
    Owner(OwnerKey),
    /// The file of a config repository that names the images of a workload.
    Git(GitKey),
    /// A feature flag of a provider.
    Flag(FlagKey),
    /// A pipeline of the user's own that promotes a workload.
    Pipeline(PipelineKey),
    /// A tag of the repositories that a workload's images are in.
    Tag(TagKey),
}

/// The owner of a workload's manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OwnerKey {
    pub env: EnvName,
    pub owner: Owner,
    /// The workload that it is asked about; it may own more.
    pub manages: WorkloadId,
    /// What the template of that lies in: the workload itself, or the Deployment that it refers to.
    pub template: WorkloadId,
}

impl OwnerKey {
    /// Returns the workload that it is asked about.
    #[must_use]
    pub fn workload_key(&self) -> WorkloadKey {
        WorkloadKey { env: self.env.clone(), workload: self.manages.clone() }
    }
}

/// The file of a config repository that names the images of a workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GitKey {
    pub env: EnvName,
    /// The address of the repository.
    pub repository: String,
    pub branch: String,
    /// The file, from the root of the repository.
    pub file: String,
    /// The workload whose images it names.
    pub names: WorkloadId,
    /// Where it names those that matter.
    pub places: Vec<Place>,
}

impl GitKey {
    /// Returns the workload whose images it names.
    #[must_use]
    pub fn workload_key(&self) -> WorkloadKey {
        WorkloadKey { env: self.env.clone(), workload: self.names.clone() }
    }
}

impl fmt::Display for GitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} of {}", self.file, self.branch, self.repository)
    }
}

/// A pipeline of the user's own that promotes a workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PipelineKey {
    pub env: EnvName,
    /// What it is called.
    pub pipeline: String,
    /// The workload that it is to bring a release to.
    pub promotes: WorkloadId,
}

impl PipelineKey {
    /// Returns the workload that it promotes.
    #[must_use]
    pub fn workload_key(&self) -> WorkloadKey {
        WorkloadKey { env: self.env.clone(), workload: self.promotes.clone() }
    }
}

/// A tag of the repositories that a workload's images are in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TagKey {
    pub env: EnvName,
    pub tag: String,
    /// The workload whose images it names.
    pub follows: WorkloadId,
}

impl TagKey {
    /// Returns the workload whose images it names.
    #[must_use]
    pub fn workload_key(&self) -> WorkloadKey {
        WorkloadKey { env: self.env.clone(), workload: self.follows.clone() }
    }
}

impl Target {
    #[must_use]
    pub fn env(&self) -> &EnvName {
        match self {
            Self::Workload(key) => &key.env,
            Self::Owner(key) => &key.env,
            Self::Git(key) => &key.env,
            Self::Flag(key) => &key.env,
            Self::Pipeline(key) => &key.env,
            Self::Tag(key) => &key.env,
        }
    }

    /// Returns the workload, where it is one.
    #[must_use]
    pub fn workload(&self) -> Option<&WorkloadKey> {
        match self {
            Self::Workload(key) => Some(key),
            Self::Owner(_) | Self::Git(_) | Self::Flag(_) | Self::Pipeline(_) | Self::Tag(_) => None,
        }
    }

    /// Returns the workload that changes with it: itself, the one whose images a file names, or the one that a pipeline promotes.
    #[must_use]
    pub fn changes(&self) -> Option<WorkloadKey> {
        match self {
            Self::Workload(key) => Some(key.clone()),
            Self::Owner(_) | Self::Flag(_) | Self::Tag(_) => None,
            Self::Git(key) => Some(key.workload_key()),
            Self::Pipeline(key) => Some(key.workload_key()),
        }
    }

    /// Returns what it is called within its environment.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Workload(key) => key.workload.to_string(),
            Self::Owner(key) => key.owner.to_string(),
            Self::Git(key) => key.to_string(),
            Self::Flag(key) => format!("flag {} of {}", key.flag, key.provider),
            Self::Pipeline(key) => format!("pipeline {} for {}", key.pipeline, key.promotes),
            Self::Tag(key) => format!("tag {} of {}", key.tag, key.follows),
        }
    }

    /// Returns which system carries out actions on it.
    #[must_use]
    pub fn system(&self) -> System {
        match self {
            Self::Workload(_) => System::Kubernetes,
            Self::Owner(_) => System::Owner,
            Self::Git(_) => System::Git,
            Self::Flag(_) => System::Flags,
            Self::Pipeline(_) => System::Pipeline,
            Self::Tag(_) => System::Registry,
        }
    }
}

impl From<WorkloadKey> for Target {
    fn from(key: WorkloadKey) -> Self {
        Self::Workload(key)
    }
}

impl From<FlagKey> for Target {
    fn from(key: FlagKey) -> Self {
        Self::Flag(key)
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
    /// Argo CD or Flux, by the API server of the cluster that it runs in.
    Owner,
    /// The config repository, by the `git` program.
    Git,
    /// The providers of feature flags.
    Flags,
    /// The user's own pipeline.
    Pipeline,
    /// The registries that images are pulled from.
    Registry,
}

impl System {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Owner => "owner",
            Self::Git => "git",
            Self::Flags => "flags",
            Self::Pipeline => "pipeline",
            Self::Registry => "registry",
        }
    }
}
