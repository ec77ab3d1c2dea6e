//! What a cluster does on its own: Rollouts, Deployments, `ReplicaSets`, pods and analysis runs follow their specs.
//!
//! One queue and one reconciler at a time for the whole cluster. All time comes from the store's clock, so that
//! a stopped clock can be moved from event to event: scenarios are set up that way, and tests never sleep.

mod analysis;
pub mod applications;
mod condition_language;
mod deployments;
mod events;
mod experiments;
mod pod_status;
mod pods;
mod queue;
mod quotas;
pub mod replica_set_view;
mod replica_sets;
pub mod rollouts;
mod template_hash;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::clock::{Clock, later, until};
use super::kubernetes::Server;
use super::kubernetes::object;
use super::kubernetes::resources::Kind;
use super::kubernetes::store::{Change, ChangeKind, Key, Store};
use super::scenario::behaviour::Images;
use super::traffic::{Flow, Traffic};
use events::Recorder;
use queue::Queue;

pub use replica_sets::is_ready;

/// Name under which the Rollout controller writes.
pub const ROLLOUTS_CONTROLLER: &str = "rollouts-controller";
/// Name under which the built-in controllers write.
pub const CONTROLLER_MANAGER: &str = "kube-controller-manager";
/// How long controllers take to notice a change; real ones take longer.
const REACTION_DELAY: Duration = Duration::from_millis(20);
/// Objects looked at before others get their turn.
const MAX_BATCH_OBJECTS: u32 = 32;
/// How often a reconciler may come back to one object in the same moment before it is taken for a loop.
const MAX_STEPS: u32 = 10_000;

/// What every reconciler works with.
pub struct Tools {
    pub store: Store,
    pub clock: Clock,
    pub images: Images,
    /// The API server, for the logs of its pods.
    pub server: Arc<Server>,
    /// What shall be looked at again.
    pub queue: Queue,
    pub events: Recorder,
    pub traffic: Arc<Mutex<Traffic>>,
    /// Whether no one answers questions about metrics.
    pub metrics_down: Arc<AtomicBool>,
}

impl Tools {
    /// Returns where requests go now.
    pub fn observe_traffic(&self) -> Vec<Flow> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner).observe(&self.store)
    }

    /// Returns whether metrics cannot be asked for.
    pub fn metrics_down(&self) -> bool {
        self.metrics_down.load(Ordering::Relaxed)
    }
}

/// The controllers of one cluster.
pub struct Controllers {
    tools: Tools,
    pods: pods::Kubelet,
    cursor: u64,
}

impl Controllers {
    /// Returns controllers that begin with what the store holds.
    pub fn new(server: Arc<Server>, images: Images, traffic: Arc<Mutex<Traffic>>) -> Self {
        let store = server.store.clone();
        let mut controllers = Self {
            tools: Tools {
                clock: store.clock().clone(),
                store,
                images,
                server,
                queue: Queue::default(),
                events: Recorder::default(),
                traffic,
                metrics_down: Arc::default(),
            },
            pods: pods::Kubelet::default(),
            cursor: 0,
        };
        controllers.enqueue_everything();
        controllers
    }

    fn enqueue_everything(&mut self) {
        self.cursor = self.tools.store.version();
        for kind in [
            Kind::Deployment,
            Kind::Rollout,
            Kind::ReplicaSet,
            Kind::Pod,
            Kind::AnalysisRun,
            Kind::Experiment,
            Kind::ResourceQuota,
            Kind::Application,
        ] {
            for object in self.tools.store.list(kind, None).1 {
                self.tools.queue.add(Key::of(kind, &object));
            }
        }
    }

    /// Returns the switch that makes metrics unanswerable.
    pub fn metrics_down(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.tools.metrics_down)
    }

    /// Works until nothing is ready; `false` where that never comes.
    pub fn work(&mut self) -> bool {
        (0..MAX_STEPS).any(|_| !self.step())
    }

    /// Looks at one object; `false` if none is ready.
    fn step(&mut self) -> bool {
        match self.tools.store.changes_since(self.cursor) {
            Ok(changes) => {
                for change in changes {
                    self.cursor = change.version;
                    self.enqueue(&change);
                }
            }
            Err(_) => self.enqueue_everything(),
        }
        let Some(key) = self.tools.queue.next(self.tools.clock.now()) else {
            return false;
        };
        match key.kind {
            Kind::Pod => self.pods.reconcile(&mut self.tools, &key),
            Kind::ReplicaSet => replica_sets::reconcile(&mut self.tools, &key),
            Kind::Deployment => deployments::reconcile(&mut self.tools, &key),
            Kind::Rollout => rollouts::reconcile(&mut self.tools, &key),
            Kind::AnalysisRun => analysis::reconcile(&mut self.tools, &key),
            Kind::Experiment => experiments::reconcile(&mut self.tools, &key),
            Kind::ResourceQuota => quotas::reconcile(&mut self.tools, &key),
            Kind::Application => applications::reconcile(&mut self.tools, &key),
            _ => {}
        }
        true
    }

    fn enqueue(&mut self, change: &Change) {
        let queue = &mut self.tools.queue;
        let key = &change.key;
        match key.kind {
            Kind::Pod
            | Kind::ReplicaSet
            | Kind::Deployment
            | Kind::Rollout
            | Kind::AnalysisRun
            | Kind::Experiment
            | Kind::ResourceQuota
            | Kind::Application => {
                queue.add(key.clone());
            }
            _ => {}
        }
        if let Some(application) = applications::owner_of(&change.object) {
            queue.add(application);
        }
        if key.kind == Kind::Pod && change.what == ChangeKind::Deleted {
            self.tools.server.logs.forget(object::uid(&change.object));
        }
        if let Some(owner) = object::controller_of(&change.object)
            && let Some(kind) = Kind::by_type(object::text(owner, "/apiVersion"), object::text(owner, "/kind"))
        {
            queue.add(Key::new(kind, &key.namespace, object::text(owner, "/name")));
        }
        if key.kind == Kind::Pod && change.what != ChangeKind::Modified {
            for quota in self.tools.store.list(Kind::ResourceQuota, Some(&key.namespace)).1 {
                self.tools.queue.add(Key::of(Kind::ResourceQuota, &quota));
            }
        }
        // Rollouts look at services, and at the Deployments that hold their templates.
        if matches!(key.kind, Kind::Service | Kind::Deployment) {
            let rollouts = self.tools.store.list(Kind::Rollout, Some(&key.namespace)).1;
            for rollout in rollouts {
                if key.kind == Kind::Service || refers_to(&rollout, &key.name) {
                    self.tools.queue.add(Key::of(Kind::Rollout, &rollout));
                }
            }
        }
    }

    /// Moves a stopped clock from event to event until nothing is left to do or `limit` has passed; `false` where
    /// something is to be done for ever in one moment.
    pub fn settle(&mut self, limit: Duration) -> bool {
        let end = later(self.tools.clock.now(), limit);
        loop {
            if !self.work() {
                return false;
            }
            match self.tools.queue.due() {
                Some(due) if due <= end => self.tools.clock.stop_at(due),
                _ => return true,
            }
        }
    }

    /// Moves a stopped clock on by a duration, doing what falls due on the way; `false` as with [`Self::settle`].
    pub fn advance(&mut self, duration: Duration) -> bool {
        let end = later(self.tools.clock.now(), duration);
        if !self.settle(duration) {
            return false;
        }
        self.tools.clock.stop_at(end);
        self.work()
    }

    /// Moves a stopped clock to the next moment at which something falls due, and does it. Where nothing does within `limit`
    /// that passes, and `Some(false)` is returned; `None` where something is to be done for ever in one moment.
    pub fn advance_to_next(&mut self, limit: Duration) -> Option<bool> {
        let end = later(self.tools.clock.now(), limit);
        self.work().then_some(())?;
        let due = self.tools.queue.due().filter(|due| *due <= end);
        self.tools.clock.stop_at(due.unwrap_or(end));
        self.work().then_some(due.is_some())
    }

    /// Works as the wall clock goes, until shut down.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut changed = self.tools.store.subscribe();
        loop {
            changed.borrow_and_update();
            // A bounded batch at a time, so that requests are answered in between.
            let mut busy = true;
            for _ in 0..MAX_BATCH_OBJECTS {
                busy = busy && self.step();
            }
            if busy {
                if shutdown.is_cancelled() {
                    return;
                }
                tokio::task::yield_now().await;
                continue;
            }
            let due = self.tools.queue.due();
            let wait = due.map(|due| until(self.tools.clock.now(), due));
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = changed.changed() => tokio::time::sleep(REACTION_DELAY).await,
                () = sleep(wait) => {}
            }
        }
    }
}

async fn sleep(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

fn refers_to(rollout: &Value, deployment: &str) -> bool {
    object::text(rollout, "/spec/workloadRef/name") == deployment
}

#[cfg(test)]
mod testing;
