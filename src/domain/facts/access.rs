//! What the operator may do, queried from the API server in advance.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::facts::workload::kind::Resource;

/// A write to one object, as RBAC sees it: `patch` on a resource or a subresource of it, with the object's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectWrite {
    /// Kind, e.g. `Rollout`.
    pub kind: String,
    pub name: String,
    /// Its subresource, e.g. `status`.
    pub subresource: Option<String>,
}

impl ObjectWrite {
    #[must_use]
    pub fn new(resource: Resource, name: &str, subresource: Option<&str>) -> Self {
        Self { kind: resource.kind.to_owned(), name: name.to_owned(), subresource: subresource.map(ToOwned::to_owned) }
    }

    /// Returns the right as RBAC words it, e.g. `patch rollouts/status`.
    #[must_use]
    pub fn label(&self) -> String {
        let sub = self.subresource.as_ref().map_or_else(String::new, |sub| format!("/{sub}"));
        format!("patch {}{sub}", Resource::of(&self.kind).map_or(self.kind.as_str(), |resource| resource.plural))
    }
}

/// Whether something is allowed.
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
    /// What was asked so far.
    #[serde(with = "crate::domain::facts::serde_pairs")]
    pub writes: BTreeMap<ObjectWrite, Permission>,
}

impl Access {
    /// Returns whether all of these writes are allowed: what denies one of them first, then what is unknown.
    #[must_use]
    pub fn of(&self, writes: &[ObjectWrite]) -> Permission {
        let mut worst = Permission::Allowed;
        for write in writes {
            match (&worst, self.writes.get(write)) {
                (_, Some(denied @ Permission::Denied(_))) => return denied.clone(),
                (Permission::Allowed, Some(other)) => worst = other.clone(),
                (Permission::Allowed, None) => worst = Permission::Unknown("not queried yet".to_owned()),
                _ => {}
            }
        }
        worst
    }

    /// Returns whether anything was asked yet.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.writes.is_empty()
    }
}
