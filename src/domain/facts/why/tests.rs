//! What clusters have shown, and the reason that is the right one.

use serde_json::{Value, json};

use super::*;
use crate::domain::facts::reduce;
use crate::domain::facts::workload::deployment;

fn rollout(status: &Value) -> Value {
    let mut object = json!({
        "kind": "Rollout",
        "metadata": {"name": "web", "annotations": {"rollout.argoproj.io/revision": "2"}},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}},
                 "template": {"spec": {"containers": [{"name": "app", "image": "web:1.1.0"}]}},
                 "strategy": {"canary": {"steps": [{"setWeight": 30}, {"pause": {}}]}}},
        "status": {"phase": "Progressing", "message": "more replicas need to be updated", "replicas": 4,
                   "updatedReplicas": 1, "readyReplicas": 3, "availableReplicas": 3, "currentPodHash": "h2",
                   "stableRS": "h1", "currentStepIndex": 0, "selector": "app=web", "canary": {},
                   "observedGeneration": "0"},
    });
    for (field, value) in status.as_object().unwrap() {
        object["status"][field] = value.clone();
    }
    object
}

fn deployment(image: &str, paused: bool) -> Value {
    json!({
        "kind": "Deployment",
        "metadata": {"name": "web", "annotations": {"deployment.kubernetes.io/revision": "2"}},
        "spec": {"replicas": 3, "paused": paused, "selector": {"matchLabels": {"app": "web"}},
                 "template": {"spec": {"containers": [{"name": "app", "image": image}]}}},
        "status": {"replicas": 4, "updatedReplicas": 1, "readyReplicas": 3, "availableReplicas": 3,
                   "conditions": [{"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}]},
    })
}

fn replicaset(revision: u64, ready: u32, desired: u32) -> Value {
    json!({
        "metadata": {"name": format!("web-h{revision}"),
                     "labels": {"rollouts-pod-template-hash": format!("h{revision}")},
                     "annotations": {"rollout.argoproj.io/revision": revision.to_string()}},
        "spec": {"replicas": desired, "template": {"spec": {"containers": [
            {"name": "app", "image": format!("web:1.{}.0", revision - 1)}]}}},
        "status": {"replicas": desired, "readyReplicas": ready, "availableReplicas": ready},
    })
}

fn pod(revision: u64, name: &str, status: &Value) -> Value {
    json!({
        "metadata": {"name": format!("web-h{revision}-{name}"),
                     "labels": {"rollouts-pod-template-hash": format!("h{revision}")}},
        "spec": {"containers": [{"name": "app"}]},
        "status": status,
    })
}

fn well(revision: u64, name: &str) -> Value {
    let status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
                        "containerStatuses": [{"name": "app", "ready": true, "state": {"running": {}}}]});
    pod(revision, name, &status)
}

fn unready(state: &Value, phase: &str) -> Value {
    json!({"phase": phase, "conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady",
                                           "message": "containers with unready status: [app]"}],
           "containerStatuses": [{"name": "app", "ready": false, "state": state}]})
}

/// A roll of one new pod beside three of before.
fn seen(object: &Value, new: &[Value]) -> Snapshot {
    let old = ["a", "b", "c"].map(|name| well(1, name));
    let pods: Vec<_> = old.iter().chain(new).map(reduce::pod).collect();
    let replicasets = [replicaset(2, 0, 1), replicaset(1, 3, 3)];
    Snapshot {
        replicasets: replicasets.iter().map(reduce::replicaset).collect(),
        pods,
        ..Snapshot::of_object(Object::parse(object).unwrap())
    }
}

fn reason(object: &Value, new: &[Value]) -> String {
    seen(object, new).status().why.unwrap_or_default()
}

#[test]
fn failed_mount_and_probes_are_told_with_the_warning_of_the_pod() {
    for (state, phase, warning) in [
        (
            json!({"waiting": {"reason": "ContainerCreating"}}),
            "Pending",
            "FailedMount: MountVolume.SetUp failed for volume \"config\" : configmap \"web\" not found",
        ),
        (json!({"running": {}}), "Running", "Readiness probe failed: HTTP probe failed with statuscode: 503"),
    ] {
        let mut snapshot = seen(&rollout(&json!({})), &[pod(2, "d", &unready(&state, phase))]);
        let waits = "waits for 1 pod of 1.1.0: containers with unready status: [app]";
        assert_eq!(snapshot.status().why.as_deref(), Some(waits));
        snapshot.pods[3].warning = warning.to_owned();
        let told = format!("pod web-h2-d of 1.1.0 is not ready: {warning}");
        assert_eq!(snapshot.status().why, Some(told));
        assert_eq!(snapshot.status().failing, None, "it may still come up");
    }
}

/// Its pods take the new template at once, whatever step the Rollout is at.
#[test]
fn deployment_that_runs_beside_its_rollout_is_named() {
    let mut owner = deployment("web:1.1.0", false);
    owner["status"]["readyReplicas"] = json!(4);
    let with_owner = |object: &Value| {
        let mut snapshot = seen(object, &[well(2, "d")]);
        snapshot.template_owner = Some(Box::new(deployment::reduce(&owner)));
        snapshot.status().why.unwrap_or_default()
    };
    let paused = rollout(&json!({"phase": "Paused", "message": "CanaryPauseStep", "currentStepIndex": 1,
                                 "pauseConditions": [{"reason": "CanaryPauseStep"}]}));
    let beside = "deployment/web runs 4 pods of 1.1.0 beside the Rollout";
    assert!(with_owner(&paused).starts_with(&format!("{beside}; ")), "{}", with_owner(&paused));
    let aborted = rollout(&json!({"abort": true, "phase": "Degraded", "updatedReplicas": 0, "currentStepIndex": 0}));
    assert_eq!(with_owner(&aborted), format!("aborted, {beside}: scale it to 0"));
    // Behind a router nobody is sent to them.
    let mut routed = aborted.clone();
    routed["spec"]["strategy"]["canary"]["trafficRouting"] = json!({"nginx": {"stableIngress": "web"}});
    assert!(!with_owner(&routed).contains("deployment/web"), "{}", with_owner(&routed));
    owner["status"]["readyReplicas"] = json!(0);
    let mut alone = seen(&paused, &[well(2, "d")]);
    alone.template_owner = Some(Box::new(deployment::reduce(&owner)));
    assert!(!alone.status().why.unwrap_or_default().contains("deployment/web"));
}

#[test]
fn readiness_gate_that_is_not_met_is_named() {
    let message = "corresponding condition of pod readiness gate \"target-health.elbv2.k8s.aws/web\" does not exist.";
    let status = json!({"phase": "Running",
        "conditions": [{"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady", "message": message}],
        "containerStatuses": [{"name": "app", "ready": true, "state": {"running": {}}}]});
    let told = reason(&rollout(&json!({})), &[pod(2, "d", &status)]);
    assert_eq!(told, format!("pod web-h2-d of 1.1.0 is not ready: {message}"));
}

#[test]
fn sidecars_and_init_containers_count() {
    let spec = json!({"containers": [{"name": "app"}],
                      "initContainers": [{"name": "migrate"}, {"name": "mesh", "restartPolicy": "Always"}]});
    let mut sidecar = well(2, "c");
    sidecar["spec"] = spec.clone();
    sidecar["status"]["initContainerStatuses"] = json!([
        {"name": "migrate", "ready": true, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
        {"name": "mesh", "ready": false, "started": true, "restartCount": 2, "state": {"running": {}}}]);
    sidecar["status"]["conditions"][0] =
        json!({"type": "Ready", "status": "False", "message": "containers with unready status: [mesh]"});
    let seen = reduce::pod(&sidecar);
    assert_eq!((seen.ready, seen.total, seen.restarts, seen.is_ready()), (1, 2, 2, false));
    assert_eq!(seen.failing_container.as_deref(), Some("mesh"));
    assert!(reason(&rollout(&json!({})), &[sidecar]).ends_with("containers with unready status: [mesh]"));

    let mut init = well(2, "d");
    init["spec"] = spec;
    init["status"] = json!({"phase": "Pending", "conditions": [{"type": "Ready", "status": "False"}],
        "initContainerStatuses": [
            {"name": "migrate", "ready": false, "restartCount": 3,
             "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container=migrate"}},
             "lastState": {"terminated": {"exitCode": 2, "reason": "Error"}}},
            {"name": "mesh", "ready": false, "state": {"waiting": {"reason": "PodInitializing"}}}],
        "containerStatuses": [{"name": "app", "ready": false, "state": {"waiting": {"reason": "PodInitializing"}}}]});
    let seen = reduce::pod(&init);
    assert_eq!((seen.restarts, seen.failing_container.as_deref()), (3, Some("migrate")));
    assert_eq!(
        reason(&rollout(&json!({})), &[init]),
        "1 pod Init:CrashLoopBackOff: back-off 40s restarting failed container=migrate, last exit 2 Error"
    );
}

#[test]
fn what_ended_the_container_stands_behind_a_back_off() {
    let status = json!({"phase": "Running", "containerStatuses": [
        {"name": "app", "ready": false, "restartCount": 4,
         "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}},
         "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}},
        {"name": "proxy", "ready": true, "state": {"running": {}},
         "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}]});
    assert_eq!(
        reason(&deployment("web:1.1.0", false), &[pod(2, "d", &status)]),
        "1 pod CrashLoopBackOff: back-off 40s restarting failed container, last exit 137 OOMKilled"
    );
}

#[test]
fn pods_that_were_replaced_are_no_reason() {
    let evicted = json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."});
    let leftovers = [pod(1, "d", &evicted), pod(1, "e", &evicted), well(2, "f")];
    assert_eq!(reason(&deployment("web:1.1.0", false), &leftovers), "");
    // Nothing has taken its place.
    let mut snapshot = seen(&deployment("web:1.1.0", false), &[pod(2, "d", &evicted)]);
    snapshot.replicasets[0].current = 0;
    assert!(snapshot.status().why.unwrap().starts_with("1 pod Evicted: The node was low"));
}

#[test]
fn unknown_reasons_of_pods_are_failures_and_known_steps_are_not() {
    let with = |reason: &str| Pod { reason: reason.to_owned(), ..Pod::default() };
    for failing in [
        "CrashLoopBackOff",
        "Init:ErrImagePull",
        "OutOfcpu",
        "UnexpectedAdmissionError",
        "NodeAffinity",
        "CreatePodSandboxError",
        "StartError",
        "PostStartHookError",
        "Init:ExitCode:3",
        "Signal:9",
        "Unknown",
        "Error",
    ] {
        assert!(with(failing).is_failing(), "{failing}");
    }
    for well in ["Running", "ContainerCreating", "Init:0/2", "PodInitializing", "Pending", "Terminating", "Completed"] {
        assert!(!with(well).is_failing(), "{well}");
    }
}

#[test]
fn new_pods_that_all_fail_are_told_at_once() {
    let crashing = unready(&json!({"waiting": {"reason": "CrashLoopBackOff"}}), "Running");
    let failing = |new: &[Value]| seen(&rollout(&json!({})), new).status().failing;
    let all = [pod(2, "d", &crashing), pod(2, "e", &crashing)];
    assert_eq!(failing(&all).as_deref(), Some("no pod of 1.1.0 comes up: 2 pods CrashLoopBackOff"));
    assert_eq!(failing(&[pod(2, "d", &crashing), well(2, "e")]), None);
    assert_eq!(failing(&[]), None);
    let no_node = json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]});
    assert_eq!(failing(&[pod(2, "d", &no_node)]), None, "a node may be added");
}

#[test]
fn what_the_controller_refuses_comes_before_everything_but_a_deletion() {
    let crashing = unready(&json!({"waiting": {"reason": "CrashLoopBackOff"}}), "Running");
    let invalid = json!([{"type": "InvalidSpec", "status": "True", "message": "spec.strategy is wrong"}]);
    let mut object = rollout(&json!({"conditions": invalid}));
    assert_eq!(reason(&object, &[pod(2, "d", &crashing)]), "the spec is invalid: spec.strategy is wrong");
    object["metadata"]["deletionTimestamp"] = json!("2026-11-26T18:00:00Z");
    object["metadata"]["finalizers"] = json!(["example.com/keep"]);
    assert_eq!(reason(&object, &[]), "it is being deleted, held by finalizer example.com/keep");
    let not_made = json!([{"type": "Progressing", "status": "False", "reason": "ReplicaSetCreateError",
                           "message": "Failed to create new replica set \"web-h2\": exceeded quota"}]);
    assert!(reason(&rollout(&json!({"conditions": not_made})), &[]).starts_with("the new ReplicaSet cannot be made: "));
}

#[test]
fn rollout_that_no_controller_looks_at_is_told_and_is_at_nothing() {
    let mut object = rollout(&json!({}));
    object["status"] = json!({});
    let status = Snapshot::of_object(Object::parse(&object).unwrap()).status();
    assert_eq!(status.why.as_deref(), Some("the Argo Rollouts controller has never looked at it: is it running?"));
    assert_eq!(status.progress, 0);
}

#[test]
fn controller_that_asks_for_no_pods_is_told() {
    let object = rollout(&json!({"replicas": 0, "updatedReplicas": 0, "readyReplicas": 0, "availableReplicas": 0,
                                 "stableRS": "", "selector": ""}));
    let snapshot = Snapshot::of_object(Object::parse(&object).unwrap());
    assert_eq!(snapshot.status().why.as_deref(), Some("the controller asks for no pods: see its log"));
}

#[test]
fn new_template_of_a_paused_deployment_is_named() {
    let mut object = deployment("web:1.2.0", true);
    object["status"]["updatedReplicas"] = json!(0);
    assert_eq!(
        reason(&object, &[]),
        "paused manually: the manifest has a new template (1.2.0) that is no revision yet; R puts the old one back"
    );
    assert_eq!(reason(&deployment("web:1.1.0", true), &[]), "paused manually: space resumes it");
}

#[test]
fn abort_mark_on_a_finished_update_is_left_over() {
    let object = rollout(&json!({"abort": true, "phase": "Degraded", "stableRS": "h2", "updatedReplicas": 3,
                                 "message": "RolloutAborted: Rollout aborted update to revision 2", "currentStepIndex": 2}));
    assert_eq!(reason(&object, &[]), "1.1.0 serves; the abort mark is left over: retry clears it");
}

#[test]
fn restart_that_may_evict_no_pod_names_the_budget() {
    let mut object = rollout(&json!({"currentPodHash": "h1", "updatedReplicas": 3, "replicas": 3}));
    object["spec"]["restartAt"] = json!("2026-11-26T18:00:00Z");
    let mut snapshot = seen(&object, &[]);
    assert_eq!(snapshot.status().why, None);
    snapshot.budgets = vec!["web".to_owned()];
    assert_eq!(
        snapshot.status().why.as_deref(),
        Some("the restart may evict no pod: PodDisruptionBudget web allows no disruption now")
    );
}
