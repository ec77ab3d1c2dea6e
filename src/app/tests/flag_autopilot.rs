//! What autopilot does with a flag that goes to more users step by step, and what it never does.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;

use super::{action_of, feed, model, performed, press, target};
use crate::app::model::Model;
use crate::app::next::next;
use crate::app::{Effect, Msg, update};
use crate::core;
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::flag::rollout::FlagRollout;
use crate::domain::facts::flag::{Flag, FlagChange, FlagEdit, FlagState, ProviderKind};
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::EnvName;
use crate::domain::record::action::{Outcome, PlanRecord, Target, Verb};
use crate::domain::record::guardrails::{Guardrails, Kept};
use crate::domain::record::journal::Entry;
use crate::domain::record::receipt::Receipt;
use crate::domain::record::shared::{read, statement};
use crate::domain::world::feed::Feed;
use crate::domain::world::flags::{FlagSettings, FlagSource};
use analysis::{AnalysisStatus, CanaryAnalyzer, Metric, Report, Rules};

const FLAG: &str = "checkout";

/// A flag at 5 % in the first environment, in the hands of its guardrails.
fn going_out(autopilot: bool) -> Model {
    let mut model = model(true, false);
    let rollout = FlagRollout {
        flag: FLAG.to_owned(),
        steps: vec![5.try_into().unwrap()],
        wait: SignedDuration::ZERO,
        workload: None,
        with: BTreeMap::new(),
        without: BTreeMap::new(),
    };
    let settings = FlagSettings {
        provider: "unleash".to_owned(),
        place: "https://unleash.example".to_owned(),
        of_release: Vec::new(),
        kind: ProviderKind::Unleash,
        shared_with: Vec::new(),
        rollouts: vec![rollout],
    };
    let env = &mut model.core.world.environments[0];
    env.settings.guardrails = Guardrails { autopilot, ..Guardrails::default() };
    env.settings.has_metrics = true;
    env.flags = vec![FlagSource::new(settings)];
    lists(&mut model, FlagState::Percent(5));
    model
}

fn lists(model: &mut Model, state: FlagState) -> Vec<Effect> {
    let (env, provider, at) = (target().env, "unleash".to_owned(), Some(model.core.now));
    feed(model, Feed::Flags { env, provider, link: Link::Up, at, flags: Arc::new(vec![Flag::of_name(FLAG, state)]) })
}

fn finds(model: &mut Model, opinion: AnalysisStatus, culprit: Option<Metric>) -> Vec<Effect> {
    finds_in(model, target().env, opinion, culprit)
}

fn finds_in(model: &mut Model, env: EnvName, opinion: AnalysisStatus, culprit: Option<Metric>) -> Vec<Effect> {
    let report = Report {
        opinion,
        culprit,
        reasons: vec!["error rate: with it 3.10 %, without it 0.10 %".to_owned()],
        ..CanaryAnalyzer::new(Rules::default()).report()
    };
    let (provider, flag) = ("unleash".to_owned(), FLAG.to_owned());
    let (every, result) = (SignedDuration::from_secs(10), Ok(Arc::new(report)));
    feed(model, Feed::FlagCompared { env, provider, flag, every, result })
}

fn later(model: &mut Model, seconds: i64) -> Vec<Effect> {
    let now = model.core.now + SignedDuration::from_secs(seconds);
    update(model, Msg::Core(core::Msg::Clock), now)
}

/// What was sent about the flag.
fn turned(effects: &[Effect]) -> Vec<PlanRecord> {
    let is_flag = |record: &PlanRecord| matches!(&record.target, Target::Flag(key) if key.flag == FLAG);
    performed(effects).into_iter().filter(is_flag).collect()
}

fn verbs(effects: &[Effect]) -> Vec<Verb> {
    turned(effects).iter().map(|record| record.verb).collect()
}

fn says(model: &Model, words: &str) -> bool {
    model.core.notices.iter().any(|notice| notice.text.contains(words))
}

#[test]
fn proof_turns_the_flag_off_unless_someone_keeps_it_in_time() {
    let mut model = going_out(true);
    assert_eq!(verbs(&finds(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors))), []);
    assert!(says(&model, "autopilot turns checkout off in prod in 20 s"), "{:?}", model.core.notices);
    assert_eq!(model.core.autopilot.next_flag(model.core.now).unwrap().1, SignedDuration::from_secs(20));
    assert_eq!(verbs(&later(&mut model, 19)), []);
    let off = turned(&later(&mut model, 1));
    assert_eq!(off.len(), 1);
    assert_eq!(off[0].verb, Verb::FlagOff);
    let automatic = off[0].automatic.as_ref().expect("it acts as itself");
    assert_eq!(automatic.because, ["error rate: with it 3.10 %, without it 0.10 %"]);
    assert_eq!(verbs(&later(&mut model, 30)), [], "once");
}

#[test]
fn a_suspicion_turns_nothing_off() {
    let mut model = going_out(true);
    let mut effects = finds(&mut model, AnalysisStatus::Suspect, Some(Metric::Errors));
    effects.extend(later(&mut model, 60));
    assert_eq!(verbs(&effects), []);
    assert!(says(&model, "it stays at its share"));
    // Slower users keep it where it is, unless the guardrails say otherwise.
    effects = finds(&mut model, AnalysisStatus::Regressed, Some(Metric::Latency));
    effects.extend(later(&mut model, 60));
    assert_eq!(verbs(&effects), []);
}

#[test]
fn without_autopilot_it_is_only_said() {
    let mut model = going_out(false);
    let mut effects = finds(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors));
    effects.extend(later(&mut model, 60));
    assert_eq!(verbs(&effects), []);
    assert!(says(&model, "turning it off is recommended (autopilot off)"));
    finds(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors));
    let next = next(&model);
    assert!(next.is_alarm && next.sentence.starts_with("NO-GO: 7, then K turns checkout off"), "{next:?}");
}

/// Two environments that are the same one at the provider.
#[test]
fn a_flag_that_two_environments_share_is_turned_off_once_and_kept_for_both() {
    let shared = || {
        let mut model = going_out(true);
        let mut other = model.core.world.environments[0].clone();
        other.settings.name = EnvName::new("prod-us");
        model.core.world.environments.push(other);
        model
    };
    let both_find = |model: &mut Model| {
        let mut effects = Vec::new();
        for env in ["prod", "prod-us"] {
            effects.extend(finds_in(model, EnvName::new(env), AnalysisStatus::Regressed, Some(Metric::Errors)));
        }
        effects
    };
    let mut model = shared();
    both_find(&mut model);
    assert_eq!(verbs(&later(&mut model, 20)), [Verb::FlagOff]);
    let mut model = shared();
    finds(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors));
    press(&mut model, "x");
    let mut effects = both_find(&mut model);
    effects.extend(later(&mut model, 60));
    assert_eq!(verbs(&effects), []);
}

#[test]
fn a_flag_that_is_kept_is_no_more_once_it_was_changed_again() {
    let mut model = going_out(true);
    finds(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors));
    press(&mut model, "x");
    assert_eq!(verbs(&later(&mut model, 30)), []);
    let (env, provider, at) = (target().env, "unleash".to_owned(), Some(model.core.now));
    let change = FlagChange { by: "ada".to_owned(), at: model.core.now, what: FlagEdit::On };
    let flag = Flag { changes: vec![change], ..Flag::of_name(FLAG, FlagState::Percent(25)) };
    feed(&mut model, Feed::Flags { env, provider, link: Link::Up, at, flags: Arc::new(vec![flag]) });
    finds(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors));
    assert_eq!(verbs(&later(&mut model, 20)), [Verb::FlagOff]);
}

/// What says that the flag is kept.
fn kept(effects: Vec<Effect>) -> Kept {
    let kept = effects.into_iter().find_map(|effect| match effect {
        Effect::Core(core::Effect::Record { entry: Entry::Kept(kept), .. }) => Some(kept),
        _ => None,
    });
    kept.expect("it is written down")
}

#[test]
fn a_person_keeps_it_here_and_in_every_other_cockpit() {
    let mut model = going_out(true);
    finds(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors));
    let kept = kept(press(&mut model, "x"));
    assert_eq!(kept.flag.as_deref(), Some(FLAG));
    assert_eq!(verbs(&later(&mut model, 60)), []);
    // Another one reads it from the shared record while it counts down.
    let mut other = going_out(true);
    finds(&mut other, AnalysisStatus::Regressed, Some(Metric::Errors));
    let (statement, here) = (statement(&Entry::Kept(kept)).unwrap(), ClusterIdentity::unknown("payments"));
    let ledger = read((&target().env, &here), &BTreeMap::from([statement]), other.core.now, None);
    feed(&mut other, Feed::Ledger(Box::new(ledger)));
    assert_eq!(verbs(&later(&mut other, 60)), []);
    assert!(says(&other, "keeps the flag checkout; autopilot leaves it alone"), "{:?}", other.core.notices);
}

#[test]
fn a_flag_that_somebody_turned_off_is_left_and_begins_anew() {
    let mut model = going_out(true);
    finds(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors));
    lists(&mut model, FlagState::Off);
    assert_eq!(verbs(&later(&mut model, 60)), []);
    assert!(model.core.autopilot.next_flag(model.core.now).is_none());
    lists(&mut model, FlagState::Percent(5));
    assert_eq!(verbs(&later(&mut model, 60)), [], "what was found before is about another time");
    finds(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors));
    assert_eq!(verbs(&later(&mut model, 20)), [Verb::FlagOff]);
}

#[test]
fn a_clear_no_is_asked_again_after_another_countdown() {
    let mut model = going_out(true);
    finds(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors));
    let off = turned(&later(&mut model, 20)).remove(0);
    let (now, outcome) = (model.core.now, Outcome::Refused { why: "403".to_owned() });
    let action = action_of(&model, &off);
    let ended = Receipt::Ended { action, record: Box::new(off), outcome, lines: Vec::new() };
    update(&mut model, Msg::Core(core::Msg::Receipt(ended)), now);
    finds(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors));
    assert_eq!(verbs(&later(&mut model, 20)), [Verb::FlagOff]);
}
