//! What a plan says of lanes: by which one it goes, and that it takes the place of what came by one.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::facts::workload::Revision;
use crate::domain::record::action::{LaneRef, LaneUsed, PlanRecord, Verb};
use crate::domain::rules::checklist::candidate::is_same_artifact;
use crate::domain::rules::checklist::leaves_out;
use crate::domain::rules::lane::owes;
use crate::domain::world::lane::OpenedLane;
use crate::domain::world::{Environment, WorkloadState, World};

/// Names the opening by which something goes, to be looked for once more before it is sent.
pub(super) fn named(opened: &OpenedLane) -> LaneRef {
    let lane = &opened.lane;
    LaneRef {
        lane: opened.rule.lane.clone(),
        opened: lane.opened,
        workload: lane.workload.clone(),
        version: lane.version.clone(),
        digests: lane.digests.clone(),
    }
}

/// Notes in a plan by which lane it goes, and what that leaves out.
pub(super) fn note(
    record: &mut PlanRecord,
    world: &World,
    (env, workload): (&Environment, &WorkloadState),
    opened: &Arc<OpenedLane>,
    now: Timestamp,
) {
    let name = &opened.rule.lane;
    let how = if record.verb == Verb::Release { "by" } else { "in" };
    record.headline = format!("{} {how} the lane {name}", record.headline);
    let candidate = world.candidate_of(env, &workload.id);
    let left_out = candidate.map(|candidate| leaves_out(world, env, opened, &candidate, now));
    record.lane = Some(Box::new(LaneUsed {
        lane: name.clone(),
        opened: opened.lane.opened,
        by: opened.lane.who.clone(),
        until: opened.until,
        note: opened.lane.note.clone(),
        leaves_out: left_out.unwrap_or_default(),
    }));
}

/// Says that a promotion takes the place of what came by a lane and has not been through what that left out, for whatever
/// takes its place was made without it.
pub(super) fn replaces(
    world: &World,
    env: &Environment,
    workload: &WorkloadState,
    promoted: &Revision,
) -> Option<String> {
    let stable = workload.status.as_ref()?.stable.as_ref()?;
    let owed = owes(world, env, &workload.id).filter(|_| !is_same_artifact(stable, promoted))?;
    let by: Vec<String> = owed.by.iter().map(ToString::to_string).collect();
    Some(format!(
        "takes the place of {}, which came by the lane {} and never went through {}: what it fixed may come back",
        owed.version,
        owed.lane,
        by.join(" and ")
    ))
}
