//! Who gets what a flag switches in one environment. Clauses are not evaluated: what they ask about is known to clients only.

use serde_json::Value;

use super::super::{FlagState, WhenOff};

/// How a flag is set up in one environment.
pub(super) struct Settings<'a> {
    /// `None` where it is not told.
    pub(super) is_on: Option<bool>,
    here: &'a Value,
    variations: &'a [Value],
    pub(super) is_boolean: bool,
}

/// A variation by its index, with its weight; `None` where it is not known which.
pub(super) type Weighted = (Option<usize>, u64);

impl<'a> Settings<'a> {
    /// Returns it; `None` where the flag is not set up there.
    pub(super) fn of(item: &'a Value, environment: &str) -> Option<Self> {
        let variations = item["variations"].as_array().map(Vec::as_slice).unwrap_or_default();
        let here = item["environments"].get(environment).filter(|here| here.is_object())?;
        let is_boolean = !variations.is_empty() && variations.iter().all(|variation| variation["value"].is_boolean());
        Some(Self { is_on: here["on"].as_bool(), here, variations, is_boolean })
    }

    pub(super) fn state(&self) -> FlagState {
        match self.is_on {
            Some(true) => self.state_when_on(),
            Some(false) => match self.when_off() {
                WhenOff::Without => FlagState::Off,
                WhenOff::Everybody => FlagState::On,
                // The default in the code may be `true`.
                WhenOff::CodeDefault => FlagState::Some,
            },
            None => FlagState::Some,
        }
    }

    pub(super) fn when_off(&self) -> WhenOff {
        match self.off_variation() {
            None => WhenOff::CodeDefault,
            Some(off) if self.is_boolean && self.value(off) == Some(&Value::Bool(true)) => WhenOff::Everybody,
            Some(_) => WhenOff::Without,
        }
    }

    /// Returns who gets it while it is on.
    pub(super) fn state_when_on(&self) -> FlagState {
        let rest = self.shares(self.default_rule());
        let Some(targeted) = self.targeted() else { return FlagState::Some };
        let gets = |(variation, _): &Weighted| self.is_given(*variation);
        let served: Vec<Option<bool>> = targeted.iter().chain(&rest).map(gets).collect();
        if served.contains(&None) {
            FlagState::Some
        } else if !served.contains(&Some(true)) {
            FlagState::Off
        } else if !served.contains(&Some(false)) {
            FlagState::On
        } else if targeted.is_empty() {
            percent(&rest, |share| gets(share) == Some(true))
        } else {
            FlagState::Some
        }
    }

    /// Whether this variation gives somebody what the flag switches; `None` where it is not known.
    pub(super) fn is_given(&self, variation: Option<usize>) -> Option<bool> {
        let variation = variation?;
        if self.is_boolean {
            return self.value(variation)?.as_bool();
        }
        Some(self.off_variation() != Some(variation))
    }

    fn value(&self, variation: usize) -> Option<&'a Value> {
        self.variations.get(variation)?.get("value")
    }

    fn variation(&self, index: &Value) -> Option<usize> {
        usize::try_from(index.as_u64()?).ok().filter(|index| *index < self.variations.len())
    }

    fn off_variation(&self) -> Option<usize> {
        self.variation(&self.here["offVariation"])
    }

    /// Returns what is served to whomever nothing else is said about.
    pub(super) fn default_rule(&self) -> &'a Value {
        &self.here["fallthrough"]
    }

    /// Returns the index of the variation of a boolean flag that has this value. What is false is what off serves, where that is.
    pub(super) fn variation_of(&self, value: bool) -> Option<usize> {
        let has = |index: &usize| self.value(*index) == Some(&Value::Bool(value));
        self.off_variation().filter(has).or_else(|| (0..self.variations.len()).find(has))
    }

    /// Returns what targets, rules and prerequisites may serve; `None` where they are left out, as in a summary.
    pub(super) fn targeted(&self) -> Option<Vec<Weighted>> {
        let list = |key: &str| self.here[key].as_array();
        let (targets, rules, prerequisites) = (list("targets")?, list("rules")?, list("prerequisites")?);
        let of_contexts = list("contextTargets").map(Vec::as_slice).unwrap_or_default();
        let is_filled = |target: &&Value| target["values"].as_array().is_none_or(|values| !values.is_empty());
        let of_targets = targets.iter().chain(of_contexts).filter(is_filled);
        let of_targets = of_targets.map(|target| (self.variation(&target["variation"]), 1));
        let in_force = rules.iter().filter(|rule| rule["disabled"] != true);
        let of_rules = in_force.flat_map(|rule| self.shares(rule));
        // Where a prerequisite is not met, clients get what off serves.
        let unmet = (!prerequisites.is_empty()).then(|| (self.off_variation(), 1));
        Some(of_targets.chain(of_rules).chain(unmet).collect())
    }

    /// Returns what a rule serves: a variation, or several by weight.
    fn shares(&self, rule: &Value) -> Vec<Weighted> {
        if rule["variation"].is_u64() {
            return vec![(self.variation(&rule["variation"]), 1)];
        }
        let weighted = rule["rollout"]["variations"].as_array().map(Vec::as_slice).unwrap_or_default();
        let shares: Option<Vec<Weighted>> = weighted
            .iter()
            .map(|share| Some((self.variation(&share["variation"]), share["weight"].as_u64()?)))
            .filter(|share| share.is_none_or(|(_, weight)| weight > 0))
            .collect();
        shares.filter(|shares| !shares.is_empty()).unwrap_or_else(|| vec![(None, 1)])
    }
}

/// Neither nobody nor everybody, however few they are.
fn percent(shares: &[Weighted], is_chosen: impl Fn(&Weighted) -> bool) -> FlagState {
    let weigh = |(_, weight): &Weighted| u128::from(*weight);
    let total: u128 = shares.iter().map(weigh).sum();
    let chosen: u128 = shares.iter().filter(|share| is_chosen(share)).map(weigh).sum();
    let percent = (chosen * 100 + total / 2) / total.max(1);
    FlagState::Percent(u8::try_from(percent.clamp(1, 99)).unwrap_or(99))
}
