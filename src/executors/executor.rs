//! Sends requests to one system: a small trait, one implementation per system.

use std::collections::BTreeMap;
use std::fmt;

use futures::future::BoxFuture;
use kube::api::Patch;
use serde_json::Value;

use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::record::action::{PlanRecord, Request, Target};
use crate::domain::record::anchor::Anchor;

use super::flags::FlagPayload;
use super::git::Commit;
use crate::domain::rules::action::Seen;
use crate::platform::git::clone::GitError;
use crate::platform::registry::tag::StoredManifest;

/// The answer to a request, in coming.
pub type Pending<'a, T> = BoxFuture<'a, Result<T, SendError>>;

/// Carries out requests on one system in one environment. It never retries.
pub trait Executor: Send + Sync {
    /// Makes a request ready: what it has to read first is read, and it is made conditional on `version`. Where it writes to
    /// the metadata or spec of an object, it notes the head of the journal there.
    fn prepare<'a>(
        &'a self,
        target: &'a Target,
        request: &'a Request,
        version: &'a str,
        head: Option<&'a Anchor>,
    ) -> Pending<'a, Prepared>;

    /// Sends a prepared request, once; returns the version of what was written.
    fn send<'a>(&'a self, target: &'a Target, request: &'a Request, prepared: &'a Prepared) -> Pending<'a, String>;

    /// Looks at a target as it is now.
    fn look<'a>(&'a self, target: &'a Target) -> Pending<'a, Seen>;

    /// Looks for the effect of an action: at its target, and at what else it may have left behind.
    fn look_for<'a>(&'a self, record: &'a PlanRecord) -> Pending<'a, Seen> {
        self.look(&record.target)
    }

    /// Looks at a target, and at the version of what a request on it goes to: after a conflict.
    fn look_again<'a>(&'a self, target: &'a Target, _: &'a Request) -> Pending<'a, (Seen, String)> {
        Box::pin(async move {
            let seen = self.look(target).await?;
            let version = seen.version().to_owned();
            Ok((seen, version))
        })
    }

    /// Makes whoever acts on a target look at it again, where it may have overlooked a request; nothing else changes. Where
    /// nobody else acts on it there is nobody to nudge.
    fn nudge<'a>(&'a self, _: &'a Target, _: &'a Seen) -> Pending<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Reads which cluster and namespace requests go to; what may not be read stays unknown.
    fn identity(&self) -> Pending<'_, ClusterIdentity>;

    /// Reads the shared record of the environment; empty where there is none, and where it lies beside the workloads instead.
    fn shared_record(&self) -> Pending<'_, SharedRecord> {
        Box::pin(async { Ok(SharedRecord::default()) })
    }

    /// Writes an entry of the shared record, which everybody sees who looks at the environment. With a `version` only if
    /// the record is still the one that was read: else it is a conflict.
    fn publish<'a>(&'a self, key: &'a str, _: &'a str, _: Option<&'a str>) -> Pending<'a, ()> {
        Box::pin(async move { Err(SendError::Refused(format!("{key} is written beside the workloads"))) })
    }
}

/// The shared record as it was read.
#[derive(Clone, Debug, Default)]
pub struct SharedRecord {
    pub data: BTreeMap<String, String>,
    /// `None` where there is no record yet.
    pub version: Option<String>,
}

/// A request ready to be sent.
#[derive(Debug)]
pub struct Prepared {
    pub payload: Payload,
    /// The target as it was seen meanwhile, where the request had to be made from it.
    pub seen: Option<Seen>,
}

/// What is sent, in the form of each system.
#[derive(Debug)]
pub enum Payload {
    /// A patch of a Kubernetes object.
    Kubernetes(Patch<Value>),
    /// A commit to be pushed; `None` where there is nothing to change.
    Git(Option<Commit>),
    /// A feature flag is turned.
    Flag(FlagPayload),
    /// A pipeline is begun, as the request says; the number of the job or run that was chosen, where there is a choice.
    Pipeline(Option<u64>),
    /// A manifest is put under a tag, byte for byte.
    Tag(StoredManifest),
}

/// Why a request did not do what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The system, or this side, said no; nothing happened.
    Refused(String),
    /// The object is another one than the request was made for: the facts decide whether it is sent again.
    Conflict,
    /// No answer, or one that proves nothing: it may have happened.
    Unknown(String),
}

impl From<GitError> for SendError {
    fn from(error: GitError) -> Self {
        match error {
            GitError::Refused(why) => Self::Refused(why),
            GitError::Conflict => Self::Conflict,
            GitError::Unknown(why) => Self::Unknown(why),
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) | Self::Unknown(why) => f.write_str(why),
            Self::Conflict => f.write_str("another client wrote at the same time"),
        }
    }
}
