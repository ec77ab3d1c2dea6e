//! The scale subresource.

use axum::body::Body;
use axum::http::{Response, header};
use serde_json::{Value, json};

use super::api_error::ApiError;
use super::object;
use super::patch::PatchType;
use super::path::Target;
use super::representation::json_response;
use super::resources::Kind;
use super::server::Call;
use super::store::{Key, Part};

/// Answers a request about the scale of an object.
pub fn answer(call: &Call<'_>, target: &Target, verb: &str) -> Result<Response<Body>, ApiError> {
    let key = Key::new(target.kind, &target.namespace, &target.name);
    let store = &call.server.store;
    let stored = store.get(&key).ok_or_else(|| ApiError::not_found(target.kind, &target.name))?;
    let wanted = match verb {
        "get" => return Ok(json_response(200, &scale(target.kind, &stored))),
        "update" => call.json()?,
        "patch" => {
            let patch_type = PatchType::from_content_type(call.header(header::CONTENT_TYPE), true)?;
            patch_type.apply(&scale(target.kind, &stored), &call.json()?)?
        }
        _ => return Err(ApiError::method_not_allowed()),
    };
    let replicas = object::number(&wanted, "/spec/replicas", 0);
    if replicas < 0 {
        return Err(ApiError::invalid(
            target.kind,
            &target.name,
            &[("spec.replicas", format!("Invalid value: {replicas}: must be greater than or equal to 0"))],
        ));
    }
    let changed = store.update(&key, Part::Main, &call.author(false), |old| {
        let mut new = old.clone();
        object::set(&mut new, &["spec", "replicas"], json!(replicas));
        let version = object::text(&wanted, "/metadata/resourceVersion");
        if !version.is_empty() {
            object::set(&mut new, &["metadata", "resourceVersion"], json!(version));
        }
        Ok(new)
    })?;
    Ok(json_response(200, &scale(target.kind, &changed)))
}

fn scale(kind: Kind, object: &Value) -> Value {
    let (replicas, selector) = if kind == Kind::Rollout {
        (object::number(object, "/status/HPAReplicas", 0), object::text(object, "/status/selector").to_owned())
    } else {
        (
            object::number(object, "/status/replicas", 0),
            label_selector(object.pointer("/spec/selector").unwrap_or(&Value::Null)),
        )
    };
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": object::name(object),
            "namespace": object::namespace(object),
            "uid": object::uid(object),
            "resourceVersion": object::text(object, "/metadata/resourceVersion"),
            "creationTimestamp": object::text(object, "/metadata/creationTimestamp"),
        },
        "spec": {"replicas": object::number(object, "/spec/replicas", 0)},
        "status": {"replicas": replicas, "selector": selector},
    })
}

/// Writes a `metav1.LabelSelector` as text, as scale and status fields hold it.
pub fn label_selector(selector: &Value) -> String {
    let mut parts: Vec<String> = selector
        .get("matchLabels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    parts.sort();
    parts.join(",")
}
