//! A workload as a whole: the object, its ReplicaSets, pods and analysis runs, and what follows from them.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::analysis_run::AnalysisRun;
use super::deployment::Deployment;
use super::ids::{WorkloadId, WorkloadKind};
use super::object::{ImageRef, Meta};
use super::pod::Pod;
use super::replicaset::ReplicaSet;
use super::rollout::{Pause, Rollout, RolloutStrategy};
use super::step::Step;

/// Phase of a workload, in Argo's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Out and well.
    Healthy,
    /// Failed or aborted.
    Degraded,
    /// On its way.
    Progressing,
    /// Waits.
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

    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
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
        f.write_str(self.word())
    }
}

/// Replica figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replicas {
    /// Wanted.
    pub desired: u32,
    /// That exist.
    pub current: u32,
    /// Of the newest revision.
    pub updated: u32,
    /// Ready.
    pub ready: u32,
    /// Available.
    pub available: u32,
}

/// Weight of the canary, in parts of `max` (100 unless configured).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    /// What the steps ask for.
    pub set: u32,
    /// What really flows.
    pub actual: u32,
    /// The whole.
    pub max: u32,
}

/// The Kubernetes object of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Object {
    /// Argo Rollout.
    Rollout(Box<Rollout>),
    /// Deployment.
    Deployment(Box<Deployment>),
}

impl Object {
    /// Returns the identity.
    #[must_use]
    pub fn id(&self) -> WorkloadId {
        match self {
            Self::Rollout(_) => WorkloadId::new(WorkloadKind::Rollout, self.meta().name.clone()),
            Self::Deployment(_) => WorkloadId::new(WorkloadKind::Deployment, self.meta().name.clone()),
        }
    }

    /// Returns the metadata.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        match self {
            Self::Rollout(rollout) => &rollout.meta,
            Self::Deployment(deployment) => &deployment.meta,
        }
    }

    /// Returns the label selector of its pods.
    #[must_use]
    pub fn selector(&self) -> &str {
        match self {
            Self::Rollout(rollout) => &rollout.spec.selector,
            Self::Deployment(deployment) => &deployment.selector,
        }
    }

    /// Returns phase and message.
    #[must_use]
    pub fn phase(&self) -> (Phase, String) {
        match self {
            Self::Rollout(rollout) => rollout.phase(),
            Self::Deployment(deployment) => deployment.phase(),
        }
    }
}

/// Everything known of one workload at one moment, as a source reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The object.
    pub object: Object,
    /// The Deployment that a Rollout's `workloadRef` names: its metadata (for the precondition of a rollback).
    pub template_owner: Option<Meta>,
    /// ReplicaSets owned by it, newest revision first.
    pub replicasets: Vec<ReplicaSet>,
    /// Pods of these ReplicaSets, by name.
    pub pods: Vec<Pod>,
    /// AnalysisRuns owned by it, newest first.
    pub runs: Vec<AnalysisRun>,
}

/// Role of a ReplicaSet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Serves when nothing is under way.
    Stable,
    /// On its way in, canary.
    Canary,
    /// Blue-green: takes the traffic.
    Active,
    /// Blue-green: is looked at.
    Preview,
}

impl Role {
    /// Returns the word.
    #[must_use]
    pub fn word(self) -> &'static str {
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
    /// Revision number.
    pub number: u64,
    /// Template hash.
    pub hash: String,
    /// Name of its ReplicaSet.
    pub replicaset: String,
    /// Images of its containers, main one first.
    pub images: Vec<String>,
    /// Digest that its ready pods run, where all agree.
    pub digest: Option<String>,
}

impl Revision {
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
    /// Number of steps.
    pub total: usize,
}

/// The figures that follow from a snapshot, computed once when it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Phase.
    pub phase: Phase,
    /// Message of the phase.
    pub message: String,
    /// `Canary`, `BlueGreen`, `RollingUpdate` or `Recreate`.
    pub strategy: &'static str,
    /// Step position of a canary.
    pub step: Option<StepPosition>,
    /// Weights of a canary.
    pub weight: Option<Weight>,
    /// Replica figures.
    pub replicas: Replicas,
    /// The revision that serves when nothing is under way.
    pub stable: Option<Revision>,
    /// The revision under way, if any.
    pub canary: Option<Revision>,
    /// Whether the revision under way gets requests of users: a preview does not, nor does an aborted canary.
    pub canary_serves: bool,
    /// The pause in force.
    pub pause: Option<Pause>,
    /// Whether the update was aborted.
    pub aborted: bool,
    /// Share of progress in percent for the bar: weight, the switch of blue-green, else updated pods.
    pub progress: u8,
    /// Why it is not moving, in words; `None` when nothing holds it.
    pub why: Option<String>,
}

impl Snapshot {
    /// Returns the identity.
    #[must_use]
    pub fn id(&self) -> WorkloadId {
        self.object.id()
    }

    /// Returns the roles of a ReplicaSet.
    #[must_use]
    pub fn roles(&self, hash: &str) -> Vec<Role> {
        let mut roles = Vec::new();
        match &self.object {
            Object::Rollout(rollout) => {
                let status = &rollout.status;
                if rollout.is_canary() {
                    if hash == status.stable_hash {
                        roles.push(Role::Stable);
                    } else if hash == status.current_hash {
                        roles.push(Role::Canary);
                    }
                } else {
                    if hash == status.stable_hash {
                        roles.push(Role::Stable);
                    }
                    if hash == status.active_hash {
                        roles.push(Role::Active);
                    } else if hash == status.preview_hash {
                        roles.push(Role::Preview);
                    }
                }
            }
            Object::Deployment(deployment) => {
                let current = deployment.current(&self.replicasets).map(|rs| rs.hash.as_str());
                if deployment.under_way(&self.replicasets) {
                    let previous = deployment.previous(&self.replicasets, &BTreeSet::new()).map(|rs| rs.hash.as_str());
                    if Some(hash) == current {
                        roles.push(Role::Canary);
                    } else if Some(hash) == previous {
                        roles.push(Role::Stable);
                    }
                } else if Some(hash) == current {
                    roles.push(Role::Stable);
                }
            }
        }
        roles
    }

    /// Returns the ReplicaSet with this template hash.
    #[must_use]
    pub fn replicaset(&self, hash: &str) -> Option<&ReplicaSet> {
        self.replicasets.iter().find(|rs| rs.hash == hash)
    }

    /// Returns the pods of a ReplicaSet.
    pub fn pods_of<'a>(&'a self, hash: &'a str) -> impl Iterator<Item = &'a Pod> {
        self.pods.iter().filter(move |pod| pod.hash == hash)
    }

    /// Returns a ReplicaSet as a revision.
    #[must_use]
    pub fn revision(&self, rs: &ReplicaSet) -> Revision {
        let mut digests = self.pods_of(&rs.hash).filter(|pod| pod.is_ready()).map(|pod| pod.digests.first());
        let digest = digests.next().flatten().cloned();
        let agreed = digest.filter(|first| digests.all(|other| other == Some(first)));
        Revision {
            number: rs.revision(),
            hash: rs.hash.clone(),
            replicaset: rs.meta.name.clone(),
            images: rs.containers.iter().map(|container| container.image.clone()).collect(),
            digest: agreed,
        }
    }

    /// Returns the hash of the stable revision and of the one under way.
    #[must_use]
    pub fn hashes(&self) -> (Option<String>, Option<String>) {
        match &self.object {
            Object::Rollout(rollout) => {
                let status = &rollout.status;
                let named = |hash: &str| (!hash.is_empty()).then(|| hash.to_owned());
                (named(&status.stable_hash), rollout.under_way().then(|| status.current_hash.clone()))
            }
            Object::Deployment(deployment) => {
                let current = deployment.current(&self.replicasets).map(|rs| rs.hash.clone());
                if deployment.under_way(&self.replicasets) {
                    let previous = deployment.previous(&self.replicasets, &BTreeSet::new()).map(|rs| rs.hash.clone());
                    (previous, current)
                } else {
                    (current, None)
                }
            }
        }
    }

    /// Computes the figures.
    #[must_use]
    pub fn status(&self) -> Status {
        let (phase, message) = self.object.phase();
        let (stable_hash, canary_hash) = self.hashes();
        let revision = |hash: Option<String>| hash.and_then(|hash| self.replicaset(&hash).map(|rs| self.revision(rs)));
        let (stable, canary) = (revision(stable_hash), revision(canary_hash));
        let mut status = Status {
            phase,
            message,
            strategy: "Canary",
            step: None,
            weight: None,
            replicas: Replicas::default(),
            stable,
            canary,
            canary_serves: false,
            pause: None,
            aborted: false,
            progress: 100,
            why: None,
        };
        match &self.object {
            Object::Rollout(rollout) => {
                status.strategy = match rollout.spec.strategy {
                    RolloutStrategy::Canary { .. } => "Canary",
                    RolloutStrategy::BlueGreen { .. } => "BlueGreen",
                };
                status.step = rollout.step_position().map(|(index, total)| StepPosition { index, total });
                status.weight = rollout.weight(&self.replicasets);
                status.replicas = rollout.replicas();
                status.pause = rollout.pause();
                status.aborted = rollout.aborted();
                status.canary_serves = rollout.under_way()
                    && !status.aborted
                    && match status.weight {
                        Some(weight) => weight.actual > 0 || weight.set > 0,
                        None => rollout.status.active_hash == rollout.status.current_hash,
                    };
            }
            Object::Deployment(deployment) => {
                status.strategy = if deployment.recreate { "Recreate" } else { "RollingUpdate" };
                status.replicas = deployment.replicas_view();
                status.canary_serves = status.canary.is_some() && status.replicas.updated > 0;
                status.pause = deployment.paused.then(|| Pause {
                    reason: "manual".to_owned(),
                    since: None,
                    until: None,
                    needs_person: true,
                });
            }
        }
        status.progress = progress(&status);
        status.why = super::why::why(self, &status);
        status
    }

    /// Returns the steps of a canary.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        match &self.object {
            Object::Rollout(rollout) => rollout.steps(),
            Object::Deployment(_) => &[],
        }
    }

    /// Returns when the pause in force began, or `None`.
    #[must_use]
    pub fn paused_since(&self) -> Option<Timestamp> {
        match &self.object {
            Object::Rollout(rollout) => rollout.status.pause_conditions.first().and_then(|pause| pause.start),
            Object::Deployment(_) => None,
        }
    }
}

/// Share of progress in percent: weight while a canary is under way, else the share of updated pods. Blue-green switches
/// all at once: nothing is out before the active service points at the new revision, however many of its pods are up.
fn progress(status: &Status) -> u8 {
    let share = |part: u32, whole: u32| (u64::from(part.min(whole)) * 100 / u64::from(whole.max(1))) as u8;
    match (&status.canary, status.weight) {
        (Some(_), Some(weight)) => share(weight.actual, weight.max),
        (Some(_), None) if status.strategy == "BlueGreen" => u8::from(status.canary_serves) * 100,
        (Some(_), None) => share(status.replicas.updated, status.replicas.desired),
        (None, _) => 100,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::object::Meta;
    use crate::domain::rollout::{RolloutSpec, RolloutStatus};

    /// A blue-green rollout with `up` of five pods of the new revision beside the old one.
    fn blue_green(active: &str, up: u32) -> Snapshot {
        let set = |hash: &str, ready| ReplicaSet {
            meta: Meta { name: format!("api-{hash}"), ..Meta::default() },
            hash: hash.to_owned(),
            desired: 5,
            ready,
            ..ReplicaSet::default()
        };
        let status = RolloutStatus {
            current_hash: "new".to_owned(),
            stable_hash: "old".to_owned(),
            active_hash: active.to_owned(),
            preview_hash: "new".to_owned(),
            updated: up,
            ..RolloutStatus::default()
        };
        let strategy =
            RolloutStrategy::BlueGreen { auto_promotion: false, auto_promotion_seconds: None, post_analysis: true };
        let spec = RolloutSpec { replicas: Some(5), strategy, ..RolloutSpec::default() };
        let rollout = Rollout { spec, status, ..Rollout::default() };
        Snapshot {
            object: Object::Rollout(Box::new(rollout)),
            template_owner: None,
            replicasets: vec![set("new", up), set("old", 5)],
            pods: Vec::new(),
            runs: Vec::new(),
        }
    }

    #[test]
    fn blue_green_serves_nothing_before_switch_and_all_after() {
        for up in [0, 3, 5] {
            assert_eq!(blue_green("old", up).status().progress, 0, "{up} pods of the preview");
        }
        assert_eq!(blue_green("new", 5).status().progress, 100);
    }
}
