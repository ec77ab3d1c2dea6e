//! Plans that go back to an earlier revision of a Rollout.

use serde_json::json;

use super::draft::{from_canary, on_status, percent, plain, unpause};
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::text::plural;
use crate::domain::facts::workload::kind::Resource;
use crate::domain::facts::workload::rollout::Rollout;
use crate::domain::facts::workload::serving;
use crate::domain::record::action::{After, Body, KubernetesRequest, ObjectRef, Request};
use crate::domain::rules::action::plan::{Draft, DraftContext, revision_line};
use crate::domain::rules::action::way_back::{self, WayBack};

use crate::domain::facts::direction::Direction;
use crate::domain::rules::refusal::Refusal;

pub(super) fn rollback(rollout: &Rollout, scene: &DraftContext<'_>) -> Result<Draft, Refusal> {
    match way_back::way_back(scene, rollout.under_way())? {
        WayBack::Start(target) => start_rollback(rollout, scene, target),
        WayBack::Finish(target) | WayBack::Wait(target) => Ok(finish_rollback(rollout, scene, target)),
    }
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
    let body = Body::RestoreTemplate { replicaset: target.meta.name.clone() };
    let mut requests = vec![KubernetesRequest { object, subresource: None, body, after: None }.into()];
    if elsewhere {
        requests.extend(unpause(rollout));
    }
    // Back to stable nothing else is needed; to an earlier one the controller would go step by step.
    let completes = !to_stable && direction.is_backward();
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
    draft.goes = rollback_goes(rollout, scene, to_stable, completes);
    if completes {
        draft.skips =
            rollout.steps().iter().enumerate().map(|(at, step)| format!("{} {}", at + 1, step.label())).collect();
    }
    way_back::aim(&mut draft, scene, target, direction);
    Ok(draft)
}

/// The rollback that is in progress, completed at once: all that may still hold it is lifted.
fn finish_rollback(rollout: &Rollout, scene: &DraftContext<'_>, target: &ReplicaSet) -> Draft {
    let status = &rollout.status;
    let mut requests: Vec<Request> = unpause(rollout).into_iter().collect();
    // Where the manifest is back at stable there are no steps, and a pause is all that holds it.
    let to_stable = !rollout.under_way();
    if status.abort && !to_stable {
        requests.push(on_status(rollout, json!({"status": {"abort": false, "promoteFull": true}})));
    } else if !status.promote_full && !to_stable {
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
    draft.goes = rollback_goes(rollout, scene, to_stable, true);
    let index = status.step_index.unwrap_or(0);
    let left = rollout.steps().iter().enumerate().skip(index).filter(|_| !to_stable);
    draft.skips = left.map(|(at, step)| format!("{} {}", at + 1, step.label())).collect();
    way_back::aim(&mut draft, scene, target, Direction::Backward);
    draft
}

fn rollback_goes(rollout: &Rollout, scene: &DraftContext<'_>, to_stable: bool, completes: bool) -> Vec<String> {
    let mut goes = Vec::new();
    if to_stable {
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
