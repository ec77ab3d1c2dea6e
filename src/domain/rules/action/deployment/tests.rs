//! Where a rollback of a Deployment goes while no pod of any revision is ready.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::facts::direction::Direction;
use crate::domain::facts::ids::{EnvName, WorkloadKey};
use crate::domain::facts::reduce;
use crate::domain::facts::workload::{Object, Snapshot};
use crate::domain::record::action::{Intent, Verb};
use crate::domain::rules::action::tests::{NOW, replicaset, texts};
use crate::domain::rules::action::{Plan, PlanContext, plan};
use crate::domain::rules::refusal::Refusal;
use crate::domain::world::feed::Feed;
use crate::domain::world::{EnvSettings, World};

/// What goes out, and how many of two pods of each of `r1`, `r2` and `r3` there are, and are ready.
struct Seen(usize, [u32; 3], [u32; 3]);

impl Seen {
    fn snapshot(&self) -> Snapshot {
        let Self(current, pods, ready) = *self;
        let sets: Vec<Value> = (1..=current)
            .map(|number| {
                let at = format!("2026-11-21T0{}:00:00Z", number + 4);
                let mut set = replicaset(&format!("r{number}"), number as u32, &at, pods[number - 1]);
                set["status"]["readyReplicas"] = json!(ready[number - 1]);
                set["status"]["availableReplicas"] = json!(ready[number - 1]);
                set
            })
            .collect();
        let (updated, available) = (pods[current - 1], ready.iter().sum::<u32>());
        let reason = if ready[current - 1] == 2 { "NewReplicaSetAvailable" } else { "ReplicaSetUpdated" };
        let deployment = json!({
            "kind": "Deployment", "metadata": {"name": "api", "uid": "u", "generation": current},
            "spec": {"replicas": 2, "strategy": {"type": "Recreate"}, "template": sets[current - 1]["spec"]["template"]},
            "status": {"observedGeneration": current, "replicas": pods.iter().sum::<u32>(), "updatedReplicas": updated,
                       "readyReplicas": available, "availableReplicas": available,
                       "conditions": [{"type": "Progressing", "reason": reason}]},
        });
        let mut replicasets: Vec<_> = sets.iter().map(reduce::replicaset).collect();
        replicasets.reverse();
        Snapshot { replicasets, ..Snapshot::of_object(Object::parse(&deployment).unwrap()) }
    }
}

/// What a rollback comes to after all this was seen.
fn roll_back(seen: &[Seen], to: Option<u64>) -> Result<Plan, Vec<Refusal>> {
    roll_back_of(seen.iter().map(Seen::snapshot).collect(), to)
}

fn roll_back_of(seen: Vec<Snapshot>, to: Option<u64>) -> Result<Plan, Vec<Refusal>> {
    let now: Timestamp = NOW.parse().unwrap();
    let target = WorkloadKey { env: EnvName::new("a"), workload: Seen(1, [2, 0, 0], [2, 0, 0]).snapshot().object.id() };
    let settings =
        EnvSettings { workloads: vec![target.workload.clone()], has_metrics: false, ..EnvSettings::new("a") };
    let mut world = World::new([settings]);
    for snapshot in seen {
        world.take(Feed::Workload { target: target.clone(), snapshot: Some(Arc::new(snapshot)) }, now);
    }
    plan(
        &world,
        &Intent { verb: Verb::Rollback, target: target.into(), to },
        &PlanContext { now, ..PlanContext::default() },
    )
}

const R1_SERVES: Seen = Seen(1, [2, 0, 0], [2, 0, 0]);
const R2_CRASHES: Seen = Seen(2, [0, 2, 0], [0, 0, 0]);

#[test]
fn a_rollback_goes_to_what_served_not_to_what_was_replaced_before_it_did() {
    // Pods of `r2` that are going still, and none at all.
    for third in [Seen(3, [0, 2, 0], [0, 0, 0]), Seen(3, [0, 0, 0], [0, 0, 0]), Seen(3, [0, 0, 2], [0, 0, 0])] {
        let plan = roll_back(&[R1_SERVES, R2_CRASHES, third], None).map_err(|why| texts(&why)).unwrap();
        let record = plan.record();
        assert_eq!((record.to_hash.as_deref(), record.from_hash.as_deref()), (Some("r1"), Some("r3")));
        assert_eq!(record.direction, Some(Direction::Backward));
    }
    // Asked for by its number, `r2` is a promotion: gates are asked.
    let by_number = roll_back(&[R1_SERVES, R2_CRASHES, Seen(3, [0, 0, 0], [0, 0, 0])], Some(2));
    assert!(by_number.is_err() || by_number.is_ok_and(|plan| plan.record().direction == Some(Direction::Forward)));
}

#[test]
fn a_rollback_of_what_crashes_goes_to_what_served() {
    let plan = roll_back(&[R1_SERVES, R2_CRASHES], None).map_err(|why| texts(&why)).unwrap();
    assert_eq!((plan.record().to_hash.as_deref(), plan.record().from_hash.as_deref()), (Some("r1"), Some("r2")));
}

/// Law 3: where nothing is known, one has to be able to go back all the same, and is told.
#[test]
fn a_rollback_goes_to_the_revision_before_where_nothing_is_known() {
    let plan = roll_back(&[Seen(3, [0, 0, 0], [0, 0, 0])], None).map_err(|why| texts(&why)).unwrap();
    let record = plan.record();
    assert_eq!((record.to_hash.as_deref(), record.direction), (Some("r2"), Some(Direction::Backward)));
    let says = |line: &String| line == "no pod of r2 is ready, and nothing tells whether it ever served here";
    assert!(record.goes.iter().any(says), "{:?}", record.goes);
}

/// What served is what one goes back to, whoever replaced it.
#[test]
fn what_became_stable_before_the_next_one_came_is_gone_back_to() {
    let r2_serves = Seen(2, [0, 2, 0], [0, 2, 0]);
    let plan = roll_back(&[R1_SERVES, R2_CRASHES, r2_serves, Seen(3, [0, 0, 0], [0, 0, 0])], None).unwrap();
    assert_eq!(plan.record().to_hash.as_deref(), Some("r2"));
    assert!(plan.record().goes.iter().all(|line| !line.contains("ever served")), "{:?}", plan.record().goes);
}

/// The controller makes the next ReplicaSet once no old pod is left (`rolloutRecreate`).
#[test]
fn what_never_served_is_not_stable_while_the_next_one_has_no_replicaset() {
    let gap = |pods: u32| {
        let mut snapshot = Seen(3, [0, pods, 0], [0, 0, 0]).snapshot();
        snapshot.replicasets.retain(|rs| rs.hash != "r3");
        snapshot
    };
    for then in [None, Some(Seen(3, [0, 0, 2], [0, 0, 0]))] {
        let before = [&R1_SERVES, &R2_CRASHES].map(Seen::snapshot);
        let seen = before.into_iter().chain([gap(2), gap(0)]).chain(then.iter().map(Seen::snapshot));
        let plan = roll_back_of(seen.collect(), None).map_err(|why| texts(&why)).unwrap();
        assert_eq!(plan.record().to_hash.as_deref(), Some("r1"), "{}", then.is_some());
        assert_eq!(plan.record().direction, Some(Direction::Backward));
    }
}

/// What served is gone back to, also where it was not ready as a whole when the next one came, and no look fell between them.
#[test]
fn what_served_with_a_pod_less_is_gone_back_to() {
    let with_a_pod_less = Seen(2, [0, 2, 0], [0, 1, 0]);
    for seen in [vec![with_a_pod_less], vec![Seen(2, [0, 2, 0], [0, 2, 0]), Seen(2, [0, 2, 0], [0, 1, 0])]] {
        let seen: Vec<Seen> = seen.into_iter().chain([Seen(3, [0, 0, 2], [0, 0, 0])]).collect();
        let plan = roll_back(&seen, None).map_err(|why| texts(&why)).unwrap();
        assert_eq!(plan.record().to_hash.as_deref(), Some("r2"));
    }
}

/// The controller says that it is done before its pods are seen to be ready.
#[test]
fn what_its_controller_calls_done_was_stable_however_late_its_pods_are_seen() {
    let mut done = Seen(1, [2, 0, 0], [2, 0, 0]).snapshot();
    for rs in &mut done.replicasets {
        (rs.ready, rs.available) = (0, 0);
    }
    let seen = [Seen(1, [2, 0, 0], [0, 0, 0]).snapshot(), done, R2_CRASHES.snapshot()];
    let plan = roll_back_of(seen.to_vec(), None).map_err(|why| texts(&why)).unwrap();
    assert_eq!(plan.record().to_hash.as_deref(), Some("r1"));
}

/// Law 11: that it served everybody does not make it stable by being gone back from.
#[test]
fn what_was_gone_back_from_is_not_stable_by_that() {
    let now: Timestamp = NOW.parse().unwrap();
    let target = WorkloadKey { env: EnvName::new("a"), workload: Seen(1, [2, 0, 0], [2, 0, 0]).snapshot().object.id() };
    let mut world = World::new([EnvSettings { workloads: vec![target.workload.clone()], ..EnvSettings::new("a") }]);
    let half = Seen(2, [0, 2, 0], [0, 1, 0]).snapshot();
    // The template of `r1` again: its ReplicaSet was made before.
    let mut back = Seen(1, [0, 0, 0], [0, 0, 0]).snapshot();
    back.replicasets.splice(0..0, half.replicasets.iter().filter(|rs| rs.hash == "r2").cloned());
    let target = &target;
    for snapshot in [R1_SERVES.snapshot(), half, back] {
        world.take(Feed::Workload { target: target.clone(), snapshot: Some(Arc::new(snapshot)) }, now);
    }
    let (_, workload) = world.find(target).unwrap();
    assert!(!workload.seen_stable.contains_key("r2"), "{:?}", workload.seen_stable);
}
