//! As much of SARIF's shape as is read. What is needed to assess must be there and of the right type.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::sources::checks::incoming::{About, Image};

/// Reads `null` as nothing: some tools write it for empty lists.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

/// § 3.13
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Log {
    pub version: String,
    pub runs: Option<Vec<Run>>,
    #[serde(default, deserialize_with = "or_default")]
    pub inline_external_properties: Vec<External>,
}

/// § 3.14
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    pub tool: Tool,
    pub results: Option<Vec<SarifResult>>,
    #[serde(default, deserialize_with = "or_default")]
    pub invocations: Vec<Invocation>,
    #[serde(default, deserialize_with = "or_default")]
    pub external_property_file_references: External,
    #[serde(default, deserialize_with = "or_default")]
    version_control_provenance: Vec<VersionControl>,
    #[serde(default, deserialize_with = "or_default")]
    properties: RunProperties,
}

/// § 3.23
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VersionControl {
    revision_id: Option<String>,
}

/// What Trivy writes of the image that was scanned (`pkg/report/sarif.go`).
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunProperties {
    image_name: Option<Value>,
    repo_tags: Option<Value>,
    repo_digests: Option<Value>,
}

/// § 3.18
#[derive(Deserialize)]
pub(super) struct Tool {
    pub driver: Component,
    #[serde(default, deserialize_with = "or_default")]
    pub extensions: Vec<Component>,
}

/// § 3.19
#[derive(Deserialize)]
pub(super) struct Component {
    pub name: String,
    pub guid: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub rules: Vec<Rule>,
}

/// § 3.49
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    pub id: String,
    pub guid: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub default_configuration: Configuration,
    #[serde(default, deserialize_with = "or_default")]
    pub properties: Properties,
    #[serde(default, deserialize_with = "or_default")]
    message_strings: serde_json::Map<String, Value>,
}

/// § 3.50
#[derive(Default, Deserialize)]
pub(super) struct Configuration {
    pub level: Option<String>,
}

/// What GitHub reads as well: a score like CVSS, as text or number.
#[derive(Default, Deserialize)]
pub(super) struct Properties {
    #[serde(rename = "security-severity")]
    pub severity: Option<Value>,
}

/// § 3.20
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invocation {
    pub execution_successful: Option<bool>,
    #[serde(default, deserialize_with = "or_default")]
    tool_execution_notifications: Vec<Notification>,
    #[serde(default, deserialize_with = "or_default")]
    tool_configuration_notifications: Vec<Notification>,
    #[serde(default, deserialize_with = "or_default")]
    pub rule_configuration_overrides: Vec<Override>,
}

/// Shortest hash of a commit: other systems count their revisions.
const MIN_HASH_CHARS: usize = 7;

/// Leaves an empty list of results out, and lists what kept it from looking as results (`compile`).
const STATICCHECK: &str = "Staticcheck";

impl Run {
    /// Returns what it says of what was looked at.
    pub fn about(&self) -> About {
        let names = &self.properties;
        let named = [&names.image_name, &names.repo_tags, &names.repo_digests].into_iter().flatten();
        let references = named.flat_map(|value| match value {
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            other => other.as_str().into_iter().collect::<Vec<_>>(),
        });
        let is_hash = |id: &&String| id.len() >= MIN_HASH_CHARS && id.bytes().all(|b| b.is_ascii_hexdigit());
        let ids = self.version_control_provenance.iter().filter_map(|version| version.revision_id.as_ref());
        About { image: Image::named(references, []), commits: ids.filter(is_hash).cloned().collect(), at: None }
    }

    /// Returns whether it is of a tool that leaves out `results` where it found nothing, and says that it succeeded.
    pub fn leaves_out_no_results(&self) -> bool {
        let succeeded = |invocation: &Invocation| invocation.execution_successful == Some(true);
        self.tool.driver.name == STATICCHECK && !self.invocations.is_empty() && self.invocations.iter().all(succeeded)
    }
}

/// § 3.58
#[derive(Deserialize)]
struct Notification {
    level: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    message: Message,
}

impl Invocation {
    /// Returns what the first error of the tool itself says: its results may not be complete then (appendix I).
    pub fn error(&self) -> Option<&str> {
        let all = self.tool_execution_notifications.iter().chain(&self.tool_configuration_notifications);
        let mut errors = all.filter(|notification| {
            // Without a level it is a warning (SARIF 3.58.6); a word that is not known may be worse.
            !matches!(notification.level.as_deref(), None | Some("none" | "note" | "warning"))
        });
        errors.next().map(|notification| notification.message.text.as_deref().unwrap_or_default())
    }
}

/// § 3.51
#[derive(Deserialize)]
pub(super) struct Override {
    pub descriptor: Reference,
    #[serde(default, deserialize_with = "or_default")]
    pub configuration: Configuration,
}

/// § 3.15.2
#[derive(Default, Deserialize)]
pub(super) struct External {
    #[serde(default, deserialize_with = "or_default")]
    pub results: Vec<serde::de::IgnoredAny>,
    #[serde(default, deserialize_with = "or_default")]
    pub extensions: Vec<serde::de::IgnoredAny>,
    pub driver: Option<serde::de::IgnoredAny>,
}

/// § 3.27
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifResult {
    pub rule_id: Option<String>,
    pub rule_index: Option<i64>,
    pub rule: Option<Reference>,
    pub level: Option<String>,
    pub kind: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    message: Message,
    #[serde(default, deserialize_with = "or_default")]
    locations: Vec<Location>,
    #[serde(default, deserialize_with = "or_default")]
    suppressions: Vec<Suppression>,
    pub baseline_state: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub provenance: Provenance,
    #[serde(default, deserialize_with = "or_default")]
    pub properties: Properties,
}

/// § 3.48
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Provenance {
    pub invocation_index: Option<i64>,
}

/// § 3.52
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reference {
    pub id: Option<String>,
    pub index: Option<i64>,
    pub guid: Option<String>,
    pub tool_component: Option<ComponentReference>,
}

/// § 3.54
#[derive(Deserialize)]
pub(super) struct ComponentReference {
    pub index: Option<i64>,
    pub guid: Option<String>,
    pub name: Option<String>,
}

/// § 3.11
#[derive(Default, Deserialize)]
struct Message {
    text: Option<String>,
    markdown: Option<String>,
    id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
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

impl SarifResult {
    /// § 3.27.23: it is suppressed if someone said so, and no one has yet to agree or did not.
    pub fn is_suppressed(&self) -> bool {
        !self.suppressions.is_empty()
            && self.suppressions.iter().all(|one| one.status.as_deref().is_none_or(|status| status == "accepted"))
    }

    /// Returns the message, § 3.11.7: its text, or that of its rule with the arguments put in.
    pub fn message(&self, rule: Option<&Rule>) -> String {
        let message = &self.message;
        if let Some(text) = message.text.as_ref().or(message.markdown.as_ref()) {
            return text.clone();
        }
        let text = message.id.as_ref().and_then(|id| rule?.message_strings.get(id)?.get("text")?.as_str());
        let mut text = text.unwrap_or("no message").chars().take(2000).collect::<String>();
        for (i, argument) in message.arguments.iter().take(10).enumerate() {
            let argument: String = argument.chars().take(200).collect();
            text = text.replacen(&format!("{{{i}}}"), &argument, 3);
        }
        text
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
