//! The gates: the one function that decides what blocks a promotion.
//!
//! There is no argument that skips anything ([law 1](crate#laws)), and backward actions never ask ([law 3](crate#laws)).

mod artifacts;
mod before;
mod checks;
mod lane;
mod rejection;
mod served;

pub use lane::leaves_out;
pub(in crate::domain::rules) use rejection::rejected_as;
pub use served::against_served;

use jiff::Timestamp;

use crate::domain::facts::ids::WorkloadId;
use crate::domain::facts::workload::{Revision, Status};
use crate::domain::record::checklist::check::{Check, CheckPhase, How};
use crate::domain::record::checklist::{BuiltinCheck, Decision, SignOff};
use crate::domain::record::regression::Regression;
use crate::domain::rules::checklist::required::missing_gates;
use crate::domain::rules::checklist::role::{RoleStatus, role_statuses};
use crate::domain::rules::checklist::way::Lanes;
use crate::domain::rules::refusal::Refusal;
use crate::domain::rules::refusal::RefusalKind;
use crate::domain::rules::verdict::of_state;
use crate::domain::world::verdict::{Assessment, CanaryReport, Verdict};
use crate::domain::world::{Environment, WorkloadState, World};
use checks::{collecting, flags_in_order, gate, is_answered_anew, is_asked};

/// What helps where a version is proven to be worse, and stays so.
const ANOTHER: &str = "release another version";

/// The answer for a whole environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// `Go`, `NoGo`, `Blind` where nothing is red but something cannot be told, or `Wait` where only more data is needed.
    pub verdict: Verdict,
    /// Everything in the way; empty for `Go`.
    pub reasons: Vec<Refusal>,
}

/// Returns GO or NO-GO for an environment with every reason, for all its workloads.
#[must_use]
pub fn answer(world: &World, env: &Environment, now: Timestamp) -> Answer {
    answer_by(world, (env, Lanes::Followed), now)
}

fn answer_by(world: &World, (env, lanes): (&Environment, Lanes), now: Timestamp) -> Answer {
    let mut reasons = Vec::new();
    for workload in &env.workloads {
        reasons.extend(rejected(world, (env, lanes), workload));
        reasons.extend(live(env, workload));
    }
    reasons.extend(listed(world, (env, Promoted::All, lanes), now, |_| true));
    reasons.extend(before::heard_of(env, now).err());
    red_first(&mut reasons);
    let verdict = match reasons.first().map(|reason| reason.kind) {
        None => Verdict::Go,
        Some(RefusalKind::Blind) => Verdict::Blind,
        Some(RefusalKind::Collecting) => Verdict::Wait,
        Some(_) => Verdict::NoGo,
    };
    Answer { verdict, reasons }
}

/// Returns everything that blocks promoting one workload.
#[must_use]
pub fn in_the_way(world: &World, env: &Environment, workload: &WorkloadState, now: Timestamp) -> Vec<Refusal> {
    let mut reasons: Vec<Refusal> = rejected(world, (env, Lanes::Followed), workload).into_iter().collect();
    reasons.extend(live(env, workload));
    reasons.extend(listed(world, (env, Promoted::Workload(workload), Lanes::Followed), now, |_| true));
    red_first(&mut reasons);
    reasons
}

/// Returns everything that blocks promoting a revision of a workload that is not the one in progress, nor the next: nothing
/// of what was answered and stated about those is about this one.
#[must_use]
pub fn in_the_way_of(
    world: &World,
    env: &Environment,
    (workload, revision): (&WorkloadState, &Revision),
    now: Timestamp,
) -> Vec<Refusal> {
    let mut reasons = live(env, workload);
    reasons.extend(regressed_before(world, env, workload, revision));
    // Nobody opened a lane for this one.
    reasons.extend(listed(world, (env, Promoted::Revision(workload, revision), Lanes::Ignored), now, |_| true));
    red_first(&mut reasons);
    reasons
}

/// Returns everything that stands in the way of sending an aborted update out again. Live signals say nothing of it, for it
/// gets no requests; without any it could not be watched.
#[must_use]
pub fn in_the_way_of_retry(world: &World, env: &Environment, workload: &WorkloadState, now: Timestamp) -> Vec<Refusal> {
    let is_live = |check: &Check| matches!(check.spec.how, How::BuiltinCheck(BuiltinCheck::Signals));
    let promoted = (env, Promoted::Workload(workload), Lanes::Followed);
    let mut reasons = listed(world, promoted, now, |check| !is_live(check));
    reasons.extend(live(env, workload).into_iter().filter(|reason| reason.kind.is_unknown()));
    reasons.extend(regressed(workload));
    red_first(&mut reasons);
    reasons
}

/// Why a revision that regressed before goes out no more, by whatever way.
fn regressed_before(
    world: &World,
    env: &Environment,
    workload: &WorkloadState,
    revision: &Revision,
) -> Option<Refusal> {
    let uid = &workload.snapshot.as_ref()?.object.meta().uid;
    let stable = workload.status.as_ref()?.stable.as_ref()?;
    let regression = world.ledger.regression(env.cluster.as_ref(), (uid, &revision.hash, &stable.hash))?;
    Some(Refusal::new(RefusalKind::Gate, format!("{} {}", regression.version, regression.reason()), ANOTHER))
}

/// Why a canary that regressed goes out no more against this stable revision, aborted or not.
fn regressed(workload: &WorkloadState) -> Option<Refusal> {
    let regression = workload.regressed.as_ref()?;
    let text = format!("{} {}", regression.version, regression.reason());
    Some(Refusal::new(RefusalKind::Gate, text, ANOTHER))
}

/// Why nothing of an artifact may go out here: it was rolled back or aborted in this environment (law 11).
fn rejected(world: &World, (env, lanes): (&Environment, Lanes), workload: &WorkloadState) -> Option<Refusal> {
    let canary = workload.status.as_ref().and_then(|status| status.canary.as_ref());
    let (version, how) = if let Some(canary) = canary {
        let how = rejection::of_canary(workload, canary)?;
        (canary.version(), how)
    } else {
        let incoming = world.incoming_by(env, &workload.id, lanes)?;
        (incoming.version(), rejected_as(workload, incoming, "here")?)
    };
    let is_retried = workload.regressed.is_none() && workload.status.as_ref().is_some_and(|status| status.aborted);
    let remedy = if is_retried { "retry it, or release another version" } else { ANOTHER };
    Some(Refusal::new(RefusalKind::Rejected, format!("{version} is rejected: {how}"), remedy))
}

/// What is red comes before what is merely not known, and that before what comes by itself.
fn red_first(reasons: &mut [Refusal]) {
    reasons.sort_by_key(|reason| match reason.kind {
        RefusalKind::Collecting => 2,
        RefusalKind::Blind => 1,
        _ => 0,
    });
}

/// Returns the verdict of an environment: that of its live signals, and while there is a candidate, at best a pause
/// as long as a gate or a signature is missing.
#[must_use]
pub fn verdict(world: &World, env: &Environment, now: Timestamp) -> Assessment {
    let live = env.assessment();
    let under_way = env.workloads.iter().any(|workload| workload.status.as_ref().is_some_and(|s| s.canary.is_some()));
    if live.verdict != Verdict::Go || !under_way {
        return live;
    }
    let mut missing = listed(world, (env, Promoted::All, Lanes::Followed), now, |_| true);
    red_first(&mut missing);
    if missing.is_empty() {
        return live;
    }
    Assessment::new(Verdict::Wait, missing.into_iter().map(|reason| reason.text))
}

/// What the state of the workload says, and limits on live signals where metrics are configured.
fn live(env: &Environment, workload: &WorkloadState) -> Vec<Refusal> {
    if !env.settings.has_metrics {
        let state = workload.status.as_ref().map_or_else(|| vec![not_seen(workload)], by_state);
        return state.into_iter().chain(regressed(workload)).collect();
    }
    let (kind, remedy) = match workload.assessment.verdict {
        Verdict::NoGo => (RefusalKind::Gate, "clears when back within limits"),
        Verdict::Blind => (RefusalKind::Blind, "green when there is fresh data"),
        Verdict::Wait if workload.opinion().is_some_and(CanaryReport::is_suspect) => {
            (RefusalKind::Gate, "clears when the canary is no longer suspect")
        }
        // It gets no requests: only a retry makes sense, which is asked apart.
        Verdict::Wait if workload.status.as_ref().is_some_and(|status| status.aborted) => return Vec::new(),
        Verdict::Wait => (RefusalKind::Collecting, "green when there was enough traffic to notice a regression"),
        Verdict::Go => return Vec::new(),
    };
    // What is milder does not stand in the way.
    let reasons = workload.assessment.reasons.iter().filter(|reason| reason.verdict == workload.assessment.verdict);
    let by_others = workload.regressed.as_ref().map(Regression::reason);
    let remedy_of = |text: &str| if by_others.as_deref() == Some(text) { ANOTHER } else { remedy };
    reasons.map(|reason| Refusal::new(kind, reason.text.clone(), remedy_of(&reason.text))).collect()
}

fn not_seen(workload: &WorkloadState) -> Refusal {
    let why = if workload.missing { "does not exist" } else { "is not seen yet" };
    Refusal::new(RefusalKind::Blind, format!("{} {why}", workload.id), "green when its state is known")
}

/// What stands in the way where nothing is measured: a state that is red, or may not be read.
fn by_state(status: &Status) -> Vec<Refusal> {
    let of = |(verdict, text): (Verdict, String)| match verdict {
        Verdict::NoGo => Some(Refusal::new(RefusalKind::Gate, text, "clears when its pods are healthy")),
        Verdict::Blind => Some(Refusal::new(RefusalKind::Blind, text, "green when that may be read")),
        Verdict::Wait | Verdict::Go => None,
    };
    of_state(status).into_iter().filter_map(of).collect()
}

/// What is to be promoted.
#[derive(Clone, Copy)]
enum Promoted<'a> {
    /// Whatever goes out in an environment.
    All,
    Workload(&'a WorkloadState),
    /// A revision that is neither in progress nor next.
    Revision(&'a WorkloadState, &'a Revision),
}

/// The checklist: gates before and during, those that have to hold afterwards in the environment before, sign-offs. Where
/// one workload is to be promoted, its artifact is compared; without one, that of every workload that goes out.
fn listed(
    world: &World,
    (env, promoted, lanes): (&Environment, Promoted<'_>, Lanes),
    now: Timestamp,
    counts: impl Fn(&Check) -> bool,
) -> Vec<Refusal> {
    let candidate = match promoted {
        Promoted::Revision(workload, revision) => world.candidate_for(env, &workload.id, revision),
        Promoted::All | Promoted::Workload(_) => world.candidate_by(env, lanes),
    };
    let stopped = stopped(world, env, now);
    let Some(mut candidate) = candidate else {
        // Nothing is known: without a checklist that is no gate, with one nothing of it can be green.
        let nothing = Refusal::new(RefusalKind::Blind, "no candidate release seen yet", "");
        let asked = !env.settings.sign_offs.roles.is_empty() || env.checks.iter().any(|check| check.spec.gate);
        return stopped.into_iter().chain(asked.then_some(nothing)).collect();
    };
    let going_out = match promoted {
        Promoted::Revision(..) => vec![candidate.clone()],
        Promoted::Workload(workload) => world.candidate_of(env, &workload.id).into_iter().collect(),
        Promoted::All => world.candidates_by(env, lanes),
    };
    // What is promoted is in a lane or is not, whatever else of the environment is in one.
    candidate.lane = going_out.first().and_then(|first| first.lane.clone());
    let opened = candidate.lane.as_deref();
    let checks = env
        .checks
        .iter()
        .filter(|check| check.spec.phase != CheckPhase::Post && !is_answered_anew(check) && counts(check))
        .filter(|check| is_asked(check, opened))
        .filter_map(|check| {
            let check = lane::answered(world, (env, &candidate, lanes), check, now);
            gate(&check, &candidate.key, now).map(|reason| collecting(env, &check, reason))
        });
    let mut reasons: Vec<Refusal> = stopped.into_iter().chain(checks).collect();
    reasons.extend(artifacts::same_artifact(world, env, &going_out, now));
    reasons.extend(artifacts::in_registries(world, env, &going_out, now));
    reasons.extend(flags_in_order(world, env, &candidate, now));
    for candidate in &going_out {
        let Some(before) = world.before_of(env, candidate) else { continue };
        for reason in before::in_the_way(world, (env, before), candidate, now) {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
    }
    if lanes == Lanes::Followed {
        reasons.extend(lane::several(env, &going_out));
    }
    if let Some(opened) = opened {
        reasons.extend(lane::unfit(env, opened, now));
        reasons.extend(going_out.iter().flat_map(|candidate| lane::vetoes(world, opened, candidate)));
    }
    let promoted: Vec<&WorkloadId> = match promoted {
        Promoted::All => env.workloads.iter().map(|workload| &workload.id).collect(),
        Promoted::Workload(workload) | Promoted::Revision(workload, _) => vec![&workload.id],
    };
    reasons.extend(env.settings.has_other_gates.then(|| {
        let text = "./cockpit.toml is not trusted, and stands in for the gates of your own config";
        Refusal::new(RefusalKind::Blind, text, "green when it is trusted: run `cockpit trust`")
    }));
    reasons.extend(missing_gates(world, env, &promoted));
    // A gate, or who dropped one, may stand in that of the environment before.
    reasons.extend([Some(env), world.before_of(env, &candidate)].into_iter().flatten().filter_map(record_unknown));
    for seat in role_statuses(env, &world.ledger, &candidate) {
        reasons.extend(no_gos(&seat));
        let (go, needed) = (seat.holding(Decision::Go).count(), seat.needed);
        if go < needed {
            let voided = seat.signatures.iter().rev().find_map(|signature| {
                signature.void.as_ref().map(|why| format!("; the one of {} is void: {why}", signature.sign_off.who))
            });
            let text = format!("sign-off {}: {go} of {needed}{}", seat.role, voided.unwrap_or_default());
            let remedy = missing(needed - go, &seat.role);
            reasons.push(Refusal::new(RefusalKind::SignOff, text, remedy));
        }
    }
    reasons
}

/// Returns everything that blocks turning a feature flag on: all gates, whatever lane is open, about what comes in next as well
/// as about what users get, for the flag is in both.
#[must_use]
pub fn in_the_way_of_flag(world: &World, env: &Environment, now: Timestamp) -> Vec<Refusal> {
    let Some(served) = world.served(env) else {
        let text = format!("{}: not seen what runs there, so no gate can be asked", env.name());
        let nothing = Refusal::new(RefusalKind::Blind, text, format!("green when {} answers", env.name()));
        return stopped(world, env, now).into_iter().chain([nothing]).collect();
    };
    let mut reasons = answer_by(world, (env, Lanes::Ignored), now).reasons;
    let about_served = role_statuses(env, &world.ledger, &served).iter().flat_map(no_gos).collect::<Vec<_>>();
    for reason in about_served {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    red_first(&mut reasons);
    reasons
}

/// What people stated of the environment itself.
fn stopped(world: &World, env: &Environment, now: Timestamp) -> Vec<Refusal> {
    let here = env.cluster.as_ref();
    let freeze = world.ledger.frozen(env.name(), here, now).map(|freeze| {
        let text = format!("frozen {} by {}: “{}”", freeze.duration(), freeze.who, freeze.reason);
        Refusal::new(RefusalKind::Gate, text, format!("`cockpit unfreeze {}` ends it", env.name()))
    });
    let later = world.ledger.later_stop(env.name(), here).map(|stop| {
        Refusal::new(RefusalKind::Blind, stop.sentence(), "promote with the version of cockpit that the others use")
    });
    freeze.into_iter().chain(later).collect()
}

/// The NO-GOs that stand in a role.
fn no_gos(seat: &RoleStatus) -> Vec<Refusal> {
    let refusal = |sign_off: &SignOff| {
        let note = if sign_off.note.is_empty() { String::new() } else { format!(": “{}”", sign_off.note) };
        let text = format!("{} signed NO-GO as {}{note}", sign_off.who, seat.role);
        let remedy = format!("green when {} signs GO, or somebody else as {} takes it back", sign_off.who, seat.role);
        Refusal::new(RefusalKind::SignOff, text, remedy)
    };
    seat.holding(Decision::NoGo).map(refusal).collect()
}

/// What people state elsewhere has to be readable, also where this config asks nobody: it may be a NO-GO, or a gate.
fn record_unknown(env: &Environment) -> Option<Refusal> {
    let text = match &env.record {
        Some(Ok(())) => return None,
        Some(Err(why)) => format!("{}: the shared record cannot be read: {why}", env.name()),
        None => format!("{}: the shared record is not read yet", env.name()),
    };
    Some(Refusal::new(RefusalKind::Blind, text, "green when it is read: a NO-GO may stand there"))
}

fn missing(people: usize, role: &str) -> String {
    if people == 1 {
        format!("needs a GO from someone in role {role}")
    } else {
        format!("needs a GO from {people} people in role {role}")
    }
}
