//! The life of Rollouts, with the figures and words that a real controller gave for the same requests.

mod blue_green;
mod canary;
mod features;
mod routed;

use serde_json::{Value, json};

use super::status::Status;
use crate::controllers::testing::{World, service, template};
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::Part;

fn steps() -> Value {
    json!([
        {"setWeight": 20}, {"pause": {}},
        {"setWeight": 40}, {"pause": {"duration": "5s"}},
        {"setWeight": 60}, {"pause": {"duration": "5s"}},
        {"setWeight": 80}, {"pause": {"duration": "5s"}},
    ])
}

fn rollout(replicas: i64, strategy: &Value, image: &str) -> Value {
    json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": template(image),
            "strategy": strategy,
        },
    })
}

fn canary(world: &mut World) {
    let strategy = json!({"canary": {"maxSurge": 1, "maxUnavailable": 0, "steps": steps()}});
    world.create(Kind::Rollout, rollout(5, &strategy, "web:1"));
    world.advance(10);
}

fn routed(world: &mut World) {
    routed_by(world, &json!({"istio": {}}));
}

fn routed_by(world: &mut World, routing: &Value) {
    for name in ["web-canary", "web-stable"] {
        world.create(Kind::Service, service(name));
    }
    let strategy = json!({"canary": {
        "canaryService": "web-canary",
        "stableService": "web-stable",
        "trafficRouting": routing,
        "abortScaleDownDelaySeconds": 5,
        "steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}, {"pause": {"duration": 5}}],
    }});
    world.create(Kind::Rollout, rollout(4, &strategy, "web:1"));
    world.advance(10);
}

fn blue_green(world: &mut World) {
    for name in ["active", "preview"] {
        world.create(Kind::Service, service(name));
    }
    let strategy = json!({"blueGreen": {
        "activeService": "active",
        "previewService": "preview",
        "autoPromotionEnabled": false,
        "scaleDownDelaySeconds": 10,
    }});
    world.create(Kind::Rollout, rollout(3, &strategy, "web:1"));
    world.advance(10);
}

fn set_image(world: &mut World, image: &str) {
    let patch = json!({"spec": {"template": {"spec": {
        "containers": [{"name": "app", "image": image}],
    }}}});
    world.patch(Kind::Rollout, "web", Part::Main, &patch);
    world.advance(4);
}

fn status_patch(world: &mut World, status: &Value) {
    world.patch(Kind::Rollout, "web", Part::Status, &json!({"status": status}));
    world.advance(3);
}

fn status(world: &World) -> Status {
    Status::read(world.get(Kind::Rollout, "web").get("status"))
}

fn phase(world: &World) -> (String, String) {
    let status = status(world);
    (status.phase, status.message)
}

fn is(world: &World, phase: &str, message: &str) {
    let status = status(world);
    assert_eq!((status.phase.as_str(), status.message.as_str()), (phase, message), "{status:#?}");
}

/// Resumes from a pause as `kubectl argo rollouts promote` does.
fn promote(world: &mut World) {
    status_patch(world, &json!({"pauseConditions": null}));
}

fn weight(world: &World) -> i64 {
    status(world).canary.weights.map_or(-1, |w| w.canary.weight)
}
