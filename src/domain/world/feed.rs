//! Updates from sources.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::domain::facts::access::Access;
use crate::domain::facts::changes::Changes;
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::event::KubeEvent;
use crate::domain::facts::flag::Flag;
use crate::domain::facts::flag::of_release::ReleaseFlags;
use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey};
use crate::domain::facts::signals::{Sample, Signals, Tracks};
use crate::domain::facts::workload::Snapshot;
use crate::domain::record::checklist::{CheckId, Finding};
use crate::domain::record::ledger::Ledger;
use crate::domain::world::registry::Answers;
use analysis::{Look, Report};
use jiff::{SignedDuration, Timestamp};

/// One statement of a source. For state the latest replaces what was said before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Feed {
    /// A workload as it is now; `None` when it does not exist.
    Workload {
        target: WorkloadKey,
        /// What is known of it.
        snapshot: Option<Arc<Snapshot>>,
    },
    Event {
        /// Which workload it belongs to.
        target: WorkloadKey,
        event: KubeEvent,
    },
    /// The history of a workload's signals, at start or when its tracks changed.
    History {
        target: WorkloadKey,
        signals: Arc<Signals>,
    },
    /// One look at a workload's signals.
    Sample {
        target: WorkloadKey,
        sample: Arc<Sample>,
    },
    /// One look at a workload's counters, for the analysis.
    Counted {
        target: WorkloadKey,
        tracks: Tracks,
        /// What was counted, or why nothing was; `None` where the analysis repeats its last result.
        look: Option<Arc<Look>>,
        /// The analysis result now.
        report: Arc<Report>,
        /// How the flags of the release are, as far as the analysis was told; `None` in a recording of before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flags: Option<Arc<ReleaseFlags>>,
    },
    /// The link to a source changed, or was confirmed.
    Link {
        env: EnvName,
        source: SourceKind,
        link: Link,
        /// When the source answered, if it did.
        at: Option<Timestamp>,
    },
    /// The workloads found in an environment that names none.
    Discovered {
        env: EnvName,
        workloads: Vec<WorkloadId>,
    },
    /// The cluster and namespace behind the name of an environment.
    Cluster {
        env: EnvName,
        identity: ClusterIdentity,
    },
    /// What the operator may do.
    Access {
        env: EnvName,
        access: Access,
    },
    /// A check is being looked at.
    CheckBegun {
        env: EnvName,
        check: CheckId,
        at: Timestamp,
    },
    Checked {
        env: EnvName,
        check: CheckId,
        finding: Finding,
    },
    /// The contents of the candidate release of an environment.
    Changes {
        env: EnvName,
        /// What it is about: `Candidate::key`.
        subject: String,
        /// The changes, or why they cannot be known.
        gathered: Result<Arc<Changes>, String>,
    },
    /// Whether there is a git repository that may tell what is in a release.
    Repository {
        env: EnvName,
        found: bool,
    },
    /// How a provider of feature flags answers, and the flags that it named last.
    Flags {
        env: EnvName,
        provider: String,
        link: Link,
        /// When it named them.
        at: Option<Timestamp>,
        flags: Arc<Vec<Flag>>,
    },
    /// What comparing users with a flag and users without it gave.
    FlagCompared {
        env: EnvName,
        provider: String,
        flag: String,
        /// How often that is done.
        every: SignedDuration,
        /// The result, or why there is none.
        result: Result<Arc<Report>, String>,
    },
    /// What a registry said of the images that it was asked about.
    Registry {
        env: EnvName,
        host: String,
        link: Link,
        answers: Arc<Answers>,
    },
    /// What the journals say of checklists.
    Ledger(Box<Ledger>),
    /// Whether the shared record of an environment could be read, or why not.
    Record {
        env: EnvName,
        /// Why it could not be read.
        known: Result<(), String>,
    },
    /// The end of a failing pod's log.
    Log {
        target: WorkloadKey,
        pod: String,
        /// Its last lines, or why there are none.
        lines: Result<Vec<String>, String>,
    },
}
