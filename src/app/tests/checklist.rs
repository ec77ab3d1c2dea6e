//! The checklist's laws as properties, and what people say to it.

use std::sync::Arc;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::{feed, model, performed, press, start, target};
use crate::app::hints::plan_for;
use crate::app::model::{Model, Screen};
use crate::app::{Effect, Msg, update};
use crate::core::{self, Recheck};
use crate::domain::record::action::Verb;
use crate::domain::record::proof::Proof;
use crate::domain::record::receipt::Receipt;

use crate::domain::record::checklist::BuiltinCheck;
use crate::domain::record::checklist::{
    Acknowledgement, Check, CheckId, CheckOutcome, CheckPhase, CheckSpec, Decision, Finding, How, SignOff, SignOffRules,
};
use crate::domain::rules::refusal::RefusalKind;

use crate::domain::facts::ids::EnvName;
use crate::domain::record::journal::{Entry, Line};
use crate::domain::rules::checklist::answer;
use crate::domain::world::feed::Feed;
use crate::domain::world::verdict::Verdict;

fn spec(id: &str, phase: CheckPhase, gate: bool, how: How) -> CheckSpec {
    CheckSpec {
        id: CheckId::new(id),
        title: id.to_owned(),
        phase,
        gate,
        owner: None,
        how,
        fresh: Some(SignedDuration::from_secs(60)),
        runbook: None,
    }
}

fn with(specs: Vec<CheckSpec>, roles: &[(&str, usize)]) -> Model {
    let mut model = model(false, false);
    let env = &mut model.core.world.environments[0];
    env.checks = specs.iter().cloned().map(Check::new).collect();
    env.settings.checks = specs;
    let roles = roles.iter().map(|(role, number)| ((*role).to_owned(), *number)).collect();
    env.settings.sign_offs = SignOffRules { roles, four_eyes: true };
    env.record = Some(Ok(()));
    model.ui.screen = Screen::Checklist;
    model
}

fn subject(model: &Model) -> String {
    model.core.world.candidate(&model.core.world.environments[0]).unwrap().key
}

fn found(model: &Model, found: CheckOutcome, age: i64) -> Finding {
    Finding {
        found,
        summary: "3 of 4".to_owned(),
        evidence: Vec::new(),
        green_when: "4 of 4".to_owned(),
        at: model.core.now - SignedDuration::from_secs(age),
        subject: subject(model),
    }
}

fn say(model: &mut Model, id: &str, finding: Finding) -> Vec<Effect> {
    feed(model, Feed::Checked { env: target().env, check: CheckId::new(id), finding })
}

/// What was asked to be written reaches the model as it does from the journal.
fn written(model: &mut Model, effects: &[Effect]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for effect in effects {
        if let Effect::Core(core::Effect::Record { entry, .. }) = effect {
            let line = Line::after(None, model.core.now, entry.clone());
            let now = model.core.now;
            update(model, Msg::Core(core::Msg::Receipt(Receipt::Written(vec![line]))), now);
            entries.push(entry.clone());
        }
    }
    entries
}

fn can(model: &Model, verb: Verb) -> bool {
    plan_for(model, verb, None).is_ok()
}

/// When the last NO-GO of a person in a role was signed.
fn standing(model: &Model, who: &str, role: &str) -> Option<jiff::Timestamp> {
    let all = model.core.world.ledger.sign_offs.iter();
    all.filter(|sign| sign.who == who && sign.role == role && sign.decision == Decision::NoGo).map(|sign| sign.at).max()
}

fn sign(model: &mut Model, who: &str, role: &str, decision: Decision) {
    let sign_off = SignOff {
        env: target().env,
        cluster: None,
        role: role.to_owned(),
        who: who.to_owned(),
        verified: true,
        decision,
        note: "seen".to_owned(),
        at: model.core.now,
        subject: subject(model),
        digest: None,
        takes_back: standing(model, who, role),
        takes_back_of: None,
        reds: None,
        signature: None,
        proof: Proof::default(),
    };
    written(model, &[Effect::Core(core::Effect::Record { release: String::new(), entry: Entry::SignedOff(sign_off) })]);
}

fn later(model: &mut Model, seconds: i64) {
    let now = model.core.now + SignedDuration::from_secs(seconds);
    // Sources continue answering.
    feed(
        model,
        Feed::Link {
            env: target().env,
            source: crate::domain::facts::freshness::SourceKind::Kubernetes,
            link: crate::domain::facts::freshness::Link::Up,
            at: Some(now),
        },
    );
    model.core.world.environments[0].settings.has_metrics = false;
    update(model, Msg::Core(core::Msg::Clock), now);
}

proptest! {
    /// Laws 1 and 3: a promotion goes only past gates that are green on fresh data about this artifact, and a stop goes
    /// past everything.
    #[test]
    fn promotion_needs_every_gate_green_and_stops_need_none(
        checks in proptest::collection::vec(
            (0_usize..3, any::<bool>(), proptest::option::of((0_usize..3, 0_i64..120, any::<bool>()))), 0..8),
        seats in 0_usize..3, signed in 0_usize..3, no_go in any::<bool>(),
    ) {
        let specs = checks.iter().enumerate()
            .map(|(n, (phase, gate, _))| spec(&format!("c{n}"), CheckPhase::ALL[*phase], *gate, How::Evidence("http".into())))
            .collect();
        let roles: Vec<(String, usize)> = (0..seats).map(|n| (format!("r{n}"), 1)).collect();
        let roles: Vec<(&str, usize)> = roles.iter().map(|(role, n)| (role.as_str(), *n)).collect();
        let mut model = with(specs, &roles);
        let all = [CheckOutcome::Passed, CheckOutcome::Failed, CheckOutcome::Blind];
        // Signing takes a second, in which evidence may go stale.
        let signing = i64::from(signed.min(seats) > 0);
        let mut open = true;
        for (n, (phase, gate, finding)) in checks.iter().enumerate() {
            if let Some((kind, age, same)) = finding {
                let mut finding = found(&model, all[*kind], *age);
                if !same {
                    "something else".clone_into(&mut finding.subject);
                }
                say(&mut model, &format!("c{n}"), finding);
            }
            let green = finding.is_some_and(|(kind, age, same)| kind == 0 && age + signing <= 60 && same);
            open &= green || !gate || CheckPhase::ALL[*phase] == CheckPhase::Post;
        }
        for n in 0..signed.min(seats) {
            let decision = if no_go { Decision::NoGo } else { Decision::Go };
            // In the future of every gate that went red.
            model.core.now = start() + SignedDuration::from_secs(1);
            sign(&mut model, &format!("p{n}"), &format!("r{n}"), decision);
        }
        open &= signed.min(seats) == seats && !(no_go && signed > 0 && seats > 0);
        prop_assert_eq!(can(&model, Verb::Promote), open);
        prop_assert_eq!(can(&model, Verb::PromoteFull), open);
        let env = &model.core.world.environments[0];
        prop_assert_eq!(answer(&model.core.world, env, model.core.now).verdict == Verdict::Go, open);
        for verb in [Verb::Pause, Verb::Abort, Verb::Rollback] {
            prop_assert!(can(&model, verb), "{verb:?}");
        }
    }
}

#[test]
fn every_reason_names_its_remedy() {
    let specs = vec![
        spec("tests", CheckPhase::Pre, true, How::Evidence("junit".into())),
        spec("pager", CheckPhase::Pre, true, How::Manual),
    ];
    let mut model = with(specs, &[("sre", 2)]);
    let failed = found(&model, CheckOutcome::Failed, 1);
    say(&mut model, "tests", failed);
    let refusals = plan_for(&model, Verb::Promote, None).unwrap_err();
    let lines: Vec<String> = refusals.iter().map(crate::domain::rules::refusal::Refusal::line).collect();
    assert_eq!(
        lines,
        [
            "tests: 3 of 4: green when 4 of 4",
            "pager: not acknowledged: green when someone acknowledges it",
            "sign-off sre: 0 of 2: needs a GO from 2 people in role sre",
        ]
    );
    assert_eq!(refusals[2].kind, RefusalKind::SignOff);
}

#[test]
fn gate_turning_red_voids_an_open_promotion_but_not_a_rollback() {
    let specs = vec![spec("alerts", CheckPhase::Deploy, true, How::Evidence("alerts".into()))];
    for (keys, sent) in [("p", 0), ("R", 1)] {
        let mut model = with(specs.clone(), &[]);
        let passed = found(&model, CheckOutcome::Passed, 1);
        say(&mut model, "alerts", passed);
        press(&mut model, keys);
        let red = found(&model, CheckOutcome::Failed, 0);
        say(&mut model, "alerts", red);
        assert_eq!(performed(&press(&mut model, "y")).len(), sent, "{keys}");
    }
}

#[test]
fn a_sign_off_is_void_once_a_gate_went_red_also_after_it_is_green_again() {
    let specs = vec![spec("tests", CheckPhase::Pre, true, How::Evidence("junit".into()))];
    let mut model = with(specs, &[("sre", 1)]);
    let passed = found(&model, CheckOutcome::Passed, 0);
    say(&mut model, "tests", passed);
    sign(&mut model, "bob", "sre", Decision::Go);
    assert!(can(&model, Verb::Promote));
    later(&mut model, 5);
    let red = found(&model, CheckOutcome::Failed, 0);
    say(&mut model, "tests", red);
    later(&mut model, 5);
    let green = found(&model, CheckOutcome::Passed, 0);
    say(&mut model, "tests", green);
    let refusals = plan_for(&model, Verb::Promote, None).unwrap_err();
    assert_eq!(refusals[0].text, "sign-off sre: 0 of 1; the one of bob is void: gate tests went red since");
    later(&mut model, 1);
    sign(&mut model, "bob", "sre", Decision::Go);
    assert!(can(&model, Verb::Promote));
}

#[test]
fn sign_off_survives_restart_when_the_gate_was_already_red() {
    let specs = vec![spec("tests", CheckPhase::Pre, true, How::Evidence("junit".into()))];
    let mut model = with(specs.clone(), &[("sre", 1)]);
    let red = found(&model, CheckOutcome::Failed, 0);
    let mut effects = say(&mut model, "tests", red);
    written(&mut model, &effects);
    later(&mut model, 1);
    sign(&mut model, "bob", "sre", Decision::Go);
    // The next start knows what the journal says.
    let mut next = with(specs, &[("sre", 1)]);
    next.core.world.ledger = model.core.world.ledger.clone();
    later(&mut next, 10);
    let (red, green) = (found(&next, CheckOutcome::Failed, 1), found(&next, CheckOutcome::Passed, 0));
    effects = say(&mut next, "tests", red);
    assert!(effects.iter().all(|effect| !matches!(effect, Effect::Core(core::Effect::Record { .. }))), "{effects:?}");
    assert!(!can(&next, Verb::Promote));
    say(&mut next, "tests", green);
    assert!(can(&next, Verb::Promote));
}

#[test]
fn unseen_previous_environment_is_blind_and_voids_no_sign_off() {
    let specs = vec![spec("artifact", CheckPhase::Pre, true, How::BuiltinCheck(BuiltinCheck::Artifact))];
    let mut model = with(specs, &[("sre", 1)]);
    let mut before = model.core.world.environments[0].clone();
    before.settings.name = EnvName::new("before");
    before.workloads[0].snapshot = None;
    model.core.world.environments.insert(0, before);
    sign(&mut model, "bob", "sre", Decision::Go);
    later(&mut model, 1);
    let refusals = plan_for(&model, Verb::Promote, None).unwrap_err();
    assert!(refusals[0].text.contains("of before is not seen yet"), "{refusals:?}");
    model.core.world.environments.remove(0);
    later(&mut model, 1);
    assert!(can(&model, Verb::Promote), "{:?}", plan_for(&model, Verb::Promote, None));
}

#[test]
fn a_sign_off_is_for_one_artifact() {
    let mut model = with(Vec::new(), &[("sre", 1)]);
    sign(&mut model, "bob", "sre", Decision::Go);
    assert!(can(&model, Verb::Promote));
    let ledger = &mut model.core.world.ledger;
    let other = SignOff { subject: "api=api:1.4.9".to_owned(), ..ledger.sign_offs[0].clone() };
    ledger.sign_offs = vec![other].into();
    let refusals = plan_for(&model, Verb::Promote, None).unwrap_err();
    assert!(refusals[0].text.ends_with("the one of bob is void: given for api=api:1.4.9"), "{}", refusals[0].text);
}

/// The same with a newer revision that is neither in progress nor next.
fn with_a_third(roles: &[(&str, usize)]) -> Model {
    let mut model = with(Vec::new(), roles);
    let mut third = super::snapshot(super::canary());
    third.replicasets.push(super::replicaset(3, "third", "1.6.0", 0));
    feed(&mut model, Feed::Workload { target: target(), snapshot: Some(Arc::new(third)) });
    model
}

#[test]
fn a_go_for_what_is_in_progress_lets_no_other_revision_out() {
    let mut model = with_a_third(&[("sre", 1)]);
    sign(&mut model, "bob", "sre", Decision::Go);
    assert!(can(&model, Verb::Promote));
    let refusals = plan_for(&model, Verb::Rollback, Some(3)).unwrap_err();
    assert!(refusals.iter().any(|refusal| refusal.text.starts_with("sign-off sre: 0 of 1")), "{refusals:?}");
    assert!(plan_for(&model, Verb::Rollback, None).is_ok());
}

#[test]
fn a_no_go_for_the_revision_that_is_named_stops_an_open_question() {
    let mut model = with_a_third(&[]);
    let plan = plan_for(&model, Verb::Rollback, Some(3)).unwrap();
    assert!(!plan.record().moves_backward());
    assert_eq!(model.core.recheck(&plan), Recheck::Holds);
    let entry = Entry::SignedOff(SignOff {
        env: target().env,
        cluster: None,
        role: "sre".to_owned(),
        who: "eve".to_owned(),
        verified: true,
        decision: Decision::NoGo,
        note: "corrupts orders".to_owned(),
        at: model.core.now,
        subject: "api=api:1.6.0@sha256:told-later".to_owned(),
        digest: None,
        takes_back: None,
        takes_back_of: None,
        reds: None,
        signature: None,
        proof: Proof::default(),
    });
    written(&mut model, &[Effect::Core(core::Effect::Record { release: String::new(), entry })]);
    assert!(matches!(model.core.recheck(&plan), Recheck::Stale(why) if why.contains("eve signed NO-GO")));
}

#[test]
fn four_eyes_neither_void_nor_refuse_a_no_go() {
    let mut model = with(Vec::new(), &[("sre", 1), ("product", 1)]);
    sign(&mut model, "bob", "sre", Decision::Go);
    later(&mut model, 1);
    sign(&mut model, "eve", "product", Decision::Go);
    assert!(can(&model, Verb::Promote));
    later(&mut model, 1);
    sign(&mut model, "bob", "product", Decision::NoGo);
    assert!(!can(&model, Verb::Promote));
    let env = target().env;
    assert!(model.core.sign(&env, "product", Decision::NoGo, "no").is_ok());
}

#[test]
fn a_no_go_is_the_last_word_of_a_clock_that_is_behind() {
    let mut model = with(Vec::new(), &[("sre", 1)]);
    let env = target().env;
    for decision in [Decision::NoGo, Decision::Go] {
        let effects = model.core.sign(&env, "sre", decision, "seen").unwrap();
        written(&mut model, &effects.into_iter().map(Effect::Core).collect::<Vec<_>>());
        later(&mut model, 1);
    }
    assert!(can(&model, Verb::Promote));
    let now = model.core.now;
    model.core.now = now - SignedDuration::from_mins(20);
    let effects = model.core.sign(&env, "sre", Decision::NoGo, "it is slow").unwrap();
    model.core.now = now;
    written(&mut model, &effects.into_iter().map(Effect::Core).collect::<Vec<_>>());
    assert!(!can(&model, Verb::Promote));
}

#[test]
fn four_eyes_forbids_signing_for_two_roles() {
    let mut model = with(Vec::new(), &[("sre", 1), ("product", 1)]);
    sign(&mut model, "bob", "sre", Decision::Go);
    later(&mut model, 1);
    sign(&mut model, "bob", "product", Decision::Go);
    assert!(!can(&model, Verb::Promote));
    later(&mut model, 1);
    sign(&mut model, "eve", "product", Decision::Go);
    assert!(can(&model, Verb::Promote));
    model.core.world.environments[0].settings.sign_offs.four_eyes = false;
    assert!(can(&model, Verb::Promote));
}

#[test]
fn a_reviewer_signs_no_go_with_a_note_by_keys_alone() {
    let mut model = with(Vec::new(), &[("sre", 1)]);
    // Without a note nothing is signed.
    assert!(press(&mut model, "S n enter").is_empty());
    assert!(
        press(&mut model, "b a d enter")
            .iter()
            .any(|effect| matches!(effect, Effect::Core(core::Effect::Record { .. })))
    );
    let mut model = with(Vec::new(), &[("sre", 1)]);
    let effects = press(&mut model, "S n p o o l enter");
    let entries = written(&mut model, &effects);
    let [Entry::SignedOff(sign_off)] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!(
        (sign_off.who.as_str(), sign_off.verified, sign_off.decision, sign_off.note.as_str()),
        ("alice", false, Decision::NoGo, "pool")
    );
    let refusals = plan_for(&model, Verb::Promote, None).unwrap_err();
    assert_eq!(refusals[0].text, "alice signed NO-GO as sre: “pool”");
    assert!(can(&model, Verb::Rollback));
}

#[test]
fn acknowledgement_has_a_note_and_expires_with_its_validity() {
    let mut model = with(vec![spec("pager", CheckPhase::Pre, true, How::Manual)], &[]);
    assert!(!can(&model, Verb::Promote));
    let effects = press(&mut model, "a A n a enter");
    let entries = written(&mut model, &effects);
    assert!(matches!(entries.as_slice(), [Entry::Acknowledged(Acknowledgement { note, .. })] if note == "Ana"));
    assert!(can(&model, Verb::Promote));
    later(&mut model, 61);
    let refusals = plan_for(&model, Verb::Promote, None).unwrap_err();
    assert_eq!(refusals[0].line(), "pager: the last answer is stale: green when someone acknowledges it again");
}

#[test]
fn what_answers_itself_cannot_be_acknowledged() {
    let mut model = with(vec![spec("tests", CheckPhase::Pre, true, How::Evidence("junit".into()))], &[]);
    assert!(press(&mut model, "a").is_empty());
    assert!(model.ui.overlay.is_none());
    let again = press(&mut model, "r");
    assert!(
        again.iter().any(
            |effect| matches!(effect, Effect::Core(core::Effect::RunChecks(_, Some(id))) if id.as_str() == "tests")
        )
    );
}

#[test]
fn answers_that_change_are_written_down_once() {
    let mut model = with(vec![spec("tests", CheckPhase::Pre, true, How::Evidence("junit".into()))], &[]);
    let record = |effects: &[Effect]| {
        effects.iter().filter(|effect| matches!(effect, Effect::Core(core::Effect::Record { .. }))).count()
    };
    let failed = found(&model, CheckOutcome::Failed, 3);
    assert_eq!(record(&say(&mut model, "tests", failed)), 1);
    let failed = found(&model, CheckOutcome::Failed, 2);
    assert_eq!(record(&say(&mut model, "tests", failed)), 0);
    let passed = found(&model, CheckOutcome::Passed, 1);
    assert_eq!(record(&say(&mut model, "tests", passed)), 1);
}
