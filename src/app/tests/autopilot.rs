//! What autopilot does, and what it never does.

use std::sync::Arc;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::{action_of, change, feed, model, performed, press, target};
use crate::app::model::Model;
use crate::app::next::next;
use crate::app::{Effect, Msg, update};
use crate::core::{self, InFlight};
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::signals::Tracks;
use crate::domain::record::action::{ActionId, GitKey, Outcome, PlanRecord, Target, Verb};
use crate::domain::record::guardrails::{Guardrails, Kept, Response};
use crate::domain::record::journal::Entry;
use crate::domain::record::receipt::Receipt;
use crate::domain::record::shared::{read, statement};
use crate::domain::rules::refusal::Refusal;
use crate::domain::world::feed::Feed;
use crate::domain::world::verdict::Verdict;
use analysis::{AnalysisStatus, CanaryAnalyzer, Look, Metric, Report, Rules};

fn rails(autopilot: bool) -> Guardrails {
    Guardrails { autopilot, ..Guardrails::default() }
}

/// A canary in progress through a step, in the hands of these guardrails.
fn rolling_out(guardrails: Guardrails) -> Model {
    let mut model = model(false, false);
    model.core.world.environments[0].settings.guardrails = guardrails;
    model.core.world.environments[0].settings.has_metrics = true;
    stands(&mut model, false);
    model
}

/// What the cluster shows: the canary goes through a step, or is paused by a person or by autopilot.
fn stands(model: &mut Model, paused: bool) {
    change(model, |rollout| {
        rollout.spec.paused = paused;
        rollout.status.pause_conditions.clear();
        rollout.status.controller_pause = false;
        rollout.status.phase = if paused { "Paused" } else { "Progressing" }.to_owned();
        rollout.status.message = "more replicas need to be updated".to_owned();
        rollout.status.step_index = Some(2);
    });
}

fn report(opinion: AnalysisStatus, culprit: Option<Metric>) -> Report {
    let mut report = CanaryAnalyzer::new(Rules::default()).report();
    report.opinion = opinion;
    // Undecided is one that has seen too little.
    let enough = opinion != AnalysisStatus::Undecided;
    report.needs.enough = enough.then_some(analysis::Need { requests: 0.0, seconds: 0.0 });
    report.culprit = culprit;
    report.seen.canary.requests = 1000;
    report.reasons = vec!["canary 3.1 % against 0.1 %".to_owned()];
    report
}

fn say(model: &mut Model, opinion: AnalysisStatus, culprit: Option<Metric>) -> Vec<Effect> {
    let tracks = Tracks { stable: Some("api-old".to_owned()), canary: Some("api-new".to_owned()) };
    let (look, report) = (Some(Arc::new(Look::Reset)), Arc::new(report(opinion, culprit)));
    feed(model, Feed::Counted { target: target(), tracks, look, report, flags: None })
}

fn later(model: &mut Model, seconds: i64) -> Vec<Effect> {
    let now = model.core.now + SignedDuration::from_secs(seconds);
    let link = Feed::Link { env: target().env, source: SourceKind::Kubernetes, link: Link::Up, at: Some(now) };
    let mut effects = update(model, Msg::Core(core::Msg::Feed(link)), now);
    effects.extend(update(model, Msg::Core(core::Msg::Clock), now));
    effects
}

fn verbs(effects: &[Effect]) -> Vec<Verb> {
    performed(effects).iter().map(|record| record.verb).collect()
}

fn done(model: &mut Model, record: &PlanRecord, outcome: Outcome) {
    let (now, action) = (model.core.now, action_of(model, record));
    update(
        model,
        Msg::Core(core::Msg::Receipt(Receipt::Ended {
            action,
            record: Box::new(record.clone()),
            outcome,
            lines: Vec::new(),
        })),
        now,
    );
}

fn confirmed() -> Outcome {
    Outcome::Confirmed { shows: "so".to_owned() }
}

#[test]
fn regressed_pauses_at_once_and_rolls_back_after_the_delay() {
    let mut model = rolling_out(rails(true));
    let held = performed(&say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors)));
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].verb, Verb::Pause);
    let automatic = held[0].automatic.clone().unwrap();
    assert_eq!(automatic.because, ["canary 3.1 % against 0.1 %"]);
    done(&mut model, &held[0], confirmed());
    assert_eq!(model.core.autopilot.next(model.core.now).unwrap().1, SignedDuration::from_secs(20));
    assert_eq!(verbs(&later(&mut model, 19)), []);
    assert_eq!(verbs(&later(&mut model, 1)), [Verb::Rollback]);
    assert_eq!(model.core.autopilot.next(model.core.now), None);
    // Once is enough.
    assert_eq!(verbs(&later(&mut model, 30)), []);
}

/// Law 3, whoever began it: `kubectl argo rollouts undo`, a revert in git, `R` on another machine.
#[test]
fn a_rollback_is_not_held_up_by_a_guardrail() {
    let mut model = rolling_out(rails(true));
    let mut back = model.core.world.environments[0].workloads[0].snapshot.as_deref().unwrap().clone();
    for set in &mut back.replicasets {
        let made = if set.hash == "new" { "2026-01-01T00:00:00Z" } else { "2026-02-01T00:00:00Z" };
        set.meta.created = Some(made.parse().unwrap());
    }
    feed(&mut model, Feed::Workload { target: target(), snapshot: Some(Arc::new(back)) });
    for opinion in [AnalysisStatus::Suspect, AnalysisStatus::Regressed] {
        assert_eq!(verbs(&say(&mut model, opinion, Some(Metric::Errors))), [], "{opinion:?}");
        assert_eq!(verbs(&later(&mut model, 60)), [], "{opinion:?}");
    }
}

/// A pull request may wait for hours: meanwhile the canary is held and rolled back as ever, and the screen says why.
#[test]
fn an_open_pull_request_keeps_autopilot_from_nothing() {
    let mut model = rolling_out(rails(true));
    let rollback = performed(&press(&mut rolling_out(rails(false)), "R y")).remove(0);
    let (env, names) = (target().env, target().workload);
    let file = GitKey {
        env,
        repository: "https://git.example/config".to_owned(),
        branch: "main".to_owned(),
        file: "prod.yaml".to_owned(),
        names,
        places: Vec::new(),
    };
    let record = PlanRecord { target: Target::Git(file), verb: Verb::Release, ..rollback };
    let waits = Outcome::AwaitsMerge { shows: "pull request #12 open ✓".to_owned() };
    let open =
        InFlight { outcome: Some(waits), ..InFlight::new(ActionId("1".to_owned()), record.clone(), model.core.now) };
    model.core.in_flight.insert(record.target, open);
    assert!(next(&model).sentence.contains("has waited for a merge for"), "{}", next(&model).sentence);
    let held = performed(&say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors)));
    assert_eq!(held.iter().map(|record| record.verb).collect::<Vec<_>>(), [Verb::Pause]);
    done(&mut model, &held[0], confirmed());
    assert!(next(&model).is_alarm, "{}", next(&model).sentence);
    assert_eq!(verbs(&later(&mut model, 20)), [Verb::Rollback]);
}

#[test]
fn after_a_sleep_people_have_the_whole_time_again() {
    let mut model = rolling_out(rails(true));
    let held = performed(&say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors)));
    done(&mut model, &held[0], confirmed());
    let woken = model.core.now + SignedDuration::from_mins(1);
    update(&mut model, Msg::Core(core::Msg::Woke), woken);
    assert_eq!(verbs(&say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors))), []);
    assert_eq!(verbs(&later(&mut model, 19)), []);
    assert_eq!(verbs(&later(&mut model, 1)), [Verb::Rollback]);
}

#[test]
fn one_key_keeps_the_canary_for_good_and_is_written_down() {
    let mut model = rolling_out(rails(true));
    say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors));
    let effects = press(&mut model, "x");
    assert!(
        effects.iter().any(
            |effect| matches!(effect, Effect::Core(core::Effect::Record { entry: Entry::Kept(Kept { who, .. }), .. }) if who == "alice")
        ),
        "{effects:?}"
    );
    assert_eq!(verbs(&later(&mut model, 60)), []);
    assert_eq!(verbs(&say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors))), []);
    assert_eq!(verbs(&later(&mut model, 60)), []);
}

#[test]
fn it_does_nothing_before_it_knows_what_was_decided() {
    let mut model = rolling_out(rails(true));
    model.core.journal.unread = true;
    assert_eq!(verbs(&say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors))), []);
    model.core.journal.unread = false;
    assert_eq!(verbs(&later(&mut model, 1)), [Verb::Pause]);
}

#[test]
fn a_canary_that_a_person_moves_on_during_the_countdown_is_left_alone() {
    let mut model = rolling_out(rails(true));
    let held = performed(&say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors)));
    done(&mut model, &held[0], confirmed());
    stands(&mut model, true);
    assert_eq!(verbs(&later(&mut model, 10)), []);
    stands(&mut model, false);
    assert_eq!(verbs(&later(&mut model, 5)), []);
    assert_eq!(model.core.autopilot.next(model.core.now), None);
    assert!(model.core.notices.iter().any(|notice| notice.text.contains("somebody moved the canary on")));
    assert_eq!(verbs(&say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors))), []);
    assert_eq!(verbs(&later(&mut model, 60)), []);
}

#[test]
fn proof_that_comes_after_a_person_moved_a_suspect_on_still_rolls_back() {
    let mut model = rolling_out(rails(true));
    let held = performed(&say(&mut model, AnalysisStatus::Suspect, Some(Metric::Errors)));
    done(&mut model, &held[0], confirmed());
    stands(&mut model, true);
    later(&mut model, 1);
    stands(&mut model, false);
    assert_eq!(verbs(&later(&mut model, 60)), []);
    let mut effects = say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors));
    effects.extend(later(&mut model, 20));
    assert_eq!(verbs(&effects), [Verb::Rollback]);
}

#[test]
fn what_autopilot_held_survives_a_restart() {
    let mut model = rolling_out(rails(true));
    let status = model.core.world.find(&target()).unwrap().1.status.clone().unwrap();
    let canary = (target(), status.canary.unwrap().hash);
    model.core.autopilot.remember([canary.clone()], []);
    let mut effects = say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors));
    effects.extend(later(&mut model, 30));
    // It was held already, and whoever resumed it had no proof yet.
    assert_eq!(verbs(&effects), [Verb::Rollback]);
    // Whoever moved it on after the proof has decided.
    let mut model = rolling_out(rails(true));
    model.core.autopilot.remember([canary.clone()], [canary]);
    let mut effects = say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors));
    effects.extend(later(&mut model, 60));
    assert_eq!(verbs(&effects), []);
}

/// What the shared record says once somebody kept the canary of this model.
fn kept(model: &mut Model) -> Kept {
    say(model, AnalysisStatus::Regressed, Some(Metric::Errors));
    let effects = press(model, "x");
    let entry = effects.into_iter().find_map(|effect| match effect {
        Effect::Core(core::Effect::Record { entry: Entry::Kept(kept), .. }) => Some(kept),
        _ => None,
    });
    entry.unwrap()
}

fn read_from_record(model: &mut Model, kept: Kept) {
    use std::collections::BTreeMap;

    use crate::domain::facts::cluster::ClusterIdentity;
    use crate::domain::record::shared;
    let statement = shared::statement(&Entry::Kept(kept)).unwrap();
    let here = ClusterIdentity::unknown("payments");
    let ledger = shared::read((&target().env, &here), &BTreeMap::from([statement]), model.core.now, None);
    update(model, Msg::Core(core::Msg::Feed(Feed::Ledger(Box::new(ledger)))), model.core.now);
}

#[test]
fn a_canary_that_is_kept_in_one_cockpit_is_kept_in_another() {
    let kept = kept(&mut rolling_out(rails(true)));
    let mut model = rolling_out(rails(true));
    let held = performed(&say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors)));
    done(&mut model, &held[0], confirmed());
    assert!(model.core.autopilot.next(model.core.now).is_some());
    read_from_record(&mut model, kept);
    assert_eq!(model.core.autopilot.next(model.core.now), None);
    assert!(model.core.notices.iter().any(|notice| notice.text.contains("alice keeps the canary")));
    assert_eq!(verbs(&later(&mut model, 60)), []);
}

#[test]
fn a_canary_that_is_kept_is_another_than_that_of_a_recreated_workload() {
    let kept = kept(&mut rolling_out(rails(true)));
    for other in [Kept { uid: Some("other".to_owned()), ..kept.clone() }, Kept { hash: "other".to_owned(), ..kept }] {
        let mut model = rolling_out(rails(true));
        let held = performed(&say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors)));
        done(&mut model, &held[0], confirmed());
        read_from_record(&mut model, other);
        assert_eq!(verbs(&later(&mut model, 20)), [Verb::Rollback]);
    }
}

#[test]
fn suspect_pauses_once_and_a_resume_is_final() {
    let mut model = rolling_out(rails(true));
    let held = performed(&say(&mut model, AnalysisStatus::Suspect, Some(Metric::Errors)));
    assert_eq!(held.iter().map(|record| record.verb).collect::<Vec<_>>(), [Verb::Pause]);
    done(&mut model, &held[0], confirmed());
    assert_eq!(verbs(&say(&mut model, AnalysisStatus::Suspect, Some(Metric::Errors))), []);
    assert_eq!(verbs(&later(&mut model, 60)), []);
    // Proof is another matter.
    say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors));
    assert_eq!(verbs(&later(&mut model, 20)), [Verb::Rollback]);
}

#[test]
fn when_off_it_reports_a_breach_once() {
    let mut model = rolling_out(rails(false));
    for _ in 0..3 {
        assert_eq!(verbs(&say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors))), []);
    }
    assert_eq!(verbs(&later(&mut model, 60)), []);
    let said = model.core.notices.iter().filter(|notice| notice.text.contains("rollback recommended")).count();
    assert_eq!(said, 1);
}

#[test]
fn paused_canary_is_not_paused_again() {
    let mut model = model(false, false);
    model.core.world.environments[0].settings.guardrails = rails(true);
    assert_eq!(verbs(&say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors))), []);
    assert_eq!(verbs(&later(&mut model, 20)), [Verb::Rollback]);
}

#[test]
fn refused_request_may_be_repeated_but_an_unanswered_one_never() {
    let mut model = rolling_out(rails(true));
    say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors));
    let sent = performed(&later(&mut model, 20));
    assert_eq!(sent[0].verb, Verb::Rollback);
    done(&mut model, &sent[0], Outcome::Refused { why: "403".to_owned() });
    let again: Vec<Verb> = [later(&mut model, 1), later(&mut model, 20)].iter().flat_map(|e| verbs(e)).collect();
    assert!(again.contains(&Verb::Rollback), "{again:?}");
    let sent = model.core.in_flight_on(&target()).unwrap().record.clone();
    done(&mut model, &sent, Outcome::Unknown { why: "no answer".to_owned() });
    assert_eq!(verbs(&later(&mut model, 20)), []);
}

#[test]
fn missing_rights_are_reported_once() {
    let mut model = model(false, true);
    model.core.world.environments[0].settings.guardrails = rails(true);
    say(&mut model, AnalysisStatus::Regressed, Some(Metric::Errors));
    for _ in 0..3 {
        assert_eq!(verbs(&later(&mut model, 20)), []);
    }
    let said = model.core.notices.iter().filter(|notice| notice.text.starts_with("autopilot cannot")).count();
    assert_eq!(said, 1, "{:?}", model.core.notices);
}

#[test]
fn undecided_analysis_turns_no_gate_red() {
    use crate::domain::record::checklist::BuiltinCheck;
    use crate::domain::record::checklist::{Check, CheckId, CheckOutcome, CheckPhase, CheckSpec, How};
    let mut model = rolling_out(rails(false));
    let spec = CheckSpec {
        id: CheckId::new("signals"),
        title: "signals".to_owned(),
        phase: CheckPhase::Post,
        gate: true,
        owner: None,
        how: How::BuiltinCheck(BuiltinCheck::Signals),
        fresh: None,
        runbook: None,
    };
    model.core.world.environments[0].checks = vec![Check::new(spec)];
    let mut found = |opinion, culprit| {
        say(&mut model, opinion, culprit);
        update(&mut model, Msg::Core(core::Msg::Clock), super::start());
        model.core.world.environments[0].checks[0].finding.as_ref().map(|finding| finding.found)
    };
    assert_eq!(found(AnalysisStatus::Undecided, None), Some(CheckOutcome::Blind));
    assert_eq!(found(AnalysisStatus::Healthy, None), Some(CheckOutcome::Passed));
    assert_eq!(found(AnalysisStatus::Suspect, Some(Metric::Errors)), Some(CheckOutcome::Failed));
}

proptest! {
    /// Without proof nothing is rolled back, nothing is ever promoted, and what is off does nothing, whatever is seen.
    #[test]
    fn it_never_promotes_and_rolls_back_on_proof_alone(
        autopilot: bool,
        errors in 0_usize..3, latency in 0_usize..3, budget in 0_usize..3,
        seen in prop::collection::vec((0_usize..5, 0_usize..4, 0_i64..40), 1..20),
    ) {
        let word = |index: usize| Response::ALL[index];
        let rails = Guardrails {
            autopilot, errors: word(errors), latency: word(latency), budget: word(budget), ..Guardrails::default()
        };
        let opinions =
            [AnalysisStatus::Regressed, AnalysisStatus::Suspect, AnalysisStatus::Undecided, AnalysisStatus::Healthy, AnalysisStatus::NoData];
        let culprits = [Some(Metric::Errors), Some(Metric::Latency), Some(Metric::Budget), None];
        let mut model = rolling_out(rails.clone());
        let mut proved = false;
        for (opinion, culprit, seconds) in seen {
            let culprit = culprits[culprit];
            let mut effects = say(&mut model, opinions[opinion], culprit);
            proved |= opinions[opinion] == AnalysisStatus::Regressed
                && rails.response(&report(opinions[opinion], culprit)) == Some(Response::Rollback);
            effects.extend(later(&mut model, seconds));
            for record in performed(&effects) {
                prop_assert!(autopilot);
                prop_assert!(matches!(record.verb, Verb::Pause | Verb::Rollback), "{:?}", record.verb);
                prop_assert!(record.verb != Verb::Rollback || proved);
                prop_assert!(record.automatic.is_some());
                done(&mut model, &record, confirmed());
            }
        }
    }
}

/// Law 13: what one machine proved holds on another one that has counted nothing, and no key goes past it.
#[test]
fn a_regression_that_another_machine_found_keeps_the_canary_where_it_is() {
    let mut finder = model(false, false);
    finder.core.world.environments[0].settings.is_declared = true;
    let mut effects = say(&mut finder, AnalysisStatus::Regressed, Some(Metric::Errors));
    effects.extend(later(&mut finder, 1));
    let shared = |effects: &[Effect]| -> Vec<Entry> {
        let of = |effect: &Effect| match effect {
            Effect::Core(core::Effect::Share(entry)) => Some((**entry).clone()),
            _ => None,
        };
        effects.iter().filter_map(of).collect()
    };
    let found = shared(&effects);
    assert!(matches!(found.as_slice(), [Entry::Regressed(_)]), "{found:?}");
    assert_eq!(shared(&later(&mut finder, 1)), []);

    let mut other = model(false, false);
    assert!(other.core.plan(&target(), Verb::Promote, None).is_ok());
    let data = found.iter().filter_map(statement).collect();
    let ledger = read((&target().env, &ClusterIdentity::unknown("ns")), &data, other.core.now, None);
    feed(&mut other, Feed::Ledger(Box::new(ledger)));
    later(&mut other, 1);
    let why = |verb: Verb| {
        let refusals = other.core.plan(&target(), verb, None).unwrap_err();
        refusals.iter().map(Refusal::line).collect::<Vec<_>>().join("; ")
    };
    for verb in [Verb::Promote, Verb::PromoteFull] {
        assert!(why(verb).contains("regressed, by the analysis of alice at"), "{}", why(verb));
    }
    assert_eq!(other.core.world.environments[0].assessment().verdict, Verdict::NoGo);
    // Nobody's word moves an autopilot: it acts on what it measures itself.
    assert!(verbs(&later(&mut other, 30)).is_empty());
    assert!(other.core.plan(&target(), Verb::Rollback, None).is_ok());

    // Aborted, it is not sent out again.
    change(&mut other, |rollout| {
        rollout.status.abort = true;
        rollout.status.phase = "Degraded".to_owned();
    });
    let refused = other.core.plan(&target(), Verb::Retry, None).unwrap_err();
    assert!(refused.iter().any(|refusal| refusal.text.contains("regressed")), "{refused:?}");
}
