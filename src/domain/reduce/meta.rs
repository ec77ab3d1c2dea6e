//! Metadata.

use serde_json::Value;

use super::{list, text, time};
use crate::domain::object::{Meta, Writer};

/// Reduces the metadata of an object.
#[must_use]
pub fn meta(value: &Value) -> Meta {
    let metadata = &value["metadata"];
    let annotation = |key: &str| metadata["annotations"][key].as_str();
    let revision =
        annotation("rollout.argoproj.io/revision").or_else(|| annotation("deployment.kubernetes.io/revision"));
    Meta {
        name: text(&metadata["name"]),
        namespace: text(&metadata["namespace"]),
        uid: text(&metadata["uid"]),
        resource_version: text(&metadata["resourceVersion"]),
        generation: metadata["generation"].as_i64().unwrap_or(0),
        created: time(&metadata["creationTimestamp"]),
        revision: revision.and_then(|revision| revision.parse().ok()),
        change_cause: annotation("kubernetes.io/change-cause").map(ToOwned::to_owned),
        managed_by: managed_by(metadata),
        paused_by: paused_by(metadata),
    }
}

/// Who manages the object by GitOps: Argo CD's or Flux's marks.
fn managed_by(metadata: &Value) -> Option<String> {
    let annotation = |key: &str| metadata["annotations"][key].as_str();
    let label = |key: &str| metadata["labels"][key].as_str();
    if let Some(tracking) = annotation("argocd.argoproj.io/tracking-id") {
        let app = tracking.split(':').next().unwrap_or(tracking);
        return Some(format!("Argo CD ({app})"));
    }
    if let Some(app) = label("argocd.argoproj.io/instance") {
        return Some(format!("Argo CD ({app})"));
    }
    if let Some(name) = label("kustomize.toolkit.fluxcd.io/name") {
        return Some(format!("Flux ({name})"));
    }
    label("helm.toolkit.fluxcd.io/name").map(|name| format!("Flux ({name})"))
}

/// The manager that wrote `spec.paused` last. Others may have written anything else since.
fn paused_by(metadata: &Value) -> Option<Writer> {
    list(&metadata["managedFields"])
        .filter(|entry| entry["fieldsV1"]["f:spec"]["f:paused"].is_object())
        .map(|entry| Writer { manager: text(&entry["manager"]), at: time(&entry["time"]) })
        .filter(|writer| !writer.manager.is_empty())
        .max_by_key(|writer| writer.at)
}

/// Returns the uids of the object's owners.
#[must_use]
pub fn owner_uids(value: &Value) -> Vec<String> {
    list(&value["metadata"]["ownerReferences"]).map(|owner| text(&owner["uid"])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whoever_paused_is_named_whatever_was_written_since() {
        let entry = |manager: &str, at: &str, fields: Value| json!({"manager": manager, "operation": "Update", "time": at, "fieldsV1": fields});
        let value = json!({"metadata": {"managedFields": [
            entry("kubectl-apply", "2026-11-21T08:00:00Z", json!({"f:spec": {"f:replicas": {}}})),
            entry("kubectl-argo-rollouts", "2026-11-21T08:01:00Z", json!({"f:spec": {"f:paused": {}}})),
            entry("kubectl-annotate", "2026-11-21T08:02:00Z", json!({"f:metadata": {"f:annotations": {}}})),
        ]}});
        assert_eq!(meta(&value).paused_by.map(|writer| writer.manager).as_deref(), Some("kubectl-argo-rollouts"));
        assert_eq!(meta(&json!({})).paused_by, None);
    }
}
