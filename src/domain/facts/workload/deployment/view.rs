//! A Deployment as a workload: roles, revisions, figures, and why it is not moving.

use jiff::{SignedDuration, Timestamp};

use super::Deployment;
use crate::domain::facts::object::{ImageRef, Meta};
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::why::{paused_by, waiting_pods};
use crate::domain::facts::workload::kind::WorkloadKind;
use crate::domain::facts::workload::pod_replacement::PodReplacement;
use crate::domain::facts::workload::serving::{Measure, Serving, by_ready_pods};
use crate::domain::facts::workload::{Hashes, Pause, Phase, Role, Snapshot, Status, Strategy, Workload};

impl Workload for Deployment {
    fn kind(&self) -> WorkloadKind {
        WorkloadKind::Deployment
    }

    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn selector(&self) -> &str {
        &self.selector
    }

    fn phase(&self) -> (Phase, String) {
        self.phase()
    }

    fn observed(&self) -> bool {
        self.observed()
    }

    fn has_unseen_template(&self, replicasets: &[ReplicaSet]) -> bool {
        self.current(replicasets).is_none()
    }

    fn is_paused(&self) -> bool {
        self.paused
    }

    fn pause(&self) -> Option<Pause> {
        self.paused.then(Pause::manual)
    }

    fn released_since(&self) -> Option<Timestamp> {
        self.released_since()
    }

    fn deadline_exceeded(&self) -> Option<&str> {
        self.deadline_exceeded()
    }

    fn pod_replacement(&self) -> PodReplacement {
        let replicas = self.replicas.unwrap_or(1);
        PodReplacement {
            pods_at_a_time: (!self.recreate).then(|| self.rolling_update.pods_at_a_time(replicas)),
            may_lack: if self.recreate { 0 } else { self.rolling_update.may_lack(replicas) },
            is_outage: self.recreate,
            min_ready: SignedDuration::from_secs(i64::from(self.min_ready_seconds)),
            kept: SignedDuration::ZERO,
        }
    }

    fn records_stable(&self) -> bool {
        false
    }

    fn hashes(&self, replicasets: &[ReplicaSet]) -> Hashes {
        let current = self.current(replicasets).map(|rs| rs.hash.clone());
        if !self.under_way(replicasets) {
            return Hashes { stable: current, canary: None };
        }
        let previous = self.previous(replicasets).map(|rs| rs.hash.clone());
        Hashes { stable: previous, canary: current }
    }

    fn roles(&self, replicasets: &[ReplicaSet], hash: &str) -> Vec<Role> {
        let hashes = self.hashes(replicasets);
        let is = |other: &Option<String>| other.as_deref() == Some(hash);
        if is(&hashes.canary) {
            vec![Role::Canary]
        } else if is(&hashes.stable) {
            vec![Role::Stable]
        } else {
            Vec::new()
        }
    }

    fn serving(&self, snapshot: &Snapshot) -> Serving {
        Serving::of(Measure::ReadyPods, by_ready_pods(&snapshot.replicasets))
    }

    fn fill(&self, _: &Snapshot, status: &mut Status) {
        status.strategy = if self.recreate { Strategy::Recreate } else { Strategy::RollingUpdate };
        status.replicas = self.replicas_view();
        status.canary_serves = status.canary.is_some() && status.replicas.updated > 0;
    }

    fn why(&self, snapshot: &Snapshot, status: &Status) -> Option<String> {
        if self.paused {
            let has_new = !snapshot.replicasets.is_empty() && self.current(&snapshot.replicasets).is_none();
            let images = self.containers.first().map(|container| ImageRef::parse(&container.image).version());
            let next = images.filter(|_| has_new).map_or_else(
                || "space resumes it".to_owned(),
                |version| {
                    format!(
                        "the manifest has a new template ({version}) that is no revision yet; R puts the old one back"
                    )
                },
            );
            return Some(format!("paused manually{}: {next}", paused_by(snapshot)));
        }
        waiting_pods(snapshot, status)
    }
}
