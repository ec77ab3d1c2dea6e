//! Why a workload is not moving, in one sentence.

use super::rollout::{Rollout, RolloutStrategy, RunStatus};
use super::step::Step;
use super::text::plural;
use super::workload::{Object, Phase, Snapshot, Status};

/// Returns the cause in words, the nearest to the root first; `None` when it is well or simply on its way.
#[must_use]
pub fn why(snapshot: &Snapshot, status: &Status) -> Option<String> {
    if status.phase == Phase::Healthy {
        return None;
    }
    if status.aborted {
        return Some(aborted(snapshot, status));
    }
    let pods = failing_pods(snapshot).or_else(|| quota(snapshot));
    if let Some(deadline) = deadline(snapshot) {
        let serving = serving(status);
        let cause = pods.map_or_else(String::new, |cause| format!(": {cause}"));
        return Some(format!("{deadline}{serving}{cause}"));
    }
    if pods.is_some() {
        return pods;
    }
    match &snapshot.object {
        Object::Rollout(rollout) => rollout_cause(rollout, snapshot, status),
        Object::Deployment(deployment) if deployment.paused => {
            Some(format!("held by hand{}: space resumes it", by(snapshot)))
        }
        Object::Deployment(_) => waiting_pods(status),
    }
}

fn aborted(snapshot: &Snapshot, status: &Status) -> String {
    let reason = match &snapshot.object {
        Object::Rollout(rollout) => rollout
            .status
            .conditions
            .iter()
            .find(|condition| condition.reason == "RolloutAborted")
            .and_then(|condition| condition.message.split_once(": ").map(|(_, cause)| cause.to_owned())),
        Object::Deployment(_) => None,
    };
    let version =
        status.canary.as_ref().map_or_else(|| "the new version".to_owned(), super::workload::Revision::version);
    let cause = reason.map_or_else(String::new, |cause| format!(" ({cause})"));
    format!("aborted{cause}: stable serves, the manifest still says {version}")
}

fn deadline(snapshot: &Snapshot) -> Option<&'static str> {
    let exceeded = match &snapshot.object {
        Object::Rollout(rollout) => rollout.deadline_exceeded().is_some(),
        Object::Deployment(deployment) => deployment.deadline_exceeded().is_some(),
    };
    exceeded.then_some("progress deadline exceeded")
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

fn by(snapshot: &Snapshot) -> String {
    snapshot.object.meta().paused_by.as_ref().map_or_else(String::new, |writer| format!(" ({})", writer.manager))
}

fn running(run: Option<&RunStatus>) -> Option<&RunStatus> {
    run.filter(|run| !run.completed())
}

fn rollout_cause(rollout: &Rollout, snapshot: &Snapshot, status: &Status) -> Option<String> {
    if let Some(condition) = rollout.status.conditions.iter().find(|condition| condition.kind == "InvalidSpec") {
        return Some(format!("the spec is invalid: {}", condition.message));
    }
    if !rollout.observed() {
        return Some("the Argo Rollouts controller has not seen the change yet: is it running?".to_owned());
    }
    if rollout.spec.paused {
        return Some(format!("held by hand{}: space resumes it", by(snapshot)));
    }
    if rollout.inconclusive() {
        return Some("analysis was inconclusive: a person has to judge it".to_owned());
    }
    if let Some(pause) = &status.pause {
        return Some(match (&pause.until, pause.reason.as_str()) {
            (Some(_), _) => "waits for its pause to end".to_owned(),
            (None, "BlueGreenPause") => "preview is up: waits for a person to promote it".to_owned(),
            (None, _) => "waits for a person to promote it".to_owned(),
        });
    }
    if let Some(run) = running(rollout.status.step_analysis.as_ref()).or(running(rollout.status.pre_analysis.as_ref()))
    {
        return Some(format!("waits for analysis {}", run.name));
    }
    if running(rollout.status.post_analysis.as_ref()).is_some() {
        return Some("waits for the analysis after promotion".to_owned());
    }
    if rollout.status.weight_verified == Some(false) {
        return Some("waits for the traffic router to confirm the weight".to_owned());
    }
    let current = status.step.and_then(|step| rollout.steps().get(step.index));
    if matches!(current, Some(Step::Experiment)) {
        return Some("waits for its experiment".to_owned());
    }
    let blue_green = matches!(rollout.spec.strategy, RolloutStrategy::BlueGreen { .. });
    waiting_pods(status).or_else(|| blue_green.then(|| status.message.clone()).filter(|message| !message.is_empty()))
}

fn waiting_pods(status: &Status) -> Option<String> {
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
