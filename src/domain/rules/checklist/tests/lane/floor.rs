//! What no lane leaves out, and that a lane asks for all that it names.

use std::collections::BTreeSet;

use super::*;
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::record::action::Verb;
use crate::domain::record::freeze::Freeze;
use crate::domain::record::regression::Regression;
use crate::domain::record::rejection::Rejection;
use crate::domain::record::requirement::{Requirement, Requirements};
use crate::domain::rules::checklist::in_the_way;

/// Prod with a lane by this rule, in which a canary of this artifact is on its way.
fn in_lane_by(asks: LaneRule, part: Part<'_>) -> World {
    let settings = EnvSettings { lanes: vec![asks], ..prod_settings() };
    opened_for(world_with(settings, [part, OLD, OLD], Some(part)), part)
}

fn passed(world: &mut World, check: &str) {
    let subject = world.candidate(prod(world)).unwrap().key;
    let finding = Finding {
        found: CheckOutcome::Passed,
        summary: "200 of 200".to_owned(),
        evidence: Vec::new(),
        green_when: String::new(),
        at: now(),
        subject,
    };
    world.take(Feed::Checked { env: EnvName::new("prod"), check: CheckId::new(check), finding }, now());
}

fn go(world: &mut World, who: &str) {
    let go = word(world, (who, "sre"), Decision::Go, &subject(world));
    state(world, Entry::SignedOff(go), now());
}

/// The same with all that the lane asks for.
fn green(asks: LaneRule, part: Part<'_>) -> World {
    let mut world = in_lane_by(asks, part);
    passed(&mut world, "smoke");
    go(&mut world, "bob");
    world
}

fn refused_at(world: &World, after: i64) -> Vec<String> {
    let env = prod(world);
    let now = now() + SignedDuration::from_secs(after);
    in_the_way(world, env, env.workload(&id()).unwrap(), now).into_iter().map(|reason| reason.text).collect()
}

fn here() -> ClusterIdentity {
    cluster("prod")
}

fn target() -> WorkloadKey {
    WorkloadKey { env: EnvName::new("prod"), workload: id() }
}

/// One of what no lane leaves out, and how it becomes red.
struct Floor {
    what: &'static str,
    becomes_red: Box<dyn Fn(&mut World)>,
}

fn item(what: &'static str, becomes_red: impl Fn(&mut World) + 'static) -> Floor {
    Floor { what, becomes_red: Box::new(becomes_red) }
}

fn floor() -> Vec<Floor> {
    let no_go = |world: &mut World| {
        let plain = world.candidate(prod(world)).unwrap().key;
        let no_go = word(world, ("dora", "product"), Decision::NoGo, &plain);
        state(world, Entry::SignedOff(no_go), now());
    };
    let frozen = |world: &mut World| {
        let freeze = Freeze {
            env: EnvName::new("prod"),
            cluster: Some(here()),
            who: "dora".to_owned(),
            reason: "incident 4712".to_owned(),
            until: None,
            is_end: false,
            ends: None,
            at: now(),
            signature: None,
            proof: Proof::default(),
        };
        state(world, Entry::Frozen(freeze), now());
    };
    let unread = |name: &'static str| {
        move |world: &mut World| {
            let (env, known) = (EnvName::new(name), Err("403 forbidden".to_owned()));
            world.take(Feed::Record { env, known }, now());
        }
    };
    let moved_on = |world: &mut World| seen(world, "dev", Runs::only(&[NEXT]).snapshot(false));
    let rejected = |world: &mut World| {
        let rejection = Rejection {
            target: target(),
            cluster: Some(here()),
            uid: "u".to_owned(),
            hash: "new".to_owned(),
            images: vec![FIX.1.to_owned()],
            to: None,
            verb: Verb::Abort,
            was_stable: false,
            by: "dora".to_owned(),
            at: now(),
            signature: None,
        };
        state(world, Entry::Rejected(Box::new(rejection)), now());
    };
    let regressed = |world: &mut World| {
        let regression = Regression {
            target: target(),
            cluster: Some(here()),
            uid: "u".to_owned(),
            canary: "new".to_owned(),
            stable: "old".to_owned(),
            version: "1.5.1".to_owned(),
            why: "errors".to_owned(),
            by: "dora".to_owned(),
            at: now(),
        };
        state(world, Entry::Regressed(Box::new(regression)), now());
    };
    let asked_by_others = |world: &mut World| {
        let requirements = Requirements {
            env: EnvName::new("prod"),
            cluster: Some(here()),
            workloads: [id()].into(),
            asked: [Requirement::Gate(CheckId::new("pager"))].into(),
            dropped: BTreeSet::new(),
            follows: None,
            lanes: None,
            is_decision: false,
            who: "dora".to_owned(),
            at: now(),
            signature: None,
            proof: Proof::default(),
        };
        state(world, Entry::Requires(Box::new(requirements)), now());
    };
    let unmeasured = |world: &mut World| {
        world.environments[2].settings.has_metrics = true;
        world.reassess(now());
    };
    vec![
        item("a NO-GO of a person", no_go),
        item("a freeze", frozen),
        item("the record of the environment", unread("prod")),
        item("the record of the environment before", unread("dev")),
        item("the artifact", moved_on),
        item("a rejection", rejected),
        item("a regression", regressed),
        item("a gate that others ask for", asked_by_others),
        item("live signals", unmeasured),
    ]
}

#[test]
fn no_lane_lifts_the_floor() {
    for asks in [rule(), LaneRule { gates: BTreeSet::new(), ..rule() }] {
        assert_eq!(refused_at(&green(asks.clone(), FIX), 0), Vec::<String>::new());
        for item in floor() {
            let mut world = green(asks.clone(), FIX);
            (item.becomes_red)(&mut world);
            assert!(!refused_at(&world, 0).is_empty(), "{}", item.what);
        }
        assert!(!refused_at(&green(asks.clone(), FIX), 60).is_empty(), "fresh state");
        let latest = ("api", "registry/api:latest", FIX.2);
        let refused = refused_at(&green(asks, latest), 0);
        assert!(refused.iter().any(|text| text.contains("uses a mutable tag")), "{refused:?}");
    }
}

/// Counted apart: every gate that it names, every person but who opened it, and the soak.
#[test]
fn fewer_gates_than_the_lane_are_never_enough() {
    let people = ["alice", "bob", "carol"];
    for (needed, soak_seconds) in [(1, 0), (2, 0), (1, 600)] {
        let asks = LaneRule {
            gates: ["load", "smoke"].map(CheckId::new).into(),
            sign_offs: [("sre".to_owned(), needed)].into(),
            soak_seconds,
            ..rule()
        };
        for choice in 0_u8..32 {
            let is_chosen = |place: u8| choice & (1 << place) != 0;
            let mut world = in_lane_by(asks.clone(), FIX);
            let gates = [("load", 0), ("smoke", 1)].into_iter().filter(|(_, place)| is_chosen(*place));
            let signers = people.into_iter().zip(2_u8..).filter(|(_, place)| is_chosen(*place));
            let (gates, signers): (Vec<_>, Vec<_>) = (gates.collect(), signers.collect());
            for (gate, _) in &gates {
                passed(&mut world, gate);
            }
            for (who, _) in &signers {
                go(&mut world, who);
            }
            let others = signers.iter().filter(|(who, _)| *who != "alice").count();
            // Nothing says since when dev serves it.
            let may_pass = gates.len() == 2 && others >= needed && soak_seconds == 0;
            let refused = refused_at(&world, 0);
            assert_eq!(refused.is_empty(), may_pass, "{needed} {soak_seconds} {choice:05b}: {refused:?}");
        }
    }
}
