//! What a lane asks for besides the gates that it names.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};

use super::{ANOTHER, before, rejected_as};
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::text::rfc3339_seconds;
use crate::domain::facts::workload::Revision;
use crate::domain::record::checklist::check::{Check, CheckState, How};
use crate::domain::record::checklist::{CheckId, CheckPhase, Decision};
use crate::domain::record::lane::Lane;
use crate::domain::rules::checklist::candidate::{Candidate, counterpart, is_same_artifact};
use crate::domain::rules::checklist::role::role_statuses;
use crate::domain::rules::checklist::way::Lanes;
use crate::domain::rules::lane::owes;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::lane::{LaneState, OpenedLane};
use crate::domain::world::verdict::Verdict;
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
        Refusal::new(RefusalKind::Blind, text, "close them, and open one again")
    };
    going_out.iter().filter_map(of).map(refused).collect()
}

/// Returns what is known against an artifact in the environments that are left out: that it was rejected or regressed there, or
/// that somebody said NO-GO. One that does not answer says nothing: that may be why there is a lane.
pub(super) fn vetoes(world: &World, opened: &OpenedLane, candidate: &Candidate) -> Vec<Refusal> {
    let names = left_out_environments(world, opened, candidate);
    let left_out = names.iter().filter_map(|name| world.environment(name));
    left_out.flat_map(|env| vetoes_in(world, env, candidate)).collect()
}

/// The environments that an artifact has not been through: those that this lane leaves out, and those that the lane left out
/// by which it came to where it comes from.
fn left_out_environments(world: &World, opened: &OpenedLane, candidate: &Candidate) -> Vec<EnvName> {
    let mut names = opened.skips.clone();
    let owed = world.environment(&opened.before).and_then(|before| {
        let there = counterpart(before, &candidate.workload)?;
        let stable = there.status.as_ref()?.stable.as_ref()?;
        owes(world, before, &there.id).filter(|_| is_same_artifact(stable, &candidate.revision))
    });
    let owed = owed.into_iter().flat_map(|owed| owed.by);
    names.extend(owed.filter(|name| !opened.skips.contains(name)));
    names
}

fn vetoes_in(world: &World, env: &Environment, candidate: &Candidate) -> Vec<Refusal> {
    let (name, here, version) = (env.name(), env.cluster.as_ref(), &candidate.version);
    let there = counterpart(env, &candidate.workload);
    let rejected = there
        .and_then(|there| rejected_as(there, &candidate.revision, "there"))
        .map(|how| Refusal::new(RefusalKind::Rejected, format!("{name}: {version} is rejected: {how}"), ANOTHER));
    let regression = there.and_then(|there| {
        let snapshot = there.snapshot.as_ref()?;
        let uid = &snapshot.object.meta().uid;
        let is_it = |rs: &&ReplicaSet| is_same_artifact(&snapshot.revision(rs), &candidate.revision);
        let mut same = snapshot.replicasets.iter().filter(is_it);
        same.find_map(|rs| world.ledger.regressed(here, (uid, &rs.hash)))
    });
    let regressed = regression.map(|it| {
        let text = format!("{name}: {} {}", it.version, it.reason());
        Refusal::new(RefusalKind::Gate, text, ANOTHER)
    });
    let no_go = candidate.subjects().no_go_in(&world.ledger, (name, here)).map(|said| {
        Refusal::new(RefusalKind::SignOff, format!("{name}: {said}"), format!("green when it is taken back in {name}"))
    });
    [rejected, regressed, no_go].into_iter().flatten().collect()
}

/// Returns what a lane leaves out for a candidate, with how each of it stands: environments, the soak, gates, sign-offs.
#[must_use]
pub fn leaves_out(
    world: &World,
    env: &Environment,
    opened: &OpenedLane,
    candidate: &Candidate,
    now: Timestamp,
) -> Vec<String> {
    let rule = &opened.rule;
    let skipped = || opened.skips.iter().filter_map(|name| world.environment(name));
    let names = left_out_environments(world, opened, candidate);
    let left_out = names.iter().filter_map(|name| world.environment(name));
    let mut all: Vec<String> = left_out.map(|other| left_out_there(other, candidate, now)).collect();
    let before = world.environment(&opened.before);
    let soak = |of: &Environment| {
        let soak = of.settings.soak;
        let least = if *of.name() == opened.before { rule.soak_seconds } else { 0 };
        (soak > SignedDuration::from_secs(least)).then(|| format!("a soak of {soak:#} in {}", of.name()))
    };
    all.extend(before.into_iter().chain(skipped().next_back()).filter_map(soak));
    let gates = env.checks.iter().filter(|check| rule.leaves_out(&check.spec));
    all.extend(gates.map(|check| format!("gate {}: {}", check.spec.id, standing(check, &candidate.key, now))));
    let there = before.and_then(|before| world.candidate(before)).map(|there| there.key).unwrap_or_default();
    let after = before.into_iter().flat_map(|before| &before.checks);
    let after = after.filter(|check| check.spec.gate && check.spec.phase == CheckPhase::Post);
    let after = after.filter(|check| !rule.gates_before.contains(&check.spec.id));
    all.extend(
        after.map(|check| format!("gate {} of {}: {}", check.spec.id, opened.before, standing(check, &there, now))),
    );
    let mut normal = candidate.clone();
    normal.lane = None;
    for seat in role_statuses(env, &world.ledger, &normal).iter().filter(|seat| seat.needed > 0) {
        if rule.sign_offs.get(&seat.role).is_none_or(|people| *people < seat.needed) {
            let go = seat.holding(Decision::Go).count();
            all.push(format!("sign-off {}: {go} of {}", seat.role, seat.needed));
        }
    }
    all
}

/// What an environment that is left out has of an artifact.
fn left_out_there(env: &Environment, candidate: &Candidate, now: Timestamp) -> String {
    let (name, version): (&EnvName, &str) = (env.name(), &candidate.version);
    let there = counterpart(env, &candidate.workload);
    let seen = there.and_then(|there| Some((there, there.snapshot.as_ref()?, there.status.as_ref()?)));
    let Some((there, snapshot, status)) = seen else { return format!("{name}: not seen") };
    if let Err(unknown) = before::heard_of(env, now) {
        return unknown.text;
    }
    let is_it = |revision: &Revision| is_same_artifact(revision, &candidate.revision);
    let text = match (&status.canary, &status.stable) {
        (Some(canary), _) if is_it(canary) => format!("{name}: {version} is still going out there"),
        (_, Some(stable)) if is_it(stable) => format!("{name} runs {version}"),
        (canary, stable) => {
            let has_had = snapshot.replicasets.iter().any(|rs| is_it(&snapshot.revision(rs)));
            let runs = canary.as_ref().or(stable.as_ref()).map_or_else(|| "nothing".to_owned(), Revision::version);
            let had = if has_had { "ran there" } else { "never ran there" };
            format!("{name}: {version} {had}; {name} runs {runs}")
        }
    };
    if there.assessment.verdict != Verdict::NoGo {
        return text;
    }
    let why: Vec<&str> = there.assessment.describe().collect();
    format!("{text}, NO-GO: {}", why.join("; "))
}

/// How a gate that is left out stands.
fn standing(check: &Check, subject: &str, now: Timestamp) -> String {
    let said = || check.finding.as_ref().map_or("", |finding| finding.summary.as_str());
    match check.state(subject, now) {
        CheckState::Passed => "passed".to_owned(),
        CheckState::Failed => format!("FAILED: {}", said()),
        CheckState::Blind => format!("unknown: {}", said()),
        CheckState::Stale => "the last answer is stale".to_owned(),
        CheckState::Running => "running".to_owned(),
        CheckState::Pending if check.is_manual() => "not acknowledged".to_owned(),
        CheckState::Pending => "not run yet".to_owned(),
    }
}
