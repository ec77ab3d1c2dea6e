//! The confirmation dialog: which keys confirm a plan, and when it becomes void.

use jiff::SignedDuration;
use tui_input::Input;

use super::model::{Confirm, Model, Overlay};
use super::msg::{Effect, lift};
use crate::core::Recheck;
use crate::domain::rules::action::Plan;
use crate::keys::{Chord, Key};

/// Keys this soon after the dialog opened were meant for something else.
pub(super) const CONFIRM_GUARD: SignedDuration = SignedDuration::from_millis(300);

/// Opens the dialog for a plan.
pub(super) fn open(model: &mut Model, plan: Plan) {
    let confirm = Confirm { plan, opened: model.core.now, typed: Input::default(), stale: None };
    model.ui.overlay = Some(Overlay::Confirm(Box::new(confirm)));
}

/// Takes a key while the dialog is open. Only `y` confirms; Enter and every other key cancel, except what belongs to
/// the name that has to be typed.
pub(super) fn key(model: &mut Model, chord: Chord, repeat: bool) -> Vec<Effect> {
    let now = model.core.now;
    let Some(Overlay::Confirm(confirm)) = &mut model.ui.overlay else { return Vec::new() };
    if chord.key == Key::Esc {
        model.ui.overlay = None;
        return Vec::new();
    }
    let yes = chord == Chord::char('y');
    if confirm.plan.typed().is_some() && !(yes && confirm.name_fits()) {
        // Typing a name confirms nothing: it may begin at once.
        type_name(&mut confirm.typed, chord);
        return Vec::new();
    }
    if repeat || now.duration_since(confirm.opened) < CONFIRM_GUARD {
        return Vec::new();
    }
    if !yes {
        model.ui.overlay = None;
        return Vec::new();
    }
    refresh(model);
    match &model.ui.overlay {
        Some(Overlay::Confirm(confirm)) if confirm.stale.is_none() => confirmed(model),
        _ => Vec::new(),
    }
}

/// A key of a name that has to be typed; a paste is none.
pub(super) fn type_name(name: &mut Input, chord: Chord) {
    use tui_input::InputRequest::{DeletePrevChar, DeletePrevWord, InsertChar};
    let request = match chord {
        Chord { key: Key::Char(c), ctrl: false, alt: false } => InsertChar(c),
        Chord { key: Key::Char('w'), ctrl: true, .. } => DeletePrevWord,
        Chord { key: Key::Backspace, .. } => DeletePrevChar,
        _ => return,
    };
    name.handle(request);
}

fn confirmed(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Confirm(confirm)) = model.ui.overlay.take() else { return Vec::new() };
    lift(model.core.perform(confirm.plan))
}

/// Checks the open plan again: it may be stale, or be recreated.
pub(super) fn refresh(model: &mut Model) {
    let Some(Overlay::Confirm(confirm)) = &mut model.ui.overlay else { return };
    if confirm.stale.is_some() {
        return;
    }
    match model.core.recheck(&confirm.plan) {
        Recheck::Holds => {}
        Recheck::Renewed(plan) => confirm.plan = *plan,
        Recheck::Stale(why) => confirm.stale = Some(why),
    }
}
