//! A cluster without a server whose time is moved by hand: its controllers do in milliseconds what takes them an hour.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::SimulatorError;
use super::clock::Clock;
use super::cluster::Cluster;
use super::controllers::Controllers;
use super::kubernetes::Server;
use super::kubernetes::managed_fields::Author;
use super::kubernetes::resources::Kind;
use super::kubernetes::store::Store;
use super::scenario::behaviour::Images;
use super::traffic::Traffic;

const NAMESPACE: &str = "shop";
const REQUESTS_PER_SECOND: f64 = 100.0;

/// A cluster at a moment. Its controllers work only while time is moved on.
pub struct StoppedCluster {
    cluster: Cluster,
    clock: Clock,
    controllers: Controllers,
}

impl StoppedCluster {
    /// Makes one with nothing in it but a namespace; names and uids follow from `seed`.
    pub fn new(start: Timestamp, seed: u64) -> Result<Self, SimulatorError> {
        let clock = Clock::stopped_at(start, 1.0);
        let store = Store::new(seed, clock.clone());
        let server = Arc::new(Server::new(store.clone()));
        let images = Images::default();
        let traffic = Arc::new(Mutex::new(Traffic::new(images.clone(), REQUESTS_PER_SECOND)));
        let cluster = Cluster {
            environment: NAMESPACE.to_owned(),
            context: NAMESPACE.to_owned(),
            namespace: NAMESPACE.to_owned(),
            protected: false,
            workloads: Vec::new(),
            url: String::new(),
            server: Arc::clone(&server),
        };
        let namespace = json!({"metadata": {"name": NAMESPACE}});
        store
            .create(Kind::Namespace, "", namespace, &Author::update("kube-apiserver"))
            .map_err(|error| SimulatorError::Refused { cluster: NAMESPACE.to_owned(), why: error.message })?;
        Ok(Self { cluster, clock, controllers: Controllers::new(server, images, traffic) })
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns its objects, to read and to write.
    #[must_use]
    pub fn objects(&self) -> &Cluster {
        &self.cluster
    }

    /// Moves time on; the controllers do what falls due on the way.
    pub fn advance(&mut self, duration: Duration) -> Result<(), SimulatorError> {
        self.controllers.advance(duration).then_some(()).ok_or_else(|| self.never_rests())
    }

    /// Moves time on to the next moment at which a controller does something; `false` where none does within `limit`, which
    /// has passed then.
    pub fn advance_to_next(&mut self, limit: Duration) -> Result<bool, SimulatorError> {
        self.controllers.advance_to_next(limit).ok_or_else(|| self.never_rests())
    }

    fn never_rests(&self) -> SimulatorError {
        let why = format!("its controllers do not come to rest at {}", self.now());
        SimulatorError::Refused { cluster: NAMESPACE.to_owned(), why }
    }

    /// Changes an object as a client does.
    pub fn patch(&self, kind: &str, name: &str, sent: &Sent<'_>) -> Result<(), SimulatorError> {
        self.cluster.patch_by(kind, name, sent)
    }
}

/// A patch as a client sends it.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// e.g. `application/merge-patch+json`.
    pub content_type: &'a str,
    /// Whether it goes to the status.
    pub is_status: bool,
    pub body: &'a Value,
    /// Its field manager.
    pub manager: &'a str,
}
