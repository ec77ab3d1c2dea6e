//! What a lane asks for besides the gates that it names.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::domain::facts::text::rfc3339_seconds;
use crate::domain::record::checklist::check::{Check, How};
use crate::domain::record::checklist::{CheckId, CheckPhase};
use crate::domain::record::lane::Lane;
use crate::domain::rules::checklist::candidate::Candidate;
use crate::domain::rules::checklist::way::Lanes;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::lane::{LaneState, OpenedLane};
use crate::domain::world::{Environment, World};

/// Returns a check with the answer for a candidate. What answers itself was asked of what comes by a lane, where one is open:
/// a question that is not about lanes is asked anew.
pub(super) fn answered<'a>(
    world: &World,
    (env, candidate, lanes): (&Environment, &Candidate, Lanes),
    check: &'a Check,
    now: Timestamp,
) -> Cow<'a, Check> {
    let is_by_lane = env.workloads.iter().any(|workload| matches!(workload.lane, Some(LaneState::Open(_))));
    match check.spec.how {
        How::BuiltinCheck(known) if is_by_lane && lanes == Lanes::Ignored => {
            let finding = known.finding(world, env, candidate, &world.ledger, now);
            Cow::Owned(Check { finding: Some(finding), ..check.clone() })
        }
        _ => Cow::Borrowed(check),
    }
}

/// Returns why the lane itself lets nothing through: its time is over, or it asks for a gate that there is not.
pub(super) fn unfit(env: &Environment, opened: &OpenedLane, now: Timestamp) -> Vec<Refusal> {
    let name = &opened.rule.lane;
    let over = (opened.until <= now).then(|| {
        let text = format!("the lane {name} ended at {}", rfc3339_seconds(opened.until));
        Refusal::new(RefusalKind::Gate, text, "green by all gates, or when it is opened again")
    });
    let is_gate = |check: &Check| check.spec.gate && check.spec.phase != CheckPhase::Post;
    let is_there = |id: &CheckId| env.checks.iter().any(|check| check.spec.id == *id && is_gate(check));
    let missing = opened.rule.gates.iter().filter(|id| !is_there(id)).map(|id| {
        let text = format!("{id}: the lane {name} asks for this gate, and there is none in {}", env.name());
        Refusal::new(RefusalKind::Blind, text, "add it to this config")
    });
    over.into_iter().chain(missing).collect()
}

/// Returns that more than one lane is open, each for something else, where something goes out for which one of them is.
pub(super) fn several(env: &Environment, going_out: &[Candidate]) -> Vec<Refusal> {
    let of = |candidate: &Candidate| {
        let Some(LaneState::Several(lanes)) = env.workload(&candidate.workload)?.lane.as_ref() else { return None };
        lanes.iter().any(|lane| lane.is_about(&candidate.revision)).then_some(lanes)
    };
    let one = |lane: &Lane| format!("{} for {} ({})", lane.rule.name(), lane.version, lane.who);
    let refused = |lanes: &Vec<Lane>| {
        let all: Vec<String> = lanes.iter().map(one).collect();
        let many = if all.len() == 2 { "two lanes".to_owned() } else { format!("{} lanes", all.len()) };
        let text = format!("{many} are open: {}", all.join(", "));
        Refusal::new(RefusalKind::Blind, text, "close all but one")
    };
    going_out.iter().filter_map(of).map(refused).collect()
}
