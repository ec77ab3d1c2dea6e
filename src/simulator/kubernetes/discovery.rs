//! What the server has: version, groups, resources, and as much of a schema as kubectl insists on.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, header};
use serde_json::{Value, json};

use super::api_error::ApiError;
use super::object::set;
use super::representation::json_response;
use super::resources::{RESOURCES, Resource, group_version};

const VERBS: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const SUBRESOURCE_VERBS: &[&str] = &["get", "patch", "update"];
/// Reviews are resources that only take a create.
const REVIEWS: &[(&str, &str, &str)] = &[
    ("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview"),
    ("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
];
/// What the simulator claims to be.
pub const VERSION: &str = "v1.34.1";

/// Answers a request for anything that is not an object.
pub fn answer(parts: &[&str], headers: &HeaderMap) -> Result<Response<Body>, ApiError> {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let aggregated = accept.split(',').next().is_some_and(|first| first.contains("as=APIGroupDiscoveryList"));
    let body = match parts {
        ["livez" | "readyz" | "healthz", ..] => return Ok(Response::new(Body::from("ok"))),
        ["version"] => version(),
        ["api"] if aggregated => return Ok(aggregated_response(true)),
        ["apis"] if aggregated => return Ok(aggregated_response(false)),
        ["api"] => json!({
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [],
        }),
        ["apis"] => json!({
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": groups().into_iter().map(|(g, v)| group(g, v)).collect::<Vec<_>>(),
        }),
        ["api", "v1"] => resource_list("", "v1"),
        ["apis", name] => {
            let (name, version) = find_group(name)?;
            let mut found = group(name, version);
            set(&mut found, &["kind"], json!("APIGroup"));
            set(&mut found, &["apiVersion"], json!("v1"));
            found
        }
        ["apis", name, version] => {
            find_group(name)
                .and_then(|(_, known)| (known == *version).then_some(()).ok_or_else(ApiError::no_such_path))?;
            resource_list(name, version)
        }
        ["openapi", "v2"] => openapi_v2(),
        ["openapi", "v3"] => openapi_v3_index(),
        ["openapi", "v3", "api", "v1"] => openapi_v3("", "v1"),
        ["openapi", "v3", "apis", name, version] => openapi_v3(name, version),
        [] => {
            json!({"paths": ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]})
        }
        _ => return Err(ApiError::no_such_path()),
    };
    Ok(json_response(200, &body))
}

fn version() -> Value {
    json!({
        "major": "1",
        "minor": "34",
        "emulationMajor": "1",
        "emulationMinor": "34",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "33",
        "gitVersion": VERSION,
        "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "go1.25.0",
        "compiler": "gc",
        "platform": "linux/amd64",
    })
}

fn groups() -> Vec<(&'static str, &'static str)> {
    let mut groups: Vec<(&str, &str)> = Vec::new();
    let all = RESOURCES.iter().map(|r| (r.group, r.version)).chain(REVIEWS.iter().map(|(group, _, _)| (*group, "v1")));
    for pair in all.filter(|(group, _)| !group.is_empty()) {
        if !groups.contains(&pair) {
            groups.push(pair);
        }
    }
    groups
}

fn find_group(name: &str) -> Result<(&'static str, &'static str), ApiError> {
    groups().into_iter().find(|(group, _)| *group == name).ok_or_else(ApiError::no_such_path)
}

fn group(name: &str, version: &str) -> Value {
    let version = json!({"groupVersion": format!("{name}/{version}"), "version": version});
    json!({"name": name, "versions": [version], "preferredVersion": version})
}

fn members(group: &str) -> impl Iterator<Item = &'static Resource> {
    let group = group.to_owned();
    RESOURCES.iter().filter(move |r| r.group == group)
}

fn subresources(resource: &Resource) -> Vec<(&'static str, &'static str)> {
    let mut list = Vec::new();
    if resource.status {
        list.push(("status", resource.title));
    }
    if resource.scale {
        list.push(("scale", "Scale"));
    }
    if resource.plural == "pods" {
        list.push(("log", "Pod"));
        list.push(("eviction", "Eviction"));
    }
    list
}

fn resource_list(group: &str, version: &str) -> Value {
    let mut resources = Vec::new();
    for resource in members(group) {
        let mut entry = json!({
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.title,
            "verbs": VERBS,
        });
        if !resource.short.is_empty() {
            entry["shortNames"] = json!(resource.short);
        }
        if resource.all {
            entry["categories"] = json!(["all"]);
        }
        resources.push(entry);
        for (name, kind) in subresources(resource) {
            let mut entry = json!({
                "name": format!("{}/{name}", resource.plural),
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": kind,
                "verbs": if name == "eviction" { &["create"] } else { SUBRESOURCE_VERBS },
            });
            if name == "scale" {
                entry["group"] = json!("autoscaling");
                entry["version"] = json!("v1");
            }
            if name == "eviction" {
                entry["group"] = json!("policy");
                entry["version"] = json!("v1");
            }
            resources.push(entry);
        }
    }
    for (_, plural, kind) in REVIEWS.iter().filter(|(g, _, _)| *g == group) {
        resources.push(json!({
            "name": plural,
            "singularName": kind.to_lowercase(),
            "namespaced": false,
            "kind": kind,
            "verbs": ["create"],
        }));
    }
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version(group, version),
        "resources": resources,
    })
}

fn aggregated_response(core: bool) -> Response<Body> {
    let groups = if core { vec![("", "v1")] } else { groups() };
    let items: Vec<Value> = groups
        .into_iter()
        .map(|(name, version)| {
            json!({
                "metadata": if name.is_empty() { json!({}) } else { json!({"name": name}) },
                "versions": [{
                    "version": version,
                    "resources": aggregated_resources(name, version),
                    "freshness": "Current",
                }],
            })
        })
        .collect();
    let body = json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    });
    let mut response = json_response(200, &body);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"),
    );
    response
}

fn aggregated_resources(group: &str, version: &str) -> Vec<Value> {
    let scope = |namespaced| if namespaced { "Namespaced" } else { "Cluster" };
    let kind = |group: &str, version: &str, title: &str| json!({"group": group, "version": version, "kind": title});
    let mut list: Vec<Value> = members(group)
        .map(|resource| {
            let mut entry = json!({
                "resource": resource.plural,
                "responseKind": kind(group, version, resource.title),
                "scope": scope(resource.namespaced),
                "singularResource": resource.singular,
                "verbs": VERBS,
            });
            if !resource.short.is_empty() {
                entry["shortNames"] = json!(resource.short);
            }
            if resource.all {
                entry["categories"] = json!(["all"]);
            }
            let inner: Vec<Value> = subresources(resource)
                .into_iter()
                .map(|(name, title)| {
                    let response = match name {
                        "scale" => kind("autoscaling", "v1", "Scale"),
                        "eviction" => kind("policy", "v1", "Eviction"),
                        _ => kind(group, version, title),
                    };
                    json!({"subresource": name, "responseKind": response, "verbs": SUBRESOURCE_VERBS})
                })
                .collect();
            if !inner.is_empty() {
                entry["subresources"] = json!(inner);
            }
            entry
        })
        .collect();
    for (_, plural, title) in REVIEWS.iter().filter(|(g, _, _)| *g == group) {
        list.push(json!({
            "resource": plural,
            "responseKind": kind(group, version, title),
            "scope": "Cluster",
            "singularResource": title.to_lowercase(),
            "verbs": ["create"],
        }));
    }
    list
}

fn openapi_v2() -> Value {
    json!({"swagger": "2.0", "info": {"title": "Kubernetes", "version": VERSION}, "paths": {}, "definitions": {}})
}

fn openapi_v3_index() -> Value {
    let mut paths = json!({"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1"}});
    for (name, version) in groups() {
        paths[format!("apis/{name}/{version}")] =
            json!({"serverRelativeURL": format!("/openapi/v3/apis/{name}/{version}")});
    }
    json!({"paths": paths})
}

/// Says for each kind that writes take `fieldValidation`: what kubectl looks for before it validates on the server.
fn openapi_v3(group: &str, version: &str) -> Value {
    let mut paths = json!({});
    let prefix = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    for resource in members(group) {
        let place = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
        let operation = |action: &str| {
            json!({
                "x-kubernetes-action": action,
                "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": resource.title},
                "parameters": [
                    {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}},
                    {"name": "dryRun", "in": "query", "schema": {"type": "string"}},
                ],
                "responses": {"200": {"description": "OK"}},
            })
        };
        paths[format!("{prefix}{place}/{}/{{name}}", resource.plural)] =
            json!({"patch": operation("patch"), "put": operation("put")});
        paths[format!("{prefix}{place}/{}", resource.plural)] = json!({"post": operation("post")});
    }
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": VERSION},
        "paths": paths,
        "components": {"schemas": {}},
    })
}
