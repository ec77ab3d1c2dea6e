//! The list of feature flags: what the filter lets through, what is selected, and what would be turned.

use tui_input::Input;

use super::checklist::type_note;
use super::model::{Model, Overlay};
use super::msg::Effect;
use super::on_key;
use crate::domain::facts::flag::{FlagKey, Share, Turn};
use crate::domain::record::action::Verb;
use crate::domain::rules::action::Plan;
use crate::domain::rules::flag_rollout::progress;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::Environment;
use crate::domain::world::flags::ListedFlag;
use crate::domain::world::verdict::Verdict;
use crate::keys::{Chord, Key};

/// Returns the flags of the environment that keys act on, as the filter leaves them.
#[must_use]
pub fn listed(model: &Model) -> Vec<ListedFlag<'_>> {
    let filter = model.ui.filter.to_lowercase();
    // There may be thousands for each key: those in lower case need no copy.
    let is_lower = |text: &str| text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    let contains = |text: &str| text.contains(&filter) || (!is_lower(text) && text.to_lowercase().contains(&filter));
    let mut flags = model.environment().map(Environment::listed_flags).unwrap_or_default();
    if !filter.is_empty() {
        flags.retain(|listed| contains(&listed.flag.name) || listed.flag.owner.as_deref().is_some_and(contains));
    }
    flags
}

/// Returns the number of the selected flag in a list.
#[must_use]
pub fn selected(model: &Model, flags: &[ListedFlag<'_>]) -> usize {
    model.ui.line.min(flags.len().saturating_sub(1))
}

/// Returns what a key turns the selected flag to at once.
pub(super) fn turn_of(verb: Verb) -> Option<Turn> {
    match verb {
        Verb::FlagOff => Some(Turn::Off),
        Verb::FlagOn => Some(Turn::On),
        _ => None,
    }
}

/// Returns the plan that turns the selected flag.
///
/// # Errors
/// Every reason why it cannot be done now.
pub(super) fn plan(model: &Model, turn: Turn) -> Result<Plan, Vec<Refusal>> {
    let key = chosen(model).ok_or_else(none_chosen)?;
    model.core.plan_flag(&key, turn)
}

fn chosen(model: &Model) -> Option<FlagKey> {
    let flags = listed(model);
    let (env, listed) = model.environment().zip(flags.get(selected(model, &flags)))?;
    Some(listed.key(env))
}

fn none_chosen() -> Vec<Refusal> {
    vec![Refusal::new(RefusalKind::NotSeen, "no feature flag is selected", "see screen 7")]
}

/// Asks which share of users is to get the selected flag.
pub(super) fn ask_share(model: &mut Model) -> Vec<Effect> {
    let Some(key) = chosen(model) else {
        return on_key::refuse(model, "cannot set the share of a flag".to_owned(), none_chosen());
    };
    let input = next_step(model, &key).map_or_else(Input::default, |next| Input::new(next.percent().to_string()));
    model.ui.overlay = Some(Overlay::FlagShare { key, input });
    Vec::new()
}

/// Returns the share that comes next of a flag that goes step by step, where it may.
fn next_step(model: &Model, key: &FlagKey) -> Option<Share> {
    let env = model.core.world.environment(&key.env)?;
    let source = env.flag_source(&key.provider)?;
    let progress = progress(env, source, source.flag(&key.flag)?, model.core.now)?;
    progress.next.filter(|_| progress.verdict == Verdict::Go)
}

/// A key while the share is typed.
pub(super) fn share_key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let Some(Overlay::FlagShare { key, input }) = &mut model.ui.overlay else { return Vec::new() };
    match chord.key {
        Key::Esc => on_key::closed(model),
        Key::Enter => {
            // What is wrong with it stands in the dialog.
            let Ok(share) = input.value().parse::<Share>() else { return Vec::new() };
            let (key, turn) = (key.clone(), Turn::Share(share));
            let title = format!("cannot set {} to {share} in {}", key.flag, key.env);
            let plan = model.core.plan_flag(&key, turn);
            on_key::ask_for(model, plan, title)
        }
        _ => {
            type_note(input, chord);
            Vec::new()
        }
    }
}
