//! What a targeting rule may come to. Conditions are not evaluated: what they ask about is known to clients only.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Which variants a rule may choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) variants: BTreeSet<String>,
    /// Whether it may choose none, so that the default variant is served.
    pub(super) is_default: bool,
    /// Whether it may be any: the rule is not understood.
    pub(super) is_anything: bool,
}

impl Reach {
    fn default_variant() -> Self {
        Self { is_default: true, ..Self::default() }
    }

    fn anything() -> Self {
        Self { is_anything: true, ..Self::default() }
    }

    fn variant(name: impl Into<String>) -> Self {
        Self { variants: BTreeSet::from([name.into()]), ..Self::default() }
    }

    fn or(mut self, other: Self) -> Self {
        self.variants.extend(other.variants);
        self.is_default |= other.is_default;
        self.is_anything |= other.is_anything;
        self
    }
}

/// Returns what the shared rules may come to, by name.
pub(super) fn of_evaluators(evaluators: &Value) -> BTreeMap<String, Reach> {
    let all = evaluators.as_object().into_iter().flatten();
    all.map(|(name, rule)| (name.clone(), of_rule(rule, None))).collect()
}

/// Returns what a rule may come to; `shared` are the rules that it may refer to.
pub(super) fn of_rule(rule: &Value, shared: Option<&BTreeMap<String, Reach>>) -> Reach {
    match rule {
        Value::Null => Reach::default_variant(),
        // flagd takes a condition for the name of a variant.
        Value::Bool(value) => Reach::variant(value.to_string()),
        Value::String(name) => Reach::variant(name),
        Value::Number(_) | Value::Array(_) => Reach::anything(),
        Value::Object(rule) => {
            let mut operations = rule.iter();
            match (operations.next(), operations.next()) {
                (None, _) => Reach::default_variant(),
                (Some((operation, operands)), None) => of_operation(operation, operands, shared),
                (Some(_), Some(_)) => Reach::anything(),
            }
        }
    }
}

fn of_operation(operation: &str, operands: &Value, shared: Option<&BTreeMap<String, Reach>>) -> Reach {
    match (operation, operands) {
        ("if" | "?:", Value::Array(branches)) => of_if(branches, shared),
        ("fractional", Value::Array(parts)) => {
            let Some(buckets) = buckets(parts) else { return Reach::anything() };
            // Without the property that it divides users by it comes to nothing.
            let chosen = buckets.iter().filter(|(_, weight)| *weight > 0.0).map(|(name, _)| Reach::variant(*name));
            chosen.fold(Reach::default_variant(), Reach::or)
        }
        ("$ref", Value::String(name)) => {
            shared.and_then(|shared| shared.get(name)).cloned().unwrap_or_else(Reach::anything)
        }
        _ => Reach::anything(),
    }
}

/// `[condition, then, condition, then, …, else]`.
fn of_if(branches: &[Value], shared: Option<&BTreeMap<String, Reach>>) -> Reach {
    let mut reach = Reach::default();
    for pair in branches.chunks(2) {
        reach = match pair {
            [Value::Bool(false) | Value::Null, _] => reach,
            [Value::Bool(true), then] => return reach.or(of_rule(then, shared)),
            [_, then] => reach.or(of_rule(then, shared)),
            // What is left over is the `else`.
            [otherwise] => return reach.or(of_rule(otherwise, shared)),
            _ => reach,
        };
    }
    reach.or(Reach::default_variant())
}

/// Returns the share of users in percent whom a rule that only divides them gives one of these variants.
pub(super) fn share(rule: &Value, variants: &[&str]) -> Option<u8> {
    let rule = rule.as_object().filter(|rule| rule.len() == 1)?;
    let buckets = buckets(rule.get("fractional")?.as_array()?)?;
    let total: f64 = buckets.iter().map(|(_, weight)| weight).sum();
    let chosen: f64 = buckets.iter().filter(|(name, _)| variants.contains(name)).map(|(_, weight)| weight).sum();
    // Neither nobody nor everybody, however few they are.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within 1 and 99")]
    (chosen > 0.0 && chosen < total).then(|| (chosen / total * 100.0).round().clamp(1.0, 99.0) as u8)
}

/// Returns variants with their weights; `None` where they are not plain.
pub(super) fn buckets(parts: &[Value]) -> Option<Vec<(&str, f64)>> {
    // The first part may say what users are divided by.
    let rest = match parts {
        [Value::Array(_), ..] | [] => parts,
        [_, rest @ ..] => rest,
    };
    rest.iter().map(bucket).collect()
}

fn bucket(part: &Value) -> Option<(&str, f64)> {
    match part.as_array()?.as_slice() {
        [Value::String(name)] => Some((name, 1.0)),
        [Value::String(name), weight] => Some((name, weight.as_f64().filter(|weight| *weight >= 0.0)?)),
        _ => None,
    }
}
