//! Giving a flag to a share of all users, in the text of a document.
//!
//! `fractional` divides users by their targeting key. Who has none gets the default variant: the one that is `false`, until
//! everybody gets the flag.

use serde_json::Value;

use super::{DEFAULT_VARIANT, Definition, Document, ENABLED, STATE, TARGETING, reach, spans};
use crate::domain::facts::flag::Share;

const FRACTIONAL: &str = "fractional";

/// The variants that users are divided between.
struct Pair {
    given: String,
    kept: String,
}

impl Document {
    /// Returns the text with a share of all users given the variant that is `true`; `None` where it says so already.
    ///
    /// # Errors
    /// Why a share cannot be set: more than a share decides who gets the flag.
    pub(super) fn divided(
        &self,
        name: &str,
        definition: &Definition<'_>,
        share: Share,
    ) -> Result<Option<String>, String> {
        if !definition.is_boolean() {
            return Err(format!("{name} is no boolean flag: set the shares of its variants in the document"));
        }
        let (rule, text) = self.rule_in_force(name, definition);
        let rule = rule
            .map(fractional)
            .transpose()
            .map_err(|()| format!("the targeting of {name} says more than a share: change it in the document"))?;
        let pair = pair(name, definition, rule)?;
        // What users are divided by stays as it is written, so that those who have it keep it when the share grows.
        let by = rule.zip(text).and_then(|(parts, text)| divided_by(parts, text));
        let targeting = written(by, &pair, is_kept_first(&pair, rule), share);
        let default = if share == Share::ALL { &pair.given } else { &pair.kept };
        let default = Value::from(default.as_str()).to_string();
        let edits = [(TARGETING, targeting), (DEFAULT_VARIANT, default), (STATE, Value::from(ENABLED).to_string())];
        let mut next = self.clone();
        for (key, value) in edits {
            if next.says(name, key, &value) {
                continue;
            }
            let text = next.set(name, key, &value).ok_or_else(|| format!("{name} cannot be found in the text"))?;
            next = Self::parse(text)?;
        }
        Ok((next.text != self.text).then_some(next.text))
    }

    /// Whether a flag has a value already, however it is written. Without a state it is enabled.
    fn says(&self, name: &str, key: &str, value: &str) -> bool {
        let now = self.definitions.get(name).and_then(|definition| definition.get(key));
        let Ok(wanted) = serde_json::from_str::<Value>(value) else { return false };
        now.map_or_else(|| key == STATE && wanted == ENABLED, |now| *now == wanted)
    }

    /// Returns the targeting, or what `off` has kept of it, as a value and as it is written.
    fn rule_in_force<'a>(&'a self, name: &str, definition: &Definition<'a>) -> (Option<&'a Value>, Option<&'a str>) {
        let written = |path: &[&str]| self.text.get(spans::value(&self.text, path)?);
        match (definition.targeting, self.kept_rule(name, definition)) {
            (Some(whole), Some(kept)) => (whole["if"].get(1), Some(kept)),
            (Some(whole), None) if is_pinned_default(whole, definition) => (None, None),
            (whole, _) => (whole, written(&["flags", name, TARGETING])),
        }
    }
}

/// Whether targeting comes to nothing but the default variant.
fn is_pinned_default(rule: &Value, definition: &Definition<'_>) -> bool {
    rule.as_str().is_some_and(|variant| Some(variant) == definition.default)
}

/// Returns the parts of a rule that only divides users between two variants.
fn fractional(rule: &Value) -> Result<&Vec<Value>, ()> {
    let parts = rule.as_object().filter(|rule| rule.len() == 1).and_then(|rule| rule.get(FRACTIONAL)?.as_array());
    parts.filter(|parts| reach::buckets(parts).is_some_and(|buckets| buckets.len() == 2)).ok_or(())
}

fn pair(name: &str, definition: &Definition<'_>, rule: Option<&Vec<Value>>) -> Result<Pair, String> {
    let (given, kept) = (definition.named(true), definition.named(false));
    let named: Vec<&str> =
        rule.and_then(|parts| reach::buckets(parts)).into_iter().flatten().map(|part| part.0).collect();
    let chosen = |variants: &[&str], what: bool| {
        let of_rule = variants.iter().find(|variant| named.contains(variant));
        let of_default = variants.iter().find(|variant| Some(**variant) == definition.default);
        match (of_rule.or(of_default), variants) {
            (Some(variant), _) | (None, [variant]) => Ok((*variant).to_owned()),
            (None, _) => {
                Err(format!("{name} has {} variants that are {what}: choose one in the document", variants.len()))
            }
        }
    };
    let pair = Pair { given: chosen(&given, true)?, kept: chosen(&kept, false)? };
    let is_both = named.contains(&pair.given.as_str()) && named.contains(&pair.kept.as_str());
    if named.is_empty() || is_both {
        Ok(pair)
    } else {
        Err(format!("the targeting of {name} says more than a share: change it in the document"))
    }
}

/// Returns what users are divided by, as it is written, where a rule says so.
fn divided_by<'a>(parts: &[Value], text: &'a str) -> Option<&'a str> {
    let first = parts.first().filter(|first| !first.is_array())?;
    let array = spans::value(text, &[FRACTIONAL])?;
    let place = spans::elements(text, array).into_iter().next()?;
    text.get(place).filter(|written| serde_json::from_str::<Value>(written).is_ok_and(|value| value == *first))
}

/// Whether the variant that is `false` stands first now: another order would give the flag to others.
fn is_kept_first(pair: &Pair, rule: Option<&Vec<Value>>) -> bool {
    let first = rule.and_then(|parts| reach::buckets(parts)?.first().map(|bucket| bucket.0));
    first == Some(pair.kept.as_str())
}

fn written(by: Option<&str>, pair: &Pair, is_kept_first: bool, share: Share) -> String {
    let bucket = |variant: &str, weight: u8| format!("[{}, {weight}]", Value::from(variant));
    let mut parts = [bucket(&pair.given, share.percent()), bucket(&pair.kept, 100 - share.percent())];
    if is_kept_first {
        parts.reverse();
    }
    let parts: Vec<String> = by.map(str::to_owned).into_iter().chain(parts).collect();
    format!("{{\"{FRACTIONAL}\": [{}]}}", parts.join(", "))
}
