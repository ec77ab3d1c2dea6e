//! As much of SARIF's shape as is read. What is needed to assess must be there and of the right type.

use serde::Deserialize;
use serde_json::Value;

use crate::config::checks::sarif::Level;

/// § 3.13
#[derive(Deserialize)]
pub(super) struct Log {
    pub version: String,
    pub runs: Option<Vec<Run>>,
}

/// § 3.14
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    pub tool: Tool,
    pub results: Option<Vec<SarifResult>>,
    pub invocations: Option<Vec<Invocation>>,
    external_property_file_references: Option<External>,
}

/// § 3.18
#[derive(Deserialize)]
pub(super) struct Tool {
    pub driver: Component,
    #[serde(default)]
    extensions: Vec<Component>,
}

/// § 3.19
#[derive(Deserialize)]
pub(super) struct Component {
    pub name: String,
    #[serde(default)]
    rules: Vec<Rule>,
}

/// § 3.49
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    id: String,
    default_configuration: Option<Configuration>,
    #[serde(default)]
    properties: Properties,
    #[serde(default)]
    message_strings: serde_json::Map<String, Value>,
}

/// § 3.50
#[derive(Deserialize)]
struct Configuration {
    level: Option<Word>,
}

/// What GitHub reads as well: a score like CVSS, as text or number.
#[derive(Default, Deserialize)]
struct Properties {
    #[serde(rename = "security-severity")]
    severity: Option<Value>,
}

/// § 3.20
#[derive(Deserialize)]
pub(super) struct Invocation {
    #[serde(rename = "executionSuccessful")]
    pub succeeded: Option<bool>,
}

/// § 3.15.2
#[derive(Deserialize)]
struct External {
    #[serde(default)]
    results: Vec<serde::de::IgnoredAny>,
}

/// § 3.27
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifResult {
    rule_id: Option<String>,
    rule_index: Option<i64>,
    rule: Option<Reference>,
    level: Option<Word>,
    kind: Option<String>,
    message: Message,
    #[serde(default)]
    locations: Vec<Location>,
    suppressions: Option<Vec<Suppression>>,
    baseline_state: Option<String>,
}

/// A level, § 3.27.10.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    None,
    Note,
    Warning,
    Error,
}

/// § 3.52
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    id: Option<String>,
    index: Option<i64>,
    tool_component: Option<ComponentReference>,
}

/// § 3.54
#[derive(Deserialize)]
struct ComponentReference {
    index: Option<i64>,
}

/// § 3.11
#[derive(Deserialize)]
struct Message {
    text: Option<String>,
    markdown: Option<String>,
    id: Option<String>,
    #[serde(default)]
    arguments: Vec<String>,
}

/// § 3.28
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Option<Physical>,
}

/// § 3.29
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Option<Artifact>,
    region: Option<Region>,
}

/// § 3.4
#[derive(Deserialize)]
struct Artifact {
    uri: Option<String>,
}

/// § 3.30
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: Option<i64>,
}

/// § 3.35
#[derive(Deserialize)]
struct Suppression {
    status: Option<String>,
}

/// What a result comes to.
pub(super) enum Outcome {
    /// It is a finding of this level.
    Counts(Level),
    /// Someone said that it is fine.
    Suppressed,
    None,
}

impl Run {
    /// Says what a result comes to.
    pub fn outcome(&self, result: &SarifResult) -> Outcome {
        if result.baseline_state.as_deref() == Some("absent") {
            return Outcome::None;
        }
        let is_failure = result.kind.as_deref().is_none_or(|kind| kind == "fail");
        let configured = || self.rule(result)?.default_configuration.as_ref()?.level;
        // § 3.27.10: the level of what is no failure is none; else its own, that of its rule, or warning.
        let level = match result.level {
            _ if !is_failure => Word::None,
            Some(own) => own,
            None => configured().unwrap_or(Word::Warning),
        };
        let level = match level {
            Word::None => return Outcome::None,
            Word::Note => Level::Note,
            Word::Warning => Level::Warning,
            Word::Error => Level::Error,
        };
        if result.is_suppressed() { Outcome::Suppressed } else { Outcome::Counts(level) }
    }

    /// Returns the rule of a result, § 3.27.7: by index, else by id, which may have a part of its own after a `/`.
    pub fn rule(&self, result: &SarifResult) -> Option<&Rule> {
        let reference = result.rule.as_ref();
        let component = reference.and_then(|rule| rule.tool_component.as_ref()?.index);
        let component = component.and_then(|index| usize::try_from(index).ok());
        let rules = match component {
            Some(index) => &self.tool.extensions.get(index)?.rules,
            None => &self.tool.driver.rules,
        };
        let index = result.rule_index.or(reference.and_then(|rule| rule.index));
        let by_index = index.and_then(|index| rules.get(usize::try_from(index).ok()?));
        by_index.or_else(|| {
            let id = result.rule_id.as_deref().or_else(|| reference?.id.as_deref())?;
            let find = |id: &str| rules.iter().find(|rule| rule.id == id);
            find(id).or_else(|| find(id.rsplit_once('/')?.0))
        })
    }

    /// Returns the name of a result's rule.
    pub fn rule_id<'a>(&'a self, result: &'a SarifResult) -> &'a str {
        let own = result.rule_id.as_deref().or(result.rule.as_ref().and_then(|rule| rule.id.as_deref()));
        own.or(self.rule(result).map(|rule| rule.id.as_str())).unwrap_or("no rule")
    }

    /// Returns the message of a result, § 3.11.7: its text, or that of its rule with the arguments put in.
    pub fn message(&self, result: &SarifResult) -> String {
        let message = &result.message;
        if let Some(text) = message.text.as_ref().or(message.markdown.as_ref()) {
            return text.clone();
        }
        let text = message.id.as_ref().and_then(|id| {
            let strings = &self.rule(result)?.message_strings;
            strings.get(id)?.get("text")?.as_str()
        });
        let mut text = text.unwrap_or("no message").chars().take(2000).collect::<String>();
        for (i, argument) in message.arguments.iter().take(10).enumerate() {
            let argument: String = argument.chars().take(200).collect();
            text = text.replacen(&format!("{{{i}}}"), &argument, 3);
        }
        text
    }

    /// Says whether results stand in another file.
    pub fn has_results_elsewhere(&self) -> bool {
        self.external_property_file_references.as_ref().is_some_and(|external| !external.results.is_empty())
    }
}

impl Rule {
    /// Returns how bad it is for security, 0 to 10, if it says.
    pub fn severity(&self) -> Option<f64> {
        let number = match self.properties.severity.as_ref()? {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_f64(),
        };
        number.filter(|number: &f64| (0.0..=10.0).contains(number))
    }
}

impl SarifResult {
    /// § 3.27.23: it is suppressed if someone said so, and no one has yet to agree or did not.
    fn is_suppressed(&self) -> bool {
        let suppressions = self.suppressions.as_deref().unwrap_or_default();
        !suppressions.is_empty()
            && suppressions.iter().all(|one| one.status.as_deref().is_none_or(|status| status == "accepted"))
    }

    /// Returns where it is: `file:line`.
    pub fn place(&self) -> Option<String> {
        let physical = self.locations.first()?.physical_location.as_ref()?;
        let uri = physical.artifact_location.as_ref()?.uri.as_ref()?;
        let uri: String = uri.chars().take(500).collect();
        match physical.region.as_ref().and_then(|region| region.start_line) {
            Some(line) => Some(format!("{uri}:{line}")),
            None => Some(uri),
        }
    }
}
