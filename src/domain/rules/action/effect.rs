//! What a plan does to users: which revisions gain some by its requests, whatever its verb ([law 1](crate#laws)).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::facts::workload::Revision;
use crate::domain::record::action::{Body, Request};
use crate::domain::rules::action::plan::DraftContext;
use crate::domain::rules::action::way_back::{direction_to, is_stable};

/// What requests come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Effect {
    /// Template hashes of the revisions that users get more of.
    pub gains: BTreeSet<String>,
    /// Whether users get more of a template that is in the manifest and no revision yet.
    pub gains_unseen: bool,
    /// Whether pods are replaced by new ones of the same template, which pull their images again.
    pub restarts: bool,
    /// Whether what the environment before has comes in as a new revision.
    pub brings_in: bool,
}

impl Effect {
    /// What is in the manifest goes on to users: a revision, or a template that is none yet. Where the template was put back
    /// before, it is the revision that this was.
    fn goes_on(&mut self, coming: Option<&str>, restored: bool, scene: &DraftContext<'_>) {
        self.gains.extend(coming.map(ToOwned::to_owned));
        let unseen = || scene.snapshot.object.workload().has_unseen_template(&scene.snapshot.replicasets);
        self.gains_unseen |= !restored && !scene.direction().is_backward() && unseen();
    }
}

/// Returns what requests do, in their order. A patch that is not understood counts for the revision in progress.
pub(super) fn effect(requests: &[Request], scene: &DraftContext<'_>) -> Effect {
    let hash = |revision: &Option<Revision>| revision.as_ref().map(|revision| revision.hash.clone());
    let mut effect = Effect::default();
    let mut coming = hash(&scene.status.canary);
    let mut aborted = scene.status.aborted;
    let mut restored = false;
    for request in requests {
        let Request::Kubernetes(request) = request else {
            effect.brings_in = true;
            continue;
        };
        match &request.body {
            Body::SetImages { .. } => effect.brings_in = true,
            // What an owner then does is no revision of this workload's own.
            Body::SuspendAutomation { .. } | Body::ResumeAutomation => {}
            Body::RestoreTemplate { replicaset } => {
                let set = scene.snapshot.replicasets.iter().find(|rs| rs.meta.name == *replicaset);
                coming = Some(set.map_or_else(|| replicaset.clone(), |rs| rs.hash.clone()));
                aborted = false;
                restored = true;
                effect.gains.extend(coming.clone());
            }
            Body::Merge(patch) | Body::Strategic(patch) => match kind_of(patch) {
                Patch::Stops => {}
                Patch::Aborts => {
                    aborted = true;
                    effect.gains.extend(hash(&scene.status.stable));
                }
                Patch::Restarts => effect.restarts = true,
                // An aborted update that is no longer paused goes on to stable.
                Patch::Resumes if aborted => {}
                Patch::Resumes => effect.goes_on(coming.as_deref(), restored, scene),
                Patch::GoesOn => {
                    aborted = false;
                    effect.goes_on(coming.as_deref(), restored, scene);
                }
            },
        }
    }
    effect
}

enum Patch {
    Stops,
    Aborts,
    Resumes,
    GoesOn,
    Restarts,
}

fn kind_of(patch: &Value) -> Patch {
    let (spec, status) = (&patch["spec"], &patch["status"]);
    if status["abort"] == true {
        Patch::Aborts
    } else if spec["paused"] == true {
        Patch::Stops
    } else if spec["restartAt"].is_string() || spec["template"]["metadata"]["annotations"].is_object() {
        Patch::Restarts
    } else if spec.get("paused").is_some() && status.is_null() {
        Patch::Resumes
    } else {
        Patch::GoesOn
    }
}

/// Returns the revision that a plan brings to more users although it is not one that they may always go back to: then the
/// plan is a promotion.
pub(super) fn promoted(effect: &Effect, scene: &DraftContext<'_>) -> Option<Revision> {
    if effect.brings_in {
        return scene.incoming.as_ref().map(|incoming| incoming.revision.clone());
    }
    let hash = effect.gains.iter().find(|hash| !is_way_back(hash, scene))?;
    let known = [&scene.status.canary, &scene.status.stable].into_iter().flatten();
    let mut known = known.filter(|revision| revision.hash == *hash).cloned();
    let set = || scene.snapshot.replicaset(hash).map(|rs| scene.snapshot.revision(rs));
    known.next().or_else(set).or_else(|| Some(Revision { hash: hash.clone(), ..Revision::default() }))
}

/// Whether nothing may keep users from this revision: it is stable, or a rollback to it is in progress, or it served
/// before what runs now and nobody rejected it.
fn is_way_back(hash: &str, scene: &DraftContext<'_>) -> bool {
    let backward = scene.direction().is_backward();
    let is = |revision: &Option<Revision>| revision.as_ref().is_some_and(|revision| revision.hash == hash);
    if is(&scene.status.canary) {
        return backward;
    }
    if is_stable(scene, hash) {
        return !backward;
    }
    scene.snapshot.replicaset(hash).is_some_and(|rs| direction_to(scene, rs).is_backward())
}
