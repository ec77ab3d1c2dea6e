//! How bad a result is: its level, and its score for security.

use serde_json::Value;

use super::shape::{Configuration, Reference, Rule, Run, SarifResult};
use crate::config::checks::sarif::Level;

/// What a result comes to.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// It is a finding of this level, where it has one; and its score, 0 to 10, where it has one.
    Counts { level: Option<Level>, severity: Option<f64>, is_default: bool },
    /// Someone said that it is fine.
    Suppressed,
    /// It is no finding.
    None,
    /// What is not understood.
    Unknown(String),
}

/// The rules that a result may mean.
struct Rules<'a> {
    found: Vec<&'a Rule>,
    /// Whether it points at one that is not there.
    is_lost: bool,
}

impl Run {
    /// Says what a result comes to.
    pub fn outcome(&self, result: &SarifResult) -> Outcome {
        match result.baseline_state.as_deref() {
            Some("absent") => return Outcome::None,
            None | Some("new" | "unchanged" | "updated") => {}
            Some(other) => return Outcome::Unknown(format!("the baseline state `{other}` is not known")),
        }
        let is_suppressed = result.is_suppressed();
        let severity = match self.severity(result) {
            Ok(severity) => severity,
            Err(value) => {
                return Outcome::Unknown(format!("the security severity `{value}` is no number from 0 to 10"));
            }
        };
        let level = match self.level(result) {
            Ok(level) => level,
            Err(_) if is_suppressed => return Outcome::Suppressed,
            Err(why) => return Outcome::Unknown(why),
        };
        match level {
            Found::NoFailure => Outcome::None,
            _ if is_suppressed => Outcome::Suppressed,
            Found::Level(None, _) if severity.is_none() => Outcome::None,
            Found::Level(level, is_default) => Outcome::Counts { level, severity, is_default },
        }
    }

    /// § 3.27.9 and 3.27.10: the level of what is no failure is none; else its own, that which its run or its rule is
    /// configured to, or warning.
    fn level(&self, result: &SarifResult) -> Result<Found, String> {
        let own = result.level.as_deref().map(word).transpose()?;
        match result.kind.as_deref().unwrap_or("fail") {
            "fail" => {}
            "pass" | "informational" | "notApplicable" => {
                return match own.flatten() {
                    None => Ok(Found::NoFailure),
                    Some(level) if level < Level::Error => Ok(Found::Level(Some(level), false)),
                    Some(_) => Err("kind and level contradict each other".to_owned()),
                };
            }
            kind @ ("open" | "review") => {
                return Err(format!(
                    "its kind is `{kind}`: someone has to look at it, and suppress it where it is fine"
                ));
            }
            other => return Err(format!("the kind `{other}` is not known")),
        }
        if let Some(own) = own {
            return Ok(Found::Level(own, false));
        }
        let rules = self.rules(result);
        let of = |configuration: &Configuration| configuration.level.as_deref().map(word).transpose();
        let index = result.provenance.invocation_index.and_then(|index| usize::try_from(index).ok());
        let mut overrides = Vec::new();
        for (i, invocation) in self.invocations.iter().enumerate() {
            for one in &invocation.rule_configuration_overrides {
                let meant = self.referenced(&one.descriptor).found;
                let is_this = meant.iter().any(|rule| rules.found.iter().any(|found| std::ptr::eq(*rule, *found)))
                    || one.descriptor.id.as_deref().is_some_and(|id| Some(id) == own_id(result));
                if is_this && index.is_none_or(|index| index == i) {
                    overrides.extend(of(&one.configuration)?);
                }
            }
        }
        let mut levels = Vec::new();
        for rule in &rules.found {
            levels.extend(of(&rule.default_configuration)?);
        }
        // Where it is not said which run it is from, the graver level counts.
        if index.is_some() && !overrides.is_empty() {
            levels = overrides;
        } else {
            levels.extend(overrides);
        }
        match levels.into_iter().max() {
            Some(level) => Ok(Found::Level(level, false)),
            None if rules.is_lost => {
                Err("it has no level, and its rule is not in the file, which may give it one".to_owned())
            }
            None => Ok(Found::Level(Some(Level::Warning), true)),
        }
    }

    /// Returns the score for security of the result or of its rule, whichever is worse.
    fn severity(&self, result: &SarifResult) -> Result<Option<f64>, String> {
        let mut worst: Option<f64> = None;
        let of_rules = self.rules(result).found.into_iter().map(|rule| &rule.properties);
        for value in of_rules.chain([&result.properties]).filter_map(|properties| properties.severity.as_ref()) {
            let number = score(value).ok_or_else(|| value.to_string().chars().take(40).collect::<String>())?;
            worst = Some(number.max(worst.unwrap_or_default()));
        }
        Ok(worst)
    }

    /// Returns the rule of a result.
    pub fn rule(&self, result: &SarifResult) -> Option<&Rule> {
        self.rules(result).found.first().copied()
    }

    /// § 3.27.5 to 3.27.7: the rules that a result names, by index, guid or id.
    fn rules(&self, result: &SarifResult) -> Rules<'_> {
        let mut rules = match &result.rule {
            Some(reference) => self.referenced(reference),
            None => Rules { found: Vec::new(), is_lost: false },
        };
        if rules.found.is_empty() {
            if let Some(index) = result.rule_index.filter(|index| *index >= 0) {
                let found = usize::try_from(index).ok().and_then(|index| self.tool.driver.rules.get(index));
                rules.is_lost |= found.is_none();
                rules.found.extend(found);
            }
        }
        // An id beside an index may mean another rule: the graver one counts.
        if let Some(id) = result.rule_id.as_deref() {
            for rule in self.by_id(id) {
                if !rules.found.iter().any(|found| std::ptr::eq(*found, rule))
                    && !rules.found.iter().any(|found| found.id == rule.id)
                {
                    rules.found.push(rule);
                }
            }
        }
        rules.is_lost &= rules.found.is_empty();
        rules
    }

    /// § 3.52 and 3.54: the rule that a reference means, in the component that it names.
    fn referenced(&self, reference: &Reference) -> Rules<'_> {
        let mut is_lost = false;
        let components: Vec<&[Rule]> = match &reference.tool_component {
            None => vec![&self.tool.driver.rules],
            Some(named) => {
                let index = named.index.filter(|index| *index >= 0).and_then(|index| usize::try_from(index).ok());
                let all = || std::iter::once(&self.tool.driver).chain(&self.tool.extensions);
                let found = match (index, &named.guid, &named.name) {
                    (Some(index), ..) => self.tool.extensions.get(index),
                    (None, Some(guid), _) => all().find(|one| one.guid.as_ref() == Some(guid)),
                    (None, None, Some(name)) => all().find(|one| one.name == *name),
                    (None, None, None) => Some(&self.tool.driver),
                };
                is_lost = found.is_none();
                found.map(|component| component.rules.as_slice()).into_iter().collect()
            }
        };
        let rules = || components.iter().copied().flatten();
        let index = reference.index.filter(|index| *index >= 0).and_then(|index| usize::try_from(index).ok());
        let by_index = index.and_then(|index| components.first()?.get(index));
        let by_guid = reference.guid.as_ref().and_then(|guid| rules().find(|rule| rule.guid.as_ref() == Some(guid)));
        let mut found: Vec<&Rule> = by_index.or(by_guid).into_iter().collect();
        if found.is_empty() {
            if let Some(id) = &reference.id {
                found = match components.iter().copied().find_map(|rules| named(rules, id)) {
                    Some(rule) => vec![rule],
                    None => self.by_id(id),
                };
            }
        }
        is_lost |= index.is_some() || reference.guid.is_some();
        Rules { is_lost: is_lost && found.is_empty(), found }
    }

    /// The rules of an id: that of the driver, else those of the extensions.
    fn by_id(&self, id: &str) -> Vec<&Rule> {
        match named(&self.tool.driver.rules, id) {
            Some(rule) => vec![rule],
            None => self.tool.extensions.iter().filter_map(|one| named(&one.rules, id)).collect(),
        }
    }

    /// Returns the name of a result's rule.
    pub fn rule_id<'a>(&'a self, result: &'a SarifResult) -> &'a str {
        own_id(result).or(self.rule(result).map(|rule| rule.id.as_str())).unwrap_or("no rule")
    }

    /// Says whether anything in the run gives a level.
    pub fn gives_levels(&self) -> bool {
        let components = std::iter::once(&self.tool.driver).chain(&self.tool.extensions);
        let mut rules = components.flat_map(|component| &component.rules);
        self.results.iter().flatten().any(|result| result.level.is_some())
            || rules.any(|rule| rule.default_configuration.level.is_some())
    }
}

enum Found {
    /// A level, or none; and whether nothing says so.
    Level(Option<Level>, bool),
    NoFailure,
}

fn own_id(result: &SarifResult) -> Option<&str> {
    result.rule_id.as_deref().or(result.rule.as_ref().and_then(|rule| rule.id.as_deref()))
}

/// § 3.27.5: an id may have parts of its own after that of the rule.
fn named<'a>(rules: &'a [Rule], id: &str) -> Option<&'a Rule> {
    let mut id = id;
    loop {
        if let Some(rule) = rules.iter().find(|rule| rule.id == id) {
            return Some(rule);
        }
        id = id.rsplit_once('/')?.0;
    }
}

fn word(level: &str) -> Result<Option<Level>, String> {
    match level {
        "none" => Ok(None),
        "note" => Ok(Some(Level::Note)),
        "warning" => Ok(Some(Level::Warning)),
        "error" => Ok(Some(Level::Error)),
        other => {
            let other: String = other.chars().take(40).collect();
            Err(format!("the level `{other}` is none of none, note, warning and error"))
        }
    }
}

/// Reads a score; words stand for the least score that has them.
fn score(value: &Value) -> Option<f64> {
    let number = match value {
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "critical" => 9.0,
            "high" => 7.0,
            "medium" | "moderate" => 4.0,
            "low" => 0.1,
            "none" => 0.0,
            number => number.parse().ok()?,
        },
        other => other.as_f64()?,
    };
    (0.0..=10.0).contains(&number).then_some(number)
}
