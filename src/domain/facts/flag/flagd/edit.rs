//! Turning flags in the text of a document.
//!
//! Off gives everybody the variant that is `false`: that is known, while the default in the code, which clients fall back to
//! for a disabled flag, is not. Targeting is kept, below a condition that never holds, so that `on` can take it up again. A
//! flag that has no such variant is disabled.

use serde_json::Value;

use super::{DEFAULT_VARIANT, DISABLED, Definition, Document, ENABLED, STATE, TARGETING, spans};
use crate::domain::facts::flag::{FlagState, Turn};

impl Document {
    /// Returns the text with a flag turned; `None` where it is turned so already.
    ///
    /// # Errors
    /// Why it cannot be turned.
    pub fn turned(&self, name: &str, turn: Turn) -> Result<Option<String>, String> {
        let definition = self.definition(name).ok_or_else(|| format!("there is no flag {name}"))?;
        match turn {
            Turn::Off => Ok(self.off(name, &definition)),
            Turn::On => self.on(name, &definition),
            Turn::Share(share) => self.divided(name, &definition, share),
        }
    }

    fn off(&self, name: &str, definition: &Definition<'_>) -> Option<String> {
        let Some(off) = definition.named(false).first().map(|off| Value::from(*off).to_string()) else {
            return if definition.is_disabled {
                None
            } else {
                self.set(name, STATE, &Value::from(DISABLED).to_string())
            };
        };
        let served = definition.served(&self.evaluators);
        let is_pinned = served.iter().all(|value| *value == Some(&Value::Bool(false)));
        match (definition.is_disabled, is_pinned) {
            (false, true) => None,
            (false, false) => self.pinned(name, definition, &off),
            // Enabled, it says `false`; disabled, the code decides.
            (true, _) => {
                let text = if is_pinned { self.text.clone() } else { self.pinned(name, definition, &off)? };
                Self::parse(text).ok()?.set(name, STATE, &Value::from(ENABLED).to_string())
            }
        }
    }

    /// Returns the text with everybody given one variant, written as JSON.
    fn pinned(&self, name: &str, definition: &Definition<'_>, off: &str) -> Option<String> {
        match definition.targeting.and_then(|_| spans::value(&self.text, &["flags", name, TARGETING])) {
            Some(rule) => {
                let kept = self.text.get(rule)?;
                self.set(name, TARGETING, &format!("{{\"if\": [false, {kept}, {off}]}}"))
            }
            None => self.set(name, DEFAULT_VARIANT, off),
        }
    }

    fn on(&self, name: &str, definition: &Definition<'_>) -> Result<Option<String>, String> {
        if !definition.is_disabled && definition.state(&self.evaluators) != FlagState::Off {
            return Ok(None);
        }
        let next = if definition.is_disabled {
            self.set(name, STATE, &Value::from(ENABLED).to_string())
        } else if let Some(rule) = self.kept_rule(name, definition) {
            self.set(name, TARGETING, rule)
        } else if definition.targeting.is_some() {
            return Err(format!("the targeting of {name} lets nobody in: change it in the document"));
        } else {
            let on = definition.named(true);
            let [on] = on.as_slice() else {
                return Err(format!("{name} has {} variants that are true: choose one in the document", on.len()));
            };
            self.set(name, DEFAULT_VARIANT, &Value::from(*on).to_string())
        };
        let next = Self::parse(next.ok_or_else(|| format!("{name} cannot be found in the text"))?)?;
        let again = next.turned(name, Turn::On)?;
        Ok(Some(again.unwrap_or(next.text)))
    }

    /// Returns the targeting that `off` has kept.
    pub(super) fn kept_rule(&self, name: &str, definition: &Definition<'_>) -> Option<&str> {
        let [Value::Bool(false), _, Value::String(_)] = definition.targeting?.get("if")?.as_array()?.as_slice() else {
            return None;
        };
        let branches = spans::value(&self.text, &["flags", name, TARGETING, "if"])?;
        self.text.get(spans::elements(&self.text, branches).get(1)?.clone())
    }

    /// Returns the text with a value of a flag set, which is added where it is not there.
    pub(super) fn set(&self, name: &str, key: &str, value: &str) -> Option<String> {
        let mut text = self.text.clone();
        if let Some(place) = spans::value(&text, &["flags", name, key]) {
            text.replace_range(place, value);
            return Some(text);
        }
        let definition = spans::value(&text, &["flags", name])?;
        let (blank, is_empty) = spans::opening(&text, &definition);
        let member = format!("\"{key}\": {value}");
        let added = if is_empty { member } else { format!("{member},{}", text.get(blank.clone()).unwrap_or_default()) };
        text.insert_str(blank.end, &added);
        Some(text)
    }
}
