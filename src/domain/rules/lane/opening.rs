//! What opening a lane comes to: whether it is allowed, for which artifact, what it leaves out and what it asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::domain::facts::ids::WorkloadId;
use crate::domain::facts::text::rfc3339_seconds;
use crate::domain::facts::workload::Revision;
use crate::domain::record::checklist::{BuiltinCheck, CheckId};
use crate::domain::record::lane::{Lane, LaneRule, OpenLane};
use crate::domain::rules::action::{digests_of, released_by};
use crate::domain::rules::checklist::candidate::{counterpart, is_same_artifact};
use crate::domain::rules::checklist::gates::rejected_as;
use crate::domain::rules::checklist::leaves_out;
use crate::domain::rules::checklist::required::rules_here;
use crate::domain::world::lane::OpenedLane;
use crate::domain::world::{Environment, WorkloadState, World};

/// Returns the rule of a lane of this config into an environment, where a person decided that it is allowed.
///
/// # Errors
/// Why it may not be opened.
pub fn allowed(world: &World, env: &Environment, id: &WorkloadId, lane: &str) -> Result<LaneRule, String> {
    let name = env.name();
    let mut own = rules_here(world, env);
    let Some(at) = own.iter().position(|rule| rule.lane == lane) else {
        let there_are: Vec<&str> = own.iter().map(|rule| rule.lane.as_str()).collect();
        let there_are = if there_are.is_empty() { "none".to_owned() } else { there_are.join(", ") };
        return Err(format!("no lane {lane} goes into {name} by this config: there are {there_are}"));
    };
    let rule = own.swap_remove(at);
    let allowed = world.ledger.required(name, env.cluster.as_ref(), id).lanes;
    if allowed.iter().any(|one| one.rule.known().is_some_and(|known| known.is_same(&rule))) {
        return Ok(rule);
    }
    Err(match allowed.iter().find(|one| one.rule.name() == lane) {
        Some(other) => format!(
            "the lane {lane} of this config is not the one that {} decided on at {}: cockpit require {name}",
            other.who,
            rfc3339_seconds(other.at)
        ),
        None => {
            format!("nobody has decided that {name} allows the lane {lane}: cockpit require {name} --confirm {name}")
        }
    })
}

/// Returns what a lane would be opened for, by version and digests: what its environment before has released.
///
/// # Errors
/// Why it is not to come in.
pub fn artifact(
    world: &World,
    workload: &WorkloadState,
    rule: &LaneRule,
) -> Result<(String, BTreeMap<String, String>), String> {
    let before = &rule.before.env;
    let from = world.environment(before).ok_or_else(|| format!("{before} is not known here"))?;
    let revision = released_by(world, from, &workload.id).map_err(|refusal| refusal.text)?;
    let digests = digests_of(&revision, before.as_str()).map_err(|refusal| refusal.text)?;
    let version = revision.version();
    let stable = workload.status.as_ref().and_then(|status| status.stable.as_ref());
    if stable.is_some_and(|stable| is_same_artifact(stable, &revision)) {
        return Err(format!("{version} is what runs here"));
    }
    match rejected_as(workload, &revision, "here") {
        Some(how) => Err(format!("{version} is rejected: {how}")),
        None => Ok((version, digests)),
    }
}

/// Returns what a lane is about, as it goes out here, or as its environment before has released it.
fn revision_of<'a>(
    world: &'a World,
    workload: &'a WorkloadState,
    rule: &LaneRule,
    lane: &Lane,
) -> Option<&'a Revision> {
    let canary = workload.status.as_ref().and_then(|status| status.canary.as_ref());
    let there = world.environment(&rule.before.env).and_then(|before| counterpart(before, &workload.id));
    let stable = there.and_then(|there| there.status.as_ref()?.stable.as_ref());
    [canary, stable].into_iter().flatten().find(|revision| lane.is_about(revision))
}

/// Whether a lane that is open is for what goes out here, or may come in.
#[must_use]
pub fn is_for(world: &World, workload: &WorkloadState, rule: &LaneRule, lane: &Lane) -> bool {
    revision_of(world, workload, rule, lane).is_some()
}

/// Returns what a lane would leave out, each with how it stands, and what it would ask for.
///
/// # Errors
/// Why it would not be followed here.
pub fn terms(
    world: &World,
    (env, workload): (&Environment, &WorkloadState),
    open: &OpenLane<'_>,
    now: Timestamp,
) -> Result<(Vec<String>, Vec<String>), String> {
    let (rule, skips) = world.followed(env, &workload.id, open)?;
    let revision = revision_of(world, workload, &rule, open.lane);
    let candidate = revision.and_then(|revision| world.candidate_for(env, &workload.id, revision));
    let mut candidate = candidate.ok_or_else(|| format!("not seen what {} runs", rule.before.env))?;
    let by = open.by.iter().map(|who| (*who).to_owned()).collect();
    let opened = Arc::new(OpenedLane {
        lane: open.lane.clone(),
        before: rule.before.env.clone(),
        rule,
        until: open.until,
        by,
        skips,
    });
    candidate.lane = Some(Arc::clone(&opened));
    Ok((leaves_out(world, env, &opened, &candidate, now), asks_for(&opened)))
}

/// What is asked for in a lane.
fn asks_for(opened: &OpenedLane) -> Vec<String> {
    let (rule, before) = (&opened.rule, &opened.before);
    let by: Vec<&str> = opened.by.iter().map(String::as_str).collect();
    // That one is asked in every lane.
    let artifact = BuiltinCheck::Artifact.as_str();
    let gates = rule.gates.iter().map(CheckId::as_str).filter(|gate| *gate != artifact);
    let mut all: Vec<String> = [artifact].into_iter().chain(gates).map(|gate| format!("gate {gate}")).collect();
    all.extend(rule.gates_before.iter().map(|gate| format!("gate {gate} of {before}")));
    let soak = SignedDuration::from_secs(rule.soak_seconds);
    all.extend((soak > SignedDuration::ZERO).then(|| format!("a soak of {soak:#} in {before}")));
    let roles = rule.sign_offs.iter().filter(|(_, people)| **people > 0);
    all.extend(roles.map(|(role, people)| {
        let who = if *people == 1 { "1 person".to_owned() } else { format!("{people} people") };
        format!("sign-off {role} ({who} other than {})", by.join(", "))
    }));
    all
}
