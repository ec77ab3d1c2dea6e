//! The NEXT line: what happens next, when, and what blocks it.

use super::hints::plan_for;
use super::model::Model;
use crate::domain::record::action::Verb;

use crate::domain::facts::text::duration;
use crate::domain::facts::workload::{PauseReason, Phase};
use crate::domain::rules::refusal::RefusalKind;

/// The answer to “what happens next?”.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    pub sentence: String,
    /// What blocks a promotion: gates that are red or blind, one line each.
    pub in_the_way: Vec<String>,
}

/// Returns what happens next with the selected workload.
#[must_use]
pub fn next(model: &Model) -> Next {
    let Some((env, workload)) = model.selected() else {
        return Next { sentence: "no workload is watched: see the config".to_owned(), in_the_way: Vec::new() };
    };
    let name = env.name();
    let Some(status) = &workload.status else {
        let sentence = if workload.missing {
            format!("{} does not exist in {name}", workload.id)
        } else {
            format!("waiting for first data on {} in {name}", workload.id)
        };
        return Next { sentence, in_the_way: Vec::new() };
    };
    if let Some(action) = model.target().and_then(|target| model.core.in_flight_on(&target)) {
        let age = duration(model.core.now.duration_since(action.since));
        let sentence = format!("{} was sent {age} ago: waiting until {name} shows it", action.record.headline);
        return Next { sentence, in_the_way: Vec::new() };
    }
    let key = |command: crate::keys::Command| {
        model.ui.keymap.key(command).unwrap_or_else(|| format!(":{}", command.spec().id))
    };
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
                        | RefusalKind::Artifact
                        | RefusalKind::Journal
                        | RefusalKind::Stale
                )
            })
            .map(|refusal| refusal.text.clone())
            .collect(),
    };
    let waits_for_person = status.pause.as_ref().is_some_and(|pause| pause.needs_person);
    let sentence = match (&promote, &status.pause) {
        _ if status.aborted => {
            format!(
                "{name} was aborted; {} retries, {} puts the old manifest back",
                key(crate::keys::Command::Retry),
                key(crate::keys::Command::Rollback)
            )
        }
        (_, Some(pause)) if pause.reason == PauseReason::Manual => {
            format!("{name} is paused manually; {} resumes it", key(crate::keys::Command::Hold))
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
                let pause = key(crate::keys::Command::Hold);
                // A timed pause ends without asking the gates: only a person can stop it.
                let careful = if in_the_way.is_empty() { String::new() } else { format!("; {pause} pauses it") };
                format!("{name} auto-advances in {left}{careful}")
            }
            None => format!("{name} is paused until promoted"),
        },
        (_, None) => match (status.phase, &status.canary) {
            (Phase::Healthy, _) => format!("no rollout in progress in {name}"),
            // The cause stands with the environment: here stands the way out.
            (Phase::Degraded, _) => match plan_for(model, Verb::Rollback, None) {
                Ok(plan) => {
                    let back = &plan.record().headline;
                    format!(
                        "{name} does not recover without action; {} would {back}",
                        key(crate::keys::Command::Rollback)
                    )
                }
                Err(_) => status.why.clone().unwrap_or_else(|| status.message.clone()),
            },
            (_, _) => status.why.clone().unwrap_or_else(|| format!("{name} is in progress: {}", status.message)),
        },
    };
    // A gate is in the way only of what waits for a person, or would continue into it.
    let in_the_way = if waits_for_person || status.pause.is_some() { in_the_way } else { Vec::new() };
    Next { sentence, in_the_way }
}
