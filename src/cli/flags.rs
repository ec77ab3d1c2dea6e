//! `cockpit flags list`: the feature flags of an environment, as text and as JSON.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::facts::flag::{Flag, FlagState, Share};
use crate::domain::facts::text::{duration, sanitize};
use crate::domain::rules::flag_environments::{StateThere, state_in};
use crate::domain::rules::flag_lint::{FlagsUnknown, silent};
use crate::domain::rules::flag_rollout::{fresh_report, progress};
use crate::domain::world::flags::{FlagSource, ListedFlag};
use crate::domain::world::named_flags::NamedBy;
use crate::domain::world::{Environment, World};

/// Returns what is listed: the flags of the release, or all of them where that is asked for or none are named.
#[must_use]
pub fn chosen(env: &Environment, all: bool) -> Vec<ListedFlag<'_>> {
    let mut flags = env.listed_flags();
    if !all && flags.iter().any(|listed| listed.of_release) {
        flags.retain(|listed| listed.of_release);
    }
    flags
}

/// Whether all that its providers say is fresh.
#[must_use]
pub fn is_complete(env: &Environment, now: Timestamp) -> bool {
    env.flags.iter().all(|source| source.heard.is_fresh(now))
}

/// Writes the flags as a table, below what is wrong with their providers, and what else may name flags of the release.
#[must_use]
pub fn text(env: &Environment, flags: &[ListedFlag<'_>], unknown: Option<&FlagsUnknown>, now: Timestamp) -> String {
    let mut lines: Vec<String> =
        env.flags.iter().filter(|source| !source.heard.is_fresh(now)).map(|source| silent(source, now)).collect();
    lines.extend(unread(unknown).map(|why| format!("{}: {why}", env.name())));
    if flags.is_empty() {
        lines.push(format!("no feature flags in {}", env.name()));
    } else {
        let has_ticket = flags.iter().any(|listed| listed.flag.ticket.is_some());
        let has_named = flags.iter().any(|listed| listed.named_by.is_some());
        let has_rollout = flags.iter().any(|listed| listed.source.rollout(&listed.flag.name).is_some());
        let is_shown = |column: Column| match column {
            Column::Rollout => has_rollout,
            Column::Ticket => has_ticket,
            Column::NamedBy => has_named,
            _ => true,
        };
        let columns: Vec<Column> = Column::ALL.into_iter().filter(|column| is_shown(*column)).collect();
        let header = columns.iter().map(|column| column.title().to_owned()).collect();
        let rows = flags.iter().map(|listed| columns.iter().map(|column| column.cell(env, listed, now)).collect());
        lines.extend(table(&std::iter::once(header).chain(rows).collect::<Vec<_>>()));
    }
    lines.iter().fold(String::new(), |text, line| text + &sanitize(line) + "\n")
}

/// Returns why more flags may belong to the release than are known to; where providers do not answer, that is told anyway.
pub(super) fn unread(unknown: Option<&FlagsUnknown>) -> Option<&FlagsUnknown> {
    unknown.filter(|why| matches!(why, FlagsUnknown::NotRead | FlagsUnknown::Commits(_) | FlagsUnknown::Code(_)))
}

/// Writes rows of as many cells each below each other.
pub(super) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[derive(Clone, Copy)]
enum Column {
    Flag,
    State,
    Rollout,
    Type,
    Owner,
    Ticket,
    Age,
    NamedBy,
    Changed,
}

impl Column {
    const ALL: [Self; 9] = [
        Self::Flag,
        Self::State,
        Self::Rollout,
        Self::Type,
        Self::Owner,
        Self::Ticket,
        Self::Age,
        Self::NamedBy,
        Self::Changed,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Flag => "FLAG",
            Self::State => "STATE",
            Self::Rollout => "ROLLOUT",
            Self::Type => "TYPE",
            Self::Owner => "OWNER",
            Self::Ticket => "TICKET",
            Self::Age => "AGE",
            Self::NamedBy => "NAMED BY",
            Self::Changed => "CHANGED",
        }
    }

    fn cell(self, env: &Environment, listed: &ListedFlag<'_>, now: Timestamp) -> String {
        let flag = listed.flag;
        let text = match self {
            Self::Flag => Some(format!("{}{}", star(listed.of_release), sanitize(&flag.name))),
            Self::State => Some(format!("{}{}", flag.state, if flag.is_stale { " stale" } else { "" })),
            Self::Rollout => {
                progress(env, listed.source, flag, now).and_then(|progress| progress.describe()).as_deref().map(visible)
            }
            Self::Type => flag.kind.as_deref().map(visible),
            Self::Owner => flag.owner.as_deref().map(visible),
            Self::Ticket => flag.ticket.as_deref().map(visible),
            Self::Age => flag.created.map(|at| duration(now.duration_since(at))),
            Self::NamedBy => listed.named_by.map(|by| visible(&by.to_string())),
            Self::Changed => changed(flag, now),
        };
        text.unwrap_or_else(|| "-".to_owned())
    }
}

fn visible(text: &str) -> String {
    sanitize(text).into_owned()
}

pub(super) fn star(of_release: bool) -> &'static str {
    if of_release { "* " } else { "  " }
}

/// Says who changed a flag last and when, and what may come in between a change and its effect.
fn changed(flag: &Flag, now: Timestamp) -> Option<String> {
    let change = flag
        .changed()
        .map(|change| format!("{} ago by {}", duration(now.duration_since(change.at)), sanitize(&change.by)));
    let written = || {
        let written = flag.holder.as_ref()?.written.as_ref()?;
        Some(format!("the document, {}", sanitize(&written.describe(now))))
    };
    let all: Vec<String> = change.or_else(written).into_iter().chain(flag.warning()).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// Returns the flags and their providers; what is not known is null. Each has its state in all environments.
#[must_use]
pub fn json(
    world: &World,
    env: &Environment,
    flags: &[ListedFlag<'_>],
    unknown: Option<&FlagsUnknown>,
    now: Timestamp,
) -> Value {
    let flags: Vec<Value> = flags.iter().map(|listed| flag(world, env, listed, now)).collect();
    json!({
        "environment": env.name().as_str(),
        "providers": providers(env, now),
        "unknown": unread(unknown).map(ToString::to_string),
        "flags": flags,
    })
}

pub(super) fn providers(env: &Environment, now: Timestamp) -> Vec<Value> {
    env.flags.iter().map(|source| provider(source, now)).collect()
}

fn provider(source: &FlagSource, now: Timestamp) -> Value {
    json!({
        "name": source.settings.provider,
        "place": source.settings.place,
        "fresh": source.heard.is_fresh(now),
        "at": source.heard.at.map(|at| at.to_string()),
        "why_not": source.heard.link.why(),
    })
}

/// Returns what names a flag of the release; null where nothing does.
pub(super) fn named_by(by: Option<&NamedBy>) -> Value {
    match by {
        None => Value::Null,
        Some(NamedBy::Config) => json!({"by": "config"}),
        Some(NamedBy::Commit(hash)) => json!({"by": "commit", "commit": hash}),
        Some(NamedBy::Code { file, line }) => json!({"by": "code", "file": &**file, "line": line}),
    }
}

/// Returns the state of a flag, and who gets it in percent where that is known.
fn state(state: FlagState) -> (&'static str, Option<u8>) {
    match state {
        FlagState::Off => ("off", Some(0)),
        FlagState::Some => ("some", None),
        FlagState::Percent(percent) => ("percent", Some(percent)),
        FlagState::On => ("on", Some(100)),
    }
}

/// Returns what a flag is in each environment that has providers.
pub(super) fn environments(world: &World, provider: &str, name: &str, now: Timestamp) -> Value {
    let with_flags = world.environments.iter().filter(|env| !env.flags.is_empty());
    let there = |env: &Environment| {
        let (state, percent) = match state_in(env, provider, name, now) {
            StateThere::Known(known) => state(known),
            StateThere::Absent => ("absent", None),
            StateThere::Unknown => ("unknown", None),
        };
        (env.name().to_string(), json!({"state": state, "percent": percent}))
    };
    Value::Object(with_flags.map(there).collect())
}

/// Returns how far a flag has gone that goes to more users step by step; null for one that does not.
fn rollout(env: &Environment, listed: &ListedFlag<'_>, now: Timestamp) -> Value {
    let Some(progress) = progress(env, listed.source, listed.flag, now) else { return Value::Null };
    let steps = progress.rollout.steps.iter().copied();
    let known = listed.source.rollout(&listed.flag.name);
    let report = known.and_then(|known| fresh_report(listed.source, known, now)).map(|(report, _)| report);
    json!({
        "steps": steps.map(Share::percent).collect::<Vec<u8>>(),
        "next": progress.next.map(Share::percent),
        "verdict": progress.verdict.as_str(),
        "reason": progress.reason,
        "due_at": progress.due.map(|due| due.to_string()),
        "analysis": report.map(|report| report.opinion.as_str()),
        "requests": report.map(|report| json!({
            "with": report.seen.canary.requests,
            "without": report.seen.stable.requests,
        })),
    })
}

fn flag(world: &World, env: &Environment, listed: &ListedFlag<'_>, now: Timestamp) -> Value {
    let (flag, provider) = (listed.flag, &listed.source.settings.provider);
    let (state, percent) = state(flag.state);
    json!({
        "provider": provider,
        "name": flag.name,
        "state": state,
        "percent": percent,
        "rollout": rollout(env, listed, now),
        "type": flag.kind,
        "owner": flag.owner,
        "tags": flag.tags,
        "ticket": flag.ticket,
        "created_at": flag.created.map(|at| at.to_string()),
        "stale": flag.is_stale,
        "of_release": listed.of_release,
        "named_by": named_by(listed.named_by),
        "environments": environments(world, provider, &flag.name, now),
        "document": flag.holder.as_ref().map(|holder| json!({
            "written": holder.written.as_ref().map(|by| json!({"by": by.manager, "at": by.at.map(|at| at.to_string())})),
            "owner": holder.owner.as_ref().map(ToString::to_string),
        })),
        "changed": flag.changed().map(|change| json!({"by": change.by, "at": change.at.to_string()})),
    })
}
