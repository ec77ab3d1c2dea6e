//! The checklist of the environment that keys act on: its lines, what is selected, and what people say to it.

use jiff::Timestamp;
use tui_input::{Input, InputRequest};

use super::model::{Level, Model, Overlay};
use super::msg::Effect;
use super::update::say;
use crate::domain::checklist::sign_off::{Seat, board, refusal};
use crate::domain::checklist::{
    Acknowledgement, Answer, Candidate, Check, CheckPhase, CheckState, Decision, SignOff, answer,
};
use crate::domain::journal::Entry;
use crate::domain::world::Environment;
use crate::keys::{Chord, Key};

/// Longest note, in characters.
const LONGEST_NOTE: usize = 500;

/// One line that can be selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A check with its state.
    Check(&'a Check, CheckState),
    /// A role that signs.
    Seat(Seat),
}

/// Everything that the checklist shows of an environment.
#[derive(Clone, Debug)]
pub struct Checklist<'a> {
    /// The environment.
    pub env: &'a Environment,
    /// What it is about.
    pub candidate: Option<Candidate>,
    /// Its lines: checks by phase, gates first, then roles.
    pub items: Vec<Item<'a>>,
    /// Which of them is selected.
    pub selected: usize,
    /// GO or NO-GO, and what is in the way.
    pub answer: Answer,
}

impl Checklist<'_> {
    /// Returns how many checks before and during have passed, of how many.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        progress(self.items.iter().filter_map(|item| match item {
            Item::Check(check, state) => Some((*check, *state)),
            Item::Seat(_) => None,
        }))
    }
}

/// Counts what has passed of what has to hold by now.
fn progress<'a>(checks: impl Iterator<Item = (&'a Check, CheckState)>) -> (usize, usize) {
    let states: Vec<CheckState> =
        checks.filter(|(check, _)| check.spec.phase != CheckPhase::Post).map(|(_, state)| state).collect();
    (states.iter().filter(|state| **state == CheckState::Passed).count(), states.len())
}

/// A checklist in figures, for header and deck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Checks before and during that passed, of how many.
    pub checks: (usize, usize),
    /// Whether a gate of them is red.
    pub red: bool,
    /// Whether all gates of them are green.
    pub gates_green: bool,
    /// Roles that say GO, of how many that have to.
    pub sign_offs: (usize, usize),
}

/// Returns the figures of an environment's checklist.
#[must_use]
pub fn tally(model: &Model, env: &Environment) -> Tally {
    let candidate = model.world.candidate(env);
    let subject = candidate.as_ref().map_or("", |candidate| candidate.key.as_str());
    let states: Vec<(&Check, CheckState)> =
        env.checks.iter().map(|check| (check, check.state(subject, model.now))).collect();
    let gates = || states.iter().filter(|(check, _)| check.spec.gate && check.spec.phase != CheckPhase::Post);
    let seats = candidate.as_ref().map(|candidate| board(env, &model.world.ledger, candidate)).unwrap_or_default();
    let asked = env.settings.sign_offs.roles.len();
    Tally {
        checks: progress(states.iter().copied()),
        red: gates().any(|(_, state)| *state == CheckState::Failed),
        gates_green: gates().all(|(_, state)| *state == CheckState::Passed),
        sign_offs: (seats.iter().filter(|seat| seat.needed > 0 && seat.is_go()).count(), asked),
    }
}

/// Returns the checklist of the environment that keys act on.
#[must_use]
pub fn checklist(model: &Model) -> Option<Checklist<'_>> {
    let env = model.environment()?;
    let candidate = model.world.candidate(env);
    let subject = candidate.as_ref().map_or("", |candidate| candidate.key.as_str());
    let mut checks: Vec<&Check> = env.checks.iter().collect();
    checks.sort_by_key(|check| (check.spec.phase, !check.spec.gate));
    let mut items: Vec<Item<'_>> =
        checks.into_iter().map(|check| Item::Check(check, check.state(subject, model.now))).collect();
    if let Some(candidate) = &candidate {
        items.extend(board(env, &model.world.ledger, candidate).into_iter().map(Item::Seat));
    }
    let selected = model.line.min(items.len().saturating_sub(1));
    Some(Checklist { env, answer: answer(&model.world, env, model.now), candidate, items, selected })
}

/// Returns how many lines can be selected.
pub(super) fn length(model: &Model) -> usize {
    checklist(model).map_or(0, |list| list.items.len())
}

/// Returns a check in full: what was found, the evidence, what would make it green.
#[must_use]
pub fn evidence(check: &Check, state: CheckState, now: Timestamp) -> Vec<String> {
    let spec = &check.spec;
    let mut lines = vec![spec.title.clone()];
    lines.push(format!(
        "{}, {}{}",
        if spec.gate { "gate" } else { "advice" },
        spec.how.word(),
        spec.fresh.map_or_else(String::new, |fresh| format!(", fresh for {}", crate::domain::text::duration(fresh)))
    ));
    if let Some(finding) = &check.finding {
        let age = crate::domain::text::duration(now.duration_since(finding.at));
        lines.push(String::new());
        lines.push(format!("{} {age} ago: {}", state.word(), finding.summary));
        if !finding.evidence.is_empty() {
            lines.push(String::new());
            lines.extend(finding.evidence.iter().cloned());
        }
        if !finding.green_when.is_empty() {
            lines.push(String::new());
            lines.push(format!("green when {}", finding.green_when));
        }
    } else {
        lines.push(String::new());
        lines.push(if check.is_manual() { "nobody acknowledged it yet".to_owned() } else { state.word().to_owned() });
    }
    let mut end = vec![String::new()];
    end.extend(spec.owner.as_ref().map(|owner| format!("owner    {owner}")));
    end.extend(spec.runbook.as_ref().map(|runbook| format!("runbook  {runbook}")));
    if end.len() > 1 {
        lines.extend(end);
    }
    lines
}

/// Opens what is selected: the evidence of a check, or who signed.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let Some(list) = checklist(model) else { return Vec::new() };
    let (title, lines) = match list.items.get(list.selected) {
        Some(Item::Check(check, state)) => (check.spec.id.to_string(), evidence(check, *state, model.now)),
        Some(Item::Seat(seat)) => (format!("sign-off {}", seat.role), signed(seat)),
        None => return Vec::new(),
    };
    model.overlay = Some(Overlay::Details { title, lines, scroll: 0 });
    Vec::new()
}

/// Returns who signed in a role, in words.
#[must_use]
pub fn signed(seat: &Seat) -> Vec<String> {
    if seat.signatures.is_empty() {
        return vec!["nobody signed yet".to_owned()];
    }
    let line = |signature: &crate::domain::checklist::sign_off::Signature| {
        let sign = &signature.sign_off;
        let note = if sign.note.is_empty() { String::new() } else { format!("  “{}”", sign.note) };
        let verified = if sign.verified { "verified by the cluster" } else { "unverified" };
        let void = signature.void.as_ref().map_or_else(String::new, |why| format!("  VOID: {why}"));
        format!("{} {}{note}  {verified}{void}", sign.who, sign.decision.shout())
    };
    seat.signatures.iter().map(line).collect()
}

/// Looks again at the selected check.
pub(super) fn look_again(model: &mut Model) -> Vec<Effect> {
    let Some(list) = checklist(model) else { return Vec::new() };
    match list.items.get(list.selected) {
        Some(Item::Check(check, _)) if check.is_manual() => {
            let text = format!("{} is answered by a person: a acknowledges it", check.spec.id);
            say(model, Level::Info, text);
            Vec::new()
        }
        Some(Item::Check(check, _)) => {
            vec![Effect::LookAgain(list.env.name().clone(), Some(check.spec.id.clone())), Effect::Refresh]
        }
        _ => vec![Effect::Refresh],
    }
}

/// Looks again at everything.
pub(super) fn look_at_all(model: &mut Model) -> Vec<Effect> {
    let all = model.world.environments.iter().map(|env| Effect::LookAgain(env.name().clone(), None));
    let effects = all.chain([Effect::Refresh]).collect();
    say(model, Level::Info, "every check is run again");
    effects
}

/// Copies the runbook's address of the selected check.
pub(super) fn runbook(model: &mut Model) -> Vec<Effect> {
    let Some(list) = checklist(model) else { return Vec::new() };
    let runbook = match list.items.get(list.selected) {
        Some(Item::Check(check, _)) => check.spec.runbook.clone(),
        _ => None,
    };
    let Some(runbook) = runbook else {
        say(model, Level::Info, "no runbook is named for it");
        return Vec::new();
    };
    say(model, Level::Info, format!("copied: {runbook}"));
    vec![Effect::Copy(runbook)]
}

/// Acknowledges the selected check, or signs in the selected role.
pub(super) fn approve(model: &mut Model) -> Vec<Effect> {
    let Some(list) = checklist(model) else { return Vec::new() };
    match list.items.get(list.selected) {
        Some(Item::Check(check, _)) if check.is_manual() => {
            let check = check.spec.id.clone();
            model.overlay = Some(Overlay::Acknowledge { env: model.env.clone(), check, input: Input::default() });
        }
        Some(Item::Check(check, _)) => {
            let text = format!("{} answers itself: r looks again, Enter shows its evidence", check.spec.id);
            say(model, Level::Info, text);
        }
        Some(Item::Seat(seat)) => {
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
    let seats = || list.items.iter().filter_map(|item| if let Item::Seat(seat) = item { Some(seat) } else { None });
    let chosen = match list.items.get(list.selected) {
        Some(Item::Seat(seat)) => Some(seat),
        _ => seats().find(|seat| !seat.is_go()).or_else(|| seats().next()),
    };
    if let Some(role) = chosen.map(|seat| seat.role.clone()) {
        open_sign(model, role);
    } else {
        let text = format!("nobody has to sign in {}: name roles under [sign_offs] in the config", model.env);
        say(model, Level::Info, text);
    }
    Vec::new()
}

fn open_sign(model: &mut Model, role: String) {
    let (who, _) = identity(model);
    let refused =
        checklist(model).and_then(|list| refusal(list.env, &model.world.ledger, list.candidate.as_ref()?, &who, &role));
    if let Some(why) = refused {
        say(model, Level::Warn, format!("not signed: {why}"));
    } else {
        let env = model.env.clone();
        model.overlay = Some(Overlay::Sign { env, role, decision: None, input: Input::default() });
    }
}

/// Returns who sits here, and whether the API server says so.
#[must_use]
pub fn identity(model: &Model) -> (String, bool) {
    match model.environment().and_then(|env| env.access.user.clone()) {
        Some(user) => (user, true),
        None => (model.operator.clone(), false),
    }
}

/// A key while a note is typed.
pub(super) fn note_key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    if chord.key == Key::Esc {
        model.overlay = None;
        return Vec::new();
    }
    if let Some(Overlay::Sign { decision: decision @ None, .. }) = &mut model.overlay {
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
    if let Some(Overlay::Acknowledge { input, .. } | Overlay::Sign { input, .. }) = &mut model.overlay {
        if input.value().chars().count() < LONGEST_NOTE || !matches!(chord.key, Key::Char(_)) {
            super::on_key::edit(input, chord);
        }
    }
    Vec::new()
}

/// A pasted note.
pub(super) fn paste(input: &mut Input, text: &str) {
    let room = LONGEST_NOTE.saturating_sub(input.value().chars().count());
    for c in text.chars().filter(|c| !c.is_control()).take(room) {
        input.handle(InputRequest::InsertChar(c));
    }
}

/// Takes the note down: into the journal, from where it counts.
fn finish(model: &mut Model) -> Vec<Effect> {
    let (who, verified) = identity(model);
    let at = model.now;
    let candidate = model.environment().and_then(|env| model.world.candidate(env));
    let Some(candidate) = candidate else {
        model.overlay = None;
        say(model, Level::Error, "nothing is seen of what comes in: there is nothing to say it for");
        return Vec::new();
    };
    let (entry, said) = match &model.overlay {
        Some(Overlay::Acknowledge { input, .. }) if input.value().trim().is_empty() => return Vec::new(),
        // Who says no says why.
        Some(Overlay::Sign { decision: Some(Decision::NoGo), input, .. }) if input.value().trim().is_empty() => {
            return Vec::new();
        }
        Some(Overlay::Acknowledge { env, check, input }) => {
            let note = input.value().trim().to_owned();
            let said = format!("{env}: {check} acknowledged by {who}");
            let subject = candidate.key.clone();
            let (env, check) = (env.clone(), check.clone());
            (Entry::Acknowledged(Acknowledgement { env, check, who, verified, note, at, subject }), said)
        }
        Some(Overlay::Sign { env, role, decision: Some(decision), input }) => {
            let said = format!("{env}: {who} signed {} as {role}", decision.shout());
            let sign_off = SignOff {
                env: env.clone(),
                role: role.clone(),
                who,
                verified,
                decision: *decision,
                note: input.value().trim().to_owned(),
                at,
                subject: candidate.key.clone(),
                digest: candidate.digest.clone(),
            };
            (Entry::SignedOff(sign_off), said)
        }
        _ => return Vec::new(),
    };
    model.overlay = None;
    say(model, Level::Good, said);
    vec![Effect::Record { release: candidate.release, entry }]
}
