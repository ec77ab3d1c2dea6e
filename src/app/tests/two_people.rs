//! Another person acts while a dialog is open, or while the screen is watched.

use jiff::Timestamp;

use super::{change, model, performed, press, start, target};
use crate::app::model::{Model, Overlay};
use crate::app::timeline::timeline;
use crate::app::{Effect, Msg, update};
use crate::core;
use crate::domain::facts::event::KubeEvent;
use crate::domain::facts::object::Writer;
use crate::domain::facts::workload::rollout::Rollout;
use crate::domain::record::journal::{Entry, Line};
use crate::domain::record::receipt::Receipt;
use crate::domain::world::feed::Feed;

fn by(manager: &str, at: Timestamp) -> Writer {
    Writer { manager: manager.to_owned(), at: Some(at) }
}

fn aborted(rollout: &mut Rollout, writer: Writer) {
    rollout.meta.aborted_by = Some(writer);
    rollout.status.abort = true;
    rollout.status.aborted_at = Some(start());
    rollout.status.phase = "Degraded".to_owned();
    rollout.status.message = "RolloutAborted".to_owned();
}

fn stale(model: &Model) -> String {
    match &model.ui.overlay {
        Some(Overlay::Confirm(confirm)) => confirm.stale.clone().unwrap_or_default(),
        _ => String::new(),
    }
}

#[test]
fn open_dialog_shows_what_changed_and_by_whom() {
    let mut model = model(false, false);
    press(&mut model, "p");
    let now = model.core.now;
    change(&mut model, |rollout| aborted(rollout, by("kubectl-argo-rollouts", now)));
    assert_eq!(stale(&model), "the object changed: it was aborted (by kubectl-argo-rollouts, just now)");
    assert!(performed(&press(&mut model, "y")).is_empty());
}

#[test]
fn who_wrote_before_the_question_is_not_named() {
    let mut model = model(false, false);
    press(&mut model, "p");
    change(&mut model, |rollout| aborted(rollout, by("kubectl-edit", start() - jiff::SignedDuration::from_secs(60))));
    assert_eq!(stale(&model), "the object changed: it was aborted");
}

/// What is recorded of a change that was seen.
fn seen(effects: &[Effect]) -> Vec<String> {
    let text = |effect: &Effect| match effect {
        Effect::Core(core::Effect::Record { entry: Entry::Observed { text, .. }, .. }) => Some(text.clone()),
        _ => None,
    };
    effects.iter().filter_map(text).collect()
}

#[test]
fn one_change_of_the_object_is_one_row_of_the_feed() {
    let mut model = model(false, false);
    let at = model.core.now;
    let effects = super::feed(
        &mut model,
        super::changed(|rollout| {
            rollout.status.pause_conditions.clear();
            rollout.status.controller_pause = false;
            rollout.status.phase = "Progressing".to_owned();
            rollout.status.message = "more replicas need to be updated".to_owned();
            rollout.status.step_index = Some(2);
        }),
    );
    assert_eq!(seen(&effects), ["Progressing: more replicas need to be updated; step 3 of 4"]);
    let lines = effects.iter().filter_map(|effect| match effect {
        Effect::Core(core::Effect::Record { entry, .. }) => Some(Line::after(None, at, entry.clone())),
        _ => None,
    });
    let lines: Vec<Line> = lines.collect();
    update(&mut model, Msg::Core(core::Msg::Receipt(Receipt::Written(lines))), at);
    let event = |uid: &str, reason: &str, message: &str| KubeEvent {
        uid: uid.to_owned(),
        at,
        warning: false,
        reason: reason.to_owned(),
        message: message.to_owned(),
        kind: "Rollout".to_owned(),
        name: "api".to_owned(),
        count: 1,
    };
    for event in [
        event("1", "RolloutStepCompleted", "Rollout step 2/4 completed (pause)"),
        event("2", "TrafficWeightUpdated", "Traffic weight updated from 20 to 60"),
        event("3", "TrafficRoutingError", "the router does not answer"),
    ] {
        super::feed(&mut model, Feed::Event { target: target(), event });
    }
    let rows: Vec<String> = timeline(&model, 10).into_iter().map(|row| row.text).collect();
    assert_eq!(
        rows,
        ["the router does not answer", "Progressing: more replicas need to be updated; step 3 of 4"],
        "{rows:?}"
    );
}

#[test]
fn the_feed_names_who_did_what_only_people_do() {
    let mut model = model(false, false);
    let now = model.core.now + jiff::SignedDuration::from_secs(1);
    update(&mut model, Msg::Core(core::Msg::Clock), now);
    let at = model.core.now;
    let abort = super::changed(|rollout| aborted(rollout, by("kubectl-argo-rollouts", at)));
    let lines = seen(&super::feed(&mut model, abort));
    assert!(lines.contains(&"Degraded: RolloutAborted (kubectl-argo-rollouts, just now)".to_owned()), "{lines:?}");
    // What the controller does on its own is no one's.
    let on = super::changed(|rollout| {
        aborted(rollout, by("kubectl-argo-rollouts", at));
        rollout.status.phase = "Progressing".to_owned();
        rollout.status.message = "waiting".to_owned();
    });
    assert!(seen(&super::feed(&mut model, on)).iter().all(|line| !line.contains("kubectl")));
}
