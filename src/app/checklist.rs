//! The checklist of the selected environment: its lines, the selection, acknowledgements and sign-offs.

use tui_input::{Input, InputRequest};

use super::model::{Model, Overlay};
use super::msg::{Effect, lift};
use crate::core::checklist::{Checklist, Item, MAX_NOTE_CHARS, evidence, signed};
use crate::core::{Effect as CoreEffect, Level};
use crate::domain::record::checklist::Decision;
use crate::domain::rules::checklist::role::refusal;
use crate::keys::{Chord, Key};

/// Returns the checklist of the environment that keys act on.
#[must_use]
pub fn checklist(model: &Model) -> Option<Checklist<'_>> {
    Some(Checklist::of(&model.core.world, model.environment()?, model.core.now))
}

/// Returns which of its lines is selected.
#[must_use]
pub fn selected(model: &Model, list: &Checklist<'_>) -> usize {
    model.ui.line.min(list.items.len().saturating_sub(1))
}

/// Returns how many lines can be selected.
pub(super) fn length(model: &Model) -> usize {
    checklist(model).map_or(0, |list| list.items.len())
}

/// Opens what is selected: the evidence of a check, or who signed.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let Some(list) = checklist(model) else { return Vec::new() };
    let (title, lines) = match list.items.get(selected(model, &list)) {
        Some(Item::Check(check, state)) => (check.spec.id.to_string(), evidence(check, *state, model.core.now)),
        Some(Item::RoleStatus(seat)) => (format!("sign-off {}", seat.role), signed(seat)),
        None => return Vec::new(),
    };
    model.ui.overlay = Some(Overlay::Details { title, lines, scroll: 0 });
    Vec::new()
}

/// Looks again at the selected check.
pub(super) fn look_again(model: &mut Model) -> Vec<Effect> {
    let Some(list) = checklist(model) else { return Vec::new() };
    match list.items.get(selected(model, &list)) {
        Some(Item::Check(check, _)) if check.is_manual() => {
            let text = format!("{} is answered by a person: a acknowledges it", check.spec.id);
            model.core.notice(Level::Info, text);
            Vec::new()
        }
        Some(Item::Check(check, _)) => {
            lift(vec![CoreEffect::RunChecks(list.env.name().clone(), Some(check.spec.id.clone())), CoreEffect::Refresh])
        }
        _ => vec![CoreEffect::Refresh.into()],
    }
}

pub(super) fn look_at_all(model: &mut Model) -> Vec<Effect> {
    let all = model.core.world.environments.iter().map(|env| CoreEffect::RunChecks(env.name().clone(), None));
    let effects = lift(all.chain([CoreEffect::Refresh]).collect());
    model.core.notice(Level::Info, "every check is run again");
    effects
}

/// Copies the runbook's address of the selected check.
pub(super) fn runbook(model: &mut Model) -> Vec<Effect> {
    let Some(list) = checklist(model) else { return Vec::new() };
    let runbook = match list.items.get(selected(model, &list)) {
        Some(Item::Check(check, _)) => check.spec.runbook.clone(),
        _ => None,
    };
    let Some(runbook) = runbook else {
        model.core.notice(Level::Info, "no runbook is named for it");
        return Vec::new();
    };
    model.core.notice(Level::Info, format!("copied: {runbook}"));
    vec![Effect::Copy(runbook)]
}

/// Acknowledges the selected check, or signs in the selected role.
pub(super) fn approve(model: &mut Model) -> Vec<Effect> {
    let Some(list) = checklist(model) else { return Vec::new() };
    match list.items.get(selected(model, &list)) {
        Some(Item::Check(check, _)) if check.is_manual() => {
            let check = check.spec.id.clone();
            model.ui.overlay = Some(Overlay::Acknowledge { env: model.ui.env.clone(), check, input: Input::default() });
        }
        Some(Item::Check(check, _)) => {
            let text = format!("{} runs automatically: r runs it again, Enter shows its evidence", check.spec.id);
            model.core.notice(Level::Info, text);
        }
        Some(Item::RoleStatus(seat)) => {
            let role = seat.role.clone();
            open_sign(model, role);
        }
        None => {}
    }
    Vec::new()
}

/// Signs: in the selected role, else in the first that does not say GO yet.
pub(super) fn sign(model: &mut Model) -> Vec<Effect> {
    let Some(list) = checklist(model) else { return Vec::new() };
    let seats =
        || list.items.iter().filter_map(|item| if let Item::RoleStatus(seat) = item { Some(seat) } else { None });
    let chosen = match list.items.get(selected(model, &list)) {
        Some(Item::RoleStatus(seat)) => Some(seat),
        _ => seats().find(|seat| !seat.is_go()).or_else(|| seats().next()),
    };
    if let Some(role) = chosen.map(|seat| seat.role.clone()) {
        open_sign(model, role);
    } else {
        let text = format!("no sign-off is required in {}: name roles under [sign_offs] in the config", model.ui.env);
        model.core.notice(Level::Info, text);
    }
    Vec::new()
}

fn open_sign(model: &mut Model, role: String) {
    let (who, _) = model.core.identity(&model.ui.env);
    // Whether it is to be a NO-GO, which four eyes refuse nobody, is asked next.
    let refused = checklist(model).and_then(|list| {
        let candidate = list.candidate.as_ref()?;
        refusal(list.env, &model.core.world.ledger, candidate, (&who, &role), Decision::NoGo)
    });
    if let Some(why) = refused {
        model.core.notice(Level::Warn, format!("not signed: {why}"));
    } else {
        let env = model.ui.env.clone();
        model.ui.overlay = Some(Overlay::Sign { env, role, decision: None, input: Input::default() });
    }
}

/// A key while a note is typed.
pub(super) fn note_key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    if chord.key == Key::Esc {
        model.ui.overlay = None;
        return Vec::new();
    }
    if let Some(Overlay::Sign { decision: decision @ None, .. }) = &mut model.ui.overlay {
        match chord {
            Chord { key: Key::Char('g' | 'G'), ctrl: false, .. } => *decision = Some(Decision::Go),
            Chord { key: Key::Char('n' | 'N'), ctrl: false, .. } => *decision = Some(Decision::NoGo),
            _ => {}
        }
        return Vec::new();
    }
    if chord.key == Key::Enter {
        return finish(model);
    }
    if let Some(Overlay::Acknowledge { input, .. } | Overlay::Sign { input, .. }) = &mut model.ui.overlay {
        type_note(input, chord);
    }
    Vec::new()
}

/// A key in a note that is typed.
pub(super) fn type_note(input: &mut Input, chord: Chord) {
    if input.value().chars().count() < MAX_NOTE_CHARS || !matches!(chord.key, Key::Char(_)) {
        super::on_key::edit(input, chord);
    }
}

pub(super) fn paste(input: &mut Input, text: &str) {
    let room = MAX_NOTE_CHARS.saturating_sub(input.value().chars().count());
    for c in text.chars().filter(|c| !c.is_control()).take(room) {
        input.handle(InputRequest::InsertChar(c));
    }
}

fn finish(model: &mut Model) -> Vec<Effect> {
    let stated = match &model.ui.overlay {
        Some(Overlay::Acknowledge { input, .. }) if input.value().trim().is_empty() => return Vec::new(),
        // Who says no says why.
        Some(Overlay::Sign { decision: Some(Decision::NoGo), input, .. }) if input.value().trim().is_empty() => {
            return Vec::new();
        }
        Some(Overlay::Acknowledge { env, check, input }) => model.core.acknowledge(env, check, input.value()),
        Some(Overlay::Sign { env, role, decision: Some(decision), input }) => {
            model.core.sign(env, role, *decision, input.value())
        }
        _ => return Vec::new(),
    };
    model.ui.overlay = None;
    match stated {
        Ok(effects) => lift(effects),
        Err(why) => {
            model.core.notice(Level::Error, format!("not signed: {why}"));
            Vec::new()
        }
    }
}
