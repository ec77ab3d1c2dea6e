//! Whether an action on a Rollout took effect, from its status.

use crate::domain::facts::workload::Phase;
use crate::domain::facts::workload::rollout::Rollout;
use crate::domain::record::action::{PlanRecord, Verb};

pub(super) fn is_done(record: &PlanRecord, rollout: &Rollout) -> bool {
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
        // While it is paused manually an abort is only half carried out.
        Verb::Abort => {
            same_revision && status.abort && status.aborted_at.is_some() && !status.promote_full && !rollout.spec.paused
        }
        Verb::Retry => same_revision && !status.abort && rollout.phase().0 != Phase::Degraded,
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

/// Whether the request is in the object and the controller has not taken note of it.
pub(super) fn is_unnoticed(record: &PlanRecord, rollout: &Rollout) -> bool {
    let (facts, status) = (&record.facts, &rollout.status);
    let in_status = match record.verb {
        Verb::Abort => status.abort && status.aborted_at.is_none(),
        Verb::Promote => !facts.pauses.is_empty() && status.pause_conditions.is_empty() && status.controller_pause,
        Verb::PromoteFull => status.promote_full,
        Verb::Retry => facts.aborted && !status.abort,
        Verb::Pause | Verb::Resume | Verb::Rollback | Verb::Restart => false,
    };
    in_status || !rollout.observed()
}
