//! The life of Rollouts, with the figures and words that a real controller gave for the same requests.

use std::time::Duration;

use serde_json::{Value, json};

use super::status::Status;
use crate::simulator::controllers::testing::{World, service, template};
use crate::simulator::kubernetes::object;
use crate::simulator::kubernetes::resources::Kind;
use crate::simulator::kubernetes::store::Part;
use crate::simulator::scenario::behaviour::{Behaviour, Fate, Service};

fn steps() -> Value {
    json!([
        {"setWeight": 20}, {"pause": {}},
        {"setWeight": 40}, {"pause": {"duration": "5s"}},
        {"setWeight": 60}, {"pause": {"duration": "5s"}},
        {"setWeight": 80}, {"pause": {"duration": "5s"}},
    ])
}

fn rollout(replicas: i64, strategy: &Value, image: &str) -> Value {
    json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": template(image),
            "strategy": strategy,
        },
    })
}

fn canary(world: &mut World) {
    let strategy = json!({"canary": {"maxSurge": 1, "maxUnavailable": 0, "steps": steps()}});
    world.create(Kind::Rollout, rollout(5, &strategy, "web:1"));
    world.advance(10);
}

fn routed(world: &mut World) {
    for name in ["web-canary", "web-stable"] {
        world.create(Kind::Service, service(name));
    }
    let strategy = json!({"canary": {
        "canaryService": "web-canary",
        "stableService": "web-stable",
        "trafficRouting": {"istio": {}},
        "abortScaleDownDelaySeconds": 5,
        "steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}, {"pause": {"duration": 5}}],
    }});
    world.create(Kind::Rollout, rollout(4, &strategy, "web:1"));
    world.advance(10);
}

fn blue_green(world: &mut World) {
    for name in ["active", "preview"] {
        world.create(Kind::Service, service(name));
    }
    let strategy = json!({"blueGreen": {
        "activeService": "active",
        "previewService": "preview",
        "autoPromotionEnabled": false,
        "scaleDownDelaySeconds": 10,
    }});
    world.create(Kind::Rollout, rollout(3, &strategy, "web:1"));
    world.advance(10);
}

fn set_image(world: &mut World, image: &str) {
    let patch = json!({"spec": {"template": {"spec": {
        "containers": [{"name": "app", "image": image}],
    }}}});
    world.patch(Kind::Rollout, "web", Part::Main, &patch);
    world.advance(4);
}

fn status_patch(world: &mut World, status: &Value) {
    world.patch(Kind::Rollout, "web", Part::Status, &json!({"status": status}));
    world.advance(3);
}

fn status(world: &World) -> Status {
    Status::read(world.get(Kind::Rollout, "web").get("status"))
}

fn phase(world: &World) -> (String, String) {
    let status = status(world);
    (status.phase, status.message)
}

fn is(world: &World, phase: &str, message: &str) {
    let status = status(world);
    assert_eq!((status.phase.as_str(), status.message.as_str()), (phase, message), "{status:#?}");
}

/// Resumes from a pause as `kubectl argo rollouts promote` does.
fn promote(world: &mut World) {
    status_patch(world, &json!({"pauseConditions": null}));
}

fn weight(world: &World) -> i64 {
    status(world).canary.weights.map_or(-1, |w| w.canary.weight)
}

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
fn a_canary_goes_step_by_step_to_the_end() {
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
fn a_person_freezes_and_thaws_without_losing_the_step() {
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
fn abort_goes_back_to_stable_and_retry_starts_again() {
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
fn abort_of_a_frozen_canary_leaves_its_pods() {
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
    assert_eq!(object::annotation(&rollout, super::REVISION), Some("3"));
}

#[test]
fn a_crashing_canary_neither_moves_nor_hurts_and_runs_into_its_deadline() {
    let mut world = World::new();
    world.behave(
        "web:bad",
        Behaviour { fate: Fate::Crashes { exit_code: 1, after: Duration::from_secs(1) }, ..Behaviour::default() },
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
fn routed_traffic_follows_the_steps_and_stable_stays_whole() {
    let mut world = World::new();
    routed(&mut world);
    assert_eq!(weight(&world), 0);
    set_image(&mut world, "web:2");
    is(&world, "Paused", "CanaryPauseStep");
    assert_eq!(weight(&world), 20);
    let paused = status(&world);
    assert_eq!((paused.replicas, paused.updated_replicas), (5, 1));
    let weights = paused.canary.weights.unwrap();
    assert_eq!(weights.stable.weight, 80);
    assert_eq!(weights.canary.pod_template_hash, paused.current_pod_hash);
    assert_eq!(weights.stable.service_name, "web-stable");
    promote(&mut world);
    assert_eq!(weight(&world), 50);
    world.advance(60);
    is(&world, "Healthy", "");
    assert_eq!(weight(&world), 0);
    assert_eq!(world.sets(), [("web:1".to_owned(), 1, 0), ("web:2".to_owned(), 2, 4)]);
}

#[test]
fn an_abort_takes_the_traffic_at_once_and_the_pods_later() {
    let mut world = World::new();
    routed(&mut world);
    set_image(&mut world, "web:2");
    world.patch(Kind::Rollout, "web", Part::Status, &json!({"status": {"abort": true}}));
    world.advance(1);
    assert_eq!(weight(&world), 0);
    assert_eq!(world.sets(), [("web:1".to_owned(), 1, 4), ("web:2".to_owned(), 2, 1)]);
    world.advance(10);
    assert_eq!(world.sets(), [("web:1".to_owned(), 1, 4), ("web:2".to_owned(), 2, 0)]);
    assert_eq!(phase(&world).0, "Degraded");
}

#[test]
fn blue_green_waits_switches_and_scales_down_later() {
    let mut world = World::new();
    blue_green(&mut world);
    is(&world, "Healthy", "");
    set_image(&mut world, "web:2");
    is(&world, "Paused", "BlueGreenPause");
    let paused = status(&world);
    assert_eq!(paused.blue_green.active_selector, paused.stable_rs);
    assert_eq!(paused.blue_green.preview_selector, paused.current_pod_hash);
    assert_eq!((paused.replicas, paused.available_replicas, paused.hpa_replicas), (6, 3, 3));
    promote(&mut world);
    is(&world, "Healthy", "");
    let promoted = status(&world);
    assert_eq!(promoted.blue_green.active_selector, promoted.current_pod_hash);
    assert_eq!(promoted.replicas, 6, "the old pods outlive the switch");
    world.advance(15);
    assert_eq!(status(&world).replicas, 3);
}

#[test]
fn blue_green_abort_keeps_the_active_side() {
    let mut world = World::new();
    blue_green(&mut world);
    set_image(&mut world, "web:2");
    status_patch(&mut world, &json!({"abort": true}));
    is(&world, "Degraded", "RolloutAborted: Rollout aborted update to revision 2");
    let aborted = status(&world);
    assert_eq!(aborted.blue_green.active_selector, aborted.stable_rs);
    world.advance(40);
    assert_eq!(world.sets(), [("web:1".to_owned(), 1, 3), ("web:2".to_owned(), 2, 0)]);
}

#[test]
fn blue_green_goes_on_by_itself_after_its_time() {
    let mut world = World::new();
    for name in ["active", "preview"] {
        world.create(Kind::Service, service(name));
    }
    let strategy = json!({"blueGreen": {
        "activeService": "active",
        "previewService": "preview",
        "autoPromotionSeconds": 20,
    }});
    world.create(Kind::Rollout, rollout(2, &strategy, "web:1"));
    world.advance(10);
    set_image(&mut world, "web:2");
    is(&world, "Paused", "BlueGreenPause");
    world.advance(25);
    is(&world, "Healthy", "");
}

#[test]
fn restart_replaces_pods_a_few_at_a_time() {
    let mut world = World::new();
    canary(&mut world);
    let before: Vec<String> = world.pods().iter().map(|pod| object::uid(pod).to_owned()).collect();
    let at = object::stamp(world.store.clock().now());
    world.advance(1);
    world.patch(Kind::Rollout, "web", Part::Main, &json!({"spec": {"restartAt": at}}));
    is(&world, "Progressing", "rollout is restarting");
    world.advance(200);
    is(&world, "Healthy", "");
    assert_eq!(status(&world).restarted_at.as_deref(), Some(at.as_str()));
    let kept = world.pods().iter().filter(|pod| before.contains(&object::uid(pod).to_owned())).count();
    assert_eq!(kept, 0);
}

#[test]
fn a_failing_analysis_aborts_and_a_passing_one_goes_on() {
    let mut world = World::new();
    world.behave(
        "web:bad",
        Behaviour { service: Service { error_ratio: 0.5, ..Service::default() }, ..Behaviour::default() },
    );
    world.create(
        Kind::AnalysisTemplate,
        json!({
            "metadata": {"name": "error-ratio"},
            "spec": {"args": [{"name": "hash"}], "metrics": [{
                "name": "error-ratio",
                "count": 3,
                "interval": "2s",
                "initialDelay": "5s",
                "failureLimit": 0,
                "successCondition": "len(result) > 0 && result[0] < 0.05",
                "provider": {"prometheus": {"query": "errors{pod=~\"{{args.hash}}\"}"}},
            }]},
        }),
    );
    let steps = json!([
        {"setWeight": 25},
        {"analysis": {
            "templates": [{"templateName": "error-ratio"}],
            "args": [{"name": "hash", "valueFrom": {"podTemplateHashValue": "Latest"}}],
        }},
        {"setWeight": 50},
    ]);
    let strategy = json!({"canary": {"steps": steps}});
    world.create(Kind::Rollout, rollout(4, &strategy, "web:1"));
    world.advance(10);
    set_image(&mut world, "web:2");
    let running = status(&world);
    assert_eq!(running.phase, "Progressing");
    let run = running.canary.current_step_analysis_run_status.unwrap();
    assert_eq!(run.status, "Running");
    assert!(run.name.ends_with("-2-1"), "{}", run.name);
    world.advance(60);
    is(&world, "Healthy", "");
    let stored = world.get(Kind::AnalysisRun, &run.name);
    assert_eq!(stored["status"]["phase"], "Successful");
    assert_eq!(stored["status"]["metricResults"][0]["successful"], 3);
    assert_eq!(stored["metadata"]["labels"]["rollout-type"], "Step");
    set_image(&mut world, "web:bad");
    world.advance(20);
    is(
        &world,
        "Degraded",
        "RolloutAborted: Rollout aborted update to revision 3: Step-based analysis phase error/failed: \
         Metric \"error-ratio\" assessed Failed due to failed (1) > failureLimit (0)",
    );
}

#[test]
fn a_workload_reference_takes_over_its_deployment() {
    let mut world = World::new();
    world.create(
        Kind::Deployment,
        json!({
            "metadata": {"name": "ledger"},
            "spec": {
                "replicas": 3,
                "selector": {"matchLabels": {"app": "web"}},
                "template": template("ledger:1"),
            },
        }),
    );
    world.create(
        Kind::Rollout,
        json!({
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 3,
                "workloadRef": {
                    "apiVersion": "apps/v1", "kind": "Deployment", "name": "ledger",
                    "scaleDown": "onsuccess",
                },
                "strategy": {"canary": {"steps": [{"setWeight": 34}, {"pause": {}}]}},
            },
        }),
    );
    world.advance(30);
    is(&world, "Healthy", "");
    let deployment = world.get(Kind::Deployment, "ledger");
    assert_eq!(deployment["spec"]["replicas"], 0);
    world.patch(
        Kind::Deployment,
        "ledger",
        Part::Main,
        &json!({"spec": {"template": {"spec": {
            "containers": [{"name": "app", "image": "ledger:2"}],
        }}}}),
    );
    world.advance(10);
    is(&world, "Paused", "CanaryPauseStep");
    let rollout = world.get(Kind::Rollout, "web");
    assert_eq!(
        rollout["status"]["workloadObservedGeneration"],
        rollout["metadata"]["annotations"]["rollout.argoproj.io/workload-generation"]
    );
    assert_eq!(rollout["metadata"]["generation"], 1);
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

#[test]
fn a_rollout_that_cannot_work_says_why() {
    let mut world = World::new();
    let strategy = json!({"canary": {"maxSurge": 0, "maxUnavailable": 0}});
    world.create(Kind::Rollout, rollout(5, &strategy, "web:1"));
    is(
        &world,
        "Degraded",
        "InvalidSpec: The Rollout \"web\" is invalid: spec.strategy.maxSurge: Invalid value: 0: \
         MaxSurge and MaxUnavailable both can not be zero",
    );
}

#[test]
fn injected_metadata_is_taken_back_on_promotion() {
    let mut world = World::new();
    let strategy = json!({"canary": {
        "canaryMetadata": {"labels": {"role": "canary"}},
        "stableMetadata": {"labels": {"role": "stable"}},
        "steps": [{"setWeight": 50}, {"pause": {}}],
    }});
    world.create(Kind::Rollout, rollout(2, &strategy, "web:1"));
    world.advance(10);
    set_image(&mut world, "web:2");
    let roles = |world: &World| {
        let mut roles: Vec<String> = world
            .pods()
            .iter()
            .map(|pod| {
                format!(
                    "{} {}",
                    object::text(pod, "/spec/containers/0/image"),
                    object::label(pod, "role").unwrap_or("-")
                )
            })
            .collect();
        roles.sort();
        roles
    };
    assert_eq!(roles(&world), ["web:1 stable", "web:2 canary"]);
    promote(&mut world);
    world.advance(20);
    assert_eq!(roles(&world), ["web:2 stable", "web:2 stable"]);
}
