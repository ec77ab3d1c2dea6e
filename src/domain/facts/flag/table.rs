//! Rows of a table of the user's own, as JSON objects by the names of their columns: one flag each.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Flag, FlagChange, FlagEdit, FlagState, WhenOff, ticket};

/// What is used of a row; other columns only tell one setting from another.
#[derive(Deserialize)]
struct Row {
    name: String,
    state: Value,
    percent: Option<f64>,
    #[serde(rename = "type")]
    kind: Option<String>,
    owner: Option<String>,
    #[serde(default)]
    tags: Value,
    ticket: Option<Value>,
    created_at: Option<Timestamp>,
    #[serde(default)]
    stale: Value,
    changed_by: Option<String>,
    changed_at: Option<Timestamp>,
    version: Option<Value>,
}

/// Reads a list.
///
/// # Errors
/// Why it is none: then nothing of it is believed.
pub fn list(rows: &[Value]) -> Result<Vec<Flag>, String> {
    let mut names = BTreeSet::new();
    let mut flags = Vec::with_capacity(rows.len());
    for row in rows {
        let flag = flag(row)?;
        if !names.insert(flag.name.clone()) {
            return Err(format!("there are two rows of the flag {}", flag.name));
        }
        flags.push(flag);
    }
    flags.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(flags)
}

fn flag(json: &Value) -> Result<Flag, String> {
    let row = Row::deserialize(json).map_err(|error| missing_column(&error.to_string()))?;
    if row.name.is_empty() {
        return Err("a flag has no name".to_owned());
    }
    let at = |why: String| format!("{}: {why}", row.name);
    let (state, tags) = (state(&row).map_err(at)?, tags(&row.tags).map_err(at)?);
    let is_stale = truth(&row.stale).ok_or_else(|| at(format!("stale is {}, and must be true or false", row.stale)))?;
    let change = |at| FlagChange {
        by: row.changed_by.clone().unwrap_or_else(|| super::SOMEBODY.to_owned()),
        at,
        what: FlagEdit::Changed,
    };
    Ok(Flag {
        state,
        kind: row.kind,
        owner: row.owner,
        ticket: row
            .ticket
            .as_ref()
            .and_then(|value| ticket::of_field(&plain(value)))
            .or_else(|| ticket::of_tags(&tags)),
        tags,
        created: row.created_at,
        is_stale,
        changes: row.changed_at.map(change).into_iter().collect(),
        version: Some(row.version.as_ref().filter(|version| !version.is_null()).map_or_else(|| digest(json), plain)),
        holder: None,
        when_off: WhenOff::default(),
        name: row.name,
    })
}

/// Whoever is let in by a flag that is off gets nothing, whatever its share.
fn state(row: &Row) -> Result<FlagState, String> {
    let word = match &row.state {
        Value::String(word) => word.to_lowercase(),
        other => match truth(other) {
            Some(true) => "on".to_owned(),
            Some(false) if !other.is_null() => "off".to_owned(),
            _ => return Err(no_state(other)),
        },
    };
    match (word.as_str(), row.percent) {
        (_, Some(percent)) if !(0.0..=100.0).contains(&percent) => {
            Err(format!("percent is {percent}, and must be from 0 to 100"))
        }
        ("off", _) | ("on" | "percent", Some(0.0)) => Ok(FlagState::Off),
        ("on", None) | ("on" | "percent", Some(100.0)) => Ok(FlagState::On),
        // Nobody is rounded away, and nobody in.
        ("on" | "percent", Some(percent)) => Ok(FlagState::Percent((percent.round() as u8).clamp(1, 99))),
        ("some", _) => Ok(FlagState::Some),
        ("percent", None) => Err("state is percent, and there is no percent".to_owned()),
        _ => Err(no_state(&row.state)),
    }
}

fn no_state(state: &Value) -> String {
    format!("state is {state}, and must be true, false, on, off, some or percent")
}

/// SQLite has no booleans of its own: they are 0 and 1.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Null => Some(false),
        Value::Bool(value) => Some(*value),
        Value::Number(number) => match number.as_i64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        _ => None,
    }
}

/// An array, or the text of one.
fn tags(value: &Value) -> Result<Vec<String>, String> {
    let read = match value {
        Value::Null => return Ok(Vec::new()),
        Value::String(text) => serde_json::from_str(text).ok(),
        other => Vec::<String>::deserialize(other).ok(),
    };
    read.ok_or_else(|| "tags is no array of texts, and no text of one in JSON".to_owned())
}

/// The columns of a list are named by the user: which one is missing is what they have to know.
fn missing_column(error: &str) -> String {
    error.replace("missing field", "there is no column")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Tells any two rows apart.
fn digest(row: &Value) -> String {
    let start: u64 =
        Sha256::digest(row.to_string()).iter().take(8).fold(0, |start, byte| start << 8 | u64::from(*byte));
    format!("{start:016x}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(row: &Value) -> Result<Flag, String> {
        list(std::slice::from_ref(row)).map(|mut flags| flags.remove(0))
    }

    #[test]
    fn a_row_is_read_by_the_names_of_its_columns() {
        let flag = read(&json!({
            "name": "checkout", "state": true, "percent": 25, "type": "release", "owner": "ada", "tags": ["web"], "ticket": 4711,
            "created_at": "2026-11-01T00:00:00+00:00", "stale": 1, "changed_by": "bo", "changed_at": "2026-11-28T21:00:00Z",
            "version": 7, "note": "not used",
        }))
        .unwrap();
        assert_eq!((flag.state, flag.is_stale, flag.version.as_deref()), (FlagState::Percent(25), true, Some("7")));
        assert_eq!((flag.kind.as_deref(), flag.owner.as_deref()), (Some("release"), Some("ada")));
        assert_eq!(flag.ticket.as_deref(), Some("4711"));
        assert_eq!((flag.tags, flag.changes[0].by.as_str()), (vec!["web".to_owned()], "bo"));
        let lite = read(&json!({"name": "x", "state": 0, "tags": "[\"a\", \"b\"]", "owner": null})).unwrap();
        assert_eq!((lite.state, lite.tags.len()), (FlagState::Off, 2));
    }

    #[test]
    fn who_gets_it_follows_from_state_and_percent() {
        for (state, percent, expected) in [
            (json!(true), json!(null), FlagState::On),
            (json!(1), json!(100), FlagState::On),
            (json!("ON"), json!(0.2), FlagState::Percent(1)),
            (json!(true), json!(99.9), FlagState::Percent(99)),
            (json!(true), json!(0), FlagState::Off),
            (json!(false), json!(50), FlagState::Off),
            (json!("percent"), json!(5), FlagState::Percent(5)),
            (json!("some"), json!(null), FlagState::Some),
        ] {
            let row = json!({"name": "x", "state": state, "percent": percent});
            assert_eq!(read(&row).unwrap().state, expected, "{row}");
        }
    }

    #[test]
    fn two_settings_of_a_row_never_have_the_same_version() {
        let version = |row: Value| read(&row).unwrap().version;
        let row = json!({"name": "x", "state": true, "rules": "[1]"});
        assert_eq!(version(row.clone()), version(row.clone()));
        assert_ne!(version(row), version(json!({"name": "x", "state": true, "rules": "[2]"})));
    }

    #[test]
    fn what_is_not_understood_is_no_list() {
        for (row, why) in [
            (json!({"name": "x"}), "there is no column `state`"),
            (json!({"state": true}), "there is no column `name`"),
            (json!({"name": null, "state": true}), "expected a string"),
            (json!({"name": "x", "state": null}), "x: state is null, and must be"),
            (json!({"name": "x", "state": 25}), "x: state is 25, and must be"),
            (json!({"name": "x", "state": "enabled"}), "x: state is \"enabled\", and must be"),
            (json!({"name": "x", "state": true, "percent": 101}), "x: percent is 101, and must be from 0 to 100"),
            (json!({"name": "x", "state": "percent"}), "x: state is percent, and there is no percent"),
            (json!({"name": "x", "state": true, "tags": "web"}), "x: tags is no array"),
            (json!({"name": "x", "state": true, "stale": "no"}), "x: stale is \"no\""),
            (json!({"name": "", "state": true}), "a flag has no name"),
        ] {
            let said = read(&row).unwrap_err();
            assert!(said.contains(why), "{row}: {said}");
        }
        let twice = [json!({"name": "x", "state": true}), json!({"name": "x", "state": false})];
        assert_eq!(list(&twice), Err("there are two rows of the flag x".to_owned()));
        assert_eq!(list(&[]), Ok(Vec::new()));
    }
}
