//! Why it is not moving: every cause is named, and the figures are those of the tools all the while.

use release_cockpit::domain::facts::workload::Phase;
use release_cockpit::domain::record::action::Verb;
use serde_json::{Value, json};
use support::check::{same, says};
use support::manifests::{canary, image, pause, pause_for, quota, template, traffic_routed, weight};
use support::{Checked, TestNamespace};

use super::fresh;
use crate::contract::cockpit::{Cockpit, Opening, View};

const API: &str = "rollout/api";

fn steps() -> Vec<Value> {
    vec![weight(34), pause(), weight(67), pause()]
}

fn why(cockpit: &Cockpit) -> Checked<String> {
    Ok(cockpit.seen()?.status.why.clone().unwrap_or_default())
}

fn has_pod(view: &View<'_>, reason: &str) -> bool {
    view.snapshot.pods.iter().any(|pod| pod.reason == reason)
}

/// A canary that crashes; its log is fetched; rollback mends it.
pub async fn crash(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0-crash")).await?;
    cockpit.until("the crash", |view| has_pod(view, "CrashLoopBackOff")).await?;
    cockpit.picture(namespace).await?;
    says(&why(&cockpit)?, "1 pod CrashLoopBackOff: back-off 10s restarting failed container=app")?;
    cockpit.until("its log", |view| view.state.log.as_ref().is_some_and(|(_, lines)| lines.is_ok())).await?;
    // Ten seconds later it has restarted once more.
    cockpit.until("a restart", |view| view.snapshot.pods.iter().any(|pod| pod.restarts > 1)).await?;
    cockpit.picture(namespace).await?;
    says(&cockpit.refused(Verb::Promote)?, "step 1 setWeight 34 is in progress")?;
    cockpit.act(Verb::Rollback).await?;
    cockpit.until("1.0.0", |view| view.is_settled() && view.goes_out() == "1.0.0").await?;
    cockpit.check_life()
}

/// An image that cannot be pulled, until the deadline passes.
pub async fn image_pull_until_the_deadline(namespace: &TestNamespace) -> Checked {
    let mut object = canary("api", 3, &steps());
    object["spec"]["progressDeadlineSeconds"] = json!(3);
    let mut cockpit = fresh(namespace, API, [object]).await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0-nopull")).await?;
    cockpit.until("the failed pull", |view| has_pod(view, "ImagePullBackOff")).await?;
    says(&why(&cockpit)?, "1 pod ImagePullBackOff: Back-off pulling image")?;
    cockpit.until("the deadline", |view| view.is(Phase::Degraded)).await?;
    cockpit.picture(namespace).await?;
    says(&why(&cockpit)?, "progress deadline exceeded: 1 pod ImagePullBackOff")?;
    cockpit.act(Verb::Abort).await?;
    cockpit.until("the abort", |view| view.status.aborted && view.snapshot.pods.len() == 3).await?;
    cockpit.picture(namespace).await?;
    cockpit.check_life()
}

/// Past the deadline a half-done canary still serves its part.
pub async fn deadline_while_it_serves(namespace: &TestNamespace) -> Checked {
    let mut objects = traffic_routed("api", 3, &steps());
    objects.last_mut().ok_or("no rollout")?["spec"]["progressDeadlineSeconds"] = json!(3);
    let mut cockpit = fresh(namespace, API, objects).await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    cockpit.until_paused_at(1).await?;
    // No room for the pods of the next step.
    namespace.create_objects([quota(5)]).await?;
    let counted = |object: &Value| object["status"]["used"]["pods"].is_string();
    namespace.until("ResourceQuota", "pods", "counted", counted).await?;
    // It is not done: the canary never comes to its next stop.
    let lacks = cockpit.begin(Verb::Promote).await?;
    says(&lacks, "on its way to its next stop")?;
    cockpit.until("the deadline", |view| view.is(Phase::Degraded)).await?;
    cockpit.picture(namespace).await?;
    says(&why(&cockpit)?, "progress deadline exceeded, still serving 34 %")?;
    cockpit.check_life()
}

/// A quota that leaves no room for a canary pod.
pub async fn no_quota_left(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    namespace.create_objects([quota(3)]).await?;
    let counted = |object: &Value| object["status"]["used"]["pods"] == "3";
    namespace.until("ResourceQuota", "pods", "counted", counted).await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    cockpit.until("the failure", |view| view.snapshot.replicasets.iter().any(|rs| rs.failure.is_some())).await?;
    cockpit.picture(namespace).await?;
    let said = why(&cockpit)?;
    says(&said, "pods cannot be created")?;
    says(&said, "exceeded quota: pods")?;
    cockpit.check_life()
}

/// No node for the canary's pod.
pub async fn no_node(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    let mut nowhere = template("api", "1.1.0", None);
    nowhere["spec"]["nodeSelector"] = json!({"disk": "holographic"});
    namespace.merge("Rollout", "api", json!({"spec": {"template": nowhere}})).await?;
    let unscheduled = |view: &View<'_>| view.snapshot.pods.iter().any(|pod| pod.message.starts_with("Unschedulable"));
    cockpit.until("the pod without a node", |view| unscheduled(view)).await?;
    cockpit.picture(namespace).await?;
    says(&why(&cockpit)?, "1 pod Pending: Unschedulable: 0/")?;
    cockpit.check_life()
}

/// Pods that run and never get ready.
pub async fn never_ready(namespace: &TestNamespace) -> Checked {
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps())]).await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0-unready")).await?;
    cockpit.until("its pod", |view| view.rollout().observed() && view.snapshot.pods.len() == 4).await?;
    cockpit.picture(namespace).await?;
    // No kubelet says it here.
    let view = cockpit.seen()?;
    let hash = view.rollout().status.current_hash;
    let pod = view.snapshot.pods_of(&hash).next().ok_or("no new pod")?.name.clone();
    let now = jiff::Timestamp::now().to_string();
    let event = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "probe"}, "type": "Warning", "reason": "Unhealthy",
        "message": "Readiness probe failed: HTTP probe failed with statuscode: 503", "firstTimestamp": now,
        "lastTimestamp": now, "involvedObject": {"kind": "Pod", "name": pod, "namespace": namespace.name},
    });
    namespace.create_objects([event]).await?;
    let told = format!("pod {pod} of 1.1.0-unready is not ready: Readiness probe failed: HTTP probe failed with");
    let is_told = |view: &View<'_>| view.status.why.as_ref().is_some_and(|why| why.starts_with(&told));
    cockpit.until("the probe", is_told).await?;
    cockpit.check_life()
}

/// A Rollout that is being deleted and held by a finalizer.
pub async fn being_deleted(namespace: &TestNamespace) -> Checked {
    let mut object = canary("api", 1, &steps());
    object["metadata"]["finalizers"] = json!(["cockpit.test/keep"]);
    let mut cockpit = fresh(namespace, API, [object]).await?;
    namespace.delete_object("Rollout", "api").await?;
    let told = "it is being deleted, held by finalizer cockpit.test/keep";
    let held = cockpit.until("the deletion", |view| view.status.why.as_deref() == Some(told)).await;
    namespace.merge("Rollout", "api", json!({"metadata": {"finalizers": null}})).await?;
    held?;
    let gone = |cockpit: &Cockpit| cockpit.world.find(&cockpit.target).is_some_and(|(_, workload)| workload.missing);
    cockpit.until_any("it is gone", gone).await
}

/// A restart that a PodDisruptionBudget lets evict no pod.
pub async fn restart_held_by_a_budget(namespace: &TestNamespace) -> Checked {
    let rules = json!([{"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": ["list"]}]);
    namespace.grant("alice", "budgets", rules).await?;
    let mut cockpit = fresh(namespace, API, [canary("api", 2, &steps())]).await?;
    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "two"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "api"}}},
    });
    namespace.create_objects([budget]).await?;
    // Pods that were made in the second of the restart are new enough.
    cockpit.until_next_second().await?;
    cockpit.begin(Verb::Restart).await?;
    let told = "the restart may evict no pod: PodDisruptionBudget two allows no disruption now";
    cockpit.until("the budget", |view| view.status.why.as_deref() == Some(told)).await
}

/// A pause that ends by itself, and one that does not.
pub async fn pauses(namespace: &TestNamespace) -> Checked {
    let steps = [weight(34), pause_for(4), weight(67), pause()];
    let mut cockpit = fresh(namespace, API, [canary("api", 3, &steps)]).await?;
    namespace.set_image("Rollout", "api", &image("api", "1.1.0")).await?;
    cockpit.until_paused_at(1).await?;
    same("why", &why(&cockpit)?.as_str(), &"waits for its pause to end")?;
    let until = cockpit.seen()?.status.pause.as_ref().and_then(|pause| pause.until);
    same("an end is known", &until.is_some(), &true)?;
    cockpit.until_paused_at(3).await?;
    same("why", &why(&cockpit)?.as_str(), &"paused until promoted")?;
    cockpit.check_life()
}

/// A spec that the controller refuses.
pub async fn invalid_spec(namespace: &TestNamespace) -> Checked {
    let mut object = canary("api", 3, &steps());
    object["spec"]["strategy"]["canary"]["maxSurge"] = json!(0);
    namespace.create_objects([object]).await?;
    let mut cockpit = Cockpit::open(namespace, Opening::of(API)?).await?;
    cockpit.until("the refusal", |view| view.is(Phase::Degraded)).await?;
    cockpit.picture(namespace).await?;
    says(&why(&cockpit)?, "the spec is invalid: The Rollout \"api\" is invalid")?;
    cockpit.check_life()
}
