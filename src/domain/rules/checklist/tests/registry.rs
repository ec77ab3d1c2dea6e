//! What registries say of a release that goes out in prod.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Part, Runs, now, refused_at, world};
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::registry::manifest::Platform;
use crate::domain::facts::registry::{Contents, Signatures, Stored, StoredImage, StoredPlatform};
use crate::domain::record::checklist::{BuiltinCheck, CheckOutcome};
use crate::domain::rules::checklist::registry::{is_asked, questions};
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::feed::Feed;
use crate::domain::world::registry::{Answers, Looked, RegistrySettings, RegistryState};
use crate::domain::world::{Environment, World};

const HOST: &str = "r.example";
const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const API: Part<'_> = ("api", "r.example/shop/api:1.5.0", Some(DIGEST));

/// Prod promotes what staging runs, and asks a registry.
fn world_with(require_signature: bool) -> World {
    let parts = [API];
    let runs = Runs::only(&parts);
    let mut world = world(Some(&runs), &runs, Vec::new());
    let settings = RegistrySettings { host: HOST.to_owned(), require_signature };
    let prod = world.environments.iter_mut().find(|env| env.name().as_str() == "prod").unwrap();
    let state = RegistryState { settings: settings.clone(), link: Link::Never, answers: Arc::default() };
    (prod.settings.registries, prod.registries) = (vec![settings], vec![state]);
    world
}

fn prod(world: &World) -> &Environment {
    world.environment(&EnvName::new("prod")).unwrap()
}

fn image() -> StoredImage {
    StoredImage::of(&format!("r.example/shop/api@{DIGEST}")).unwrap()
}

fn says(world: &mut World, link: Link, answer: Option<(Timestamp, Stored)>) {
    let answers = answer.map(|(at, stored)| (image(), Looked { at, stored })).into_iter().collect();
    let (env, host) = (EnvName::new("prod"), HOST.to_owned());
    world.take(Feed::Registry { env, host, link, answers: Arc::new(Answers(answers)) }, now());
}

fn present() -> Stored {
    Stored::Present(Contents::default())
}

/// What the registry keeps from going out at a time.
fn of_registry(world: &World, at: Timestamp) -> Vec<Refusal> {
    refused_at(world, at).into_iter().filter(|refusal| refusal.text.starts_with("registry: ")).collect()
}

#[test]
fn what_is_in_the_registry_goes_out_and_what_is_not_is_red() {
    let mut world = world_with(false);
    assert_eq!(questions(&world, prod(&world)).into_iter().collect::<Vec<_>>()[0], image());
    says(&mut world, Link::Up, Some((now(), present())));
    assert!(of_registry(&world, now()).is_empty());
    says(&mut world, Link::Up, Some((now(), Stored::Absent)));
    let red = of_registry(&world, now());
    assert_eq!(red[0].kind, RefusalKind::Gate);
    assert_eq!(red[0].text, "registry: sha256:01234567… is not in r.example/shop/api");
    assert!(red[0].line().contains("it is pushed there, or `images_from`"), "{}", red[0].line());
}

#[test]
fn what_a_registry_does_not_say_is_blind_and_never_red() {
    let mut world = world_with(false);
    let blind = |world: &World, says: &str| {
        let refusals = of_registry(world, now());
        assert_eq!(refusals.len(), 1);
        assert!(refusals[0].kind == RefusalKind::Blind && refusals[0].text.contains(says), "{refusals:?}");
    };
    blind(&world, "has not answered yet");
    assert!(!is_asked(&world, prod(&world)));
    says(&mut world, Link::Down("401: it wants a login".to_owned()), Some((now(), present())));
    blind(&world, "r.example: 401: it wants a login");
    assert!(is_asked(&world, prod(&world)));
    says(&mut world, Link::NotAsked("not trusted: run `cockpit trust`".to_owned()), None);
    blind(&world, "registry: not trusted: run `cockpit trust`");
    says(&mut world, Link::Up, Some((now(), Stored::Unknown("no answer in 10 s".to_owned()))));
    blind(&world, "r.example: no answer in 10 s");
    says(&mut world, Link::Up, None);
    blind(&world, "has not answered yet");
}

#[test]
fn a_signature_has_to_be_listed_where_one_is_required() {
    let kinds = |found: &[&str]| Signatures::Listed(found.iter().map(|kind| (*kind).to_owned()).collect());
    let cases = [
        (kinds(&["cosign signature"]), None),
        (kinds(&[]), Some((RefusalKind::Gate, "no signature of sha256:01234567… is listed"))),
        (Signatures::NotAsked, Some((RefusalKind::Blind, "is not known: not asked yet"))),
        (Signatures::Unknown("403".to_owned()), Some((RefusalKind::Blind, "is not known: 403"))),
    ];
    for (signatures, expected) in cases {
        for require_signature in [true, false] {
            let mut world = world_with(require_signature);
            let contents = Contents { signatures: signatures.clone(), ..Contents::default() };
            says(&mut world, Link::Up, Some((now(), Stored::Present(contents))));
            let found = of_registry(&world, now());
            let wanted = expected.filter(|_| require_signature);
            assert_eq!(found.first().map(|refusal| refusal.kind), wanted.map(|(kind, _)| kind), "{signatures:?}");
            assert!(wanted.is_none_or(|(_, text)| found[0].text.contains(text)), "{found:?}");
        }
    }
}

#[test]
fn an_index_whose_manifests_were_not_copied_is_red() {
    let platform = |is_present| StoredPlatform {
        platform: Platform { os: "linux".to_owned(), architecture: "arm64".to_owned(), variant: None },
        is_present,
    };
    let mut world = world_with(false);
    let contents = |platforms| Stored::Present(Contents { platforms, ..Contents::default() });
    says(&mut world, Link::Up, Some((now(), contents(vec![platform(false), platform(false)]))));
    assert!(of_registry(&world, now())[0].text.contains("none of the manifests that it lists"));
    says(&mut world, Link::Up, Some((now(), contents(vec![platform(false), platform(true)]))));
    assert!(of_registry(&world, now()).is_empty());
    let candidate = world.candidate(prod(&world)).unwrap();
    let finding = BuiltinCheck::Registry.finding(&world, prod(&world), &candidate, &world.ledger, now());
    assert_eq!(finding.found, CheckOutcome::Passed);
    assert!(finding.evidence.iter().any(|line| line == "listed in its index, and not there: linux/arm64"));
}

#[test]
fn an_image_of_another_registry_is_not_asked_about() {
    let mut world = world_with(false);
    for env in &mut world.environments {
        for registry in &mut env.registries {
            registry.settings.host = "other.example".to_owned();
        }
    }
    assert!(of_registry(&world, now()).is_empty());
    assert!(questions(&world, prod(&world)).is_empty());
}

fn stored() -> impl Strategy<Value = Stored> {
    prop_oneof![Just(present()), Just(Stored::Absent), Just(Stored::Unknown("?".to_owned()))]
}

proptest! {
    /// Law 1: green only on a fresh answer that it is there; red only on a fresh answer that it is not.
    #[test]
    fn only_a_fresh_answer_about_this_digest_is_green_or_red(
        answer in proptest::option::of((-300_i64..300, stored())), is_up in any::<bool>(),
    ) {
        let mut world = world_with(false);
        let link = if is_up { Link::Up } else { Link::Down("gone".to_owned()) };
        let at = |age: i64| now() - SignedDuration::from_secs(age);
        says(&mut world, link, answer.clone().map(|(age, stored)| (at(age), stored)));
        let refusals = of_registry(&world, now());
        let fresh = answer.filter(|(age, _)| is_up && (-2..=150).contains(age)).map(|(_, stored)| stored);
        prop_assert_eq!(refusals.is_empty(), fresh == Some(present()));
        let is_red = refusals.iter().any(|refusal| refusal.kind == RefusalKind::Gate);
        prop_assert_eq!(is_red, fresh == Some(Stored::Absent));
    }
}
