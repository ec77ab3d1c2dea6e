//! One simulated cluster, as tests and the demo hold it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::SimulatorError;
use super::faults::Faults;
use super::kubernetes::access::Access;
use super::kubernetes::api_error::ApiError;
use super::kubernetes::managed_fields::Author;
use super::kubernetes::patch::{PatchType, merge};
use super::kubernetes::resources::{Kind, RESOURCES};
use super::kubernetes::store::{Key, Part, Store};
use super::kubernetes::{Recorded, Server, object};
use super::stopped::Sent;

/// A cluster behind its API server.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub(super) environment: String,
    pub(super) context: String,
    pub(super) namespace: String,
    pub(super) protected: bool,
    pub(super) workloads: Vec<String>,
    pub(super) url: String,
    pub(super) server: Arc<Server>,
}

impl Cluster {
    /// Returns the name of its environment.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.environment
    }

    #[must_use]
    pub fn context(&self) -> &str {
        &self.context
    }

    /// Returns the namespace of the scenario.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns whether promotion wants its name typed.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.protected
    }

    /// Returns its workloads, as the cockpit's config names them.
    #[must_use]
    pub fn workloads(&self) -> &[String] {
        &self.workloads
    }

    /// Returns the address of its API server.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the switches for faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.server.faults
    }

    /// Returns the people and their rights.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.server.access
    }

    /// Returns the requests that the API server has received.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.server.requests()
    }

    /// Returns the requests that asked for a change, reviews of rights excepted.
    #[must_use]
    pub fn writes(&self) -> Vec<Recorded> {
        self.requests().into_iter().filter(Recorded::is_write).collect()
    }

    /// Forgets the requests received so far.
    pub fn forget_requests(&self) {
        self.server.forget_requests();
    }

    /// Forgets the history of changes: watches that want to start from an old version get a 410.
    pub fn compact(&self) {
        self.server.store.compact();
    }

    pub(super) fn store(&self) -> &Store {
        &self.server.store
    }

    /// Returns an object of the scenario's namespace: `get("rollouts", "payments-api")`. Kinds are named in the
    /// plural, singular or short.
    #[must_use]
    pub fn get(&self, kind: &str, name: &str) -> Option<Value> {
        let key = Key::new(kind_of(kind)?, &self.namespace, name);
        self.store().get(&key).map(|object| Value::clone(&object))
    }

    /// Returns all objects of a kind in the scenario's namespace.
    #[must_use]
    pub fn list(&self, kind: &str) -> Vec<Value> {
        kind_of(kind).map_or_else(Vec::new, |kind| {
            let objects = self.store().list(kind, Some(&self.namespace)).1;
            objects.iter().map(|object| Value::clone(object)).collect()
        })
    }

    /// Creates an object in the scenario's namespace, as someone else than the cockpit.
    pub fn create(&self, object: Value) -> Result<(), SimulatorError> {
        let kind = Kind::by_type(object::text(&object, "/apiVersion"), object::text(&object, "/kind"))
            .ok_or_else(|| self.refused("there is no such kind"))?;
        self.store()
            .create(kind, &self.namespace, object, &somebody())
            .map(drop)
            .map_err(|error| self.refused(&error.message))
    }

    /// Changes an object of the scenario's namespace by a merge patch, as someone else than the cockpit.
    pub fn patch(&self, kind: &str, name: &str, patch: &Value) -> Result<(), SimulatorError> {
        self.write(kind, name, Part::Main, patch)
    }

    /// Changes the status of an object by a merge patch, as someone else than the cockpit.
    pub fn patch_status(&self, kind: &str, name: &str, patch: &Value) -> Result<(), SimulatorError> {
        self.write(kind, name, Part::Status, patch)
    }

    /// Deletes an object of the scenario's namespace and what it owns.
    pub fn delete(&self, kind: &str, name: &str) -> Result<(), SimulatorError> {
        let kind = kind_of(kind).ok_or_else(|| self.refused("there is no such kind"))?;
        self.store()
            .delete(&Key::new(kind, &self.namespace, name), None)
            .map(drop)
            .map_err(|error| self.refused(&error.message))
    }

    fn write(&self, kind: &str, name: &str, part: Part, patch: &Value) -> Result<(), SimulatorError> {
        let kind = kind_of(kind).ok_or_else(|| self.refused("there is no such kind"))?;
        let key = Key::new(kind, &self.namespace, name);
        self.store()
            .update(&key, part, &somebody(), |old| {
                let mut new = old.clone();
                merge::apply(&mut new, patch);
                Ok::<_, ApiError>(new)
            })
            .map(drop)
            .map_err(|error| self.refused(&error.message))
    }

    /// Changes an object of the scenario's namespace as a client of the API server does.
    pub(super) fn patch_by(&self, kind: &str, name: &str, sent: &Sent<'_>) -> Result<(), SimulatorError> {
        let kind = kind_of(kind).ok_or_else(|| self.refused("there is no such kind"))?;
        let key = Key::new(kind, &self.namespace, name);
        let part = if sent.is_status { Part::Status } else { Part::Main };
        PatchType::from_content_type(sent.content_type, kind.resource().custom)
            .and_then(|patch| {
                self.store().update(&key, part, &Author::update(sent.manager), |old| patch.apply(old, sent.body))
            })
            .map(drop)
            .map_err(|error| self.refused(&error.message))
    }

    /// Sends an image out: `set_image("rollout/payments-api", "registry.example/payments-api:1.6.0")`. The first
    /// container of the template gets it.
    pub fn set_image(&self, workload: &str, image: &str) -> Result<(), SimulatorError> {
        let (kind, name) = workload.split_once('/').ok_or_else(|| self.refused("a workload is named as KIND/NAME"))?;
        let found = self.get(kind, name).ok_or_else(|| self.refused("there is no such workload"))?;
        let mut containers = object::items(&found, "/spec/template/spec/containers").to_vec();
        let first = containers.first_mut().ok_or_else(|| self.refused("it has no container"))?;
        first["image"] = json!(image);
        let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
        self.patch(kind, name, &patch)
    }

    /// Waits until something holds, looking at every change of the cluster.
    pub async fn wait_until(
        &self,
        patience: Duration,
        mut holds: impl FnMut(&Self) -> bool,
    ) -> Result<(), SimulatorError> {
        let mut changes = self.store().subscribe();
        let wait = async {
            while !holds(self) {
                // The sender lives as long as the store, and that as long as this cluster.
                let _ = changes.changed().await;
            }
        };
        tokio::time::timeout(patience, wait).await.map_err(|_| SimulatorError::Waited(patience))
    }

    fn refused(&self, why: &str) -> SimulatorError {
        SimulatorError::Refused { cluster: self.environment.clone(), why: why.to_owned() }
    }
}

fn somebody() -> Author {
    Author::update("ci-deploy")
}

fn kind_of(word: &str) -> Option<Kind> {
    RESOURCES.iter().find(|r| r.plural == word || r.singular == word || r.short.contains(&word)).map(|r| r.kind)
}
