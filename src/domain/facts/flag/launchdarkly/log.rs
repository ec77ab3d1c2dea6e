//! Who changed which flag: the audit log, of which a look gets the latest entries only.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::Value;

use super::super::{Flag, FlagChange, FlagEdit, SOMEBODY};
use super::time;

/// How far apart the times may be that log and flag have of one change.
const SAME_CHANGE: SignedDuration = SignedDuration::from_secs(2);

/// Returns the specifier of the flags of one environment.
#[must_use]
pub fn specifier(project: &str, environment: &str) -> String {
    format!("proj/{project}:env/{environment}:flag/*")
}

/// Reads who changed each flag in an environment, the latest first.
#[must_use]
pub fn changes(log: &Value, project: &str, environment: &str) -> BTreeMap<String, Vec<FlagChange>> {
    let mut all: BTreeMap<String, Vec<FlagChange>> = BTreeMap::new();
    for entry in log["items"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let accesses = entry["accesses"].as_array().map(Vec::as_slice).unwrap_or_default();
        let here = |access: &Value| flag_of(access["resource"].as_str()?, project, environment).map(ToOwned::to_owned);
        let (Some(name), Some(at)) = (accesses.iter().find_map(here), time(&entry["date"])) else { continue };
        all.entry(name).or_default().push(FlagChange { by: by(entry), at, what: edit(entry, accesses) });
    }
    for changes in all.values_mut() {
        changes.sort_by_key(|change| Reverse(change.at));
    }
    all
}

/// Adds to a flag what the log says of its changes now, and what was known before. When it was changed last the flag tells
/// itself: where the log has nothing about that, it was somebody.
pub fn note(flag: &mut Flag, before: Option<&Flag>, logged: &[FlagChange]) {
    let known = before.map(|before| before.changes.as_slice()).unwrap_or_default();
    let is_logged = |change: &FlagChange| logged.iter().any(|other| is_same(other, change));
    let mut all: Vec<FlagChange> = logged.to_vec();
    all.extend(known.iter().filter(|change| !is_logged(change)).cloned());
    for mut last in std::mem::take(&mut flag.changes) {
        if !all.iter().any(|other| is_same(other, &last)) {
            last.what = before.map_or(last.what, |before| FlagEdit::between(before, flag));
            all.push(last);
        }
    }
    all.sort_by_key(|change| Reverse(change.at));
    all.truncate(Flag::MAX_CHANGES);
    flag.changes = all;
}

/// Whether two sources tell of the same change: not all name who it was, and their clocks differ.
fn is_same(one: &FlagChange, other: &FlagChange) -> bool {
    one == other
        || ((one.by == SOMEBODY || other.by == SOMEBODY) && one.at.duration_since(other.at).abs() <= SAME_CHANGE)
}

/// Returns the flag that a specifier names, as `proj/shop:env/production;critical:flag/checkout;web,beta`.
fn flag_of<'a>(specifier: &'a str, project: &str, environment: &str) -> Option<&'a str> {
    // What stands after `;` are tags.
    let mut parts = specifier.split(':').map(|part| part.split(';').next().unwrap_or_default());
    let is_here = parts.next()?.strip_prefix("proj/")? == project && parts.next()?.strip_prefix("env/")? == environment;
    let name = parts.next()?.strip_prefix("flag/")?;
    (is_here && parts.next().is_none()).then_some(name)
}

fn by(entry: &Value) -> String {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(ToOwned::to_owned);
    let member = &entry["member"];
    text(&member["email"])
        .or_else(|| text(&member["firstName"]))
        .or_else(|| text(&entry["token"]["name"]))
        .or_else(|| text(&entry["app"]["name"]))
        .or_else(|| text(&entry["subject"]["name"]))
        .unwrap_or_else(|| SOMEBODY.to_owned())
}

/// Which way a flag was turned stands in words alone.
fn edit(entry: &Value, accesses: &[Value]) -> FlagEdit {
    if !accesses.iter().any(|access| access["action"] == "updateOn") {
        return FlagEdit::Changed;
    }
    let words = ["titleVerb", "description"].map(|key| entry[key].as_str().unwrap_or_default().to_lowercase());
    let says = |way: &str| words.iter().any(|words| words.contains(way));
    match (
        says("turned on the flag") || says("turned the flag on"),
        says("turned off the flag") || says("turned the flag off"),
    ) {
        (true, false) => FlagEdit::On,
        (false, true) => FlagEdit::Off,
        _ => FlagEdit::Changed,
    }
}
