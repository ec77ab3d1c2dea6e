//! The NEXT line: what happens next, when, and what blocks it.

use analysis::AnalysisStatus;

use super::hints::plan_for;
use super::model::Model;
use crate::core::TagMove;
use crate::domain::record::action::Verb;

use crate::domain::facts::ids::{EnvName, WorkloadId};
use crate::domain::facts::owner::Automation;
use crate::domain::facts::text::duration;
use crate::domain::facts::workload::serving::percent;
use crate::domain::facts::workload::{PauseReason, Phase, Status};
use crate::domain::rules::checklist::candidate::counterpart;
use crate::domain::rules::code_or_flag;
use crate::domain::rules::flag_rollout::fresh_report;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::rules::release_state::{ReleaseState, release_state};
use crate::domain::world::verdict::Verdict;
use crate::domain::world::{Environment, WorkloadState, World};

/// The answer to “what happens next?”.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    pub sentence: String,
    /// Whether somebody has to act now: users get a version that is not well.
    pub is_alarm: bool,
    /// What stands in the way of a promotion: gates that are red, blind or still wait for data.
    pub in_the_way: Vec<Refusal>,
}

/// Returns what happens next with the selected workload.
#[must_use]
pub fn next(model: &Model) -> Next {
    let Some((env, workload)) = model.selected() else {
        return Next::calm("no workload is watched: see the config");
    };
    let name = env.name();
    let Some(status) = &workload.status else {
        let sentence = if workload.missing {
            format!("{} does not exist in {name}", workload.id)
        } else {
            format!("waiting for first data on {} in {name}", workload.id)
        };
        return Next::calm(sentence);
    };
    let in_flight = model.target().and_then(|target| model.core.in_flight_on(&target));
    if let Some(action) = in_flight.filter(|action| !action.awaits_merge()) {
        let age = duration(model.core.now.duration_since(action.since));
        let headline = &action.record.headline;
        return Next::calm(match &action.accepted {
            Some(lacks) if action.record.pipeline().is_some() => format!("{headline} began {age} ago: {lacks}"),
            Some(lacks) => format!("{headline} was accepted {age} ago: {lacks}"),
            None => format!("{headline} was sent {age} ago: waiting until {name} shows it"),
        });
    }
    let key = |command: crate::keys::Command| key(model, command);
    let promote = plan_for(model, Verb::Promote, None);
    let in_the_way = match &promote {
        Ok(_) => Vec::new(),
        Err(refusals) => refusals
            .iter()
            .filter(|refusal| {
                matches!(
                    refusal.kind,
                    RefusalKind::Gate
                        | RefusalKind::Blind
                        | RefusalKind::Collecting
                        | RefusalKind::Artifact
                        | RefusalKind::SignOff
                        | RefusalKind::Rejected
                        | RefusalKind::Journal
                        | RefusalKind::Stale
                )
            })
            .cloned()
            .collect(),
    };
    let of_flag = || flag_countdown(model, env).or_else(|| flag_is_worse(model, env));
    // What is wrong with the version itself comes before a flag of it.
    let is_well = workload.assessment.verdict != Verdict::NoGo;
    let first = is_well.then(of_flag).flatten();
    let first = first
        .or_else(|| by_release_state(model, env, workload, status))
        .or_else(|| alarm(model, env, workload, status))
        .or_else(of_flag);
    if let Some(next) = first {
        let in_the_way = if next.is_alarm && status.pause.is_some() { in_the_way } else { Vec::new() };
        return Next { in_the_way, ..next };
    }
    if let Some(action) = in_flight {
        let age = duration(model.core.now.duration_since(action.since));
        let shows = action.accepted.as_deref().unwrap_or_default();
        return Next::calm(format!("{} has waited for a merge for {age}: {shows}", action.record.headline));
    }
    let waits_for_person = status.pause.as_ref().is_some_and(|pause| pause.needs_person);
    let sentence = match (&promote, &status.pause) {
        (_, Some(pause)) if pause.reason == PauseReason::Manual => {
            let by = manual_pause_by(model, workload);
            format!("{name} is paused{by}; {} resumes it", key(crate::keys::Command::Pause))
        }
        (Ok(plan), Some(pause)) => {
            let record = plan.record();
            let then = record.goes.first().map_or_else(String::new, |goes| format!(": {goes}"));
            let by_itself = pause.until.map_or_else(String::new, |until| {
                format!("; automatically in {}", duration(until.duration_since(model.core.now)))
            });
            format!("{} would {} in {name}{then}{by_itself}", key(crate::keys::Command::Promote), record.headline)
        }
        (Err(_), Some(pause)) => match pause.until {
            Some(until) => {
                let left = duration(until.duration_since(model.core.now));
                let hold = key(crate::keys::Command::Pause);
                // What goes on by itself does not ask the gates: somebody has to.
                let careful = if in_the_way.is_empty() { String::new() } else { format!(": {hold} pauses it here") };
                format!("{name} advances automatically in {left}{careful}")
            }
            None => format!("{name} is paused until promoted"),
        },
        (_, None) => match (status.phase, &status.canary) {
            (Phase::Healthy, _) => match goes_on(model, env, workload) {
                Some(next) => next,
                None => format!("no rollout in progress in {name}{}{}", tag(model, env), elsewhere(model, env)),
            },
            // The cause stands with the environment: here stands the way out.
            (Phase::Degraded, _) => match plan_for(model, Verb::Rollback, None) {
                Ok(plan) => {
                    let back = &plan.record().headline;
                    format!("{name} is stuck; {} would {back}", key(crate::keys::Command::Rollback))
                }
                Err(_) => status.why.clone().unwrap_or_else(|| status.message.clone()),
            },
            (_, _) => status.why.clone().unwrap_or_else(|| format!("{name} is progressing: {}", status.message)),
        },
    };
    // A gate is in the way only of what waits for a person, or would continue into it.
    let in_the_way = if waits_for_person || status.pause.is_some() { in_the_way } else { Vec::new() };
    Next { sentence, is_alarm: false, in_the_way }
}

impl Next {
    fn calm(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), is_alarm: false, in_the_way: Vec::new() }
    }
}

fn key(model: &Model, command: crate::keys::Command) -> String {
    model.ui.keymap.key(command).unwrap_or_else(|| format!(":{}", command.spec().id))
}

/// What is next by the state of the release alone.
fn by_release_state(model: &Model, env: &Environment, workload: &WorkloadState, status: &Status) -> Option<Next> {
    let name = env.name();
    let rollback = key(model, crate::keys::Command::Rollback);
    Some(Next::calm(match release_state(&model.core.world, env, &workload.id)? {
        ReleaseState::RollingBack { from, to } => {
            let left = status.stable.as_ref().map_or(0.0, |stable| status.serving.share_of(&stable.hash));
            let serving = if status.canary.is_some() && left > 0.0 {
                format!(", still serving {} of {from}", percent(left))
            } else {
                String::new()
            };
            let finish = match plan_for(model, Verb::Rollback, None) {
                Ok(plan) if !plan.record().requests.is_empty() => format!("; {rollback} finishes it at once"),
                _ => String::new(),
            };
            format!("{name} is rolling back {from} → {to}{serving}{finish}")
        }
        ReleaseState::RolledBack(back) => {
            let elsewhere = elsewhere(model, env);
            let by = back.by.map_or_else(String::new, |(who, _)| format!(" by {who}"));
            let git = left_in_git(model, workload).unwrap_or(elsewhere);
            format!("{name} was rolled back from {} to {}{by}{}{git}", back.from, back.to, tag(model, env))
        }
        ReleaseState::Next { from, to } => next_release(model, name, &from, &to),
        ReleaseState::NotHere => format!("the release has not come to {name} yet{}", elsewhere(model, env)),
        ReleaseState::Aborted => {
            let retry = key(model, crate::keys::Command::Retry);
            let share = status.canary.as_ref().map_or(0.0, |canary| status.serving.share_of(&canary.hash));
            if share > 0.0 {
                let why = status.why.clone().unwrap_or_default();
                return Some(Next { is_alarm: true, ..Next::calm(format!("{name}: {why}")) });
            }
            format!("{name} was aborted; {retry} retries, {rollback} puts the old manifest back")
        }
        ReleaseState::InProgress | ReleaseState::Paused | ReleaseState::Released | ReleaseState::Superseded => {
            return None;
        }
    }))
}

/// What is left to do where a tag does not name what serves everybody: it failed, or nobody has moved it.
fn tag(model: &Model, env: &Environment) -> String {
    let Some(target) = model.target().filter(|_| env.settings.stable_tag.is_some()) else { return String::new() };
    match (model.core.tags.get(&target), model.core.plan_tag(&target)) {
        (Some(TagMove::Failed(text)), _) => format!("; {text}"),
        (_, Ok(plan)) => format!("; {} would {}", key(model, crate::keys::Command::Tag), plan.record().headline),
        (_, Err(_)) => String::new(),
    }
}

/// What is left to do after a rollback where something else owns the manifest.
fn left_in_git(model: &Model, workload: &WorkloadState) -> Option<String> {
    let owned = workload.snapshot.as_ref()?.owned.as_ref()?;
    let found = owned.reconciler()?;
    let owner = key(model, crate::keys::Command::Owner);
    Some(match (&found.automation, found.in_sync) {
        (Automation::Suspended(Some(_)), Some(true)) => format!("; git agrees: {owner} resumes {}", owned.owner),
        (Automation::Suspended(Some(_)), _) => {
            format!("; revert it in git, then {owner} resumes {}", owned.owner)
        }
        (_, Some(false)) => format!("; git does not match: {} puts that back: {owner} suspends it", owned.owner),
        _ => return None,
    })
}

/// The environment that the release comes to next: the key that brings it in, or what stands in the way.
fn next_release(model: &Model, name: &EnvName, from: &str, to: &str) -> String {
    let release = key(model, crate::keys::Command::Release);
    match plan_for(model, Verb::Release, None) {
        Ok(plan) => {
            let lane = plan.record().lane.as_ref();
            let lane = lane.map_or_else(String::new, |used| format!(" by the lane {}", used.lane));
            format!("{name} is next ({from} → {to}): {release} releases {to} there{lane}")
        }
        Err(refusals) => {
            let why = refusals.first().map_or_else(String::new, |refusal| format!(": {}", refusal.text));
            format!("{name} is next ({from} → {to}); {release} cannot release it yet{why}")
        }
    }
}

/// What is released here and comes to the environment after it next, or goes past that by a lane.
fn goes_on(model: &Model, env: &Environment, workload: &WorkloadState) -> Option<String> {
    let world = &model.core.world;
    let after = world.next(env).and_then(|after| {
        let (from, to) = next_there(world, after, &workload.id)?;
        Some(next_release(model, after.name(), &from, &to))
    });
    let past = world.environments.iter().filter(|other| other.has_lane_from(env.name()));
    let past = past.filter(|other| world.next(env).is_none_or(|after| after.name() != other.name()));
    let past = past.filter_map(|other| {
        let there = counterpart(other, &workload.id)?;
        let lane = &world.way(other, &there.id).lane?.rule.lane;
        let (from, to) = next_there(world, other, &workload.id)?;
        Some(format!("{} is next by the lane {lane} ({from} → {to}): select it", other.name()))
    });
    let all: Vec<String> = after.into_iter().chain(past).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// The versions of what comes into an environment next.
fn next_there(world: &World, there: &Environment, id: &WorkloadId) -> Option<(String, String)> {
    let workload = counterpart(there, id)?;
    match release_state(world, there, &workload.id)? {
        ReleaseState::Next { from, to } => Some((from, to)),
        _ => None,
    }
}

/// A flag is about to be turned off, for whoever has it is not well.
fn flag_countdown(model: &Model, env: &Environment) -> Option<Next> {
    let (flag, left) = model.core.autopilot.next_flag(model.core.now).filter(|(flag, _)| flag.env == *env.name())?;
    let (name, keep, left) = (&flag.flag, key(model, crate::keys::Command::Keep), duration(left));
    let sentence = format!("autopilot turns {name} off in {} in {left}: {keep} keeps it on", flag.env);
    Some(Next { is_alarm: true, ..Next::calm(sentence) })
}

/// Whoever has a flag that goes to more users step by step is proven to fare worse.
fn flag_is_worse(model: &Model, env: &Environment) -> Option<Next> {
    let (now, name) = (model.core.now, env.name());
    let (flag, state, reason) = env.flags.iter().find_map(|source| {
        source.rollouts.iter().find_map(|rollout| {
            let (flag, (report, state)) = (&rollout.settings.flag, fresh_report(source, rollout, now)?);
            let reason = report.reasons.first().cloned().unwrap_or_default();
            (report.opinion == AnalysisStatus::Regressed).then_some((flag, state, reason))
        })
    })?;
    let [screen, off] = [crate::keys::Command::Flags, crate::keys::Command::FlagOff].map(|command| key(model, command));
    let sentence = format!("NO-GO: {screen}, then {off} turns {flag} off in {name}, which is at {state}: {reason}");
    Some(Next { is_alarm: true, ..Next::calm(sentence) })
}

/// Users get a version that is not well: the way out comes first, and what happens without it.
fn alarm(model: &Model, env: &Environment, workload: &WorkloadState, status: &Status) -> Option<Next> {
    let name = env.name();
    let rollback = key(model, crate::keys::Command::Rollback);
    if let Some((target, left)) = model.core.autopilot.next(model.core.now) {
        if target.env == *name && target.workload == workload.id {
            let keep = key(model, crate::keys::Command::Keep);
            let to = status.stable.as_ref().map_or_else(String::new, |stable| format!(" to {}", stable.version()));
            let left = duration(left);
            let sentence = format!(
                "autopilot rolls {name} back{to} in {left}: {keep} keeps the canary, {rollback} rolls back now"
            );
            return Some(Next { is_alarm: true, ..Next::calm(sentence) });
        }
    }
    if workload.assessment.verdict != Verdict::NoGo {
        return None;
    }
    if let Some(sentence) = flag_first(model, env, workload) {
        return Some(Next { is_alarm: true, ..Next::calm(sentence) });
    }
    status.canary.as_ref()?;
    let back = plan_for(model, Verb::Rollback, None).ok()?;
    let to = back.record().headline.strip_prefix("roll back to ").unwrap_or("stable").to_owned();
    let until = status.pause.as_ref().and_then(|pause| pause.until);
    let advances = until.map_or_else(String::new, |until| {
        let pause = key(model, crate::keys::Command::Pause);
        format!(" ({pause} stops the next step in {})", duration(until.duration_since(model.core.now)))
    });
    let reason = workload.assessment.describe().next().map_or_else(String::new, |reason| format!(": {reason}"));
    let sentence = format!("NO-GO: {rollback} rolls {name} back to {to}{advances}{reason}");
    Some(Next { is_alarm: true, ..Next::calm(sentence) })
}

/// What is bad came shortly after a flag that somebody still gets: that is the fastest way back.
fn flag_first(model: &Model, env: &Environment, workload: &WorkloadState) -> Option<String> {
    let advice = code_or_flag::advice(env, workload, model.core.now)?;
    advice.flag()?;
    let [screen, off] = [crate::keys::Command::Flags, crate::keys::Command::FlagOff].map(|command| key(model, command));
    let rollback = key(model, crate::keys::Command::Rollback);
    let back = plan_for(model, Verb::Rollback, None).ok();
    let back = back.map_or_else(String::new, |plan| format!("; {rollback} would {}", plan.record().headline));
    Some(format!("NO-GO: {} ({screen}, then {off}){back}", advice.sentence(env.name().as_str())))
}

/// Who paused it, as far as that is known: autopilot, or a person.
fn manual_pause_by(model: &Model, workload: &WorkloadState) -> String {
    if model.target().is_some_and(|target| model.core.autopilot.has_paused(&target)) {
        return " by autopilot".to_owned();
    }
    let meta = workload.snapshot.as_ref().map(|snapshot| snapshot.object.meta());
    meta.and_then(|meta| meta.paused_by.as_ref())
        .map_or_else(|| " by a person".to_owned(), |by| format!(" by {}", by.manager))
}

/// Names the environment in which something moves, where that is another one.
fn elsewhere(model: &Model, env: &Environment) -> String {
    let moving = model.core.world.environments.iter().find(|other| {
        other.name() != env.name()
            && other.workloads.iter().any(|workload| workload.status.as_ref().is_some_and(|s| s.canary.is_some()))
    });
    moving.map_or_else(String::new, |other| format!("; {} is in progress", other.name()))
}
