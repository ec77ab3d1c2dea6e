//! The shape of a scenario file.

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub title: String,
    #[serde(default)]
    pub story: String,
    /// What the cockpit's config says besides the environments, as TOML.
    #[serde(default)]
    pub config: String,
    pub workload: Option<Workload>,
    pub environments: Vec<Environment>,
    #[serde(default)]
    pub images: Vec<Image>,
    #[serde(default)]
    pub flags: Vec<Flag>,
    #[serde(default)]
    pub timeline: Vec<Entry>,
}

/// The workload that the scenario is about, in short.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    pub kind: Kind,
    pub name: String,
    pub replicas: i64,
    #[serde(default = "port")]
    pub port: i64,
    /// Canary with a router that splits the traffic; else by number of pods.
    #[serde(default)]
    pub traffic_routed: bool,
    /// Canary steps, as in a manifest.
    #[serde(default)]
    pub steps: Vec<Value>,
    /// Further keys of the strategy, as in a manifest.
    #[serde(default)]
    pub strategy: serde_json::Map<String, Value>,
    /// Further keys of the spec, as in a manifest.
    #[serde(default)]
    pub spec: serde_json::Map<String, Value>,
}

fn port() -> i64 {
    8080
}

/// What kind of workload it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Canary,
    BlueGreen,
    Deployment,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    pub name: String,
    pub context: String,
    pub namespace: String,
    #[serde(default)]
    pub protected: bool,
    pub replicas: Option<i64>,
    #[serde(default)]
    pub requests_per_second: f64,
    /// Whole objects, as in manifests.
    #[serde(default)]
    pub manifests: Vec<Value>,
    #[serde(default)]
    pub history: Vec<Past>,
    pub update: Option<Update>,
    /// What Argo CD does to the workload that it owns there; without it nobody owns it.
    pub argo_cd: Option<ArgoCd>,
}

/// What Argo CD does to a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArgoCd {
    /// It puts back what differs from git.
    SelfHeal,
    /// It applies each commit.
    AutoSync,
    /// Somebody syncs it.
    Manual,
}

/// An image that has been run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    pub image: String,
    pub age: String,
    pub change_cause: Option<String>,
}

/// An image that goes out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    pub image: String,
    #[serde(default)]
    pub after: Option<String>,
    pub change_cause: Option<String>,
}

#[expect(clippy::struct_field_names, reason = "the key in the file")]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// The image; `*` for all that are not described.
    pub image: String,
    /// Only there; everywhere if absent.
    pub environments: Option<Vec<String>>,
    pub start_up: Option<String>,
    pub fate: Option<ContainerFailure>,
    #[serde(default = "one")]
    pub exit_code: i64,
    /// How long a crashing container lives.
    pub lives: Option<String>,
    /// What it prints when it starts.
    #[serde(default)]
    pub log: Vec<String>,
    /// Share of requests that fail, 0 to 1.
    pub error_ratio: Option<f64>,
    /// Share of the others that are answered "not found", 0 to 1.
    pub not_found_ratio: Option<f64>,
    pub median: Option<String>,
    /// Spread of the latency: sigma of a log-normal distribution.
    pub sigma: Option<f64>,
    /// CPU cores at one request per second.
    pub cores_per_request: Option<f64>,
    #[serde(default)]
    pub changes: Vec<Change>,
}

impl Image {
    /// Returns what users feel at first.
    pub fn service(&self) -> Service<'_> {
        Service {
            error_ratio: self.error_ratio,
            not_found_ratio: self.not_found_ratio,
            median: self.median.as_deref(),
            sigma: self.sigma,
            cores_per_request: self.cores_per_request,
        }
    }
}

fn one() -> i64 {
    1
}

/// How containers of the revision end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerFailure {
    Runs,
    Crashes,
    CannotBePulled,
    NeverReady,
    CannotBeScheduled,
}

/// Error rate, latency and cost of requests; absent values stay.
#[derive(Debug, Clone, Copy)]
pub struct Service<'a> {
    pub error_ratio: Option<f64>,
    pub not_found_ratio: Option<f64>,
    pub median: Option<&'a str>,
    pub sigma: Option<f64>,
    pub cores_per_request: Option<f64>,
}

/// A change of error rate, latency or cost.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// When the canary first has so much of the traffic, in percent.
    pub at_weight: Option<f64>,
    /// So long after the first pod became ready.
    pub after: Option<String>,
    /// How long it takes to get there.
    pub ramp: Option<String>,
    pub error_ratio: Option<f64>,
    pub not_found_ratio: Option<f64>,
    pub median: Option<String>,
    pub sigma: Option<f64>,
    pub cores_per_request: Option<f64>,
}

impl Change {
    pub fn service(&self) -> Service<'_> {
        Service {
            error_ratio: self.error_ratio,
            not_found_ratio: self.not_found_ratio,
            median: self.median.as_deref(),
            sigma: self.sigma,
            cores_per_request: self.cores_per_request,
        }
    }
}

/// A feature flag.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flag {
    pub name: String,
    #[serde(default = "release")]
    pub kind: String,
    /// Who made it.
    pub by: String,
    pub age: String,
    /// Where it is on when the simulation begins.
    #[serde(default)]
    pub on: Vec<On>,
    /// The label by which requests of its users are counted apart.
    pub label: Option<String>,
    /// What users feel who get it.
    #[serde(default)]
    pub effects: Vec<Effect>,
}

fn release() -> String {
    "release".to_owned()
}

/// Where a flag is on, since when, and who turned it on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct On {
    pub environment: String,
    pub age: String,
    pub by: String,
}

/// What users of a flag feel; absent values stay.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// Only there; everywhere if absent.
    pub environments: Option<Vec<String>>,
    /// Only by these images; by all if absent.
    pub images: Option<Vec<String>>,
    pub error_ratio: Option<f64>,
    pub median: Option<String>,
    pub sigma: Option<f64>,
}

/// Which way a flag is turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    On,
    Off,
}

/// Something that happens on its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub at: String,
    /// How long a fault lasts; what is done to a flag stays.
    #[serde(rename = "for")]
    pub lasts: Option<String>,
    /// Only there; everywhere if absent.
    pub environments: Option<Vec<String>>,
    /// `outage`, `429`, `500`, `503`, `hang`, `cut`, `410`, `401`, or `slow 200ms`.
    pub api: Option<String>,
    /// Only requests whose path contains this.
    pub path: Option<String>,
    /// Only requests with this method.
    pub method: Option<String>,
    /// `down`, `hang`, `empty`, `html`, `422`, `503`, `partial`.
    pub metrics: Option<String>,
    /// The feature flag that somebody turns.
    pub flag: Option<String>,
    pub turn: Option<Turn>,
    /// Who turns it.
    pub by: Option<String>,
}
