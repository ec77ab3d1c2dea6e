//! Blue-green.

use serde_json::json;

use super::{blue_green, is, promote, rollout, set_image, status, status_patch};
use crate::controllers::testing::{World, service};
use crate::kubernetes::resources::Kind;

#[test]
fn blue_green_waits_switches_and_scales_down_later() {
    let mut world = World::new();
    blue_green(&mut world);
    is(&world, "Healthy", "");
    set_image(&mut world, "web:2");
    is(&world, "Paused", "BlueGreenPause");
    let paused = status(&world);
    assert_eq!(paused.blue_green.active_selector, paused.stable_rs);
    assert_eq!(paused.blue_green.preview_selector, paused.current_pod_hash);
    assert_eq!((paused.replicas, paused.available_replicas, paused.hpa_replicas), (6, 3, 3));
    promote(&mut world);
    is(&world, "Healthy", "");
    let promoted = status(&world);
    assert_eq!(promoted.blue_green.active_selector, promoted.current_pod_hash);
    assert_eq!(promoted.replicas, 6, "the old pods outlive the switch");
    world.advance(15);
    assert_eq!(status(&world).replicas, 3);
}

#[test]
fn blue_green_abort_keeps_the_active_side() {
    let mut world = World::new();
    blue_green(&mut world);
    set_image(&mut world, "web:2");
    status_patch(&mut world, &json!({"abort": true}));
    is(&world, "Degraded", "RolloutAborted: Rollout aborted update to revision 2");
    let aborted = status(&world);
    assert_eq!(aborted.blue_green.active_selector, aborted.stable_rs);
    world.advance(40);
    assert_eq!(world.sets(), [("web:1".to_owned(), 1, 3), ("web:2".to_owned(), 2, 0)]);
}

#[test]
fn blue_green_promotes_after_auto_promotion_seconds() {
    let mut world = World::new();
    for name in ["active", "preview"] {
        world.create(Kind::Service, service(name));
    }
    let strategy = json!({"blueGreen": {
        "activeService": "active",
        "previewService": "preview",
        "autoPromotionSeconds": 20,
    }});
    world.create(Kind::Rollout, rollout(2, &strategy, "web:1"));
    world.advance(10);
    set_image(&mut world, "web:2");
    is(&world, "Paused", "BlueGreenPause");
    world.advance(25);
    is(&world, "Healthy", "");
}
