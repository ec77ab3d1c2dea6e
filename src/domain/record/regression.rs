//! That a canary regressed: what one machine proved holds on all of them ([law 13](crate#laws)).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::facts::text::rfc3339_seconds;

/// A canary that an analysis proved to be worse than stable. It stays so against this stable revision: an analysis does not
/// take that back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Regression {
    pub target: WorkloadKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterIdentity>,
    /// UID of the workload.
    pub uid: String,
    /// Template hash of the canary.
    pub canary: String,
    /// Template hash of the revision that it was compared with.
    pub stable: String,
    /// Version of the canary.
    pub version: String,
    /// What is worse, in words.
    pub why: String,
    /// Whose machine found it.
    pub by: String,
    pub at: Timestamp,
}

impl Regression {
    /// Returns it in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { version, by, why, .. } = self;
        format!("{version} regressed, by the analysis of {by}: {why}")
    }

    /// Returns why the canary must not go on, for a machine that did not find it itself.
    #[must_use]
    pub fn reason(&self) -> String {
        format!("regressed, by the analysis of {} at {}: {}", self.by, rfc3339_seconds(self.at), self.why)
    }
}
