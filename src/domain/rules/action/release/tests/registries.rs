//! What comes into prod from staging where registries are asked, and where `images_from` maps them.

use super::*;
use crate::domain::facts::registry::{Contents, Stored, StoredImage};
use crate::domain::rules::checklist::registry::questions;
use crate::domain::world::registry::{Answers, ImagesFrom, Looked, RegistrySettings, RegistryState};

const HERE: Part<'_> = ("api", "eu.example/shop/api:1.4.2", Some("sha256:old"));
const THERE: Part<'_> = ("api", "us.example/api:1.5.0", Some(DIGEST));

fn with_registries(mut world: World, hosts: &[&str]) -> World {
    let settings = |host: &&str| RegistrySettings { host: (*host).to_owned(), require_signature: false };
    let prod = world.environments.iter_mut().find(|env| env.name().as_str() == "prod").unwrap();
    prod.settings.registries = hosts.iter().map(settings).collect();
    let state = |settings: &RegistrySettings| RegistryState {
        settings: settings.clone(),
        link: Link::Up,
        answers: Arc::default(),
    };
    prod.registries = prod.settings.registries.iter().map(state).collect();
    world
}

fn mapped(mut world: World, from: &str, to: &str) -> World {
    let prod = world.environments.iter_mut().find(|env| env.name().as_str() == "prod").unwrap();
    prod.settings.images_from.map.insert(from.to_owned(), to.to_owned());
    world
}

fn says(world: &mut World, image: &str, stored: Stored) {
    let image = StoredImage::of(image).unwrap();
    let (env, host) = (EnvName::new("prod"), image.repository.host.clone());
    let answers = Arc::new(Answers([(image, Looked { at: now(), stored })].into()));
    world.take(Feed::Registry { env, host, link: Link::Up, answers }, now());
}

fn why_not(world: &World) -> String {
    let refusals = release(world, "prod").unwrap_err();
    refusals.iter().map(Refusal::line).collect::<Vec<_>>().join("; ")
}

#[test]
fn what_comes_in_is_looked_for_in_the_registry_of_this_environment() {
    let mut world = with_registries(world(Runs::only(&[THERE]), Runs::only(&[HERE])), &["eu.example", "us.example"]);
    let asked = questions(&world, world.environment(&EnvName::new("prod")).unwrap());
    let asked: Vec<String> = asked.iter().map(|image| format!("{}@{}", image.repository, image.reference)).collect();
    assert_eq!(asked, [format!("eu.example/shop/api@{DIGEST}"), "eu.example/shop/api@sha256:old".to_owned()]);
    assert!(why_not(&world).contains("eu.example has not answered yet about sha256:01234567… of api"));
    says(&mut world, &format!("eu.example/shop/api@{DIGEST}"), Stored::Absent);
    assert!(why_not(&world).contains("sha256:01234567… is not in eu.example/shop/api"));
    says(&mut world, &format!("eu.example/shop/api@{DIGEST}"), Stored::Present(Contents::default()));
    let plan = release(&world, "prod").unwrap();
    assert_eq!(images(plan.record()), [format!("eu.example/shop/api:1.5.0@{DIGEST}")]);
    assert!(
        plan.record().goes.contains(&"api is pulled from eu.example/shop/api instead of us.example/api".to_owned())
    );
}

#[test]
fn the_repository_that_is_mapped_is_written_with_the_same_digest() {
    let world = world(Runs::only(&[THERE]), Runs::only(&[HERE]));
    let world = mapped(world, "us.example", "prod.example/mirror");
    let plan = release(&world, "prod").unwrap();
    assert_eq!(images(plan.record()), [format!("prod.example/mirror/api:1.5.0@{DIGEST}")]);
    let says = "api was pulled from eu.example/shop/api so far: `images_from` names prod.example/mirror/api";
    assert!(plan.record().goes.contains(&says.to_owned()), "{:?}", plan.record().goes);
    let mut world = with_registries(world, &["prod.example"]);
    self::says(&mut world, &format!("prod.example/mirror/api@{DIGEST}"), Stored::Absent);
    assert!(why_not(&world).contains("is not in prod.example/mirror/api"));
}

#[test]
fn a_repository_that_is_mapped_to_another_image_is_refused() {
    let world = world(Runs::only(&[THERE]), Runs::only(&[HERE]));
    let world = mapped(world, "us.example/api", "prod.example/checkout");
    assert!(why_not(&world).contains("container api runs prod.example/checkout here and us.example/api in staging"));
}

#[test]
fn nothing_comes_in_past_a_map_that_nobody_trusts() {
    let mut world = world(Runs::only(&[THERE]), Runs::only(&[HERE]));
    let prod = world.environments.iter_mut().find(|env| env.name().as_str() == "prod").unwrap();
    prod.settings.images_from = ImagesFrom { is_withheld: true, ..ImagesFrom::default() };
    assert!(why_not(&world).contains("run `cockpit trust`"));
}

/// Law 3: a rollback goes on, and says what may keep its pods from coming up.
#[test]
fn a_rollback_to_an_image_that_is_gone_goes_on_and_says_so() {
    let parts = [("api", "us.example/api:1.5.0", Some(DIGEST))];
    let going_out = Runs { in_progress: true, ..Runs::only(&parts) };
    let mut world = with_registries(world(Runs::only(&parts), going_out), &["us.example"]);
    let target = WorkloadKey { env: EnvName::new("prod"), workload: id() }.into();
    let rollback = Intent { verb: Verb::Rollback, target, to: None };
    let around = PlanContext { now: now(), ..PlanContext::default() };
    let before = plan(&world, &rollback, &around).unwrap();
    assert!(!before.record().goes.iter().any(|line| line.contains("is gone")));
    says(&mut world, "us.example/api:1.4.2", Stored::Absent);
    let warned = plan(&world, &rollback, &around).unwrap();
    let first = &warned.record().goes[0];
    assert!(first.starts_with("1.4.2 is gone from us.example/api (asked "), "{:?}", warned.record().goes);
    assert!(warned.record().moves_backward());
    assert_eq!(warned.record().requests, before.record().requests);
}
