//! The main release with a lane: what is asked, and how it is seen.

use jiff::SignedDuration;
use release_cockpit::app::Model;
use release_cockpit::app::lane::{Asked, LaneDialog};
use release_cockpit::app::model::{Overlay, Screen};
use release_cockpit::core::{Core, Effect, LaneQuestion};
use release_cockpit::domain::facts::cluster::ClusterIdentity;
use release_cockpit::domain::facts::ids::{EnvName, WorkloadKey};
use release_cockpit::domain::record::checklist::CheckId;
use release_cockpit::domain::record::journal::Line;
use release_cockpit::domain::record::lane::{Lane, LaneRule, Place, WrittenRule};
use release_cockpit::domain::record::proof::Proof;
use release_cockpit::domain::world::lane::LaneState;
use tui_input::Input;

use super::checklists::checklist;
use super::parts::now;
use super::shots::{on, over};

const NOTE: &str = "incident 4711: payments fail";

fn rule(before: &str, skips: &[&str]) -> LaneRule {
    let place = |env: &str| Place { env: EnvName::new(env), cluster: None };
    LaneRule {
        lane: "hotfix".to_owned(),
        before: place(before),
        skips: skips.iter().map(|env| place(env)).collect(),
        gates: [CheckId::new("alerts")].into(),
        gates_before: [].into(),
        sign_offs: [("sre".to_owned(), 1)].into(),
        soak_seconds: 0,
        longest_seconds: 4 * 3600,
    }
}

/// Takes down what the core asks to record, as the journal does.
pub fn take(core: &mut Core, effects: Vec<Effect>) {
    let entries = effects.into_iter().filter_map(|effect| match effect {
        Effect::Record { entry, .. } => Some(Line::after(None, now(), entry)),
        _ => None,
    });
    let lines: Vec<Line> = entries.collect();
    core.world.take_lines(&lines, now());
}

/// Lanes that were decided on, into prod-eu and past it into prod-us.
pub fn decided() -> Model {
    let mut model = checklist();
    for (index, rule) in [(1, rule("staging", &[])), (2, rule("staging", &["prod-eu"]))] {
        let env = &mut model.core.world.environments[index];
        env.settings.lanes = vec![rule];
        env.settings.is_declared = true;
        env.record = Some(Ok(()));
    }
    for env in &mut model.core.world.environments {
        env.cluster =
            Some(ClusterIdentity { cluster: Some("4f1c".to_owned()), ..ClusterIdentity::unknown(env.name().as_str()) });
    }
    for env in ["prod-eu", "prod-us"] {
        let (_, effects) = model.core.require(&EnvName::new(env)).unwrap();
        take(&mut model.core, effects);
    }
    model
}

fn target(model: &Model, index: usize) -> WorkloadKey {
    let env = &model.core.world.environments[index];
    WorkloadKey { env: env.name().clone(), workload: env.workloads[0].id.clone() }
}

fn until() -> jiff::Timestamp {
    now() + SignedDuration::from_hours(2)
}

/// A lane is open for what goes out in prod-eu.
fn open() -> Model {
    let mut model = decided();
    let target = target(&model, 1);
    let (_, effects) = model.core.open_lane(&target, "hotfix", until(), NOTE).unwrap();
    take(&mut model.core, effects);
    model
}

fn dialog(model: &Model, index: usize, text: &str) -> LaneDialog {
    LaneDialog {
        target: target(model, index),
        open: None,
        lanes: vec!["hotfix".to_owned()],
        input: Input::new(text.to_owned()),
        asked: None,
    }
}

/// The question about a lane into prod-us.
fn question(name: &str) -> Model {
    let model = decided();
    let question = model.core.lane_question(&target(&model, 2), "hotfix", until(), NOTE).unwrap();
    let asked = Asked { question, name: Input::new(name.to_owned()), opened: now() - SignedDuration::from_secs(1) };
    let dialog = LaneDialog { asked: Some(asked), ..dialog(&model, 2, "") };
    over(on(model, Screen::Deck), Overlay::Lane(Box::new(dialog)))
}

fn lane(target: &WorkloadKey, text: &str) -> Lane {
    Lane {
        env: target.env.clone(),
        cluster: None,
        workload: target.workload.clone(),
        rule: WrittenRule::Known(Box::new(LaneRule { lane: text.to_owned(), ..rule(text, &[text]) })),
        version: text.to_owned(),
        digests: [(text.to_owned(), text.to_owned())].into(),
        opened: now(),
        until: until(),
        is_end: false,
        who: text.to_owned(),
        note: text.to_owned(),
        at: now(),
        signature: None,
        proof: Proof::default(),
    }
}

/// Lanes of which every text is this one, as the record may hold them.
pub fn state_of(target: &WorkloadKey, text: &str) -> LaneState {
    LaneState::Several(vec![lane(target, text), lane(target, text)])
}

/// What is asked about a lane of which every text is this one.
pub fn overlays_of(model: &Model, text: &str) -> Vec<Overlay> {
    let target = target(model, 0);
    let question = LaneQuestion {
        lane: lane(&target, text),
        from: target.env.clone(),
        leaves_out: vec![text.to_owned(); 50],
        asks_for: vec![text.to_owned(); 3],
    };
    let asked = Asked { question, name: Input::new(text.to_owned()), opened: now() };
    let typed = LaneDialog { lanes: vec![text.to_owned(); 3], ..dialog(model, 0, text) };
    let open = LaneDialog { open: Some(text.to_owned()), ..typed.clone() };
    let asked = LaneDialog { asked: Some(asked), ..typed.clone() };
    [typed, open, asked].into_iter().map(|dialog| Overlay::Lane(Box::new(dialog))).collect()
}

pub fn shots() -> Vec<(&'static str, Model)> {
    let asked = |model: Model, index, text| {
        let dialog = dialog(&model, index, text);
        over(on(model, Screen::Deck), Overlay::Lane(Box::new(dialog)))
    };
    let closing = || {
        let model = open();
        let dialog = LaneDialog { open: Some("hotfix".to_owned()), ..dialog(&model, 1, "") };
        over(on(model, Screen::Deck), Overlay::Lane(Box::new(dialog)))
    };
    vec![
        ("lane", asked(decided(), 2, "2h incident 4711: payments fail")),
        ("lane-name", question("prod-u")),
        ("lane-close", closing()),
        ("lane-deck", on(open(), Screen::Deck)),
        ("lane-checklist", on(open(), Screen::Checklist)),
    ]
}
