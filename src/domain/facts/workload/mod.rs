//! A workload as a whole: the object, its ReplicaSets, pods and analysis runs, and what follows from them.

pub mod deployment;
pub mod kind;
pub mod pod_replacement;
pub mod rollout;
pub mod router;
pub mod serving;
mod status;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::facts::analysis_run::AnalysisRun;
use crate::domain::facts::direction::Direction;
use crate::domain::facts::experiment::Experiment;
use crate::domain::facts::ids::WorkloadId;
use crate::domain::facts::object::{Container, Meta};
use crate::domain::facts::owner::Owned;
use crate::domain::facts::pod::Pod;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::step::Step;
use deployment::Deployment;
use kind::WorkloadKind;
use pod_replacement::PodReplacement;
use rollout::{Rollout, TemplateRef};
use router::{Routed, Router};
use serving::Serving;

pub use status::{Pause, PauseReason, Phase, Replicas, Revision, Role, Status, StepPosition, Strategy, Weight};

/// The Kubernetes object of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Object {
    Rollout(Box<Rollout>),
    Deployment(Box<Deployment>),
}

impl Object {
    /// Reduces a Kubernetes object of a kind.
    #[must_use]
    pub fn reduce(kind: WorkloadKind, value: &Value) -> Self {
        match kind {
            WorkloadKind::Rollout => Self::Rollout(Box::new(rollout::reduce(value))),
            WorkloadKind::Deployment => Self::Deployment(Box::new(deployment::reduce(value))),
        }
    }

    /// Reduces a Kubernetes object by its own `kind`; `None` where that is no kind of workload.
    #[must_use]
    pub fn parse(value: &Value) -> Option<Self> {
        WorkloadKind::parse(value["kind"].as_str()?).map(|kind| Self::reduce(kind, value))
    }

    /// Returns what every kind of workload can say.
    #[must_use]
    pub fn workload(&self) -> &dyn Workload {
        match self {
            Self::Rollout(rollout) => rollout.as_ref(),
            Self::Deployment(deployment) => deployment.as_ref(),
        }
    }

    #[must_use]
    pub fn id(&self) -> WorkloadId {
        WorkloadId::new(self.workload().kind(), self.meta().name.clone())
    }

    #[must_use]
    pub fn meta(&self) -> &Meta {
        self.workload().meta()
    }

    /// Returns the label selector of its pods.
    #[must_use]
    pub fn selector(&self) -> &str {
        self.workload().selector()
    }

    #[must_use]
    pub fn phase(&self) -> (Phase, String) {
        self.workload().phase()
    }
}

/// What every kind of workload can say of itself.
pub trait Workload {
    fn kind(&self) -> WorkloadKind;

    fn meta(&self) -> &Meta;

    /// Returns the label selector of its pods.
    fn selector(&self) -> &str;

    /// Returns the object that its pod template lives in, where that is another one.
    fn template_owner(&self) -> Option<&TemplateRef> {
        None
    }

    fn phase(&self) -> (Phase, String);

    /// Returns whether the controller has seen the latest spec.
    fn observed(&self) -> bool;

    /// Returns whether its template may have no ReplicaSet yet: under a pause none is made, and the controller may not have
    /// looked since the last change.
    fn has_unseen_template(&self, replicasets: &[ReplicaSet]) -> bool;

    /// Returns whether it is paused by `spec.paused`.
    fn is_paused(&self) -> bool;

    /// Returns the pause in force, with its end if it has one.
    fn pause(&self) -> Option<Pause>;

    /// Returns since when the current template has reached everybody, as the controller says; `None` while it has not, or
    /// where the controller does not say.
    fn released_since(&self) -> Option<Timestamp>;

    /// Returns why the controller gave up waiting for progress, in its words.
    fn deadline_exceeded(&self) -> Option<&str>;

    /// Returns whether its pods are being replaced by ones of the same template.
    fn is_restarting(&self) -> bool {
        false
    }

    /// Returns the steps of a canary.
    fn steps(&self) -> &[Step] {
        &[]
    }

    /// Returns whether its controller records which revision is stable; else it is told from pods and revision numbers.
    fn records_stable(&self) -> bool {
        true
    }

    /// Returns which of its ReplicaSets is stable, and which is the new one, by template hash.
    fn hashes(&self, replicasets: &[ReplicaSet]) -> Hashes;

    /// Returns the roles of a ReplicaSet, by template hash.
    fn roles(&self, replicasets: &[ReplicaSet], hash: &str) -> Vec<Role>;

    /// Returns the router whose objects say who is served, where there is one.
    fn router(&self) -> Option<Router> {
        None
    }

    /// Returns how the pods of one revision take the place of another's.
    fn pod_replacement(&self) -> PodReplacement;

    /// Returns who is served now.
    fn serving(&self, snapshot: &Snapshot) -> Serving;

    /// Returns the share of traffic, from 0 to 1, that a router is configured to send to the new revision, where there is one.
    fn routed_share(&self) -> Option<f64> {
        None
    }

    /// Fills in what the status shows of this kind.
    fn fill(&self, snapshot: &Snapshot, status: &mut Status);

    /// Returns why it is not moving, as far as its own kind tells.
    fn why(&self, snapshot: &Snapshot, status: &Status) -> Option<String>;
}

/// Template hashes of the revisions that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hashes {
    /// The one that serves when no rollout is in progress.
    pub stable: Option<String>,
    /// The one that a rollout in progress brings.
    pub canary: Option<String>,
}

/// Everything known of one workload at one moment, as a source reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub object: Object,
    /// The Deployment that a Rollout's `workloadRef` names.
    pub template_owner: Option<Box<Deployment>>,
    /// What owns the manifest that the pod template lies in.
    #[serde(default)]
    pub owned: Option<Owned>,
    /// What the router's own objects say, as far as they can be read.
    pub routed: Vec<Routed>,
    /// ReplicaSets owned by it, newest revision first.
    pub replicasets: Vec<ReplicaSet>,
    /// Pods of these ReplicaSets, by name.
    pub pods: Vec<Pod>,
    /// AnalysisRuns owned by it or by its Experiments, newest first.
    pub runs: Vec<AnalysisRun>,
    /// Experiments owned by it that are going on, or whose pods are still there; newest first.
    #[serde(default)]
    pub experiments: Vec<Experiment>,
    /// Which of these lists the operator may not read, and why: `replicasets`, `pods`.
    #[serde(default)]
    pub unseen: Vec<(String, String)>,
    /// PodDisruptionBudgets that keep a restart from evicting its pods.
    #[serde(default)]
    pub budgets: Vec<String>,
}

impl Snapshot {
    /// Makes one of the object alone.
    #[must_use]
    pub fn of_object(object: Object) -> Self {
        Self {
            object,
            template_owner: None,
            owned: None,
            routed: Vec::new(),
            replicasets: Vec::new(),
            pods: Vec::new(),
            runs: Vec::new(),
            experiments: Vec::new(),
            unseen: Vec::new(),
            budgets: Vec::new(),
        }
    }

    #[must_use]
    pub fn id(&self) -> WorkloadId {
        self.object.id()
    }

    /// Returns the roles of a ReplicaSet.
    #[must_use]
    pub fn roles(&self, hash: &str) -> Vec<Role> {
        self.object.workload().roles(&self.replicasets, hash)
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
        let pods: Vec<&Pod> = self.pods_of(&rs.hash).filter(|pod| pod.is_ready()).collect();
        let agreed = |container: &Container| {
            let mut digests = pods.iter().map(|pod| pod.digests.get(&container.name));
            let first = digests.next().flatten()?;
            digests.all(|other| other == Some(first)).then(|| (container.name.clone(), first.clone()))
        };
        let all = || rs.containers.iter().chain(&rs.init_containers);
        let digests: BTreeMap<String, String> = all().filter_map(agreed).collect();
        let images = |containers: &[Container]| containers.iter().map(|container| container.image.clone()).collect();
        Revision {
            number: rs.revision(),
            hash: rs.hash.clone(),
            replicaset: rs.meta.name.clone(),
            images: images(&rs.containers),
            init_images: images(&rs.init_containers),
            names: all().map(|container| container.name.clone()).collect(),
            digest: rs.containers.first().and_then(|main| digests.get(&main.name).cloned()),
            digests,
        }
    }

    /// Returns a revision whose ReplicaSet may not be read: of the current template the images are known.
    fn unlisted(&self, hash: &str) -> Option<Revision> {
        let Object::Rollout(rollout) = &self.object else { return None };
        if !self.unseen.iter().any(|(part, _)| part == "replicasets") {
            return None;
        }
        let is_current = hash == rollout.status.current_hash;
        let containers = match &self.template_owner {
            Some(owner) => &owner.containers,
            None => &rollout.spec.containers,
        };
        Some(Revision {
            number: rollout.meta.revision.filter(|_| is_current).unwrap_or_default(),
            hash: hash.to_owned(),
            replicaset: format!("{}-{hash}", rollout.meta.name),
            images: containers.iter().filter(|_| is_current).map(|container| container.image.clone()).collect(),
            ..Revision::default()
        })
    }

    /// Returns who is served now.
    #[must_use]
    pub fn serving(&self) -> Serving {
        self.object.workload().serving(self)
    }

    /// Returns which of its ReplicaSets is stable, and which is the new one.
    #[must_use]
    pub fn hashes(&self) -> Hashes {
        self.object.workload().hashes(&self.replicasets)
    }

    /// Returns which way the rollout in progress goes; `None` where none is. A rejected revision (`is_rejected`) always
    /// goes forward, however old it is.
    #[must_use]
    pub fn direction(&self, is_rejected: impl Fn(&str) -> bool) -> Option<Direction> {
        let hashes = self.hashes();
        let canary = hashes.canary?;
        let sets = hashes.stable.and_then(|stable| self.replicaset(&stable)).zip(self.replicaset(&canary));
        Some(match sets {
            Some((from, to)) if !is_rejected(&canary) => Direction::between(from, to),
            _ => Direction::Forward,
        })
    }

    #[must_use]
    pub fn status(&self) -> Status {
        let (phase, message) = self.object.phase();
        let hashes = self.hashes();
        let revision = |hash: Option<String>| {
            let hash = hash?;
            self.replicaset(&hash).map(|rs| self.revision(rs)).or_else(|| self.unlisted(&hash))
        };
        let mut status = Status {
            phase,
            message,
            strategy: Strategy::Canary,
            step: None,
            weight: None,
            replicas: Replicas::default(),
            stable: revision(hashes.stable),
            canary: revision(hashes.canary),
            canary_serves: false,
            pause: self.object.workload().pause(),
            aborted: false,
            serving: self.serving(),
            progress: 100,
            why: None,
            failing: None,
            unseen: self.unseen.iter().map(|(part, why)| format!("{part} not seen: {why}")).collect(),
        };
        self.object.workload().fill(self, &mut status);
        status.progress = status::progress(&status);
        status.why = super::why::why(self, &status);
        status.failing = super::why::all_failing(self, &status);
        status
    }

    /// Returns the steps of a canary.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        self.object.workload().steps()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::object::Meta;
    use crate::domain::facts::workload::rollout::{RolloutSpec, RolloutStatus};

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
        let strategy = rollout::RolloutStrategy::BlueGreen(rollout::BlueGreenStrategy {
            auto_promotion: false,
            auto_promotion_seconds: None,
            post_analysis: true,
            ..rollout::BlueGreenStrategy::default()
        });
        let spec = RolloutSpec { replicas: Some(5), strategy, ..RolloutSpec::default() };
        let rollout = Rollout { spec, status, ..Rollout::default() };
        Snapshot {
            object: Object::Rollout(Box::new(rollout)),
            template_owner: None,
            owned: None,
            routed: Vec::new(),
            replicasets: vec![set("new", up), set("old", 5)],
            pods: Vec::new(),
            runs: Vec::new(),
            experiments: Vec::new(),
            unseen: Vec::new(),
            budgets: Vec::new(),
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
