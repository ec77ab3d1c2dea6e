use super::*;

use crate::domain::facts::experiment::Experiment;
use crate::domain::facts::object::Container;
use crate::domain::facts::step::PauseFor;
use crate::domain::facts::workload::{Object, Snapshot};

fn canary() -> Rollout {
    Rollout {
        spec: RolloutSpec {
            replicas: Some(5),
            strategy: RolloutStrategy::Canary(CanaryStrategy {
                steps: vec![Step::SetWeight(20), Step::Pause(PauseFor::Person), Step::SetWeight(60)],
                max_weight: 100,
                injects_metadata: false,
                ..CanaryStrategy::default()
            }),
            ..RolloutSpec::default()
        },
        status: RolloutStatus {
            observed_generation: "3".to_owned(),
            current_hash: "new".to_owned(),
            stable_hash: "old".to_owned(),
            step_index: Some(1),
            replicas: 5,
            updated: 1,
            ready: 5,
            available: 5,
            ..RolloutStatus::default()
        },
        meta: Meta { generation: 3, ..Meta::default() },
    }
}

fn replicaset(hash: &str, available: u32) -> ReplicaSet {
    ReplicaSet { hash: hash.to_owned(), available, ..ReplicaSet::default() }
}

#[test]
fn spec_not_yet_observed_comes_before_all() {
    let mut rollout = canary();
    rollout.status.phase = "Healthy".to_owned();
    rollout.meta.generation = 4;
    assert_eq!(rollout.phase().1, "waiting for rollout spec update to be observed");
    rollout.status.observed_generation = "5d9c".to_owned();
    assert_eq!(rollout.phase().0, Phase::Healthy);
}

#[test]
fn resume_is_shown_before_the_controller_acts() {
    let mut rollout = canary();
    rollout.status.phase = "Paused".to_owned();
    rollout.status.controller_pause = true;
    assert_eq!(rollout.phase(), (Phase::Progressing, "waiting for rollout to unpause".to_owned()));
}

#[test]
fn phase_is_computed_where_the_controller_wrote_none() {
    let mut rollout = canary();
    assert_eq!(rollout.phase(), (Phase::Progressing, "more replicas need to be updated".to_owned()));
    rollout.status.pause_conditions.push(PauseCondition { reason: "CanaryPauseStep".to_owned(), start: None });
    assert_eq!(rollout.phase(), (Phase::Paused, "CanaryPauseStep".to_owned()));
    rollout.spec.paused = true;
    assert_eq!(rollout.phase(), (Phase::Paused, "manually paused".to_owned()));
    rollout.status.conditions.push(Condition {
        reason: "RolloutAborted".to_owned(),
        message: "Rollout aborted update to revision 2".to_owned(),
        ..Condition::default()
    });
    assert_eq!(rollout.phase().1, "RolloutAborted: Rollout aborted update to revision 2");
}

#[test]
fn fully_promoted_rollout_is_healthy() {
    let mut rollout = canary();
    rollout.status.stable_hash = "new".to_owned();
    rollout.status.updated = 5;
    rollout.status.step_index = Some(3);
    assert_eq!(rollout.phase(), (Phase::Healthy, String::new()));
    assert_eq!(rollout.weight(&[]), Some(Weight { set: 100, actual: 100, max: 100 }));
}

#[test]
fn actual_weight_of_a_basic_canary_is_the_share_of_pods() {
    let rollout = canary();
    let sets = [replicaset("new", 1), replicaset("old", 4)];
    assert_eq!(rollout.weight(&sets), Some(Weight { set: 20, actual: 20, max: 100 }));
}

#[test]
fn actual_weight_is_zero_before_the_first_step() {
    let mut rollout = canary();
    (rollout.status.step_index, rollout.status.available) = (None, 0);
    assert_eq!(rollout.weight(&[]), Some(Weight { set: 20, actual: 0, max: 100 }));
}

#[test]
fn actual_weight_of_a_routed_canary_is_what_the_router_did() {
    let mut rollout = canary();
    if let RolloutStrategy::Canary(canary) = &mut rollout.spec.strategy {
        canary.router = Some(crate::domain::facts::workload::router::Router::default());
    }
    assert_eq!(rollout.weight(&[]), Some(Weight { set: 20, actual: 20, max: 100 }));
    let canary = RouterWeight { weight: 5, ..RouterWeight::default() };
    rollout.status.weights = Some(RouterWeights { canary, ..RouterWeights::default() });
    assert_eq!(rollout.weight(&[]).map(|weight| weight.actual), Some(5));
    rollout.status.available = 0;
    assert_eq!(rollout.weight(&[]).map(|weight| weight.actual), Some(0));
}

#[test]
fn timed_pause_shows_its_end() {
    let mut rollout = canary();
    let start = Timestamp::from_second(1000).unwrap();
    rollout.status.pause_conditions.push(PauseCondition { reason: "CanaryPauseStep".to_owned(), start: Some(start) });
    assert!(rollout.pause().unwrap().needs_person);
    if let RolloutStrategy::Canary(CanaryStrategy { steps, .. }) = &mut rollout.spec.strategy {
        steps[1] = Step::Pause(PauseFor::Time(SignedDuration::from_secs(60)));
    }
    let pause = rollout.pause().unwrap();
    assert_eq!(pause.until, Some(Timestamp::from_second(1060).unwrap()));
    assert!(!pause.needs_person);
}

#[test]
fn blue_green_waits_for_the_cutover() {
    let mut rollout = canary();
    rollout.spec.strategy = RolloutStrategy::BlueGreen(BlueGreenStrategy {
        auto_promotion: false,
        auto_promotion_seconds: None,
        post_analysis: true,
        ..BlueGreenStrategy::default()
    });
    rollout.status.updated = 5;
    rollout.status.active_hash = "old".to_owned();
    assert_eq!(rollout.phase().1, "active service cutover pending");
    rollout.status.active_hash = "new".to_owned();
    assert_eq!(rollout.phase().1, "waiting for analysis to complete");
    assert_eq!(rollout.weight(&[]), None);
}

/// Three pods of old and one of new; in an experiment one of old, two of new and one of neither.
#[test]
fn pods_of_an_experiment_are_served_as_the_version_they_run() {
    let set = |hash: &str, image: &str, ready| ReplicaSet {
        hash: hash.to_owned(),
        ready,
        containers: vec![Container { name: "app".to_owned(), image: image.to_owned() }],
        ..ReplicaSet::default()
    };
    let mut snapshot = Snapshot::of_object(Object::Rollout(Box::new(canary())));
    snapshot.replicasets = vec![set("new", "api:2", 1), set("old", "api:1", 3)];
    snapshot.experiments.push(Experiment {
        replicasets: vec![set("a", "api:1", 1), set("b", "api:2", 2), set("c", "api:3", 1)],
        ..Experiment::default()
    });
    let serving = snapshot.serving();
    let shares: Vec<_> = serving.shares.iter().map(|share| (share.hash.as_str(), share.ready)).collect();
    assert_eq!(shares, [("old", 4), ("new", 3), ("c", 1)]);
    assert_eq!(serving.describe(), "50 % of 1, 38 % of 2, 13 % of 3");
}

/// A router gives the services of an experiment weights of their own, which the controller reports.
#[test]
fn weights_of_an_experiment_count_for_the_version_they_go_to() {
    let mut rollout = canary();
    if let RolloutStrategy::Canary(canary) = &mut rollout.spec.strategy {
        canary.router = Some(crate::domain::facts::workload::router::Router::default());
    }
    let weight = |hash: &str, weight| RouterWeight { hash: hash.to_owned(), weight };
    rollout.status.weights = Some(RouterWeights {
        canary: weight("new", 5),
        stable: weight("old", 85),
        additional: vec![weight("b", 10)],
        verified: None,
    });
    let set = |hash: &str, image: &str| ReplicaSet {
        hash: hash.to_owned(),
        ready: 1,
        containers: vec![Container { name: "app".to_owned(), image: image.to_owned() }],
        ..ReplicaSet::default()
    };
    let mut snapshot = Snapshot::of_object(Object::Rollout(Box::new(rollout)));
    snapshot.replicasets = vec![set("new", "api:2"), set("old", "api:1")];
    snapshot.experiments.push(Experiment { replicasets: vec![set("b", "api:2")], ..Experiment::default() });
    assert_eq!(snapshot.serving().describe(), "85 % of 1, 15 % of 2");
}
