//! The timeline: events and journal together, newest first.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::model::Model;
use crate::core::Level;
use crate::domain::facts::event::KubeEvent;
use crate::domain::facts::ids::EnvName;
use crate::domain::record::action::{ActionId, Outcome, Target};
use crate::domain::record::journal::{Entry, Line};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEvent {
    pub at: Timestamp,
    /// Where, if that can be told.
    pub env: Option<EnvName>,
    pub text: String,
    pub level: Level,
}

/// Returns the newest `limit` things that happened in all environments, newest first.
#[must_use]
pub fn timeline(model: &Model, limit: usize) -> Vec<TimelineEvent> {
    enum Source<'a> {
        Event(&'a EnvName, &'a crate::domain::facts::ids::WorkloadId, &'a KubeEvent),
        Journal(&'a Line),
    }
    let events = model.core.world.environments.iter().flat_map(|env| {
        env.events.iter().rev().take(limit).map(|(id, event)| (event.at, Source::Event(env.name(), id, event)))
    });
    let lines = model.core.journal.lines.iter().rev().filter(|line| !matches!(line.entry, Entry::Answer { .. }));
    let lines = lines.take(limit).map(|line| (line.at, Source::Journal(line)));
    let seen: Vec<(&EnvName, Timestamp)> = model.core.journal.lines.iter().rev().filter_map(seen_in).collect();
    let events = events.filter(|(_, source)| match source {
        Source::Event(env, _, event) => !is_recorded(event, env, &seen),
        Source::Journal(_) => true,
    });
    let mut all: Vec<_> = events.chain(lines).collect();
    all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    all.truncate(limit);
    let targets = targets(model);
    all.into_iter()
        .map(|(at, source)| match source {
            Source::Event(env, id, event) => TimelineEvent {
                at,
                env: Some(env.clone()),
                text: event_sentence(event, id.kind.kind()),
                level: if event.warning { Level::Warn } else { Level::Info },
            },
            Source::Journal(line) => TimelineEvent {
                at,
                env: env_of(&line.entry, &targets).cloned(),
                text: line.entry.sentence(),
                level: level(&line.entry),
            },
        })
        .collect()
}

/// Reasons of events about changes that the journal records from the object itself.
const STATE_EVENTS: [&str; 6] = [
    "RolloutUpdated",
    "RolloutStepCompleted",
    "TrafficWeightUpdated",
    "RolloutPaused",
    "RolloutResumed",
    "RolloutCompleted",
];
/// How far the time of an event may be from when its effect was seen.
const SAME_CHANGE: SignedDuration = SignedDuration::from_secs(5);

fn seen_in(line: &Line) -> Option<(&EnvName, Timestamp)> {
    match &line.entry {
        Entry::Observed { target, .. } => Some((&target.env, line.at)),
        _ => None,
    }
}

/// Returns whether the journal has a row for the change that an event is about: one change is one row.
fn is_recorded(event: &KubeEvent, env: &EnvName, seen: &[(&EnvName, Timestamp)]) -> bool {
    STATE_EVENTS.contains(&event.reason.as_str())
        && seen.iter().any(|(other, at)| *other == env && at.duration_since(event.at).abs() <= SAME_CHANGE)
}

/// Returns how severe an entry is.
#[must_use]
pub fn level(entry: &Entry) -> Level {
    match entry {
        Entry::Outcome { outcome, .. } if outcome.is_done() => Level::Good,
        Entry::Outcome { outcome: Outcome::Refused { .. } | Outcome::FoundNotDone { .. }, .. } => Level::Error,
        Entry::Outcome { .. } => Level::Warn,
        _ => Level::Info,
    }
}

/// Returns an event in one sentence: its message, with the object it is about unless that is the workload itself.
#[must_use]
pub fn event_sentence(event: &KubeEvent, workload_kind: &str) -> String {
    let object = if event.kind == workload_kind { String::new() } else { format!("{} {}: ", event.kind, event.name) };
    let text = if event.message.is_empty() { &event.reason } else { &event.message };
    let times = if event.count > 1 { format!(" ({} times)", event.count) } else { String::new() };
    format!("{object}{text}{times}")
}

/// Returns which target each action of the journal is about.
#[must_use]
pub fn targets(model: &Model) -> BTreeMap<&ActionId, &Target> {
    let intents = model.core.journal.lines.iter().filter_map(|line| match &line.entry {
        Entry::Intent { action, plan, .. } => Some((action, &plan.target)),
        _ => None,
    });
    intents.collect()
}

/// Returns the environment that an entry is about.
#[must_use]
pub fn env_of<'a>(entry: &'a Entry, targets: &BTreeMap<&ActionId, &'a Target>) -> Option<&'a EnvName> {
    match entry {
        Entry::Observed { target, .. } => Some(&target.env),
        Entry::Intent { plan, .. } => Some(plan.target.env()),
        Entry::Answer { action, .. } | Entry::Outcome { action, .. } => targets.get(action).map(|target| target.env()),
        Entry::Checked { .. }
        | Entry::Acknowledged(_)
        | Entry::SignedOff(_)
        | Entry::Rejected(_)
        | Entry::Kept(_)
        | Entry::Regressed(_)
        | Entry::Requires(_)
        | Entry::Frozen(_) => entry.checklist_of(),
        Entry::Opened { .. } | Entry::Note { .. } | Entry::Later => None,
    }
}

/// Returns what people did to the selected workload since `from`, oldest first: the marks of a chart.
#[must_use]
pub fn marks(model: &Model, from: Timestamp) -> Vec<(Timestamp, String)> {
    let target = model.target();
    let intents = model.core.journal.lines.iter().filter(|line| line.at >= from);
    intents
        .filter_map(|line| match &line.entry {
            Entry::Intent { plan, .. } if plan.target.changes() == target => Some((line.at, plan.headline.clone())),
            _ => None,
        })
        .collect()
}
