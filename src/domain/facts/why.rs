//! Why a workload is not moving, in one sentence.

use crate::domain::facts::object::ImageRef;
use crate::domain::facts::pod::Pod;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::text::plural;
use crate::domain::facts::workload::serving::{NO_REVISION, percent};
use crate::domain::facts::workload::{Object, Phase, Snapshot, Status};

/// Returns the cause in words, the nearest to the root first; `None` when it is well or simply in progress.
#[must_use]
pub fn why(snapshot: &Snapshot, status: &Status) -> Option<String> {
    if let Some(deletion) = deletion(snapshot) {
        return Some(deletion);
    }
    if status.phase == Phase::Healthy {
        return None;
    }
    if let Some(refused) = refused(snapshot) {
        return Some(refused);
    }
    let pods = failing_pods(snapshot, status).or_else(|| quota(snapshot));
    if status.aborted {
        return Some(aborted(snapshot, status, pods));
    }
    let pods = pods.or_else(|| unready_pods(snapshot, status));
    if let Some(deadline) = deadline(snapshot) {
        let serving = serving(status);
        let cause = pods.map_or_else(String::new, |cause| format!(": {cause}"));
        return Some(format!("{deadline}{serving}{cause}"));
    }
    if pods.is_some() {
        return pods;
    }
    let why = snapshot.object.workload().why(snapshot, status).or_else(|| unready_containers(snapshot, status));
    match (beside(snapshot, status), why) {
        (Some(beside), Some(why)) => Some(format!("{beside}; {why}")),
        (beside, why) => beside.or(why),
    }
}

/// That pods of the Deployment behind `workloadRef` serve as well: no step and no abort of the Rollout reaches them.
fn beside(snapshot: &Snapshot, status: &Status) -> Option<String> {
    // Behind a router nobody is sent to them.
    let serves = status.serving.share_of(NO_REVISION) > 0.0;
    let owner = snapshot.template_owner.as_ref().filter(|owner| serves && owner.status.ready > 0)?;
    let version = owner.containers.first().map_or_else(String::new, |main| ImageRef::parse(&main.image).version());
    let pods = plural(owner.status.ready as usize, "pod");
    Some(format!("deployment/{} runs {pods} of {version} beside the Rollout", owner.meta.name))
}

/// That it is going away: no action changes that, and no controller looks at it any more.
fn deletion(snapshot: &Snapshot) -> Option<String> {
    let meta = snapshot.object.meta();
    meta.deleting?;
    let held = match meta.finalizers.as_slice() {
        [] => String::new(),
        [one] => format!(", held by finalizer {one}"),
        several => format!(", held by finalizers {}", several.join(", ")),
    };
    Some(format!("it is being deleted{held}"))
}

/// What the controller refuses to carry out: nothing moves before that is put right.
fn refused(snapshot: &Snapshot) -> Option<String> {
    let conditions = match &snapshot.object {
        Object::Rollout(rollout) => {
            if rollout.status.current_hash.is_empty() && rollout.status.observed_generation.is_empty() {
                return Some("the Argo Rollouts controller has never looked at it: is it running?".to_owned());
            }
            &rollout.status.conditions
        }
        Object::Deployment(deployment) => &deployment.status.conditions,
    };
    let invalid = conditions.iter().find(|condition| condition.kind == "InvalidSpec" && condition.status != "False");
    if let Some(invalid) = invalid {
        return Some(format!("the spec is invalid: {}", invalid.message));
    }
    let not_made = conditions.iter().find(|condition| condition.reason == "ReplicaSetCreateError")?;
    Some(format!("the new ReplicaSet cannot be made: {}", not_made.message))
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
    if let Some(beside) = beside(snapshot, status) {
        return format!("aborted{cause}, {beside}: scale it to 0");
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

/// Pods that say something of why it does not move, those of the revision in progress first. What ended and was replaced
/// is left over, and what is going is gone.
fn telling_pods<'a>(snapshot: &'a Snapshot, status: &'a Status) -> Vec<&'a Pod> {
    let is_replaced =
        |pod: &Pod| pod.ended && snapshot.replicaset(&pod.hash).is_some_and(|rs| rs.current >= rs.desired);
    let canary = status.canary.as_ref().map(|canary| canary.hash.as_str());
    let mut pods: Vec<&Pod> = snapshot.pods.iter().filter(|pod| !is_replaced(pod)).collect();
    pods.sort_by_key(|pod| canary != Some(pod.hash.as_str()));
    pods
}

fn failing_pods(snapshot: &Snapshot, status: &Status) -> Option<String> {
    failing(telling_pods(snapshot, status))
}

/// Returns how many pods fail, and what the first of them says: `2 pods CrashLoopBackOff: back-off 10s`.
pub(super) fn failing<'a>(pods: impl IntoIterator<Item = &'a Pod>) -> Option<String> {
    let failing: Vec<&Pod> = pods.into_iter().filter(|pod| pod.is_failing()).collect();
    let first = failing.first()?;
    let message = if first.message.is_empty() { &first.warning } else { &first.message };
    let message = if message.is_empty() { String::new() } else { format!(": {message}") };
    Some(format!("{} {}{message}", plural(failing.len(), "pod"), first.reason))
}

/// Pods that are not ready for a reason that is known.
fn unready_pods(snapshot: &Snapshot, status: &Status) -> Option<String> {
    let pods = telling_pods(snapshot, status);
    let troubled: Vec<_> = pods.iter().filter_map(|pod| Some((pod, pod.trouble()?))).collect();
    let (first, trouble) = troubled.first()?;
    let of = status.canary.as_ref().filter(|canary| canary.hash == first.hash);
    let of = of.map_or_else(String::new, |canary| format!(" of {}", canary.version()));
    Some(match troubled.len() {
        1 => format!("pod {}{of} is not ready: {trouble}", first.name),
        several => format!("{several} pods are not ready, {}{of}: {trouble}", first.name),
    })
}

/// New pods that are not ready, where nothing more is known.
fn unready_containers(snapshot: &Snapshot, status: &Status) -> Option<String> {
    let canary = status.canary.as_ref()?;
    let waiting = |pod: &&Pod| !pod.is_ready() && !pod.ended && pod.reason != "Terminating";
    let pods: Vec<_> = snapshot.pods_of(&canary.hash).filter(waiting).collect();
    let first = pods.first()?;
    let (many, version) = (plural(pods.len(), "pod"), canary.version());
    let lacks = if first.unready.is_empty() { &first.reason } else { &first.unready };
    Some(format!("waits for {many} of {version}: {lacks}"))
}

/// Returns why none of the pods of the revision in progress will get ready by waiting alone, where the phase does not tell
/// yet. Pods that no node takes may wait for a node that is being added.
#[must_use]
pub fn all_failing(snapshot: &Snapshot, status: &Status) -> Option<String> {
    let canary = status.canary.as_ref().filter(|_| status.phase != Phase::Degraded)?;
    let pods: Vec<&Pod> = telling_pods(snapshot, status);
    let of_it = || pods.iter().filter(|pod| pod.hash == canary.hash && pod.reason != "Terminating");
    let first = of_it().next()?;
    let all = of_it().all(|pod| pod.is_failing() && !pod.is_unschedulable());
    let (many, version) = (plural(of_it().count(), "pod"), canary.version());
    all.then(|| format!("no pod of {version} comes up: {many} {}", first.reason))
}

fn quota(snapshot: &Snapshot) -> Option<String> {
    let lacking = |rs: &&ReplicaSet| rs.current < rs.desired || !rs.observed;
    let failure = snapshot.replicasets.iter().filter(lacking).find_map(|rs| rs.failure.as_ref())?;
    Some(format!("pods cannot be created: {failure}"))
}

/// Who paused it, as far as the object tells: ` (kubectl)`.
pub(super) fn paused_by(snapshot: &Snapshot) -> String {
    snapshot.object.meta().paused_by.as_ref().map_or_else(String::new, |writer| format!(" ({})", writer.manager))
}

/// What pods it waits for; where none are asked for, that.
pub(super) fn waiting_pods(snapshot: &Snapshot, status: &Status) -> Option<String> {
    let replicas = status.replicas;
    let missing = replicas.desired.saturating_sub(replicas.available);
    if missing == 0 {
        return None;
    }
    let asked: u32 = snapshot.replicasets.iter().map(|rs| rs.desired).sum();
    if asked == 0 && snapshot.unseen.is_empty() && snapshot.object.workload().observed() {
        return Some("the controller asks for no pods: see its log".to_owned());
    }
    Some(format!(
        "waits for {}: {} of {} available",
        plural(missing as usize, "pod"),
        replicas.available,
        replicas.desired
    ))
}

#[cfg(test)]
mod tests;
