//! What each command would do now, or why it cannot: for footer, help and palette.

use super::model::{Model, Overlay, Screen};
use crate::domain::record::action::Verb;

use crate::domain::facts::ids::WorkloadKey;
use crate::domain::facts::owner::Automation;
use crate::domain::rules::action::Plan;
use crate::domain::rules::checklist::candidate::counterpart;
use crate::domain::rules::refusal::Refusal;
use crate::domain::rules::refusal::RefusalKind;
use crate::domain::rules::release_state::{ReleaseState, release_state};
use crate::keys::Command;

/// A command with what it would do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    pub command: Command,
    /// Its first key, if any is bound.
    pub key: Option<String>,
    /// What it would do, e.g. `promote 20 → 60 %`.
    pub text: String,
    /// Why it cannot be done now.
    pub refusal: Option<Refusal>,
}

/// Returns the verb that a command asks for in the model's state; `None` for commands that act on nothing outside.
#[must_use]
pub fn verb_of(model: &Model, command: Command) -> Option<Verb> {
    Some(match command {
        Command::Promote => Verb::Promote,
        Command::PromoteFull => Verb::PromoteFull,
        Command::Pause if is_held(model) => Verb::Resume,
        Command::Pause => Verb::Pause,
        Command::Abort => Verb::Abort,
        Command::Rollback | Command::RollbackTo => Verb::Rollback,
        Command::Retry => Verb::Retry,
        Command::Restart => Verb::Restart,
        Command::Release => Verb::Release,
        Command::FlagOff => Verb::FlagOff,
        Command::FlagOn => Verb::FlagOn,
        Command::Owner if is_suspended(model) => Verb::ResumeAutomation,
        Command::Owner => Verb::SuspendAutomation,
        Command::Tag => Verb::MoveTag,
        _ => return None,
    })
}

/// Whether the selected workload is paused manually.
fn is_held(model: &Model) -> bool {
    model
        .selected()
        .and_then(|(_, workload)| workload.snapshot.as_ref())
        .is_some_and(|snapshot| snapshot.object.workload().is_paused())
}

/// Whether the automation of what owns the selected workload's manifest is suspended.
fn is_suspended(model: &Model) -> bool {
    let snapshot = model.selected().and_then(|(_, workload)| workload.snapshot.as_ref());
    let found = snapshot.and_then(|snapshot| snapshot.owned.as_ref()?.reconciler());
    found.is_some_and(|found| matches!(found.automation, Automation::Suspended(_)))
}

/// Returns what a verb acts on: the selected workload; of a release the one in the environment after it, unless what is
/// selected is where the release comes next.
#[must_use]
pub fn acts_on(model: &Model, verb: Verb) -> Option<WorkloadKey> {
    let target = model.target()?;
    let (env, workload) = model.selected()?;
    let world = &model.core.world;
    let is_next = || matches!(release_state(world, env, &workload.id), Some(ReleaseState::Next { .. }));
    if verb != Verb::Release || is_next() {
        return Some(target);
    }
    let after = world.next(env).and_then(|after| Some((after, counterpart(after, &workload.id)?)));
    Some(after.map_or(target, |(env, there)| WorkloadKey { env: env.name().clone(), workload: there.id.clone() }))
}

/// Returns the plan that a command would propose.
///
/// # Errors
/// Every reason why it cannot be done now.
pub fn plan_for(model: &Model, verb: Verb, to: Option<u64>) -> Result<Plan, Vec<Refusal>> {
    if let Some(turn) = super::flags::turn_of(verb) {
        return super::flags::plan(model, turn);
    }
    let Some(target) = acts_on(model, verb) else {
        return Err(vec![Refusal::new(RefusalKind::NotSeen, "no workload is selected", "")]);
    };
    match verb {
        Verb::SuspendAutomation | Verb::ResumeAutomation => model.core.plan_owner(&target, verb),
        Verb::MoveTag => model.core.plan_tag(&target),
        _ => model.core.plan(&target, verb, to),
    }
}

/// Returns what a command would do now.
#[must_use]
pub fn hint(model: &Model, command: Command) -> Hint {
    let spec = command.spec();
    let key = model.ui.keymap.key(command);
    let Some(verb) = verb_of(model, command) else {
        return Hint { command, key, text: spec.title.to_owned(), refusal: None };
    };
    match plan_for(model, verb, None) {
        Ok(_) if command == Command::RollbackTo => Hint { command, key, text: spec.title.to_owned(), refusal: None },
        Ok(plan) if verb == Verb::Release => {
            let text = format!("{} into {}", plan.record().headline, plan.record().target.env());
            Hint { command, key, text, refusal: None }
        }
        Ok(plan) => Hint { command, key, text: plan.record().headline.clone(), refusal: None },
        Err(refusals) => Hint { command, key, text: verb.label().to_owned(), refusal: refusals.into_iter().next() },
    }
}

/// Returns the hints of the footer, in order: what acts first, then what this screen offers, help last.
#[must_use]
pub fn footer(model: &Model) -> Vec<Hint> {
    let mut commands = vec![Command::Promote, Command::Pause, Command::Abort, Command::Rollback];
    let aborted =
        model.selected().and_then(|(_, workload)| workload.status.as_ref()).is_some_and(|status| status.aborted);
    if aborted {
        commands = vec![Command::Retry, Command::Rollback];
    }
    // What can be released on from here has nothing left to promote.
    if plan_for(model, Verb::Release, None).is_ok() {
        commands.retain(|command| *command != Command::Promote);
        commands.insert(0, Command::Release);
    }
    match model.ui.screen {
        Screen::Deck => commands.extend([Command::Open, Command::Why]),
        Screen::Rollout => commands.extend([Command::RollbackTo, Command::Filter]),
        Screen::Signals => commands.push(Command::Why),
        // Who reviews acts on the list first.
        Screen::Checklist => {
            let asked = model.environment().is_some_and(|env| !env.settings.sign_offs.roles.is_empty());
            commands = if asked { vec![Command::Sign] } else { Vec::new() };
            commands.extend([Command::Approve, Command::Open, Command::Refresh, Command::Promote, Command::Rollback]);
        }
        Screen::Changes => {}
        Screen::Flags => {
            commands = vec![Command::FlagOff, Command::FlagOn, Command::FlagSet, Command::Rollback, Command::Filter];
        }
        Screen::Journal => commands.extend([Command::Export, Command::Filter]),
    }
    commands.extend([Command::Palette, Command::Help]);
    commands.into_iter().map(|command| hint(model, command)).collect()
}

/// Returns the commands whose name or help matches what is typed, in the order of the table: those whose name starts
/// with it first.
#[must_use]
pub fn search(typed: &str) -> Vec<Command> {
    // Names have hyphens; people type spaces.
    let typed = typed.trim().to_lowercase().replace(' ', "-");
    let all = || crate::keys::COMMANDS.iter();
    let starts = all().filter(|spec| spec.id.starts_with(&typed));
    let contains = all().filter(|spec| {
        !spec.id.starts_with(&typed) && (spec.id.contains(&typed) || spec.help.to_lowercase().contains(&typed))
    });
    starts.chain(contains).map(|spec| spec.command).collect()
}

/// Returns whether an overlay is open in which text is typed.
#[must_use]
pub fn is_typing(model: &Model) -> bool {
    match &model.ui.overlay {
        Some(
            Overlay::Help { .. }
            | Overlay::Palette { .. }
            | Overlay::Filter { .. }
            | Overlay::Acknowledge { .. }
            | Overlay::Sign { .. }
            | Overlay::Freeze { .. }
            | Overlay::Lane(_)
            | Overlay::FlagShare { .. },
        ) => true,
        Some(Overlay::Confirm(confirm)) => confirm.plan.typed().is_some(),
        _ => false,
    }
}
