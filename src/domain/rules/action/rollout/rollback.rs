//! Plans that go back to an earlier revision of a Rollout.

use serde_json::json;

use super::draft::{from_canary, on_status, percent, plain, unpause};
use super::fast_track;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::text::plural;
use crate::domain::facts::workload::Workload as _;
use crate::domain::facts::workload::kind::Resource;
use crate::domain::facts::workload::rollout::Rollout;
use crate::domain::facts::workload::serving;
use crate::domain::record::action::{After, Body, KubernetesRequest, ObjectRef, Request};
use crate::domain::rules::action::plan::{Draft, DraftContext, revision_line};
use crate::domain::rules::action::way_back::{self, WayBack};

use crate::domain::facts::direction::Direction;
use crate::domain::rules::refusal::Refusal;

pub(super) fn rollback(rollout: &Rollout, scene: &DraftContext<'_>) -> Result<Draft, Refusal> {
    if let Some(stable) = switches_back_to(rollout, scene) {
        // A template that the controller has not looked at would take stable's place.
        let replaced = rollout.has_unseen_template(&scene.snapshot.replicasets);
        return if replaced {
            start_rollback(rollout, scene, stable)
        } else {
            Ok(finish_rollback(rollout, scene, stable))
        };
    }
    match way_back::way_back(scene, rollout.under_way())? {
        WayBack::Start(target) => start_rollback(rollout, scene, target),
        WayBack::Finish(target) | WayBack::Wait(target) => Ok(finish_rollback(rollout, scene, target)),
    }
}

/// Returns the revision that the manifest is back at while users still get another one, unless a third one is asked for.
fn switches_back_to<'a>(rollout: &Rollout, scene: &DraftContext<'a>) -> Option<&'a ReplicaSet> {
    let stable = scene.snapshot.replicaset(&rollout.status.stable_hash).filter(|_| rollout.is_switching_back())?;
    scene.to.is_none_or(|to| stable.meta.revision == Some(to)).then_some(stable)
}

/// Where the pod template is put back: where it lives elsewhere it is put back there.
pub(super) fn template_object(rollout: &Rollout) -> Result<ObjectRef, Refusal> {
    match &rollout.spec.workload_ref {
        Some(owner) if owner.kind == Resource::DEPLOYMENT.kind => {
            Ok(ObjectRef { kind: owner.kind.clone(), name: owner.name.clone() })
        }
        Some(owner) => Err(Refusal::state(
            format!("its template lives in {} {}", owner.kind, owner.name),
            "roll that back with kubectl",
        )),
        None => Ok(ObjectRef { kind: Resource::ROLLOUT.kind.to_owned(), name: rollout.meta.name.clone() }),
    }
}

fn start_rollback(rollout: &Rollout, scene: &DraftContext<'_>, target: &ReplicaSet) -> Result<Draft, Refusal> {
    let revision = scene.snapshot.revision(target);
    let to_stable = target.hash == rollout.status.stable_hash;
    let object = template_object(rollout)?;
    let elsewhere = object.kind != Resource::ROLLOUT.kind;
    let direction = way_back::direction_to(scene, target);
    if !direction.is_backward() && !to_stable {
        fast_track::in_the_way(rollout, target, &scene.snapshot.replicasets).map_or(Ok(()), Err)?;
    }
    let body = Body::RestoreTemplate { replicaset: target.meta.name.clone() };
    let mut requests = vec![KubernetesRequest { object, subresource: None, body, after: None }.into()];
    if elsewhere {
        requests.extend(unpause(rollout));
    }
    // Back to stable nothing else is needed where it is what users get; to an earlier one the controller would go step by step.
    // After the switch of blue-green, while the analysis that follows runs, users get the preview: the controller takes stable
    // for a new preview then, and waits for a person, for `autoPromotionSeconds`, or for an analysis before the switch that it
    // never starts for stable (`reconcileBlueGreenPause` and `skipPrePromotionAnalysisRun`, as of v1.9).
    let completes = (!to_stable || rollout.is_switched_from(&target.hash)) && direction.is_backward();
    if completes {
        requests.push(complete(rollout, &target.hash));
    }
    let mut draft = plain(scene, format!("roll back to {}", revision.version()), requests);
    draft.from = match &scene.status.canary {
        Some(canary) => from_canary(canary, scene),
        None => scene.status.stable.as_ref().map_or_else(String::new, revision_line),
    };
    let role = if to_stable { "stable, " } else { "" };
    draft.to = format!("{}   {role}{}", revision_line(&revision), plural(target.current as usize, "pod"));
    draft.goes = rollback_goes(rollout, scene, target, completes);
    if completes {
        draft.skips =
            rollout.steps().iter().enumerate().map(|(at, step)| format!("{} {}", at + 1, step.label())).collect();
    }
    if to_stable && !rollout.under_way() && !completes {
        "what the manifest names, which the controller has not taken up".clone_into(&mut draft.from);
    }
    way_back::aim(&mut draft, scene, target, direction);
    leave_active(&mut draft, rollout, scene, target);
    Ok(draft)
}

/// The rollback that is in progress, completed at once: all that may still hold it is lifted.
fn finish_rollback(rollout: &Rollout, scene: &DraftContext<'_>, target: &ReplicaSet) -> Draft {
    let status = &rollout.status;
    let mut requests: Vec<Request> = unpause(rollout).into_iter().collect();
    // Where the manifest is back at stable there are no steps, and a pause is all that holds it, unless blue-green has to
    // switch back.
    let to_stable = !rollout.under_way();
    let completes = !to_stable || rollout.is_switched_from(&target.hash);
    if status.abort && completes {
        requests.push(on_status(rollout, json!({"status": {"abort": false, "promoteFull": true}})));
    } else if !status.promote_full && completes {
        requests.push(on_status(rollout, json!({"status": {"promoteFull": true}})));
    }
    if requests.is_empty() {
        return way_back::wait_for(plain(scene, "", Vec::new()), scene, target);
    }
    let revision = scene.snapshot.revision(target);
    let mut draft = plain(scene, format!("finish the rollback to {}", revision.version()), requests);
    draft.from = if to_stable {
        let still = scene.status.serving.besides(&target.hash);
        still
            .map(|share| format!("{} of {}", serving::percent(share.share), share.version))
            .collect::<Vec<_>>()
            .join(", ")
    } else {
        scene.status.stable.as_ref().map_or_else(String::new, revision_line)
    };
    draft.to = format!("{}   {}", revision_line(&revision), plural(target.current as usize, "pod"));
    draft.goes = rollback_goes(rollout, scene, target, completes);
    let index = status.step_index.unwrap_or(0);
    let left = rollout.steps().iter().enumerate().skip(index).filter(|_| !to_stable);
    draft.skips = left.map(|(at, step)| format!("{} {}", at + 1, step.label())).collect();
    way_back::aim(&mut draft, scene, target, Direction::Backward);
    leave_active(&mut draft, rollout, scene, target);
    draft
}

/// Where the manifest is back at stable, what users still get is what is left.
fn leave_active(draft: &mut Draft, rollout: &Rollout, scene: &DraftContext<'_>, target: &ReplicaSet) {
    if draft.rejects.is_none() && draft.direction.is_backward() && rollout.is_switched_from(&target.hash) {
        let active = scene.snapshot.replicaset(&rollout.status.active_hash);
        draft.rejects = active.map(|active| scene.snapshot.revision(active));
    }
}

fn rollback_goes(rollout: &Rollout, scene: &DraftContext<'_>, target: &ReplicaSet, completes: bool) -> Vec<String> {
    let to_stable = target.hash == rollout.status.stable_hash;
    let mut goes = Vec::new();
    if to_stable && !rollout.under_way() && !completes {
        goes.push(format!("its template is put back: users have had {} all along", target.version()));
    } else if completes && !rollout.is_canary() && to_stable && target.available >= rollout.replicas().desired {
        goes.push("the active service switches back to its pods: no pause, no analysis".to_owned());
    } else if to_stable && !completes {
        let weight = scene
            .status
            .weight
            .map_or_else(String::new, |weight| format!("canary {} → 0 % ", percent(weight.actual, weight.max)));
        goes.push(format!("{weight}at once, no steps"));
    } else if completes && rollout.is_canary() {
        goes.push("all its pods come up, then it takes all traffic: no steps, no analysis".to_owned());
    } else if completes {
        goes.push("all its pods come up, then the active service switches to them".to_owned());
    } else if rollout.is_canary() && !rollout.steps().is_empty() {
        goes.push(format!("as a canary, through its {}", plural(rollout.steps().len(), "step")));
    } else if !rollout.is_canary() {
        goes.push("as a preview, then the switch".to_owned());
    }
    goes
}

/// Completes a rollback: all pods of the revision come up, then everybody gets it.
fn complete(rollout: &Rollout, hash: &str) -> Request {
    let object = ObjectRef { kind: Resource::ROLLOUT.kind.to_owned(), name: rollout.meta.name.clone() };
    KubernetesRequest {
        object,
        subresource: Some("status".to_owned()),
        body: Body::Merge(json!({"status": {"promoteFull": true}})),
        after: Some(After::InProgress { hash: hash.to_owned() }),
    }
    .into()
}
