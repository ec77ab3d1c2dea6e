//! Manifests from the short description of a workload.

use serde_json::{Value, json};

use super::file::{Kind, Workload};

/// Returns the workload as the cockpit's config names it.
pub fn name(workload: &Workload) -> String {
    let kind = if workload.kind == Kind::Deployment { "deployment" } else { "rollout" };
    format!("{kind}/{}", workload.name)
}

/// Returns the services that the workload needs.
pub fn services(workload: &Workload) -> Vec<Value> {
    let name = &workload.name;
    let names = match workload.kind {
        Kind::Canary if workload.traffic_routed => vec![format!("{name}-stable"), format!("{name}-canary")],
        Kind::BlueGreen => vec![format!("{name}-active"), format!("{name}-preview")],
        Kind::Canary | Kind::Deployment => vec![name.clone()],
    };
    names
        .into_iter()
        .map(|service| {
            json!({
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": service, "labels": {"app": name}},
                "spec": {
                    "selector": {"app": name},
                    "ports": [{"name": "http", "port": 80, "targetPort": workload.port}],
                },
            })
        })
        .collect()
}

/// Returns the object of the workload; its image is filled in later.
pub fn workload(workload: &Workload, replicas: i64) -> Value {
    let name = &workload.name;
    let mut spec = json!({
        "replicas": replicas,
        "revisionHistoryLimit": 5,
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{
                "name": "app",
                "image": "",
                "ports": [{"name": "http", "containerPort": workload.port}],
                "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}},
            }]},
        },
    });
    let mut strategy = match workload.kind {
        Kind::Canary => {
            let mut canary = json!({"steps": workload.steps});
            if workload.traffic_routed {
                canary["stableService"] = json!(format!("{name}-stable"));
                canary["canaryService"] = json!(format!("{name}-canary"));
                canary["trafficRouting"] = json!({"istio": {"virtualService": {"name": name}}});
            }
            json!({"canary": canary})
        }
        Kind::BlueGreen => json!({"blueGreen": {
            "activeService": format!("{name}-active"),
            "previewService": format!("{name}-preview"),
        }}),
        Kind::Deployment => json!({}),
    };
    let inner = match workload.kind {
        Kind::Canary => &mut strategy["canary"],
        Kind::BlueGreen => &mut strategy["blueGreen"],
        Kind::Deployment => &mut strategy,
    };
    for (key, value) in &workload.strategy {
        inner[key] = value.clone();
    }
    spec["strategy"] = strategy;
    for (key, value) in &workload.spec {
        spec[key] = value.clone();
    }
    let (api_version, kind) = match workload.kind {
        Kind::Deployment => ("apps/v1", "Deployment"),
        Kind::Canary | Kind::BlueGreen => ("argoproj.io/v1alpha1", "Rollout"),
    };
    json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": spec,
    })
}
