//! By which way an artifact comes into an environment: from the one before it, or by a lane that somebody opened for it.

use std::sync::Arc;

use super::candidate::{Candidate, counterpart};
use crate::domain::facts::ids::{EnvName, WorkloadId};
use crate::domain::facts::workload::Revision;
use crate::domain::record::checklist::CheckSpec;
use crate::domain::rules::lane::owes;
use crate::domain::world::lane::{LaneState, OpenedLane};
use crate::domain::world::{Environment, World};

/// The way of an artifact.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// The environment that it comes from; `None` for the first one.
    pub before: Option<&'a Environment>,
    /// The lane that leads there, where it comes by one.
    pub lane: Option<&'a Arc<OpenedLane>>,
}

/// Whether a question is about the way of an artifact, or about that of all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lanes {
    Followed,
    /// Every gate is asked, whatever is open: for flags, and for revisions that no lane is about.
    Ignored,
}

impl World {
    /// Returns the environment before, in promotion order.
    #[must_use]
    pub fn previous(&self, env: &Environment) -> Option<&Environment> {
        let at = self.environments.iter().position(|other| other.name() == env.name())?;
        at.checked_sub(1).and_then(|before| self.environments.get(before))
    }

    /// Returns the environment after, in promotion order.
    #[must_use]
    pub fn next(&self, env: &Environment) -> Option<&Environment> {
        let at = self.environments.iter().position(|other| other.name() == env.name())?;
        self.environments.get(at + 1)
    }

    /// Returns the way of what a workload brings: by a lane where one is open for what goes out here, or for what the lane's
    /// environment before has released and this one has not; else in promotion order.
    #[must_use]
    pub fn way<'a>(&'a self, env: &'a Environment, id: &WorkloadId) -> Way<'a> {
        self.way_by(env, id, Lanes::Followed)
    }

    pub(super) fn way_by<'a>(&'a self, env: &'a Environment, id: &WorkloadId, lanes: Lanes) -> Way<'a> {
        let by_lane = (lanes == Lanes::Followed).then(|| self.by_lane(env, id)).flatten();
        by_lane.unwrap_or_else(|| Way { before: self.previous(env), lane: None })
    }

    fn by_lane<'a>(&'a self, env: &'a Environment, id: &WorkloadId) -> Option<Way<'a>> {
        let workload = env.workload(id)?;
        let opened = workload.lane.as_ref().and_then(LaneState::open)?;
        let before = self.environment(&opened.before)?;
        let status = workload.status.as_ref()?;
        let is_it = |revision: Option<&Revision>| revision.is_some_and(|revision| opened.lane.is_about(revision));
        let is_open_for = if status.canary.is_some() {
            is_it(status.canary.as_ref())
        } else {
            let there = counterpart(before, id)?.status.as_ref()?;
            !is_it(status.stable.as_ref()) && there.canary.is_none() && is_it(there.stable.as_ref())
        };
        is_open_for.then_some(Way { before: Some(before), lane: Some(opened) })
    }

    /// Returns what the environment before, on the way of a workload, has of it: what is under way there, else what is stable
    /// there. What is still to come there is no candidate here: nobody has run it in the environment before. Before the first
    /// one is what was named to come in.
    #[must_use]
    pub fn before<'a>(&'a self, env: &'a Environment, id: &WorkloadId) -> Option<&'a Revision> {
        self.before_by(env, id, Lanes::Followed)
    }

    pub(super) fn before_by<'a>(&'a self, env: &'a Environment, id: &WorkloadId, lanes: Lanes) -> Option<&'a Revision> {
        match self.way_by(env, id, lanes).before {
            Some(before) => has(before, id),
            None => env.workload(id)?.named.as_ref(),
        }
    }

    /// Returns the environments that the gates of one rest on, itself last: where its artifacts come from, by lanes that are
    /// open as well, and what those leave out, for what was said against an artifact there counts.
    #[must_use]
    pub fn rests_on(&self, env: &Environment) -> Vec<EnvName> {
        let opened = || env.workloads.iter().filter_map(|workload| workload.lane.as_ref()?.open());
        let from = opened().map(|opened| &opened.before).chain(self.previous(env).map(Environment::name));
        let skipped = opened().flat_map(|opened| &opened.skips);
        // And what the lanes left out by which it came to where it comes from.
        let before = opened().filter_map(|opened| self.environment(&opened.before));
        let owed = before.flat_map(|before| before.workloads.iter().filter_map(|there| owes(self, before, &there.id)));
        let owed: Vec<EnvName> = owed.flat_map(|owed| owed.by).collect();
        let mut all: Vec<EnvName> = Vec::new();
        for name in from.chain(skipped).chain(&owed).chain([env.name()]) {
            if !all.contains(name) {
                all.push(name.clone());
            }
        }
        all
    }

    /// Whether what goes out or comes in next leaves an environment out.
    #[must_use]
    pub fn leaves_out(&self, env: &Environment, other: &EnvName) -> bool {
        let lane = self.candidate(env).and_then(|candidate| candidate.lane);
        lane.is_some_and(|lane| lane.skips.contains(other))
    }

    /// Returns the environment that a candidate comes from; `None` for the first one.
    pub(in crate::domain::rules) fn before_of<'a>(
        &'a self,
        env: &'a Environment,
        candidate: &Candidate,
    ) -> Option<&'a Environment> {
        match &candidate.lane {
            Some(lane) => self.environment(&lane.before),
            None => self.previous(env),
        }
    }

    /// Returns what the environment that a candidate comes from has of it.
    pub(super) fn had_before<'a>(&'a self, env: &'a Environment, candidate: &Candidate) -> Option<&'a Revision> {
        match self.before_of(env, candidate) {
            Some(before) => has(before, &candidate.workload),
            None => env.workload(&candidate.workload)?.named.as_ref(),
        }
    }
}

impl Candidate {
    /// Whether a check would be a gate of it, and the lane that it comes by leaves it out.
    #[must_use]
    pub fn leaves_out(&self, check: &CheckSpec) -> bool {
        self.lane.as_ref().is_some_and(|opened| opened.rule.leaves_out(check))
    }
}

/// What an environment has of a workload: what is under way there, else what is stable there.
fn has<'a>(env: &'a Environment, id: &WorkloadId) -> Option<&'a Revision> {
    let status = counterpart(env, id)?.status.as_ref()?;
    status.canary.as_ref().or(status.stable.as_ref())
}
