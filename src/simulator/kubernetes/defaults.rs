//! Defaults that an API server fills in for built-in kinds. Of custom resources only ports have one.

use serde_json::{Map, Value, json};

use super::object::as_map;
use super::resources::Kind;

/// Fills in what the client left out.
pub fn apply(kind: Kind, object: &mut Value) {
    match kind {
        Kind::Deployment => deployment(object),
        Kind::ReplicaSet => {
            let spec = field(object, "spec");
            put(spec, "replicas", json!(1));
            template(field(spec, "template"));
        }
        Kind::Pod => pod_spec(field(object, "spec")),
        Kind::Rollout => port_protocols(object.pointer_mut("/spec/template/spec")),
        Kind::Service => {
            let spec = field(object, "spec");
            put(spec, "type", json!("ClusterIP"));
            if let Some(Value::Array(ports)) = spec.get_mut("ports") {
                for port in ports {
                    put(port, "protocol", json!("TCP"));
                    let target = port.get("port").cloned().unwrap_or_default();
                    put(port, "targetPort", target);
                }
            }
            put(spec, "sessionAffinity", json!("None"));
            put(spec, "internalTrafficPolicy", json!("Cluster"));
            put(spec, "ipFamilies", json!(["IPv4"]));
            put(spec, "ipFamilyPolicy", json!("SingleStack"));
        }
        Kind::Namespace => {
            let spec = field(object, "spec");
            put(spec, "finalizers", json!(["kubernetes"]));
        }
        Kind::Secret => put(object, "type", json!("Opaque")),
        _ => {}
    }
}

fn deployment(object: &mut Value) {
    let spec = field(object, "spec");
    put(spec, "replicas", json!(1));
    put(spec, "revisionHistoryLimit", json!(10));
    put(spec, "progressDeadlineSeconds", json!(600));
    let strategy = field(spec, "strategy");
    put(strategy, "type", json!("RollingUpdate"));
    if strategy.get("type") == Some(&json!("RollingUpdate")) {
        let rolling = field(strategy, "rollingUpdate");
        put(rolling, "maxSurge", json!("25%"));
        put(rolling, "maxUnavailable", json!("25%"));
    }
    // `paused: false` is dropped on the way through the typed API.
    if spec.get("paused") == Some(&json!(false)) {
        as_map(spec).shift_remove("paused");
    }
    template(field(spec, "template"));
}

/// Fills in a pod template as the API server does for Deployments and `ReplicaSets`.
pub fn template(template: &mut Value) {
    field(template, "metadata");
    pod_spec(field(template, "spec"));
}

fn pod_spec(spec: &mut Value) {
    put(spec, "dnsPolicy", json!("ClusterFirst"));
    put(spec, "restartPolicy", json!("Always"));
    put(spec, "schedulerName", json!("default-scheduler"));
    put(spec, "securityContext", json!({}));
    put(spec, "terminationGracePeriodSeconds", json!(30));
    for list in ["containers", "initContainers"] {
        let Some(containers) = spec.get_mut(list).and_then(Value::as_array_mut) else {
            continue;
        };
        for container in containers {
            let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
            let pull = if image.ends_with(":latest") || !image.contains(':') { "Always" } else { "IfNotPresent" };
            put(container, "imagePullPolicy", json!(pull));
            put(container, "resources", json!({}));
            put(container, "terminationMessagePath", json!("/dev/termination-log"));
            put(container, "terminationMessagePolicy", json!("File"));
        }
    }
    port_protocols(Some(spec));
}

fn port_protocols(spec: Option<&mut Value>) {
    let Some(Value::Array(containers)) = spec.and_then(|spec| spec.get_mut("containers")) else {
        return;
    };
    for container in containers {
        if let Some(Value::Array(ports)) = container.get_mut("ports") {
            for port in ports {
                put(port, "protocol", json!("TCP"));
            }
        }
    }
}

fn field<'a>(object: &'a mut Value, key: &str) -> &'a mut Value {
    as_map(object).entry(key.to_owned()).or_insert_with(|| Value::Object(Map::new()))
}

fn put(object: &mut Value, key: &str, value: Value) {
    as_map(object).entry(key.to_owned()).or_insert(value);
}
