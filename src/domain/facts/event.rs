//! Kubernetes events about a release.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is kept of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeEvent {
    /// Unique identity of the event object: a repeated event updates the same one.
    pub uid: String,
    /// Last time it happened.
    pub at: Timestamp,
    /// Whether its type is `Warning`.
    pub warning: bool,
    /// CamelCase reason.
    pub reason: String,
    /// Human text.
    pub message: String,
    /// Kind of the object it is about.
    pub kind: String,
    /// Name of the object it is about.
    pub name: String,
    /// How often it happened.
    pub count: u32,
}
