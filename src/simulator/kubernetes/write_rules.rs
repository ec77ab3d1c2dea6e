//! What happens to an object before it is stored: what clients may not change is put back, preconditions are
//! checked, and intent is derived from the rest.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::api_error::ApiError;
use super::object;
use super::resources::Kind;
use super::store::{Key, Part};

/// Status that the API server itself writes at creation.
pub fn default_status(kind: Kind, object: &Value) -> Option<Value> {
    match kind {
        Kind::Namespace => Some(json!({"phase": "Active"})),
        Kind::Pod => Some(json!({"phase": "Pending", "qosClass": qos_class(object)})),
        Kind::Deployment => Some(json!({})),
        Kind::ReplicaSet => Some(json!({"replicas": 0})),
        Kind::Service | Kind::Ingress => Some(json!({"loadBalancer": {}})),
        _ => None,
    }
}

/// Returns how a pod is treated when a node runs short: by whether it asks for, and is limited to, anything.
pub fn qos_class(pod: &Value) -> &'static str {
    let asks = |field: &str| {
        let pointer = format!("/resources/{field}");
        object::items(pod, "/spec/containers")
            .iter()
            .any(|c| c.pointer(&pointer).and_then(Value::as_object).is_some_and(|map| !map.is_empty()))
    };
    match (asks("requests"), asks("limits")) {
        (false, false) => "BestEffort",
        (false, true) => "Guaranteed",
        (true, _) => "Burstable",
    }
}

pub fn check_preconditions(key: &Key, part: Part, old: &Value, new: &Value) -> Result<(), ApiError> {
    let asked = object::text(new, "/metadata/resourceVersion");
    if asked.is_empty() {
        // Custom resources cannot be replaced blindly; built-in kinds can.
        if key.kind.resource().custom {
            return Err(ApiError::invalid(
                key.kind,
                &key.name,
                &[("metadata.resourceVersion", "Invalid value: 0: must be specified for an update".to_owned())],
            ));
        }
    } else if asked.parse::<u64>().is_err() {
        return Err(ApiError::not_a_version(asked));
    } else if asked != object::text(old, "/metadata/resourceVersion") {
        return Err(ApiError::conflict(key.kind, &key.name));
    }
    let uid = object::uid(new);
    // A write to the status takes nothing from the metadata, not even this.
    if part == Part::Main && !uid.is_empty() && uid != object::uid(old) {
        return Err(ApiError::conflict_because(
            key.kind,
            &key.name,
            &format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", object::uid(old)),
        ));
    }
    Ok(())
}

pub fn keep_what_clients_may_not_change(kind: Kind, part: Part, old: &Value, new: &mut Value) {
    let resource = kind.resource();
    match part {
        Part::Main if resource.status => restore(old, new, &["status"]),
        Part::Main => {}
        Part::Status => {
            let status = new.get("status").cloned();
            *new = old.clone();
            match status {
                Some(status) => object::set(new, &["status"], status),
                None => drop(object::remove(new, &["status"])),
            }
        }
    }
    for field in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "generation",
        "managedFields",
        "resourceVersion",
        "selfLink",
    ] {
        restore(old, new, &["metadata", field]);
    }
    restore(old, new, &["apiVersion"]);
    restore(old, new, &["kind"]);
    for field in ["labels", "annotations"] {
        let path = format!("/metadata/{field}");
        let empty = new.pointer(&path).is_some_and(|map| map.as_object().is_none_or(serde_json::Map::is_empty));
        if empty {
            object::remove(new, &["metadata", field]);
        }
    }
}

pub fn restore(old: &Value, new: &mut Value, path: &[&str]) {
    let pointer = path.iter().fold(String::new(), |mut all, key| {
        let _ = write!(all, "/{key}");
        all
    });
    match old.pointer(&pointer) {
        Some(value) => object::set(new, path, value.clone()),
        None => drop(object::remove(new, path)),
    }
}

/// Generation counts changes of intent: anything but metadata and, where it is a subresource, the status.
pub fn spec_changed(kind: Kind, old: &Value, new: &Value) -> bool {
    let resource = kind.resource();
    if kind == Kind::Pod {
        // A node is not an intent of the pod's owner.
        let spec = |pod: &Value| {
            let mut spec = pod.get("spec").cloned().unwrap_or_default();
            object::remove(&mut spec, &["nodeName"]);
            spec
        };
        return spec(old) != spec(new);
    }
    if !resource.custom {
        return old.get("spec") != new.get("spec");
    }
    let ignored = |key: &str| key == "metadata" || (key == "status" && resource.status);
    let empty = serde_json::Map::new();
    let (old, new) = (old.as_object().unwrap_or(&empty), new.as_object().unwrap_or(&empty));
    old.keys().chain(new.keys()).any(|key| !ignored(key) && old.get(key) != new.get(key))
}
