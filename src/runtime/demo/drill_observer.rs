//! Who sits beside the operator and notes how a drill goes.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::domain::facts::ids::EnvName;
use crate::domain::record::action::{PlanRecord, Verb};
use crate::domain::rules::drill::{DrillRecord, Ended, Failure, Moment};
use crate::domain::world::World;
use crate::domain::world::feed::Feed;
use crate::runtime::tap::Tap;
use analysis::{AnalysisStatus, Seen};
use simulator::Served;

/// Notes What the analysis reports and the operator does, and sees when it is over.
pub(super) struct Observer {
    env: EnvName,
    /// The ReplicaSet of the new revision, once it was seen.
    canary: Option<String>,
    notes: Notes,
}

/// What was noted; kept when the screen is gone.
#[derive(Clone)]
pub(super) struct Notes {
    noted: Arc<Mutex<Noted>>,
    served: Arc<Mutex<Vec<Served>>>,
}

#[derive(Default)]
struct Noted {
    opinions: Vec<(Timestamp, AnalysisStatus)>,
    actions: Vec<(Timestamp, Verb)>,
    ended: Option<Ended>,
}

impl Observer {
    /// Begins to observe an environment.
    pub(super) fn new(env: EnvName, served: Arc<Mutex<Vec<Served>>>) -> (Self, Notes) {
        let notes = Notes { noted: Arc::default(), served };
        (Self { env, canary: None, notes: notes.clone() }, notes)
    }
}

impl Tap for Observer {
    fn feed(&mut self, feed: &Feed, now: Timestamp) {
        let Feed::Counted { target, report, .. } = feed else { return };
        if target.env != self.env {
            return;
        }
        let mut noted = lock(&self.notes.noted);
        if noted.opinions.last().is_none_or(|(_, last)| *last != report.opinion) {
            noted.opinions.push((now, report.opinion));
        }
    }

    fn acted(&mut self, plan: &PlanRecord, now: Timestamp) {
        if *plan.target.env() == self.env && plan.automatic.is_none() {
            lock(&self.notes.noted).actions.push((now, plan.verb));
        }
    }

    /// It is over when the new revision is stable, or was given up and no one is sent to it any more.
    fn is_over(&mut self, world: &World) -> bool {
        let status = world.environment(&self.env).and_then(|env| env.workloads.first()?.status.as_ref());
        let Some(status) = status else { return false };
        let name = |revision: &crate::domain::facts::workload::Revision| revision.replicaset.clone();
        if let Some(canary) = &status.canary {
            self.canary = Some(name(canary));
            if !status.aborted {
                return false;
            }
        }
        let Some(canary) = &self.canary else { return false };
        let stable = status.stable.as_ref().map(name);
        let ended = if stable.as_ref() == Some(canary) {
            Ended::Promoted
        } else if self.notes.nobody_is_sent() {
            Ended::Stopped
        } else {
            return false;
        };
        lock(&self.notes.noted).ended = Some(ended);
        true
    }
}

impl Notes {
    /// Returns whether the new revision got no requests between the last two scrapes.
    fn nobody_is_sent(&self) -> bool {
        lock(&self.served).last().is_some_and(|last| last.requests + last.lost == 0)
    }

    /// Returns the record as it was noted.
    pub(super) fn record(&self, failure: Failure, seed: u64) -> DrillRecord {
        let noted = lock(&self.noted);
        let moment = |served: &Served| Moment {
            at: served.at,
            seconds: served.seconds,
            canary: Seen { requests: served.requests, errors: served.errors },
            lost: served.lost,
            failing: served.changed,
        };
        DrillRecord {
            failure,
            seed,
            moments: lock(&self.served).iter().map(moment).collect(),
            opinions: noted.opinions.clone(),
            actions: noted.actions.clone(),
            ended: noted.ended.unwrap_or(Ended::Left),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
