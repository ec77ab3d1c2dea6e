//! Why a workload is not moving, in one sentence.

use crate::domain::facts::text::plural;
use crate::domain::facts::workload::serving::percent;
use crate::domain::facts::workload::{Object, Phase, Snapshot, Status};

/// Returns the cause in words, the nearest to the root first; `None` when it is well or simply in progress.
#[must_use]
pub fn why(snapshot: &Snapshot, status: &Status) -> Option<String> {
    if status.phase == Phase::Healthy {
        return None;
    }
    if let Some(refused) = refused(snapshot) {
        return Some(refused);
    }
    let pods = failing_pods(snapshot).or_else(|| quota(snapshot));
    if status.aborted {
        return Some(aborted(snapshot, status, pods));
    }
    if let Some(deadline) = deadline(snapshot) {
        let serving = serving(status);
        let cause = pods.map_or_else(String::new, |cause| format!(": {cause}"));
        return Some(format!("{deadline}{serving}{cause}"));
    }
    if pods.is_some() {
        return pods;
    }
    snapshot.object.workload().why(snapshot, status)
}

/// What the controller refuses to carry out: nothing moves before that is put right.
fn refused(snapshot: &Snapshot) -> Option<String> {
    let Object::Rollout(rollout) = &snapshot.object else { return None };
    if rollout.status.current_hash.is_empty() && rollout.status.observed_generation.is_empty() {
        return Some("the Argo Rollouts controller has never looked at it: is it running?".to_owned());
    }
    let invalid = rollout.status.conditions.iter().find(|condition| condition.kind == "InvalidSpec")?;
    Some(format!("the spec is invalid: {}", invalid.message))
}

fn aborted(snapshot: &Snapshot, status: &Status, pods: Option<String>) -> String {
    let reason = match &snapshot.object {
        Object::Rollout(rollout) => rollout
            .status
            .conditions
            .iter()
            .find(|condition| condition.reason == "RolloutAborted")
            .and_then(|condition| condition.message.split_once(": ").map(|(_, cause)| cause.to_owned())),
        Object::Deployment(_) => None,
    };
    let Some(canary) = &status.canary else {
        let version = status.stable.as_ref().map_or_else(|| "stable".to_owned(), super::workload::Revision::version);
        return format!("{version} serves; the abort mark is left over: retry clears it");
    };
    let version = canary.version();
    let cause = reason.map_or_else(String::new, |cause| format!(" ({cause})"));
    let share = status.serving.share_of(&canary.hash);
    if share > 0.0 {
        let held = pods.map_or_else(String::new, |cause| format!(": {cause}"));
        let stable = stable_pods(snapshot, status);
        return format!("aborted{cause}, still serving {} of {version}{stable}{held}", percent(share));
    }
    format!("aborted{cause}: stable serves, the manifest still says {version}")
}

/// Which pods stable lacks to take all traffic: `, stable has 1 of 4 pods`.
fn stable_pods(snapshot: &Snapshot, status: &Status) -> String {
    let rs = status.stable.as_ref().and_then(|stable| snapshot.replicaset(&stable.hash));
    rs.filter(|rs| rs.ready < rs.desired)
        .map_or_else(String::new, |rs| format!(", stable has {} of {} pods", rs.ready, rs.desired))
}

fn deadline(snapshot: &Snapshot) -> Option<&'static str> {
    snapshot.object.workload().deadline_exceeded().map(|_| "progress deadline exceeded")
}

/// What the half-done update still serves.
fn serving(status: &Status) -> String {
    match status.weight {
        Some(weight) if status.canary.is_some() && weight.actual > 0 => {
            format!(", still serving {} %", u64::from(weight.actual) * 100 / u64::from(weight.max.max(1)))
        }
        None if status.canary.is_some() && status.replicas.updated > 0 => {
            format!(", {} of the new version still run", plural(status.replicas.updated as usize, "pod"))
        }
        _ => String::new(),
    }
}

fn failing_pods(snapshot: &Snapshot) -> Option<String> {
    let failing: Vec<_> = snapshot.pods.iter().filter(|pod| pod.is_failing()).collect();
    let first = failing.first()?;
    let message = if first.message.is_empty() { String::new() } else { format!(": {}", first.message) };
    Some(format!("{} {}{message}", plural(failing.len(), "pod"), first.reason))
}

fn quota(snapshot: &Snapshot) -> Option<String> {
    snapshot
        .replicasets
        .iter()
        .find_map(|rs| rs.failure.as_ref().map(|failure| format!("pods cannot be created: {failure}")))
}

/// Who paused it, as far as the object tells: ` (kubectl)`.
pub(super) fn paused_by(snapshot: &Snapshot) -> String {
    snapshot.object.meta().paused_by.as_ref().map_or_else(String::new, |writer| format!(" ({})", writer.manager))
}

pub(super) fn waiting_pods(status: &Status) -> Option<String> {
    let replicas = status.replicas;
    let missing = replicas.desired.saturating_sub(replicas.available);
    (missing > 0).then(|| {
        format!(
            "waits for {}: {} of {} available",
            plural(missing as usize, "pod"),
            replicas.available,
            replicas.desired
        )
    })
}
