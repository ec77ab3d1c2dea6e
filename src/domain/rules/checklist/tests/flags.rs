//! What is asked of the flags of a release that goes out in prod, after staging.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{API, Runs, now, refused_at, soak, world};
use crate::domain::facts::changes::{Changes, CodeFlag, CodeFlags, Commit, Part, RawCommit};
use crate::domain::facts::flag::rules::FlagRules;
use crate::domain::facts::flag::{Flag, FlagChange, FlagEdit, FlagKey, FlagState, ProviderKind, Turn};
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::EnvName;
use crate::domain::record::action::{ActionId, Outcome};
use crate::domain::record::checklist::{BuiltinCheck, Check, CheckId, CheckPhase, CheckSpec, How};
use crate::domain::record::flag_off::{FlagOff, FlagOffs};
use crate::domain::record::journal::{Entry, Line};
use crate::domain::record::recovered::Recovered;
use crate::domain::rules::action::flag::intent;
use crate::domain::rules::action::{PlanContext, plan};
use crate::domain::rules::refusal::RefusalKind;
use crate::domain::world::World;
use crate::domain::world::feed::Feed;
use crate::domain::world::flags::{FlagSettings, FlagSource};

const NAME: &str = "checkout-v2";
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A flag that nothing is wrong with.
fn flag() -> Flag {
    Flag {
        kind: Some("release".to_owned()),
        owner: Some("ada".to_owned()),
        created: Some(now() - DAY),
        ..Flag::of_name(NAME, FlagState::Off)
    }
}

/// Prod asks for the flags of the release by a gate, and both environments have a provider of them.
fn world_with(rules: FlagRules) -> World {
    let parts = [API];
    let runs = Runs::only(&parts);
    let mut world = world(Some(&runs), &runs, Vec::new());
    for env in &mut world.environments {
        let settings = FlagSettings {
            provider: "unleash".to_owned(),
            place: format!("unleash {}", env.name()),
            of_release: vec![NAME.to_owned()],
            kind: ProviderKind::Unleash,
            shared_with: Vec::new(),
            rollouts: Vec::new(),
        };
        env.flags = vec![FlagSource::new(settings)];
        if env.name().as_str() == "prod" {
            let how = How::BuiltinCheck(BuiltinCheck::Flags(rules));
            env.checks.push(Check::new(CheckSpec { id: CheckId::new("flags"), phase: CheckPhase::Pre, how, ..soak() }));
        }
    }
    world
}

fn says(world: &mut World, env: &str, flags: Vec<Flag>, at: Timestamp) {
    let (env, provider, flags) = (EnvName::new(env), "unleash".to_owned(), Arc::new(flags));
    world.take(Feed::Flags { env, provider, link: Link::Up, at: Some(at), flags }, at);
}

/// What the flags keep from going out.
fn in_the_way(world: &World, at: Timestamp) -> Option<(RefusalKind, String)> {
    let refusals = refused_at(world, at);
    let of_flags = refusals.into_iter().find(|refusal| refusal.text.starts_with("flags: "));
    of_flags.map(|refusal| (refusal.kind, refusal.line()))
}

fn by_config() -> FlagRules {
    FlagRules { commits: false, ..FlagRules::default() }
}

/// What stands in the way of a release with one flag.
fn with_flag(rules: FlagRules, flag: Flag) -> Option<(RefusalKind, String)> {
    let mut world = world_with(rules);
    says(&mut world, "staging", vec![Flag { state: FlagState::On, ..flag.clone() }], now());
    says(&mut world, "prod", vec![flag], now());
    in_the_way(&world, now())
}

#[track_caller]
fn is_red(found: Option<(RefusalKind, String)>, says: &str) {
    let (kind, line) = found.expect("a reason");
    assert!(kind == RefusalKind::Gate && line.contains(says), "{kind:?} {line}");
}

#[track_caller]
fn is_blind(found: Option<(RefusalKind, String)>, says: &str) {
    let (kind, line) = found.expect("a reason");
    assert!(kind == RefusalKind::Blind && line.contains(says), "{kind:?} {line}");
}

#[test]
fn a_flag_needs_an_owner_and_a_day_on_which_it_goes() {
    assert_eq!(with_flag(by_config(), flag()), None);
    is_red(with_flag(by_config(), Flag { owner: None, ..flag() }), "checkout-v2: nobody owns it: green when");
    is_red(with_flag(by_config(), Flag { kind: None, ..flag() }), "nothing says when it is to be removed");
    let old = Flag { created: Some(now() - DAY * 32), ..flag() };
    is_red(with_flag(by_config(), old.clone()), "was to be removed by 1970-01-10, 1d");
    let operational = Flag { kind: Some("operational".to_owned()), ..old.clone() };
    assert_eq!(with_flag(by_config(), operational), None);
    assert_eq!(with_flag(FlagRules { max_age: DAY * 40, ..by_config() }, old), None);
    is_red(with_flag(by_config(), Flag { is_stale: true, ..flag() }), "marked as stale");
}

#[test]
fn a_flag_that_everybody_has_had_for_a_month_is_to_go() {
    let on_since = |days: i32, kind: &str| Flag {
        state: FlagState::On,
        kind: Some(kind.to_owned()),
        created: Some(now() - DAY * 50),
        changes: vec![FlagChange { by: "ada".to_owned(), at: now() - DAY * days, what: FlagEdit::On }],
        ..flag()
    };
    is_red(with_flag(by_config(), on_since(31, "operational")), "on for everybody for 31d");
    assert_eq!(with_flag(by_config(), on_since(29, "operational")), None);
    assert_eq!(with_flag(by_config(), on_since(49, "kill-switch")), None);
    let unknown = Flag { changes: Vec::new(), ..on_since(31, "operational") };
    is_red(with_flag(by_config(), unknown.clone()), "since when is not known");
    assert_eq!(with_flag(by_config(), Flag { created: Some(now() - DAY), ..unknown }), None);
}

#[test]
fn a_flag_that_no_provider_has_is_red() {
    let mut world = world_with(by_config());
    says(&mut world, "prod", Vec::new(), now());
    is_red(in_the_way(&world, now()), "checkout-v2: the release names it, and no provider has it");
}

#[test]
fn a_provider_that_does_not_answer_is_blind_also_a_while_after() {
    let mut world = world_with(by_config());
    is_blind(in_the_way(&world, now()), "unleash: what it says is");
    says(&mut world, "prod", vec![flag()], now());
    assert_eq!(in_the_way(&world, now()), None);
    // Nothing comes any more, not even that it is down.
    is_blind(in_the_way(&world, now() + SignedDuration::from_mins(5)), "unleash: what it says is");
    let mut none = world_with(by_config());
    none.environments.iter_mut().for_each(|env| env.flags.clear());
    is_blind(in_the_way(&none, now()), "no provider of feature flags is configured for prod");
}

#[test]
fn commits_that_cannot_be_read_may_name_more_flags() {
    let mut world = world_with(FlagRules::default());
    says(&mut world, "prod", vec![flag()], now());
    is_blind(in_the_way(&world, now()), "which flags the commits name is not known: not read yet");
    world.take(Feed::Repository { env: EnvName::new("prod"), found: false }, now());
    is_blind(in_the_way(&world, now()), "no git repository is configured");
    let subject = world.candidate(world.environment(&EnvName::new("prod")).unwrap()).unwrap().key;
    let gathered = Err("no tag v1.5.0".to_owned());
    world.take(Feed::Changes { env: EnvName::new("prod"), subject, gathered }, now());
    is_blind(in_the_way(&world, now()), "not known: no tag v1.5.0");
}

/// A world whose flags are known, and a release with these changes.
fn with_changes(changes: Changes) -> World {
    let mut world = world_with(FlagRules::default());
    says(&mut world, "staging", vec![flag(), Flag { name: "by-text".to_owned(), ..flag() }], now());
    says(&mut world, "prod", vec![flag(), Flag { name: "by-text".to_owned(), ..flag() }], now());
    let subject = world.candidate(world.environment(&EnvName::new("prod")).unwrap()).unwrap().key;
    world.take(Feed::Changes { env: EnvName::new("prod"), subject, gathered: Ok(Arc::new(changes)) }, now());
    world
}

fn in_code(name: &str, is_call: bool) -> CodeFlag {
    CodeFlag { name: name.to_owned(), file: "src/pay.ts".into(), line: 12, is_call }
}

#[test]
fn code_that_cannot_be_read_may_name_more_flags() {
    let blind = Changes { code: Part::Blind("git did not answer in 20 s".to_owned()), ..Changes::default() };
    let world = with_changes(blind);
    is_blind(in_the_way(&world, now()), "which flags the code names is not known: git did not answer in 20 s");
    is_blind(
        in_the_way(&with_changes(Changes { cut: true, ..Changes::default() }), now()),
        "there are more than the 0",
    );
    assert_eq!(in_the_way(&with_changes(Changes::default()), now()), None, "off by the config");
    let none = Changes { code: Part::Known(CodeFlags::default()), ..Changes::default() };
    assert_eq!(in_the_way(&with_changes(none), now()), None);
}

#[test]
fn a_call_in_the_code_may_ask_for_a_flag_that_no_provider_has() {
    let with = |flags: Vec<CodeFlag>| Changes { code: Part::Known(CodeFlags::new(flags)), ..Changes::default() };
    let world = with_changes(with(vec![in_code("by-text", false), in_code("menu-item", false)]));
    assert_eq!(in_the_way(&world, now()), None, "a text that no provider has is no flag");
    let prod = world.environment(&EnvName::new("prod")).unwrap();
    let named: Vec<(String, String)> = prod
        .listed_flags()
        .iter()
        .filter_map(|listed| Some((listed.flag.name.clone(), listed.named_by?.to_string())))
        .collect();
    let wanted = [("by-text", "src/pay.ts:12"), (NAME, "config")];
    assert_eq!(named, wanted.map(|(name, by)| (name.to_owned(), by.to_owned())));
    let world = with_changes(with(vec![in_code("menu-item", true)]));
    is_red(in_the_way(&world, now()), "menu-item: src/pay.ts:12 names it, and no provider has it");
}

#[test]
fn a_flag_of_a_commit_says_which() {
    let raw = RawCommit {
        hash: "1a2b3c4d".repeat(5),
        message: "feat: x\n\nFlag: by-text\nFlag: nowhere".to_owned(),
        ..RawCommit::default()
    };
    let mut world = with_changes(Changes { commits: Commit::read_all(&[raw]), ..Changes::default() });
    is_red(in_the_way(&world, now()), "nowhere: commit 1a2b3c4d names it, and no provider has it");
    // A list that changes is looked through again.
    says(&mut world, "prod", vec![flag(), Flag { name: "nowhere".to_owned(), ..flag() }], now());
    is_red(in_the_way(&world, now()), "by-text: commit 1a2b3c4d names it");
}

#[test]
fn a_kill_switch_counts_once_it_was_turned_off_before() {
    let rules = FlagRules { tried_within: Some(DAY * 14), ..by_config() };
    let off = |days: i32| FlagChange { by: "bo".to_owned(), at: now() - DAY * days, what: FlagEdit::Off };
    let with = |changes: Vec<FlagChange>| {
        let mut world = world_with(rules);
        says(&mut world, "staging", vec![Flag { changes, ..flag() }], now());
        says(&mut world, "prod", vec![flag()], now());
        in_the_way(&world, now())
    };
    is_red(
        with(Vec::new()),
        "checkout-v2: not turned off in staging within 14d 0h: green when it is turned on in staging",
    );
    is_red(with(vec![FlagChange { what: FlagEdit::On, ..off(1) }]), "not turned off in staging");
    is_red(with(vec![off(15)]), "not turned off in staging");
    assert_eq!(with(vec![FlagChange { what: FlagEdit::On, ..off(2) }, off(3)]), None);
    let mut silent = world_with(rules);
    says(&mut silent, "prod", vec![flag()], now());
    is_blind(in_the_way(&silent, now()), "checkout-v2: unleash: what it says is");
    says(&mut silent, "staging", Vec::new(), now());
    is_red(in_the_way(&silent, now()), "no provider of staging has it");
}

/// What a journal has of turning the flag off in staging, so long ago.
fn turned_off(world: &World, ago: SignedDuration, outcome: Option<Outcome>) -> Vec<Line> {
    let key = FlagKey { env: EnvName::new("staging"), provider: "unleash".to_owned(), flag: NAME.to_owned() };
    let around = PlanContext { now: now(), ..PlanContext::default() };
    let plan = Box::new(plan(world, &intent(&key, Turn::Off), &around).unwrap().record().clone());
    let (action, at) = (ActionId("1".to_owned()), now() - ago);
    let intent = Entry::Intent { action: action.clone(), operator: "bo".to_owned(), plan, settings: None };
    let asked = Line::after(None, at, intent);
    let ended = outcome.map(|outcome| Line::after(Some(&asked), at, Entry::Outcome { action, outcome }));
    [asked].into_iter().chain(ended).collect()
}

/// A world whose provider keeps no log.
fn world_without_log(state: FlagState) -> World {
    let mut world = world_with(FlagRules { tried_within: Some(DAY * 14), ..by_config() });
    for env in &mut world.environments {
        env.flags.iter_mut().for_each(|source| source.settings.kind = ProviderKind::Table);
    }
    says(&mut world, "staging", vec![Flag { state, ..flag() }], now());
    says(&mut world, "prod", vec![flag()], now());
    world
}

#[test]
fn where_no_log_is_kept_an_off_by_cockpit_counts_once_it_is_done() {
    let done = || Some(Outcome::Confirmed { shows: "it is off".to_owned() });
    let with = |state: FlagState, ago: SignedDuration, outcome: Option<Outcome>| {
        let mut world = world_without_log(state);
        let lines = turned_off(&world, ago, outcome);
        world.take_lines(&lines, now());
        in_the_way(&world, now())
    };
    let silent = "unleash keeps no log of who turned it off in staging, and nobody did so with cockpit within 14d 0h: \
                  green when it is turned on in staging, and off again: `cockpit flags off staging checkout-v2`; what is \
                  turned off without cockpit may not be known here";
    is_blind(in_the_way(&world_without_log(FlagState::On), now()), silent);
    assert_eq!(with(FlagState::Percent(25), DAY, done()), None);
    assert_eq!(with(FlagState::On, DAY, Some(Outcome::FoundDone { shows: "it is off".to_owned() })), None);
    is_blind(with(FlagState::On, DAY * 15, done()), silent);
    is_blind(with(FlagState::On, DAY, None), silent);
    let why = || "no answer".to_owned();
    for outcome in [
        Outcome::Unknown { why: why() },
        Outcome::Unconfirmed { shows: why() },
        Outcome::Refused { why: why() },
        Outcome::FoundNotDone { shows: why() },
    ] {
        is_blind(with(FlagState::On, DAY, Some(outcome)), silent);
    }
    // It was off before: that shows nothing.
    is_blind(with(FlagState::Off, DAY, done()), silent);
}

/// What could not be shared when it was done is shared by the next start, and what a crash left open once it is settled.
#[test]
fn an_off_of_the_last_hour_is_shared_again_once_it_is_done() {
    let stated = |ago: SignedDuration, outcome: Option<Outcome>| {
        let mut recovered = Recovered::default();
        recovered.take(&turned_off(&world_without_log(FlagState::On), ago, outcome), false, now());
        let asked = recovered.ledger.flag_offs.asked(&ActionId("1".to_owned())).map(FlagOff::sentence);
        (recovered.stated.iter().map(Entry::sentence).collect::<Vec<_>>(), asked)
    };
    let (minute, off) = (SignedDuration::from_mins(1), "bo turned off flag checkout-v2 in staging".to_owned());
    let done = || Some(Outcome::Confirmed { shows: "it is off".to_owned() });
    assert_eq!(stated(minute, done()), (vec![off.clone()], None));
    assert_eq!(stated(minute * 61, done()), (Vec::new(), None));
    assert_eq!(stated(minute, None), (Vec::new(), Some(off)));
    assert_eq!(stated(minute, Some(Outcome::Refused { why: "no".to_owned() })), (Vec::new(), None));
}

#[test]
fn what_a_flag_was_turned_to_last_is_known_once_it_is_done() {
    let latest = |outcome| {
        let mut world = world_without_log(FlagState::On);
        let lines = turned_off(&world, DAY, outcome);
        world.take_lines(&lines, now());
        world.ledger.flag_sets.latest(&EnvName::new("staging"), ("unleash staging", NAME))
    };
    let done = Outcome::Confirmed { shows: "it is off".to_owned() };
    assert_eq!(latest(Some(done)), Some((Turn::Off, now() - DAY)));
    assert_eq!(latest(Some(Outcome::Unknown { why: "no answer".to_owned() })), None);
    assert_eq!(latest(None), None);
}

#[test]
fn an_off_by_cockpit_counts_for_its_provider_and_is_kept_as_long_as_it_is_asked_for() {
    let done = || Some(Outcome::Confirmed { shows: "it is off".to_owned() });
    let mut world = world_without_log(FlagState::On);
    let lines = turned_off(&world, DAY * 13, done());
    world.take_lines(&lines, now());
    assert_eq!(in_the_way(&world, now()), None);
    world.environments.iter_mut().for_each(|env| env.flags[0].settings.place = "another table".to_owned());
    is_blind(in_the_way(&world, now()), "keeps no log");
    world.take_lines(&[], now() + DAY * 2);
    assert_eq!(world.ledger.flag_offs, FlagOffs::default());
    // Nothing asks for it.
    let mut unasked = world_with(by_config());
    says(&mut unasked, "staging", vec![Flag { state: FlagState::On, ..flag() }], now());
    let lines = turned_off(&unasked, DAY, done());
    unasked.take_lines(&lines, now());
    assert_eq!(unasked.ledger.flag_offs, FlagOffs::default());
}

#[test]
fn a_flag_may_have_to_stay_off_until_the_release_has_gone_out() {
    let on = Flag { state: FlagState::Percent(5), ..flag() };
    assert_eq!(with_flag(by_config(), on.clone()), None);
    let off_first = FlagRules { off_first: true, ..by_config() };
    is_red(with_flag(off_first, on), "checkout-v2: 5 % here, and the release has not gone out");
    assert_eq!(with_flag(off_first, flag()), None);
}

#[test]
fn what_users_get_here_is_on_in_the_environment_before() {
    let mut world = world_with(by_config());
    says(&mut world, "prod", vec![Flag { state: FlagState::On, ..flag() }], now());
    is_blind(in_the_way(&world, now()), "unleash: what it says is");
    says(&mut world, "staging", vec![flag()], now());
    is_red(in_the_way(&world, now()), "checkout-v2: on here, and off in staging");
}
