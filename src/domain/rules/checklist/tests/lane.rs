//! A lane from dev into prod, past staging: what it changes, and for what.

mod floor;
mod gates;
mod owed;

use std::sync::Arc;

use jiff::SignedDuration;

use super::{Part, Runs, id, now};
use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::{EnvName, WorkloadKey};
use crate::domain::facts::workload::{Revision, Snapshot};
use crate::domain::record::checklist::{
    BuiltinCheck, CheckId, CheckOutcome, CheckPhase, CheckSpec, Decision, Finding, How, SignOff, SignOffRules,
};
use crate::domain::record::journal::Entry;
use crate::domain::record::lane::tests::rule;
use crate::domain::record::lane::{Lane, LaneRule};
use crate::domain::record::proof::Proof;
use crate::domain::rules::checklist::required::rules_here;
use crate::domain::rules::checklist::role::{refusal, role_statuses};
use crate::domain::rules::lane::tests::{allow, cluster, open, state};
use crate::domain::world::feed::Feed;
use crate::domain::world::{EnvSettings, Environment, World};

const FIX: Part<'_> = ("api", "registry/api:1.5.1", Some("sha256:77aa01ce"));
const OLD: Part<'_> = ("api", "registry/api:1.4.2", Some("sha256:9f2c41ab"));
const NEXT: Part<'_> = ("api", "registry/api:1.6.0", Some("sha256:c0ffee00"));

fn gate(name: &str) -> CheckSpec {
    CheckSpec {
        id: CheckId::new(name),
        title: name.to_owned(),
        phase: CheckPhase::Pre,
        gate: true,
        owner: None,
        how: How::Evidence("command".into()),
        fresh: None,
        runbook: None,
    }
}

fn settings(name: &str) -> EnvSettings {
    EnvSettings { namespace: name.to_owned(), workloads: vec![id()], is_declared: true, ..EnvSettings::new(name) }
}

/// Prod asks for two gates and two people; its lane for one of each.
fn prod_settings() -> EnvSettings {
    let roles = ["sre", "product"].map(|role| (role.to_owned(), 1)).to_vec();
    EnvSettings {
        checks: vec![gate("smoke"), gate("load")],
        sign_offs: SignOffRules { roles, four_eyes: false },
        lanes: vec![rule()],
        ..settings("prod")
    }
}

fn seen(world: &mut World, name: &str, snapshot: Snapshot) {
    let target = WorkloadKey { env: EnvName::new(name), workload: id() };
    world.take(Feed::Workload { target, snapshot: Some(Arc::new(snapshot)) }, now());
}

/// What each environment serves, or what goes out in prod beside 1.4.2.
fn world_with(prod: EnvSettings, serves: [Part<'_>; 3], goes_out: Option<Part<'_>>) -> World {
    let mut world = World::new([settings("dev"), settings("staging"), prod]);
    for name in ["dev", "staging", "prod"] {
        let env = EnvName::new(name);
        world.take(Feed::Cluster { env: env.clone(), identity: cluster(name) }, now());
        world.take(Feed::Record { env: env.clone(), known: Ok(()) }, now());
        world.take(Feed::Link { env, source: SourceKind::Kubernetes, link: Link::Up, at: Some(now()) }, now());
    }
    let [dev, staging, prod] = serves;
    seen(&mut world, "dev", Runs::only(&[dev]).snapshot(false));
    seen(&mut world, "staging", Runs::only(&[staging]).snapshot(false));
    seen(&mut world, "prod", Runs::only(&[goes_out.unwrap_or(prod)]).snapshot(goes_out.is_some()));
    world
}

/// Dev has released the fix, the others are behind.
fn world() -> World {
    world_with(prod_settings(), [FIX, OLD, OLD], None)
}

fn prod(world: &World) -> &Environment {
    world.environment(&EnvName::new("prod")).unwrap()
}

/// The rule of the lane, with the clusters that it names.
fn own_rule(world: &World) -> LaneRule {
    rules_here(world, prod(world)).remove(0)
}

/// With the lane allowed, and open for one artifact.
fn opened_for(mut world: World, part: Part<'_>) -> World {
    allow(&mut world, "prod", now());
    let rule = own_rule(&world);
    open(&mut world, &[(part.0, part.2.unwrap())], rule, now());
    world
}

fn comes_in(world: &World) -> Option<String> {
    world.incoming(prod(world), &id()).map(Revision::version)
}

#[test]
fn what_dev_has_released_comes_into_prod_past_staging() {
    let world = world();
    assert_eq!(comes_in(&world), None);
    let world = opened_for(world, FIX);
    assert_eq!(comes_in(&world).as_deref(), Some("1.5.1"));
    let way = world.way(prod(&world), &id());
    assert_eq!(way.before.map(|before| before.name().as_str()), Some("dev"));
    let candidate = world.candidate(prod(&world)).unwrap();
    let subject = candidate.signed_subject();
    assert!(subject.starts_with(&candidate.key) && subject.contains(" lane:hotfix@1970-01-12T13:46:40Z"), "{subject}");
    // In staging it is next as ever.
    let staging = world.environment(&EnvName::new("staging")).unwrap();
    assert_eq!(world.way(staging, &id()).before.map(|before| before.name().as_str()), Some("dev"));
    assert!(world.candidate(staging).unwrap().lane.is_none());
}

#[test]
fn what_goes_out_in_prod_is_in_the_lane_while_it_is_the_artifact() {
    let in_lane = |goes_out: Part<'_>| {
        let world = opened_for(world_with(prod_settings(), [FIX, OLD, OLD], Some(goes_out)), FIX);
        world.candidate(prod(&world)).unwrap().lane.is_some()
    };
    assert!(in_lane(FIX));
    let moved = ("api", "registry/api:1.5.1", Some("sha256:bad00bad"));
    assert!(!in_lane(NEXT) && !in_lane(moved));
}

#[test]
fn a_lane_is_over_for_prod_once_it_has_the_artifact() {
    let world = opened_for(world_with(prod_settings(), [FIX, OLD, FIX], None), FIX);
    assert!(world.way(prod(&world), &id()).lane.is_none());
    assert_eq!(comes_in(&world).as_deref(), Some("1.4.2"), "what staging has, in promotion order");
}

#[test]
fn what_the_gates_rest_on_is_named_once_each_and_the_environment_itself_last() {
    let names = |world: &World| world.rests_on(prod(world)).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&world()), ["staging", "prod"]);
    let opened = opened_for(world(), FIX);
    assert_eq!(names(&opened), ["dev", "staging", "prod"]);
    assert!(opened.leaves_out(prod(&opened), &EnvName::new("staging")));
    assert!(!opened.leaves_out(prod(&opened), &EnvName::new("dev")));
    let dev = opened.environment(&EnvName::new("dev")).unwrap();
    assert_eq!(opened.rests_on(dev), [EnvName::new("dev")]);
}

/// A word of somebody about the candidate of prod, as their cockpit would say it.
fn word(world: &World, (who, role): (&str, &str), decision: Decision, subject: &str) -> SignOff {
    SignOff {
        env: EnvName::new("prod"),
        cluster: Some(cluster("prod")),
        role: role.to_owned(),
        who: who.to_owned(),
        verified: true,
        decision,
        note: "seen".to_owned(),
        at: now(),
        subject: subject.to_owned(),
        digest: world.candidate(prod(world)).unwrap().digest,
        takes_back: None,
        takes_back_of: None,
        reds: None,
        signature: None,
        proof: Proof::default(),
    }
}

/// Says it, and returns why the last word in that role does not count.
fn void(world: &mut World, word: SignOff) -> Option<String> {
    let role = word.role.clone();
    state(world, Entry::SignedOff(word), now());
    let seats = role_statuses(prod(world), &world.ledger, &world.candidate(prod(world)).unwrap());
    seats.into_iter().find(|seat| seat.role == role).unwrap().signatures.pop().unwrap().void
}

fn subject(world: &World) -> String {
    world.candidate(prod(world)).unwrap().signed_subject()
}

/// Closes the lane that is open.
fn closed(mut world: World) -> World {
    let lane = prod(&world).workload(&id()).unwrap().lane.as_ref().unwrap().open().unwrap().lane.clone();
    let end = Lane { is_end: true, ..lane };
    state(&mut world, Entry::Lane(Box::new(end)), now());
    world
}

/// Prod as it would be after a second opening, once the first was closed.
fn opened_again() -> World {
    let mut world = closed(opened_for(world(), FIX));
    let rule = own_rule(&world);
    let later = now() + SignedDuration::from_secs(5);
    open(&mut world, &[("api", "sha256:77aa01ce")], rule, later);
    world.reassess(now());
    world
}

#[test]
fn a_go_of_the_normal_way_is_none_in_the_lane_and_the_reverse() {
    let normal = || world_with(prod_settings(), [FIX, OLD, OLD], Some(FIX));
    let in_lane = || opened_for(normal(), FIX);
    let (outside, inside) = (subject(&normal()), subject(&in_lane()));
    let go = |mut world: World, subject: &str| {
        let word = word(&world, ("bob", "sre"), Decision::Go, subject);
        void(&mut world, word)
    };
    assert_eq!(go(in_lane(), &outside).as_deref(), Some("given outside the lane hotfix"));
    assert_eq!(go(normal(), &inside).as_deref(), Some("given in the lane hotfix"));
    assert_eq!((go(normal(), &outside), go(in_lane(), &inside)), (None, None));
    let again = go(opened_again(), &subject(&opened_for(world(), FIX)));
    assert_eq!(again.as_deref(), Some("given before the lane hotfix was opened again"));
    // What was said against the artifact holds in both.
    let no_go = |mut world: World| {
        let word = word(&world, ("bob", "product"), Decision::NoGo, &outside);
        void(&mut world, word)
    };
    assert_eq!((no_go(normal()), no_go(in_lane())), (None, None));
}

#[test]
fn whoever_opened_it_does_not_count() {
    let mut world = opened_for(world(), FIX);
    let subject = subject(&world);
    let said = word(&world, ("alice", "sre"), Decision::Go, &subject);
    assert_eq!(void(&mut world, said).as_deref(), Some("alice opened the lane: another person signs"));
    let may = |who: &str, role: &str, decision: Decision| {
        let candidate = world.candidate(prod(&world)).unwrap();
        refusal(prod(&world), &world.ledger, &candidate, (who, role), decision)
    };
    assert_eq!(may("alice", "sre", Decision::Go).as_deref(), Some("alice opened the lane: another person signs"));
    assert_eq!(may("bob", "sre", Decision::Go), None);
    let other = may("bob", "product", Decision::Go).unwrap();
    assert_eq!(other, "`product` is no role that signs in prod by the lane hotfix: there are sre");
    assert_eq!((may("alice", "sre", Decision::NoGo), may("bob", "product", Decision::NoGo)), (None, None));
}

/// Whoever takes a NO-GO back in a lane takes it back for good.
#[test]
fn a_no_go_that_is_taken_back_in_a_lane_stays_so() {
    let mut world = opened_for(world_with(prod_settings(), [FIX, OLD, OLD], Some(FIX)), FIX);
    let plain = world.candidate(prod(&world)).unwrap().key;
    let no_go = word(&world, ("bob", "sre"), Decision::NoGo, &plain);
    assert_eq!(void(&mut world, no_go.clone()), None);
    let subject = subject(&world);
    let back = SignOff { takes_back: Some(no_go.at), ..word(&world, ("bob", "sre"), Decision::Go, &subject) };
    assert_eq!(void(&mut world, back), None);
    for name in ["staging", "prod"] {
        seen(&mut world, name, Runs::only(&[FIX]).snapshot(false));
    }
    let settled = world.candidate(prod(&world)).unwrap();
    assert!(settled.lane.is_none() && settled.key == plain);
    let seats = role_statuses(prod(&world), &world.ledger, &settled);
    assert!(seats.iter().all(|seat| seat.holding(Decision::NoGo).next().is_none()), "{seats:?}");
}

fn red(check: &str, subject: String) -> Entry {
    let finding = Finding {
        found: CheckOutcome::Failed,
        summary: "77aa01ce on 0/2 pods of staging".to_owned(),
        evidence: Vec::new(),
        green_when: String::new(),
        at: now() + SignedDuration::from_secs(1),
        subject,
    };
    let (env, check) = (EnvName::new("prod"), CheckId::new(check));
    Entry::Checked { env, cluster: Some(cluster("prod")), check, finding }
}

/// One that does not know lanes compares what goes out with staging, and shares that as red.
#[test]
fn a_red_artifact_of_an_older_cockpit_voids_no_go_of_the_lane() {
    let asks = LaneRule { gates: [CheckId::new("artifact"), CheckId::new("smoke")].into(), ..rule() };
    let artifact = CheckSpec { how: How::BuiltinCheck(BuiltinCheck::Artifact), ..gate("artifact") };
    let checks = vec![artifact, gate("smoke"), gate("load")];
    let settings = || EnvSettings { checks: checks.clone(), lanes: vec![asks.clone()], ..prod_settings() };
    let after = |went_red: &str| {
        let mut world = opened_for(world_with(settings(), [FIX, OLD, OLD], Some(FIX)), FIX);
        let key = world.candidate(prod(&world)).unwrap().key;
        state(&mut world, red(went_red, key), now());
        let go = word(&world, ("bob", "sre"), Decision::Go, &subject(&world));
        void(&mut world, go)
    };
    assert_eq!((after("artifact"), after("load")), (None, None));
    assert_eq!(after("smoke").as_deref(), Some("gate smoke went red since"));
}
