//! Flags, and what was done to them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use json_patch::Patch;
use serde_json::{Value, json};
use uuid::Uuid;

use super::NewFlag;
use super::refusal::Refusal;
use crate::clock::until;

/// Events that are kept, as many as one question may ask for.
const MAX_EVENTS: usize = 1000;

#[derive(Debug, Default)]
pub struct State {
    pub flags: BTreeMap<String, Flag>,
    /// Oldest first.
    pub events: Vec<Event>,
    next_event: u64,
}

#[derive(Debug)]
pub struct Flag {
    pub kind: String,
    pub by: String,
    pub created: Timestamp,
    pub archived: bool,
    pub tags: Vec<String>,
    /// In the order of the server's environments.
    pub environments: Vec<(String, Place)>,
}

/// A flag in one environment.
#[derive(Debug, Default)]
pub struct Place {
    pub enabled: bool,
    pub strategies: Vec<Value>,
    /// When it was turned last, and the share of users that got it then, 0 to 1.
    turned: Option<(Timestamp, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    Created,
    Archived,
    StrategyAdded,
    StrategyChanged,
    Enabled,
    Disabled,
}

impl EventKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "feature-created",
            Self::Archived => "feature-archived",
            Self::StrategyAdded => "feature-strategy-add",
            Self::StrategyChanged => "feature-strategy-update",
            Self::Enabled => "feature-environment-enabled",
            Self::Disabled => "feature-environment-disabled",
        }
    }
}

#[derive(Debug)]
pub struct Event {
    pub id: u64,
    pub kind: EventKind,
    pub flag: String,
    pub environment: Option<String>,
    pub by: String,
    pub at: Timestamp,
    pub data: Value,
}

/// A flag and an environment, by name.
pub type In<'a> = (&'a str, &'a str);
/// Who does something, and when.
pub type Author<'a> = (&'a str, Timestamp);

impl State {
    /// Makes a flag; returns whether there was none of the name.
    pub fn create(&mut self, flag: NewFlag, environments: &[String]) -> bool {
        if self.flags.contains_key(&flag.name) {
            return false;
        }
        let environments = environments.iter().map(|name| (name.clone(), Place::default())).collect();
        let made = Flag {
            kind: flag.kind,
            by: flag.by.clone(),
            created: flag.at,
            archived: false,
            tags: Vec::new(),
            environments,
        };
        self.note(EventKind::Created, (&flag.name, None), (&flag.by, flag.at), Value::Null);
        self.flags.insert(flag.name, made);
        true
    }

    /// Turns a flag, unless it is as wanted already. What is enabled without a strategy gets one that lets everybody in.
    pub fn turn(&mut self, at: In<'_>, on: bool, author: Author<'_>, take_up: Duration) -> Result<(), Refusal> {
        let (name, environment) = at;
        let reached = self.reach(at, author.1, take_up);
        let place = self.place(at)?;
        if place.enabled == on {
            return Ok(());
        }
        place.enabled = on;
        place.turned = Some((author.1, reached));
        let lacks_strategy = on && place.strategies.is_empty();
        if lacks_strategy {
            self.add_strategy(at, flexible(name, 100), author)?;
        }
        let kind = if on { EventKind::Enabled } else { EventKind::Disabled };
        self.note(kind, (name, Some(environment)), author, Value::Null);
        Ok(())
    }

    /// Adds a strategy to a flag in an environment, and returns it as it is kept.
    pub fn add_strategy(&mut self, at: In<'_>, asked: Value, author: Author<'_>) -> Result<Value, Refusal> {
        let place = self.place(at)?;
        let mut strategy = json!({
            "id": Uuid::now_v7().to_string(), "name": "default", "constraints": [], "parameters": {}, "variants": [],
            "segments": [], "title": null, "disabled": false, "sortOrder": place.strategies.len(),
        });
        if let (Some(kept), Value::Object(asked)) = (strategy.as_object_mut(), asked) {
            kept.extend(asked);
        }
        place.strategies.push(strategy.clone());
        self.note(EventKind::StrategyAdded, (at.0, Some(at.1)), author, strategy.clone());
        Ok(strategy)
    }

    /// Changes a strategy by a JSON patch, and returns it as it is kept.
    pub fn patch_strategy(
        &mut self,
        at: In<'_>,
        (id, patch): (&str, &Patch),
        author: Author<'_>,
        take_up: Duration,
    ) -> Result<Value, Refusal> {
        let reached = self.reach(at, author.1, take_up);
        let place = self.place(at)?;
        let found = place.strategies.iter_mut().find(|strategy| strategy["id"] == id);
        let kept = found.ok_or_else(|| Refusal::no_strategy(id))?;
        let mut changed = kept.clone();
        json_patch::patch(&mut changed, patch).map_err(|error| Refusal::not_patched(&error))?;
        *kept = changed.clone();
        place.turned = Some((author.1, reached));
        self.note(EventKind::StrategyChanged, (at.0, Some(at.1)), author, changed.clone());
        Ok(changed)
    }

    pub fn add_tag(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let flag = self.flags.get_mut(name).ok_or_else(|| Refusal::no_feature(name))?;
        flag.tags.push(value.to_owned());
        Ok(())
    }

    pub fn archive(&mut self, name: &str, author: Author<'_>) -> Result<(), Refusal> {
        let flag = self.flags.get_mut(name).ok_or_else(|| Refusal::no_feature(name))?;
        flag.archived = true;
        for (_, place) in &mut flag.environments {
            place.enabled = false;
        }
        self.note(EventKind::Archived, (name, None), author, Value::Null);
        Ok(())
    }

    /// Returns the share of users that get a flag at a moment, 0 to 1, where clients ask once in `take_up`.
    pub fn reach(&self, (name, environment): In<'_>, now: Timestamp, take_up: Duration) -> f64 {
        let flag = self.flags.get(name);
        let place = flag.and_then(|flag| flag.environments.iter().find(|(other, _)| other == environment));
        let Some((_, place)) = place else { return 0.0 };
        let wanted = if place.enabled { widest(&place.strategies) } else { 0.0 };
        match place.turned {
            Some((at, before)) if !take_up.is_zero() => {
                let taken_up = (until(at, now).as_secs_f64() / take_up.as_secs_f64()).min(1.0);
                before + (wanted - before) * taken_up
            }
            _ => wanted,
        }
    }

    fn place(&mut self, (name, environment): In<'_>) -> Result<&mut Place, Refusal> {
        let flag = self.flags.get_mut(name).ok_or_else(|| Refusal::no_feature(name))?;
        if flag.archived {
            return Err(Refusal::archived());
        }
        let place = flag.environments.iter_mut().find(|(other, _)| other == environment);
        place.map(|(_, place)| place).ok_or_else(|| Refusal::no_environment(environment, name))
    }

    fn note(&mut self, kind: EventKind, (flag, environment): (&str, Option<&str>), (by, at): Author<'_>, data: Value) {
        self.next_event += 1;
        let environment = environment.map(ToOwned::to_owned);
        let (flag, by) = (flag.to_owned(), by.to_owned());
        self.events.push(Event { id: self.next_event, kind, flag, environment, by, at, data });
        if self.events.len() > MAX_EVENTS {
            self.events.remove(0);
        }
    }
}

fn flexible(name: &str, percent: u8) -> Value {
    let parameters = json!({"groupId": name, "rollout": percent.to_string(), "stickiness": "default"});
    json!({"name": "flexibleRollout", "parameters": parameters})
}

/// The share that the widest strategy lets in, 0 to 1.
fn widest(strategies: &[Value]) -> f64 {
    let share = |strategy: &Value| {
        let percent = strategy["parameters"]["rollout"].as_str().and_then(|text| text.parse::<f64>().ok());
        percent.map_or(1.0, |percent| (percent / 100.0).clamp(0.0, 1.0))
    };
    strategies.iter().map(share).reduce(f64::max).unwrap_or(1.0)
}
