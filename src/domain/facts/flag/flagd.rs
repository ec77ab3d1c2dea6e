//! Flag definitions of flagd, by its [schema](https://flagd.dev/schema/v0/flags.json). What is changed is changed in the text:
//! layout, order and everything else stay.
//!
//! A boolean flag is on where somebody gets a variant that is `true`. For a disabled flag
//! flagd answers as if there were none, and clients fall back to the default in their code: what that is is not known. A flag of another type is on while it is enabled.

mod divide;
mod edit;
mod reach;
mod spans;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Flag, FlagState, WhenOff, ticket};
use reach::Reach;

const STATE: &str = "state";
const VARIANTS: &str = "variants";
const DEFAULT_VARIANT: &str = "defaultVariant";
const TARGETING: &str = "targeting";
const ENABLED: &str = "ENABLED";
const DISABLED: &str = "DISABLED";

/// A document of flag definitions.
#[derive(Clone, Debug)]
pub struct Document {
    text: String,
    definitions: Map<String, Value>,
    /// What the shared rules come to.
    evaluators: BTreeMap<String, Reach>,
    /// The shared rules as they stand: a flag that uses one changes with it.
    shared: String,
}

impl Document {
    /// Reads it.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: String) -> Result<Self, String> {
        let mut root: Value = serde_json::from_str(&text).map_err(|error| format!("it is no JSON: {error}"))?;
        let shared = root.get("$evaluators").map(Value::to_string).unwrap_or_default();
        let evaluators = reach::of_evaluators(&root["$evaluators"]);
        match root.get_mut("flags").map(Value::take) {
            Some(Value::Object(definitions)) => Ok(Self { text, definitions, evaluators, shared }),
            Some(Value::Array(_)) => {
                Err("`flags` is a list: flags by name are understood, and no flag sets".to_owned())
            }
            Some(_) | None => Err("it has no `flags`: it is no document of flagd".to_owned()),
        }
    }

    /// Returns all flags.
    #[must_use]
    pub fn flags(&self) -> Vec<Flag> {
        self.definitions.keys().filter_map(|name| self.flag(name)).collect()
    }

    /// Returns the names of flags that it may have otherwise than an older one, or that that does not have.
    pub fn differing<'a>(&'a self, older: &'a Self) -> impl Iterator<Item = &'a str> {
        let is_changed = |(name, definition): &(&String, &Value)| {
            self.shared != older.shared || older.definitions.get(name.as_str()) != Some(definition)
        };
        self.definitions.iter().filter(is_changed).map(|(name, _)| name.as_str())
    }

    /// Returns a flag.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<Flag> {
        let definition = self.definition(name)?;
        let uses_shared = definition.targeting.is_some_and(|rule| rule.to_string().contains("\"$ref\""));
        let of_metadata = |key: &str| Some(format!("{key}:{}", definition.whole["metadata"][key].as_str()?));
        Some(Flag {
            name: name.to_owned(),
            state: definition.state(&self.evaluators),
            kind: Some(definition.describe(&self.evaluators)),
            owner: definition.whole["metadata"]["owner"].as_str().map(ToOwned::to_owned),
            tags: ["remove-by", "type"].into_iter().filter_map(of_metadata).collect(),
            ticket: definition.whole["metadata"]["ticket"].as_str().and_then(ticket::of_field),
            created: None,
            is_stale: false,
            changes: Vec::new(),
            version: Some(format!("{}{}", definition.whole, if uses_shared { self.shared.as_str() } else { "" })),
            holder: None,
            when_off: WhenOff::default(),
        })
    }

    fn definition(&self, name: &str) -> Option<Definition<'_>> {
        Definition::of(self.definitions.get(name)?)
    }
}

/// The definition of a flag.
struct Definition<'a> {
    whole: &'a Value,
    is_disabled: bool,
    variants: Option<&'a Map<String, Value>>,
    default: Option<&'a str>,
    /// `None` where it is empty.
    targeting: Option<&'a Value>,
}

impl<'a> Definition<'a> {
    fn of(whole: &'a Value) -> Option<Self> {
        let definition = whole.as_object()?;
        let is_rule = |rule: &&Value| !rule.is_null() && rule.as_object().is_none_or(|rule| !rule.is_empty());
        Some(Self {
            whole,
            is_disabled: whole[STATE] == DISABLED,
            variants: whole[VARIANTS].as_object().filter(|variants| !variants.is_empty()),
            default: whole[DEFAULT_VARIANT].as_str(),
            targeting: definition.get(TARGETING).filter(is_rule),
        })
    }

    fn is_boolean(&self) -> bool {
        self.variants.is_some_and(|variants| variants.values().all(Value::is_boolean))
    }

    /// Returns the variants of a boolean flag that have this value.
    fn named(&self, value: bool) -> Vec<&'a str> {
        let variants = self.variants.filter(|_| self.is_boolean()).into_iter().flatten();
        variants.filter(|(_, has)| **has == Value::Bool(value)).map(|(name, _)| name.as_str()).collect()
    }

    /// Returns the values that clients may get while it is enabled; `None` stands for the default in their code.
    fn served(&self, evaluators: &BTreeMap<String, Reach>) -> Vec<Option<&'a Value>> {
        let variant = |name: &str| self.variants.and_then(|variants| variants.get(name));
        let by_default = || self.default.and_then(variant);
        let Some(rule) = self.targeting else { return vec![by_default()] };
        let reach = reach::of_rule(rule, Some(evaluators));
        if reach.is_anything {
            let all = self.variants.into_iter().flat_map(Map::values).map(Some);
            return all.chain([by_default()]).collect();
        }
        // A name that no variant has is an error, and clients get the default in their code; in old versions, the default variant.
        let named = reach.variants.iter().flat_map(|name| match variant(name) {
            Some(value) => vec![Some(value)],
            None => vec![None, by_default()],
        });
        named.chain(reach.is_default.then(by_default)).collect()
    }

    fn state(&self, evaluators: &BTreeMap<String, Reach>) -> FlagState {
        // The default in the code may be `true`: off is only what says `false`, or what cannot.
        if self.is_disabled {
            return if self.named(false).is_empty() { FlagState::Off } else { FlagState::Some };
        }
        if !self.is_boolean() {
            return FlagState::On;
        }
        let served = self.served(evaluators);
        let is_true = |value: Option<&Value>| value == Some(&Value::Bool(true));
        if served.iter().all(|value| *value == Some(&Value::Bool(false))) {
            FlagState::Off
        } else if served.iter().any(Option::is_none) {
            FlagState::Some
        } else if served.iter().copied().all(is_true) {
            FlagState::On
        } else {
            let share = self.targeting.and_then(|rule| reach::share(rule, &self.named(true)));
            share.map_or(FlagState::Some, FlagState::Percent)
        }
    }

    /// Says what type it has, and what clients get where that is neither true nor false.
    fn describe(&self, evaluators: &BTreeMap<String, Reach>) -> String {
        let kind = match self.variants.and_then(|variants| variants.values().next()) {
            None => "no variants",
            Some(Value::Bool(_)) if self.is_boolean() => "boolean",
            Some(Value::String(_)) => "string",
            Some(Value::Number(_)) => "number",
            Some(_) => "object",
        };
        let served = self.served(evaluators);
        if self.is_disabled {
            format!("{kind}, DISABLED: the default in the code")
        } else if served.iter().all(Option::is_none) {
            format!("{kind}, no default variant: the default in the code")
        } else if self.is_boolean() {
            kind.to_owned()
        } else {
            match (self.targeting, self.default) {
                (None, Some(variant)) => format!("{kind}, serves {variant}"),
                _ => format!("{kind}, by its targeting"),
            }
        }
    }
}
