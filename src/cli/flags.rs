//! `cockpit flags list`: the feature flags of an environment, as text and as JSON.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::facts::flag::FlagState;
use crate::domain::facts::text::{duration, sanitize};
use crate::domain::rules::flag_lint::silent;
use crate::domain::world::Environment;
use crate::domain::world::flags::{FlagSource, ListedFlag};

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

/// Writes the flags as a table, below what is wrong with their providers.
#[must_use]
pub fn text(env: &Environment, flags: &[ListedFlag<'_>], now: Timestamp) -> String {
    let mut lines: Vec<String> =
        env.flags.iter().filter(|source| !source.heard.is_fresh(now)).map(|source| silent(source, now)).collect();
    let rows: Vec<[String; 6]> = flags.iter().map(|listed| row(listed, now)).collect();
    if rows.is_empty() {
        lines.push(format!("no feature flags in {}", env.name()));
    } else {
        let header = ["FLAG", "STATE", "TYPE", "OWNER", "AGE", "CHANGED"].map(ToOwned::to_owned);
        let all: Vec<&[String; 6]> = std::iter::once(&header).chain(&rows).collect();
        let width = |column: usize| all.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths = [0, 1, 2, 3, 4, 5].map(width);
        lines.extend(all.iter().map(|row| {
            let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            cells.join("  ").trim_end().to_owned()
        }));
    }
    lines.iter().fold(String::new(), |text, line| text + &sanitize(line) + "\n")
}

fn row(listed: &ListedFlag<'_>, now: Timestamp) -> [String; 6] {
    let flag = listed.flag;
    let or_dash =
        |text: &Option<String>| text.as_ref().map_or_else(|| "-".to_owned(), |text| sanitize(text).into_owned());
    let age = |at: Timestamp| duration(now.duration_since(at));
    let stale = if flag.is_stale { " stale" } else { "" };
    let holder = flag.holder.as_ref();
    let written = || {
        let written = holder?.written.as_ref()?;
        Some(format!("the document, {}", sanitize(&written.describe(now))))
    };
    let changed =
        flag.changed().map(|change| format!("{} ago by {}", age(change.at), sanitize(&change.by))).or_else(written);
    let changed: Vec<String> = changed.into_iter().chain(flag.warning()).collect();
    let star = if listed.of_release { "* " } else { "  " };
    [
        format!("{star}{}", sanitize(&flag.name)),
        format!("{}{stale}", flag.state),
        or_dash(&flag.kind),
        or_dash(&flag.owner),
        flag.created.map_or_else(|| "-".to_owned(), age),
        if changed.is_empty() { "-".to_owned() } else { changed.join("; ") },
    ]
}

/// Returns the flags and their providers; what is not known is null.
#[must_use]
pub fn json(env: &Environment, flags: &[ListedFlag<'_>], now: Timestamp) -> Value {
    let providers: Vec<Value> = env.flags.iter().map(|source| provider(source, now)).collect();
    let flags: Vec<Value> = flags.iter().map(flag).collect();
    json!({"environment": env.name().as_str(), "providers": providers, "flags": flags})
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

fn flag(listed: &ListedFlag<'_>) -> Value {
    let flag = listed.flag;
    let (state, percent) = match flag.state {
        FlagState::Off => ("off", Some(0)),
        FlagState::Some => ("some", None),
        FlagState::Percent(percent) => ("percent", Some(percent)),
        FlagState::On => ("on", Some(100)),
    };
    json!({
        "provider": listed.source.settings.provider,
        "name": flag.name,
        "state": state,
        "percent": percent,
        "type": flag.kind,
        "owner": flag.owner,
        "tags": flag.tags,
        "created_at": flag.created.map(|at| at.to_string()),
        "stale": flag.is_stale,
        "of_release": listed.of_release,
        "document": flag.holder.as_ref().map(|holder| json!({
            "written": holder.written.as_ref().map(|by| json!({"by": by.manager, "at": by.at.map(|at| at.to_string())})),
            "owner": holder.owner.as_ref().map(ToString::to_string),
        })),
        "changed": flag.changed().map(|change| json!({"by": change.by, "at": change.at.to_string()})),
    })
}
