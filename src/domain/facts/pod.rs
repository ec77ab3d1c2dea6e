//! Pods, with the status that kubectl would print.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is kept of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pod {
    pub name: String,
    /// Template hash label: the ReplicaSet it belongs to.
    pub hash: String,
    /// What `kubectl get pods` shows as STATUS, e.g. `Running`, `CrashLoopBackOff`, `Init:0/1`.
    pub reason: String,
    /// The text behind a bad reason: image pull error, scheduler's message, last exit.
    pub message: String,
    pub ready: u32,
    pub total: u32,
    pub restarts: u32,
    pub created: Option<Timestamp>,
    /// How long it took to become ready, in seconds; `None` where it is not, or became so again after a restart.
    #[serde(default)]
    pub start_seconds: Option<u32>,
    /// Digests that its containers run (`sha256:…`), from imageID, by name of the container; init containers and what was
    /// injected too.
    pub digests: BTreeMap<String, String>,
    /// Container whose log tells the most: the first that is not well.
    pub failing_container: Option<String>,
    /// Whether that container runs again, so that the previous instance's log is the interesting one.
    pub restarted: bool,
    /// Whether it ended for good (phase Failed or Succeeded): whatever owns it replaces it.
    #[serde(default)]
    pub ended: bool,
    /// What its condition `Ready` lacks, e.g. `containers with unready status: [app]`, or a readiness gate.
    #[serde(default)]
    pub unready: String,
    /// The last warning about it, e.g. `Readiness probe failed: HTTP probe failed with statuscode: 503`.
    #[serde(default)]
    pub warning: String,
}

impl Pod {
    /// Returns whether every container is ready, and every readiness gate passed.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.total > 0 && self.ready == self.total && self.reason == "Running" && self.unready.is_empty()
    }

    /// Returns whether the reason says that it will not get ready by waiting alone. Kubelets, runtimes and admission
    /// have reasons of their own without number: what is known to be on its way is not failing, all else is.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        const WELL_REASONS: [&str; 9] = [
            "Running",
            "Pending",
            "ContainerCreating",
            "PodInitializing",
            "Completed",
            "Succeeded",
            "NotReady",
            "Terminating",
            "",
        ];
        let reason = self.reason.strip_prefix("Init:").unwrap_or(&self.reason);
        let counts = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '/');
        let is_well = WELL_REASONS.contains(&reason) || reason != self.reason && counts(reason);
        !is_well || self.is_unschedulable()
    }

    /// Returns whether no node takes it, which more nodes may change.
    #[must_use]
    pub fn is_unschedulable(&self) -> bool {
        self.reason == "SchedulingGated" || self.reason == "Pending" && self.message.starts_with("Unschedulable")
    }

    /// Returns why it is not ready, where more is known than that its containers are not; `None` where it is ready, gone or
    /// going.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        if self.is_ready() || self.ended || self.reason == "Terminating" {
            return None;
        }
        if !self.warning.is_empty() {
            return Some(self.warning.clone());
        }
        let gate = self.ready == self.total && !self.unready.is_empty();
        gate.then(|| self.unready.clone())
    }
}
