//! Objects as tables, the way kubectl prints them.

use serde_json::{Value, json};

use super::age;
use super::object::{self, items, name, number, text};
use super::representation;
use super::resources::Kind;
use super::scale::label_selector;

/// A column: title, type, and 0 for one that is always shown or 1 for `-o wide`.
type Column = (&'static str, &'static str, u8);

const POD: &[Column] = &[
    ("Name", "string", 0),
    ("Ready", "string", 0),
    ("Status", "string", 0),
    ("Restarts", "string", 0),
    ("Age", "string", 0),
    ("IP", "string", 1),
    ("Node", "string", 1),
    ("Nominated Node", "string", 1),
    ("Readiness Gates", "string", 1),
];
const DEPLOYMENT: &[Column] = &[
    ("Name", "string", 0),
    ("Ready", "string", 0),
    ("Up-to-date", "integer", 0),
    ("Available", "integer", 0),
    ("Age", "string", 0),
    ("Containers", "string", 1),
    ("Images", "string", 1),
    ("Selector", "string", 1),
];
const REPLICA_SET: &[Column] = &[
    ("Name", "string", 0),
    ("Desired", "integer", 0),
    ("Current", "integer", 0),
    ("Ready", "integer", 0),
    ("Age", "string", 0),
    ("Containers", "string", 1),
    ("Images", "string", 1),
    ("Selector", "string", 1),
];
const ROLLOUT: &[Column] = &[
    ("Name", "string", 0),
    ("Desired", "integer", 0),
    ("Current", "integer", 0),
    ("Up-to-date", "integer", 0),
    ("Available", "integer", 0),
    ("Age", "date", 0),
];
const EVENT: &[Column] = &[
    ("Last Seen", "string", 0),
    ("Type", "string", 0),
    ("Reason", "string", 0),
    ("Object", "string", 0),
    ("Subobject", "string", 1),
    ("Source", "string", 1),
    ("Message", "string", 0),
    ("First Seen", "string", 1),
    ("Count", "string", 1),
    ("Name", "string", 1),
];
const SERVICE: &[Column] = &[
    ("Name", "string", 0),
    ("Type", "string", 0),
    ("Cluster-IP", "string", 0),
    ("External-IP", "string", 0),
    ("Port(s)", "string", 0),
    ("Age", "string", 0),
    ("Selector", "string", 1),
];
const CONFIG_MAP: &[Column] = &[("Name", "string", 0), ("Data", "integer", 0), ("Age", "string", 0)];
const SECRET: &[Column] = &[("Name", "string", 0), ("Type", "string", 0), ("Data", "integer", 0), ("Age", "string", 0)];
const LEASE: &[Column] = &[("Name", "string", 0), ("Holder", "string", 0), ("Age", "string", 0)];
const WITH_STATUS: &[Column] = &[("Name", "string", 0), ("Status", "string", 0), ("Age", "string", 0)];
const PLAIN: &[Column] = &[("Name", "string", 0), ("Age", "string", 0)];

fn columns(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Pod => POD,
        Kind::Deployment => DEPLOYMENT,
        Kind::ReplicaSet => REPLICA_SET,
        Kind::Rollout => ROLLOUT,
        Kind::Event => EVENT,
        Kind::Service => SERVICE,
        Kind::ConfigMap => CONFIG_MAP,
        Kind::Secret => SECRET,
        Kind::Lease => LEASE,
        Kind::Namespace | Kind::Node | Kind::AnalysisRun | Kind::Experiment => WITH_STATUS,
        _ => PLAIN,
    }
}

/// Builds a table of objects; without `titles` it is a row of a watch that has named its columns before.
pub fn table(kind: Kind, objects: &[&Value], resource_version: &str, titles: bool) -> Value {
    let definitions: Vec<Value> = columns(kind)
        .iter()
        .map(|(title, type_, priority)| {
            let format = if *title == "Name" { "name" } else { "" };
            json!({"name": title, "type": type_, "format": format, "description": "", "priority": priority})
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| json!({"cells": cells(kind, object), "object": representation::metadata(object)}))
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": resource_version},
        "columnDefinitions": if titles { json!(definitions) } else { Value::Null },
        "rows": rows,
    })
}

/// Builds the table that stands for a bookmark.
pub fn bookmark(metadata: &Value) -> Value {
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [],
        "rows": [],
    })
}

fn cells(kind: Kind, object: &Value) -> Value {
    let name = name(object);
    let age = age::since(object::time(object, "/metadata/creationTimestamp"));
    let status = |field: &str| number(object, &format!("/status/{field}"), 0);
    match kind {
        Kind::Pod => pod(object, &age),
        Kind::Deployment => {
            let (containers, images, selector) = wide(object);
            let ready = format!("{}/{}", status("readyReplicas"), number(object, "/spec/replicas", 0));
            json!([
                name,
                ready,
                status("updatedReplicas"),
                status("availableReplicas"),
                age,
                containers,
                images,
                selector
            ])
        }
        Kind::ReplicaSet => {
            let (containers, images, selector) = wide(object);
            json!([
                name,
                number(object, "/spec/replicas", 0),
                status("replicas"),
                status("readyReplicas"),
                age,
                containers,
                images,
                selector
            ])
        }
        Kind::Rollout => {
            let cell = |pointer: &str| object.pointer(pointer).cloned().unwrap_or_default();
            json!([
                name,
                cell("/spec/replicas"),
                cell("/status/replicas"),
                cell("/status/updatedReplicas"),
                cell("/status/availableReplicas"),
                age
            ])
        }
        Kind::Event => event(object),
        Kind::Service => service(object, &age),
        Kind::ConfigMap => json!([name, data_count(object), age]),
        Kind::Secret => json!([name, text(object, "/type"), data_count(object), age]),
        Kind::Lease => json!([name, text(object, "/spec/holderIdentity"), age]),
        Kind::Node => json!([name, "Ready", age]),
        Kind::Namespace | Kind::AnalysisRun | Kind::Experiment => {
            json!([name, text(object, "/status/phase"), age])
        }
        _ => json!([name, age]),
    }
}

fn data_count(object: &Value) -> usize {
    ["data", "binaryData"].iter().filter_map(|field| object.get(field)?.as_object()).map(serde_json::Map::len).sum()
}

fn wide(object: &Value) -> (String, String, String) {
    let containers = items(object, "/spec/template/spec/containers");
    let join = |field: &str| {
        let texts: Vec<&str> = containers.iter().map(|c| text(c, field)).collect();
        texts.join(",")
    };
    let selector = label_selector(object.pointer("/spec/selector").unwrap_or(&Value::Null));
    (join("/name"), join("/image"), selector)
}

fn pod(object: &Value, age: &str) -> Value {
    let statuses = items(object, "/status/containerStatuses");
    let total = items(object, "/spec/containers").len();
    let ready = statuses.iter().filter(|s| object::flag(s, "/ready")).count();
    let restarts: i64 = statuses.iter().map(|s| number(s, "/restartCount", 0)).sum();
    let last_restart = statuses.iter().filter_map(|s| object::time(s, "/lastState/terminated/finishedAt")).max();
    let restarts = match last_restart {
        Some(at) if restarts > 0 => format!("{restarts} ({} ago)", age::since(Some(at))),
        _ => restarts.to_string(),
    };
    let or_none = |pointer: &str| match text(object, pointer) {
        "" => "<none>".to_owned(),
        other => other.to_owned(),
    };
    json!([
        name(object),
        format!("{ready}/{total}"),
        pod_reason(object),
        restarts,
        age,
        or_none("/status/podIP"),
        or_none("/spec/nodeName"),
        "<none>",
        "<none>"
    ])
}

/// The word in kubectl's STATUS column.
fn pod_reason(object: &Value) -> String {
    let mut reason = match text(object, "/status/reason") {
        "" => text(object, "/status/phase"),
        reason => reason,
    }
    .to_owned();
    for status in items(object, "/status/containerStatuses").iter().rev() {
        let waiting = text(status, "/state/waiting/reason");
        let terminated = text(status, "/state/terminated/reason");
        if !waiting.is_empty() {
            waiting.clone_into(&mut reason);
        } else if !terminated.is_empty() {
            terminated.clone_into(&mut reason);
        } else if status.pointer("/state/terminated").is_some() {
            reason = format!("ExitCode:{}", number(status, "/state/terminated/exitCode", 0));
        }
    }
    if !text(object, "/metadata/deletionTimestamp").is_empty() {
        "Terminating".clone_into(&mut reason);
    }
    reason
}

fn event(object: &Value) -> Value {
    let first = object::time(object, "/firstTimestamp");
    let last = object::time(object, "/lastTimestamp").or(first);
    let involved =
        format!("{}/{}", text(object, "/involvedObject/kind").to_lowercase(), text(object, "/involvedObject/name"));
    json!([
        age::since(last),
        text(object, "/type"),
        text(object, "/reason"),
        involved,
        text(object, "/involvedObject/fieldPath"),
        text(object, "/source/component"),
        text(object, "/message").trim(),
        age::since(first),
        number(object, "/count", 1).to_string(),
        name(object)
    ])
}

fn service(object: &Value, age: &str) -> Value {
    let ports: Vec<String> =
        items(object, "/spec/ports").iter().map(|port| format!("{}/TCP", number(port, "/port", 0))).collect();
    let selector: Vec<String> = object
        .pointer("/spec/selector")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    json!([
        name(object),
        text(object, "/spec/type"),
        text(object, "/spec/clusterIP"),
        "<none>",
        ports.join(","),
        age,
        selector.join(",")
    ])
}
