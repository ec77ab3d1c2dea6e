//! The changes that turn a flag on, or to a share of all users: a JSON patch that holds only for the version that was read.

use serde_json::{Value, json};

use super::super::{FlagState, Share, Turn};
use super::reach::Settings;

/// What all users weigh together.
const WHOLE_WEIGHT: u32 = 100_000;

/// Returns the changes that turn a flag in an environment. Off needs none of what is read, and is no such patch.
///
/// # Errors
/// Why it cannot be turned so.
pub fn changes_to(item: &Value, environment: &str, turn: Turn) -> Result<Value, String> {
    let settings = Settings::of(item, environment).ok_or("LaunchDarkly does not say how it is set up here")?;
    let version = item["environments"][environment]["version"].as_u64();
    let version = version.ok_or("LaunchDarkly tells no version of it")?;
    let at = |rest: &str| format!("/environments/{}/{rest}", environment.replace('~', "~0").replace('/', "~1"));
    let mut changes = vec![json!({"op": "test", "path": at("version"), "value": version})];
    match turn {
        Turn::Share(share) => {
            let rule = divided(&settings, share)?;
            changes.push(json!({"op": "replace", "path": at("fallthrough"), "value": rule}));
        }
        Turn::On | Turn::Off => lets_in(&settings)?,
    }
    if settings.is_on != Some(true) || turn == Turn::On {
        changes.push(json!({"op": "replace", "path": at("on"), "value": turn != Turn::Off}));
    }
    Ok(changes.into())
}

fn lets_in(settings: &Settings<'_>) -> Result<(), String> {
    if settings.state_when_on() != FlagState::Off {
        return Ok(());
    }
    let now = if settings.is_on == Some(true) { "it is on" } else { "turned on" };
    Err(format!("{now}, its rules let nobody in: change them in LaunchDarkly"))
}

/// Returns the default rule that gives `true` to a share of all users. What users are divided by stays as it is, so that those
/// who have it keep it when the share grows.
fn divided(settings: &Settings<'_>, share: Share) -> Result<Value, String> {
    if !settings.is_boolean {
        return Err("it is no boolean flag: set the shares of its variations in LaunchDarkly".to_owned());
    }
    if settings.targeted().is_none_or(|targeted| !targeted.is_empty()) {
        return Err("targets, rules or prerequisites decide who gets it, too: change it in LaunchDarkly".to_owned());
    }
    let default = settings.default_rule();
    let rollout = &default["rollout"];
    if rollout["experimentAllocation"].is_object() || rollout["kind"] == "experiment" {
        return Err("an experiment divides its users: end it in LaunchDarkly first".to_owned());
    }
    let halves = halves(settings, &rollout["variations"])?;
    let weight = |is_given: bool| {
        let given = WHOLE_WEIGHT / 100 * u32::from(share.percent());
        if is_given { given } else { WHOLE_WEIGHT - given }
    };
    let weighted = halves.map(|(variation, is_given)| json!({"variation": variation, "weight": weight(is_given)}));
    let mut rollout = rollout.as_object().cloned().unwrap_or_default();
    rollout.insert("variations".to_owned(), json!(weighted));
    Ok(json!({"rollout": rollout}))
}

/// Returns the two variations that users are divided between, and which one is `true`, in the order that is there: another order
/// would give it to others. Where there is none, `false` comes first: that is what those get who cannot be divided.
fn halves(settings: &Settings<'_>, now: &Value) -> Result<[(usize, bool); 2], String> {
    let missing = || "it has no variation that is true, or none that is false".to_owned();
    let of = |value: bool| settings.variation_of(value).map(|variation| (variation, value)).ok_or_else(missing);
    let now = now.as_array().map(Vec::as_slice).unwrap_or_default();
    let read = |entry: &Value| {
        let variation = usize::try_from(entry["variation"].as_u64()?).ok()?;
        Some((variation, settings.is_given(Some(variation))?))
    };
    let now: Option<Vec<(usize, bool)>> = now.iter().map(read).collect();
    match now.as_deref() {
        Some([]) => Ok([of(false)?, of(true)?]),
        Some([only]) => Ok([*only, of(!only.1)?]),
        Some([one, other]) if one.1 != other.1 => Ok([*one, *other]),
        _ => Err("more than two shares divide its users: change them in LaunchDarkly".to_owned()),
    }
}
