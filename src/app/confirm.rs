//! Confirming a plan: what counts as a yes, and when a plan is no longer worth one.

use jiff::SignedDuration;

use super::hints::plan_for_target;
use super::model::{Confirm, Level, Model, Overlay};
use super::msg::Effect;
use super::update::{object_now, say};
use crate::domain::action::{Facts, Plan, Refusal};
use crate::keys::{Chord, Key};

/// Keys this soon after the dialog opened were meant for something else.
const SETTLE: SignedDuration = SignedDuration::from_millis(300);

/// Opens the dialog for a plan.
pub(super) fn open(model: &mut Model, plan: Plan) {
    let confirm = Confirm { plan, opened: model.now, typed: tui_input::Input::default(), stale: None };
    model.overlay = Some(Overlay::Confirm(Box::new(confirm)));
}

/// Takes a key while the dialog is open. Only `y` confirms; Enter and every other key cancel, except what belongs to
/// the name that has to be typed.
pub(super) fn key(model: &mut Model, chord: Chord, repeat: bool) -> Vec<Effect> {
    let now = model.now;
    let Some(Overlay::Confirm(confirm)) = &mut model.overlay else { return Vec::new() };
    if chord.key == Key::Esc {
        model.overlay = None;
        return Vec::new();
    }
    let yes = chord == Chord::char('y');
    if confirm.plan.typed().is_some() && !(yes && confirm.name_fits()) {
        // Typing a name confirms nothing: it may begin at once.
        type_name(confirm, chord);
        return Vec::new();
    }
    if repeat || now.duration_since(confirm.opened) < SETTLE {
        return Vec::new();
    }
    if !yes {
        model.overlay = None;
        return Vec::new();
    }
    refresh(model);
    match &model.overlay {
        Some(Overlay::Confirm(confirm)) if confirm.stale.is_none() => confirmed(model),
        _ => Vec::new(),
    }
}

fn type_name(confirm: &mut Confirm, chord: Chord) {
    use tui_input::InputRequest::{DeletePrevChar, DeletePrevWord, InsertChar};
    let request = match chord {
        Chord { key: Key::Char(c), ctrl: false, alt: false } => InsertChar(c),
        Chord { key: Key::Char('w'), ctrl: true, .. } => DeletePrevWord,
        Chord { key: Key::Backspace, .. } => DeletePrevChar,
        _ => return,
    };
    confirm.typed.handle(request);
}

fn confirmed(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Confirm(confirm)) = model.overlay.take() else { return Vec::new() };
    send(model, confirm.plan)
}

/// Sends a plan through the door, unless an action on the same workload is on its way that it must not overtake.
pub(super) fn send(model: &mut Model, plan: Plan) -> Vec<Effect> {
    let record = plan.record().clone();
    let blocked = |flying: &super::model::InFlight| !record.verb.stops() || flying.record.verb == record.verb;
    if model.in_flight.get(&record.target).is_some_and(blocked) {
        say(model, Level::Warn, format!("not sent: an action on {} is on its way", record.target));
        return Vec::new();
    }
    let flying = super::model::InFlight { action: None, record, since: model.now, outcome: None };
    model.in_flight.insert(flying.record.target.clone(), flying);
    vec![Effect::Perform(Box::new(plan))]
}

/// Looks whether the open plan still holds: it expires with time, and when the object moves. A plan that stops (pause,
/// abort, rollback) is made anew instead, as long as its revision is the one under way.
pub(super) fn refresh(model: &mut Model) {
    let Some(Overlay::Confirm(confirm)) = &model.overlay else { return };
    if confirm.stale.is_some() {
        return;
    }
    let record = confirm.plan.record();
    let moved = match object_now(model, &record.target) {
        Some(object) => record.facts.still_hold(&Facts::of(object), record.verb).err().map(|what| {
            // A second person is in the picture: who it is, as far as that is told.
            object.meta().blame(what, Some(confirm.plan.made_at()), model.now)
        }),
        None => Some("the workload is gone".to_owned()),
    };
    let stale = match moved {
        Some(what) => Some(format!("the picture changed: {what}")),
        None if !confirm.plan.is_valid(model.now) => Some("this question is older than 30 s".to_owned()),
        None if record.verb.stops() => None,
        // A gate may have turned red since the question was asked.
        None => plan_for_target(model, &record.target, record.verb, None)
            .err()
            .map(|refusals| refusals.first().map_or_else(String::new, Refusal::line)),
    };
    let renewed = if record.verb.stops() { renew(model, confirm) } else { None };
    let Some(Overlay::Confirm(confirm)) = &mut model.overlay else { return };
    match (renewed, stale) {
        (Some(plan), _) => confirm.plan = plan,
        (None, stale) => confirm.stale = stale,
    }
}

/// Makes the plan of a stop anew on the present picture.
fn renew(model: &Model, confirm: &Confirm) -> Option<Plan> {
    let record = confirm.plan.record();
    let facts = Facts::of(object_now(model, &record.target)?);
    record.facts.still_hold(&facts, record.verb).ok()?;
    let revision = record.to_hash.as_ref().and_then(|hash| {
        let (_, workload) = model.world.find(&record.target)?;
        workload.snapshot.as_ref()?.replicaset(hash)?.meta.revision
    });
    plan_for_target(model, &record.target, record.verb, revision).ok()
}
