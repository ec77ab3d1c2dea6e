//! The life of Deployments.

use std::time::Duration;

use serde_json::{Value, json};

use crate::controllers::testing::{World, template};
use crate::kubernetes::object;
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::Part;
use crate::scenario::behaviour::{Behaviour, ContainerOutcome};

fn deployed() -> World {
    let mut world = World::new();
    world.create(
        Kind::Deployment,
        json!({
            "metadata": {"name": "mailer", "annotations": {"kubernetes.io/change-cause": "first"}},
            "spec": {
                "replicas": 4,
                "selector": {"matchLabels": {"app": "web"}},
                "template": template("mailer:1"),
            },
        }),
    );
    world.advance(10);
    world
}

fn set_image(world: &mut World, image: &str) {
    patch(world, &json!({"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}));
}

fn patch(world: &mut World, spec: &Value) {
    world.patch(Kind::Deployment, "mailer", Part::Main, &json!({"spec": spec}));
}

fn condition(world: &World, kind: &str) -> (String, String) {
    let deployment = world.get(Kind::Deployment, "mailer");
    object::items(&deployment, "/status/conditions")
        .iter()
        .find(|c| object::text(c, "/type") == kind)
        .map(|c| (object::text(c, "/status").to_owned(), object::text(c, "/reason").to_owned()))
        .unwrap_or_default()
}

fn progressing(world: &World) -> String {
    condition(world, "Progressing").1
}

#[test]
fn a_deployment_becomes_available() {
    let world = deployed();
    let status = &world.get(Kind::Deployment, "mailer")["status"];
    assert_eq!(status["availableReplicas"], 4);
    assert_eq!(status["observedGeneration"], 1);
    assert!(status.get("unavailableReplicas").is_none());
    assert_eq!(progressing(&world), "NewReplicaSetAvailable");
    assert_eq!(condition(&world, "Available"), ("True".to_owned(), "MinimumReplicasAvailable".to_owned()));
    let set = &world.store.list(Kind::ReplicaSet, None).1[0];
    assert_eq!(
        set["metadata"]["annotations"],
        json!({
            "kubernetes.io/change-cause": "first",
            "deployment.kubernetes.io/desired-replicas": "4",
            "deployment.kubernetes.io/max-replicas": "5",
            "deployment.kubernetes.io/revision": "1",
        })
    );
}

#[test]
fn a_rolling_update_never_has_too_few_or_too_many() {
    let mut world = deployed();
    set_image(&mut world, "mailer:2");
    for _ in 0..20 {
        let deployment = world.get(Kind::Deployment, "mailer");
        assert!(object::number(&deployment, "/status/availableReplicas", 0) >= 3);
        assert!(world.pods().len() <= 5);
        world.advance(1);
    }
    assert_eq!(world.sets(), [("mailer:1".to_owned(), 1, 0), ("mailer:2".to_owned(), 2, 4)]);
    assert_eq!(progressing(&world), "NewReplicaSetAvailable");
}

#[test]
fn pause_stops_and_resume_continues() {
    let mut world = deployed();
    set_image(&mut world, "mailer:2");
    world.advance(1);
    patch(&mut world, &json!({"paused": true}));
    world.advance(60);
    assert_eq!(progressing(&world), "DeploymentPaused");
    let held = world.sets();
    assert!(held.iter().all(|(_, _, pods)| *pods > 0), "{held:?}");
    patch(&mut world, &json!({"paused": null}));
    world.advance(30);
    assert_eq!(world.sets()[1], ("mailer:2".to_owned(), 2, 4));
    assert_eq!(progressing(&world), "NewReplicaSetAvailable");
}

#[test]
fn undo_reuses_the_old_set_under_a_new_number() {
    let mut world = deployed();
    set_image(&mut world, "mailer:2");
    world.advance(30);
    set_image(&mut world, "mailer:1");
    world.advance(30);
    assert_eq!(world.sets(), [("mailer:1".to_owned(), 3, 4), ("mailer:2".to_owned(), 2, 0)]);
    let deployment = world.get(Kind::Deployment, "mailer");
    assert_eq!(object::annotation(&deployment, "deployment.kubernetes.io/revision"), Some("3"));
    let sets = world.store.list(Kind::ReplicaSet, None).1;
    assert!(
        sets.iter().any(|set| { object::annotation(set, "deployment.kubernetes.io/revision-history") == Some("1") })
    );
}

#[test]
fn a_crashing_update_stalls_and_runs_into_its_deadline() {
    let mut world = deployed();
    world.behave(
        "mailer:bad",
        Behaviour {
            fate: ContainerOutcome::Crashes { exit_code: 2, after: Duration::from_secs(1) },
            ..Behaviour::default()
        },
    );
    patch(&mut world, &json!({"progressDeadlineSeconds": 30}));
    set_image(&mut world, "mailer:bad");
    world.advance(60);
    assert_eq!(condition(&world, "Progressing"), ("False".to_owned(), "ProgressDeadlineExceeded".to_owned()));
    let status = &world.get(Kind::Deployment, "mailer")["status"];
    assert!(status["availableReplicas"].as_i64().unwrap() >= 3);
}

#[test]
fn a_change_of_size_is_followed() {
    let mut world = deployed();
    patch(&mut world, &json!({"replicas": 7}));
    world.advance(10);
    assert_eq!(world.sets(), [("mailer:1".to_owned(), 1, 7)]);
    patch(&mut world, &json!({"replicas": 0}));
    world.advance(10);
    assert!(world.pods().is_empty());
}

#[test]
fn recreate_takes_all_down_first() {
    let mut world = deployed();
    patch(&mut world, &json!({"strategy": {"type": "Recreate", "rollingUpdate": null}}));
    world.advance(1);
    set_image(&mut world, "mailer:2");
    world.advance(10);
    assert_eq!(world.sets(), [("mailer:1".to_owned(), 1, 0), ("mailer:2".to_owned(), 2, 4)]);
}
