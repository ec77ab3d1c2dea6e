//! Which lane is followed, and why one is not.

use std::collections::BTreeSet;

use super::*;
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::record::checklist::CheckId;
use crate::domain::record::journal::{Entry, Line};
use crate::domain::record::lane::WrittenRule;
use crate::domain::record::lane::tests::{opening, rule};
use crate::domain::rules::checklist::required::decision;
use crate::domain::world::EnvSettings;
use crate::domain::world::feed::Feed;

fn now() -> Timestamp {
    Timestamp::from_second(1_000_000).unwrap()
}

fn id() -> WorkloadId {
    "rollout/api".parse().unwrap()
}

pub(crate) fn cluster(env: &str) -> ClusterIdentity {
    ClusterIdentity { cluster: Some("uid-of-a".to_owned()), ..ClusterIdentity::unknown(env) }
}

pub(crate) fn state(world: &mut World, entry: Entry, now: Timestamp) {
    world.take_lines(&[Line::after(None, Timestamp::UNIX_EPOCH, entry)], now);
}

/// Decides that the lanes of a world's own config into an environment are allowed.
pub(crate) fn allow(world: &mut World, env: &str, now: Timestamp) {
    let decided = decision(world, world.environment(&EnvName::new(env)).unwrap(), "carol", now).unwrap();
    state(world, Entry::Requires(Box::new(decided)), now);
}

/// Opens `hotfix` into prod, by alice for a quarter of an hour.
pub(crate) fn open(world: &mut World, digests: &[(&str, &str)], rule: LaneRule, now: Timestamp) {
    let prod = cluster("prod");
    let second = now.as_second();
    let lane = Lane {
        cluster: Some(prod),
        rule: WrittenRule::Known(Box::new(rule)),
        digests: digests.iter().map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned())).collect(),
        ..opening(second, second + 900)
    };
    state(world, Entry::Lane(Box::new(lane)), now);
}

/// The rule of the lane into prod, with the clusters that it names.
fn own_rule(world: &World) -> LaneRule {
    rules_here(world, world.environment(&EnvName::new("prod")).unwrap()).remove(0)
}

fn world_of(names: &[&str]) -> World {
    let settings = |name: &&str| {
        let lanes = if *name == "prod" { vec![rule()] } else { Vec::new() };
        EnvSettings {
            workloads: vec![id()],
            namespace: (*name).to_owned(),
            is_declared: true,
            lanes,
            ..EnvSettings::new(name)
        }
    };
    let mut world = World::new(names.iter().map(settings));
    for name in names {
        let env = EnvName::new(*name);
        world.take(Feed::Cluster { env: env.clone(), identity: cluster(name) }, now());
        world.take(Feed::Record { env, known: Ok(()) }, now());
    }
    world
}

fn world() -> World {
    world_of(&["dev", "staging", "prod"])
}

/// With the lane allowed and open.
fn opened(mut world: World) -> World {
    allow(&mut world, "prod", now());
    let rule = own_rule(&world);
    open(&mut world, &[("api", "sha256:aaaa")], rule, now());
    world
}

fn found(world: &World) -> Option<&LaneState> {
    world.environment(&EnvName::new("prod")).unwrap().workload(&id()).unwrap().lane.as_ref()
}

fn why_not(world: &World) -> String {
    match found(world) {
        Some(LaneState::NotUsed { why, .. }) => why.clone(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_lane_that_was_allowed_and_opened_is_followed_until_its_time() {
    let mut world = opened(world());
    let lane = found(&world).and_then(LaneState::open).unwrap();
    assert_eq!((lane.before.as_str(), lane.skips.as_slice()), ("dev", &[EnvName::new("staging")][..]));
    assert_eq!(lane.by, BTreeSet::from(["alice".to_owned()]));
    let prod = world.environment(&EnvName::new("prod")).unwrap();
    assert!(prod.has_lane_from(&EnvName::new("dev")) && prod.has_lane_from(&EnvName::new("staging")));
    assert!(!prod.has_lane_from(&EnvName::new("prod")));
    world.reassess(now() + jiff::SignedDuration::from_secs(899));
    assert!(found(&world).and_then(LaneState::open).is_some());
    world.reassess(now() + jiff::SignedDuration::from_secs(900));
    assert_eq!(found(&world), None);
}

#[test]
fn an_end_closes_it_at_once() {
    let mut world = opened(world());
    let lane = found(&world).and_then(LaneState::open).unwrap().lane.clone();
    state(&mut world, Entry::Lane(Box::new(Lane { is_end: true, ..lane })), now());
    assert_eq!(found(&world), None);
}

#[test]
fn a_lane_that_nobody_decided_on_is_not_followed() {
    let mut world = world();
    let rule = own_rule(&world);
    open(&mut world, &[("api", "sha256:aaaa")], rule, now());
    assert_eq!(why_not(&world), "nobody has decided that prod allows it");
}

#[test]
fn a_config_that_differs_uses_none() {
    let prod = |world: &mut World, change: &dyn Fn(&mut EnvSettings)| {
        change(&mut world.environments[2].settings);
        world.reassess(now());
    };
    let mut world = opened(world());
    prod(&mut world, &|settings| settings.lanes[0].gates = BTreeSet::new());
    assert_eq!(why_not(&world), "that of this config is another one");
    prod(&mut world, &|settings| settings.lanes[0].gates = BTreeSet::from([CheckId::new("smoke")]));
    assert!(found(&world).and_then(LaneState::open).is_some());
    prod(&mut world, &|settings| settings.is_declared = false);
    assert_eq!(why_not(&world), "this config has no such lane");
}

#[test]
fn a_record_that_is_not_read_opens_none() {
    let mut world = opened(world());
    let env = EnvName::new("prod");
    world.take(Feed::Record { env: env.clone(), known: Err("403".to_owned()) }, now());
    assert_eq!(why_not(&world), "the shared record of prod is not read");
    world.take(Feed::Record { env, known: Ok(()) }, now());
    assert!(found(&world).and_then(LaneState::open).is_some());
}

#[test]
fn environments_that_are_missing_or_were_put_between_are_not_left_out() {
    let missing = opened(world_of(&["staging", "prod"]));
    assert_eq!(why_not(&missing), "dev is not known here");
    let between = opened(world_of(&["dev", "staging", "perf", "prod"]));
    assert_eq!(why_not(&between), "other environments are between dev and prod");
    let backward = opened(world_of(&["prod", "staging", "dev"]));
    assert_eq!(why_not(&backward), "other environments are between dev and prod");
}

#[test]
fn two_lanes_at_once_are_none() {
    let mut world = opened(world());
    let rule = own_rule(&world);
    open(&mut world, &[("api", "sha256:bbbb")], rule, now());
    assert!(matches!(found(&world), Some(LaneState::Several(lanes)) if lanes.len() == 2));
}
