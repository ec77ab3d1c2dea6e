//! The steps of a canary as a ladder: which are done, which is in progress, with the times as far as they are known.

use jiff::Timestamp;

use crate::domain::facts::workload::rollout::Split;
use crate::domain::facts::workload::{Object, Phase};
use crate::domain::rules::release_state::{ReleaseState, release_state};
use crate::domain::world::{Environment, WorkloadState, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stand {
    Done,
    Running,
    Paused,
    Failed,
    Waits,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Number, from 1.
    pub number: usize,
    pub label: String,
    pub stand: Stand,
    /// When it was done; for the current one since when.
    pub at: Option<Timestamp>,
    /// When it ends on its own, if that is known.
    pub until: Option<Timestamp>,
}

/// Returns the steps of a workload; none where it has none.
#[must_use]
pub fn ladder(world: &World, env: &Environment, workload: &WorkloadState) -> Vec<Rung> {
    let (Some(snapshot), Some(status)) = (&workload.snapshot, &workload.status) else { return Vec::new() };
    let steps = snapshot.steps();
    let split = match &snapshot.object {
        Object::Rollout(rollout) => Some(Split::of(rollout)),
        Object::Deployment(_) => None,
    };
    // Without a position nothing is known of any step: they are all to come.
    let index = status.step.map_or(0, |step| step.index);
    let current = match release_state(world, env, &workload.id) {
        // Steps that did not run are not ticked.
        Some(
            ReleaseState::RolledBack(_)
            | ReleaseState::RollingBack { .. }
            | ReleaseState::Aborted
            | ReleaseState::Next { .. }
            | ReleaseState::NotHere,
        ) => usize::MAX,
        _ if status.canary.is_none() && status.phase == Phase::Healthy => steps.len(),
        _ => index,
    };
    let done = completions(env, workload);
    steps
        .iter()
        .enumerate()
        .map(|(at, step)| {
            let stand = match at.cmp(&current) {
                _ if current == usize::MAX => Stand::Waits,
                std::cmp::Ordering::Less => Stand::Done,
                std::cmp::Ordering::Greater => Stand::Waits,
                std::cmp::Ordering::Equal => match status.phase {
                    Phase::Degraded => Stand::Failed,
                    Phase::Paused => Stand::Paused,
                    Phase::Healthy | Phase::Progressing => Stand::Running,
                },
            };
            let pause = status.pause.as_ref().filter(|_| at == current);
            let known = || done.iter().find(|(step, _)| *step == at).map(|(_, when)| *when);
            let before = || at.checked_sub(1).and_then(|before| done.iter().find(|(step, _)| *step == before));
            Rung {
                number: at + 1,
                label: split.map_or_else(|| step.label(), |split| split.label(step)),
                stand,
                at: match stand {
                    Stand::Done => known(),
                    Stand::Waits => None,
                    // A step begins when the one before it ends.
                    _ => pause.and_then(|pause| pause.since).or_else(|| before().map(|(_, when)| *when)),
                },
                until: pause.and_then(|pause| pause.until),
            }
        })
        .collect()
}

/// When steps of the revision in progress were completed, from the controller's events and from analysis runs.
fn completions(env: &Environment, workload: &WorkloadState) -> Vec<(usize, Timestamp)> {
    let Some(snapshot) = &workload.snapshot else { return Vec::new() };
    let hashes = snapshot.hashes();
    let Some(hash) = hashes.canary.or(hashes.stable) else { return Vec::new() };
    let begun = snapshot.replicaset(&hash).and_then(|rs| rs.meta.created);
    let events = env
        .events
        .iter()
        .rev()
        .filter(|(id, event)| *id == workload.id && event.reason == "RolloutStepCompleted" && Some(event.at) >= begun)
        .filter_map(|(_, event)| Some((step_of(&event.message)?, event.at)));
    let runs = snapshot.runs.iter().filter(|run| run.hash == hash).filter_map(|run| Some((run.step?, run.completed?)));
    events.chain(runs).collect()
}

/// Reads the step from `Rollout step 2/9 completed (…)`, zero-based.
fn step_of(message: &str) -> Option<usize> {
    let rest = message.strip_prefix("Rollout step ")?;
    let (number, _) = rest.split_once('/')?;
    number.parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_read_from_argos_event() {
        assert_eq!(step_of("Rollout step 2/9 completed (pause: 5m)"), Some(1));
        assert_eq!(step_of("Rollout step 0/9 completed"), None);
        assert_eq!(step_of("Scaled up"), None);
    }
}
