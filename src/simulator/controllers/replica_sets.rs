//! The `ReplicaSet` controller: as many pods as wanted, and figures about them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::events::Severity;
use super::{CONTROLLER_MANAGER, Tools};
use crate::clock::later;
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object::{self, number, stamp};
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::{Key, Part};

/// Who says so in events.
const COMPONENT: &str = "replicaset-controller";
/// How soon a pod that could not be created is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// Brings one `ReplicaSet` to its spec.
pub fn reconcile(tools: &mut Tools, key: &Key) {
    let Some(set) = tools.store.get(key) else {
        return;
    };
    let mut pods: Vec<_> = tools.store.owned_of_kind(object::uid(&set), Kind::Pod);
    let wanted = number(&set, "/spec/replicas", 1).max(0) as usize;
    let author = Author::update(CONTROLLER_MANAGER);
    let mut failure = None;
    if pods.len() < wanted {
        for _ in pods.len()..wanted {
            if let Some(why) = over_quota(tools, &set) {
                let message = format!("Error creating: {why}");
                say(tools, &set, Severity::Warning, "FailedCreate", &message);
                failure = Some(why);
                let again = tools.clock.after(RETRY_INTERVAL);
                tools.queue.add_at(again, key.clone());
                break;
            }
            let pod = pod_of(&set);
            match tools.store.create(Kind::Pod, &key.namespace, pod, &author) {
                Ok(pod) => {
                    let message = format!("Created pod: {}", object::name(&pod));
                    say(tools, &set, Severity::Normal, "SuccessfulCreate", &message);
                    pods.push(pod);
                }
                Err(error) => {
                    let message = format!("Error creating: {}", error.message);
                    say(tools, &set, Severity::Warning, "FailedCreate", &message);
                    break;
                }
            }
        }
    } else if pods.len() > wanted {
        // Least useful first: those not ready, then the youngest.
        pods.sort_by_cached_key(|pod| {
            (
                is_ready(pod),
                std::cmp::Reverse(object::text(pod, "/metadata/creationTimestamp").to_owned()),
                object::name(pod).to_owned(),
            )
        });
        for pod in pods.drain(..pods.len() - wanted) {
            let pod_key = Key::of(Kind::Pod, &pod);
            if tools.store.delete(&pod_key, None).is_ok() {
                let message = format!("Deleted pod: {}", pod_key.name);
                say(tools, &set, Severity::Normal, "SuccessfulDelete", &message);
            }
        }
    }
    write_status(tools, key, &set, &pods, failure.as_deref());
}

fn write_status(tools: &mut Tools, key: &Key, set: &Value, pods: &[Arc<Value>], failure: Option<&str>) {
    let patience = number(set, "/spec/minReadySeconds", 0);
    let now = tools.clock.now();
    let mut ready = 0;
    let mut available = 0;
    for pod in pods.iter().filter(|pod| is_ready(pod)) {
        ready += 1;
        let since = ready_since(pod).unwrap_or(now);
        let due = later(since, Duration::from_secs(patience.max(0) as u64));
        if due <= now {
            available += 1;
        } else {
            tools.queue.add_at(due, key.clone());
        }
    }
    let mut status = json!({
        "observedGeneration": number(set, "/metadata/generation", 1),
        "replicas": pods.len(),
    });
    for (field, count) in
        [("fullyLabeledReplicas", pods.len()), ("readyReplicas", ready), ("availableReplicas", available)]
    {
        if count > 0 {
            status[field] = json!(count);
        }
    }
    if let Some(why) = failure {
        // The first failure stays as it is while it lasts.
        let before = object::items(set, "/status/conditions").first().cloned();
        status["conditions"] = json!([before.unwrap_or_else(|| json!({
            "lastTransitionTime": stamp(now),
            "message": why,
            "reason": "FailedCreate",
            "status": "True",
            "type": "ReplicaFailure",
        }))]);
    }
    // Gone in the meantime: nothing to tell.
    let _ = tools.store.update(key, Part::Status, &Author::update(CONTROLLER_MANAGER), |old| {
        let mut new = old.clone();
        new["status"] = status;
        Ok(new)
    });
}

/// Returns why a quota of the namespace does not leave room for one more pod.
fn over_quota(tools: &Tools, set: &Value) -> Option<String> {
    let namespace = object::namespace(set);
    let used = tools.store.list(Kind::Pod, Some(namespace)).1.len();
    tools.store.list(Kind::ResourceQuota, Some(namespace)).1.iter().find_map(|quota| {
        let limit: usize = object::text(quota, "/spec/hard/pods").parse().ok()?;
        (used >= limit).then(|| {
            format!(
                "pods \"{}-{}\" is forbidden: exceeded quota: {}, requested: pods=1, used: pods={used}, limited: pods={limit}",
                object::name(set),
                tools.store.suffix(5),
                object::name(quota)
            )
        })
    })
}

fn say(tools: &mut Tools, set: &Value, severity: Severity, reason: &'static str, message: &str) {
    tools.events.record(&tools.store, set, COMPONENT, severity, reason, message);
}

/// Returns whether a pod's Ready condition is true.
pub fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|c| object::text(c, "/status") == "True")
}

fn ready_since(pod: &Value) -> Option<jiff::Timestamp> {
    object::time(condition(pod, "Ready")?, "/lastTransitionTime")
}

fn condition<'a>(pod: &'a Value, kind: &str) -> Option<&'a Value> {
    object::items(pod, "/status/conditions").iter().find(|c| object::text(c, "/type") == kind)
}

fn pod_of(set: &Value) -> Value {
    let template = set.pointer("/spec/template").cloned().unwrap_or_default();
    let mut metadata = template.get("metadata").cloned().unwrap_or(json!({}));
    object::remove(&mut metadata, &["creationTimestamp"]);
    metadata["generateName"] = json!(format!("{}-", object::name(set)));
    metadata["ownerReferences"] = json!([object::controller_reference(set)]);
    let mut spec = template.get("spec").cloned().unwrap_or(json!({}));
    for (key, value) in [
        ("enableServiceLinks", json!(true)),
        ("preemptionPolicy", json!("PreemptLowerPriority")),
        ("priority", json!(0)),
        (
            "tolerations",
            json!([
                {"effect": "NoExecute", "key": "node.kubernetes.io/not-ready", "operator": "Exists", "tolerationSeconds": 300},
                {"effect": "NoExecute", "key": "node.kubernetes.io/unreachable", "operator": "Exists", "tolerationSeconds": 300},
            ]),
        ),
    ] {
        if spec.get(key).is_none() {
            spec[key] = value;
        }
    }
    json!({"metadata": metadata, "spec": spec})
}
