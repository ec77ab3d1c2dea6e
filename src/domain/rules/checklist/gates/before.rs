//! What the environment before has to show before this one takes a release: its checks afterwards, and how long it serves
//! everybody there.

use jiff::{SignedDuration, Timestamp};

use super::gate;
use crate::domain::facts::text::rfc3339_seconds;
use crate::domain::facts::workload::Revision;
use crate::domain::record::checklist::CheckId;
use crate::domain::record::checklist::check::{Check, CheckPhase};
use crate::domain::rules::checklist::candidate::{Candidate, counterpart, is_same_artifact};
use crate::domain::rules::lane::owes;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::{Environment, World};

/// Returns what keeps a candidate from going on from the environment before to this one.
pub(super) fn in_the_way(
    world: &World,
    (env, before): (&Environment, &Environment),
    candidate: &Candidate,
    now: Timestamp,
) -> Vec<Refusal> {
    let mut reasons: Vec<Refusal> = owed(world, (env, before), candidate).into_iter().collect();
    reasons.extend(checks_after(world, (env, before), candidate, now));
    let soaks = soaks(world, (env, before), candidate, now);
    reasons.extend(soaks.filter(|reason| !reasons.contains(reason)));
    reasons
}

/// Why an artifact that came into the environment before by a lane does not go on in promotion order: it has not been through
/// what the lane left out.
fn owed(world: &World, (env, before): (&Environment, &Environment), candidate: &Candidate) -> Option<Refusal> {
    if candidate.lane.is_some() {
        return None;
    }
    let there = counterpart(before, &candidate.workload)?;
    let stable = there.status.as_ref()?.stable.as_ref()?;
    let owed = owes(world, before, &there.id).filter(|_| is_same_artifact(stable, &candidate.revision))?;
    let by = owed.by.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    let has = if owed.by.len() == 1 { "has" } else { "have" };
    let text =
        format!("{} got {} by the lane {}, and {by} {has} not released it", before.name(), owed.version, owed.lane);
    let remedy = format!("green when it is released there, or when a lane goes into {}", env.name());
    Some(Refusal::new(RefusalKind::Gate, text, remedy))
}

/// What has to hold after the release in the environment before, about the very artifact that comes in here.
fn checks_after(
    world: &World,
    (env, before): (&Environment, &Environment),
    candidate: &Candidate,
    now: Timestamp,
) -> Vec<Refusal> {
    let name = before.name();
    let rule = candidate.lane.as_ref().map(|opened| &opened.rule);
    let is_gate = |check: &&Check| check.spec.phase == CheckPhase::Post && check.spec.gate;
    let is_asked = |check: &&Check| rule.is_none_or(|rule| rule.gates_before.contains(&check.spec.id));
    let mut after = before.checks.iter().filter(is_gate).filter(is_asked).peekable();
    // A lane may name one that is none there.
    let named = rule.map(|rule| &rule.gates_before).into_iter().flatten();
    let is_missing = |id: &&CheckId| !before.checks.iter().any(|check| check.spec.id == **id && is_gate(&check));
    let missing = named.filter(is_missing).map(|id| {
        let text = format!("{name}: {id}: the lane asks for this gate, and there is none");
        Refusal::new(RefusalKind::Blind, text, "add it to this config")
    });
    let missing: Vec<Refusal> = missing.collect();
    if after.peek().is_none() {
        return missing;
    }
    if let Err(unknown) = heard_of(before, now) {
        return vec![unknown];
    }
    let Some(there) = world.candidate(before) else {
        let text = format!("{name}: not seen what runs there");
        return vec![Refusal::new(RefusalKind::Blind, text, format!("green when {name} answers"))];
    };
    if let Err(runs) = runs_it(world, env, candidate) {
        let text = format!("{name} runs {runs}: its checks say nothing of {}", candidate.version);
        let remedy = format!("green when {name} runs {} and its checks pass", candidate.version);
        return vec![Refusal::new(RefusalKind::Blind, text, remedy)];
    }
    let reasons = after
        .filter_map(|check| gate(check, &there.key, now))
        .map(|reason| Refusal { text: format!("{name}: {}", reason.text), ..reason });
    missing.into_iter().chain(reasons).collect()
}

/// Returns why what is known of the environment before may no longer be so.
pub(super) fn heard_of(before: &Environment, now: Timestamp) -> Result<(), Refusal> {
    let (name, heard) = (before.name(), before.kubernetes());
    if heard.is_fresh(now) {
        return Ok(());
    }
    let text = format!("{name}: state is {}", heard.age_in_words(now));
    Err(Refusal::new(RefusalKind::Blind, text, format!("green when {name} answers")))
}

/// Whether the environment before runs the very artifact of a candidate; otherwise what it runs.
fn runs_it(world: &World, env: &Environment, candidate: &Candidate) -> Result<(), String> {
    let runs = world.had_before(env, candidate);
    if runs.is_some_and(|runs| is_same_artifact(runs, &candidate.revision)) {
        return Ok(());
    }
    Err(runs.map_or_else(|| "nothing".to_owned(), Revision::version))
}

/// Returns why a candidate has not soaked yet in the environment before, as long as that is asked for there.
fn soaks(
    world: &World,
    (env, before): (&Environment, &Environment),
    candidate: &Candidate,
    now: Timestamp,
) -> Option<Refusal> {
    let by_lane = candidate.lane.as_ref().map(|opened| SignedDuration::from_secs(opened.rule.soak_seconds));
    let soak = by_lane.unwrap_or(before.settings.soak);
    if soak <= SignedDuration::ZERO {
        return None;
    }
    if let Err(unknown) = heard_of(before, now) {
        return Some(unknown);
    }
    let (name, version) = (before.name(), &candidate.version);
    if let Err(runs) = runs_it(world, env, candidate) {
        let text = format!("{name} runs {runs}: it does not soak {version}");
        return Some(Refusal::new(RefusalKind::Blind, text, format!("green when {version} has soaked there")));
    }
    let since = match released_since(before, candidate) {
        Ok(since) => since,
        Err((why, green)) => return Some(Refusal::new(RefusalKind::Blind, format!("{name}: {why}"), green)),
    };
    let Ok(until) = since.checked_add(soak) else {
        let text = format!("{name}: the soak has no end: it would be later than the calendar goes");
        return Some(Refusal::new(RefusalKind::Blind, text, "set a shorter `soak`"));
    };
    (now < until).then(|| {
        let text = format!("{name}: {version} soaks for {soak:#}, until {}", rfc3339_seconds(until));
        Refusal::new(RefusalKind::Collecting, text, "green by then, if nothing takes its place there")
    })
}

/// Since when a candidate serves everybody there: what is going out still, or taken back since, does not count, nor what no
/// pod serves. Otherwise why that is not known, and what would tell.
fn released_since(before: &Environment, candidate: &Candidate) -> Result<Timestamp, (String, &'static str)> {
    let version = &candidate.version;
    let unknown = || {
        let green = "green when the controller says that it is released (a Deployment says so where it has a progress deadline)";
        (format!("not known since when {version} serves everybody there"), green)
    };
    let there = counterpart(before, &candidate.workload).ok_or_else(unknown)?;
    let status = there.status.as_ref().filter(|status| status.canary.is_none()).ok_or_else(unknown)?;
    let snapshot = there.snapshot.as_ref().ok_or_else(unknown)?;
    let stable = status.stable.as_ref().and_then(|stable| snapshot.replicaset(&stable.hash)).ok_or_else(unknown)?;
    let released = snapshot.object.workload().released_since().ok_or_else(unknown)?;
    // Scaled to zero a release counts as complete, and scaled up later it is said to have been all the while.
    let pods = snapshot.pods.iter().filter(|pod| pod.hash == stable.hash && pod.is_ready());
    let created: Vec<Timestamp> = pods.map(|pod| pod.created.ok_or_else(unknown)).collect::<Result<_, _>>()?;
    let oldest = created.into_iter().min();
    let oldest =
        oldest.ok_or_else(|| (format!("no pod of {version} is ready there"), "green when its pods have soaked"))?;
    // The controller may note it before it has looked at the newest template.
    Ok([stable.meta.created, Some(oldest)].into_iter().flatten().fold(released, Timestamp::max))
}
