//! Kubernetes Deployments: status as `kubectl rollout status` words it.
//!
//! Source of the rules: kubectl `pkg/polymorphichelpers/rollout_status.go`, `history.go`, `rollback.go`.

mod reduce;
mod view;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::pod_replacement::RollingUpdate;
use super::{Phase, Replicas};
use crate::domain::facts::object::{Condition, Container, Meta};
use crate::domain::facts::replicaset::ReplicaSet;

pub use reduce::reduce;

/// What is kept of a Deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    pub meta: Meta,
    /// `spec.replicas`; Kubernetes' default is 1.
    pub replicas: Option<u32>,
    /// `spec.paused`.
    pub paused: bool,
    /// Whether the strategy is `Recreate`.
    pub recreate: bool,
    /// `spec.strategy.rollingUpdate`.
    #[serde(default)]
    pub rolling_update: RollingUpdate,
    /// `spec.minReadySeconds`.
    #[serde(default)]
    pub min_ready_seconds: u32,
    /// `spec.selector.matchLabels`, as a label selector.
    pub selector: String,
    pub containers: Vec<Container>,
    #[serde(default)]
    pub init_containers: Vec<Container>,
    pub template: Option<u64>,
    /// When `kubectl rollout restart` or its like was last asked for, as the template says.
    #[serde(default)]
    pub restarted_at: Option<String>,
    pub status: DeploymentStatus,
}

/// The reported part of a Deployment, reduced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentStatus {
    /// `status.observedGeneration`.
    pub observed_generation: i64,
    /// `status.replicas`.
    pub replicas: u32,
    /// `status.updatedReplicas`.
    pub updated: u32,
    /// `status.readyReplicas`.
    pub ready: u32,
    /// `status.availableReplicas`.
    pub available: u32,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
}

impl Deployment {
    /// Returns the message of the condition that says the progress deadline was exceeded.
    #[must_use]
    pub fn deadline_exceeded(&self) -> Option<&str> {
        self.status
            .conditions
            .iter()
            .find(|condition| condition.kind == "Progressing" && condition.reason == "ProgressDeadlineExceeded")
            .map(|condition| condition.message.as_str())
    }

    /// Returns whether the controller has seen the latest spec.
    #[must_use]
    pub fn observed(&self) -> bool {
        self.status.observed_generation >= self.meta.generation
    }

    /// Returns phase and message. The message is that of `kubectl rollout status`; a paused Deployment, which
    /// kubectl does not detect, is `Paused` here with `manually paused`.
    #[must_use]
    pub fn phase(&self) -> (Phase, String) {
        let status = &self.status;
        if !self.observed() {
            return (Phase::Progressing, "Waiting for deployment spec update to be observed...".to_owned());
        }
        if self.deadline_exceeded().is_some() {
            return (Phase::Degraded, format!("deployment {:?} exceeded its progress deadline", self.meta.name));
        }
        let wanted = self.replicas.unwrap_or(1);
        let message = if status.updated < wanted {
            format!("{} out of {} new replicas have been updated...", status.updated, wanted)
        } else if status.replicas > status.updated {
            format!("{} old replicas are pending termination...", status.replicas - status.updated)
        } else if status.available < status.updated {
            format!("{} of {} updated replicas are available...", status.available, status.updated)
        } else if self.paused {
            return (Phase::Paused, "manually paused".to_owned());
        } else {
            return (Phase::Healthy, "successfully rolled out".to_owned());
        };
        if self.paused {
            return (Phase::Paused, format!("manually paused: {}", message.trim_end_matches("...")));
        }
        (Phase::Progressing, message)
    }

    #[must_use]
    pub fn replicas_view(&self) -> Replicas {
        Replicas {
            desired: self.replicas.unwrap_or(1),
            current: self.status.replicas,
            updated: self.status.updated,
            ready: self.status.ready,
            available: self.status.available,
        }
    }

    /// Returns the ReplicaSet of the current template. Its revision is no guide: the controller numbers ReplicaSet and
    /// Deployment one after the other, and the two watches keep no step.
    #[must_use]
    pub fn current<'a>(&self, replicasets: &'a [ReplicaSet]) -> Option<&'a ReplicaSet> {
        // Of several, the controller takes the oldest.
        let same = replicasets.iter().filter(|rs| rs.template == self.template);
        same.min_by_key(|rs| (rs.meta.created, rs.meta.name.as_str()))
    }

    /// Whether the controller says that the current template reached everybody: pods that are missing since were lost, or
    /// are asked for by an autoscaler. Where an earlier template is put back the condition is that of the one before until
    /// something moves (`syncRolloutStatus` in `pkg/controller/deployment/progress.go`): it names the ReplicaSet.
    fn is_rolled_out(&self, current: Option<&ReplicaSet>) -> bool {
        let is_about_current = |condition: &Condition| {
            let named = condition.message.strip_prefix("ReplicaSet \"").and_then(|rest| rest.split('"').next());
            named.zip(current).is_none_or(|(named, current)| named == current.meta.name)
        };
        self.rolled_out().is_some_and(is_about_current)
    }

    fn rolled_out(&self) -> Option<&Condition> {
        let mut conditions = self.status.conditions.iter().filter(|_| self.observed());
        conditions.find(|condition| condition.kind == "Progressing" && condition.reason == "NewReplicaSetAvailable")
    }

    /// Returns since when the current template has reached everybody. `Progressing` is true before, too: only its reason
    /// changes, so its `lastTransitionTime` is that of the first template.
    #[must_use]
    pub fn released_since(&self) -> Option<Timestamp> {
        self.rolled_out()?.updated
    }

    /// Returns whether a new revision is on its way out: by the figures, or by pods of another revision. Whether the
    /// controller has seen the latest change does not matter: until it has, there is no ReplicaSet of it to name.
    ///
    /// Pods that are not available count as missing: where all old ones go first, as with `Recreate`, new ones that only
    /// crash are all that there is. The controller keeps no word on progress where `progressDeadlineSeconds` is the largest
    /// possible number, and drops it under a pause: then lost pods look like ones that never were available, and count as
    /// these, as for `kubectl rollout status`.
    #[must_use]
    pub fn under_way(&self, replicasets: &[ReplicaSet]) -> bool {
        let current = self.current(replicasets);
        if replicasets.iter().any(|rs| rs.current > 0 && Some(&rs.hash) != current.map(|current| &current.hash)) {
            return true;
        }
        let (status, wanted) = (&self.status, self.replicas.unwrap_or(1));
        let is_behind =
            status.updated < wanted || status.replicas > status.updated || status.available < status.updated;
        is_behind && !self.is_rolled_out(current)
    }

    /// Returns the ReplicaSet that served before the current one: while a roll is under way the first other one that still
    /// has pods, for what came after it was never complete; else the second highest revision. Kubernetes records no stable
    /// revision.
    #[must_use]
    pub fn previous<'a>(&self, replicasets: &'a [ReplicaSet]) -> Option<&'a ReplicaSet> {
        let current = self.current(replicasets).map(|rs| &rs.hash);
        let others = || replicasets.iter().filter(|rs| Some(&rs.hash) != current);
        let first = |has_pods: fn(&&ReplicaSet) -> bool| others().filter(has_pods).min_by_key(|rs| rs.revision());
        first(|rs| rs.ready > 0)
            .or_else(|| first(|rs| rs.current > 0))
            .or_else(|| others().max_by_key(|rs| rs.revision()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rolling(updated: u32, replicas: u32, available: u32) -> Deployment {
        Deployment {
            meta: Meta { name: "web".to_owned(), generation: 2, revision: Some(2), ..Meta::default() },
            replicas: Some(3),
            status: DeploymentStatus {
                observed_generation: 2,
                replicas,
                updated,
                ready: available,
                available,
                conditions: Vec::new(),
            },
            ..Deployment::default()
        }
    }

    #[test]
    fn messages_match_kubectl_rollout_status() {
        assert_eq!(rolling(1, 4, 3).phase().1, "1 out of 3 new replicas have been updated...");
        assert_eq!(rolling(3, 4, 3).phase().1, "1 old replicas are pending termination...");
        assert_eq!(rolling(3, 3, 2).phase().1, "2 of 3 updated replicas are available...");
        assert_eq!(rolling(3, 3, 3).phase(), (Phase::Healthy, "successfully rolled out".to_owned()));
        let mut unseen = rolling(3, 3, 3);
        unseen.meta.generation = 3;
        assert_eq!(unseen.phase().1, "Waiting for deployment spec update to be observed...");
    }

    #[test]
    fn deadline_is_degraded_and_pause_is_paused() {
        let mut deployment = rolling(1, 4, 3);
        deployment.paused = true;
        assert_eq!(deployment.phase().0, Phase::Paused);
        deployment.status.conditions.push(Condition {
            kind: "Progressing".to_owned(),
            reason: "ProgressDeadlineExceeded".to_owned(),
            ..Condition::default()
        });
        assert_eq!(
            deployment.phase(),
            (Phase::Degraded, "deployment \"web\" exceeded its progress deadline".to_owned())
        );
    }

    fn set(revision: u64, current: u32) -> ReplicaSet {
        ReplicaSet {
            hash: format!("h{revision}"),
            template: Some(revision),
            current,
            meta: Meta { revision: Some(revision), ..Meta::default() },
            ..ReplicaSet::default()
        }
    }

    #[test]
    fn previous_is_the_serving_or_second_highest_revision() {
        let sets = [set(1, 2), set(2, 0), set(3, 1)];
        let mut deployment = rolling(1, 3, 3);
        deployment.template = Some(3);
        assert_eq!(deployment.previous(&sets).map(ReplicaSet::revision), Some(1));
        let sets = [set(1, 0), set(2, 0), set(3, 3)];
        assert_eq!(deployment.previous(&sets).map(ReplicaSet::revision), Some(2));
        // The second was superseded before it was complete, for the first still serves.
        deployment.meta.revision = Some(3);
        let with_ready = |revision, pods, ready| ReplicaSet { ready, ..set(revision, pods) };
        let sets = [with_ready(3, 1, 0), with_ready(2, 1, 0), with_ready(1, 2, 2)];
        assert_eq!(deployment.previous(&sets).map(ReplicaSet::revision), Some(1));
    }

    fn progressing(reason: &str, about: &str) -> Condition {
        Condition {
            kind: "Progressing".to_owned(),
            reason: reason.to_owned(),
            message: format!("ReplicaSet \"{about}\" has a condition."),
            ..Condition::default()
        }
    }

    #[test]
    fn pods_that_never_got_available_are_not_released() {
        let named = |revision, pods| {
            let mut rs = set(revision, pods);
            rs.meta.name = format!("web-{revision}");
            rs
        };
        let sets = [named(1, 0), named(2, 3)];
        let with = |available, condition: Option<Condition>| {
            let mut deployment = rolling(3, 3, available);
            deployment.template = Some(2);
            deployment.status.conditions.extend(condition);
            deployment.under_way(&sets)
        };
        // All old pods are gone, and all new ones crash. Without a deadline, and under a pause, nothing says more.
        for available in [0, 2] {
            for reason in ["ReplicaSetUpdated", "ProgressDeadlineExceeded", "DeploymentPaused"] {
                assert!(with(available, Some(progressing(reason, "web-2"))), "{available} available, {reason}");
            }
            assert!(with(available, None), "{available} available, no deadline");
            // Once it had reached everybody, its pods were lost.
            assert!(!with(available, Some(progressing("NewReplicaSetAvailable", "web-2"))), "{available} available");
            // That was the template before.
            assert!(with(available, Some(progressing("NewReplicaSetAvailable", "web-1"))), "{available} available");
        }
        assert!(!with(3, None));
    }

    #[test]
    fn revision_without_replicaset_has_no_name() {
        let mut deployment = rolling(3, 3, 3);
        deployment.template = Some(3);
        // The numbers of the two watches keep no step: neither tells which is current.
        for (number, updated) in [(2, 3), (3, 3), (3, 0)] {
            deployment.meta.revision = Some(number);
            deployment.status.updated = updated;
            assert_eq!(deployment.current(&[set(1, 0), set(2, 3)]), None);
            assert_eq!(deployment.previous(&[set(1, 0), set(2, 3)]).map(ReplicaSet::revision), Some(2));
            let made = [set(1, 0), set(2, 3), set(3, 0)];
            assert!(deployment.under_way(&made));
            assert_eq!(deployment.current(&made).map(ReplicaSet::revision), Some(3));
        }
    }
}
