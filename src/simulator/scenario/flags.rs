//! Feature flags of a scenario: who made them, where they are on, and what users feel who get them.

use std::time::Duration;

use super::behaviour::{Service, mix};

/// A flag of the provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Flag {
    pub name: String,
    /// Such as `release`.
    pub kind: String,
    pub by: String,
    pub age: Duration,
    /// Where it is on when the simulation begins.
    pub on: Vec<On>,
    /// The label by which requests of its users are counted apart: `on` for them, `off` for the others.
    pub label: Option<String>,
    pub effects: Vec<Effect>,
}

/// An environment in which a flag is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct On {
    pub environment: String,
    pub age: Duration,
    pub by: String,
}

/// What the code behind a flag does to whoever gets it; absent values stay.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// Only there; everywhere if absent.
    pub environments: Option<Vec<String>>,
    /// Only by these images; by all if absent.
    pub images: Option<Vec<String>>,
    pub error_ratio: Option<f64>,
    pub median_seconds: Option<f64>,
    pub sigma: Option<f64>,
}

impl Effect {
    /// Returns whether an image in an environment has it.
    pub fn is_of(&self, environment: &str, image: &str) -> bool {
        let holds = |names: &Option<Vec<String>>, name: &str| {
            names.as_ref().is_none_or(|names| names.iter().any(|other| other == name))
        };
        holds(&self.environments, environment) && holds(&self.images, image)
    }

    /// Returns what users feel of whom this share gets the flag, 0 to 1.
    pub fn on(&self, service: Service, share: f64) -> Service {
        let to = Service {
            error_ratio: self.error_ratio.unwrap_or(service.error_ratio),
            median_seconds: self.median_seconds.unwrap_or(service.median_seconds),
            sigma: self.sigma.unwrap_or(service.sigma),
            ..service
        };
        mix(service, to, share)
    }
}
