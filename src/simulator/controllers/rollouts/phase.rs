//! Phase and message of a Rollout, as its controller writes them.

use super::spec::Spec;
use super::status::Status;
use crate::controllers::analysis::is_final;

/// Reason of the condition that an abort leaves.
pub const ABORTED: &str = "RolloutAborted";
/// Reason of the condition that a passed deadline leaves.
pub const TIMED_OUT: &str = "ProgressDeadlineExceeded";

/// Returns phase and message; the first rule that holds decides (`CalculateRolloutPhase` of Argo Rollouts).
pub fn phase(spec: &Spec, status: &Status) -> (&'static str, String) {
    for condition in &status.conditions {
        if condition.kind == "InvalidSpec" {
            return ("Degraded", format!("InvalidSpec: {}", condition.message));
        }
        if condition.reason == ABORTED || condition.reason == TIMED_OUT {
            return ("Degraded", format!("{}: {}", condition.reason, condition.message));
        }
    }
    if spec.paused {
        return ("Paused", "manually paused".to_owned());
    }
    if let Some(pause) = status.pause_conditions.first() {
        return ("Paused", pause.reason.clone());
    }
    match waiting_for(spec, status) {
        Some(message) => ("Progressing", message.to_owned()),
        None => ("Healthy", String::new()),
    }
}

fn waiting_for(spec: &Spec, status: &Status) -> Option<&'static str> {
    if spec.restart_at.is_some() && spec.restart_at != status.restarted_at {
        return Some("rollout is restarting");
    }
    if status.updated_replicas < spec.replicas() {
        return Some("more replicas need to be updated");
    }
    if status.available_replicas < status.updated_replicas {
        return Some("updated replicas are still becoming available");
    }
    let promoted = !status.stable_rs.is_empty() && status.is_fully_promoted();
    if let Some(blue_green) = &spec.strategy.blue_green {
        let active = &status.blue_green.active_selector;
        if active.is_empty() || *active != status.current_pod_hash {
            return Some("active service cutover pending");
        }
        if !promoted {
            let run = &status.blue_green.post_promotion_analysis_run_status;
            let incomplete = run.as_ref().is_none_or(|run| !is_final(&run.status));
            return Some(if blue_green.post_promotion_analysis.is_some() && incomplete {
                "waiting for analysis to complete"
            } else {
                "waiting for post-promotion verification to complete"
            });
        }
    } else if spec.strategy.canary.is_some() {
        if !spec.is_traffic_routed() && status.replicas > status.updated_replicas {
            return Some("old replicas are pending termination");
        }
        if !promoted {
            return Some("waiting for all steps to complete");
        }
    }
    None
}
