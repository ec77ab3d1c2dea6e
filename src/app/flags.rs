//! The list of feature flags: what the filter lets through, what is selected, and what would be turned.

use super::model::Model;
use crate::domain::record::action::Verb;
use crate::domain::rules::action::Plan;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::Environment;
use crate::domain::world::flags::ListedFlag;

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

/// Returns the plan that turns the selected flag.
///
/// # Errors
/// Every reason why it cannot be done now.
pub(super) fn plan(model: &Model, verb: Verb) -> Result<Plan, Vec<Refusal>> {
    let flags = listed(model);
    let chosen = model.environment().zip(flags.get(selected(model, &flags)));
    match chosen {
        Some((env, listed)) => model.core.plan_flag(&listed.key(env), verb),
        None => Err(vec![Refusal::new(RefusalKind::NotSeen, "no feature flag is selected", "see screen 7")]),
    }
}
