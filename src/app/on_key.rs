//! Keys: input of an open dialog, else commands.

use tui_input::{Input, InputRequest};

use super::hints::{acts_on, plan_for, search, verb_of};
use super::model::{Model, Overlay, Screen};
use super::msg::{Effect, lift};
use super::revisions::revision_choices;
use super::{checklist, confirm, flags, freeze, lane};
use crate::core::{Effect as CoreEffect, Level, autopilot};
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::text::shell_word;
use crate::domain::record::action::Verb;
use crate::domain::rules::action::Plan;
use crate::domain::rules::code_or_flag;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::keys::{Chord, Command, Key};

const PAGE_ROWS: usize = 10;

pub(super) fn key(model: &mut Model, chord: Chord, repeat: bool) -> Vec<Effect> {
    // Where nothing can be read, nothing can be asked for but to leave.
    if model.ui.too_small {
        return match model.ui.keymap.command(chord) {
            Some(Command::Quit) => quit(model),
            _ => Vec::new(),
        };
    }
    if chord == Chord::ctrl('c') && !matches!(model.ui.overlay, Some(Overlay::Quit)) {
        return quit(model);
    }
    match &model.ui.overlay {
        None => command_on(model, chord),
        Some(Overlay::Confirm(_)) => confirm::key(model, chord, repeat),
        Some(Overlay::Refused { .. } | Overlay::Details { .. } | Overlay::Notices { .. })
            if action_on(model, chord).is_some() =>
        {
            act(model, chord)
        }
        // Nobody searches for a capital letter: an engineer who reads the help rolls back from there.
        Some(Overlay::Help { input, .. })
            if input.value().is_empty()
                && matches!(action_on(model, chord), Some(Command::Rollback | Command::Abort)) =>
        {
            act(model, chord)
        }
        Some(Overlay::Help { .. } | Overlay::Palette { .. }) => search_key(model, chord),
        Some(Overlay::Filter { .. }) => filter_key(model, chord),
        Some(Overlay::Revisions { .. }) => revisions_key(model, chord),
        Some(Overlay::Quit) => match chord {
            Chord { key: Key::Char('y'), ctrl: false, .. } | Chord { key: Key::Char('c'), ctrl: true, .. } => {
                vec![Effect::Quit]
            }
            _ => closed(model),
        },
        Some(Overlay::Acknowledge { .. } | Overlay::Sign { .. }) => checklist::note_key(model, chord),
        Some(Overlay::Freeze { .. }) => freeze::key(model, chord),
        Some(Overlay::Lane(_)) => lane::key(model, chord, repeat),
        Some(Overlay::FlagShare { .. }) => flags::share_key(model, chord),
        Some(Overlay::Refused { .. }) => closed(model),
        Some(Overlay::Details { .. } | Overlay::Notices { .. }) => scroll_key(model, chord),
    }
}

/// Returns the command on a key, where it acts on the workload.
fn action_on(model: &Model, chord: Chord) -> Option<Command> {
    let command = model.ui.keymap.command(chord)?;
    (verb_of(model, command).is_some() || command == Command::Keep).then_some(command)
}

/// Closes what is only read, and acts: a key that stops a release is never used up by closing something.
fn act(model: &mut Model, chord: Chord) -> Vec<Effect> {
    model.ui.overlay = None;
    command_on(model, chord)
}

/// Closes what lies over the screen.
pub(super) fn closed(model: &mut Model) -> Vec<Effect> {
    model.ui.overlay = None;
    Vec::new()
}

/// A paste never confirms and never runs a command; it is text where text is typed.
pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    if model.ui.too_small {
        return Vec::new();
    }
    if let Some(
        Overlay::Acknowledge { input, .. }
        | Overlay::Sign { input, decision: Some(_), .. }
        | Overlay::Freeze { input, .. }
        | Overlay::FlagShare { input, .. },
    ) = &mut model.ui.overlay
    {
        checklist::paste(input, text);
        return Vec::new();
    }
    if let Some(Overlay::Lane(dialog)) = &mut model.ui.overlay {
        if dialog.asked.is_none() {
            checklist::paste(&mut dialog.input, text);
        }
        return Vec::new();
    }
    let Some(Overlay::Help { input, .. } | Overlay::Palette { input, .. } | Overlay::Filter { input }) =
        &mut model.ui.overlay
    else {
        return Vec::new();
    };
    for c in text.chars().filter(|c| !c.is_control()).take(200) {
        input.handle(InputRequest::InsertChar(c));
    }
    if let Some(Overlay::Filter { input }) = &model.ui.overlay {
        model.ui.filter = input.value().to_owned();
    }
    Vec::new()
}

pub(super) fn wheel(model: &mut Model, lines: i32) -> Vec<Effect> {
    let step = lines.unsigned_abs() as usize;
    let key = if lines > 0 { Key::Down } else { Key::Up };
    for _ in 0..step.min(PAGE_ROWS) {
        if !matches!(model.ui.overlay, Some(Overlay::Confirm(_) | Overlay::Quit | Overlay::Refused { .. })) {
            key_moves(model, Chord::plain(key));
        }
    }
    Vec::new()
}

fn key_moves(model: &mut Model, chord: Chord) {
    let _ = key(model, chord, false);
}

fn command_on(model: &mut Model, chord: Chord) -> Vec<Effect> {
    if let Some(command) = model.ui.keymap.command(chord) {
        return run(model, command);
    }
    if chord == Chord::char('y') {
        let back = model.ui.keymap.key(Command::Rollback).unwrap_or_default();
        model.core.notice(Level::Info, format!("nothing to confirm; {back} rolls back"));
    }
    Vec::new()
}

pub(super) fn run(model: &mut Model, command: Command) -> Vec<Effect> {
    model.ui.read = model.core.noticed;
    match command {
        Command::Deck => show(model, Screen::Deck),
        Command::Rollout => show(model, Screen::Rollout),
        Command::Signals => show(model, Screen::Signals),
        Command::Journal => show(model, Screen::Journal),
        Command::Checklist => show(model, Screen::Checklist),
        Command::Flags => show(model, Screen::Flags),
        Command::Changes => show(model, Screen::Changes),
        Command::Open if model.ui.screen == Screen::Deck => show(model, Screen::Rollout),
        Command::Open if model.ui.screen == Screen::Checklist => checklist::open(model),
        Command::Open => Vec::new(),
        Command::Back => back(model),
        // What is turned is selected in sight.
        Command::FlagOff | Command::FlagOn | Command::FlagSet if model.ui.screen != Screen::Flags => {
            show(model, Screen::Flags)
        }
        Command::FlagSet => flags::ask_share(model),
        Command::Promote
        | Command::PromoteFull
        | Command::Pause
        | Command::Abort
        | Command::Rollback
        | Command::Retry
        | Command::Restart
        | Command::Release
        | Command::Owner
        | Command::Tag
        | Command::FlagOff
        | Command::FlagOn => ask(model, command),
        Command::Keep => lift(autopilot::keep(&mut model.core)),
        Command::RollbackTo => {
            // What runs cannot be chosen: the first that can is where most people go.
            let selected = revision_choices(model).iter().position(|choice| choice.refusal.is_none()).unwrap_or(0);
            model.ui.overlay = Some(Overlay::Revisions { selected });
            Vec::new()
        }
        Command::Filter => {
            model.ui.overlay = Some(Overlay::Filter { input: Input::new(model.ui.filter.clone()) });
            Vec::new()
        }
        Command::Palette => {
            model.ui.overlay = Some(Overlay::Palette { input: Input::default(), selected: 0 });
            Vec::new()
        }
        Command::Help => {
            model.ui.overlay = Some(Overlay::Help { input: Input::default(), selected: 0 });
            Vec::new()
        }
        Command::Notices => {
            model.ui.overlay = Some(Overlay::Notices { scroll: 0 });
            Vec::new()
        }
        Command::Why => why(model),
        Command::Freeze => freeze::open(model),
        Command::Lane => lane::open(model),
        Command::Approve => on_checklist(model, checklist::approve),
        Command::Sign => on_checklist(model, checklist::sign),
        Command::CheckAll => checklist::look_at_all(model),
        Command::Runbook => checklist::runbook(model),
        Command::Refresh if model.ui.screen == Screen::Checklist => checklist::look_again(model),
        Command::Refresh => vec![CoreEffect::Refresh.into()],
        Command::Copy => copy(model),
        Command::Export => vec![Effect::Export],
        Command::Mouse => {
            model.ui.look.mouse = !model.ui.look.mouse;
            let text = if model.ui.look.mouse { "mouse on" } else { "mouse off: the terminal selects text" };
            model.core.notice(Level::Info, text);
            vec![Effect::Mouse(model.ui.look.mouse)]
        }
        Command::Redraw => vec![Effect::Repaint],
        Command::Suspend => vec![Effect::Suspend],
        Command::Quit => quit(model),
        Command::Up | Command::Down | Command::PageUp | Command::PageDown | Command::Top | Command::Bottom => {
            move_by(model, command)
        }
        Command::Left | Command::PrevEnv => step_env(model, -1),
        Command::Right | Command::NextEnv => step_env(model, 1),
        Command::NextWorkload => next_workload(model),
    }
}

/// Runs what needs the checklist in sight: elsewhere it is opened first, so that one sees what one says yes to.
fn on_checklist(model: &mut Model, run: fn(&mut Model) -> Vec<Effect>) -> Vec<Effect> {
    if model.ui.screen == Screen::Checklist { run(model) } else { show(model, Screen::Checklist) }
}

pub(super) fn show(model: &mut Model, screen: Screen) -> Vec<Effect> {
    if model.ui.screen != screen {
        // The checklist shares what is selected: a line there says nothing of a flag.
        if screen == Screen::Flags || model.ui.screen == Screen::Flags {
            model.ui.line = 0;
        }
        model.ui.screen = screen;
        model.ui.scroll = 0;
    }
    Vec::new()
}

fn back(model: &mut Model) -> Vec<Effect> {
    if model.ui.filter.is_empty() {
        return show(model, Screen::Deck);
    }
    model.ui.filter.clear();
    Vec::new()
}

/// Asks for an action: the dialog, or every reason why not.
fn ask(model: &mut Model, command: Command) -> Vec<Effect> {
    let Some(verb) = verb_of(model, command) else { return Vec::new() };
    propose(model, verb, None)
}

fn propose(model: &mut Model, verb: Verb, to: Option<u64>) -> Vec<Effect> {
    let plan = plan_for(model, verb, to);
    let env = acts_on(model, verb).map_or_else(|| model.ui.env.clone(), |target| target.env);
    let title = match verb {
        Verb::Release => format!("nothing can be released into {env}"),
        Verb::SuspendAutomation | Verb::ResumeAutomation => {
            format!("cannot {} the owner of the manifest in {env}", verb.label())
        }
        Verb::MoveTag => format!("the tag of {env} is not moved"),
        Verb::FlagOff | Verb::FlagOn => format!("cannot {} the flag in {env}", verb.label()),
        _ => format!("{env} cannot {}", verb.label()),
    };
    ask_for(model, plan, title)
}

/// Shows what a plan comes to, or every reason why there is none, below a title.
pub(super) fn ask_for(model: &mut Model, plan: Result<Plan, Vec<Refusal>>, title: String) -> Vec<Effect> {
    match plan {
        Ok(plan) => {
            confirm::open(model, plan);
            Vec::new()
        }
        Err(refusals) => refuse(model, title, refusals),
    }
}

/// Shows why something cannot be done.
pub(super) fn refuse(model: &mut Model, title: String, refusals: Vec<Refusal>) -> Vec<Effect> {
    // The right may have been given since.
    let is_denied = refusals.iter().any(|refusal| refusal.kind == RefusalKind::Denied);
    // So may what could not be known.
    let is_blind = refusals.iter().any(|refusal| refusal.kind == RefusalKind::Blind);
    model.ui.overlay = Some(Overlay::Refused { title, refusals });
    let again = [is_denied.then_some(CoreEffect::AskRights), is_blind.then_some(CoreEffect::Refresh)];
    lift(again.into_iter().flatten().collect())
}

fn why(model: &mut Model) -> Vec<Effect> {
    let Some(env) = model.environment() else { return Vec::new() };
    let link = env.kubernetes().link.why().map(|why| format!("kubernetes: {why}"));
    let Some((env, workload)) = model.selected() else {
        let title = format!("why {}", env.name());
        if let Some(why) = link {
            model.ui.overlay = Some(Overlay::Details { title, lines: vec![why], scroll: 0 });
        }
        return Vec::new();
    };
    let mut lines = vec![format!("{} {}", workload.id, workload.assessment.verdict.label())];
    lines.extend(link);
    lines.extend(workload.assessment.describe().map(str::to_owned));
    if let Some(advice) = code_or_flag::advice(env, workload, model.core.now) {
        lines.push(String::new());
        lines.push(advice.sentence(env.name().as_str()));
    }
    if let Some(why) = workload.status.as_ref().and_then(|status| status.why.clone()) {
        lines.push(String::new());
        lines.push(format!("not moving: {why}"));
    }
    if let Some(owned) = workload.snapshot.as_ref().and_then(|snapshot| snapshot.owned.as_ref()) {
        lines.push(String::new());
        lines.push(owned.line(model.core.now));
    }
    if let Err(refusals) = plan_for(model, Verb::Promote, None) {
        lines.push(String::new());
        lines.push("promotion:".to_owned());
        lines.extend(refusals.iter().map(crate::domain::rules::refusal::Refusal::line));
    }
    let title = format!("why {}", env.name());
    model.ui.overlay = Some(Overlay::Details { title, lines, scroll: 0 });
    Vec::new()
}

fn copy(model: &mut Model) -> Vec<Effect> {
    if let Some(address) = model.environment().and_then(|env| login_address(&env.kubernetes().link)) {
        model.core.notice(Level::Info, format!("copied: {address}"));
        return vec![Effect::Copy(address)];
    }
    let Some((env, workload)) = model.selected() else { return Vec::new() };
    let [context, namespace] = [&env.settings.context, &env.settings.namespace].map(|name| shell_word(name));
    let text = format!("kubectl --context {context} -n {namespace} get {}", shell_word(&workload.id.to_string()));
    model.core.notice(Level::Info, format!("copied: {text}"));
    vec![Effect::Copy(text)]
}

/// Where to log in, as the login says, else all that it says.
fn login_address(link: &Link) -> Option<String> {
    let Link::LoggingIn(words) = link else { return None };
    let address = words.split_whitespace().find(|word| word.starts_with("https://") || word.starts_with("http://"));
    Some(address.map_or(words.as_str(), |address| address.trim_end_matches([',', '.', ')'])).to_owned())
}

fn quit(model: &mut Model) -> Vec<Effect> {
    // What is accepted is carried out without this program, unless it runs here.
    if !model.core.in_flight.values().any(|flying| flying.accepted.is_none() || flying.runs_here()) {
        return vec![Effect::Quit];
    }
    model.ui.overlay = Some(Overlay::Quit);
    Vec::new()
}

fn step_env(model: &mut Model, step: isize) -> Vec<Effect> {
    let names: Vec<&EnvName> = model.core.world.environments.iter().map(|env| &env.settings.name).collect();
    let at = names.iter().position(|name| **name == model.ui.env).unwrap_or(0);
    let next = at.saturating_add_signed(step).min(names.len().saturating_sub(1));
    if let Some(name) = names.get(next).map(|name| (*name).clone()) {
        act_on(model, name);
    }
    Vec::new()
}

/// Makes an environment the one that keys act on.
pub(super) fn act_on(model: &mut Model, name: EnvName) {
    if name != model.ui.env {
        model.ui.env = name;
        model.ui.scroll = 0;
        model.ui.line = 0;
    }
}

fn next_workload(model: &mut Model) -> Vec<Effect> {
    let Some((env, workload)) = model.selected() else { return Vec::new() };
    let at = env.workloads.iter().position(|other| other.id == workload.id).unwrap_or(0);
    let next = env.workloads.get((at + 1) % env.workloads.len()).map(|next| next.id.clone());
    model.ui.workload = next;
    model.ui.scroll = 0;
    Vec::new()
}

fn move_by(model: &mut Model, command: Command) -> Vec<Effect> {
    // On the deck up and down move between environments: in its table they stand below each other.
    if model.ui.screen == Screen::Deck {
        return match command {
            Command::Up => step_env(model, -1),
            Command::Down => step_env(model, 1),
            Command::Top | Command::PageUp => step_env(model, isize::MIN),
            Command::Bottom | Command::PageDown => step_env(model, isize::MAX),
            _ => Vec::new(),
        };
    }
    if model.ui.screen == Screen::Checklist {
        let last = checklist::length(model).saturating_sub(1);
        model.ui.line = scrolled(model.ui.line.min(last), command).min(last);
        return Vec::new();
    }
    if model.ui.screen == Screen::Flags {
        let last = flags::listed(model).len().saturating_sub(1);
        model.ui.line = scrolled(model.ui.line.min(last), command).min(last);
        return Vec::new();
    }
    model.ui.scroll = scrolled(model.ui.scroll, command).min(length(model));
    Vec::new()
}

/// How many lines the screen's list has at most: scrolling ends there, so that the way back is as short.
fn length(model: &Model) -> usize {
    let snapshot = model.selected().and_then(|(_, workload)| workload.snapshot.as_ref());
    match model.ui.screen {
        Screen::Journal => model.core.journal.lines.len(),
        Screen::Rollout => snapshot.map_or(0, |snapshot| snapshot.pods.len() + snapshot.replicasets.len()),
        Screen::Deck | Screen::Signals | Screen::Checklist | Screen::Flags => 0,
        // Its view knows how long it is.
        Screen::Changes => usize::MAX / 2,
    }
}

fn scrolled(scroll: usize, command: Command) -> usize {
    match command {
        Command::Up => scroll.saturating_sub(1),
        Command::Down => scroll.saturating_add(1),
        Command::PageUp => scroll.saturating_sub(PAGE_ROWS),
        Command::PageDown => scroll.saturating_add(PAGE_ROWS),
        Command::Top => 0,
        // Clamped to the length of the list.
        Command::Bottom => usize::MAX / 2,
        _ => scroll,
    }
}

/// Edits a line of text; returns whether the key was one for editing.
pub(super) fn edit(input: &mut Input, chord: Chord) -> bool {
    let request = match chord {
        Chord { key: Key::Char(c), ctrl: false, alt: false } => InputRequest::InsertChar(c),
        Chord { key: Key::Char('u'), ctrl: true, .. } => InputRequest::DeleteLine,
        Chord { key: Key::Char('w'), ctrl: true, .. } => InputRequest::DeletePrevWord,
        Chord { key: Key::Backspace, .. } => InputRequest::DeletePrevChar,
        Chord { key: Key::Delete, .. } => InputRequest::DeleteNextChar,
        Chord { key: Key::Left, .. } => InputRequest::GoToPrevChar,
        Chord { key: Key::Right, .. } => InputRequest::GoToNextChar,
        Chord { key: Key::Home, .. } => InputRequest::GoToStart,
        Chord { key: Key::End, .. } => InputRequest::GoToEnd,
        _ => return false,
    };
    input.handle(request);
    true
}

fn search_key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let Some(Overlay::Help { input, selected } | Overlay::Palette { input, selected }) = &mut model.ui.overlay else {
        return Vec::new();
    };
    let found = search(input.value());
    match chord.key {
        Key::Esc => return closed(model),
        Key::Up => *selected = selected.saturating_sub(1),
        Key::Down => *selected = (*selected + 1).min(found.len().saturating_sub(1)),
        Key::Enter => {
            let Some(command) = found.get(*selected).copied() else { return Vec::new() };
            model.ui.overlay = None;
            return run(model, command);
        }
        Key::Tab => {
            if let Some(command) = found.get(*selected) {
                *input = Input::new(command.spec().id.to_owned());
                *selected = 0;
            }
        }
        _ => {
            if edit(input, chord) {
                *selected = 0;
            }
        }
    }
    Vec::new()
}

fn filter_key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let Some(Overlay::Filter { input }) = &mut model.ui.overlay else { return Vec::new() };
    match chord.key {
        Key::Esc => {
            model.ui.filter.clear();
            model.ui.overlay = None;
        }
        Key::Enter => model.ui.overlay = None,
        _ => {
            edit(input, chord);
            model.ui.filter = input.value().to_owned();
            model.ui.scroll = 0;
        }
    }
    Vec::new()
}

fn revisions_key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let choices = revision_choices(model);
    let Some(Overlay::Revisions { selected }) = &mut model.ui.overlay else { return Vec::new() };
    match chord {
        Chord { key: Key::Up | Key::Char('k'), .. } => *selected = selected.saturating_sub(1),
        Chord { key: Key::Down | Key::Char('j'), .. } => {
            *selected = (*selected + 1).min(choices.len().saturating_sub(1));
        }
        Chord { key: Key::Enter, .. } => {
            let Some(choice) = choices.get(*selected) else { return closed(model) };
            let number = choice.number;
            model.ui.overlay = None;
            return propose(model, Verb::Rollback, Some(number));
        }
        Chord { key: Key::Esc | Key::Char('q' | 'u'), .. } => return closed(model),
        _ => {}
    }
    Vec::new()
}

fn scroll_key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let command = model.ui.keymap.command(chord);
    let Some(Overlay::Details { scroll, .. } | Overlay::Notices { scroll }) = &mut model.ui.overlay else {
        return Vec::new();
    };
    match command {
        Some(
            moving @ (Command::Up
            | Command::Down
            | Command::PageUp
            | Command::PageDown
            | Command::Top
            | Command::Bottom),
        ) => {
            *scroll = scrolled(*scroll, moving);
            Vec::new()
        }
        _ => closed(model),
    }
}
