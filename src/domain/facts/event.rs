//! Kubernetes events about a release.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is kept of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeEvent {
    /// Unique identity of the event object: a repeated event updates the same one.
    pub uid: String,
    pub at: Timestamp,
    /// Whether its type is `Warning`.
    pub warning: bool,
    pub reason: String,
    pub message: String,
    /// Kind of the object it is about.
    pub kind: String,
    /// Name of the object it is about.
    pub name: String,
    pub count: u32,
}
