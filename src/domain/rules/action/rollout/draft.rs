//! Plans for Argo Rollouts: the exact requests, and the traps around them.
//!
//! Source of requests and traps: Argo Rollouts v1.9 `pkg/kubectl-argo-rollouts/cmd`, `rollout/canary.go`, `rollout/pause.go`.

use serde_json::{Value, json};

use super::fast_track;
use super::rollback::{rollback, template_object};
use super::settled::{self, readiness};
use crate::domain::record::action::{Body, KubernetesRequest, ObjectRef, PlanRecord, Request, Verb};
use crate::domain::rules::action::kind::Readiness;
use crate::domain::rules::action::plan::{Draft, DraftContext, revision_line};
use crate::domain::rules::action::release;
use crate::domain::rules::action::way_back;
use crate::domain::rules::checklist::candidate::is_same_artifact;

use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::step::{Step, weight_at};
use crate::domain::facts::text::plural;
use crate::domain::facts::workload::kind::Resource;
use crate::domain::facts::workload::rollout::{PauseCondition, Rollout, RolloutStrategy, RunStatus, Split};
use crate::domain::facts::workload::{PauseReason, Revision};
use crate::domain::rules::refusal::{Refusal, RefusalKind};

/// Drafts the plan for a verb on a Rollout, or says why it makes no sense now.
pub(in crate::domain::rules::action) fn draft(
    verb: Verb,
    rollout: &Rollout,
    scene: &DraftContext<'_>,
) -> Result<Draft, Refusal> {
    match verb {
        Verb::Promote => promote(rollout, scene),
        Verb::PromoteFull => promote_full(rollout, scene),
        Verb::Pause => pause(rollout, scene),
        Verb::Resume => resume(rollout, scene),
        Verb::Abort => abort(rollout, scene),
        Verb::Retry => retry(rollout, scene),
        Verb::Rollback => rollback(rollout, scene),
        Verb::Restart => Ok(restart(rollout, scene)),
        Verb::Release => release(rollout, scene),
        Verb::SuspendAutomation | Verb::ResumeAutomation => Err(Refusal::state("a workload has no automation", "")),
        Verb::Revert => Err(Refusal::state("a workload has no history in git", "")),
        Verb::FlagOff | Verb::FlagOn | Verb::FlagSet | Verb::FlagLower => {
            Err(Refusal::state("a workload is no feature flag", ""))
        }
        Verb::MoveTag => Err(Refusal::state("a workload is no tag", "")),
    }
}

fn on_main(rollout: &Rollout, body: Value) -> Request {
    request(rollout, None, body)
}

pub(super) fn on_status(rollout: &Rollout, body: Value) -> Request {
    request(rollout, Some("status".to_owned()), body)
}

fn request(rollout: &Rollout, subresource: Option<String>, body: Value) -> Request {
    let object = ObjectRef { kind: Resource::ROLLOUT.kind.to_owned(), name: rollout.meta.name.clone() };
    KubernetesRequest { object, subresource, body: Body::Merge(body), after: None }.into()
}

pub(super) fn unpause(rollout: &Rollout) -> Option<Request> {
    rollout.spec.paused.then(|| on_main(rollout, json!({"spec": {"paused": false}})))
}

/// A draft that only names the revision in progress.
pub(super) fn plain(scene: &DraftContext<'_>, headline: impl Into<String>, requests: Vec<Request>) -> Draft {
    let line = scene.status.canary.as_ref().or(scene.status.stable.as_ref()).map_or_else(String::new, revision_line);
    Draft {
        headline: headline.into(),
        from: line,
        to: String::new(),
        goes: Vec::new(),
        skips: Vec::new(),
        requests,
        direction: scene.direction(),
        rejects: None,
        to_revision: None,
        restart_at: None,
        mark: None,
        completes: false,
    }
}

/// What promotion of any kind needs.
fn promotable(rollout: &Rollout, scene: &DraftContext<'_>) -> Result<(), Refusal> {
    if rollout.is_switching_back() {
        return Err(switching_back(scene));
    }
    if rollout.aborted() {
        return Err(Refusal::state("the update was aborted", "retry starts it again from its first step"));
    }
    if !rollout.under_way() {
        return Err(Refusal::state("no rollout in progress", "it is fully promoted"));
    }
    if rollout.status.promote_full {
        return Err(Refusal::state("it is being promoted fully already", ""));
    }
    if !rollout.observed() {
        return Err(Refusal::state("the controller has not seen the latest change yet", "wait for it"));
    }
    if rollout.spec.paused {
        return Err(Refusal::state("it is paused manually", "space resumes it first"));
    }
    Ok(())
}

/// The manifest is back at stable: all that is left to do is that users get it, too.
fn switching_back(scene: &DraftContext<'_>) -> Refusal {
    let stable = scene.status.stable.as_ref().map_or_else(|| "?".to_owned(), Revision::version);
    let serving = scene.status.serving.describe();
    Refusal::state(format!("a rollback to {stable} is in progress, still serving {serving}"), "rollback finishes it")
}

fn promote(rollout: &Rollout, scene: &DraftContext<'_>) -> Result<Draft, Refusal> {
    promotable(rollout, scene)?;
    let status = &rollout.status;
    if status.pause_conditions.is_empty() {
        return Err(not_at_a_pause(rollout));
    }
    let steps = rollout.steps();
    let index = status.step_index.unwrap_or(0);
    let next = (index + 1).min(steps.len());
    let (body, next) = unpause_at(rollout, index, next);
    let mut draft = plain(scene, "", vec![on_status(rollout, body)]);
    if !rollout.is_canary() {
        if let Some(lacks) = preview_lacks(rollout, scene) {
            return Err(lacks);
        }
        "promote the preview: it takes all traffic".clone_into(&mut draft.headline);
        draft.goes.push("the active service switches to the preview's pods".to_owned());
        draft.completes = true;
        if waits_anew(rollout) {
            if rollout.has_post_analysis() {
                return Err(Refusal::state(
                    "the controller would only restart the wait of autoPromotionSeconds",
                    "P switches now, without the analysis after the switch",
                ));
            }
            draft.requests = vec![on_status(rollout, json!({"status": {"promoteFull": true}}))];
        }
        return Ok(draft);
    }
    let max = rollout.max_weight();
    let split = Split::of(rollout);
    let now = weight_at(steps, index, max);
    let after = next_weight(steps, next, max);
    draft.completes = after == max;
    draft.headline = format!("promote {} → {} %", split.percent(now), split.percent(after));
    draft.from = format!(
        "step {}/{} {}",
        index + 1,
        steps.len(),
        steps.get(index).map_or_else(String::new, |step| split.label(step))
    );
    draft.to = match steps.get(next) {
        Some(step) => format!("step {}/{} {}", next + 1, steps.len(), split.label(step)),
        None => "the end of the steps: 100 %".to_owned(),
    };
    if rollout.inconclusive() {
        draft.goes.push("its analysis was inconclusive: going on is your assessment".to_owned());
    }
    match &status.background_analysis {
        Some(run) if run.status == "Inconclusive" => {
            draft.goes.push("the background analysis starts again and may pause it on the way".to_owned());
        }
        Some(run) if !run.completed() => {
            draft.goes.push(format!("analysis {} keeps running and may pause or abort it", run.name));
        }
        _ => {}
    }
    draft.goes.push(until_next_pause(rollout, next));
    Ok(draft)
}

/// Why a preview cannot be switched to now: while pods of it are missing the controller takes note that its pause is over
/// and does nothing, and pauses again once they are there (`rollout/bluegreen.go`, `reconcileBlueGreenPause`, as of v1.9).
fn preview_lacks(rollout: &Rollout, scene: &DraftContext<'_>) -> Option<Refusal> {
    let preview = scene.snapshot.replicaset(&rollout.status.current_hash)?;
    // What is known of the ReplicaSet may be older than the pause: by the controller's own figures something is missing, too.
    let wanted: u32 = scene.snapshot.replicasets.iter().map(|rs| rs.desired).sum();
    let lacks = preview.available < preview.desired && rollout.status.available < wanted;
    lacks.then(|| {
        let pods = plural(preview.desired as usize, "pod");
        let text =
            format!("the preview has {} of {pods} available: the controller would pause again", preview.available);
        Refusal::state(text, "wait until all of them are")
    })
}

/// Whether the controller answers the end of its pause with another pause: with `autoPromotionSeconds` only the clock ends it
/// (`rollout/pause.go`, `CompletedBlueGreenPause`, as of v1.9), and `kubectl argo rollouts promote` changes nothing.
fn waits_anew(rollout: &Rollout) -> bool {
    let RolloutStrategy::BlueGreen(blue_green) = &rollout.spec.strategy else { return false };
    let at_the_switch = |pause: &PauseCondition| PauseReason::parse(&pause.reason) == PauseReason::BlueGreen;
    let is_timed = blue_green.auto_promotion && blue_green.auto_promotion_seconds.is_some();
    is_timed && rollout.status.pause_conditions.iter().any(at_the_switch)
}

/// Returns the patch that ends the pause at a step, and the step that follows.
///
/// While `controllerPause` is set and no pause condition is, the controller takes the next pause step for passed
/// (`rollout/pause.go`, `CompletedCanaryPauseStep`): where it waits for anything but its pause step, both have to go.
fn unpause_at(rollout: &Rollout, index: usize, next: usize) -> (Value, usize) {
    let plain = json!({"status": {"pauseConditions": null}});
    let status = &rollout.status;
    if !rollout.is_canary() || !status.controller_pause || !rollout.inconclusive() {
        return (plain, next);
    }
    match rollout.steps().get(index) {
        Some(Step::Pause(_)) | None => (plain, next),
        // A step that was inconclusive itself has to be left, or it would be inconclusive again.
        Some(Step::Analysis(_) | Step::Experiment) => {
            (json!({"status": {"pauseConditions": null, "controllerPause": false, "currentStepIndex": next}}), next)
        }
        Some(_) => (json!({"status": {"pauseConditions": null, "controllerPause": false}}), index),
    }
}

fn not_at_a_pause(rollout: &Rollout) -> Refusal {
    let status = &rollout.status;
    let running = [&status.step_analysis, &status.pre_analysis, &status.post_analysis]
        .into_iter()
        .flatten()
        .find(|run| !run.completed());
    let step = |index: usize| {
        rollout.steps().get(index).map_or_else(String::new, |step| format!(" {} {}", index + 1, step.label()))
    };
    match (running, status.step_index) {
        (Some(RunStatus { name, .. }), _) => {
            Refusal::state(format!("analysis {name} is running"), "it continues automatically when that succeeds")
        }
        (None, Some(index)) => {
            Refusal::state(format!("step{} is in progress", step(index)), "it continues automatically")
        }
        (None, None) => Refusal::state("progressing; nothing to promote", ""),
    }
}

pub(super) fn percent(weight: u32, max: u32) -> u64 {
    u64::from(weight) * 100 / u64::from(max.max(1))
}

/// The weight at the next place where it stops: after the steps that run by themselves from `index`.
fn next_weight(steps: &[Step], index: usize, max: u32) -> u32 {
    let stop = (index..steps.len()).find(|at| matches!(steps.get(*at), Some(Step::Pause(_))));
    stop.map_or(max, |stop| weight_at(steps, stop, max))
}

fn until_next_pause(rollout: &Rollout, from: usize) -> String {
    let (steps, split) = (rollout.steps(), Split::of(rollout));
    let mut passed = Vec::new();
    for (index, step) in steps.iter().enumerate().skip(from) {
        if let Step::Pause(_) = step {
            let before = if passed.is_empty() { String::new() } else { format!("{}, then ", passed.join(", ")) };
            return format!("{before}{} (step {} of {})", step.label(), index + 1, steps.len());
        }
        passed.push(split.label(step));
    }
    passed.push("100 %: it becomes stable".to_owned());
    passed.join(", ")
}

fn promote_full(rollout: &Rollout, scene: &DraftContext<'_>) -> Result<Draft, Refusal> {
    promotable(rollout, scene)?;
    let mut draft = plain(
        scene,
        "promote fully: 100 % at once",
        vec![on_status(rollout, json!({"status": {"promoteFull": true}}))],
    );
    let index = rollout.status.step_index.unwrap_or(0);
    draft.skips = rollout
        .steps()
        .iter()
        .enumerate()
        .skip(index)
        .map(|(at, step)| format!("{} {}", at + 1, step.label()))
        .collect();
    if !rollout.is_canary() {
        draft.skips.push("the pause and analysis before and after the switch".to_owned());
    }
    "100 %".clone_into(&mut draft.to);
    draft.completes = true;
    draft.goes.push("all pods of the new revision come up, then it becomes stable".to_owned());
    Ok(draft)
}

fn pause(rollout: &Rollout, scene: &DraftContext<'_>) -> Result<Draft, Refusal> {
    if rollout.spec.paused {
        return Err(Refusal::state("it is paused already", "space resumes it"));
    }
    let mut draft = plain(scene, "pause", vec![on_main(rollout, json!({"spec": {"paused": true}}))]);
    draft.goes.push("steps and timed pauses stop until resumed".to_owned());
    if let Some((_, weight)) = settled::weight_to_come(rollout) {
        let to = percent(weight, rollout.max_weight());
        draft.goes.push(format!("the weight still goes to {to} %, as its step says: A takes all of it back"));
    }
    Ok(draft)
}

fn resume(rollout: &Rollout, scene: &DraftContext<'_>) -> Result<Draft, Refusal> {
    if !rollout.spec.paused {
        return Err(match rollout.pause() {
            Some(_) => Refusal::state("it is not paused manually, it waits at its step", "promote continues it"),
            None => Refusal::state("it is not paused", ""),
        });
    }
    // Only `spec.paused`: `promote` would also move the step index on.
    let mut draft = plain(scene, "resume", vec![on_main(rollout, json!({"spec": {"paused": false}}))]);
    draft.goes.push("it continues at its current step; no step is skipped".to_owned());
    let index = rollout.status.step_index.filter(|_| rollout.under_way() && !rollout.aborted());
    draft.goes.extend(index.map(|index| until_next_pause(rollout, index)));
    Ok(draft)
}

fn abort(rollout: &Rollout, scene: &DraftContext<'_>) -> Result<Draft, Refusal> {
    if rollout.aborted() && !rollout.spec.paused && !rollout.status.promote_full {
        return Err(Refusal::state("it was aborted already", "retry tries again, rollback puts the old template back"));
    }
    if rollout.status.stable_hash.is_empty() {
        return Err(Refusal::state("there is no stable revision to return to", "it is the first one"));
    }
    if rollout.is_switching_back() {
        return Err(switching_back(scene));
    }
    if !rollout.under_way() {
        return Err(Refusal::state("no rollout in progress", "rollback restores an earlier revision"));
    }
    if scene.direction().is_backward() {
        return Err(way_back::abort_would_go_forward(scene));
    }
    // While `promoteFull` is set the controller takes an abort back.
    let body = if rollout.status.promote_full {
        json!({"status": {"abort": true, "promoteFull": false}})
    } else {
        json!({"status": {"abort": true}})
    };
    // While `spec.paused` is set an abort is only half carried out.
    let requests = std::iter::once(on_status(rollout, body)).chain(unpause(rollout)).collect();
    let mut draft = plain(scene, "abort: traffic back to stable", requests);
    draft.from = scene.status.canary.as_ref().map_or_else(String::new, |canary| from_canary(canary, scene));
    draft.to =
        scene.status.stable.as_ref().map_or_else(String::new, |stable| format!("{}  stable", revision_line(stable)));
    draft.rejects.clone_from(&scene.status.canary);
    draft.goes.push("the canary gets no more traffic, and is scaled down".to_owned());
    draft.goes.push("the manifest keeps the new version: rollback puts the old one back".to_owned());
    Ok(draft)
}

/// Returns what an action still lacks, seen after its requests. Someone may have held the Rollout manually since an abort was
/// planned: under a pause it is only half carried out. What a rollback takes back may have become stable since: then the
/// controller goes back as a canary, and would stop at its first pause.
#[must_use]
pub(super) fn remainder(record: &PlanRecord, rollout: &Rollout) -> Option<Request> {
    let rest = match record.verb {
        Verb::Abort => unpause(rollout).filter(|_| rollout.status.abort),
        Verb::Rollback => record
            .back_to_stable()
            .filter(|begun| readiness(rollout, begun) == Readiness::Send)
            .map(|_| on_status(rollout, json!({"status": {"promoteFull": true}}))),
        _ => None,
    };
    rest.filter(|rest| rollout.meta.uid == record.facts.uid && !record.requests.contains(rest))
}

pub(super) fn from_canary(canary: &Revision, scene: &DraftContext<'_>) -> String {
    let pods = plural(scene.snapshot.pods_of(&canary.hash).count(), "pod");
    let weight = scene
        .status
        .weight
        .map_or_else(String::new, |weight| format!("{} % of traffic, ", percent(weight.actual, weight.max)));
    format!("{}   {weight}{pods}", revision_line(canary))
}

fn retry(rollout: &Rollout, scene: &DraftContext<'_>) -> Result<Draft, Refusal> {
    if !rollout.aborted() {
        return Err(Refusal::state("it was not aborted", "retry is for an aborted update"));
    }
    if rollout.spec.paused {
        return Err(Refusal::state("it is paused manually", "space resumes it first"));
    }
    // Argo takes a running ReplicaSet that is marked for scaling down as one to go back to, and skips the pause before
    // the switch. (The mark stays after the pods are gone, and is of no effect then.)
    let new = scene.snapshot.replicaset(&rollout.status.current_hash).filter(|rs| rs.desired > 0 || rs.current > 0);
    let marked = new.and_then(|rs| rs.scale_down_at);
    if let (false, Some(at)) = (rollout.is_canary(), marked) {
        return Err(Refusal::state(
            "its pods still run: a retry now would switch to them at once, without the pause",
            format!("wait until they are scaled down, at {}", crate::domain::facts::text::rfc3339_seconds(at)),
        ));
    }
    let requests = vec![on_status(rollout, json!({"status": {"abort": false}}))];
    let mut draft = plain(scene, "retry", requests);
    draft.rejects.clone_from(&scene.status.canary);
    draft.goes.push("the same version rolls out again".to_owned());
    if !rollout.steps().is_empty() {
        let first_stop = Split::of(rollout).percent(next_weight(rollout.steps(), 0, rollout.max_weight()));
        draft.headline = format!("retry: 0 → {first_stop} %");
        draft.goes.push(format!("from the first step: {}", until_next_pause(rollout, 0)));
    }
    Ok(draft)
}

fn restart(rollout: &Rollout, scene: &DraftContext<'_>) -> Draft {
    let at = crate::domain::facts::text::rfc3339_seconds(scene.now);
    let mut draft = plain(scene, "restart all pods", vec![on_main(rollout, json!({"spec": {"restartAt": at}}))]);
    draft.restart_at = Some(at);
    draft.goes.push("pods are replaced a few at a time, stable first; no new revision".to_owned());
    draft
}

fn release(rollout: &Rollout, scene: &DraftContext<'_>) -> Result<Draft, Refusal> {
    if rollout.is_switching_back() {
        return Err(switching_back(scene));
    }
    let written = match (&scene.snapshot.template_owner, &rollout.spec.workload_ref) {
        (Some(owner), _) => (owner.containers.as_slice(), owner.init_containers.as_slice()),
        (None, None) => (rollout.spec.containers.as_slice(), rollout.spec.init_containers.as_slice()),
        (None, Some(owner)) => {
            let text = format!("the template in {} {} is not known", owner.kind, owner.name);
            return Err(Refusal::new(RefusalKind::Blind, text, "green when it may be read"));
        }
    };
    let mut draft = release::draft(scene, template_object(rollout)?, written)?;
    if let Some(again) = scene.incoming.as_ref().and_then(|incoming| {
        // What was rejected is refused as that.
        let may_come = |rs: &&ReplicaSet| rs.hash != rollout.status.stable_hash && !scene.rejected.bars(&rs.hash);
        let sets = scene.snapshot.replicasets.iter().filter(may_come);
        let is_it = |rs: &&ReplicaSet| is_same_artifact(&scene.snapshot.revision(rs), &incoming.revision);
        sets.filter(is_it).find_map(|rs| fast_track::in_the_way(rollout, rs, &scene.snapshot.replicasets))
    }) {
        return Err(again);
    }
    draft.goes.push(match (rollout.is_canary(), rollout.steps().is_empty()) {
        (true, false) => format!("as a canary: {}", until_next_pause(rollout, 0)),
        (true, true) => "pods are replaced a few at a time: it has no steps to stop at".to_owned(),
        (false, _) => "as a preview, then the active service switches to it".to_owned(),
    });
    Ok(draft)
}
