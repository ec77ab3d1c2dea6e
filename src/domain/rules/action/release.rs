//! Releasing into an environment what the one before it has released: which artifact that is, and what is written for it.

mod images;

use jiff::Timestamp;

use crate::domain::facts::ids::{EnvName, Track, WorkloadId, WorkloadKey};
use crate::domain::facts::object::{Container, ImageRef, short_digest};
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::signals::Signal;
use crate::domain::facts::text::rfc3339_seconds;
use crate::domain::facts::workload::Revision;
use crate::domain::record::action::{Body, KubernetesRequest, ObjectRef};
use crate::domain::record::rejection::Rejection;
use crate::domain::rules::action::plan::{Draft, DraftContext, revision_line};
use crate::domain::rules::checklist::candidate::{counterpart, is_same_artifact, rejection_of};
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::rules::release_state::{is_released, release_state};
use crate::domain::world::registry::ImagesFrom;
use crate::domain::world::verdict::Verdict;
use crate::domain::world::{Environment, WorkloadState, World};
pub(in crate::domain::rules) use images::digests_of;
use images::{foreign_registry, images, other_repository};

/// What comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Incoming {
    pub(super) from: Origin,
    pub(super) revision: Revision,
    /// Where images come from here, in place of the environment before.
    pub(super) images_from: ImagesFrom,
    /// The registries that are asked whether they have it.
    pub(super) registries: Vec<String>,
}

impl Incoming {
    /// Returns the repository here that stands for one of the environment before.
    fn mapped(&self, source: &str) -> Option<String> {
        matches!(self.from, Origin::Before(_)).then(|| self.images_from.repository(source)).flatten()
    }

    fn new(env: &Environment, from: Origin, revision: Revision) -> Self {
        let registries = env.settings.registries.iter().map(|registry| registry.host.clone()).collect();
        Self { from, revision, images_from: env.settings.images_from.clone(), registries }
    }
}

/// Where what comes in was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The environment before has released it.
    Before(EnvName),
    /// Whoever asks for it named its digest: there is no environment before.
    Named,
}

impl Origin {
    fn describe(&self) -> String {
        match self {
            Self::Before(env) => format!("as {env} runs it"),
            Self::Named => "as it is named".to_owned(),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Before(env) => env.to_string(),
            Self::Named => "the image".to_owned(),
        }
    }
}

/// Returns what may be released into an environment, or why nothing can be: it has to be released in the one before. Into the
/// first one comes what was named by its digest.
pub(super) fn incoming(
    world: &World,
    env: &Environment,
    workload: &WorkloadState,
    now: Timestamp,
) -> Result<Incoming, Refusal> {
    let incoming = released_before(world, env, workload)?;
    unmeasured(world, env, workload, now).map_or(Ok(incoming), Err)
}

/// The same, whatever is measured there.
fn released_before(world: &World, env: &Environment, workload: &WorkloadState) -> Result<Incoming, Refusal> {
    if env.settings.images_from.is_withheld {
        let text = "./cockpit.toml is not trusted, and says where images come from here";
        return Err(Refusal::new(RefusalKind::Blind, text, "run `cockpit trust`"));
    }
    let Some(before) = world.way(env, &workload.id).before else {
        if let Some(revision) = &workload.named {
            return Ok(Incoming::new(env, Origin::Named, revision.clone()));
        }
        return Err(Refusal::state(
            format!("{} is the first environment: nothing is verified before it", env.name()),
            format!("name what comes in: cockpit release {} IMAGE@sha256:…", env.name()),
        ));
    };
    let revision = released_by(world, before, &workload.id)?;
    Ok(Incoming::new(env, Origin::Before(before.name().clone()), revision))
}

/// Returns what an environment has released of a workload, and may go on from there.
///
/// # Errors
/// Why nothing may.
pub(in crate::domain::rules) fn released_by(
    world: &World,
    before: &Environment,
    id: &WorkloadId,
) -> Result<Revision, Refusal> {
    let there = counterpart(before, id);
    let Some((there, status)) = there.and_then(|there| Some((there, there.status.as_ref()?))) else {
        let text = format!("{}: not seen what runs there", before.name());
        return Err(Refusal::new(RefusalKind::Blind, text, "it has to be released there first"));
    };
    let revision = status.stable.as_ref().filter(|_| is_released(world, before, &there.id));
    let Some(revision) = revision else {
        let state = release_state(world, before, &there.id);
        let state = state.map_or_else(|| "not known".to_owned(), |state| state.label());
        return Err(Refusal::state(
            format!("{} has nothing released to go on with: {state}", before.name()),
            "it has to be released there first",
        ));
    };
    if there.assessment.verdict == Verdict::NoGo {
        let why: Vec<&str> = there.assessment.describe().collect();
        let text = format!("{version} is NO-GO in {}: {}", before.name(), why.join("; "), version = revision.version());
        return Err(Refusal::new(RefusalKind::Gate, text, "roll it back there, or wait until it is within the limits"));
    }
    Ok(revision.clone())
}

/// Returns why what comes in is not known to do well in the environment before, where that is measured.
fn unmeasured(world: &World, env: &Environment, workload: &WorkloadState, now: Timestamp) -> Option<Refusal> {
    let before = world.way(env, &workload.id).before?;
    let there = counterpart(before, &workload.id).filter(|there| is_unmeasured(before, there, now))?;
    let why: Vec<&str> = there.assessment.describe().collect();
    let text = format!("how it does in {} is not known: {}", before.name(), why.join("; "));
    let remedy = "green when there is fresh data: send it requests, or correct the query; `prometheus = false` for an \
                  environment that is not measured";
    Some(Refusal::new(RefusalKind::Blind, text, remedy))
}

/// Whether an environment is measured and nothing is known of it now. Where too few requests are all that is wrong it is known
/// enough: it may be at rest.
fn is_unmeasured(env: &Environment, workload: &WorkloadState, now: Timestamp) -> bool {
    let is_quiet = || {
        let rate = workload.signals.reading(Track::Stable, Signal::Rps, now);
        let is_seen = workload.status.as_ref().is_some_and(|status| status.unseen.is_empty());
        is_seen && rate.is_ok_and(|rate| rate < env.settings.limits.min_rps)
    };
    env.settings.has_metrics && workload.assessment.verdict == Verdict::Blind && !is_quiet()
}

/// Returns what an image that is named by its digest comes to in an environment; `None` where it is what the environment
/// before has released.
///
/// # Errors
/// Why it is not to come in, or names nothing here.
pub fn named(world: &World, key: &WorkloadKey, image: &str) -> Result<Option<Revision>, Refusal> {
    let (parsed, digest) = by_digest(image)?;
    let Some((env, workload)) = world.find(key) else {
        return Err(Refusal::new(RefusalKind::NotSeen, format!("{key} is not watched"), ""));
    };
    if world.previous(env).is_none() {
        return first(workload, &parsed, digest).map(Some);
    }
    let Incoming { revision, .. } = released_before(world, env, workload)?;
    let is_there = revision.digests.values().any(|own| own == digest)
        || revision.all_images().any(|own| ImageRef::parse(own).digest == Some(digest));
    if is_there {
        return Ok(None);
    }
    let before = world.way(env, &workload.id).before;
    let before = before.map_or_else(String::new, |before| before.name().to_string());
    let text =
        format!("{before} has released {}, not {}@{}", revision.version(), parsed.version(), short_digest(digest));
    Err(Refusal::new(RefusalKind::Artifact, text, "what is promoted is what was verified there"))
}

/// Reads an image that is named by its digest.
fn by_digest(image: &str) -> Result<(ImageRef<'_>, &str), Refusal> {
    let parsed = ImageRef::parse(image);
    let refuse = |text: String| Refusal::new(RefusalKind::Artifact, text, "name it as REPOSITORY[:TAG]@sha256:…");
    let Some(digest) = parsed.digest else {
        return Err(refuse(format!("{image} names no digest: a tag may be another image by the time it is pulled")));
    };
    let is_sha = digest
        .strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.chars().all(|c| c.is_ascii_digit() || matches!(c, 'a'..='f')));
    if !is_sha {
        return Err(refuse(format!("{digest} is no digest: sha256: and 64 hexadecimal digits")));
    }
    if parsed.has_moving_tag() {
        return Err(refuse(format!("{image} has a tag that is moved: it would not tell which version runs")));
    }
    Ok((parsed, digest))
}

/// What comes into the first environment: its own containers, those of the image's repository with the digest that is named.
fn first(workload: &WorkloadState, image: &ImageRef<'_>, digest: &str) -> Result<Revision, Refusal> {
    let current = workload.status.as_ref().and_then(|status| status.canary.as_ref().or(status.stable.as_ref()));
    let Some(current) = current else {
        return Err(Refusal::new(RefusalKind::NotSeen, "not seen what runs here", ""));
    };
    let base = |repository: &str| repository.rsplit('/').next().unwrap_or_default().to_owned();
    let here: Vec<(&str, &str)> = current.containers().collect();
    let by = |is_it: &dyn Fn(&str) -> bool| -> Vec<&str> {
        let own = here.iter().filter(|(_, own)| is_it(ImageRef::parse(own).repository));
        own.map(|(name, _)| *name).collect()
    };
    let same = by(&|own| own == image.repository);
    // Environments may pull the same image from registries of their own.
    let similar = by(&|own| base(own) == base(image.repository));
    let refuse = |text: String| Refusal::new(RefusalKind::Artifact, text, "name an image of a container that is here");
    let repositories: std::collections::BTreeSet<&str> = here
        .iter()
        .filter(|(name, _)| similar.contains(name))
        .map(|(_, own)| ImageRef::parse(own).repository)
        .collect();
    let chosen = match (same.as_slice(), repositories.len()) {
        ([_, ..], _) => same,
        ([], 1) => similar,
        ([], 0) => {
            let list: Vec<&str> = here.iter().map(|(_, own)| *own).collect();
            return Err(refuse(format!("no container here runs {}: there are {}", image.repository, list.join(", "))));
        }
        ([], _) => {
            let list: Vec<&str> = repositories.into_iter().collect();
            return Err(refuse(format!("{} may be {}: name one of them", image.repository, list.join(" or "))));
        }
    };
    let tag = image.tag.map_or_else(String::new, |tag| format!(":{tag}"));
    let next = |(name, own): &(&str, &str)| {
        let repository = ImageRef::parse(own).repository;
        if chosen.contains(name) { format!("{repository}{tag}@{digest}") } else { (*own).to_owned() }
    };
    let images: Vec<String> = here.iter().map(next).collect();
    let (images, init_images) = images.split_at(current.images.len().min(images.len()));
    let revision = Revision {
        number: 0,
        hash: String::new(),
        replicaset: String::new(),
        images: images.to_vec(),
        init_images: init_images.to_vec(),
        names: current.names.clone(),
        digest: here.first().filter(|(name, _)| chosen.contains(name)).map(|_| digest.to_owned()),
        digests: chosen.iter().map(|name| ((*name).to_owned(), digest.to_owned())).collect(),
    };
    if let Some(refusal) = rejected(workload, &revision) {
        return Err(refusal);
    }
    Ok(revision)
}

/// What was rolled back or aborted here does not come in again by its digest (law 11).
fn rejected(workload: &WorkloadState, revision: &Revision) -> Option<Refusal> {
    let snapshot = workload.snapshot.as_ref()?;
    let is_it =
        |rs: &&ReplicaSet| workload.rejected.bars(&rs.hash) && is_same_artifact(&snapshot.revision(rs), revision);
    let set = snapshot.replicasets.iter().find(is_it);
    let gone = || rejection_of(&workload.rejected, revision).map(Rejection::version);
    let version = set.map(ReplicaSet::version).or_else(gone)?;
    let text = format!("{version} is rejected: it was rolled back or aborted here");
    Some(Refusal::new(RefusalKind::Rejected, text, "release another version"))
}

/// What comes in is what goes out already; or it went out, and does not go on by itself.
fn going_out(scene: &DraftContext<'_>, canary: &Revision) -> Refusal {
    let version = canary.version();
    let took_back = if scene.status.aborted { "aborted" } else { "rolled back" };
    if scene.status.aborted || scene.rejected.bars(&canary.hash) {
        let text = format!("{version} was {took_back} here, and is still in the manifest");
        return Refusal::new(RefusalKind::Rejected, text, "retry it, or roll it back and release another version");
    }
    Refusal::new(RefusalKind::NothingToDo, format!("{version} is going out here already"), "")
}

/// The manifest has it already: that it runs is another matter.
fn in_manifest(scene: &DraftContext<'_>, version: &str) -> Refusal {
    let workload = scene.snapshot.object.workload();
    if workload.has_unseen_template(&scene.snapshot.replicasets) {
        let (_, message) = workload.phase();
        let why = if message.is_empty() { "it has not taken it up".to_owned() } else { message };
        let text = format!("{version} is in the manifest, and the controller does not roll it out: {why}");
        return Refusal::state(text, "correct what it names, or roll back to what runs here");
    }
    Refusal::new(RefusalKind::NothingToDo, format!("{version} is what runs here"), "")
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
    if let Some(canary) = scene.status.canary.as_ref().filter(|canary| is_same_artifact(canary, &incoming.revision)) {
        return Err(going_out(scene, canary));
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
        return Err(in_manifest(scene, &version));
    }
    let mut goes: Vec<String> = images.iter().map(|next| format!("{}: {}", next.name, next.image)).collect();
    goes.extend(all.iter().zip(&images).filter_map(|(here, next)| foreign_registry(incoming, here, next)));
    goes.extend(all.iter().zip(&images).filter_map(|(here, next)| other_repository(here, next)));
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
        to: format!("{version}{digest}   {}", incoming.from.describe()),
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

#[cfg(test)]
pub(crate) mod tests;
