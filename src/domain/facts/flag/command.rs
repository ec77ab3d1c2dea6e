//! What a command prints that lists flags: JSON by the names of `cockpit flags list -o json`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

use super::{Flag, FlagChange, FlagEdit, FlagState, WhenOff, ticket};

#[derive(Deserialize)]
struct Listed {
    flags: Vec<ListedFlag>,
}

#[derive(Deserialize)]
struct ListedFlag {
    name: String,
    state: ListedState,
    percent: Option<u8>,
    #[serde(rename = "type")]
    kind: Option<String>,
    owner: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    ticket: Option<String>,
    created_at: Option<Timestamp>,
    #[serde(default)]
    stale: bool,
    changed: Option<Changed>,
    version: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ListedState {
    Off,
    Some,
    Percent,
    On,
}

#[derive(Deserialize)]
struct Changed {
    by: String,
    at: Timestamp,
    what: Option<FlagEdit>,
}

/// Reads a list.
///
/// # Errors
/// Why it is none: then nothing of it is believed.
pub fn list(printed: &[u8]) -> Result<Vec<Flag>, String> {
    let listed: Listed = serde_json::from_slice(printed).map_err(|error| error.to_string())?;
    let mut names = BTreeSet::new();
    let mut flags = Vec::with_capacity(listed.flags.len());
    for flag in listed.flags {
        if flag.name.is_empty() {
            return Err("a flag has no name".to_owned());
        }
        if !names.insert(flag.name.clone()) {
            return Err(format!("there are two flags {}", flag.name));
        }
        flags.push(flag.read()?);
    }
    flags.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(flags)
}

impl ListedFlag {
    fn read(self) -> Result<Flag, String> {
        let state = match (self.state, self.percent) {
            (ListedState::Off, None | Some(0)) => FlagState::Off,
            (ListedState::On, None | Some(100)) => FlagState::On,
            (ListedState::Some, None) => FlagState::Some,
            (ListedState::Percent, Some(percent @ 1..=99)) => FlagState::Percent(percent),
            (ListedState::Percent, _) => return Err(format!("{}: `percent` is no number from 1 to 99", self.name)),
            (ListedState::Off | ListedState::On | ListedState::Some, Some(_)) => {
                return Err(format!("{}: `percent` contradicts `state`", self.name));
            }
        };
        let change = |changed: Changed| FlagChange {
            by: changed.by,
            at: changed.at,
            what: changed.what.unwrap_or(FlagEdit::Changed),
        };
        Ok(Flag {
            name: self.name,
            state,
            kind: self.kind,
            owner: self.owner,
            ticket: self.ticket.as_deref().and_then(ticket::of_field).or_else(|| ticket::of_tags(&self.tags)),
            tags: self.tags,
            created: self.created_at,
            is_stale: self.stale,
            changes: self.changed.map(change).into_iter().collect(),
            version: self.version,
            holder: None,
            when_off: WhenOff::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(flag: &serde_json::Value) -> Result<Flag, String> {
        let printed = json!({"flags": [flag]}).to_string();
        list(printed.as_bytes()).map(|mut flags| flags.remove(0))
    }

    #[test]
    fn a_list_is_read_by_the_names_of_our_own() {
        let flag = read(&json!({
            "name": "checkout", "state": "percent", "percent": 25, "type": "release", "owner": "ada", "tags": ["web"],
            "ticket": "PAY-123",
            "created_at": "2026-11-01T00:00:00Z", "stale": true, "of_release": false,
            "changed": {"by": "bo", "at": "2026-11-28T21:00:00Z", "what": "on"}, "version": "7",
        }))
        .unwrap();
        assert_eq!((flag.state, flag.is_stale), (FlagState::Percent(25), true));
        assert_eq!((flag.kind.as_deref(), flag.owner.as_deref()), (Some("release"), Some("ada")));
        assert_eq!(flag.ticket.as_deref(), Some("PAY-123"));
        let changed = flag.changed().unwrap();
        assert_eq!((changed.by.as_str(), changed.what), ("bo", FlagEdit::On));
        assert_eq!(read(&json!({"name": "x", "state": "off"})).unwrap().state, FlagState::Off);
        assert_eq!(read(&json!({"name": "x", "state": "on", "percent": null})).unwrap().state, FlagState::On);
    }

    #[test]
    fn what_contradicts_itself_or_is_not_known_is_no_list() {
        for (flag, why) in [
            (json!({"name": "x"}), "missing field `state`"),
            (json!({"name": "x", "state": "enabled"}), "unknown variant `enabled`"),
            (json!({"name": "x", "state": "off", "percent": 25}), "x: `percent` contradicts `state`"),
            (json!({"name": "x", "state": "percent", "percent": 0}), "x: `percent` is no number from 1 to 99"),
            (json!({"name": "", "state": "off"}), "a flag has no name"),
        ] {
            let said = read(&flag).unwrap_err();
            assert!(said.contains(why), "{flag}: {said}");
        }
        let twice = br#"{"flags": [{"name": "x", "state": "on"}, {"name": "x", "state": "off"}]}"#;
        assert_eq!(list(twice), Err("there are two flags x".to_owned()));
        assert!(list(b"").is_err() && list(b"[]").is_err());
    }
}
