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
        last_writer: last_writer(metadata),
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

/// The last manager that wrote outside the subresources, other than the controllers.
fn last_writer(metadata: &Value) -> Option<Writer> {
    list(&metadata["managedFields"])
        .filter(|entry| entry["subresource"].as_str().unwrap_or_default().is_empty())
        .map(|entry| Writer { manager: text(&entry["manager"]), at: time(&entry["time"]) })
        .filter(|writer| !matches!(writer.manager.as_str(), "rollouts-controller" | "kube-controller-manager" | ""))
        .max_by_key(|writer| writer.at)
}

/// Returns the uids of the object's owners.
#[must_use]
pub fn owner_uids(value: &Value) -> Vec<String> {
    list(&value["metadata"]["ownerReferences"]).map(|owner| text(&owner["uid"])).collect()
}
