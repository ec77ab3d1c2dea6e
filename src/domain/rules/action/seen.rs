//! A target as observed: source of facts and of the effect of actions.

use jiff::Timestamp;

use crate::domain::facts::workload::Object;
use crate::domain::record::action::{Facts, PlanRecord, Request};

/// A target as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Workload(Box<Object>),
}

impl Seen {
    /// Returns the facts that a plan rests on.
    #[must_use]
    pub fn facts(&self) -> Facts {
        match self {
            Self::Workload(object) => object.actions().facts(),
        }
    }

    /// Returns the version to make a write conditional on.
    #[must_use]
    pub fn version(&self) -> &str {
        match self {
            Self::Workload(object) => &object.meta().resource_version,
        }
    }

    /// Returns what it shows, in the words of its system.
    #[must_use]
    pub fn shows(&self) -> String {
        match self {
            Self::Workload(object) => {
                let (phase, message) = object.phase();
                if message.is_empty() { phase.to_string() } else { format!("{phase}: {message}") }
            }
        }
    }

    /// Returns what moved, with who moved it since the plan's state was confirmed, as far as it tells.
    #[must_use]
    pub fn blame(&self, what: String, since: Option<Timestamp>, now: Timestamp) -> String {
        match self {
            Self::Workload(object) => object.meta().blame(what, since, now),
        }
    }

    /// Returns whether the effect of an action is there.
    #[must_use]
    pub fn is_done(&self, record: &PlanRecord) -> bool {
        match self {
            Self::Workload(object) => object.actions().is_done(record),
        }
    }

    /// Returns whether a request was taken and whoever acts on the target has not taken note of it.
    #[must_use]
    pub fn is_unnoticed(&self, record: &PlanRecord) -> bool {
        match self {
            Self::Workload(object) => object.actions().is_unnoticed(record),
        }
    }

    /// Returns what an action still lacks, seen after its requests.
    #[must_use]
    pub fn remainder(&self, record: &PlanRecord) -> Option<Request> {
        match self {
            Self::Workload(object) => object.actions().remainder(record),
        }
    }
}

impl From<Object> for Seen {
    fn from(object: Object) -> Self {
        Self::Workload(Box::new(object))
    }
}
