//! A `ReplicaSet` as its owners look at it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::kubernetes::object::{self, number};
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::Key;

/// A stored `ReplicaSet`.
#[derive(Debug, Clone)]
pub struct ReplicaSet {
    object: Arc<Value>,
}

impl ReplicaSet {
    pub fn new(object: Arc<Value>) -> Self {
        Self { object }
    }

    pub fn object(&self) -> &Value {
        &self.object
    }

    /// Returns where it is stored.
    pub fn key(&self) -> Key {
        Key::of(Kind::ReplicaSet, &self.object)
    }

    pub fn name(&self) -> &str {
        object::name(&self.object)
    }

    pub fn uid(&self) -> &str {
        object::uid(&self.object)
    }

    pub fn label(&self, key: &str) -> &str {
        object::label(&self.object, key).unwrap_or_default()
    }

    pub fn annotation(&self, key: &str) -> Option<&str> {
        object::annotation(&self.object, key)
    }

    /// Returns the revision in an annotation, 0 if there is none.
    pub fn revision(&self, annotation: &str) -> i64 {
        self.annotation(annotation).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    pub fn wanted(&self) -> i64 {
        number(&self.object, "/spec/replicas", 1)
    }

    /// Returns the pods there are.
    pub fn current(&self) -> i64 {
        number(&self.object, "/status/replicas", 0)
    }

    pub fn ready(&self) -> i64 {
        number(&self.object, "/status/readyReplicas", 0)
    }

    pub fn available(&self) -> i64 {
        number(&self.object, "/status/availableReplicas", 0)
    }

    /// Returns when it was created.
    pub fn created(&self) -> Timestamp {
        object::time(&self.object, "/metadata/creationTimestamp").unwrap_or_default()
    }

    pub fn template(&self) -> &Value {
        self.object.pointer("/spec/template").unwrap_or(&Value::Null)
    }
}

/// Sums a figure over `ReplicaSets`.
pub fn sum<'a>(sets: impl IntoIterator<Item = &'a ReplicaSet>, figure: impl Fn(&ReplicaSet) -> i64) -> i64 {
    sets.into_iter().map(figure).sum()
}
