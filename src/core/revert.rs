//! The revert in git that follows a rollback: begun once users have what they had before, and said loudly where it fails.

use super::{Core, Effect, InFlight, Level};
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::record::action::{Automatic, Outcome, PlanRecord, System, Target, Verb};
use crate::domain::rules::action::git::{reverted_once_merged, still_to_revert};
use crate::domain::rules::refusal::{Refusal, RefusalKind};

/// What is to become of git after a rollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revert {
    /// It is begun once the cluster is seen to have left this revision.
    Waits { from_hash: Option<String>, automatic: Option<Automatic> },
    /// It could not be done; what to do.
    Failed(String),
}

/// Takes in how an action ended; `here` says whether it was begun by this process.
pub(super) fn after(core: &mut Core, record: &PlanRecord, outcome: &Outcome, here: bool) -> Vec<Effect> {
    match (&record.target, record.verb) {
        (Target::Workload(key), Verb::Rollback) if record.moves_backward() && outcome.is_taken() => {
            let is_by_git = core.world.environment(&key.env).is_some_and(|env| env.settings.git.is_configured());
            let is_reverted = |(target, flying): (&Target, &InFlight)| {
                let is_about = flying.record.verb == Verb::Revert && target.changes().as_ref() == Some(key);
                is_about && flying.record.to_hash == record.to_hash
            };
            if !is_by_git || core.in_flight.iter().any(is_reverted) {
                return Vec::new();
            }
            if !here {
                // Whoever looks at an environment commits nothing.
                fail(core, key, "it was not begun before the program ended");
                return Vec::new();
            }
            let (from_hash, automatic) = (record.from_hash.clone(), record.automatic.clone());
            core.reverts.insert(key.clone(), Revert::Waits { from_hash, automatic });
            begin(core, key)
        }
        // A rollback that goes further back came meanwhile.
        (Target::Git(key), Verb::Revert)
            if outcome.is_settled() && matches!(core.reverts.get(&key.workload_key()), Some(Revert::Waits { .. })) =>
        {
            begin(core, &key.workload_key())
        }
        (Target::Git(key), Verb::Revert) if outcome.is_done() => {
            core.reverts.remove(&key.workload_key());
            Vec::new()
        }
        (Target::Git(key), Verb::Revert) if outcome.is_settled() => {
            let key = key.workload_key();
            match outcome {
                // Git takes the commit at once, or not at all: only who applies it is late.
                Outcome::Unconfirmed { shows } if record.target.system() == System::Git && outcome.is_taken() => {
                    say(core, &key, format!("{}: git is reverted, and not applied yet: {shows}", key.env));
                }
                _ => fail(core, &key, &outcome.describe()),
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Begins the revert that waits on a workload, once the cluster is seen to have what it goes back to.
pub(super) fn begin(core: &mut Core, key: &WorkloadKey) -> Vec<Effect> {
    let Some(Revert::Waits { from_hash, automatic }) = core.reverts.get(key).cloned() else { return Vec::new() };
    let snapshot = core.world.find(key).and_then(|(_, workload)| workload.snapshot.as_ref());
    let hashes = snapshot.map(|snapshot| snapshot.hashes());
    let current = hashes.and_then(|hashes| hashes.canary.or(hashes.stable));
    if current.is_none() || current == from_hash {
        return Vec::new();
    }
    match core.plan(key, Verb::Revert, None) {
        Ok(plan) => {
            core.reverts.remove(key);
            core.perform(match automatic {
                Some(automatic) => plan.by(automatic),
                None => plan,
            })
        }
        Err(refusals) if refusals.iter().all(|refusal| refusal.kind == RefusalKind::NothingToDo) => {
            core.reverts.remove(key);
            Vec::new()
        }
        // It is pushed within seconds, and then it is this one's turn.
        Err(refusals)
            if refusals.iter().all(|refusal| refusal.kind == RefusalKind::InFlight) && is_pushing(core, key) =>
        {
            Vec::new()
        }
        Err(refusals) => {
            fail(core, key, &refusals.first().map_or_else(String::new, Refusal::line));
            Vec::new()
        }
    }
}

/// Whether an earlier revert of a workload is on its way, and waits for nobody.
fn is_pushing(core: &Core, key: &WorkloadKey) -> bool {
    core.unsettled().any(|other| {
        let is_revert = other.record.verb == Verb::Revert && other.record.target.changes().as_ref() == Some(key);
        is_revert && !other.awaits_merge()
    })
}

/// Says loudly that a revert is not in git before people merge it.
pub(super) fn waits(core: &mut Core, record: &PlanRecord, outcome: &Outcome) {
    let (Target::Git(key), Verb::Revert, Outcome::AwaitsMerge { shows }) = (&record.target, record.verb, outcome)
    else {
        return;
    };
    let Some(env) = core.world.environment(&key.env) else { return };
    let text = reverted_once_merged(env, shows);
    say(core, &key.workload_key(), text);
}

fn fail(core: &mut Core, key: &WorkloadKey, why: &str) {
    let Some(env) = core.world.environment(&key.env) else { return };
    let text = still_to_revert(env, why);
    say(core, key, text);
}

fn say(core: &mut Core, key: &WorkloadKey, text: String) {
    core.reverts.insert(key.clone(), Revert::Failed(text.clone()));
    core.notice(Level::Error, text);
}
