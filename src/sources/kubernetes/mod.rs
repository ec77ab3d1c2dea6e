//! Kubernetes: watches limited to what the release needs, reduced to domain structs on arrival.

pub mod access;
pub mod client;
pub mod discover;
mod disruptions;
mod experiments;
pub mod health;
pub mod heartbeat;
mod identity;
pub mod log;
mod pod_warnings;
mod raw;
mod record;
mod store;
mod throttle;
mod watch;
mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{Notify, watch as channel};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::inbox::Outlet;
use crate::config::SignersFile;
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::counters::KnownCanary;
use crate::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey};
use crate::domain::facts::owner::Owner;
use crate::domain::facts::signals::Tracks;

pub use client::ReadClient;
pub use record::{anchors, workload_anchors};

/// Which ReplicaSets are stable and canary, per workload: what Prometheus is asked about.
pub type TracksByWorkload = BTreeMap<WorkloadId, Tracks>;

/// What there is to hold the counts of each workload's canary against.
pub type CanaryByWorkload = BTreeMap<WorkloadId, KnownCanary>;

/// What the watches of one environment need.
#[derive(Clone)]
pub struct KubernetesSource {
    pub env: EnvName,
    pub client: ReadClient,
    pub namespace: String,
    /// What is watched; more may come.
    pub workloads: channel::Receiver<Vec<WorkloadId>>,
    /// Where to leave what is seen.
    pub outlet: Outlet,
    /// Where to tell which pods belong to which track.
    pub tracks: channel::Sender<TracksByWorkload>,
    /// Where to tell what to hold the canary's counts against.
    pub canaries: channel::Sender<CanaryByWorkload>,
    /// Which cluster and namespace it is, once that was asked.
    pub identity: channel::Sender<Option<ClusterIdentity>>,
    /// Asks for a look at everything now.
    pub refresh: Arc<Notify>,
    /// Asks what the operator may do once more.
    pub rights: Arc<Notify>,
    /// Where it is written whose keys prove who said it, where that is configured.
    pub signers: Option<SignersFile>,
    /// Where the objects of what owns manifests lie.
    pub owners: OwnerPlace,
    pub cancel: CancellationToken,
}

/// Where the objects of what owns manifests lie.
#[derive(Clone, Default)]
pub struct OwnerPlace {
    /// Of the cluster that Argo CD runs in, where that is another one.
    pub client: Option<ReadClient>,
    /// The namespace of Argo CD's applications.
    pub argo_cd_namespace: String,
}

impl OwnerPlace {
    /// Returns the namespace of an owner's object.
    #[must_use]
    pub fn namespace<'a>(&'a self, owner: &'a Owner) -> &'a str {
        owner.namespace.as_deref().unwrap_or(&self.argo_cd_namespace)
    }
}

impl KubernetesSource {
    /// Starts the watches with their heartbeats, and the questions of identity and rights, each its own task.
    pub fn spawn(self, tasks: &TaskTracker) {
        let health = health::Health::new(self.env.clone(), self.outlet.clone());
        tasks.spawn(guarded(self.cancel.clone(), identity::run(self.clone())));
        tasks.spawn(guarded(self.cancel.clone(), access::run(self.clone())));
        tasks.spawn(guarded(self.cancel.clone(), record::run(self.clone())));
        let (own, own_tasks) = (self.clone(), tasks.clone());
        tasks.spawn(guarded(self.cancel.clone(), async move {
            let mut workloads = own.workloads.clone();
            let mut watched = BTreeSet::new();
            loop {
                let all = workloads.borrow_and_update().clone();
                for workload in all.into_iter().filter(|workload| watched.insert(workload.clone())) {
                    let target = WorkloadKey { env: own.env.clone(), workload };
                    let run = workload::run(own.clone(), health.clone(), target);
                    own_tasks.spawn(guarded(own.cancel.clone(), run));
                }
                if workloads.changed().await.is_err() {
                    return;
                }
            }
        }));
    }
}

async fn guarded(cancel: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = cancel.cancelled() => {}
        () = work => {}
    }
}
