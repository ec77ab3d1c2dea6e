//! Requests about objects: get, list, watch, create, update, patch, delete, and the subresources.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Response, header};
use serde_json::{Value, json};

use super::api_error::ApiError;
use super::object;
use super::patch::PatchType;
use super::path::Target;
use super::representation::{Representation, json_response};
use super::resources::Kind;
use super::selectors::Selector;
use super::server::Call;
use super::store::{Key, Part};
use super::{conflicts, list_watch, scale};

/// Answers a request about objects.
pub fn answer(call: &Call<'_>, target: &Target) -> Result<Response<Body>, ApiError> {
    let collection = target.name.is_empty();
    let verb = match (call.method, collection) {
        (&Method::GET, true) if call.query.is("watch") => "watch",
        (&Method::GET, true) => "list",
        (&Method::GET, false) => "get",
        (&Method::POST, _) => "create",
        (&Method::PUT, false) => "update",
        (&Method::PATCH, false) => "patch",
        (&Method::DELETE, false) => "delete",
        (&Method::DELETE, true) => "deletecollection",
        _ => return Err(ApiError::method_not_allowed()),
    };
    let resource = target.kind.resource();
    let known = match target.subresource.as_str() {
        "" => true,
        "status" => resource.status,
        "scale" => resource.scale,
        "log" | "eviction" => target.kind == Kind::Pod,
        _ => false,
    };
    call.authorize(verb, target)?;
    if !known {
        // The real server routes every subresource of a custom resource, and then does not find the object.
        return Err(if resource.custom {
            ApiError::not_found(target.kind, &target.name)
        } else {
            ApiError::no_such_path()
        });
    }
    match (verb, target.subresource.as_str()) {
        (_, "log") => call.server.logs.answer(call, target),
        (_, "eviction") => evict(call, target),
        (_, "scale") => scale::answer(call, target, verb),
        ("list", _) => list_watch::list(call, target),
        ("watch", _) => list_watch::watch(call, target),
        ("get", _) => get(call, target),
        ("create", "") => create(call, target),
        ("update", _) => update(call, target),
        ("patch", _) => patch(call, target),
        ("delete", "") => delete(call, target),
        ("deletecollection", "") => delete_collection(call, target),
        _ => Err(ApiError::method_not_allowed()),
    }
}

fn key(target: &Target) -> Key {
    Key::new(target.kind, &target.namespace, &target.name)
}

fn part(target: &Target) -> Part {
    if target.subresource == "status" { Part::Status } else { Part::Main }
}

fn respond(call: &Call<'_>, kind: Kind, object: &Value, code: u16) -> Response<Body> {
    let shown = Representation::from_accept(call.header(header::ACCEPT)).one(kind, object);
    json_response(code, &shown)
}

fn get(call: &Call<'_>, target: &Target) -> Result<Response<Body>, ApiError> {
    let object = call.server.store.get(&key(target)).ok_or_else(|| ApiError::not_found(target.kind, &target.name))?;
    Ok(respond(call, target.kind, &object, 200))
}

fn create(call: &Call<'_>, target: &Target) -> Result<Response<Body>, ApiError> {
    let resource = target.kind.resource();
    if resource.namespaced && target.namespace.is_empty() {
        return Err(ApiError::method_not_allowed());
    }
    let object = call.json()?;
    let store = &call.server.store;
    if resource.namespaced && store.get(&Key::new(Kind::Namespace, "", &target.namespace)).is_none() {
        return Err(ApiError::not_found(Kind::Namespace, &target.namespace));
    }
    let created = store.create(target.kind, &target.namespace, object, &call.author(false))?;
    Ok(respond(call, target.kind, &created, 201))
}

fn update(call: &Call<'_>, target: &Target) -> Result<Response<Body>, ApiError> {
    let new = call.json()?;
    let named = object::name(&new);
    if named != target.name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({named}) does not match the name on the URL ({})",
            target.name
        )));
    }
    let author = call.author(false);
    let stored = call.server.store.update(&key(target), part(target), &author, |_| Ok(new))?;
    Ok(respond(call, target.kind, &stored, 200))
}

fn patch(call: &Call<'_>, target: &Target) -> Result<Response<Body>, ApiError> {
    let custom = target.kind.resource().custom;
    let kind = PatchType::from_content_type(call.header(header::CONTENT_TYPE), custom)?;
    let patch = call.patch()?;
    let apply = kind == PatchType::Apply;
    if apply && call.query.get("fieldManager").is_empty() {
        return Err(ApiError::bad_request(
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
        ));
    }
    let author = call.author(apply);
    let store = &call.server.store;
    if apply && store.get(&key(target)).is_none() && target.subresource.is_empty() {
        let mut object = patch;
        object::set(&mut object, &["metadata", "name"], json!(target.name));
        let created = store.create(target.kind, &target.namespace, object, &author)?;
        return Ok(respond(call, target.kind, &created, 201));
    }
    let force = call.query.is("force");
    let stored = store.update(&key(target), part(target), &author, |old| {
        if apply && !force {
            conflicts::check(old, &patch, &author.manager)?;
        }
        kind.apply(old, &patch)
    })?;
    Ok(respond(call, target.kind, &stored, 200))
}

fn delete(call: &Call<'_>, target: &Target) -> Result<Response<Body>, ApiError> {
    let options: Value = serde_json::from_slice(call.body).unwrap_or(Value::Null);
    let uid = options.pointer("/preconditions/uid").and_then(Value::as_str);
    let deleted = call.server.store.delete(&key(target), uid)?;
    Ok(json_response(200, &deletion(target.kind, &deleted)))
}

/// Built-in kinds answer with the object or a `Status`, depending on how they go; clients take both.
fn deletion(kind: Kind, object: &Arc<Value>) -> Value {
    if matches!(kind, Kind::Pod | Kind::Namespace) {
        let mut last = Value::clone(object);
        let now = object::text(object, "/metadata/creationTimestamp").to_owned();
        object::set(&mut last, &["metadata", "deletionTimestamp"], json!(now));
        return last;
    }
    let resource = kind.resource();
    let mut details = json!({"name": object::name(object)});
    if !resource.group.is_empty() {
        details["group"] = json!(resource.group);
    }
    details["kind"] = json!(resource.plural);
    details["uid"] = json!(object::uid(object));
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    })
}

fn delete_collection(call: &Call<'_>, target: &Target) -> Result<Response<Body>, ApiError> {
    let selector = Selector::parse(target.kind, call.query.get("labelSelector"), call.query.get("fieldSelector"))?;
    let (version, objects) = call.server.store.list(target.kind, Some(&target.namespace));
    let mut items = Vec::new();
    for object in objects.iter().filter(|object| selector.matches(object)) {
        items.push(Value::clone(&*call.server.store.delete(&Key::of(target.kind, object), None)?));
    }
    Ok(json_response(200, &list_watch::envelope(target.kind, version, &items)))
}

/// `pods/eviction`: no disruption budgets here, so every eviction is a deletion.
fn evict(call: &Call<'_>, target: &Target) -> Result<Response<Body>, ApiError> {
    call.server.store.delete(&key(target), None)?;
    Ok(json_response(
        201,
        &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
    ))
}
