//! Whether an action on a Rollout took effect, from its status.

use super::draft::percent;
use crate::domain::facts::step::Step;
use crate::domain::facts::workload::Phase;
use crate::domain::facts::workload::rollout::{Rollout, RolloutStrategy};
use crate::domain::record::action::{After, PlanRecord, Verb};
use crate::domain::rules::action::kind::Readiness;

pub(super) fn is_accepted(record: &PlanRecord, rollout: &Rollout) -> bool {
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
            // A canary without steps has no index.
            let is_taken_up = if rollout.is_canary() {
                status.step_index.unwrap_or(0) >= rollout.steps().len()
            } else {
                // Until every pod is ready nothing else shows it.
                status.promote_full
            };
            same_revision
                && !rollout.spec.paused
                && !status.abort
                && (is_taken_up || status.stable_hash == facts.under_way)
        }
        // While it is paused manually an abort is only half carried out.
        Verb::Abort => {
            let is_aborted = same_revision && status.abort && status.aborted_at.is_some() && !status.promote_full;
            // Somebody has put the template of stable back meanwhile: there is nothing left to abort.
            let is_put_back = status.current_hash == facts.stable && status.stable_hash == facts.stable;
            (is_aborted || is_put_back && rollout.observed()) && !rollout.spec.paused
        }
        Verb::Retry => same_revision && !status.abort && rollout.phase().0 != Phase::Degraded,
        Verb::Rollback => {
            rollout.observed()
                && record.to_hash.as_deref() == Some(status.current_hash.as_str())
                && !rollout.spec.paused
        }
        // Its mark is in the object; the controller has taken the template up when it has another hash.
        Verb::Release => rollout.observed() && status.current_hash != facts.under_way,
        Verb::Restart => {
            rollout.observed() && record.restart_at.is_some() && rollout.spec.restart_at == record.restart_at
        }
        Verb::SuspendAutomation
        | Verb::ResumeAutomation
        | Verb::Revert
        | Verb::FlagOff
        | Verb::FlagOn
        | Verb::FlagSet
        | Verb::FlagLower
        | Verb::MoveTag => false,
    }
}

/// Returns the revision that has to serve everybody before an action is done.
pub(super) fn serves_in_the_end(record: &PlanRecord, rollout: &Rollout) -> Option<String> {
    let (facts, status) = (&record.facts, &rollout.status);
    match record.verb {
        Verb::Abort => Some(facts.stable.clone()),
        Verb::Rollback => record.to_hash.clone(),
        Verb::PromoteFull => Some(facts.under_way.clone()),
        Verb::Promote if !stops_again(rollout, facts.step) => Some(facts.under_way.clone()),
        Verb::Release | Verb::Retry if goes_through(rollout) => Some(status.current_hash.clone()),
        // It has come to its end on the way, or had no stop to come to.
        Verb::Promote | Verb::Release | Verb::Retry if is_promoted(rollout) => Some(status.current_hash.clone()),
        Verb::Promote
        | Verb::Pause
        | Verb::Resume
        | Verb::Retry
        | Verb::Restart
        | Verb::Release
        | Verb::SuspendAutomation
        | Verb::ResumeAutomation
        | Verb::Revert
        | Verb::FlagOff
        | Verb::FlagOn
        | Verb::FlagSet
        | Verb::FlagLower
        | Verb::MoveTag => None,
    }
}

/// Whether a canary stops once more after a step: at a pause, or for an analysis or experiment, which take their time.
fn stops_again(rollout: &Rollout, from: Option<usize>) -> bool {
    let after = from.map_or(0, |step| step + 1);
    if !rollout.is_canary() {
        return rollout.has_post_analysis();
    }
    rollout.steps().iter().skip(after).any(|step| !matches!(step, Step::SetWeight(_) | Step::SetCanaryScale(_)))
}

/// Whether a new revision gets to everybody with no stop on the way.
fn goes_through(rollout: &Rollout) -> bool {
    match &rollout.spec.strategy {
        RolloutStrategy::BlueGreen(blue_green) => {
            blue_green.auto_promotion && !blue_green.pre_analysis && !blue_green.post_analysis
        }
        RolloutStrategy::Canary(_) => {
            let runs_by_itself = |step: &Step| matches!(step, Step::SetWeight(_) | Step::SetCanaryScale(_));
            rollout.steps().iter().all(runs_by_itself)
        }
    }
}

/// Whether the revision in progress is the stable one by now.
fn is_promoted(rollout: &Rollout) -> bool {
    let status = &rollout.status;
    !status.current_hash.is_empty() && status.current_hash == status.stable_hash
}

/// Returns why what an action brought or promoted will not get to anybody, where it was aborted since.
pub(super) fn given_up(record: &PlanRecord, rollout: &Rollout) -> Option<String> {
    let (facts, status) = (&record.facts, &rollout.status);
    let is_ours = match record.verb {
        Verb::Promote | Verb::PromoteFull => status.current_hash == facts.under_way && !facts.aborted,
        Verb::Release => status.current_hash != facts.under_way,
        // A pause does not keep the controller from the last step: see `weight_to_come`.
        Verb::Pause => {
            let was_under_way = !facts.stable.is_empty() && facts.under_way != facts.stable;
            let has_become_stable = was_under_way && status.stable_hash == facts.under_way;
            return has_become_stable.then(|| format!("it went to everybody all the same: {}", said(rollout)));
        }
        _ => false,
    };
    let is_aborted = status.abort && !status.promote_full && !is_promoted(rollout);
    (is_ours && is_aborted && rollout.observed()).then(|| format!("aborted since then: {}", said(rollout)))
}

/// Returns what the controller says.
fn said(rollout: &Rollout) -> String {
    let (phase, message) = rollout.phase();
    if message.is_empty() { phase.as_str().to_owned() } else { message }
}

/// Returns what an action still lacks that is not about who is served in the end.
pub(super) fn lacks(record: &PlanRecord, rollout: &Rollout) -> Option<String> {
    match record.verb {
        Verb::Release | Verb::Retry => lacks_next_stop(rollout),
        Verb::Promote if rollout.is_canary() => lacks_next_stop(rollout),
        // The controller writes it down when it has sent the last pod away.
        Verb::Restart if rollout.status.restarted_at != record.restart_at => {
            Some(format!("not all pods are replaced yet: {}", said(rollout)))
        }
        Verb::Restart => lacks_ready_pods(rollout),
        Verb::Pause => weight_to_come(rollout).map(|(now, weight)| {
            let (now, to) = (percent(now, rollout.max_weight()), percent(weight, rollout.max_weight()));
            format!("paused at {now} %, and its weight still goes to {to} %: abort takes it back")
        }),
        _ => None,
    }
}

/// Returns the weight that a canary has, and the one that it still gets though it is paused. `spec.paused` keeps the controller from scaling and from ending steps, and
/// not from telling the router what the step has asked for once the pods are up, nor from making a canary stable that is past its
/// steps (`reconcileTrafficRouting` and `shouldFullPromote` of Argo Rollouts, as of v1.9).
pub(super) fn weight_to_come(rollout: &Rollout) -> Option<(u32, u32)> {
    if !rollout.is_canary() || !rollout.traffic_routed() || !rollout.under_way() || rollout.status.abort {
        return None;
    }
    // Until the controller says what it told the router, nothing can be said.
    let has = rollout.status.weights.as_ref()?.canary.weight;
    let is_past_steps = rollout.status.step_index.unwrap_or(0) >= rollout.steps().len();
    if rollout.status.promote_full || is_past_steps {
        return Some((has, rollout.max_weight()));
    }
    let set = rollout.weight(&[])?.set;
    (has < set).then_some((has, set))
}

fn lacks_ready_pods(rollout: &Rollout) -> Option<String> {
    let (ready, wanted) = (rollout.status.available, rollout.spec.replicas.unwrap_or(1));
    (ready < wanted).then(|| format!("{ready} of {wanted} pods are available: {}", said(rollout)))
}

/// What goes out stops at a pause of its own, an analysis or an experiment: there the weight is what was promised. One that the
/// controller has given up comes to none, and one that a person has paused has not come to it.
fn lacks_next_stop(rollout: &Rollout) -> Option<String> {
    let status = &rollout.status;
    let runs = [&status.step_analysis, &status.pre_analysis].into_iter().flatten().any(|run| !run.completed());
    let at_step = status.step_index.and_then(|index| rollout.steps().get(index));
    let waits = matches!(at_step, Some(Step::Experiment));
    let stopped = !status.pause_conditions.is_empty() || runs || waits;
    (!stopped).then(|| format!("on its way to its next stop: {}", said(rollout)))
}

/// Whether a revision serves everybody, as far as the status tells.
pub(super) fn serves_all_by_status(rollout: &Rollout, hash: &str) -> bool {
    let status = &rollout.status;
    if !rollout.is_canary() {
        return status.active_hash == hash;
    }
    if status.stable_hash != hash {
        return false;
    }
    if rollout.traffic_routed() {
        return status.weights.as_ref().is_none_or(|weights| weights.canary.hash == hash || weights.canary.weight == 0);
    }
    let none_left = if status.current_hash == hash { status.replicas <= status.updated } else { status.updated == 0 };
    none_left && status.ready > 0
}

/// Tells whether the request that completes a rollback may be sent.
pub(super) fn readiness(rollout: &Rollout, after: &After) -> Readiness {
    let status = &rollout.status;
    match after {
        After::InProgress { hash } if status.current_hash == *hash && rollout.observed() => {
            // With blue-green users may get another revision than stable: the Service has to switch as well.
            let is_back = status.stable_hash == *hash && !rollout.is_switched_from(hash);
            if is_back || status.promote_full { Readiness::Skip } else { Readiness::Send }
        }
        After::InProgress { .. } => Readiness::Wait,
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
        Verb::Promote => {
            let is_unpaused = status.pause_conditions.is_empty() && status.controller_pause;
            !facts.pauses.is_empty() && (is_unpaused || !rollout.is_canary() && status.promote_full)
        }
        Verb::PromoteFull => status.promote_full,
        Verb::Retry => facts.aborted && !status.abort,
        Verb::Pause
        | Verb::Resume
        | Verb::Rollback
        | Verb::Restart
        | Verb::Release
        | Verb::SuspendAutomation
        | Verb::ResumeAutomation
        | Verb::Revert
        | Verb::FlagOff
        | Verb::FlagOn
        | Verb::FlagSet
        | Verb::FlagLower
        | Verb::MoveTag => false,
    };
    in_status || !rollout.observed()
}
