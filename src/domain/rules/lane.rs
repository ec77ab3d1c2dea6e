//! Lanes: which one is followed here, and what came by one and has not been through what that left out.

pub mod opening;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::facts::ids::{EnvName, WorkloadId};
use crate::domain::facts::workload::Revision;
use crate::domain::record::lane::{Lane, LaneFound, LaneRule, OpenLane, Place, WrittenRule};
use crate::domain::rules::checklist::candidate::{counterpart, is_same_artifact};
use crate::domain::rules::checklist::required::rules_here;
use crate::domain::world::lane::{LaneState, OpenedLane};
use crate::domain::world::{Environment, World};

impl World {
    /// Tells anew which lanes are followed, after what they rest on has changed, or time has passed. Returns whether anything
    /// is otherwise than before.
    pub(super) fn refresh_lanes(&mut self, now: Timestamp) -> bool {
        if !self.ledger.has_lanes() {
            return false;
        }
        let states = |env: &Environment| -> Vec<Option<LaneState>> {
            env.workloads.iter().map(|workload| self.lane_state(env, &workload.id, now)).collect()
        };
        let states: Vec<Vec<Option<LaneState>>> = self.environments.iter().map(states).collect();
        let mut is_new = false;
        let workloads = self.environments.iter_mut().flat_map(|env| &mut env.workloads);
        for (workload, state) in workloads.zip(states.into_iter().flatten()) {
            is_new |= workload.lane != state;
            workload.lane = state;
        }
        is_new
    }

    fn lane_state(&self, env: &Environment, id: &WorkloadId, now: Timestamp) -> Option<LaneState> {
        let not_used = |lane: &Lane, why: String| Some(LaneState::NotUsed { lane: Box::new(lane.clone()), why });
        match self.ledger.lane((env.name(), env.cluster.as_ref()), id, now) {
            LaneFound::None => None,
            LaneFound::Several(lanes) => Some(LaneState::Several(lanes.into_iter().cloned().collect())),
            LaneFound::Unusable { lane, why } => not_used(lane, why),
            LaneFound::Open(open) => match self.followed(env, id, &open) {
                Ok((rule, skips)) => Some(LaneState::Open(Arc::new(OpenedLane {
                    lane: open.lane.clone(),
                    before: rule.before.env.clone(),
                    rule,
                    until: open.until,
                    by: open.by.into_iter().map(str::to_owned).collect(),
                    skips,
                }))),
                Err(why) => not_used(open.lane, why),
            },
        }
    }

    /// Returns the rule by which a lane is followed here, as this config has it, and the environments that it leaves out.
    ///
    /// # Errors
    /// Why it is not followed.
    fn followed(
        &self,
        env: &Environment,
        id: &WorkloadId,
        open: &OpenLane<'_>,
    ) -> Result<(LaneRule, Vec<EnvName>), String> {
        let name = env.name();
        if !matches!(env.record, Some(Ok(()))) {
            return Err(format!("the shared record of {name} is not read"));
        }
        let own = rules_here(self, env);
        let rule = own.iter().find(|rule| rule.is_same(open.rule)).ok_or_else(|| {
            let is_other = own.iter().any(|rule| rule.lane == open.rule.lane);
            let why = if is_other { "that of this config is another one" } else { "this config has no such lane" };
            why.to_owned()
        })?;
        let allowed = self.ledger.required(name, env.cluster.as_ref(), id).lanes;
        if !allowed.iter().any(|one| one.rule.known().is_some_and(|known| known.is_same(rule))) {
            return Err(format!("nobody has decided that {name} allows it"));
        }
        let place = |of: &EnvName| self.environments.iter().position(|other| other.name() == of);
        let from = place(&rule.before.env).ok_or_else(|| format!("{} is not known here", rule.before.env))?;
        let skips: Vec<EnvName> = rule.skips.iter().map(|place| place.env.clone()).collect();
        // An environment that was put between since then is not left out unsaid.
        let between = self.environments.iter().skip(from + 1).map(Environment::name).take_while(|other| *other != name);
        if place(name).is_none_or(|at| at <= from) || !between.eq(&skips) {
            return Err(format!("other environments are between {} and {name}", rule.before.env));
        }
        Ok((rule.clone(), skips))
    }
}

/// An artifact that came into an environment by a lane, and has not been through what that left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// The name of the lane.
    pub lane: String,
    pub version: String,
    /// The environments that have not released it yet, or are not seen.
    pub by: BTreeSet<EnvName>,
}

impl Owed {
    /// Says it in a sentence.
    #[must_use]
    pub fn describe(&self) -> String {
        let by: Vec<&str> = self.by.iter().map(EnvName::as_str).collect();
        format!("{} came by the lane {}: it has not been through {} yet", self.version, self.lane, by.join(" and "))
    }
}

/// Returns what is owed for that which is stable in an environment: by every lane that was ever opened there for it, whether it
/// is over, was closed, or is not proven.
#[must_use]
pub fn owes(world: &World, env: &Environment, id: &WorkloadId) -> Option<Owed> {
    owes_besides(world, env, id, &mut BTreeSet::new())
}

/// The same. No environment is asked twice, however many openings name it: anybody who may write to the record can write many.
fn owes_besides(world: &World, env: &Environment, id: &WorkloadId, asked: &mut BTreeSet<EnvName>) -> Option<Owed> {
    if !world.ledger.has_lanes() || !asked.insert(env.name().clone()) {
        return None;
    }
    let stable = env.workload(id)?.status.as_ref()?.stable.as_ref()?;
    let stated = world.ledger.lanes_of(env.name(), env.cluster.as_ref());
    let about = stated.filter(|lane| !lane.is_end && lane.workload == *id && lane.is_about(stable));
    let mut lane = None;
    let mut by = BTreeSet::new();
    let mut came_from = BTreeSet::new();
    let at = |name: &EnvName| world.environments.iter().position(|other| other.name() == name);
    for opening in about {
        by.extend(left_out_by(world, env, (opening, id), stable));
        let from = opening.rule.known().and_then(|rule| known(world, &rule.before));
        came_from.extend(from.map(Environment::name).filter(|from| at(from) < at(env.name())));
        lane = Some(opening.rule.name());
    }
    // What goes on by a second lane has still not been through what the first one left out.
    for before in came_from.into_iter().filter_map(|name| world.environment(name)) {
        let Some(there) = counterpart(before, id) else { continue };
        let of = there.status.as_ref().and_then(|status| status.stable.as_ref());
        if of.is_some_and(|of| is_same_artifact(of, stable)) {
            by.extend(owes_besides(world, before, &there.id, asked).into_iter().flat_map(|owed| owed.by));
        }
    }
    let version = stable.version();
    lane.filter(|_| !by.is_empty()).map(|lane| Owed { lane, version, by })
}

/// The environments that one opening left out and that have not released the artifact since.
fn left_out_by(
    world: &World,
    env: &Environment,
    (opening, id): (&Lane, &WorkloadId),
    stable: &Revision,
) -> BTreeSet<EnvName> {
    let rule = match &opening.rule {
        WrittenRule::Known(rule) => rule,
        // Which it left out is not known here: at least the one before.
        WrittenRule::Later(_) => {
            let before = world.previous(env).filter(|before| !has_released(before, id, stable));
            return before.map(|before| before.name().clone()).into_iter().collect();
        }
    };
    let is_open = |place: &&Place| !known(world, place).is_some_and(|there| has_released(there, id, stable));
    let name = |place: &Place| known(world, place).map_or_else(|| place.env.clone(), |there| there.name().clone());
    rule.skips.iter().filter(is_open).map(name).collect()
}

/// The environment here that a lane names: by its cluster, and of two in one namespace that of the same name.
fn known<'a>(world: &'a World, place: &Place) -> Option<&'a Environment> {
    let is_it = |env: &&Environment| place.is(env.name(), env.cluster.as_ref());
    let all = || world.environments.iter().filter(is_it);
    all().find(|env| *env.name() == place.env).or_else(|| all().next())
}

/// Whether everybody is served an artifact in an environment, or was before something newer.
fn has_released(env: &Environment, id: &WorkloadId, artifact: &Revision) -> bool {
    let seen = counterpart(env, id).and_then(|there| Some((there, there.snapshot.as_ref()?, there.status.as_ref()?)));
    let Some((there, snapshot, stable)) =
        seen.and_then(|(there, snapshot, status)| Some((there, snapshot, status.stable.as_ref()?)))
    else {
        return false;
    };
    if is_same_artifact(stable, artifact) {
        return true;
    }
    let is_earlier = |number: u64| number < stable.number;
    let mut good = snapshot.replicasets.iter().filter(|rs| is_earlier(rs.revision()) && !there.rejected.bars(&rs.hash));
    good.any(|rs| is_same_artifact(&snapshot.revision(rs), artifact))
}

#[cfg(test)]
pub(crate) mod tests;
