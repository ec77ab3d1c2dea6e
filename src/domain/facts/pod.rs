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
    /// Digests that its containers run (`sha256:…`), from imageID, by name of the container; init containers and what was
    /// injected too.
    pub digests: BTreeMap<String, String>,
    /// Container whose log tells the most: the first that is not well.
    pub failing_container: Option<String>,
    /// Whether that container runs again, so that the previous instance's log is the interesting one.
    pub restarted: bool,
}

impl Pod {
    /// Returns whether every container is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.total > 0 && self.ready == self.total && self.reason == "Running"
    }

    /// Returns whether the reason says that it will not get ready by waiting alone.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        const FAILING_REASONS: [&str; 13] = [
            "CrashLoopBackOff",
            "ImagePullBackOff",
            "ErrImagePull",
            "InvalidImageName",
            "ErrImageNeverPull",
            "CreateContainerConfigError",
            "CreateContainerError",
            "RunContainerError",
            "OOMKilled",
            "Error",
            "Failed",
            "Evicted",
            "ContainerStatusUnknown",
        ];
        let reason = self.reason.strip_prefix("Init:").unwrap_or(&self.reason);
        FAILING_REASONS.contains(&reason)
            || self.reason == "Pending" && self.message.starts_with("Unschedulable")
            || reason.starts_with("ExitCode:")
            || reason.starts_with("Signal:")
    }
}
