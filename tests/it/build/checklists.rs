//! The main release with a checklist, signatures, and what lies over it.

use jiff::SignedDuration;
use release_cockpit::app::Model;
use release_cockpit::app::model::{Overlay, Screen};
use release_cockpit::domain::facts::ids::EnvName;
use release_cockpit::domain::record::checklist::BuiltinCheck;
use release_cockpit::domain::record::checklist::{
    Acknowledgement, Check, CheckId, CheckOutcome, CheckPhase, CheckSpec, Decision, Finding, How, SignOff, SignOffRules,
};
use release_cockpit::domain::record::journal::{Entry, Line};
use release_cockpit::domain::record::proof::Proof;
use release_cockpit::domain::world::feed::Feed;
use tui_input::Input;

use super::parts::{ago, now};
use super::releases;
use super::shots::{on, over};

fn spec(id: &str, title: &str, phase: CheckPhase, gate: bool, how: How) -> CheckSpec {
    CheckSpec {
        id: CheckId::new(id),
        title: title.to_owned(),
        phase,
        gate,
        owner: Some("sre".to_owned()),
        how,
        fresh: None,
        runbook: Some(format!("https://runbooks.example/{id}")),
    }
}

/// prod-eu with checks in every state, one signature that holds and one that is void.
pub fn checklist() -> Model {
    use CheckPhase::{Deploy, Post, Pre};
    let evidence = |kind: &'static str| How::Evidence(kind.into());
    let mut specs = vec![
        spec("artifact", "one digest, verified before", Pre, true, How::BuiltinCheck(BuiltinCheck::Artifact)),
        spec("tests", "all tests passed", Pre, true, evidence("junit")),
        spec("coverage", "coverage is high enough", Pre, true, evidence("coverage")),
        spec("scan", "no critical finding", Pre, true, evidence("trivy")),
        spec("ci", "the build is green", Pre, true, evidence("ci")),
        spec("on-call", "on-call knows about it", Pre, false, How::Manual),
        spec("notes", "release notes are written", Pre, false, How::Manual),
        spec("alerts", "no alert fires", Deploy, true, evidence("alerts")),
        spec("smoke", "the front page answers", Deploy, false, evidence("http")),
        spec("told", "stakeholders informed", Post, false, How::Manual),
    ];
    specs[2].fresh = Some(SignedDuration::from_hours(1));
    let mut model = releases::main();
    let env = &mut model.core.world.environments[1];
    env.checks = specs.iter().cloned().map(Check::new).collect();
    env.settings.checks = specs;
    env.settings.sign_offs =
        SignOffRules { roles: vec![("sre".to_owned(), 1), ("product".to_owned(), 1)], four_eyes: true };
    env.record = Some(Ok(()));
    answer(&mut model, "tests", CheckOutcome::Passed, 10_800, "1,284 passed, 0 failed", "");
    answer(&mut model, "coverage", CheckOutcome::Passed, 10_800, "84.2 %, at least 80 %", "");
    answer(&mut model, "scan", CheckOutcome::Passed, 10_800, "0 critical, 2 medium", "");
    answer(
        &mut model,
        "ci",
        CheckOutcome::Blind,
        40,
        "GitHub answers 401: the token is not accepted",
        "GitHub takes the token",
    );
    answer(&mut model, "alerts", CheckOutcome::Failed, 4, "HighErrorRate fires since 14:29:17", "no alert matches");
    model
        .core
        .world
        .take(Feed::CheckBegun { env: EnvName::new("prod-eu"), check: CheckId::new("smoke"), at: ago(1) }, now());
    let subject = subject(&model);
    let candidate = model.core.world.candidate(&model.core.world.environments[1]);
    let digest = candidate.and_then(|candidate| candidate.digest);
    let acknowledged = Entry::Acknowledged(Acknowledgement {
        env: EnvName::new("prod-eu"),
        cluster: None,
        check: CheckId::new("on-call"),
        who: "alice".to_owned(),
        verified: true,
        note: "Ana has the pager".to_owned(),
        at: ago(3600),
        subject: subject.clone(),
        signature: None,
        proof: Proof::default(),
    });
    let sign = |who: &str, role: &str, decision, age, note: &str| {
        Entry::SignedOff(SignOff {
            env: EnvName::new("prod-eu"),
            cluster: None,
            role: role.to_owned(),
            who: who.to_owned(),
            verified: true,
            decision,
            note: note.to_owned(),
            at: ago(age),
            subject: subject.clone(),
            digest: digest.clone(),
            takes_back: None,
            takes_back_of: None,
            reds: None,
            signature: None,
            proof: Proof::default(),
        })
    };
    let entries = [
        acknowledged,
        sign("bob", "sre", Decision::Go, 1800, "dashboards ready"),
        sign("eve", "product", Decision::NoGo, 3, "announce at 15:00"),
    ];
    let lines: Vec<Line> = entries.into_iter().map(|entry| Line::after(None, now(), entry)).collect();
    model.core.world.take_lines(&lines, now());
    model.ui.line = 7;
    on(model, Screen::Checklist)
}

fn subject(model: &Model) -> String {
    model.core.world.candidate(&model.core.world.environments[1]).unwrap().key
}

fn answer(model: &mut Model, id: &str, found: CheckOutcome, age: i64, summary: &str, green_when: &str) {
    let finding = Finding {
        found,
        summary: summary.to_owned(),
        evidence: vec![
            "HighErrorRate".to_owned(),
            "  service   payments-api".to_owned(),
            "  severity  page".to_owned(),
            "“5xx over 0.25 % for 2 min”".to_owned(),
        ],
        green_when: green_when.to_owned(),
        at: ago(age),
        subject: subject(model),
    };
    model.core.world.take(Feed::Checked { env: EnvName::new("prod-eu"), check: CheckId::new(id), finding }, now());
}

/// The checklist and what is said on it.
pub fn shots() -> Vec<(&'static str, Model)> {
    let env = EnvName::new("prod-eu");
    let sign = |decision, note: &str| Overlay::Sign {
        env: env.clone(),
        role: "sre".to_owned(),
        decision,
        input: Input::new(note.to_owned()),
    };
    let acknowledge = Overlay::Acknowledge { env: env.clone(), check: CheckId::new("notes"), input: Input::default() };
    let freeze = |is_end, text: &str| Overlay::Freeze { env: env.clone(), is_end, input: Input::new(text.to_owned()) };
    let mut at_seat = checklist();
    at_seat.ui.line = 10;
    vec![
        ("checklist", checklist()),
        ("checklist-seat", at_seat),
        ("checklist-none", on(releases::main(), Screen::Checklist)),
        ("sign", over(checklist(), sign(None, ""))),
        ("sign-no-go", over(checklist(), sign(Some(Decision::NoGo), "the pool runs dry"))),
        ("acknowledge", over(checklist(), acknowledge)),
        ("freeze", over(checklist(), freeze(false, "15:30 incident 4711"))),
        ("freeze-end", over(checklist(), freeze(true, ""))),
        ("checklist-deck", on(checklist(), Screen::Deck)),
    ]
}
