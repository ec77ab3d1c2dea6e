//! Whether an action took effect, told from the object alone.

use super::{Facts, PlanRecord, Verb};
use crate::domain::deployment::Deployment;
use crate::domain::rollout::Rollout;
use crate::domain::workload::Object;

/// What a look at the object tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The effect is there; what shows it.
    Done(String),
    /// Not (yet); what it shows instead.
    NotYet(String),
    /// Another revision took over, so that the effect can no longer be told.
    Lost(String),
}

/// Tells from the object whether the action of `record` took effect. Success is never told from the patch's reply.
#[must_use]
pub fn settled(record: &PlanRecord, object: &Object) -> Settled {
    let now = Facts::of(object);
    if record.facts.uid != now.uid {
        return Settled::Lost("the object was deleted and made anew".to_owned());
    }
    let (phase, message) = object.phase();
    let shows = if message.is_empty() { phase.to_string() } else { format!("{phase}: {message}") };
    let done = match object {
        Object::Rollout(rollout) => rollout_done(record, rollout),
        Object::Deployment(deployment) => deployment_done(record, deployment),
    };
    if done {
        return Settled::Done(shows);
    }
    if record.verb != Verb::Rollback && record.facts.under_way != now.under_way && record.verb != Verb::Restart {
        return Settled::Lost(format!("another revision is under way: {}", now.under_way));
    }
    Settled::NotYet(shows)
}

/// Returns whether the request is in the object and the controller has not taken note of it: then it is neither done nor
/// undone, and the controller has to be made to look.
#[must_use]
pub fn unnoticed(record: &PlanRecord, object: &Object) -> bool {
    let Object::Rollout(rollout) = object else { return false };
    let (facts, status) = (&record.facts, &rollout.status);
    let in_status = match record.verb {
        Verb::Abort => status.abort && status.aborted_at.is_none(),
        Verb::Promote => !facts.pauses.is_empty() && status.pause_conditions.is_empty() && status.controller_pause,
        Verb::PromoteFull => status.promote_full,
        Verb::Retry => facts.aborted && !status.abort,
        Verb::Pause | Verb::Resume | Verb::Rollback | Verb::Restart => false,
    };
    facts.uid == rollout.meta.uid && (in_status || !rollout.observed())
}

fn rollout_done(record: &PlanRecord, rollout: &Rollout) -> bool {
    let (facts, status) = (&record.facts, &rollout.status);
    let same_revision = status.current_hash == facts.under_way;
    match record.verb {
        Verb::Pause => rollout.spec.paused && rollout.observed(),
        Verb::Resume => !rollout.spec.paused && rollout.observed(),
        Verb::Promote => {
            same_revision
                && !status.abort
                && (status.step_index > facts.step
                    || status.stable_hash == facts.under_way
                    || left_blue_green_pause(rollout))
        }
        Verb::PromoteFull => {
            let all_steps = rollout.is_canary() && status.step_index == Some(rollout.steps().len());
            same_revision
                && !rollout.spec.paused
                && !status.abort
                && (all_steps || status.stable_hash == facts.under_way)
        }
        // While it is held by hand an abort is only half carried out.
        Verb::Abort => {
            same_revision && status.abort && status.aborted_at.is_some() && !status.promote_full && !rollout.spec.paused
        }
        Verb::Retry => same_revision && !status.abort && rollout.phase().0 != crate::domain::workload::Phase::Degraded,
        Verb::Rollback => {
            rollout.observed()
                && record.to_hash.as_deref() == Some(status.current_hash.as_str())
                && !rollout.spec.paused
        }
        Verb::Restart => {
            rollout.spec.restart_at.is_some() && rollout.spec.restart_at == record.restart_at && rollout.observed()
        }
    }
}

/// A blue-green rollout was promoted when its pause is gone and the controller has taken note.
fn left_blue_green_pause(rollout: &Rollout) -> bool {
    !rollout.is_canary()
        && rollout.status.pause_conditions.is_empty()
        && rollout.status.active_hash == rollout.status.current_hash
}

fn deployment_done(record: &PlanRecord, deployment: &Deployment) -> bool {
    match record.verb {
        Verb::Pause => deployment.paused && deployment.observed(),
        Verb::Resume => !deployment.paused && deployment.observed(),
        // The controller renumbers the restored ReplicaSet: the Deployment's revision moves and its images are those of the target.
        Verb::Rollback => {
            let images: Vec<_> = deployment.containers.iter().map(|container| &container.image).collect();
            let wanted: Vec<_> = record.to_images.iter().collect();
            let moved =
                Facts::of(&Object::Deployment(Box::new(deployment.clone()))).under_way != record.facts.under_way;
            deployment.observed() && moved && images == wanted
        }
        Verb::Restart => {
            let moved =
                Facts::of(&Object::Deployment(Box::new(deployment.clone()))).under_way != record.facts.under_way;
            deployment.observed() && moved
        }
        Verb::Promote | Verb::PromoteFull | Verb::Abort | Verb::Retry => false,
    }
}
