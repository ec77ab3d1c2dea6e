//! What the door reports.

use super::model::{InFlight, Level, Model};
use super::msg::Effect;
use super::update::say;
use crate::domain::action::{ActionId, Outcome, PlanRecord, Verb};
use crate::domain::feed::Feed;
use crate::domain::ids::Target;
use crate::domain::journal::Line;

/// How many journal lines the screen keeps.
const LINES: usize = 2000;

pub(super) fn begun(model: &mut Model, action: ActionId, target: &Target) -> Vec<Effect> {
    if let Some(flying) = model.in_flight.get_mut(target) {
        flying.action = Some(action);
    }
    Vec::new()
}

pub(super) fn ended(model: &mut Model, record: &PlanRecord, outcome: Outcome) -> Vec<Effect> {
    let text = format!("{}: {} — {}", record.target.env, record.headline, outcome.words());
    let level = match &outcome {
        Outcome::Confirmed { .. } | Outcome::FoundDone { .. } => Level::Good,
        Outcome::Unconfirmed { .. } | Outcome::Unknown { .. } => Level::Warn,
        Outcome::Refused { .. } | Outcome::Moved { .. } | Outcome::FoundNotDone { .. } => Level::Error,
    };
    say(model, level, text);
    super::autopilot::ended(model, record, &outcome);
    if let Some(hash) = record.from_hash.clone().filter(|_| given_up(record, &outcome)) {
        let now = model.now;
        model.world.take(Feed::GivenUp { target: record.target.clone(), hash }, now);
    }
    if outcome.is_settled() {
        // A stop may have taken the place of what was on its way before it.
        if model.in_flight.get(&record.target).is_some_and(|flying| flying.record.verb == record.verb) {
            model.in_flight.remove(&record.target);
        }
        return if level == Level::Good { Vec::new() } else { vec![Effect::Ring] };
    }
    // Unknown: it stays in flight until it is settled, also when it was found open at start.
    let since = model.now;
    let flying = model.in_flight.entry(record.target.clone()).or_insert_with(|| InFlight {
        action: None,
        record: record.clone(),
        since,
        outcome: None,
    });
    flying.outcome = Some(outcome);
    vec![Effect::Ring]
}

/// Whether the revision that was in the manifest is given up: no default goes back to it.
fn given_up(record: &PlanRecord, outcome: &Outcome) -> bool {
    outcome.is_done() && matches!(record.verb, Verb::Abort | Verb::Rollback)
}

/// Takes in lines, each once and in the order of time: they come as they are written, and when a journal is read.
pub(super) fn written(model: &mut Model, lines: Vec<Line>) -> Vec<Effect> {
    let now = model.now;
    model.world.take_lines(&lines, now);
    super::confirm::refresh(model);
    let kept = &mut model.journal.lines;
    for line in lines {
        let place = kept.partition_point(|known| (known.at, known.n) < (line.at, line.n));
        if kept.get(place).is_none_or(|known| known.hash != line.hash) {
            kept.insert(place, line);
        }
    }
    while kept.len() > LINES {
        kept.pop_front();
    }
    Vec::new()
}

pub(super) fn journal(model: &mut Model, broken: Option<String>, unwritten: usize) -> Vec<Effect> {
    let was = model.journal.broken.is_some();
    let news = match (&broken, was) {
        (Some(why), false) => Some((
            Level::Error,
            format!("the journal cannot be written: {why}; promotion is off, stopping still works"),
        )),
        (None, true) => Some((Level::Good, "the journal is written again".to_owned())),
        _ => None,
    };
    model.journal.broken = broken;
    model.journal.unwritten = unwritten;
    if let Some((level, text)) = news {
        say(model, level, text);
    }
    Vec::new()
}
