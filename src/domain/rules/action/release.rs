//! Releasing into an environment what the one before it has released: which artifact that is, and what is written for it.

use crate::domain::facts::ids::EnvName;
use crate::domain::facts::object::{Container, ImageRef, short_digest};
use crate::domain::facts::text::rfc3339_seconds;
use crate::domain::facts::workload::Revision;
use crate::domain::record::action::{Body, KubernetesRequest, ObjectRef};
use crate::domain::rules::action::plan::{Draft, DraftContext, revision_line};
use crate::domain::rules::checklist::candidate::{counterpart, is_same_artifact};
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::rules::release_state::{ReleaseState, release_state};
use crate::domain::world::{Environment, WorkloadState, World};

/// What the environment before has released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Incoming {
    pub(super) before: EnvName,
    pub(super) revision: Revision,
}

/// Returns what may be released into an environment, or why nothing can be: it has to be released in the one before.
pub(super) fn incoming(world: &World, env: &Environment, workload: &WorkloadState) -> Result<Incoming, Refusal> {
    let Some(before) = world.previous(env) else {
        return Err(Refusal::state(
            format!("{} is the first environment: nothing is verified before it", env.name()),
            "set its image by GitOps, kubectl or the pipeline that built it",
        ));
    };
    let there = counterpart(before, &workload.id);
    let Some((there, status)) = there.and_then(|there| Some((there, there.status.as_ref()?))) else {
        let text = format!("{}: not seen what runs there", before.name());
        return Err(Refusal::new(RefusalKind::Blind, text, "it has to be released there first"));
    };
    let state = release_state(world, before, &there.id);
    let revision = status.stable.as_ref().filter(|_| state == Some(ReleaseState::Released));
    let Some(revision) = revision else {
        let state = state.map_or_else(|| "not known".to_owned(), |state| state.label());
        return Err(Refusal::state(
            format!("{} has nothing released to go on with: {state}", before.name()),
            "it has to be released there first",
        ));
    };
    Ok(Incoming { before: before.name().clone(), revision: revision.clone() })
}

/// Drafts the release; `containers` and `init_containers` are those of the template that is written, in `object`.
///
/// # Errors
/// Why the artifact does not fit this workload, or is not known by digest.
pub(super) fn draft(
    scene: &DraftContext<'_>,
    object: ObjectRef,
    (containers, init_containers): (&[Container], &[Container]),
) -> Result<Draft, Refusal> {
    let Some(incoming) = &scene.incoming else {
        return Err(Refusal::state("nothing comes in here", ""));
    };
    let version = incoming.revision.version();
    if scene.status.canary.as_ref().is_some_and(|canary| is_same_artifact(canary, &incoming.revision)) {
        return Err(Refusal::new(RefusalKind::NothingToDo, format!("{version} is going out here already"), ""));
    }
    if scene.status.canary.is_some() {
        return Err(Refusal::state("a rollout is in progress here", "promote it or roll it back first"));
    }
    if scene.snapshot.object.workload().is_paused() {
        return Err(Refusal::state("it is paused manually", "space resumes it first"));
    }
    if !scene.snapshot.object.workload().observed() {
        return Err(Refusal::state("the controller has not seen the latest change yet", "wait for it"));
    }
    let all: Vec<&Container> = containers.iter().chain(init_containers).collect();
    let images = images(incoming, &all)?;
    if all.iter().zip(&images).all(|(here, next)| here.image == next.image) {
        let text = format!("{version} is what runs here");
        return Err(Refusal::new(RefusalKind::NothingToDo, text, ""));
    }
    let mut goes: Vec<String> = images.iter().map(|next| format!("{}: {}", next.name, next.image)).collect();
    goes.extend(all.iter().zip(&images).filter_map(|(here, next)| foreign_registry(incoming, here, next)));
    let digest =
        incoming.revision.digest.as_deref().map_or_else(String::new, |digest| format!("  {}", short_digest(digest)));
    let mark = rfc3339_seconds(scene.now);
    let body = Body::SetImages { images: images.clone(), mark: mark.clone() };
    let revision = Revision {
        images: images.iter().take(containers.len()).map(|next| next.image.clone()).collect(),
        ..incoming.revision.clone()
    };
    Ok(Draft {
        headline: format!("release {version}"),
        from: scene.status.stable.as_ref().map_or_else(String::new, revision_line),
        to: format!("{version}{digest}   as {} runs it", incoming.before),
        goes,
        skips: Vec::new(),
        requests: vec![KubernetesRequest { object, subresource: None, body, after: None }.into()],
        direction: scene.direction(),
        rejects: None,
        to_revision: Some(revision),
        restart_at: None,
        mark: Some(mark),
        completes: false,
    })
}

/// Returns the image of each container here: the repository that it has here, with the digest that runs there. The tag is
/// kept for people to read.
fn images(incoming: &Incoming, here: &[&Container]) -> Result<Vec<Container>, Refusal> {
    let before = &incoming.before;
    let refuse = |text: String, remedy: &str| Refusal::new(RefusalKind::Artifact, text, remedy);
    let there: Vec<(&str, ImageRef<'_>)> =
        incoming.revision.containers().map(|(name, image)| (name, ImageRef::parse(image))).collect();
    let base = |image: &ImageRef<'_>| image.repository.rsplit('/').next().unwrap_or_default().to_owned();
    if let Some((name, _)) = there.iter().find(|(name, _)| !here.iter().any(|here| here.name == *name)) {
        let text = format!("container {name} of {before} is not in the template here");
        return Err(refuse(text, "deploy the new template by GitOps or kubectl"));
    }
    let next = |here: &&Container| {
        let name = &here.name;
        let Some((_, source)) = there.iter().find(|(other, _)| other == name) else {
            let text = format!("container {name} is not in the template of {before}: nobody verified it");
            return Err(refuse(text, "deploy the template by GitOps or kubectl"));
        };
        let own = ImageRef::parse(&here.image);
        if base(&own) != base(source) {
            let text = format!("container {name} runs {} here and {} in {before}", own.repository, source.repository);
            return Err(refuse(text, "deploy the template by GitOps or kubectl"));
        }
        if source.is_mutable_latest() {
            return Err(refuse(format!("{name} of {before} uses a mutable tag"), "deploy it there by version"));
        }
        let digest = source.digest.or_else(|| incoming.revision.digests.get(name).map(String::as_str));
        let Some(digest) = digest else {
            let text = format!("it is not known which digest of {name} the pods of {before} run");
            return Err(Refusal::new(RefusalKind::Blind, text, "all its ready pods have to run one digest"));
        };
        let tag = source.tag.map_or_else(String::new, |tag| format!(":{tag}"));
        Ok(Container { name: name.clone(), image: format!("{}{tag}@{digest}", own.repository) })
    };
    here.iter().map(next).collect()
}

/// Says that a digest comes from another registry here.
fn foreign_registry(incoming: &Incoming, here: &Container, next: &Container) -> Option<String> {
    let source = incoming.revision.containers().find(|(name, _)| *name == here.name)?.1;
    let (own, source) = (ImageRef::parse(&next.image).repository, ImageRef::parse(source).repository);
    (own != source).then(|| {
        format!("{} is pulled from {own} instead of {source}: whether it has this digest is not checked", here.name)
    })
}

#[cfg(test)]
mod tests;
