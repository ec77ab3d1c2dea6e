//! Canaries whose traffic a router splits.

use serde_json::json;

use super::{is, phase, promote, routed, routed_by, set_image, status, weight};
use crate::controllers::testing::World;
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::Part;

#[test]
fn routed_traffic_follows_the_steps_and_stable_stays_whole() {
    let mut world = World::new();
    routed(&mut world);
    assert_eq!(weight(&world), 0);
    set_image(&mut world, "web:2");
    is(&world, "Paused", "CanaryPauseStep");
    assert_eq!(weight(&world), 20);
    let paused = status(&world);
    assert_eq!((paused.replicas, paused.updated_replicas), (5, 1));
    let weights = paused.canary.weights.unwrap();
    assert_eq!(weights.stable.weight, 80);
    assert_eq!(weights.canary.pod_template_hash, paused.current_pod_hash);
    assert_eq!(weights.stable.service_name, "web-stable");
    promote(&mut world);
    assert_eq!(weight(&world), 50);
    world.advance(60);
    is(&world, "Healthy", "");
    assert_eq!(weight(&world), 0);
    assert_eq!(world.sets(), [("web:1".to_owned(), 1, 0), ("web:2".to_owned(), 2, 4)]);
}

#[test]
fn an_abort_takes_the_traffic_at_once_and_the_pods_later() {
    let mut world = World::new();
    routed(&mut world);
    set_image(&mut world, "web:2");
    world.patch(Kind::Rollout, "web", Part::Status, &json!({"status": {"abort": true}}));
    world.advance(1);
    assert_eq!(weight(&world), 0);
    assert_eq!(world.sets(), [("web:1".to_owned(), 1, 4), ("web:2".to_owned(), 2, 1)]);
    world.advance(10);
    assert_eq!(world.sets(), [("web:1".to_owned(), 1, 4), ("web:2".to_owned(), 2, 0)]);
    assert_eq!(phase(&world).0, "Degraded");
}

#[test]
fn every_ingress_gets_the_weight() {
    let mut world = World::new();
    for name in ["shop", "api"] {
        let backend = json!({"service": {"name": "web-stable", "port": {"number": 80}}});
        let paths = json!([{"path": "/", "pathType": "Prefix", "backend": backend}]);
        let spec = json!({"rules": [{"host": format!("{name}.test"), "http": {"paths": paths}}]});
        world.create(Kind::Ingress, json!({"metadata": {"name": name}, "spec": spec}));
    }
    routed_by(&mut world, &json!({"nginx": {"stableIngresses": ["shop", "api"]}}));
    set_image(&mut world, "web:2");
    is(&world, "Paused", "CanaryPauseStep");
    for name in ["web-shop-canary", "web-api-canary"] {
        let ingress = world.get(Kind::Ingress, name);
        assert_eq!(ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight"], "20", "{name}");
    }
}
