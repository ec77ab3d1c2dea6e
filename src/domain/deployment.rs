//! Kubernetes Deployments: status as `kubectl rollout status` words it.
//!
//! Source of the rules: kubectl `pkg/polymorphichelpers/rollout_status.go`, `history.go`, `rollback.go`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::object::{Condition, Container, Meta};
use super::replicaset::ReplicaSet;
use super::workload::{Phase, Replicas};

/// What is kept of a Deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Metadata.
    pub meta: Meta,
    /// `spec.replicas`; Kubernetes' default is 1.
    pub replicas: Option<u32>,
    /// `spec.paused`.
    pub paused: bool,
    /// Whether the strategy is `Recreate`.
    pub recreate: bool,
    /// `spec.selector.matchLabels`, as a label selector.
    pub selector: String,
    /// Containers of the template.
    pub containers: Vec<Container>,
    /// What the controller reports.
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

    /// Returns the replica figures.
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

    /// Returns the ReplicaSet of the current template: the one with the Deployment's revision, else the newest.
    #[must_use]
    pub fn current<'a>(&self, replicasets: &'a [ReplicaSet]) -> Option<&'a ReplicaSet> {
        replicasets
            .iter()
            .find(|rs| rs.meta.revision.is_some() && rs.meta.revision == self.meta.revision)
            .or_else(|| replicasets.iter().max_by_key(|rs| rs.revision()))
    }

    /// Returns whether a new revision is on its way out: by the figures, or by pods of another revision. Whether the
    /// controller has seen the latest change does not matter: until it has, there is no ReplicaSet of it to name.
    #[must_use]
    pub fn under_way(&self, replicasets: &[ReplicaSet]) -> bool {
        let wanted = self.replicas.unwrap_or(1);
        let current = self.current(replicasets).map(|rs| &rs.hash);
        self.status.updated < wanted
            || self.status.replicas > self.status.updated
            || replicasets.iter().any(|rs| rs.current > 0 && Some(&rs.hash) != current)
    }

    /// Returns the ReplicaSet that served before the current one: while a roll is under way the newest other one that
    /// still has pods, else the second highest revision, leaving out those that were given up before. Kubernetes records
    /// no stable revision.
    #[must_use]
    pub fn previous<'a>(&self, replicasets: &'a [ReplicaSet], rejected: &BTreeSet<String>) -> Option<&'a ReplicaSet> {
        let current = self.current(replicasets)?;
        let others = || replicasets.iter().filter(|rs| rs.hash != current.hash && !rejected.contains(&rs.hash));
        others()
            .filter(|rs| rs.current > 0)
            .max_by_key(|rs| rs.revision())
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
    fn messages_are_those_of_kubectl_rollout_status() {
        assert_eq!(rolling(1, 4, 3).phase().1, "1 out of 3 new replicas have been updated...");
        assert_eq!(rolling(3, 4, 3).phase().1, "1 old replicas are pending termination...");
        assert_eq!(rolling(3, 3, 2).phase().1, "2 of 3 updated replicas are available...");
        assert_eq!(rolling(3, 3, 3).phase(), (Phase::Healthy, "successfully rolled out".to_owned()));
        let mut unseen = rolling(3, 3, 3);
        unseen.meta.generation = 3;
        assert_eq!(unseen.phase().1, "Waiting for deployment spec update to be observed...");
    }

    #[test]
    fn a_deadline_is_degraded_and_a_pause_is_seen() {
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

    #[test]
    fn previous_is_what_still_serves_else_the_second_highest_revision() {
        let rs = |revision, current| ReplicaSet {
            hash: format!("h{revision}"),
            current,
            meta: Meta { revision: Some(revision), ..Meta::default() },
            ..ReplicaSet::default()
        };
        let sets = [rs(1, 2), rs(2, 0), rs(3, 1)];
        let mut deployment = rolling(1, 3, 3);
        deployment.meta.revision = Some(3);
        assert_eq!(deployment.previous(&sets, &BTreeSet::new()).map(ReplicaSet::revision), Some(1));
        let sets = [rs(1, 0), rs(2, 0), rs(3, 3)];
        assert_eq!(deployment.previous(&sets, &BTreeSet::new()).map(ReplicaSet::revision), Some(2));
        // What was given up before is not gone back to.
        let rejected = BTreeSet::from(["h2".to_owned()]);
        assert_eq!(deployment.previous(&sets, &rejected).map(ReplicaSet::revision), Some(1));
    }

    #[test]
    fn until_a_change_is_observed_the_revision_that_serves_is_not_called_new() {
        let rs = |revision, current| ReplicaSet {
            hash: format!("h{revision}"),
            current,
            meta: Meta { revision: Some(revision), ..Meta::default() },
            ..ReplicaSet::default()
        };
        let mut deployment = rolling(3, 3, 3);
        deployment.meta.generation = 3;
        assert!(!deployment.under_way(&[rs(1, 0), rs(2, 3)]));
        // The ReplicaSet is made before the status says so.
        deployment.meta.revision = Some(3);
        assert!(deployment.under_way(&[rs(1, 0), rs(2, 3), rs(3, 0)]));
    }
}
