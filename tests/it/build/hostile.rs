//! Text from outside at its worst, in every place where text from outside is shown.

use std::sync::Arc;

use release_cockpit::app::Model;
use release_cockpit::app::hints;
use release_cockpit::app::model::{Confirm, Overlay, Screen};
use release_cockpit::core::{InFlight, Level, Notice};
use release_cockpit::domain::record::action::{ActionId, Outcome, Verb};

use release_cockpit::domain::facts::analysis_run::{AnalysisMetric, AnalysisRun};
use release_cockpit::domain::facts::changes::drift::Aspect;
use release_cockpit::domain::facts::changes::migration::{Migration, MigrationState};
use release_cockpit::domain::facts::changes::{
    Changes, CodeFlag, CodeFlags, Commit, Difference, Part, Point as ChangesPoint, RawCommit,
};
use release_cockpit::domain::facts::event::KubeEvent;
use release_cockpit::domain::facts::flag::FlagKey;
use release_cockpit::domain::facts::freshness::{Link, SourceKind};
use release_cockpit::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey, WorkloadKind};
use release_cockpit::domain::facts::step::{PauseFor, Step};
use release_cockpit::domain::facts::workload::Object;
use release_cockpit::domain::facts::workload::rollout::{CanaryStrategy, RolloutStrategy};
use release_cockpit::domain::facts::workload::router::Router;
use release_cockpit::domain::record::checklist::{
    Acknowledgement, Check, CheckId, CheckOutcome, CheckPhase, CheckSpec, Decision, Finding, How, SignOff, SignOffRules,
};
use release_cockpit::domain::record::journal::{Entry, Line};
use release_cockpit::domain::record::lane::{Lane, LaneRule, Place, WrittenRule};
use release_cockpit::domain::record::proof::Proof;
use release_cockpit::domain::rules::refusal::Refusal;
use release_cockpit::domain::rules::refusal::RefusalKind;
use release_cockpit::domain::world::feed::Feed;
use release_cockpit::domain::world::verdict::{Assessment, Verdict};
use tui_input::Input;

use super::lanes;
use super::parts::{
    Figures, ago, connect, link, model, now, paused, revision, rollout, settings, signals, tell_of, write,
};

/// Texts that have broken terminals.
pub fn texts() -> Vec<String> {
    vec![
        String::new(),
        " ".to_owned(),
        "\u{1b}]52;c;cm0gLXJmIC8K\u{7}\u{1b}[2J\u{1b}[1;31mred\u{9b}5n".to_owned(),
        "user\u{202e}gpj.exe\u{2066}\u{200f}".to_owned(),
        "zero\u{200b}\u{200d}\u{feff}\u{00ad}width".to_owned(),
        "漢字かな交じり文・ハングル한국어".to_owned(),
        "👩‍👩‍👧‍👦🇩🇪👍🏽 emoji".to_owned(),
        format!("e{}", "\u{301}".repeat(500)),
        "ﾊﾟﾋﾟ لا إله नमस्ते ไทย".to_owned(),
        "line one\nline two\r\n\ttab".to_owned(),
        "x".repeat(10_000),
        "漢".repeat(5_000),
        "many words ".repeat(1_000),
    ]
}

/// A model in which every text from outside is this one.
pub fn model_of(text: &str) -> Model {
    let id = WorkloadId::new(WorkloadKind::Rollout, text);
    let names = [format!("{text}-one"), text.to_owned(), format!("three-{text}")];
    let all = names.iter().map(|name| {
        let mut own = settings(name, true);
        text.clone_into(&mut own.context);
        text.clone_into(&mut own.namespace);
        own.workloads = vec![id.clone(), WorkloadId::new(WorkloadKind::Deployment, "other")];
        own
    });
    let mut model = model(all.collect::<Vec<_>>(), text);
    text.clone_into(&mut model.core.operator);
    model.ui.simulated = Some(text.to_owned());
    for name in &names {
        connect(&mut model, name);
        let target = WorkloadKey { env: EnvName::new(name.clone()), workload: id.clone() };
        let mut status = paused(text, ago(60), "old", 40);
        status.phase = "Paused".to_owned();
        let mut snapshot = rollout(
            Some(1),
            status,
            vec![revision(3, "new", text, "9f2c41ab", 3, 600), revision(2, "old", text, "77d01e5a", 3, 9000)],
        );
        for rs in &mut snapshot.replicasets {
            text.clone_into(&mut rs.meta.name);
            rs.meta.change_cause = Some(text.to_owned());
            text.clone_into(&mut rs.containers[0].name);
            text.clone_into(&mut rs.containers[0].image);
            rs.failure = Some(text.to_owned());
        }
        for (index, pod) in snapshot.pods.iter_mut().enumerate() {
            pod.name = format!("{text}{index}");
            if index > 0 {
                text.clone_into(&mut pod.reason);
                text.clone_into(&mut pod.message);
            } else {
                "Error".clone_into(&mut pod.reason);
                text.clone_into(&mut pod.message);
            }
        }
        snapshot.runs = vec![AnalysisRun {
            name: text.to_owned(),
            hash: "new".to_owned(),
            kind: text.to_owned(),
            phase: text.to_owned(),
            message: text.to_owned(),
            metrics: vec![AnalysisMetric {
                name: text.to_owned(),
                phase: text.to_owned(),
                success_condition: text.to_owned(),
                failure_condition: text.to_owned(),
                last_value: Some(text.to_owned()),
                ..AnalysisMetric::default()
            }],
            ..AnalysisRun::default()
        }];
        if let Object::Rollout(rollout) = &mut snapshot.object {
            text.clone_into(&mut rollout.meta.name);
            text.clone_into(&mut rollout.meta.resource_version);
            rollout.spec.strategy = RolloutStrategy::Canary(CanaryStrategy {
                steps: vec![
                    Step::Analysis(vec![text.to_owned(); 2]),
                    Step::Pause(PauseFor::Person),
                    Step::Plugin(text.to_owned()),
                    Step::SetHeaderRoute(text.to_owned()),
                ],
                router: Some(Router::default()),
                max_weight: 100,
                injects_metadata: false,
                ..CanaryStrategy::default()
            });
        }
        tell_of(&mut model, &target, snapshot, ago(60));
        let figures = Figures { rps: 1e12, errors: 1.0, p99: 1e9 };
        signals(&mut model, &target, figures, Some((figures, 900)), |life| life, Some((300, 100)));
        let event = KubeEvent {
            uid: name.clone(),
            at: ago(30),
            warning: true,
            reason: text.to_owned(),
            message: text.to_owned(),
            kind: text.to_owned(),
            name: text.to_owned(),
            count: 9,
        };
        model.core.world.take(Feed::Event { target: target.clone(), event }, now());
        let lines = Ok(vec![text.to_owned(); 3]);
        model.core.world.take(Feed::Log { target: target.clone(), pod: text.to_owned(), lines }, now());
        for workload in model.core.world.environments.iter_mut().flat_map(|env| &mut env.workloads) {
            workload.assessment = Assessment::new(Verdict::NoGo, vec![text.to_owned(); 3]);
            workload.signals.tracks.stable = Some(text.to_owned());
        }
        model.core.world.take(link(name, SourceKind::Prometheus, Link::Down(text.to_owned()), None), now());
    }
    for name in &names {
        checklist(&mut model, &EnvName::new(name.clone()), text);
    }
    write(&mut model, "14:00:00", Entry::Opened { release: text.to_owned(), program: text.to_owned(), config: None });
    write(&mut model, "14:00:01", Entry::Note { who: text.to_owned(), text: text.to_owned() });
    let target = WorkloadKey { env: EnvName::new(text), workload: id };
    if let Ok(plan) = hints::plan_for(&model, Verb::Abort, None) {
        let record = plan.record().clone();
        let action = ActionId(text.to_owned());
        let intent = Entry::Intent {
            action: action.clone(),
            operator: text.to_owned(),
            plan: Box::new(record.clone()),
            settings: None,
        };
        write(&mut model, "14:00:02", intent);
        let outcome = Outcome::Unknown { why: text.to_owned() };
        write(&mut model, "14:00:03", Entry::Outcome { action: action.clone(), outcome: outcome.clone() });
        let flying = InFlight { outcome: Some(outcome), ..InFlight::new(action, record, ago(5)) };
        model.core.in_flight.insert(target.into(), flying);
    }
    model.core.notices.push_back(Notice { at: ago(5), level: Level::Error, text: text.to_owned() });
    model.core.noticed = 1;
    model
}

/// Says in which of the models of [`everywhere`] an overlay is: who adds one is asked to show it there.
fn is_shown(overlay: &Overlay) {
    match overlay {
        Overlay::Help { .. }
        | Overlay::Palette { .. }
        | Overlay::Filter { .. }
        | Overlay::Confirm(_)
        | Overlay::Revisions { .. }
        | Overlay::Refused { .. }
        | Overlay::Details { .. }
        | Overlay::Notices { .. }
        | Overlay::Acknowledge { .. }
        | Overlay::Sign { .. }
        | Overlay::Freeze { .. }
        | Overlay::Lane(_)
        | Overlay::FlagShare { .. }
        | Overlay::Quit => {}
    }
}

/// A lane that is open by what was stated, and that nobody allowed.
fn lane(env: &EnvName, text: &str) -> Lane {
    let place = || Place { env: EnvName::new(text), cluster: None };
    let rule = LaneRule {
        lane: text.to_owned(),
        before: place(),
        skips: vec![place()],
        gates: [CheckId::new(text)].into(),
        gates_before: [CheckId::new(text)].into(),
        sign_offs: [(text.to_owned(), 1)].into(),
        soak_seconds: 60,
        longest_seconds: 3600,
    };
    Lane {
        env: env.clone(),
        cluster: None,
        workload: WorkloadId::new(WorkloadKind::Rollout, text),
        rule: WrittenRule::Known(Box::new(rule)),
        version: text.to_owned(),
        digests: [(text.to_owned(), text.to_owned())].into(),
        opened: ago(60),
        until: ago(-600),
        is_end: false,
        who: text.to_owned(),
        note: text.to_owned(),
        at: ago(60),
        signature: None,
        proof: Proof::default(),
    }
}

/// Gives an environment a checklist, a board and a release in which every text is this one.
fn checklist(model: &mut Model, env: &EnvName, text: &str) {
    let spec = |id: &str, how| CheckSpec {
        id: CheckId::new(id),
        title: text.to_owned(),
        phase: CheckPhase::Pre,
        gate: true,
        owner: Some(text.to_owned()),
        how,
        fresh: None,
        runbook: Some(text.to_owned()),
    };
    let specs = vec![spec(text, How::Evidence("http".into())), spec("manual", How::Manual)];
    let Some(own) = model.core.world.environments.iter_mut().find(|own| own.name() == env) else { return };
    own.checks = specs.iter().cloned().map(Check::new).collect();
    own.settings.checks = specs;
    own.settings.sign_offs = SignOffRules { roles: vec![(text.to_owned(), 1), ("sre".to_owned(), 1)], four_eyes: true };
    let Some(subject) =
        model.core.world.environment(env).and_then(|own| model.core.world.candidate(own)).map(|one| one.key)
    else {
        return;
    };
    let finding = Finding {
        found: CheckOutcome::Failed,
        summary: text.to_owned(),
        evidence: vec![text.to_owned(); 3],
        green_when: text.to_owned(),
        at: ago(4),
        subject: subject.clone(),
    };
    model.core.world.take(Feed::Checked { env: env.clone(), check: CheckId::new(text), finding }, now());
    let acknowledged = Entry::Acknowledged(Acknowledgement {
        env: env.clone(),
        cluster: None,
        check: CheckId::new("manual"),
        who: text.to_owned(),
        verified: false,
        note: text.to_owned(),
        at: ago(60),
        subject: subject.clone(),
        signature: None,
        proof: Proof::default(),
    });
    let signed = Entry::SignedOff(SignOff {
        env: env.clone(),
        cluster: None,
        role: text.to_owned(),
        who: text.to_owned(),
        verified: false,
        decision: Decision::NoGo,
        note: text.to_owned(),
        at: ago(30),
        subject: subject.clone(),
        digest: Some(text.to_owned()),
        takes_back: None,
        takes_back_of: None,
        reds: None,
        signature: None,
        proof: Proof::default(),
    });
    let lane = Entry::Lane(Box::new(lane(env, text)));
    let lines: Vec<Line> = [acknowledged, signed, lane].map(|entry| Line::after(None, now(), entry)).into();
    model.core.world.take_lines(&lines, now());
    for (clock, line) in ["14:00:04", "14:00:05", "14:00:06"].into_iter().zip(&lines) {
        write(model, clock, line.entry.clone());
    }
    let gathered = Ok(Arc::new(changes(text)));
    model.core.world.take(Feed::Changes { env: env.clone(), subject, gathered }, now());
}

/// What is in a release of which everything is called this.
pub fn changes(text: &str) -> Changes {
    let raw = |message: String| RawCommit {
        hash: "0123456789".repeat(4),
        author: text.to_owned(),
        at: Some(ago(600)),
        message,
        merge: false,
    };
    let messages = [text.to_owned(), format!("feat({text})!: {text}\n\n{text}\n\nCo-authored-by: {text} <a@b>")];
    let point = |version: &str| ChangesPoint {
        version: version.to_owned(),
        commit: text.to_owned(),
        told_by: text.to_owned(),
        at: Some(ago(600)),
    };
    let raw: Vec<RawCommit> = messages.into_iter().map(raw).collect();
    let difference = Difference {
        workload: text.to_owned(),
        aspect: Aspect::Env,
        container: Some(text.to_owned()),
        name: text.to_owned(),
        words: text.to_owned(),
    };
    let in_code = CodeFlag { name: text.to_owned(), file: text.into(), line: 7, is_call: true };
    Changes {
        service: text.to_owned(),
        from: point(text),
        to: point(text),
        commits: Commit::read_all(&raw),
        lost: Commit::read_all(&raw),
        cut: true,
        version: Part::Blind(text.to_owned()),
        migrations: Part::Known(vec![Migration::read(
            text,
            &format!("DROP TABLE \"{text}\";"),
            MigrationState::New,
            &[],
        )]),
        drift: Part::Known(vec![difference]),
        code: Part::Known(CodeFlags::new(vec![in_code])),
    }
}

/// That model on every screen and under every overlay.
pub fn everywhere(text: &str) -> Vec<Model> {
    let mut base = model_of(text);
    if let Some(target) = base.target() {
        base.core.world.environments[0].workloads[0].lane = Some(lanes::state_of(&target, text));
    }
    let mut models = Vec::new();
    for (_, _, screen) in Screen::TABS {
        let mut model = base.clone();
        model.ui.screen = screen;
        models.push(model.clone());
        text.clone_into(&mut model.ui.filter);
        model.ui.scroll = usize::MAX / 2;
        model.core.journal.broken = Some(text.to_owned());
        model.ui.overlay = Some(Overlay::Filter { input: Input::new(text.to_owned()) });
        models.push(model);
    }
    let refusals = vec![Refusal::new(RefusalKind::Gate, text, text); 3];
    let mut overlays = vec![
        Overlay::Help { input: Input::new(text.to_owned()), selected: 1000 },
        Overlay::Help { input: Input::default(), selected: usize::MAX },
        Overlay::Palette { input: Input::new(text.to_owned()), selected: 0 },
        Overlay::Revisions { selected: usize::MAX },
        Overlay::Refused { title: text.to_owned(), refusals },
        Overlay::Details { title: text.to_owned(), lines: vec![text.to_owned(); 50], scroll: usize::MAX },
        Overlay::Notices { scroll: usize::MAX },
        Overlay::Acknowledge {
            env: base.ui.env.clone(),
            check: CheckId::new(text),
            input: Input::new(text.to_owned()),
        },
        Overlay::Freeze { env: base.ui.env.clone(), is_end: false, input: Input::new(text.to_owned()) },
        Overlay::Freeze { env: base.ui.env.clone(), is_end: true, input: Input::new(text.to_owned()) },
        Overlay::FlagShare {
            key: FlagKey { env: base.ui.env.clone(), provider: text.to_owned(), flag: text.to_owned() },
            input: Input::new(text.to_owned()),
        },
        Overlay::Quit,
    ];
    overlays.extend(lanes::overlays_of(&base, text));
    for decision in [None, Some(Decision::Go), Some(Decision::NoGo)] {
        let (env, role, input) = (base.ui.env.clone(), text.to_owned(), Input::new(text.to_owned()));
        overlays.push(Overlay::Sign { env, role, decision, input });
    }
    let mut free = base.clone();
    free.core.in_flight.clear();
    for verb in Verb::ALL {
        if let Ok(plan) = hints::plan_for(&free, verb, None) {
            let typed = Input::new(text.to_owned());
            for stale in [None, Some(text.to_owned())] {
                let confirm = Confirm { plan: plan.clone(), opened: now(), typed: typed.clone(), stale };
                overlays.push(Overlay::Confirm(Box::new(confirm)));
            }
        }
    }
    for overlay in overlays {
        is_shown(&overlay);
        let mut model = base.clone();
        model.ui.overlay = Some(overlay);
        models.push(model);
    }
    models
}
