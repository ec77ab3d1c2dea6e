//! What a restart waits for: it evicts pods, and a PodDisruptionBudget may allow none to go. The controller says so only in
//! its log.

use std::collections::BTreeSet;
use std::time::Duration;

use kube::Api;
use kube::api::ListParams;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::KubernetesSource;
use super::raw::Raw;
use crate::domain::facts::reduce;
use crate::domain::facts::workload::Snapshot;
use crate::domain::facts::workload::kind::Resource;
use crate::platform::kube_client::api_resource;

const LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// How long one answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Names of the budgets that allow no eviction of a workload's pods.
pub(super) type Budgets = Vec<String>;

/// Asks for budgets while a restart goes on.
pub(super) struct Disruptions {
    known: Budgets,
    pods: BTreeSet<String>,
    last: Option<Instant>,
    sender: mpsc::Sender<Budgets>,
}

impl Disruptions {
    /// Makes it, with the end at which answers arrive.
    pub(super) fn new() -> (Self, mpsc::Receiver<Budgets>) {
        let (sender, receiver) = mpsc::channel(1);
        (Self { known: Budgets::new(), pods: BTreeSet::new(), last: None, sender }, receiver)
    }

    pub(super) fn known(&self) -> Budgets {
        self.known.clone()
    }

    /// Takes in an answer; returns whether it is news.
    pub(super) fn take(&mut self, budgets: Budgets) -> bool {
        let news = self.known != budgets;
        self.known = budgets;
        news
    }

    /// Takes note of the pods of a workload, where it is being restarted.
    pub(super) fn note(&mut self, snapshot: &Snapshot) {
        self.pods.clear();
        if snapshot.object.workload().is_restarting() {
            self.pods.extend(snapshot.pods.iter().map(|pod| pod.name.clone()));
        } else {
            self.known.clear();
        }
    }

    /// Asks about them, again and again.
    pub(super) fn ask(&mut self, source: &KubernetesSource) {
        if self.pods.is_empty() || self.last.is_some_and(|last| last.elapsed() < LOOK_INTERVAL) {
            return;
        }
        self.last = Some(Instant::now());
        let (source, sender, pods) = (source.clone(), self.sender.clone(), self.pods.clone());
        tokio::spawn(async move {
            let budgets = tokio::select! {
                () = source.cancel.cancelled() => return,
                budgets = blocking(&source, &pods) => budgets,
            };
            // Without an answer what was known stays.
            if let Some(budgets) = budgets {
                let _ = sender.send(budgets).await;
            }
        });
    }
}

/// Returns the budgets that allow no eviction of any of these pods; `None` where they cannot be read.
async fn blocking(source: &KubernetesSource, pods: &BTreeSet<String>) -> Option<Budgets> {
    let api = |resource| {
        Api::<Raw<Value>>::namespaced_with(source.client.kube.clone(), &source.namespace, &api_resource(resource))
    };
    let budgets = api(Resource::DISRUPTION_BUDGET);
    let listed = tokio::time::timeout(REQUEST_TIMEOUT, budgets.list(&ListParams::default())).await.ok()?.ok()?;
    let of_pods = api(Resource::POD);
    let mut found = Budgets::new();
    for budget in listed.items.into_iter().filter_map(|raw| raw.kept) {
        // Without a selector it is about no pods.
        if budget["status"]["disruptionsAllowed"].as_u64().unwrap_or(0) > 0 || budget["spec"]["selector"].is_null() {
            continue;
        }
        let selected = ListParams::default().labels(&reduce::selector(&budget["spec"]["selector"]));
        let listed = tokio::time::timeout(REQUEST_TIMEOUT, of_pods.list_metadata(&selected)).await.ok()?.ok()?;
        let is_ours = |name: &String| pods.contains(name);
        if listed.items.iter().any(|pod| pod.metadata.name.as_ref().is_some_and(is_ours)) {
            found.push(budget["metadata"]["name"].as_str().unwrap_or_default().to_owned());
        }
    }
    Some(found)
}
