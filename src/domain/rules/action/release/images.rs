//! Which image each container gets in a release: the digest that was verified, from the repository that it has here.

use std::collections::BTreeMap;

use super::{Incoming, Origin};
use crate::domain::facts::object::{Container, ImageRef};
use crate::domain::facts::registry::Repository;
use crate::domain::facts::workload::Revision;
use crate::domain::rules::refusal::{Refusal, RefusalKind};

/// Returns the image of each container here: the repository that it has here, with the digest that runs there. The tag is
/// kept for people to read.
pub(super) fn images(incoming: &Incoming, here: &[&Container]) -> Result<Vec<Container>, Refusal> {
    let before = incoming.from.name();
    let refuse = |text: String, remedy: &str| Refusal::new(RefusalKind::Artifact, text, remedy);
    let there: Vec<(&str, ImageRef<'_>)> =
        incoming.revision.containers().map(|(name, image)| (name, ImageRef::parse(image))).collect();
    let base = |repository: &str| repository.rsplit('/').next().unwrap_or_default().to_owned();
    if let Some((name, _)) = there.iter().find(|(name, _)| !here.iter().any(|here| here.name == *name)) {
        let text = format!("container {name} of {before} is not in the template here");
        return Err(refuse(text, "deploy the new template by GitOps or kubectl"));
    }
    let next = |here: &&Container| {
        let name = &here.name;
        let named = incoming.revision.containers().find(|(other, _)| other == name);
        if incoming.from == Origin::Named && named.is_some_and(|(_, image)| image == here.image) {
            return Ok(Container { name: name.clone(), image: here.image.clone() });
        }
        let Some((_, source)) = there.iter().find(|(other, _)| other == name) else {
            let text = format!("container {name} is not in the template of {before}: nobody verified it");
            return Err(refuse(text, "deploy the template by GitOps or kubectl"));
        };
        let mapped = incoming.mapped(source.repository);
        let repository = mapped.as_deref().unwrap_or(ImageRef::parse(&here.image).repository);
        if base(repository) != base(source.repository) {
            let text = format!("container {name} runs {repository} here and {} in {before}", source.repository);
            return Err(refuse(text, "deploy the template by GitOps or kubectl"));
        }
        let digest = digest_of(&incoming.revision, (name, source), &before)?;
        let tag = source.tag.map_or_else(String::new, |tag| format!(":{tag}"));
        Ok(Container { name: name.clone(), image: format!("{repository}{tag}@{digest}") })
    };
    here.iter().map(next).collect()
}

/// Returns the digest of a container: the one that the template names, else the one that pods run.
fn digest_of<'a>(
    revision: &'a Revision,
    (name, source): (&str, &ImageRef<'a>),
    before: &str,
) -> Result<&'a str, Refusal> {
    if source.is_mutable_latest() {
        let text = format!("{name} of {before} uses a mutable tag");
        return Err(Refusal::new(RefusalKind::Artifact, text, "deploy it there by version"));
    }
    source.digest.or_else(|| revision.digests.get(name).map(String::as_str)).ok_or_else(|| {
        let text = format!("it is not known which digest of {name} the pods of {before} run");
        Refusal::new(RefusalKind::Blind, text, "all its ready pods have to run one digest")
    })
}

/// Returns the digest of every container of what an environment runs, init containers too.
///
/// # Errors
/// Of which it is not known, or that its tag is moved.
pub(in crate::domain::rules) fn digests_of(
    revision: &Revision,
    before: &str,
) -> Result<BTreeMap<String, String>, Refusal> {
    let of = |(name, image): (&str, &str)| {
        Ok((name.to_owned(), digest_of(revision, (name, &ImageRef::parse(image)), before)?.to_owned()))
    };
    revision.containers().map(of).collect()
}

/// Says that a digest comes from another registry here.
pub(super) fn foreign_registry(incoming: &Incoming, here: &Container, next: &Container) -> Option<String> {
    let source = incoming.revision.containers().find(|(name, _)| *name == here.name)?.1;
    let (own, source) = (ImageRef::parse(&next.image).repository, ImageRef::parse(source).repository);
    let is_asked = incoming.registries.contains(&Repository::parse(own).host);
    let unchecked = if is_asked { "" } else { ": whether it has this digest is not checked" };
    (own != source).then(|| format!("{} is pulled from {own} instead of {source}{unchecked}", here.name))
}

/// Says that the repository here changes, as the config maps it.
pub(super) fn other_repository(here: &Container, next: &Container) -> Option<String> {
    let (own, next) = (ImageRef::parse(&here.image).repository, ImageRef::parse(&next.image).repository);
    let is_other = Repository::parse(own) != Repository::parse(next);
    is_other.then(|| format!("{} was pulled from {own} so far: `images_from` names {next}", here.name))
}
