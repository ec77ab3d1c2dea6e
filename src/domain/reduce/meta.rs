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
        written_by: written_by(metadata),
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

/// Field managers that carry out what others asked for, and this program's own.
const NOBODY: [&str; 3] = ["rollouts-controller", "kube-controller-manager", "release-cockpit"];

/// Whoever wrote to spec or status last. A client's name and no user's: the API server keeps no more. Who took a field
/// away (as a promotion takes the pause away) is not told at all, and neither is a status that was written over since.
fn written_by(metadata: &Value) -> Option<Writer> {
    list(&metadata["managedFields"])
        .filter(|entry| {
            let fields = &entry["fieldsV1"];
            fields["f:spec"].is_object() || fields["f:status"].is_object()
        })
        .map(|entry| Writer { manager: text(&entry["manager"]), at: time(&entry["time"]) })
        .filter(|writer| !writer.manager.is_empty() && !NOBODY.contains(&writer.manager.as_str()))
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

    #[test]
    fn the_last_writer_is_neither_a_controller_nor_this_program_nor_who_left_a_note() {
        let entry = |manager: &str, second: u32, fields: Value| json!({"manager": manager, "operation": "Update", "time": format!("2026-11-21T08:00:{second:02}Z"), "fieldsV1": fields});
        let value = json!({"metadata": {"managedFields": [
            entry("kubectl-edit", 1, json!({"f:spec": {"f:replicas": {}}})),
            entry("kubectl-argo-rollouts", 2, json!({"f:status": {"f:abort": {}}})),
            entry("kubectl-annotate", 3, json!({"f:metadata": {"f:annotations": {}}})),
            entry("rollouts-controller", 4, json!({"f:status": {"f:phase": {}}})),
            entry("release-cockpit", 5, json!({"f:spec": {"f:paused": {}}})),
        ]}});
        let writer = meta(&value).written_by.unwrap();
        assert_eq!(writer.manager, "kubectl-argo-rollouts");
        let now = "2026-11-21T08:00:05.9Z".parse().unwrap();
        assert_eq!(writer.words(now), "kubectl-argo-rollouts, 3 s ago");
        assert_eq!(meta(&json!({})).written_by, None);
    }

    #[test]
    fn who_wrote_before_the_picture_is_not_blamed_for_what_moved_since() {
        let time = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
        let writer = Writer { manager: "kubectl-edit".to_owned(), at: Some(time("2026-11-21T08:00:02Z")) };
        let meta = Meta { written_by: Some(writer), ..Meta::default() };
        let blame =
            |picture: &str| meta.blame("it moved".to_owned(), Some(time(picture)), time("2026-11-21T08:00:02.5Z"));
        assert_eq!(blame("2026-11-21T08:00:03Z"), "it moved");
        assert_eq!(blame("2026-11-21T08:00:02.4Z"), "it moved (last written by kubectl-edit, just now)");
    }
}
