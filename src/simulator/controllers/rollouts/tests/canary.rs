//! Canaries by number of pods.

use std::time::Duration;

use serde_json::json;

use super::{canary, is, phase, promote, set_image, status, status_patch};
use crate::controllers::testing::World;
use crate::kubernetes::object;
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::Part;
use crate::scenario::behaviour::{Behaviour, ContainerOutcome};

#[test]
fn a_first_deploy_is_healthy_at_the_last_step() {
    let mut world = World::new();
    canary(&mut world);
    is(&world, "Healthy", "");
    let status = status(&world);
    assert_eq!(status.current_step_index, Some(8));
    assert_eq!(status.observed_generation, "2", "the controller fills in the resources of the containers");
    assert_eq!(status.stable_rs, status.current_pod_hash);
    assert_eq!(status.selector, "app=web");
    assert_eq!(
        world.event_messages("RolloutCompleted"),
        [format!("Rollout completed update to revision 1 ({}): Initial deploy", status.stable_rs)]
    );
    assert_eq!(world.pods().len(), 5);
}

#[test]
fn canary_passes_every_step() {
    let mut world = World::new();
    canary(&mut world);
    set_image(&mut world, "web:2");
    is(&world, "Paused", "CanaryPauseStep");
    let paused = status(&world);
    assert_eq!(paused.current_step_index, Some(1));
    assert!(paused.controller_pause);
    assert_eq!((paused.replicas, paused.updated_replicas, paused.ready_replicas), (5, 1, 5));
    let conditions: Vec<_> =
        paused.conditions.iter().map(|c| (c.kind.as_str(), c.status.as_str(), c.reason.as_str())).collect();
    assert_eq!(
        conditions,
        [
            ("Available", "True", "AvailableReason"),
            ("Healthy", "False", "RolloutHealthy"),
            ("Completed", "False", "RolloutCompleted"),
            ("Progressing", "Unknown", "RolloutPaused"),
            ("Paused", "True", "RolloutPaused"),
        ]
    );
    promote(&mut world);
    is(&world, "Paused", "CanaryPauseStep");
    assert_eq!(status(&world).current_step_index, Some(3));
    world.advance(40);
    is(&world, "Healthy", "");
    assert_eq!(world.sets(), [("web:1".to_owned(), 1, 0), ("web:2".to_owned(), 2, 5)]);
    assert_eq!(
        world.event_messages("RolloutStepCompleted")[..3],
        [
            "Rollout step 1/8 completed (setWeight: 20)",
            "Rollout step 2/8 completed (pause)",
            "Rollout step 3/8 completed (setWeight: 40)",
        ]
    );
}

#[test]
fn pause_and_resume_keep_the_step() {
    let mut world = World::new();
    canary(&mut world);
    set_image(&mut world, "web:2");
    promote(&mut world);
    assert_eq!(status(&world).current_step_index, Some(3));
    let patch = |paused: bool| json!({"spec": {"paused": paused}});
    world.patch(Kind::Rollout, "web", Part::Main, &patch(true));
    world.advance(60);
    is(&world, "Paused", "manually paused");
    assert_eq!(status(&world).current_step_index, Some(3), "the timed pause does not end while frozen");
    world.patch(Kind::Rollout, "web", Part::Main, &patch(false));
    world.advance(1);
    assert!(status(&world).current_step_index > Some(3));
}

#[test]
fn abort_restores_stable_and_retry_restarts() {
    let mut world = World::new();
    canary(&mut world);
    set_image(&mut world, "web:2");
    status_patch(&mut world, &json!({"abort": true}));
    is(&world, "Degraded", "RolloutAborted: Rollout aborted update to revision 2");
    let aborted = status(&world);
    assert_eq!(aborted.current_step_index, Some(0));
    assert!(aborted.aborted_at.is_some());
    assert!(!aborted.controller_pause);
    assert_eq!(world.sets(), [("web:1".to_owned(), 1, 5), ("web:2".to_owned(), 2, 0)]);
    status_patch(&mut world, &json!({"abort": false}));
    is(&world, "Paused", "CanaryPauseStep");
    assert_eq!(status(&world).current_step_index, Some(1));
}

#[test]
fn abort_while_paused_leaves_canary_pods() {
    let mut world = World::new();
    canary(&mut world);
    set_image(&mut world, "web:2");
    world.patch(Kind::Rollout, "web", Part::Main, &json!({"spec": {"paused": true}}));
    status_patch(&mut world, &json!({"abort": true}));
    assert_eq!(phase(&world).0, "Degraded");
    assert_eq!(
        world.sets(),
        [("web:1".to_owned(), 1, 4), ("web:2".to_owned(), 2, 1)],
        "half inert: the phase says aborted, the pods stay"
    );
    world.patch(Kind::Rollout, "web", Part::Main, &json!({"spec": {"paused": false}}));
    world.advance(5);
    assert_eq!(world.sets(), [("web:1".to_owned(), 1, 5), ("web:2".to_owned(), 2, 0)]);
}

#[test]
fn full_promotion_skips_the_steps_and_withdraws_an_abort() {
    let mut world = World::new();
    canary(&mut world);
    set_image(&mut world, "web:2");
    status_patch(&mut world, &json!({"promoteFull": true, "abort": true}));
    world.advance(20);
    is(&world, "Healthy", "");
    let done = status(&world);
    assert!(!done.promote_full && !done.abort);
    assert_eq!(done.current_step_index, Some(8));
    let completed = world.event_messages("RolloutCompleted");
    assert!(completed.iter().any(|m| m.ends_with("Full promotion requested")), "{completed:?}");
}

#[test]
fn undo_to_stable_skips_the_steps_and_renumbers() {
    let mut world = World::new();
    canary(&mut world);
    set_image(&mut world, "web:2");
    set_image(&mut world, "web:1");
    world.advance(10);
    is(&world, "Healthy", "");
    assert_eq!(status(&world).current_step_index, Some(8));
    assert_eq!(world.sets(), [("web:1".to_owned(), 3, 5), ("web:2".to_owned(), 2, 0)]);
    assert_eq!(world.event_messages("SkipSteps"), ["Rollback to stable ReplicaSets"]);
    let rollout = world.get(Kind::Rollout, "web");
    assert_eq!(object::annotation(&rollout, super::super::REVISION), Some("3"));
}

#[test]
fn crashing_canary_stays_at_its_step_until_the_deadline() {
    let mut world = World::new();
    world.behave(
        "web:bad",
        Behaviour {
            fate: ContainerOutcome::Crashes { exit_code: 1, after: Duration::from_secs(1) },
            ..Behaviour::default()
        },
    );
    canary(&mut world);
    set_image(&mut world, "web:bad");
    world.advance(60);
    is(&world, "Progressing", "more replicas need to be updated");
    let stuck = status(&world);
    assert_eq!(stuck.current_step_index, Some(0));
    assert_eq!((stuck.replicas, stuck.available_replicas), (6, 5));
    let pod = world.pods().into_iter().find(|pod| object::text(pod, "/spec/containers/0/image") == "web:bad").unwrap();
    let container = &pod["status"]["containerStatuses"][0];
    assert_eq!(container["state"]["waiting"]["reason"], "CrashLoopBackOff");
    assert!(container["restartCount"].as_i64().unwrap() >= 2);
    assert_eq!(container["lastState"]["terminated"]["exitCode"], 1);
    world.advance(700);
    let (phase, message) = phase(&world);
    assert_eq!(phase, "Degraded");
    assert!(
        message.starts_with("ProgressDeadlineExceeded: ReplicaSet \"web-")
            && message.ends_with("has timed out progressing."),
        "{message}"
    );
    assert_eq!(status(&world).updated_replicas, 1, "nothing is reverted");
}

#[test]
fn scaling_in_mid_canary_keeps_the_share() {
    let mut world = World::new();
    canary(&mut world);
    set_image(&mut world, "web:2");
    world.patch(Kind::Rollout, "web", Part::Main, &json!({"spec": {"replicas": 10}}));
    world.advance(10);
    assert_eq!(world.sets(), [("web:1".to_owned(), 1, 8), ("web:2".to_owned(), 2, 2)]);
    is(&world, "Paused", "CanaryPauseStep");
}

#[test]
fn a_third_version_in_mid_canary_replaces_the_second() {
    let mut world = World::new();
    canary(&mut world);
    set_image(&mut world, "web:2");
    set_image(&mut world, "web:3");
    world.advance(5);
    is(&world, "Paused", "CanaryPauseStep");
    assert_eq!(world.sets(), [("web:1".to_owned(), 1, 4), ("web:2".to_owned(), 2, 0), ("web:3".to_owned(), 3, 1),]);
}
