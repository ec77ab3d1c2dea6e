//! Lanes: which one is followed here.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::facts::ids::{EnvName, WorkloadId};
use crate::domain::record::lane::{Lane, LaneFound, LaneRule, OpenLane};
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

#[cfg(test)]
pub(in crate::domain::rules) mod tests;
