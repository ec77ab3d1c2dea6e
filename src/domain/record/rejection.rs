//! Revisions that were rolled back or aborted (law 11): never sent out again unless a person retries them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::facts::object::ImageRef;
use crate::domain::record::action::{PlanRecord, Verb};

/// What was decided about a revision, from the moment the API server took the request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rejection {
    pub target: WorkloadKey,
    /// Which cluster and namespace it is about; journals of before do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterIdentity>,
    /// UID of the workload: one that was deleted and recreated has no past.
    pub uid: String,
    /// Template hash of the revision.
    pub hash: String,
    /// Images of the revision, main one first.
    pub images: Vec<String>,
    /// Version that went back into service, where it is known.
    pub to: Option<String>,
    /// `Rollback` or `Abort`; `Retry` takes a rejection back.
    pub verb: Verb,
    /// Whether it was stable when it was rejected: a release that had reached everybody.
    pub was_stable: bool,
    pub by: String,
    pub at: Timestamp,
    /// By the author's SSH key, over [`Entry::to_be_signed`](crate::domain::record::journal::Entry::to_be_signed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl Rejection {
    /// Returns what an accepted action says of a revision, if anything.
    #[must_use]
    pub fn of(record: &PlanRecord, by: &str, at: Timestamp) -> Option<Self> {
        let decides = match record.verb {
            Verb::Abort | Verb::Rollback => record.moves_backward(),
            Verb::Retry => true,
            _ => false,
        };
        let hash = record.from_hash.clone().filter(|_| decides)?;
        let to = record.to_images.first().map(|image| ImageRef::parse(image).version());
        Some(Self {
            target: record.target.workload()?.clone(),
            cluster: record.cluster.clone(),
            uid: record.facts.uid.clone(),
            was_stable: record.facts.stable == hash,
            images: record.from_images.clone(),
            hash,
            to,
            verb: record.verb,
            by: by.to_owned(),
            at,
            signature: None,
        })
    }

    /// Whether it takes an earlier rejection back.
    #[must_use]
    pub fn is_lifted(&self) -> bool {
        self.verb == Verb::Retry
    }

    /// Returns the version of the revision; its template hash where no image is known.
    #[must_use]
    pub fn version(&self) -> String {
        self.images.first().map_or_else(|| self.hash.clone(), |image| ImageRef::parse(image).version())
    }

    /// Returns it in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let version = self.version();
        match self.verb {
            Verb::Retry => format!("{version} is no longer rejected: retried by {}", self.by),
            Verb::Abort => format!("{version} is rejected: aborted by {}", self.by),
            _ => format!("{version} is rejected: rolled back by {}", self.by),
        }
    }

    /// Whether both are about the same revision of the same workload.
    #[must_use]
    pub fn is_same_revision(&self, other: &Self) -> bool {
        self.uid == other.uid && self.hash == other.hash
    }
}

/// The rejected revisions of one workload, by template hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// What is known of who rejected each, and when; `None` where only the cluster shows that it was left.
    revisions: BTreeMap<String, Option<Rejection>>,
    /// Those that were replaced by another one before they were stable: nothing goes back to them unasked.
    superseded: BTreeSet<String>,
    /// Those that were seen to become stable.
    stable_once: BTreeSet<String>,
}

impl Rejected {
    /// Returns whether a revision is rejected.
    #[must_use]
    pub fn contains(&self, hash: &str) -> bool {
        self.revisions.contains_key(hash)
    }

    /// Returns whether going to a revision is never a way back, however old it is: it was rejected, or never stable.
    #[must_use]
    pub fn bars(&self, hash: &str) -> bool {
        self.contains(hash) || self.superseded.contains(hash)
    }

    /// Takes in that a revision was replaced before it was stable.
    pub fn was_superseded(&mut self, hash: &str) {
        self.superseded.insert(hash.to_owned());
    }

    /// Takes in that a revision was seen to become stable.
    pub fn was_stable(&mut self, hash: &str) {
        self.stable_once.insert(hash.to_owned());
    }

    /// Returns whether a revision is known to have been stable here.
    #[must_use]
    pub fn is_known_stable(&self, hash: &str) -> bool {
        self.stable_once.contains(hash)
    }

    /// Returns who rejected a revision, and when, as far as that is known.
    #[must_use]
    pub fn rejection(&self, hash: &str) -> Option<&Rejection> {
        self.revisions.get(hash)?.as_ref()
    }

    /// Returns the rejected revisions.
    pub fn hashes(&self) -> impl Iterator<Item = &str> {
        self.revisions.keys().map(String::as_str)
    }

    /// Returns what is known of rejections, in no order.
    pub fn known(&self) -> impl Iterator<Item = &Rejection> {
        self.revisions.values().flatten()
    }

    /// Takes in what was decided; the latest word on a revision counts.
    pub fn take(&mut self, rejection: &Rejection) {
        if rejection.is_lifted() {
            self.revisions.remove(&rejection.hash);
        } else {
            self.revisions.insert(rejection.hash.clone(), Some(rejection.clone()));
        }
    }

    /// Takes in that the cluster shows a revision to have been left.
    pub fn was_left(&mut self, hash: &str) {
        self.revisions.entry(hash.to_owned()).or_insert(None);
    }

    /// Lifts the rejections of revisions that have become stable since.
    pub fn lift(&mut self, became_stable: impl Fn(&str, Option<&Rejection>) -> bool) {
        self.revisions.retain(|hash, rejection| !became_stable(hash, rejection.as_ref()));
    }
}

impl FromIterator<String> for Rejected {
    fn from_iter<T: IntoIterator<Item = String>>(hashes: T) -> Self {
        Self { revisions: hashes.into_iter().map(|hash| (hash, None)).collect(), ..Self::default() }
    }
}
