//! ReplicaSets.

use serde_json::Value;

use super::{conditions, containers, count, list, meta, template::fingerprint, text};
use crate::domain::facts::replicaset::ReplicaSet;

#[must_use]
pub fn replicaset(value: &Value) -> ReplicaSet {
    let (spec, status) = (&value["spec"], &value["status"]);
    let labels = &value["metadata"]["labels"];
    let hash =
        [&labels["rollouts-pod-template-hash"], &labels["pod-template-hash"]].into_iter().find_map(Value::as_str);
    let meta = meta(value);
    let annotations = &value["metadata"]["annotations"];
    ReplicaSet {
        hash: hash.unwrap_or_default().to_owned(),
        desired: spec["replicas"].as_u64().map_or(1, |_| count(&spec["replicas"])),
        current: count(&status["replicas"]),
        ready: count(&status["readyReplicas"]),
        available: count(&status["availableReplicas"]),
        observed: status["observedGeneration"].as_i64().unwrap_or(0) >= meta.generation,
        containers: containers(&spec["template"]["spec"]["containers"]),
        init_containers: containers(&spec["template"]["spec"]["initContainers"]),
        template: fingerprint(&spec["template"]),
        failure: conditions(status)
            .into_iter()
            .find(|condition| condition.kind == "ReplicaFailure" && condition.status == "True")
            .map(|condition| condition.message),
        scale_down_at: text(&annotations["scale-down-deadline"]).parse().ok(),
        experiment: list(&value["metadata"]["ownerReferences"])
            .find(|owner| owner["kind"] == "Experiment")
            .map(|owner| text(&owner["name"])),
        meta,
    }
}
