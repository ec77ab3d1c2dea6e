//! Objects that tests create in a namespace.

use serde_json::{Value, json};

/// An image of the registry of the tests.
pub fn image(name: &str, tag: &str) -> String {
    format!("registry.test/{name}:{tag}")
}

/// Whether a container's image is this version, be it by tag alone or with its digest.
pub fn is_version(container_image: &Value, name: &str, tag: &str) -> bool {
    container_image.as_str().and_then(|image| image.split('@').next()) == Some(image(name, tag).as_str())
}

/// A pod template; `ready_after` delays readiness, e.g. `2s`.
pub fn template(name: &str, tag: &str, ready_after: Option<&str>) -> Value {
    let mut template = json!({
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "app", "image": image(name, tag), "ports": [{"containerPort": 8080}]}]},
    });
    if let Some(after) = ready_after {
        template["metadata"]["annotations"] = json!({"cockpit.test/ready-after": after});
    }
    template
}

/// `setWeight`.
pub fn weight(weight: u32) -> Value {
    json!({"setWeight": weight})
}

/// A pause until a person promotes.
pub fn pause() -> Value {
    json!({"pause": {}})
}

/// A pause of so many seconds.
pub fn pause_for(seconds: u32) -> Value {
    json!({"pause": {"duration": seconds}})
}

/// A Rollout with any strategy.
pub fn rollout(name: &str, replicas: u32, strategy: &Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template(name, "1.0.0", None),
            "strategy": strategy,
        },
    })
}

/// A canary by number of replicas.
pub fn canary(name: &str, replicas: u32, steps: &[Value]) -> Value {
    rollout(name, replicas, &json!({"canary": {"maxSurge": 1, "maxUnavailable": 0, "steps": steps}}))
}

fn service(name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"selector": {"app": app}, "ports": [{"port": 80, "targetPort": 8080}]},
    })
}

/// A canary whose weight is set at an Ingress, with the services and the Ingress that it needs.
pub fn traffic_routed(name: &str, replicas: u32, steps: &[Value]) -> Vec<Value> {
    let (stable, canary) = (format!("{name}-stable"), format!("{name}-canary"));
    let ingress = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name},
        "spec": {"ingressClassName": "nginx", "rules": [{"host": format!("{name}.test"), "http": {"paths": [
            {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": stable, "port": {"number": 80}}}},
        ]}}]},
    });
    let strategy = json!({"canary": {
        "stableService": stable, "canaryService": canary, "abortScaleDownDelaySeconds": 2,
        "trafficRouting": {"nginx": {"stableIngress": name}}, "steps": steps,
    }});
    vec![service(&stable, name), service(&canary, name), ingress, rollout(name, replicas, &strategy)]
}

/// A blue-green rollout that a person promotes, with its services.
pub fn blue_green(name: &str, replicas: u32) -> Vec<Value> {
    let (active, preview) = (format!("{name}-active"), format!("{name}-preview"));
    let strategy = json!({"blueGreen": {
        "activeService": active, "previewService": preview, "autoPromotionEnabled": false, "scaleDownDelaySeconds": 3,
        "abortScaleDownDelaySeconds": 3,
    }});
    vec![service(&active, name), service(&preview, name), rollout(name, replicas, &strategy)]
}

/// A Deployment that holds the template of a canary, and the canary.
pub fn workload_ref(name: &str, replicas: u32, steps: &[Value]) -> Vec<Value> {
    let mut owner = deployment(name, replicas);
    owner["metadata"]["annotations"] = json!({"team": "ledgers"});
    let canary = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "scaleDown": "onsuccess"},
            "strategy": {"canary": {"steps": steps}},
        },
    });
    vec![owner, canary]
}

pub fn deployment(name: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "annotations": {"kubernetes.io/change-cause": "1.0.0"}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": template(name, "1.0.0", None),
        },
    })
}

/// A quota of so many pods.
pub fn quota(pods: u32) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "pods"},
        "spec": {"hard": {"pods": pods.to_string()}},
    })
}
