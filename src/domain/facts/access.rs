//! What the operator may do, queried from the API server in advance.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::facts::verb::Verb;
use crate::domain::facts::workload::kind::Resource;

/// A right on a Kubernetes resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    pub verb: &'static str,
    pub resource: Resource,
    /// Its subresource, e.g. `status`.
    pub subresource: Option<&'static str>,
}

impl Right {
    #[must_use]
    pub const fn patch(resource: Resource, subresource: Option<&'static str>) -> Self {
        Self { verb: "patch", resource, subresource }
    }

    /// Returns it as RBAC words it, e.g. `patch rollouts/status`.
    #[must_use]
    pub fn label(&self) -> String {
        let sub = self.subresource.map_or_else(String::new, |sub| format!("/{sub}"));
        format!("{} {}{sub}", self.verb, self.resource.plural)
    }
}

/// Whether one verb is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Permission {
    Allowed,
    /// No; what is missing, e.g. `patch rollouts/status in payments`.
    Denied(String),
    /// The API server could not be asked; why. Stopping is still tried: only the API server can say no.
    Unknown(String),
}

/// Permissions of the operator in one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Who the API server says we are.
    pub user: Option<String>,
    /// Per verb; a missing verb has not been asked yet.
    pub verbs: BTreeMap<Verb, Permission>,
}

impl Access {
    /// Returns the permission for a verb, unknown where it was not asked.
    #[must_use]
    pub fn of(&self, verb: Verb) -> Permission {
        self.verbs.get(&verb).cloned().unwrap_or_else(|| Permission::Unknown("not queried yet".to_owned()))
    }
}
