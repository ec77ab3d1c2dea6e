//! Text from outside at its worst, in every place where text from outside is shown.

use release_cockpit::app::Model;
use release_cockpit::app::hints;
use release_cockpit::app::model::{Confirm, InFlight, Level, Notice, Overlay, Screen};
use release_cockpit::domain::action::{ActionId, Outcome, Refusal, RefusalKind, Verb};
use release_cockpit::domain::analysis::{AnalysisMetric, AnalysisRun};
use release_cockpit::domain::event::KubeEvent;
use release_cockpit::domain::feed::Feed;
use release_cockpit::domain::freshness::{Link, SourceKind};
use release_cockpit::domain::ids::{EnvName, Target, WorkloadId, WorkloadKind};
use release_cockpit::domain::journal::Entry;
use release_cockpit::domain::rollout::RolloutStrategy;
use release_cockpit::domain::step::{PauseFor, Step};
use release_cockpit::domain::verdict::{Judgement, Verdict};
use release_cockpit::domain::workload::Object;
use tui_input::Input;

use super::build::*;

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
    text.clone_into(&mut model.operator);
    model.simulated = Some(text.to_owned());
    for name in &names {
        connect(&mut model, name);
        let target = Target { env: EnvName::new(name.clone()), workload: id.clone() };
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
            rollout.spec.strategy = RolloutStrategy::Canary {
                steps: vec![
                    Step::Analysis(vec![text.to_owned(); 2]),
                    Step::Pause(PauseFor::Person),
                    Step::Plugin(text.to_owned()),
                    Step::SetHeaderRoute(text.to_owned()),
                ],
                traffic_routed: true,
                max_weight: 100,
                injects_metadata: false,
            };
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
        model.world.take(Feed::Event { target: target.clone(), event }, now());
        let lines = Ok(vec![text.to_owned(); 3]);
        model.world.take(Feed::Log { target: target.clone(), pod: text.to_owned(), lines }, now());
        for workload in model.world.environments.iter_mut().flat_map(|env| &mut env.workloads) {
            workload.judgement = Judgement::new(Verdict::NoGo, vec![text.to_owned(); 3]);
            workload.signals.tracks.stable = Some(text.to_owned());
        }
        model.world.take(link(name, SourceKind::Prometheus, Link::Down(text.to_owned()), None), now());
    }
    write(&mut model, "14:00:00", Entry::Opened { release: text.to_owned(), program: text.to_owned(), config: None });
    write(&mut model, "14:00:01", Entry::Note { who: text.to_owned(), text: text.to_owned() });
    let target = Target { env: EnvName::new(text), workload: id };
    if let Ok(plan) = hints::plan_for(&model, Verb::Abort, None) {
        let record = plan.record().clone();
        let action = ActionId(text.to_owned());
        let intent =
            Entry::Intent { action: action.clone(), operator: text.to_owned(), plan: Box::new(record.clone()) };
        write(&mut model, "14:00:02", intent);
        let outcome = Outcome::Unknown { why: text.to_owned() };
        write(&mut model, "14:00:03", Entry::Outcome { action: action.clone(), outcome: outcome.clone() });
        model
            .in_flight
            .insert(target, InFlight { action: Some(action), record, since: ago(5), outcome: Some(outcome) });
    }
    model.notices.push_back(Notice { at: ago(5), level: Level::Error, text: text.to_owned() });
    model.unread = 1;
    model
}

/// That model on every screen and under every overlay.
pub fn everywhere(text: &str) -> Vec<Model> {
    let base = model_of(text);
    let mut models = Vec::new();
    for (_, _, screen) in Screen::TABS {
        let mut model = base.clone();
        model.screen = screen;
        models.push(model.clone());
        text.clone_into(&mut model.filter);
        model.scroll = usize::MAX / 2;
        model.journal.broken = Some(text.to_owned());
        model.overlay = Some(Overlay::Filter { input: Input::new(text.to_owned()) });
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
        Overlay::Quit,
    ];
    let mut free = base.clone();
    free.in_flight.clear();
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
        let mut model = base.clone();
        model.overlay = Some(overlay);
        models.push(model);
    }
    models
}
