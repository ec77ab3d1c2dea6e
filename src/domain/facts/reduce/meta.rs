//! Metadata.

use serde_json::Value;

use super::{list, text, time};
use crate::domain::facts::object::{Meta, RELEASED, Writer};
use crate::domain::facts::owner;

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
        deleting: time(&metadata["deletionTimestamp"]),
        finalizers: list(&metadata["finalizers"]).map(text).collect(),
        revision: revision.and_then(|revision| revision.parse().ok()),
        change_cause: annotation("kubernetes.io/change-cause").map(ToOwned::to_owned),
        owner: owner::reduce::owner(metadata),
        released: annotation(RELEASED).map(ToOwned::to_owned),
        paused_by: writer(metadata, |fields| fields["f:spec"]["f:paused"].is_object()),
        image_by: writer(metadata, has_images),
        aborted_by: writer(metadata, |fields| fields["f:status"]["f:abort"].is_object()),
    }
}

/// Whoever wrote the fields last that `owns` looks for: a client's name and no user's, for the API server keeps no more.
/// Its time is that of whatever it wrote last.
pub(in crate::domain) fn writer(metadata: &Value, owns: impl Fn(&Value) -> bool) -> Option<Writer> {
    list(&metadata["managedFields"])
        .filter(|entry| owns(&entry["fieldsV1"]))
        .map(|entry| Writer { manager: text(&entry["manager"]), at: time(&entry["time"]) })
        .filter(|writer| !writer.manager.is_empty())
        .max_by_key(|writer| writer.at)
}

/// Whether these fields hold the image of a container, or all of the containers.
fn has_images(fields: &Value) -> bool {
    let containers = fields["f:spec"]["f:template"]["f:spec"]["f:containers"].as_object();
    containers.is_some_and(|containers| {
        containers.is_empty() || containers.values().any(|container| container["f:image"].is_object())
    })
}

/// Returns the uids of the object's owners.
#[must_use]
pub fn owner_uids(value: &Value) -> Vec<String> {
    list(&value["metadata"]["ownerReferences"]).map(|owner| text(&owner["uid"])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::object::{Moved, MovedField};
    use serde_json::json;

    #[test]
    fn pause_author_survives_later_writes() {
        let entry = |manager: &str, at: &str, fields: Value| json!({"manager": manager, "operation": "Update", "time": at, "fieldsV1": fields});
        let value = json!({"metadata": {"managedFields": [
            entry("kubectl-apply", "2026-11-21T08:00:00Z", json!({"f:spec": {"f:replicas": {}}})),
            entry("kubectl-argo-rollouts", "2026-11-21T08:01:00Z", json!({"f:spec": {"f:paused": {}}})),
            entry("kubectl-annotate", "2026-11-21T08:02:00Z", json!({"f:metadata": {"f:annotations": {}}})),
        ]}});
        assert_eq!(meta(&value).paused_by.map(|writer| writer.manager).as_deref(), Some("kubectl-argo-rollouts"));
        assert_eq!(meta(&json!({})).paused_by, None);
    }

    fn entry(manager: &str, second: u32, fields: &Value) -> Value {
        let time = format!("2026-11-21T08:00:{second:02}Z");
        json!({"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields})
    }

    #[test]
    fn last_author_of_spec_is_named_not_of_annotations() {
        let containers = |container: &Value| json!({"f:spec": {"f:template": {"f:spec": {"f:containers": container}}}});
        let value = json!({"metadata": {"managedFields": [
            entry("helm", 9, &containers(&json!({"k:{\"name\":\"app\"}": {"f:ports": {}}}))),
            entry("kubectl-set", 1, &containers(&json!({"k:{\"name\":\"app\"}": {"f:image": {}}}))),
            entry("kubectl-argo-rollouts", 2, &json!({"f:status": {"f:abort": {}}})),
            entry("kubectl-annotate", 3, &json!({"f:metadata": {"f:annotations": {}}})),
            entry("rollouts-controller", 4, &json!({"f:status": {"f:phase": {}}})),
        ]}});
        let (meta, time) = (meta(&value), |text: &str| text.parse::<jiff::Timestamp>().unwrap());
        let last = |since: &str| meta.written_since(time(since)).map(|writer| writer.manager.as_str());
        assert_eq!(meta.image_by.as_ref().map(|writer| writer.manager.as_str()), Some("kubectl-set"));
        assert_eq!(last("2026-11-21T08:00:01Z"), Some("kubectl-argo-rollouts"));
        let words = meta.aborted_by.as_ref().map(|writer| writer.describe(time("2026-11-21T08:00:05.9Z")));
        assert_eq!(words.as_deref(), Some("kubectl-argo-rollouts, 3 s ago"));
        // Who wrote before the state is not blamed for what moved since; in the same second no one can tell.
        assert_eq!(last("2026-11-21T08:00:03Z"), None);
        let moved = |field| Moved::new("it moved", field);
        let blame_of =
            |field, picture: &str| meta.blame(&moved(field), Some(time(picture)), time("2026-11-21T08:00:02.5Z"));
        let blame = |picture: &str| blame_of(MovedField::Other, picture);
        assert_eq!(blame("2026-11-21T08:00:03Z"), "it moved");
        assert_eq!(blame("2026-11-21T08:00:02.4Z"), "it moved (by kubectl-argo-rollouts, just now)");
        // Whoever wrote the images may have written something else since.
        assert_eq!(blame_of(MovedField::Images, "2026-11-21T08:00:02Z"), "it moved");
        let aborted = blame_of(MovedField::Abort, "2026-11-21T08:00:02Z");
        assert_eq!(aborted, "it moved (by kubectl-argo-rollouts, just now)");
    }
}
