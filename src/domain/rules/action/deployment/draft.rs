//! Plans for Deployments, with the requests of kubectl (`pkg/cmd/rollout`, `pkg/polymorphichelpers`).

use serde_json::{Value, json};

use crate::domain::record::action::{Body, KubernetesRequest, ObjectRef, Verb};
use crate::domain::rules::action::plan::{Draft, DraftContext, revision_line};
use crate::domain::rules::action::release;
use crate::domain::rules::action::way_back::{self, WayBack};

use crate::domain::facts::direction::Direction;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::text::plural;
use crate::domain::facts::workload::deployment::Deployment;
use crate::domain::facts::workload::kind::Resource;
use crate::domain::rules::refusal::Refusal;

/// Drafts the plan for a verb on a Deployment, or says why it makes no sense.
pub(in crate::domain::rules::action) fn draft(
    verb: Verb,
    deployment: &Deployment,
    scene: &DraftContext<'_>,
) -> Result<Draft, Refusal> {
    match verb {
        Verb::Promote | Verb::PromoteFull => {
            Err(Refusal::state("a Deployment has no steps to promote", "it rolls out without steps; space pauses it"))
        }
        Verb::Abort => Err(Refusal::state("a Deployment has no abort", "R rolls it back")),
        Verb::Retry => Err(Refusal::state("a Deployment has no abort to retry after", "")),
        Verb::Pause if deployment.paused => Err(Refusal::state("it is paused already", "space resumes it")),
        Verb::Pause => Ok(simple(
            deployment,
            scene,
            "pause",
            "no more pods are replaced until it is resumed",
            json!({"spec": {"paused": true}}),
        )),
        Verb::Resume if !deployment.paused => Err(Refusal::state("it is not paused", "")),
        Verb::Resume => {
            Ok(simple(deployment, scene, "resume", "pod replacement continues", json!({"spec": {"paused": null}})))
        }
        Verb::Restart if deployment.paused => Err(Refusal::state("it is paused", "space resumes it first")),
        Verb::Restart => Ok(restart(deployment, scene)),
        Verb::Rollback => rollback(deployment, scene),
        Verb::Release => release(deployment, scene),
        Verb::SuspendAutomation | Verb::ResumeAutomation => Err(Refusal::state("a workload has no automation", "")),
        Verb::Revert => Err(Refusal::state("a workload has no history in git", "")),
        Verb::FlagOff | Verb::FlagOn | Verb::FlagSet | Verb::FlagLower => {
            Err(Refusal::state("a workload is no feature flag", ""))
        }
        Verb::MoveTag => Err(Refusal::state("a workload is no tag", "")),
    }
}

fn object(deployment: &Deployment) -> ObjectRef {
    ObjectRef { kind: Resource::DEPLOYMENT.kind.to_owned(), name: deployment.meta.name.clone() }
}

fn simple(deployment: &Deployment, scene: &DraftContext<'_>, headline: &str, goes: &str, body: Value) -> Draft {
    drafted(deployment, scene, headline, goes, Body::Strategic(body))
}

fn drafted(deployment: &Deployment, scene: &DraftContext<'_>, headline: &str, goes: &str, body: Body) -> Draft {
    let line = scene.status.canary.as_ref().or(scene.status.stable.as_ref()).map_or_else(String::new, revision_line);
    Draft {
        headline: headline.to_owned(),
        from: line,
        to: String::new(),
        goes: vec![goes.to_owned()],
        skips: Vec::new(),
        requests: vec![KubernetesRequest { object: object(deployment), subresource: None, body, after: None }.into()],
        direction: scene.direction(),
        rejects: None,
        to_revision: None,
        restart_at: None,
        mark: None,
        completes: false,
    }
}

fn restart(deployment: &Deployment, scene: &DraftContext<'_>) -> Draft {
    let at = crate::domain::facts::text::rfc3339_seconds(scene.now);
    let body = json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": at}}}}});
    let mut draft =
        simple(deployment, scene, "restart all pods", "pods are replaced a few at a time, as a new revision", body);
    draft.restart_at = Some(at);
    draft
}

fn release(deployment: &Deployment, scene: &DraftContext<'_>) -> Result<Draft, Refusal> {
    let containers = (deployment.containers.as_slice(), deployment.init_containers.as_slice());
    let mut draft = release::draft(scene, object(deployment), containers)?;
    draft.goes.push("pods are replaced a few at a time: it has no steps to stop at".to_owned());
    Ok(draft)
}

fn rollback(deployment: &Deployment, scene: &DraftContext<'_>) -> Result<Draft, Refusal> {
    match way_back::way_back(scene, deployment.under_way(&scene.snapshot.replicasets))? {
        WayBack::Start(target) => Ok(rollback_draft(deployment, scene, target)),
        WayBack::Finish(target) | WayBack::Wait(target) => {
            let mut draft = drafted(deployment, scene, "", "", Body::Strategic(json!({"spec": {"paused": null}})));
            if deployment.paused {
                draft.goes = vec!["also resumes it (spec.paused), else it would not move".to_owned()];
                let revision = scene.snapshot.revision(target);
                draft.headline = format!("finish the rollback to {}", revision.version());
                draft.to = format!("{}   {}", revision_line(&revision), plural(target.current as usize, "pod"));
                way_back::aim(&mut draft, scene, target, Direction::Backward);
                return Ok(draft);
            }
            draft.requests.clear();
            Ok(way_back::wait_for(draft, scene, target))
        }
    }
}

fn rollback_draft(deployment: &Deployment, scene: &DraftContext<'_>, target: &ReplicaSet) -> Draft {
    let revision = scene.snapshot.revision(target);
    let mut draft = drafted(
        deployment,
        scene,
        &format!("roll back to {}", revision.version()),
        "pods are replaced a few at a time",
        Body::RestoreTemplate { replicaset: target.meta.name.clone() },
    );
    draft.to = format!("{}   {}", revision_line(&revision), plural(target.current as usize, "pod"));
    if deployment.paused {
        draft.goes.push("also resumes it (spec.paused), else it would not move".to_owned());
    }
    let serves = scene.status.serving.share_of(&target.hash) > 0.0;
    let is_known = serves || scene.rejected.is_known_stable(&target.hash);
    if scene.status.canary.is_some() && !is_known {
        draft
            .goes
            .push(format!("no pod of {} is ready, and nothing tells whether it ever served here", revision.version()));
    }
    let direction = way_back::direction_to(scene, target);
    way_back::aim(&mut draft, scene, target, direction);
    draft
}
