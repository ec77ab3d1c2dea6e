//! A release past staging, by a lane from dev that somebody opened for it.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::domain::record::action::describe;
use crate::domain::record::checklist::{Decision, SignOff};
use crate::domain::record::journal::Entry;
use crate::domain::record::lane::tests::rule;
use crate::domain::record::lane::{Lane, LaneRule};
use crate::domain::record::proof::Proof;
use crate::domain::rules::checklist::in_the_way;
use crate::domain::rules::checklist::required::rules_here;
use crate::domain::rules::lane::tests::{allow, cluster, open, state};
use crate::domain::world::Environment;

fn lane_rule() -> LaneRule {
    LaneRule { gates: BTreeSet::new(), ..rule() }
}

/// Dev, staging and prod, with a lane from dev into prod that is allowed.
pub(crate) fn three(dev: Runs<'_>, staging: Runs<'_>, prod: Runs<'_>) -> World {
    row(&[("dev", dev), ("staging", staging), ("prod", prod)])
}

/// Environments in promotion order, with that lane.
pub(crate) fn row(environments: &[(&str, Runs<'_>)]) -> World {
    let env = |name: &str| EnvSettings {
        namespace: name.to_owned(),
        workloads: vec![id()],
        is_declared: true,
        ..EnvSettings::new(name)
    };
    let lanes = |name: &str| if name == "prod" { vec![lane_rule()] } else { Vec::new() };
    let settings = environments.iter().map(|(name, _)| EnvSettings { lanes: lanes(name), ..env(name) });
    let mut world = World::new(settings);
    for &(name, runs) in environments {
        world.take(Feed::Cluster { env: EnvName::new(name), identity: cluster(name) }, now());
        see(&mut world, name, runs);
    }
    allow(&mut world, "prod", now());
    world
}

fn prod(world: &World) -> &Environment {
    world.environment(&EnvName::new("prod")).unwrap()
}

/// With the lane open for what dev runs, and a GO of somebody else in it.
pub(crate) fn opened(mut world: World) -> World {
    let rule = rules_here(&world, prod(&world)).remove(0);
    open(&mut world, &[("api", "sha256:new")], rule, now());
    let candidate = world.candidate(prod(&world)).unwrap();
    let go = SignOff {
        env: EnvName::new("prod"),
        cluster: Some(cluster("prod")),
        role: "sre".to_owned(),
        who: "bob".to_owned(),
        verified: true,
        decision: Decision::Go,
        note: String::new(),
        at: now(),
        subject: candidate.signed_subject(),
        digest: candidate.digest,
        takes_back: None,
        takes_back_of: None,
        reds: None,
        signature: None,
        proof: Proof::default(),
    };
    state(&mut world, Entry::SignedOff(go), now());
    world
}

pub(crate) fn closed(mut world: World) -> World {
    let lane = prod(&world).workloads[0].lane.as_ref().unwrap().open().unwrap().lane.clone();
    state(&mut world, Entry::Lane(Box::new(Lane { is_end: true, ..lane })), now());
    world
}

fn ask(world: &World, verb: Verb) -> Result<Plan, Vec<Refusal>> {
    let target = WorkloadKey { env: EnvName::new("prod"), workload: id() }.into();
    plan(world, &Intent { verb, target, to: None }, &PlanContext { now: now(), ..PlanContext::default() })
}

fn lines(refusals: &[Refusal]) -> String {
    refusals.iter().map(Refusal::line).collect::<Vec<_>>().join("; ")
}

/// What keeps the canary from going on.
fn gates(world: &World) -> String {
    lines(&in_the_way(world, prod(world), &prod(world).workloads[0], now()))
}

#[test]
fn it_brings_what_dev_runs_past_staging() {
    let (new, old) = (Runs::only(&[NEW]), Runs::only(&[OLD]));
    let plain = three(new, old, old);
    assert!(plain.incoming(prod(&plain), &id()).is_none());
    let world = opened(plain);
    let plan = ask(&world, Verb::Release).unwrap();
    assert_eq!(images(plan.record()), ["eu.example/shop/api:1.5.0@sha256:new"]);
    // As it is open: nobody signed in it.
    let mut unsigned = three(new, old, old);
    let rule = rules_here(&unsigned, prod(&unsigned)).remove(0);
    open(&mut unsigned, &[("api", "sha256:new")], rule, now());
    let refused = lines(&ask(&unsigned, Verb::Release).unwrap_err());
    assert!(refused.contains("sign-off sre: 0 of 1"), "{refused}");
    let closed = closed(world);
    assert!(closed.incoming(prod(&closed), &id()).is_none());
}

#[test]
fn it_rests_on_dev() {
    let (new, old) = (Runs::only(&[NEW]), Runs::only(&[OLD]));
    let plan = ask(&opened(three(new, old, old)), Verb::Release).unwrap();
    let rests_on: Vec<String> = plan.record().rests_on.iter().map(|on| on.target.env().to_string()).collect();
    assert_eq!(rests_on, ["dev"]);
}

#[test]
fn midway_the_end_leaves_only_the_way_back() {
    let (new, old) = (Runs::only(&[NEW]), Runs::only(&[OLD]));
    let going_out = Runs { in_progress: true, ..new };
    let world = opened(three(new, old, going_out));
    assert!(!gates(&world).contains("artifact"), "{}", gates(&world));
    let back = ask(&world, Verb::Rollback);
    let world = closed(world);
    let refused = gates(&world);
    assert!(refused.contains("artifact: ") && refused.contains("of staging"), "{refused}");
    assert!(back.is_ok());
    assert_eq!(ask(&world, Verb::Rollback), back);
}

#[test]
fn the_lane_stands_in_the_record() {
    let (new, old) = (Runs::only(&[NEW]), Runs::only(&[OLD]));
    let plan = ask(&opened(three(new, old, old)), Verb::Release).unwrap();
    let record = plan.record();
    assert_eq!((record.headline.as_str(), plan.typed()), ("release 1.5.0 by the lane hotfix", Some("prod")));
    let used = record.lane.clone().unwrap();
    assert_eq!((used.lane.as_str(), used.by.as_str(), used.opened), ("hotfix", "alice", now()));
    assert_eq!(used.leaves_out, ["staging: 1.5.0 never ran there; staging runs 1.4.2"]);
    let asked = record.gates_asked[0].lane.clone().unwrap();
    assert_eq!((asked.opened, asked.digests), (now(), BTreeMap::from([("api".to_owned(), "sha256:new".to_owned())])));
    let described = |record: &PlanRecord| -> Vec<String> {
        describe(record, now())
            .into_iter()
            .map(|(part, texts)| format!("{} {}", part.label(), texts.join("; ")))
            .collect()
    };
    let parts = described(record);
    assert!(
        parts[1]
            .starts_with("lane hotfix, opened by alice at 1970-01-12T13:46:40Z, until 1970-01-12T14:01:40Z: “incident"),
        "{parts:?}"
    );
    assert_eq!(parts[4], "leaves out staging: 1.5.0 never ran there; staging runs 1.4.2");
    let read: PlanRecord = serde_json::from_str(&serde_json::to_string(record).unwrap()).unwrap();
    assert_eq!(read, *record);
    // The normal way says nothing of lanes.
    let plain = ask(&three(new, new, old), Verb::Release).unwrap();
    let text = serde_json::to_string(plain.record()).unwrap();
    assert!(!text.contains("lane") && plain.typed().is_none(), "{text}");
    assert!(described(plain.record()).iter().all(|part| !part.contains("lane")));
}

#[test]
fn what_goes_on_in_the_lane_says_so_and_its_name_is_typed() {
    let (new, old) = (Runs::only(&[NEW]), Runs::only(&[OLD]));
    let going_out = Runs { in_progress: true, ..new };
    let plan = ask(&opened(three(new, old, going_out)), Verb::Promote).unwrap();
    assert!(plan.record().headline.ends_with(" in the lane hotfix"), "{}", plan.record().headline);
    assert_eq!(plan.typed(), Some("prod"));
}

#[test]
fn what_takes_the_place_of_a_fix_that_is_still_owed_says_so() {
    let (new, old) = (Runs::only(&[NEW]), Runs::only(&[OLD]));
    let world = closed(opened(three(new, old, new)));
    let plan = ask(&world, Verb::Release).unwrap();
    let said = "takes the place of 1.5.0, which came by the lane hotfix and never went through staging: what it fixed may \
                come back";
    assert_eq!((plan.record().goes[0].as_str(), plan.typed()), (said, Some("prod")));
    assert!(plan.record().lane.is_none());
}

/// Law 3, byte for byte.
#[test]
fn what_moves_backward_is_the_same_with_and_without_lanes() {
    let (new, old) = (Runs::only(&[NEW]), Runs::only(&[OLD]));
    let shapes = [
        old,
        new,
        Runs { in_progress: true, ..new },
        Runs { in_progress: true, ..old },
        Runs { paused: true, ..old },
        Runs { paused: true, in_progress: true, ..new },
    ];
    for staging in [new, old] {
        for prod in shapes {
            let (plain, opened) = (three(new, staging, prod), opened(three(new, staging, prod)));
            for verb in [Verb::Pause, Verb::Abort, Verb::Rollback] {
                assert_eq!(ask(&plain, verb), ask(&opened, verb), "{verb:?}");
            }
        }
    }
}
