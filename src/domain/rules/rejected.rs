//! Which revisions of a workload are rejected (law 11): by journals, by the shared record, and by what the cluster shows.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::facts::cluster::{ClusterIdentity, is_elsewhere, is_here};
use crate::domain::facts::direction::Direction;
use crate::domain::facts::ids::{EnvName, WorkloadKey};
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::workload::{Snapshot, Status};
use crate::domain::record::ledger::{BecameStable, Ledger, Superseded, is_of};
use crate::domain::record::rejection::{Rejected, Rejection};
use crate::domain::world::WorkloadState;

/// What is recorded, and of which environment it is asked.
pub struct RecordOf<'a> {
    pub ledger: &'a Ledger,
    pub env: &'a EnvName,
    /// The cluster and namespace behind its name, where that is known.
    pub here: Option<&'a ClusterIdentity>,
}

impl RecordOf<'_> {
    /// Whether an observation may be of this workload of this environment.
    fn may_be(&self, target: &WorkloadKey, cluster: Option<&ClusterIdentity>, workload: &WorkloadState) -> bool {
        target.workload == workload.id && is_of(self.env, self.here, (&target.env, cluster))
    }
}

/// Returns the rejected revisions of a workload.
#[must_use]
pub fn rejected(record: &RecordOf<'_>, workload: &WorkloadState) -> Rejected {
    let (Some(snapshot), Some(status)) = (&workload.snapshot, &workload.status) else { return Rejected::default() };
    let uid = &snapshot.object.meta().uid;
    let settled = settled_on(snapshot, status);
    let mut decided: Vec<&Rejection> =
        record.ledger.rejections.iter().filter(|rejection| !uid.is_empty() && rejection.uid == *uid).collect();
    decided.retain(|rejection| !is_elsewhere(record.here, rejection.cluster.as_ref()));
    decided.sort_by_key(|rejection| rejection.at);
    let mut rejected = Rejected::default();
    for rejection in decided {
        rejected.take(rejection);
    }
    rejected.lift(|hash, rejection| {
        became_stable(record, workload, snapshot, (hash, rejection)) || is_stable_since(settled, hash, rejection)
    });
    for hash in &workload.seen_left {
        rejected.was_left(hash);
    }
    for hash in left_behind(&snapshot.replicasets) {
        rejected.was_left(&hash);
    }
    if let Some(aborted) = aborted(snapshot, status) {
        rejected.was_left(&aborted);
    }
    for hash in superseded(record, workload, snapshot) {
        if settled != Some(hash) && !became_stable(record, workload, snapshot, (hash, None)) {
            rejected.was_superseded(hash);
        }
    }
    for rs in &snapshot.replicasets {
        if became_stable(record, workload, snapshot, (&rs.hash, None)) {
            rejected.was_stable(&rs.hash);
        }
    }
    for hash in &workload.seen_serving {
        rejected.was_stable(hash);
    }
    // Everybody is served by it and nothing else is asked for, by whatever way it got there; a rollback that was just
    // accepted is not seen yet, and is known from the record.
    if let Some(stable) = settled {
        rejected.lift(|hash, rejection| hash == stable && rejection.is_none());
    }
    rejected
}

/// Returns the revision that a workload was taken back from: the newest that was rejected, where nothing newer came since
/// and `here` was made before it. ReplicaSets of the same second are told apart by nothing but that.
#[must_use]
pub fn taken_back_from<'a>(snapshot: &'a Snapshot, rejected: &Rejected, here: &ReplicaSet) -> Option<&'a ReplicaSet> {
    let others = || snapshot.replicasets.iter().filter(|rs| rs.hash != here.hash);
    let left = others().filter(|rs| rejected.contains(&rs.hash)).max_by_key(|rs| (rs.meta.created, rs.revision()))?;
    let newer = |rs: &ReplicaSet| rs.meta.created > left.meta.created;
    let came_since = others().any(|rs| newer(rs) && !rejected.contains(&rs.hash));
    (!came_since && !newer(here)).then_some(left)
}

/// What a workload is at while nothing goes out. A Deployment waits for its old pods to end before it makes the next ReplicaSet
/// (`Recreate`), and is at nothing meanwhile.
fn settled_on<'a>(snapshot: &Snapshot, status: &'a Status) -> Option<&'a str> {
    let object = snapshot.object.workload();
    let is_between = !object.records_stable() && object.has_unseen_template(&snapshot.replicasets);
    status.stable.as_ref().filter(|_| status.canary.is_none() && !is_between).map(|stable| stable.hash.as_str())
}

/// A revision that was rejected while it went out, and is stable now, has become stable since.
fn is_stable_since(settled: Option<&str>, hash: &str, rejection: Option<&Rejection>) -> bool {
    settled == Some(hash) && rejection.is_some_and(|rejection| !rejection.was_stable)
}

/// Whether somebody saw a revision go out and become stable, after it was rejected where it was. What does not say of which
/// cluster it is takes back no rejection that does.
fn became_stable(
    record: &RecordOf<'_>,
    workload: &WorkloadState,
    snapshot: &Snapshot,
    (hash, rejection): (&str, Option<&Rejection>),
) -> bool {
    let since = rejection.map(|rejection| rejection.at);
    let later = |at: Timestamp| since.is_none_or(|since| at > since);
    if workload.seen_stable.get(hash).is_some_and(|at| later(*at)) {
        return true;
    }
    // One that is gone bore the name that both controllers give.
    let name = || format!("{}-{hash}", snapshot.object.meta().name);
    let replicaset = snapshot.replicaset(hash).map_or_else(name, |rs| rs.meta.name.clone());
    let says_enough = |seen: &BecameStable| {
        rejection.is_none_or(|rejection| {
            is_here(record.here, seen.cluster.as_ref()) || seen.cluster.is_none() && rejection.cluster.is_none()
        })
    };
    record.ledger.became_stable.iter().any(|seen| {
        record.may_be(&seen.target, seen.cluster.as_ref(), workload)
            && says_enough(seen)
            && seen.replicaset == replicaset
            && later(seen.at)
    })
}

/// Revisions that another one took the place of while they went out. One that went back to what served before is none.
fn superseded<'a>(
    record: &'a RecordOf<'a>,
    workload: &'a WorkloadState,
    snapshot: &'a Snapshot,
) -> impl Iterator<Item = &'a str> {
    let set = |name: &Option<String>| {
        let name = name.as_ref()?;
        snapshot.replicasets.iter().find(|rs| rs.meta.name == *name)
    };
    let of_it = |seen: &&Superseded| record.may_be(&seen.target, seen.cluster.as_ref(), workload);
    let recorded = record.ledger.superseded.iter().filter(of_it).filter_map(move |Superseded { tracks, .. }| {
        let (from, to) = set(&tracks.stable).zip(set(&tracks.canary))?;
        (from.meta.created < to.meta.created).then_some(to.hash.as_str())
    });
    recorded.chain(workload.seen_superseded.iter().map(String::as_str))
}

/// Revisions that the workload went back from: a ReplicaSet that was made earlier has a higher revision number, which the
/// controllers give when an old template is put back.
fn left_behind(replicasets: &[ReplicaSet]) -> BTreeSet<String> {
    let restored_over = |left: &ReplicaSet| {
        replicasets
            .iter()
            .any(|other| Direction::between(left, other).is_backward() && other.meta.revision > left.meta.revision)
    };
    let left = replicasets.iter().filter(|rs| rs.meta.revision.is_some() && restored_over(rs));
    left.map(|rs| rs.hash.clone()).collect()
}

/// The revision whose update was aborted; going back is not given up by aborting it.
fn aborted(snapshot: &Snapshot, status: &Status) -> Option<String> {
    let canary = status.canary.as_ref().filter(|_| status.aborted)?;
    let direction = snapshot.direction(|_| false);
    (direction == Some(Direction::Forward)).then(|| canary.hash.clone())
}
