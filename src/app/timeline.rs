//! The timeline: events, journal and changes of feature flags together, newest first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::model::Model;
use crate::core::Level;
use crate::domain::facts::event::KubeEvent;
use crate::domain::facts::flag::{FlagChange, FlagEdit, FlagKey};
use crate::domain::facts::ids::EnvName;
use crate::domain::record::action::{ActionId, Outcome, Target, Verb};
use crate::domain::record::journal::{Entry, Line};
use crate::domain::world::Environment;

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
        Flag(&'a EnvName, &'a str, &'a FlagChange),
    }
    let events = model.core.world.environments.iter().flat_map(|env| {
        env.events.iter().rev().take(limit).map(|(id, event)| (event.at, Source::Event(env.name(), id, event)))
    });
    let lines = model.core.journal.lines.iter().rev().filter(|line| !matches!(line.entry, Entry::Answer { .. }));
    let lines = lines.take(limit).map(|line| (line.at, Source::Journal(line)));
    let seen: Vec<(&EnvName, Timestamp)> = model.core.journal.lines.iter().rev().filter_map(seen_in).collect();
    let events = events.filter(|(_, source)| match source {
        Source::Event(env, _, event) => !is_recorded(event, env, &seen),
        Source::Journal(_) | Source::Flag(..) => true,
    });
    let flags = model.core.world.environments.iter().flat_map(|env| {
        let newest = newest(flag_changes(model, env), limit).into_iter();
        newest.map(|(flag, change)| (change.at, Source::Flag(env.name(), flag, change)))
    });
    let mut all: Vec<_> = events.chain(lines).chain(flags).collect();
    all.sort_by_key(|(at, _)| Reverse(*at));
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
            Source::Flag(env, flag, change) => {
                TimelineEvent { at, env: Some(env.clone()), text: flag_sentence(flag, change), level: Level::Info }
            }
            Source::Journal(line) => TimelineEvent {
                at,
                env: env_of(&line.entry, &targets).cloned(),
                text: line.entry.sentence(),
                level: level(&line.entry),
            },
        })
        .collect()
}

/// Returns the newest changes, newest first: there may be thousands for each frame.
fn newest<'a>(
    changes: impl Iterator<Item = (&'a str, &'a FlagChange)>,
    limit: usize,
) -> Vec<(&'a str, &'a FlagChange)> {
    let mut all: Vec<_> = changes.collect();
    if limit < all.len() {
        // The names tell those of one time apart, or the list would not stay as it is.
        all.select_nth_unstable_by_key(limit, |(name, change)| (Reverse(change.at), *name));
        all.truncate(limit);
    }
    all.sort_by_key(|(name, change)| (Reverse(change.at), *name));
    all
}

/// Returns what was done to a flag in one sentence.
#[must_use]
pub fn flag_sentence(flag: &str, change: &FlagChange) -> String {
    let by = &change.by;
    match change.what {
        FlagEdit::On => format!("flag {flag} on by {by}"),
        FlagEdit::Off => format!("flag {flag} off by {by}"),
        FlagEdit::Changed => format!("flag {flag} changed by {by}"),
    }
}

/// Returns what was done to the flags of an environment: all that the providers told, but for what the journal has a row for.
fn flag_changes<'a>(model: &'a Model, env: &'a Environment) -> impl Iterator<Item = (&'a str, &'a FlagChange)> {
    let of_flags = env.flags.iter().flat_map(|source| source.flags.iter().map(move |flag| (source, flag)));
    let all = of_flags.flat_map(|(source, flag)| flag.changes.iter().map(move |change| (source, flag, change)));
    let turned = turned_by_us(model);
    all.filter(move |(source, flag, change)| {
        !turned.iter().any(|(key, edit, at)| {
            *edit == change.what
                && key.flag == flag.name
                && key.provider == source.settings.provider
                && (key.env == *env.name() || source.settings.shared_with.contains(&key.env))
                && at.duration_since(change.at).abs() <= SAME_CHANGE
        })
    })
    .map(|(_, flag, change)| (flag.name.as_str(), change))
}

/// Returns the flags that the journal says were turned, which way and when.
fn turned_by_us(model: &Model) -> Vec<(&FlagKey, FlagEdit, Timestamp)> {
    let turned = model.core.journal.lines.iter().filter_map(|line| match &line.entry {
        Entry::Intent { plan, .. } => match (&plan.target, plan.verb) {
            (Target::Flag(key), Verb::FlagOn) => Some((key, FlagEdit::On, line.at)),
            (Target::Flag(key), Verb::FlagOff) => Some((key, FlagEdit::Off, line.at)),
            (Target::Flag(key), Verb::FlagSet | Verb::FlagLower) => Some((key, FlagEdit::Changed, line.at)),
            _ => None,
        },
        _ => None,
    });
    turned.collect()
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
        | Entry::Frozen(_)
        | Entry::Lane(_)
        | Entry::TurnedOff(_) => entry.checklist_of(),
        Entry::Opened { .. } | Entry::Note { .. } | Entry::Later => None,
    }
}

/// Flags that are marked in a chart, the latest.
const MAX_FLAG_MARKS: usize = 6;

/// Returns what people did to the selected workload and to flags of its environment since `from`, oldest first: the marks of a
/// chart.
#[must_use]
pub fn marks(model: &Model, from: Timestamp) -> Vec<(Timestamp, String)> {
    let mut all = marks_of_actions(model, from);
    let changes = model.environment().into_iter().flat_map(|env| flag_changes(model, env));
    let flags = newest(changes.filter(|(_, change)| change.at >= from), MAX_FLAG_MARKS);
    // Which way first: a long name is cut.
    all.extend(flags.into_iter().map(|(name, change)| (change.at, format!("flag {}: {name}", change.what.as_str()))));
    all.sort_by_key(|(at, _)| *at);
    all
}

fn marks_of_actions(model: &Model, from: Timestamp) -> Vec<(Timestamp, String)> {
    let target = model.target();
    let env = model.environment().map(Environment::name);
    let is_flag_here = |target: &Target| matches!(target, Target::Flag(key) if Some(&key.env) == env);
    let intents = model.core.journal.lines.iter().filter(|line| line.at >= from);
    intents
        .filter_map(|line| match &line.entry {
            Entry::Intent { plan, .. } if plan.target.changes() == target => Some((line.at, plan.headline.clone())),
            Entry::Intent { plan, .. } if is_flag_here(&plan.target) => Some((line.at, plan.headline.clone())),
            _ => None,
        })
        .collect()
}
