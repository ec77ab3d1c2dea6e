//! Analysis, restart, injected metadata, templates from elsewhere.

use serde_json::json;

use super::{canary, is, promote, rollout, set_image, status};
use crate::controllers::testing::{World, template};
use crate::kubernetes::object;
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::Part;
use crate::scenario::behaviour::{Behaviour, Service};

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
fn failing_analysis_aborts_and_a_passing_one_continues() {
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
fn invalid_rollout_reports_its_reason() {
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
