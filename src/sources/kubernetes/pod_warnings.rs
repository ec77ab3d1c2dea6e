//! Warnings about pods that do not get ready: mounts, probes and sandboxes that fail stand in no status, only in events.
//! They are asked for while a pod is not ready, for a few pods at a time: those of a namespace are too many to watch.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use kube::Api;
use kube::api::ListParams;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::KubernetesSource;
use super::raw::Raw;
use crate::domain::facts::event::{KubeEvent, pod_warning};
use crate::domain::facts::pod::Pod;
use crate::domain::facts::workload::Snapshot;
use crate::domain::facts::workload::kind::Resource;
use crate::platform::kube_client::api_resource;

/// How often the same pods are asked about.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// How long an answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// So many pods at most: the others fail for the same reason.
const MAX_PODS: usize = 3;
const MAX_EVENTS: u32 = 100;

/// What the events about a pod say: its name, and the last warning.
pub(super) type PodWarning = (String, Option<String>);

/// The warnings about the pods of one workload.
pub(super) struct PodWarnings {
    said: BTreeMap<String, String>,
    wanted: BTreeSet<String>,
    asked: BTreeSet<String>,
    last: Option<Instant>,
    sender: mpsc::Sender<PodWarning>,
}

impl PodWarnings {
    /// Makes it, with the end at which answers arrive.
    pub(super) fn new() -> (Self, mpsc::Receiver<PodWarning>) {
        let (sender, receiver) = mpsc::channel(MAX_PODS);
        (Self { said: BTreeMap::new(), wanted: BTreeSet::new(), asked: BTreeSet::new(), last: None, sender }, receiver)
    }

    /// Takes in an answer; returns whether it is news.
    pub(super) fn take(&mut self, (pod, warning): PodWarning) -> bool {
        match warning {
            Some(warning) => self.said.insert(pod, warning.clone()) != Some(warning),
            None => self.said.remove(&pod).is_some(),
        }
    }

    /// Puts what is known beside the pods that are not ready.
    pub(super) fn fill(&self, pods: &mut [Pod]) {
        for pod in pods.iter_mut().filter(|pod| is_asked_about(pod)) {
            pod.warning = self.said.get(&pod.name).cloned().unwrap_or_default();
        }
    }

    /// Takes note of which pods are not ready, those of the newest revision first.
    pub(super) fn note(&mut self, snapshot: &Snapshot) {
        let newest_first = snapshot.replicasets.iter().flat_map(|rs| snapshot.pods_of(&rs.hash));
        let of_experiments = snapshot.experiments.iter().flat_map(|experiment| &experiment.pods);
        let unready = newest_first
            .chain(of_experiments)
            .filter(|pod| is_asked_about(pod))
            .take(MAX_PODS)
            .map(|pod| pod.name.clone());
        self.wanted = unready.collect();
        self.said.retain(|pod, _| self.wanted.contains(pod));
    }

    /// Asks about them, where they are others than before, or a while has passed.
    pub(super) fn ask(&mut self, source: &KubernetesSource) {
        let is_due = self.last.is_none_or(|last| last.elapsed() >= LOOK_INTERVAL);
        if self.wanted.is_empty() || self.wanted == self.asked && !is_due {
            return;
        }
        self.last = Some(Instant::now());
        for pod in &self.wanted {
            let (source, sender, pod) = (source.clone(), self.sender.clone(), pod.clone());
            tokio::spawn(async move {
                let warning = tokio::select! {
                    () = source.cancel.cancelled() => return,
                    warning = last_warning(&source, &pod) => warning,
                };
                // Without an answer what was known stays.
                if let Some(warning) = warning {
                    let _ = sender.send((pod, warning)).await;
                }
            });
        }
        self.asked = self.wanted.clone();
    }
}

fn is_asked_about(pod: &Pod) -> bool {
    !pod.is_ready() && !pod.ended && pod.reason != "Terminating"
}

/// Returns the last warning about a pod; `None` where the API server did not answer, or does not tell.
async fn last_warning(source: &KubernetesSource, pod: &str) -> Option<Option<String>> {
    let resource = api_resource(Resource::EVENT);
    let api: Api<Raw<KubeEvent>> = Api::namespaced_with(source.client.kube.clone(), &source.namespace, &resource);
    let about = format!("involvedObject.kind=Pod,involvedObject.name={pod}");
    let params = ListParams::default().fields(&about).limit(MAX_EVENTS);
    let listed = tokio::time::timeout(REQUEST_TIMEOUT, api.list(&params)).await.ok()?.ok()?;
    let events: Vec<KubeEvent> = listed.items.into_iter().filter_map(|raw| raw.kept).collect();
    Some(pod_warning(&events, Timestamp::now()))
}
