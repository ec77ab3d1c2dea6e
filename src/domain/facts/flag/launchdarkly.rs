//! What the REST API of LaunchDarkly says of flags, version 20240415. What is missing is not known.
//!
//! A boolean flag is on for whoever gets `true`, another one for whoever gets another variation than the one that off serves.

mod log;
mod patch;
mod reach;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde_json::Value;

pub use log::{changes, note, specifier};
pub use patch::changes_to;

use super::{Flag, FlagChange, FlagEdit, FlagState, SOMEBODY, WhenOff, ticket};
use reach::Settings;

/// A page of the list of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub flags: Vec<Flag>,
    /// How many flags it lists, archived ones among them.
    pub listed: usize,
    /// How many flags the project has.
    pub total: usize,
    /// Whether it has flags, and none of them has the environment: then it is not there, and nothing is off in it.
    pub lacks_environment: bool,
}

/// Reads a page; archived flags are left out. `None` where it is none.
#[must_use]
pub fn page(answer: &Value, environment: &str) -> Option<Page> {
    let items = answer.get("items")?.as_array()?;
    let total = match answer.get("totalCount") {
        Some(total) => usize::try_from(total.as_u64()?).ok()?,
        // Without a count, and more to come, there is no telling when the list is whole.
        None if answer["_links"]["next"].is_null() => items.len(),
        None => return None,
    };
    let lacks_environment = !items.is_empty() && !items.iter().any(|item| has_environment(item, environment));
    let flags: Option<Vec<Flag>> =
        items.iter().filter(|item| item["archived"] != true).map(|item| flag(item, environment)).collect();
    Some(Page { flags: flags?, listed: items.len(), total, lacks_environment })
}

/// Reads a flag, also where it is not set up in the environment. `None` where it is none.
#[must_use]
pub fn flag(item: &Value, environment: &str) -> Option<Flag> {
    let settings = Settings::of(item, environment);
    let kind = match item["temporary"].as_bool() {
        Some(true) => Some("temporary".to_owned()),
        Some(false) => Some("permanent".to_owned()),
        None => None,
    };
    let tags = item["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    let tags: Vec<String> = tags.iter().filter_map(|tag| tag.as_str().map(ToOwned::to_owned)).collect();
    Some(Flag {
        name: item["key"].as_str().filter(|key| !key.is_empty())?.to_owned(),
        state: settings.as_ref().map_or(FlagState::Some, Settings::state),
        kind,
        owner: owner(item),
        ticket: ticket_of(item, &tags),
        tags,
        created: time(&item["creationDate"]),
        is_stale: item["deprecated"] == true,
        // Who it was, and what was done, stands in the log.
        changes: last_modified(item, environment)
            .map(|at| FlagChange { by: SOMEBODY.to_owned(), at, what: FlagEdit::Changed })
            .into_iter()
            .collect(),
        version: version(item, environment),
        holder: None,
        when_off: settings.as_ref().map_or(WhenOff::default(), Settings::when_off),
    })
}

/// Whether an environment of this key is among those of a flag.
#[must_use]
pub fn has_environment(item: &Value, environment: &str) -> bool {
    item["environments"].get(environment).is_some_and(Value::is_object)
}

fn last_modified(item: &Value, environment: &str) -> Option<Timestamp> {
    time(&item["environments"][environment]["lastModified"])
}

/// What a flag is for all environments has a version of its own.
fn version(item: &Value, environment: &str) -> Option<String> {
    let (whole, here) = (item["_version"].as_u64()?, item["environments"][environment]["version"].as_u64()?);
    Some(format!("{whole}.{here}"))
}

fn owner(item: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(ToOwned::to_owned);
    text(&item["_maintainer"]["email"])
        .or_else(|| text(&item["_maintainerTeam"]["name"]))
        .or_else(|| text(&item["maintainerTeamKey"]))
}

/// Returns what a custom property says that is one of a tracker, as its integrations write them; else a tag or the description.
fn ticket_of(item: &Value, tags: &[String]) -> Option<String> {
    let properties = item["customProperties"].as_object().into_iter().flatten();
    let of_tracker = properties.filter(|(key, property)| {
        let names = [key.as_str(), property["name"].as_str().unwrap_or_default()].map(str::to_lowercase);
        names.iter().any(|name| ["ticket", "jira", "issue"].into_iter().any(|word| name.contains(word)))
    });
    let values = of_tracker.filter_map(|(_, property)| property["value"].as_array()).flatten();
    let in_property =
        values.filter_map(Value::as_str).find_map(|text| ticket::of_text(text).or_else(|| ticket::of_field(text)));
    let described = || item["description"].as_str().and_then(ticket::of_text);
    in_property.or_else(|| ticket::of_tags(tags)).or_else(described)
}

/// Milliseconds since 1970; 0 stands for never.
fn time(value: &Value) -> Option<Timestamp> {
    Timestamp::from_millisecond(value.as_i64().filter(|millis| *millis > 0)?).ok()
}
