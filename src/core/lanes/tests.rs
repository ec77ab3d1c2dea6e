//! What opening a lane states, what is refused, and what becomes of a question when one is closed.

use std::collections::BTreeMap;

use super::*;
use crate::core::Recheck;
use crate::domain::facts::workload::Revision;
use crate::domain::record::action::Verb;
use crate::domain::record::ledger::Ledger;
use crate::domain::record::rejection::Rejection;
use crate::domain::rules::action::release_tests::lane::{closed, opened, row, three};
use crate::domain::rules::action::release_tests::{NEW, OLD, Runs, id, now};
use crate::domain::rules::checklist::required::rules_here;
use crate::domain::rules::lane::tests::{cluster, open, state};

const NOTE: &str = "incident 4711";

fn new() -> Runs<'static> {
    Runs::only(&[NEW])
}

fn old() -> Runs<'static> {
    Runs::only(&[OLD])
}

fn core(world: World) -> Core {
    let mut core = Core::new(world, "dave".to_owned(), now());
    core.journal.unread = false;
    core
}

/// Dev has released 1.5.0, and nobody has opened anything.
fn ready() -> Core {
    core(three(new(), old(), old()))
}

fn key() -> WorkloadKey {
    WorkloadKey { env: EnvName::new("prod"), workload: id() }
}

fn after(hours: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours)
}

/// States what effects record.
fn take(core: &mut Core, effects: &[Effect]) {
    for effect in effects {
        if let Effect::Record { entry, .. } = effect {
            state(&mut core.world, entry.clone(), core.now);
        }
    }
}

fn open_until(core: &mut Core, until: Timestamp) -> Lane {
    let (lane, effects) = core.open_lane(&key(), "hotfix", until, NOTE).unwrap();
    take(core, &effects);
    lane
}

fn refused(core: &Core) -> String {
    core.lane_question(&key(), "hotfix", after(2), NOTE).unwrap_err()
}

#[test]
fn what_was_asked_is_what_is_stated_and_it_opens_the_lane() {
    let mut core = ready();
    let question = core.lane_question(&key(), "hotfix", after(2), " incident 4711 ").unwrap();
    let said = "dave opened the lane hotfix in prod for api 1.5.0 (new) until 1970-01-12T15:46:40Z: “incident 4711”";
    assert_eq!((question.lane.sentence().as_str(), question.from.as_str()), (said, "dev"));
    assert_eq!(question.lane.digests, BTreeMap::from([("api".to_owned(), "sha256:new".to_owned())]));
    assert_eq!(question.lane.cluster, Some(cluster("prod")));
    assert_eq!(question.leaves_out, ["staging: 1.5.0 never ran there; staging runs 1.4.2"]);
    assert_eq!(question.asks_for, ["gate artifact", "sign-off sre (1 person other than dave)"]);
    let (lane, effects) = core.open_lane(&key(), "hotfix", after(2), NOTE).unwrap();
    assert_eq!(lane, question.lane);
    let [Effect::Record { release, entry: Entry::Lane(recorded) }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((release.as_str(), recorded.as_ref()), ("api 1.5.0", &lane));
    take(&mut core, &effects);
    let (env, workload) = core.world.find(&key()).unwrap();
    assert!(workload.lane.as_ref().unwrap().open().is_some());
    assert_eq!(core.world.incoming(env, &id()).map(Revision::version).as_deref(), Some("1.5.0"));
}

#[test]
fn an_extension_keeps_the_beginning_and_stays_within_what_is_allowed() {
    let mut core = ready();
    let first = open_until(&mut core, after(2));
    core.now = after(1);
    let ask = |core: &Core, until: Timestamp| core.lane_question(&key(), "hotfix", until, NOTE);
    assert_eq!(
        ask(&core, after(2)).unwrap_err(),
        "the lane hotfix is open until then already: close it where it is to end"
    );
    assert_eq!(
        ask(&core, after(5)).unwrap_err(),
        "the lane hotfix may be open for at most 4h from 1970-01-12T13:46:40Z on"
    );
    core.operator = "erin".to_owned();
    let question = ask(&core, after(3)).unwrap();
    assert_eq!(question.asks_for[1], "sign-off sre (1 person other than dave, erin)");
    let longer = open_until(&mut core, after(3));
    assert_eq!((longer.opened, longer.at, longer.until), (first.opened, after(1), after(3)));
    core.now = after(2) + SignedDuration::from_mins(59);
    core.world.reassess(core.now);
    let found = core.world.find(&key()).unwrap().1.lane.clone().unwrap();
    assert_eq!(found.open().unwrap().until, after(3));
    // Once it is over, it begins anew: what was signed in it does not count any more.
    core.now = after(3);
    assert_eq!(ask(&core, after(4)).unwrap().lane.opened, after(3));
}

#[test]
fn whoever_asks_for_the_longest_time_gets_it_however_long_the_question_stood() {
    let asked = after(4) + SignedDuration::from_secs(30);
    assert_eq!(ready().lane_question(&key(), "hotfix", asked, NOTE).unwrap().lane.until, after(4));
}

#[test]
fn what_makes_no_sense_or_is_not_allowed_is_not_opened() {
    let core = ready();
    for (lane, until, note, why) in [
        ("security", after(2), NOTE, "no lane security goes into prod by this config: there are hotfix"),
        ("hotfix", after(5), NOTE, "the lane hotfix may be open for at most 4h"),
        ("hotfix", after(0), NOTE, "that time is over"),
        ("hotfix", after(2), "  ", "it needs a reason"),
    ] {
        assert_eq!(core.lane_question(&key(), lane, until, note).unwrap_err(), why);
    }
    let changed = |change: &dyn Fn(&mut World)| {
        let mut core = ready();
        change(&mut core.world);
        refused(&core)
    };
    assert_eq!(
        changed(&|world| world.ledger = Ledger::default()),
        "nobody has decided that prod allows the lane hotfix: cockpit require prod --confirm prod"
    );
    assert_eq!(
        changed(&|world| world.environments[2].settings.lanes[0].soak_seconds = 60),
        "the lane hotfix of this config is not the one that carol decided on at 1970-01-12T13:46:40Z: cockpit require prod"
    );
    assert_eq!(
        changed(&|world| world.environments[2].record = Some(Err("403".to_owned()))),
        "the shared record cannot be read: 403"
    );
    assert_eq!(
        changed(&|world| world.environments[2].settings.is_declared = false),
        "no lane hotfix goes into prod by this config: there are none"
    );
    assert_eq!(changed(&|world| world.environments[2].cluster = None), "in which cluster prod is, is not known");
    let other = |world: &mut World| {
        let rule = rules_here(world, &world.environments[2]).remove(0);
        open(world, &[("api", "sha256:other")], rule, now());
    };
    assert_eq!(changed(&other), "the lane hotfix is open for 1.5.1 until 1970-01-12T14:01:40Z (alice): close it first");
}

#[test]
fn only_what_the_environment_before_has_released_is_opened_for() {
    let in_progress = core(three(new().in_progress(), old(), old()));
    assert!(refused(&in_progress).starts_with("dev has nothing released to go on with: "), "{}", refused(&in_progress));
    let untold = [("api", "us.example/api:1.5.0", None)];
    let untold = core(three(Runs::only(&untold), old(), old()));
    assert_eq!(refused(&untold), "it is not known which digest of api the pods of dev run");
    let moved = [("api", "us.example/api:latest", Some("sha256:new"))];
    let moved = core(three(Runs::only(&moved), old(), old()));
    assert_eq!(refused(&moved), "api of dev uses a mutable tag");
    assert_eq!(refused(&core(three(new(), old(), new()))), "1.5.0 is what runs here");
}

#[test]
fn what_was_rejected_here_is_not_opened_for() {
    let mut core = ready();
    let rejection = Rejection {
        target: key(),
        cluster: Some(cluster("prod")),
        uid: "u".to_owned(),
        hash: "gone".to_owned(),
        images: vec!["eu.example/shop/api:1.5.0".to_owned()],
        to: Some("1.4.2".to_owned()),
        verb: Verb::Rollback,
        was_stable: true,
        by: "bob".to_owned(),
        at: now(),
        signature: None,
    };
    core.world.environments[2].workloads[0].rejected.take(&rejection);
    assert_eq!(refused(&core), "1.5.0 is rejected: rolled back here by bob at 1970-01-12T13:46:40Z");
}

#[test]
fn an_end_closes_whatever_is_open() {
    let mut core = ready();
    assert_eq!(core.close_lane(&key(), NOTE).unwrap_err(), "no lane is open in prod");
    let rule = rules_here(&core.world, &core.world.environments[2]).remove(0);
    // Two people opened one each, for different artifacts.
    for (second, digest) in [(0, "sha256:new"), (1, "sha256:other")] {
        open(&mut core.world, &[("api", digest)], rule.clone(), now() + SignedDuration::from_secs(second));
    }
    core.now = now() + SignedDuration::from_secs(2);
    assert!(refused(&core).ends_with("close them first"), "{}", refused(&core));
    assert_eq!(core.close_lane(&key(), "").unwrap_err(), "it needs a reason");
    let (end, effects) = core.close_lane(&key(), "it is out").unwrap();
    assert_eq!((end.sentence().as_str(), effects.len()), ("dave closed the lane hotfix in prod: “it is out”", 2));
    take(&mut core, &effects);
    assert!(core.world.find(&key()).unwrap().1.lane.is_none());
    assert_eq!(core.close_lane(&key(), NOTE).unwrap_err(), "no lane is open in prod");
    // It is opened anew, with a beginning of its own.
    let again = open_until(&mut core, after(1));
    assert!(again.opened > end.opened && core.world.find(&key()).unwrap().1.lane.is_some());
}

fn tells(effects: &[Effect], env: &str) -> bool {
    effects.iter().any(|effect| match effect {
        Effect::Record { entry: Entry::Requires(said), .. } => {
            said.env == EnvName::new(env) && said.asked.contains(&Requirement::Lanes)
        }
        _ => false,
    })
}

#[test]
fn the_environment_after_it_is_told_that_one_has_to_know_lanes() {
    let all = [("dev", new()), ("staging", old()), ("prod", old()), ("prod-us", old())];
    let mut told = core(row(&all));
    let (_, effects) = told.open_lane(&key(), "hotfix", after(2), NOTE).unwrap();
    assert!(tells(&effects, "prod-us"), "{effects:?}");
    assert!(matches!(effects.last(), Some(Effect::Record { entry: Entry::Lane(_), .. })) && told.notices.is_empty());
    take(&mut told, &effects);
    told.now = after(1);
    let (_, again) = told.open_lane(&key(), "hotfix", after(3), NOTE).unwrap();
    assert!(again.len() == 1 && told.notices.is_empty(), "{again:?}");
    let mut untold = core(row(&all));
    untold.world.environments[3].record = Some(Err("403".to_owned()));
    let (_, effects) = untold.open_lane(&key(), "hotfix", after(2), NOTE).unwrap();
    assert!(!tells(&effects, "prod-us") && untold.notices[0].text.starts_with("prod-us is not told of lanes"));
}

#[test]
fn a_lane_that_closes_under_an_open_question_makes_it_void() {
    let mut core = core(opened(three(new(), old(), old())));
    let plan = core.plan(&key(), Verb::Release, None).unwrap();
    assert_eq!(core.recheck(&plan), Recheck::Holds);
    core.world = closed(core.world);
    assert!(matches!(core.recheck(&plan), Recheck::Stale(_)), "{:?}", core.recheck(&plan));
}

#[test]
fn a_lane_that_opens_under_an_open_question_makes_it_void() {
    let mut core = core(three(new(), new(), old()));
    let plan = core.plan(&key(), Verb::Release, None).unwrap();
    assert!(plan.record().lane.is_none());
    core.world = opened(core.world);
    assert_eq!(core.recheck(&plan), Recheck::Stale("it would go by another way now".to_owned()));
}
