//! What a lane changes in the gates, and what it does not.

use super::*;
use crate::domain::record::action::Verb;
use crate::domain::record::regression::Regression;
use crate::domain::record::rejection::Rejection;
use crate::domain::rules::checklist::required::decision;
use crate::domain::rules::checklist::{Answer, Candidate, answer, in_the_way, in_the_way_of_flag, leaves_out};
use crate::domain::rules::refusal::Refusal;
use crate::domain::world::lane::LaneState;
use jiff::Timestamp;

/// Whatever runs anywhere, and whatever goes out: what is not the artifact of the lane is asked for what it was asked for.
fn for_another_digest(mut check: impl FnMut(&World, &World)) {
    let parts = [FIX, OLD, NEXT];
    let all = || parts.iter().copied();
    for (dev, staging) in all().flat_map(|dev| all().map(move |staging| (dev, staging))) {
        for (serves, goes_out) in all().flat_map(|serves| [(serves, None), (OLD, Some(serves))]) {
            let make = || world_with(prod_settings(), [dev, staging, serves], goes_out);
            for lane in all().filter(|lane| dev != *lane && goes_out != Some(*lane)) {
                let mut plain = make();
                allow(&mut plain, "prod", now());
                check(&plain, &opened_for(make(), lane));
            }
        }
    }
}

/// What is promoted into prod, and what is in its way.
type All = (Option<Candidate>, Vec<Candidate>, Option<String>, Answer, Vec<Refusal>);

fn all_of(world: &World, now: Timestamp) -> All {
    let env = prod(world);
    let refused = in_the_way(world, env, env.workload(&id()).unwrap(), now);
    (world.candidate(env), world.candidates(env), comes_in(world), answer(world, env, now), refused)
}

#[test]
fn a_lane_changes_nothing_for_another_digest() {
    for_another_digest(|plain, opened| assert_eq!(all_of(plain, now()), all_of(opened, now())));
}

/// Says it, where only what a key proves lets anything through.
fn state_by_key(world: &mut World, entry: Entry) {
    world.ledger.keys_required = true;
    state(world, entry.with_proof(Proof::ByKey), now());
}

/// The ways in which a lane is not in force, each beside the same world without any.
#[test]
fn a_lane_that_is_over_closed_not_decided_or_not_proven_changes_nothing() {
    for goes_out in [None, Some(FIX)] {
        let without = || world_with(prod_settings(), [FIX, OLD, OLD], goes_out);
        let allowed = || {
            let mut world = without();
            allow(&mut world, "prod", now());
            world
        };
        let plain = all_of(&allowed(), now());
        assert_ne!(plain, all_of(&opened_for(without(), FIX), now()), "it does something");
        assert_eq!(plain, all_of(&closed(opened_for(without(), FIX)), now()));
        let (mut over, mut none) = (opened_for(without(), FIX), allowed());
        let later = now() + SignedDuration::from_secs(900);
        over.reassess(later);
        none.reassess(later);
        assert_eq!(all_of(&none, later), all_of(&over, later));
        let mut undecided = without();
        let rule = own_rule(&undecided);
        open(&mut undecided, &[("api", "sha256:77aa01ce")], rule.clone(), now());
        assert_eq!(all_of(&without(), now()), all_of(&undecided, now()));
        let by_key = || {
            let mut world = without();
            let decided = decision(&world, prod(&world), "carol", now()).unwrap();
            state_by_key(&mut world, Entry::Requires(Box::new(decided)));
            world
        };
        let mut unproven = by_key();
        open(&mut unproven, &[("api", "sha256:77aa01ce")], rule, now());
        assert_eq!(all_of(&by_key(), now()), all_of(&unproven, now()));
        // As it would be with its signature.
        let Some(LaneState::NotUsed { lane, why }) = prod(&unproven).workload(&id()).unwrap().lane.clone() else {
            panic!("it is used")
        };
        assert_eq!(why, "unsigned");
        let mut proven = by_key();
        state_by_key(&mut proven, Entry::Lane(lane));
        assert!(proven.candidate(prod(&proven)).unwrap().lane.is_some());
    }
}

/// What a flag turns on is in what users get as well as in what comes in: no lane is about that.
#[test]
fn a_flag_is_turned_on_by_all_gates() {
    let artifact = CheckSpec { how: How::BuiltinCheck(BuiltinCheck::Artifact), ..gate("artifact") };
    let settings = || EnvSettings { checks: vec![artifact.clone(), gate("smoke"), gate("load")], ..prod_settings() };
    for goes_out in [None, Some(FIX), Some(NEXT)] {
        let world = || {
            let mut world = world_with(settings(), [FIX, OLD, OLD], goes_out);
            allow(&mut world, "prod", now());
            world
        };
        let refused = |world: &World| in_the_way_of_flag(world, prod(world), now());
        let lines = |refusals: Vec<Refusal>| refusals.iter().map(Refusal::line).collect::<Vec<_>>();
        assert_eq!(lines(refused(&world())), lines(refused(&opened_for(world(), FIX))));
    }
}

#[test]
fn two_lanes_at_once_are_refused_for_what_they_are_about() {
    let with_two = |goes_out: Part<'_>| {
        let mut world = opened_for(world_with(prod_settings(), [FIX, OLD, OLD], Some(goes_out)), FIX);
        let rule = own_rule(&world);
        open(&mut world, &[("api", "sha256:c0ffee00")], rule, now());
        let env = prod(&world);
        let refused = in_the_way(&world, env, env.workload(&id()).unwrap(), now());
        refused
            .iter()
            .any(|reason| reason.text == "two lanes are open: hotfix for 1.5.1 (alice), hotfix for 1.5.1 (alice)")
    };
    let third = ("api", "registry/api:1.7.0", Some("sha256:0123abcd"));
    assert!(with_two(FIX) && with_two(NEXT) && !with_two(third));
}

#[test]
fn a_lane_that_is_over_lets_nothing_through_before_that_is_noted() {
    let world = opened_for(world(), FIX);
    let refused = |after: i64| {
        let env = prod(&world);
        let now = now() + SignedDuration::from_secs(after);
        let refused = in_the_way(&world, env, env.workload(&id()).unwrap(), now);
        refused.iter().any(|reason| reason.text == "the lane hotfix ended at 1970-01-12T14:01:40Z")
    };
    assert!(!refused(899) && refused(900));
}

#[test]
fn a_gate_of_the_lane_that_is_none_here_is_missed() {
    let settings = EnvSettings { checks: vec![gate("load")], ..prod_settings() };
    let world = opened_for(world_with(settings, [FIX, OLD, OLD], None), FIX);
    let env = prod(&world);
    let refused = in_the_way(&world, env, env.workload(&id()).unwrap(), now());
    let missed = "smoke: the lane hotfix asks for this gate, and there is none in prod";
    assert!(refused.iter().any(|reason| reason.text == missed), "{refused:?}");
}

/// What refuses the fix in prod and names staging.
fn said_of_staging(world: &World) -> Vec<String> {
    let env = prod(world);
    let refused = in_the_way(world, env, env.workload(&id()).unwrap(), now());
    refused.into_iter().map(|reason| reason.text).filter(|text| text.contains("staging")).collect()
}

fn staging_target() -> WorkloadKey {
    WorkloadKey { env: EnvName::new("staging"), workload: id() }
}

/// What is known to be bad does not go around the environment that found it.
#[test]
fn a_veto_in_a_skipped_environment_holds() {
    let mut refused = opened_for(world(), FIX);
    assert_eq!(said_of_staging(&refused), Vec::<String>::new());
    let plain = refused.candidate(prod(&refused)).unwrap().key;
    let here = Some(cluster("staging"));
    let no_go = word(&refused, ("bob", "sre"), Decision::NoGo, &plain);
    let no_go = SignOff { env: EnvName::new("staging"), cluster: here.clone(), ..no_go };
    state(&mut refused, Entry::SignedOff(no_go), now());
    assert_eq!(said_of_staging(&refused), ["staging: bob signed NO-GO as sre: “seen”"]);
    let mut rejected = opened_for(world(), FIX);
    let rejection = Rejection {
        target: staging_target(),
        cluster: here.clone(),
        uid: "u".to_owned(),
        hash: "gone".to_owned(),
        images: vec!["registry/api:1.5.1".to_owned()],
        to: None,
        verb: Verb::Rollback,
        was_stable: false,
        by: "bob".to_owned(),
        at: now(),
        signature: None,
    };
    state(&mut rejected, Entry::Rejected(Box::new(rejection)), now());
    let by_bob = "staging: 1.5.1 is rejected: rolled back there by bob at 1970-01-12T13:46:40Z";
    assert_eq!(said_of_staging(&rejected), [by_bob]);
    let mut regressed = opened_for(world_with(prod_settings(), [FIX, FIX, OLD], None), FIX);
    let regression = Regression {
        target: staging_target(),
        cluster: here,
        uid: "u".to_owned(),
        canary: "new".to_owned(),
        stable: "before".to_owned(),
        version: "1.5.1".to_owned(),
        why: "errors".to_owned(),
        by: "bob".to_owned(),
        at: now(),
    };
    state(&mut regressed, Entry::Regressed(Box::new(regression)), now());
    let said = said_of_staging(&regressed);
    assert!(said.len() == 1 && said[0].starts_with("staging: 1.5.1 regressed"), "{said:?}");
}

fn left_out(world: &World) -> Vec<String> {
    let candidate = world.candidate(prod(world)).unwrap();
    leaves_out(world, prod(world), candidate.lane.as_deref().unwrap(), &candidate, now())
}

#[test]
fn what_is_left_out_is_named_with_how_it_stands() {
    let mut world = opened_for(world(), FIX);
    world.environments[1].settings.soak = SignedDuration::from_mins(30);
    let all = [
        "staging: 1.5.1 never ran there; staging runs 1.4.2",
        "a soak of 30m in staging",
        "gate load: not run yet",
        "sign-off product: 0 of 1",
    ];
    assert_eq!(left_out(&world), all);
}

#[test]
fn a_skipped_environment_that_is_not_seen_is_named() {
    let mut world = opened_for(world(), FIX);
    let there = &mut world.environments[1].workloads[0];
    (there.snapshot, there.status) = (None, None);
    assert_eq!(left_out(&world)[0], "staging: not seen");
    assert_eq!(said_of_staging(&world), Vec::<String>::new());
}
