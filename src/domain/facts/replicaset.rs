//! ReplicaSets: the revisions of a workload.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::facts::object::{Container, ImageRef, Meta};

/// What is kept of a ReplicaSet; of its template, the containers and a fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaSet {
    pub meta: Meta,
    /// Value of the pod-template-hash label (Argo's or Kubernetes').
    pub hash: String,
    pub desired: u32,
    pub current: u32,
    pub ready: u32,
    pub available: u32,
    /// Whether the controller has seen the latest spec.
    pub observed: bool,
    pub containers: Vec<Container>,
    #[serde(default)]
    pub init_containers: Vec<Container>,
    pub template: Option<u64>,
    /// Message of the condition `ReplicaFailure`, e.g. an exceeded quota.
    pub failure: Option<String>,
    /// When Argo will scale it down.
    pub scale_down_at: Option<Timestamp>,
    /// Name of the Experiment that it belongs to.
    #[serde(default)]
    pub experiment: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplicaSetHealth {
    Healthy,
    Progressing,
    /// It has no pods and wants none.
    ScaledDown,
    Failure,
}

impl ReplicaSet {
    /// Returns its short version: tag of its first image, or start of the digest.
    #[must_use]
    pub fn version(&self) -> String {
        let image = self.containers.first().map(|container| container.image.as_str());
        image.map_or_else(|| "?".to_owned(), |image| ImageRef::parse(image).version())
    }

    /// Returns its health, as `kubectl argo rollouts` words it (`info/replicaset_info.go`).
    #[must_use]
    pub fn health(&self) -> ReplicaSetHealth {
        if !self.observed {
            ReplicaSetHealth::Progressing
        } else if self.failure.is_some() {
            ReplicaSetHealth::Failure
        } else if self.available < self.desired {
            ReplicaSetHealth::Progressing
        } else if self.desired == 0 {
            ReplicaSetHealth::ScaledDown
        } else {
            ReplicaSetHealth::Healthy
        }
    }

    /// Returns the image of the main (first) container.
    #[must_use]
    pub fn image(&self) -> Option<&str> {
        self.containers.first().map(|container| container.image.as_str())
    }

    /// Returns the revision number; 0 where the annotation is missing.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.meta.revision.unwrap_or(0)
    }
}
