//! Traps that real servers have shown: what is offered, and what is not.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::record::action::{Intent, Verb};

use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::{EnvName, WorkloadKey};
use crate::domain::facts::workload::Object;
use crate::domain::facts::workload::Snapshot;
use crate::domain::rules::action::{Plan, PlanContext, Settled, plan, settled, unnoticed};
use crate::domain::rules::refusal::Refusal;
use crate::domain::world::feed::Feed;
use crate::domain::world::{EnvSettings, World};

const NOW: &str = "2026-11-21T09:00:00Z";

fn ask(object: &Value, replicasets: &[Value], verb: Verb) -> Result<Plan, Vec<Refusal>> {
    let object = Object::parse(object).unwrap();
    let target = WorkloadKey { env: EnvName::new("a"), workload: object.id() };
    let mut world = World::new([EnvSettings {
        namespace: "a".to_owned(),
        workloads: vec![target.workload.clone()],
        ..EnvSettings::new("a")
    }]);
    let now: Timestamp = NOW.parse().unwrap();
    let mut replicasets: Vec<_> = replicasets.iter().map(crate::domain::facts::reduce::replicaset).collect();
    replicasets.sort_by_key(|rs| std::cmp::Reverse(rs.revision()));
    let snapshot =
        Snapshot { object, template_owner: None, routed: Vec::new(), replicasets, pods: Vec::new(), runs: Vec::new() };
    world.take(Feed::Workload { target: target.clone(), snapshot: Some(Arc::new(snapshot)) }, now);
    let link = Feed::Link { env: target.env.clone(), source: SourceKind::Kubernetes, link: Link::Up, at: Some(now) };
    world.take(link, now);
    plan(&world, &Intent { verb, target: target.into(), to: None }, &PlanContext { now, ..PlanContext::default() })
}

fn replicaset(hash: &str, revision: u32, created: &str, replicas: u32) -> Value {
    json!({
        "metadata": {
            "name": format!("api-{hash}"), "uid": hash, "creationTimestamp": created,
            "labels": {"rollouts-pod-template-hash": hash},
            "annotations": {"rollout.argoproj.io/revision": revision.to_string(),
                            "deployment.kubernetes.io/revision": revision.to_string()},
        },
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "app", "image": format!("api:{hash}")}]}}},
        "status": {"replicas": replicas},
    })
}

fn canary(current: &str, stable: &str, phase: &str) -> Value {
    json!({
        "kind": "Rollout", "metadata": {"name": "api", "uid": "u", "generation": 3},
        "spec": {"replicas": 2, "strategy": {"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}}},
        "status": {"observedGeneration": "3", "phase": phase, "currentPodHash": current, "stableRS": stable,
                   "replicas": 2, "updatedReplicas": 2},
    })
}

fn texts(refusals: &[Refusal]) -> String {
    refusals.iter().map(Refusal::line).collect::<Vec<_>>().join("; ")
}

/// `old` is older than `bad`, and was put back as revision 3.
fn history() -> [Value; 2] {
    [replicaset("bad", 2, "2026-11-21T08:30:00Z", 1), replicaset("old", 3, "2026-11-21T08:00:00Z", 1)]
}

#[test]
fn a_rollback_under_way_is_not_rolled_back_to_what_it_replaces() {
    // After a full promotion: the old one comes back as a canary, the bad one is still stable.
    let refused = ask(&canary("old", "bad", "Paused"), &history(), Verb::Rollback).unwrap_err();
    assert_eq!(texts(&refused), "a rollback to old is in progress: abort stops it, or choose a revision");
    // Back to stable: the bad canary's pods still go.
    let refused = ask(&canary("old", "old", "Progressing"), &history(), Verb::Rollback).unwrap_err();
    assert_eq!(texts(&refused), "a rollback to old is in progress: wait for it, or choose a revision");
    // Forward, stable is what one goes back to.
    let plan = ask(&canary("bad", "old", "Paused"), &history(), Verb::Rollback).unwrap();
    assert_eq!(plan.record().to_hash.as_deref(), Some("old"));
}

#[test]
fn a_deployment_on_its_way_back_is_not_sent_forward_again() {
    let deployment = json!({
        "kind": "Deployment",
        "metadata": {"name": "api", "uid": "u", "generation": 3, "annotations": {"deployment.kubernetes.io/revision": "3"}},
        "spec": {"replicas": 2, "template": history()[1]["spec"]["template"]},
        "status": {"observedGeneration": 3, "replicas": 3, "updatedReplicas": 1},
    });
    let refused = ask(&deployment, &history(), Verb::Rollback).unwrap_err();
    assert_eq!(texts(&refused), "a rollback to old is in progress: wait for it, or choose a revision");
}

#[test]
fn aborted_preview_is_not_retried_while_a_retry_would_switch_at_once() {
    let mut rollout = canary("bad", "old", "Degraded");
    rollout["spec"]["strategy"] = json!({"blueGreen": {"autoPromotionEnabled": false}});
    rollout["status"]["abort"] = json!(true);
    let mut sets = history();
    sets[0]["metadata"]["annotations"]["scale-down-deadline"] = json!("2026-11-21T09:00:20Z");
    let refused = ask(&rollout, &sets, Verb::Retry).unwrap_err();
    assert!(texts(&refused).ends_with("without the pause: wait until they are scaled down, at 2026-11-21T09:00:20Z"));
    let mut gone = sets.clone();
    gone[0]["spec"]["replicas"] = json!(0);
    gone[0]["status"]["replicas"] = json!(0);
    assert!(ask(&rollout, &gone, Verb::Retry).is_ok());
    // A canary runs its steps again all the same.
    let mut canary = canary("bad", "old", "Degraded");
    canary["status"]["abort"] = json!(true);
    assert!(ask(&canary, &sets, Verb::Retry).is_ok());
}

#[test]
fn an_abort_that_the_controller_overlooked_is_neither_done_nor_undone() {
    let mut rollout = canary("bad", "old", "Paused");
    let plan = ask(&rollout, &history(), Verb::Abort).unwrap();
    let look = |value: &Value| {
        let object = Object::parse(value).unwrap();
        let done = matches!(settled(plan.record(), &object.clone().into()), Settled::Done(_));
        (done, unnoticed(plan.record(), &object.into()))
    };
    assert_eq!(look(&rollout), (false, false));
    rollout["status"]["abort"] = json!(true);
    assert_eq!(look(&rollout), (false, true));
    rollout["status"]["abortedAt"] = json!(NOW);
    assert_eq!(look(&rollout), (true, false));
    // Held manually the canary's pods would continue serving.
    rollout["spec"]["paused"] = json!(true);
    assert_eq!(look(&rollout), (false, false));
}

#[test]
fn pause_after_the_plan_is_resumed_with_the_abort() {
    let mut rollout = canary("bad", "old", "Paused");
    let plan = ask(&rollout, &history(), Verb::Abort).unwrap();
    assert_eq!(plan.record().requests.len(), 1);
    let rest =
        |value: &Value| Object::parse(value).unwrap().actions().remainder(plan.record()).map(|request| request.line());
    rollout["status"]["abort"] = json!(true);
    assert_eq!(rest(&rollout), None);
    rollout["spec"]["paused"] = json!(true);
    assert_eq!(rest(&rollout).as_deref(), Some(r#"PATCH rollouts/api  {"spec":{"paused":false}}"#));
    // A plan that knew of the pause lifts it anyway.
    rollout["status"]["abort"] = json!(false);
    let plan = ask(&rollout, &history(), Verb::Abort).unwrap();
    rollout["status"]["abort"] = json!(true);
    assert_eq!(Object::parse(&rollout).unwrap().actions().remainder(plan.record()), None);
}
