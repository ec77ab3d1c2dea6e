//! The revisions one may roll back to.

use super::hints::plan_for;
use super::model::{Model, RevisionChoice};
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::record::action::Verb;

/// Returns the revisions of the selected workload, newest first, with what differs from the one in the manifest.
#[must_use]
pub fn revision_choices(model: &Model) -> Vec<RevisionChoice> {
    let Some((_, workload)) = model.selected() else { return Vec::new() };
    let (Some(snapshot), Some(status)) = (&workload.snapshot, &workload.status) else { return Vec::new() };
    let manifest = status.canary.as_ref().or(status.stable.as_ref());
    let live = manifest.and_then(|revision| snapshot.replicaset(&revision.hash));
    snapshot
        .replicasets
        .iter()
        .filter_map(|rs| {
            let number = rs.meta.revision?;
            let refusal = plan_for(model, Verb::Rollback, Some(number)).err();
            Some(RevisionChoice {
                number,
                images: rs.containers.iter().map(|container| container.image.clone()).collect(),
                created: rs.meta.created,
                change_cause: rs.meta.change_cause.clone(),
                differs: live.map(|live| differences(live, rs)).unwrap_or_default(),
                refusal: refusal.and_then(|refusals| refusals.first().map(|refusal| refusal.text.clone())),
            })
        })
        .collect()
}

/// What differs between two templates, as far as it is kept: containers and images.
fn differences(live: &ReplicaSet, other: &ReplicaSet) -> Vec<String> {
    let mut differs = Vec::new();
    for container in &other.containers {
        match live.containers.iter().find(|own| own.name == container.name) {
            Some(own) if own.image != container.image => {
                differs.push(format!("{}: {} → {}", container.name, own.image, container.image));
            }
            Some(_) => {}
            None => differs.push(format!("+ container {} {}", container.name, container.image)),
        }
    }
    for own in &live.containers {
        if !other.containers.iter().any(|container| container.name == own.name) {
            differs.push(format!("- container {}", own.name));
        }
    }
    if differs.is_empty() && live.hash != other.hash {
        differs.push("same images, other settings".to_owned());
    }
    differs
}
