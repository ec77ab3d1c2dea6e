//! What is simulated: environments, manifests, images that misbehave, faults at their time. Data, read from TOML.

pub mod behaviour;
mod drill;
mod file;
pub mod flags;
mod generate;
mod read;

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::SimulatorError;
use super::prometheus::{Outage, PodLoad};
use behaviour::Behaviour;

pub use drill::DrillFault;
pub(super) use file::ArgoCd;

/// The scenarios that come along, in the order in which they are listed.
const BUILT_IN: &[(&str, &str)] = &[
    ("canary", include_str!("../scenarios/canary.toml")),
    ("go-no-go", include_str!("../scenarios/go-no-go.toml")),
    ("error-spike", include_str!("../scenarios/error-spike.toml")),
    ("slow-latency", include_str!("../scenarios/slow-latency.toml")),
    ("not-found", include_str!("../scenarios/not-found.toml")),
    ("crash-loop", include_str!("../scenarios/crash-loop.toml")),
    ("metrics-outage", include_str!("../scenarios/metrics-outage.toml")),
    ("api-outage", include_str!("../scenarios/api-outage.toml")),
    ("blue-green", include_str!("../scenarios/blue-green.toml")),
    ("deployment", include_str!("../scenarios/deployment.toml")),
    ("argo-cd", include_str!("../scenarios/argo-cd.toml")),
    ("flag", include_str!("../scenarios/flag.toml")),
    ("flag-rollout", include_str!("../scenarios/flag-rollout.toml")),
];

/// An empty cluster, for tests that bring their own manifests. Not listed.
const EMPTY: (&str, &str) = ("empty", include_str!("../scenarios/empty.toml"));

/// What drills are made from: see [`Scenario::drill`]. Not listed.
const DRILL: (&str, &str) = ("drill", include_str!("../scenarios/drill.toml"));

/// A scenario, ready to run.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub name: String,
    /// One line for a list.
    pub title: String,
    /// What to look for, in a few sentences.
    pub story: String,
    /// What the cockpit's config says besides the environments, as TOML.
    pub config: String,
    /// Where it takes place, in promotion order.
    pub environments: Vec<Environment>,
    /// Flags of the provider; without any there is none.
    pub(super) flags: Vec<flags::Flag>,
    /// What happens on its own, in order of time.
    pub(super) timeline: Vec<ScenarioEvent>,
}

/// A place of a scenario.
#[derive(Debug, Clone)]
pub struct Environment {
    pub name: String,
    pub context: String,
    pub namespace: String,
    /// Whether promotion wants its name typed.
    pub protected: bool,
    /// Workloads as the cockpit's config names them: `rollout/payments-api`.
    pub workloads: Vec<String>,
    /// Requests per second to each workload.
    pub(super) requests_per_second: f64,
    /// Objects that are there before everything else.
    pub(super) manifests: Vec<Value>,
    /// The workload that the scenario is about, without an image.
    pub(super) workload: Option<Value>,
    /// Images that it has run, oldest first.
    pub(super) history: Vec<Past>,
    /// The image that goes out when the simulation begins.
    pub(super) update: Option<Update>,
    /// What Argo CD does to the workload, where it owns it.
    pub(super) argo_cd: Option<ArgoCd>,
    pub(super) images: HashMap<String, Behaviour>,
    /// How images behave that no one described.
    pub(super) other_images: Behaviour,
}

impl Environment {
    /// Returns what a pod of an image does that gets this share of the requests, from 0 to 1, as at its start.
    #[must_use]
    pub fn load(&self, image: &str, pod: &str, share: f64) -> PodLoad {
        let service = self.images.get(image).unwrap_or(&self.other_images).service;
        let requests_per_second = self.requests_per_second * share;
        PodLoad {
            cluster: self.name.clone(),
            namespace: self.namespace.clone(),
            pod: pod.to_owned(),
            requests_per_second,
            error_ratio: service.error_ratio,
            not_found_ratio: service.not_found_ratio,
            median_seconds: service.median_seconds,
            sigma: service.sigma,
            cpu_cores: service.cores_per_request * requests_per_second,
            flagged: None,
        }
    }
}

/// An image that has been run.
#[derive(Debug, Clone)]
pub(super) struct Past {
    pub image: String,
    pub age: Duration,
    pub change_cause: Option<String>,
}

/// An image that goes out.
#[derive(Debug, Clone)]
pub(super) struct Update {
    pub image: String,
    pub after: Duration,
    pub change_cause: Option<String>,
}

/// Something that happens on its own.
#[derive(Debug, Clone)]
pub(super) struct ScenarioEvent {
    pub at: Duration,
    /// For how long, in scenario time.
    pub lasts: Duration,
    /// Where; indexes into the environments.
    pub environments: Vec<usize>,
    pub kind: EventKind,
}

/// What can happen on its own.
#[derive(Debug, Clone)]
pub(super) enum EventKind {
    /// The API server is away.
    ApiOutage,
    Api(super::faults::Rule),
    Metrics(Outage),
    /// Somebody turns a feature flag.
    Flag {
        name: String,
        on: bool,
        by: String,
    },
}

impl Scenario {
    /// Returns name and title of each scenario that comes along.
    #[must_use]
    pub fn list() -> Vec<(String, String)> {
        BUILT_IN.iter().filter_map(|(name, _)| Self::load(name).ok()).map(|s| (s.name, s.title)).collect()
    }

    /// Loads a scenario that comes along.
    pub fn load(name: &str) -> Result<Self, SimulatorError> {
        let (name, text) =
            BUILT_IN.iter().chain([&EMPTY, &DRILL]).find(|(known, _)| *known == name).ok_or_else(|| {
                SimulatorError::UnknownScenario {
                    name: name.to_owned(),
                    known: BUILT_IN.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", "),
                }
            })?;
        Self::parse(name, text)
    }

    pub fn parse(name: &str, text: &str) -> Result<Self, SimulatorError> {
        let bad = |why: String| SimulatorError::BadScenario { name: name.to_owned(), why };
        let file: file::File = toml::from_str(text).map_err(|error| bad(error.to_string()))?;
        read::scenario(name, file).map_err(bad)
    }
}

#[cfg(test)]
mod tests;
