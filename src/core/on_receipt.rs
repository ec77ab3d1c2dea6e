//! Receipts: progress and outcome of actions and statements.

use super::{Core, Effect, InFlight, Level, Superseded};
use crate::domain::record::action::{ActionId, Outcome, PlanRecord};
use crate::domain::record::journal::{Entry, JournalState, Line};
use crate::domain::record::receipt::Receipt;

/// Journal lines that are kept in memory.
const MAX_LINES: usize = 2000;

pub(super) fn receipt(core: &mut Core, receipt: Receipt) -> Vec<Effect> {
    match receipt {
        Receipt::Begun { .. } => Vec::new(),
        Receipt::Accepted { action, record, lacks } => accepted(core, &action, &record, &lacks),
        Receipt::Ended { action, record, outcome, lines } => {
            written(core, lines);
            ended(core, &action, &record, outcome)
        }
        Receipt::LeftOpen { record, why } => super::recovered::left_open(core, &record, &why),
        Receipt::Written(lines) => written(core, lines),
        Receipt::Journal(state) => journal(core, state),
        Receipt::Stated { entry, written, shared, signed } => stated(core, &entry, written, shared, signed),
    }
}

/// An action was taken up, and is not done before everybody is served by what it goes to.
fn accepted(core: &mut Core, action: &ActionId, record: &PlanRecord, lacks: &str) -> Vec<Effect> {
    let first = core.unsettled_mut(&record.target, action).is_some_and(|flying| {
        let is_merged = flying.outcome.take_if(|outcome| matches!(outcome, Outcome::AwaitsMerge { .. })).is_some();
        flying.accepted.replace(lacks.to_owned()).is_none() || is_merged
    });
    if first {
        core.notice(
            Level::Info,
            format!("{}: {} — {}, {lacks}", record.target.env(), record.headline, record.begun_or_accepted()),
        );
    }
    Vec::new()
}

pub(super) fn ended(core: &mut Core, action: &ActionId, record: &PlanRecord, outcome: Outcome) -> Vec<Effect> {
    let own = core.unsettled_mut(&record.target, action);
    if own.is_some_and(|flying| flying.outcome.as_ref() == Some(&outcome)) {
        return Vec::new();
    }
    let text = format!("{}: {} — {}", record.target.env(), record.headline, outcome.describe());
    let level = match &outcome {
        Outcome::Confirmed { .. } | Outcome::FoundDone { .. } => Level::Good,
        Outcome::Unconfirmed { .. } | Outcome::Unknown { .. } | Outcome::AwaitsMerge { .. } => Level::Warn,
        Outcome::Refused { .. } | Outcome::Moved { .. } | Outcome::FoundNotDone { .. } => Level::Error,
    };
    core.notice(level, text);
    super::autopilot::ended(core, record, &outcome);
    if outcome.is_settled() {
        // What is settled before it is known which cluster this is was not left open.
        core.found_open.retain(|(open, _)| open != action);
        // A stop may have taken the place of what was in progress before it.
        let superseded = core.superseded.remove(action);
        let own = core.in_flight.get(&record.target).filter(|flying| flying.action == *action);
        let own = own.map(|flying| flying.begun_here);
        if own.is_some() {
            core.in_flight.remove(&record.target);
        }
        // Whoever asked for the same again wants what follows it, whichever of the two was taken.
        let asked_again = |other: Superseded| other.flying.begun_here || other.by == record.verb;
        let here = own.or_else(|| superseded.map(asked_again)).unwrap_or_default();
        let mut effects = super::revert::after(core, record, &outcome, here);
        effects.extend(super::stable_tag::after(core, record, &outcome, here));
        effects.extend((level != Level::Good).then_some(Effect::Ring));
        return effects;
    }
    super::revert::waits(core, record, &outcome);
    // Unknown: it stays in flight until it is settled, also when it was found open at start.
    if core.unsettled_mut(&record.target, action).is_none() {
        let found = InFlight::new(action.clone(), record.clone(), core.now);
        match core.in_flight.get(&record.target).map(|other| other.record.verb) {
            Some(by) => _ = core.superseded.insert(action.clone(), Superseded { flying: found, by }),
            None => _ = core.in_flight.insert(record.target.clone(), found),
        }
    }
    if let Some(flying) = core.unsettled_mut(&record.target, action) {
        if let Outcome::AwaitsMerge { shows } = &outcome {
            flying.accepted = Some(shows.clone());
        }
        flying.outcome = Some(outcome);
    }
    vec![Effect::Ring]
}

/// Takes in lines, each once and in the order of time: they come as they are written, and when a journal is read.
fn written(core: &mut Core, lines: Vec<Line>) -> Vec<Effect> {
    core.world.take_lines(&lines, core.now);
    let kept = &mut core.journal.lines;
    for line in lines {
        let place = kept.partition_point(|known| (known.at, known.n) < (line.at, line.n));
        if kept.get(place).is_none_or(|known| known.hash != line.hash) {
            kept.insert(place, line);
        }
    }
    while kept.len() > MAX_LINES {
        kept.pop_front();
    }
    Vec::new()
}

fn journal(core: &mut Core, state: JournalState) -> Vec<Effect> {
    let was = core.journal.broken.is_some();
    let news = match (&state.broken, was) {
        (Some(why), false) => Some((
            Level::Error,
            format!("the journal cannot be written: {why}; promotion is off, stopping still works"),
        )),
        (None, true) => Some((Level::Good, "the journal is written again".to_owned())),
        _ => None,
    };
    core.journal.broken = state.broken;
    core.journal.unwritten = state.unwritten;
    if let Some((level, text)) = news {
        core.notice(level, text);
    }
    Vec::new()
}

/// A statement counts once it is on disk; others see it once it is shared.
/// What is said of a statement that could not be signed.
pub const UNSIGNED: &str = "not signed, so it counts nowhere that allowed_signers is configured, unless it is a NO-GO";

fn stated(
    core: &mut Core,
    entry: &Entry,
    written: Result<(), String>,
    shared: Result<(), String>,
    signed: Result<(), String>,
) -> Vec<Effect> {
    if let Err(why) = written {
        core.notice(Level::Error, format!("not recorded: the journal cannot be written: {why}"));
        return vec![Effect::Ring];
    }
    // What a config asks for is news to others, not to whoever acts with it.
    if !entry.is_of_config() {
        core.notice(Level::Good, entry.sentence());
    }
    if let Err(why) = signed {
        core.notice(Level::Warn, format!("{UNSIGNED}: {why}"));
    }
    if let Err(why) = shared {
        if let Entry::Kept(kept) = entry {
            let text = match &kept.flag {
                None => {
                    format!("others do not know that the canary is kept, and their autopilot may roll it back: {why}")
                }
                Some(flag) => {
                    format!("others do not know that {flag} is kept, and their autopilot may turn it off: {why}")
                }
            };
            core.notice(Level::Error, text);
            return vec![Effect::Ring];
        }
        core.notice(Level::Warn, format!("kept on this machine only, others do not see it: {why}"));
    }
    Vec::new()
}
