//! What a rollback would do now, before anybody asks for one: its target, how long it takes, and until when.

use jiff::{SignedDuration, Timestamp};

use crate::domain::facts::changes::migration::Class;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::text::{duration, plural};
use crate::domain::facts::workload::{Snapshot, Status};
use crate::domain::record::action::Verb;
use crate::domain::rules::action::plan::{DraftContext, never_here};
use crate::domain::rules::refusal::RefusalKind;
use crate::domain::world::{Environment, WorkloadState, World};

/// What controllers take to notice a change, and what follows from it: a request, or a pod that got ready.
const REACTION: SignedDuration = SignedDuration::from_secs(1);

/// What a rollback of a workload would do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RollbackEstimate {
    To(EstimatedRollback),
    /// There is nothing to go back to; why.
    Nowhere(String),
}

/// Where a rollback goes, and what it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstimatedRollback {
    pub version: String,
    /// Pods that have to become ready before it serves everybody; none: it serves everybody at once.
    pub missing_pods: u32,
    /// How long that takes, by how long pods took here; `None` where none was seen to start.
    pub takes: Option<SignedDuration>,
    /// When its pods are scaled down, where that is known: from then on all of them have to start again.
    pub until: Option<Timestamp>,
    /// How many that will be, and how long it will take then.
    pub later: (u32, Option<SignedDuration>),
    /// Whether nobody is served meanwhile.
    pub is_outage: bool,
    /// Migrations of the release that the version before may not run on.
    pub breaking_migrations: usize,
}

impl RollbackEstimate {
    /// Returns it in words, e.g. `back to 1.4.2: at once for 14m32s, then ≈ 45 s (10 new pods)`.
    #[must_use]
    pub fn describe(&self, now: Timestamp) -> String {
        match self {
            Self::Nowhere(why) => format!("no way back: {why}"),
            Self::To(to) => to.describe(now),
        }
    }
}

impl EstimatedRollback {
    fn describe(&self, now: Timestamp) -> String {
        let left = self.until.map(|until| until.duration_since(now)).filter(SignedDuration::is_positive);
        let then = left.map_or_else(String::new, |left| {
            let (pods, takes) = self.later;
            format!(" for {}, then {}", duration(left), starts(pods, takes))
        });
        let outage = if self.is_outage { "; nobody is served meanwhile" } else { "" };
        let schema = match self.breaking_migrations {
            0 => String::new(),
            some => format!("; it may fail on the new schema ({})", plural(some, "migration")),
        };
        let first = match self.takes {
            Some(takes) if takes.is_zero() && self.missing_pods > 0 => {
                let (all, _) = self.later;
                format!("at once, with {} of {all} pods", all.saturating_sub(self.missing_pods))
            }
            takes => starts(self.missing_pods, takes),
        };
        format!("back to {}: {first}{then}{outage}{schema}", self.version)
    }
}

/// How long it takes until pods serve.
fn starts(pods: u32, takes: Option<SignedDuration>) -> String {
    match takes {
        _ if pods == 0 => "at once".to_owned(),
        Some(takes) => seconds_and_pods(pods, takes),
        None => format!("needs {}", new_pods(pods)),
    }
}

fn seconds_and_pods(pods: u32, takes: SignedDuration) -> String {
    let time = if takes.as_secs() < 60 { format!("{} s", takes.as_secs()) } else { duration(takes) };
    format!("≈ {time} ({})", new_pods(pods))
}

fn new_pods(pods: u32) -> String {
    plural(pods as usize, "new pod")
}

/// Returns what a rollback of a workload would do; `None` where nothing is known, where it is back already, and where
/// the release never was.
#[must_use]
pub fn rollback_estimate(
    world: &World,
    env: &Environment,
    workload: &WorkloadState,
    now: Timestamp,
) -> Option<RollbackEstimate> {
    let (snapshot, status) = (workload.snapshot.as_deref()?, workload.status.as_ref()?);
    if snapshot.unseen.iter().any(|(part, _)| part == "replicasets") {
        return None;
    }
    let never_here = never_here(world, env, workload, snapshot);
    let waits = never_here.is_some() && status.canary.is_none();
    let scene =
        DraftContext { snapshot, status, to: None, now, rejected: &workload.rejected, never_here, incoming: None };
    let draft = match snapshot.object.actions().draft(Verb::Rollback, &scene) {
        Ok(draft) => draft,
        Err(refusal) if waits || refusal.kind == RefusalKind::NothingToDo => return None,
        Err(refusal) => return Some(RollbackEstimate::Nowhere(refusal.text)),
    };
    let target = snapshot.replicaset(&draft.to_revision?.hash)?;
    Some(RollbackEstimate::To(to(env, snapshot, status, target)))
}

/// Returns what a rollback will take once the revision in progress is stable, for the dialog that asks for that.
pub(super) fn after_release(snapshot: &Snapshot, status: &Status) -> Option<String> {
    let stable = status.stable.as_ref()?;
    let pods = status.replicas.desired;
    let takes = takes(snapshot, &stable.hash, pods);
    let needs = takes.map_or_else(|| new_pods(pods), |takes| seconds_and_pods(pods, takes));
    let kept = snapshot.object.workload().pod_replacement().kept;
    Some(if kept.is_positive() {
        format!("pods of {} are kept for {}; after that a rollback needs {needs}", stable.version(), duration(kept))
    } else {
        format!("pods of {} go: a rollback then needs {needs}", stable.version())
    })
}

fn to(env: &Environment, snapshot: &Snapshot, status: &Status, target: &ReplicaSet) -> EstimatedRollback {
    let all = status.replicas.desired;
    let ready = if target.desired > 0 { target.ready } else { 0 };
    let missing = all.saturating_sub(ready);
    EstimatedRollback {
        version: target.version(),
        missing_pods: missing,
        takes: if serves_alone(snapshot, ready, all) {
            Some(SignedDuration::ZERO)
        } else {
            takes(snapshot, &target.hash, missing)
        },
        until: target.scale_down_at.filter(|_| target.desired > 0),
        later: (all, takes(snapshot, &target.hash, all)),
        is_outage: snapshot.object.workload().pod_replacement().is_outage,
        breaking_migrations: breaking_migrations(env),
    }
}

/// Whether enough pods of a revision are ready for all others to go at once; the rest comes after.
fn serves_alone(snapshot: &Snapshot, ready: u32, all: u32) -> bool {
    ready > 0 && ready >= all.saturating_sub(snapshot.object.workload().pod_replacement().may_lack)
}

/// How long it takes until pods of a revision serve, a few at a time.
fn takes(snapshot: &Snapshot, hash: &str, pods: u32) -> Option<SignedDuration> {
    let pod_replacement = snapshot.object.workload().pod_replacement();
    let rounds = pod_replacement.pods_at_a_time.map_or(u32::from(pods > 0), |at_a_time| pods.div_ceil(at_a_time));
    let one = start_time(snapshot, hash)? + pod_replacement.min_ready + REACTION;
    one.checked_mul(i32::try_from(rounds).ok()?)?.checked_add(REACTION)
}

/// How long a pod takes from its creation to being ready: half of them took longer. Those of the revision itself count, else
/// all of the workload.
fn start_time(snapshot: &Snapshot, hash: &str) -> Option<SignedDuration> {
    let own = snapshot.pods_of(hash).filter_map(|pod| pod.start_seconds);
    let mut seconds: Vec<u32> = own.collect();
    if seconds.is_empty() {
        seconds = snapshot.pods.iter().filter_map(|pod| pod.start_seconds).collect();
    }
    seconds.sort_unstable();
    seconds.get(seconds.len() / 2).map(|seconds| SignedDuration::from_secs(i64::from((*seconds).max(1))))
}

fn breaking_migrations(env: &Environment) -> usize {
    let changes = env.changes.as_ref().and_then(|(_, gathered)| gathered.as_ref().ok());
    let known = changes.and_then(|changes| changes.migrations.known());
    known.map_or(0, |migrations| migrations.iter().filter(|migration| migration.class() != Class::Expand).count())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::domain::facts::ids::{EnvName, WorkloadKey};
    use crate::domain::facts::reduce;
    use crate::domain::facts::workload::Object;
    use crate::domain::world::EnvSettings;
    use crate::domain::world::feed::Feed;

    const NOW: &str = "2026-11-21T09:00:00Z";

    /// A ReplicaSet: its hash, revision, and how many of its pods are ready; each took 20 s to start.
    struct Set(&'static str, u32, u32, Option<&'static str>);

    impl Set {
        fn replicaset(&self) -> Value {
            let Self(hash, revision, pods, deadline) = self;
            let mut annotations = json!({
                "rollout.argoproj.io/revision": revision.to_string(),
                "deployment.kubernetes.io/revision": revision.to_string(),
            });
            if let Some(deadline) = deadline {
                annotations["scale-down-deadline"] = json!(deadline);
            }
            json!({
                "metadata": {
                    "name": format!("api-{hash}"), "uid": hash, "annotations": annotations,
                    "creationTimestamp": format!("2026-11-21T08:0{revision}:00Z"),
                    "labels": {"rollouts-pod-template-hash": hash, "pod-template-hash": hash},
                },
                "spec": {"replicas": pods, "template": {"spec": {"containers": [{"name": "app", "image": format!("api:{hash}")}]}}},
                "status": {"replicas": pods, "readyReplicas": pods, "availableReplicas": pods},
            })
        }

        fn pods(&self) -> impl Iterator<Item = Value> {
            let Self(hash, _, pods, _) = *self;
            (0..pods).map(move |index| {
                json!({
                    "metadata": {
                        "name": format!("api-{hash}-{index}"), "creationTimestamp": "2026-11-21T08:30:00Z",
                        "labels": {"rollouts-pod-template-hash": hash, "pod-template-hash": hash},
                    },
                    "status": {"phase": "Running", "conditions": [
                        {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T08:30:20Z"}]},
                })
            })
        }
    }

    fn said(object: &Value, sets: &[Set]) -> Option<String> {
        let object = Object::parse(object).unwrap();
        let target = WorkloadKey { env: EnvName::new("a"), workload: object.id() };
        let settings = EnvSettings { workloads: vec![target.workload.clone()], ..EnvSettings::new("a") };
        let mut world = World::new([settings]);
        let now: Timestamp = NOW.parse().unwrap();
        let snapshot = Snapshot {
            replicasets: sets.iter().map(|set| reduce::replicaset(&set.replicaset())).collect(),
            pods: sets.iter().flat_map(Set::pods).map(|pod| reduce::pod(&pod)).collect(),
            ..Snapshot::of_object(object)
        };
        world.take(Feed::Workload { target: target.clone(), snapshot: Some(Arc::new(snapshot)) }, now);
        let (env, workload) = world.find(&target).unwrap();
        rollback_estimate(&world, env, workload, now).map(|estimate| estimate.describe(now))
    }

    fn rollout(strategy: &Value, current: &str, stable: &str) -> Value {
        json!({
            "kind": "Rollout", "metadata": {"name": "api", "uid": "u", "generation": 3},
            "spec": {"replicas": 4, "minReadySeconds": 10, "strategy": strategy},
            "status": {"observedGeneration": "3", "phase": "Healthy", "currentPodHash": current, "stableRS": stable,
                       "replicas": 4, "updatedReplicas": 4, "readyReplicas": 4, "availableReplicas": 4,
                       "currentStepIndex": 1, "blueGreen": {"activeSelector": current}},
        })
    }

    fn deployment(strategy: &Value) -> Value {
        json!({
            "kind": "Deployment", "metadata": {"name": "api", "uid": "u", "generation": 3,
                "annotations": {"deployment.kubernetes.io/revision": "2"}},
            "spec": {"replicas": 4, "strategy": strategy,
                     "template": {"spec": {"containers": [{"name": "app", "image": "api:new"}]}}},
            "status": {"observedGeneration": 3, "replicas": 4, "updatedReplicas": 4, "readyReplicas": 4,
                       "availableReplicas": 4},
        })
    }

    #[test]
    fn kept_pods_make_a_rollback_immediate_until_they_are_scaled_down() {
        let strategy = json!({"blueGreen": {"activeService": "api"}});
        let kept = [Set("new", 2, 4, None), Set("old", 1, 4, Some("2026-11-21T09:00:25Z"))];
        let said_kept = said(&rollout(&strategy, "new", "new"), &kept);
        assert_eq!(said_kept.as_deref(), Some("back to old: at once for 25 s, then ≈ 32 s (4 new pods)"));
        let gone = [Set("new", 2, 4, None), Set("old", 1, 0, None)];
        let said_gone = said(&rollout(&strategy, "new", "new"), &gone);
        assert_eq!(said_gone.as_deref(), Some("back to old: ≈ 32 s (4 new pods)"));
    }

    #[test]
    fn without_a_router_stable_has_to_scale_up_again() {
        let strategy =
            json!({"canary": {"maxSurge": 1, "maxUnavailable": 0, "steps": [{"setWeight": 50}, {"pause": {}}]}});
        let sets = [Set("new", 2, 2, None), Set("old", 1, 2, None)];
        let said = said(&rollout(&strategy, "new", "old"), &sets);
        assert_eq!(said.as_deref(), Some("back to old: ≈ 1m03s (2 new pods)"));
    }

    /// With 2 of 4 pods it serves alone, where half of them may be missing.
    #[test]
    fn where_pods_may_be_missing_the_others_go_at_once() {
        let strategy =
            json!({"canary": {"maxSurge": 0, "maxUnavailable": "50%", "steps": [{"setWeight": 50}, {"pause": {}}]}});
        let stable_has =
            |pods| said(&rollout(&strategy, "new", "old"), &[Set("new", 2, 4 - pods, None), Set("old", 1, pods, None)]);
        assert_eq!(stable_has(2).as_deref(), Some("back to old: at once, with 2 of 4 pods"));
        assert_eq!(stable_has(1).as_deref(), Some("back to old: ≈ 1m03s (3 new pods)"));
        let dynamic = json!({"canary": {"steps": [{"setWeight": 50}, {"pause": {}}], "stableService": "s",
            "canaryService": "c", "dynamicStableScale": true, "trafficRouting": {"nginx": {"stableIngress": "api"}}}});
        let sets = [Set("new", 2, 2, None), Set("old", 1, 2, None)];
        assert_eq!(
            said(&rollout(&dynamic, "new", "old"), &sets).as_deref(),
            Some("back to old: at once, with 2 of 4 pods")
        );
    }

    #[test]
    fn with_a_router_stable_takes_all_traffic_at_once() {
        let strategy = json!({"canary": {"steps": [{"setWeight": 50}, {"pause": {}}], "stableService": "s", "canaryService": "c",
            "trafficRouting": {"nginx": {"stableIngress": "api"}}}});
        let sets = [Set("new", 2, 2, None), Set("old", 1, 4, None)];
        assert_eq!(said(&rollout(&strategy, "new", "old"), &sets).as_deref(), Some("back to old: at once"));
    }

    #[test]
    fn a_deployment_replaces_pods_in_batches_or_all_at_once() {
        let sets = || [Set("new", 2, 4, None), Set("old", 1, 0, None)];
        let few = json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}});
        assert_eq!(said(&deployment(&few), &sets()).as_deref(), Some("back to old: ≈ 43 s (4 new pods)"));
        let said_recreate = said(&deployment(&json!({"type": "Recreate"})), &sets());
        assert_eq!(said_recreate.as_deref(), Some("back to old: ≈ 22 s (4 new pods); nobody is served meanwhile"));
    }

    #[test]
    fn the_first_release_cannot_be_rolled_back() {
        let said = said(&deployment(&json!({})), &[Set("new", 1, 4, None)]);
        assert_eq!(said.as_deref(), Some("no way back: there is no earlier revision"));
    }
}
