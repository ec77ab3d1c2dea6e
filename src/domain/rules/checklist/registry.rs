//! The registry check: the registries that images are pulled from have what comes in, by digest.
//!
//! A rollback never asks it; see [`gone`] for what is said there.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::builtin::BuiltinAnswer;
use super::candidate::{Candidate, CandidateState, is_same_artifact};
use crate::domain::facts::freshness::Link;
use crate::domain::facts::object::ImageRef;
use crate::domain::facts::registry::{Contents, Repository, Signatures, Stored, StoredImage};
use crate::domain::facts::text::duration;
use crate::domain::facts::workload::Revision;
use crate::domain::record::checklist::CheckOutcome;
use crate::domain::world::registry::{Looked, RegistryState};
use crate::domain::world::{Environment, WorkloadState, World};

/// Images that registries are asked about in one environment.
const MAX_IMAGES: usize = 64;
/// Earlier revisions of each workload that registries are asked about.
const MAX_EARLIER: usize = 2;

/// What a container is to be made of here.
struct Wanted<'a> {
    container: &'a str,
    repository: Repository,
    /// `None` where it is not known which one comes in.
    digest: Option<String>,
}

impl Wanted<'_> {
    fn image(&self) -> Option<StoredImage> {
        Some(StoredImage { repository: self.repository.clone(), reference: self.digest.clone()? })
    }
}

/// Returns the images that the registries of an environment are to be asked about: what comes in, and what a rollback goes
/// back to.
#[must_use]
pub fn questions(world: &World, env: &Environment) -> BTreeSet<StoredImage> {
    if env.registries.is_empty() {
        return BTreeSet::new();
    }
    let candidates = world.candidates(env);
    let comes_in = candidates.iter().flat_map(|candidate| going_out(world, env, candidate));
    let earlier = env.workloads.iter().flat_map(earlier);
    let earlier = earlier.flat_map(|revision| images_of(&revision).collect::<Vec<_>>());
    let earlier = earlier.filter(|image| env.registry_of(&image.repository).is_some());
    // Without an answer about all that comes in nothing may come in.
    comes_in.chain(tags(env)).chain(earlier.take(MAX_IMAGES)).collect()
}

/// What the tag of an environment names, in every repository that its images are in.
fn tags(env: &Environment) -> impl Iterator<Item = StoredImage> {
    let stable = env.workloads.iter().filter_map(|workload| workload.status.as_ref()?.stable.as_ref());
    let repositories = stable.flat_map(Revision::containers).map(|(_, image)| ImageRef::parse(image).repository);
    let repositories: BTreeSet<Repository> = repositories.map(Repository::parse).collect();
    let asked = repositories.into_iter().filter(|repository| env.registry_of(repository).is_some());
    let tag = env.settings.stable_tag.as_ref();
    asked.filter_map(move |repository| Some(StoredImage { repository, reference: tag?.clone() }))
}

/// Returns the images of a candidate that registries of an environment have to have.
#[must_use]
pub fn going_out(world: &World, env: &Environment, candidate: &Candidate) -> Vec<StoredImage> {
    let images = wanted(world, env, candidate).into_iter().filter_map(|wanted| wanted.image());
    images.filter(|image| env.registry_of(&image.repository).is_some()).collect()
}

/// Returns whether every registry of an environment has been asked about all of them, or cannot be.
#[must_use]
pub fn is_asked(world: &World, env: &Environment) -> bool {
    questions(world, env).iter().all(|image| {
        env.registry_of(&image.repository)
            .is_none_or(|registry| registry.link.why().is_some() || registry.answers.0.contains_key(image))
    })
}

/// The revisions that a rollback may go back to: what is stable, and the newest kept ones before it.
fn earlier(workload: &WorkloadState) -> Vec<Revision> {
    let (Some(snapshot), Some(status)) = (&workload.snapshot, &workload.status) else { return Vec::new() };
    let current = [&status.stable, &status.canary].map(|revision| revision.as_ref().map(|one| one.hash.as_str()));
    let is_earlier = |hash: &str| !current.contains(&Some(hash)) && !workload.rejected.bars(hash);
    let mut kept: Vec<_> = snapshot.replicasets.iter().filter(|set| is_earlier(&set.hash)).collect();
    kept.sort_by_key(|set| std::cmp::Reverse(set.revision()));
    let kept = kept.into_iter().take(MAX_EARLIER).map(|set| snapshot.revision(set));
    status.stable.iter().cloned().chain(kept).collect()
}

/// The images of a revision of this environment, by digest where that is known, else by tag.
fn images_of(revision: &Revision) -> impl Iterator<Item = StoredImage> {
    revision.containers().filter_map(|(container, image)| {
        let parsed = ImageRef::parse(image);
        let digest = parsed.digest.or_else(|| revision.digests.get(container).map(String::as_str));
        let reference = digest.or(parsed.tag)?.to_owned();
        Some(StoredImage { repository: Repository::parse(parsed.repository), reference })
    })
}

/// What a candidate is made of here.
fn wanted<'a>(world: &'a World, env: &'a Environment, candidate: &'a Candidate) -> Vec<Wanted<'a>> {
    let revision = &candidate.revision;
    let before = world.had_before(env, candidate).filter(|before| is_same_artifact(before, revision));
    let digest_of = |revision: &Revision, container: &str| {
        let (_, image) = revision.containers().find(|(name, _)| *name == container)?;
        let pinned = ImageRef::parse(image).digest.map(str::to_owned);
        pinned.or_else(|| revision.digests.get(container).cloned())
    };
    let here = |container: &str| {
        let own = candidate.stable.as_ref()?.containers().find(|(name, _)| *name == container)?.1;
        Some(ImageRef::parse(own).repository.to_owned())
    };
    let of = |(container, image): (&'a str, &'a str)| {
        let source = ImageRef::parse(image).repository;
        let comes_from_before = candidate.standing == CandidateState::Incoming && world.previous(env).is_some();
        let repository = comes_from_before
            .then(|| env.settings.images_from.repository(source).or_else(|| here(container)))
            .flatten()
            .unwrap_or_else(|| source.to_owned());
        let digest = digest_of(revision, container).or_else(|| digest_of(before?, container));
        Wanted { container, repository: Repository::parse(&repository), digest }
    };
    revision.containers().map(of).collect()
}

/// Answers for the artifact that a checklist is about, and for those of other workloads that go out beside it.
pub(super) fn registry(world: &World, env: &Environment, candidate: &Candidate, now: Timestamp) -> BuiltinAnswer {
    let others = world.candidates(env).into_iter().filter(|other| other.workload != candidate.workload);
    let others = others.map(|other| {
        let answer = registry_of(world, env, &other, now);
        BuiltinAnswer { summary: format!("{}: {}", other.workload.name, answer.summary), ..answer }
    });
    worst(std::iter::once(registry_of(world, env, candidate, now)).chain(others))
        .unwrap_or_else(|| BuiltinAnswer::new(CheckOutcome::Blind, "not seen yet", "the workload is seen"))
}

/// Answers for one workload, container by container.
pub(super) fn registry_of(world: &World, env: &Environment, candidate: &Candidate, now: Timestamp) -> BuiltinAnswer {
    let wanted = wanted(world, env, candidate);
    if wanted.is_empty() {
        let text = format!("{}: its containers are not known", candidate.version);
        return BuiltinAnswer::new(CheckOutcome::Blind, text, "the workload is seen");
    }
    let (asked, rest): (Vec<&Wanted<'_>>, _) =
        wanted.iter().partition(|wanted| env.registry_of(&wanted.repository).is_some());
    let answers =
        asked.iter().filter_map(|wanted| Some(of_container(env.registry_of(&wanted.repository)?, wanted, now)));
    let mut answer = worst(answers).unwrap_or_else(|| {
        let text = "no image of it is in a registry of [[registries]]";
        BuiltinAnswer::new(CheckOutcome::Passed, text, "")
    });
    answer.evidence.extend(rest.iter().map(|wanted| {
        format!("{}: {} is not in [[registries]], and is not asked", wanted.container, wanted.repository.host)
    }));
    answer
}

/// The gravest of some answers, with the evidence of all.
fn worst(answers: impl Iterator<Item = BuiltinAnswer>) -> Option<BuiltinAnswer> {
    let gravity = |answer: &BuiltinAnswer| match answer.found {
        CheckOutcome::Failed => 2,
        CheckOutcome::Blind => 1,
        CheckOutcome::Passed => 0,
    };
    answers.reduce(|one, other| {
        let (mut kept, mut left) = if gravity(&other) > gravity(&one) { (other, one) } else { (one, other) };
        kept.evidence.append(&mut left.evidence);
        kept
    })
}

fn of_container(registry: &RegistryState, wanted: &Wanted<'_>, now: Timestamp) -> BuiltinAnswer {
    let (container, host) = (wanted.container, &wanted.repository.host);
    let blind =
        |text: String| BuiltinAnswer::new(CheckOutcome::Blind, text, &format!("{host} says whether it has the digest"));
    let Some(image) = wanted.image() else {
        let text = format!("{container}: it is not known which digest comes in, so {host} cannot be asked");
        return BuiltinAnswer::new(CheckOutcome::Blind, text, "a pod of it is ready, or the template names the digest");
    };
    if let Some(why) = registry.link.why() {
        return blind(match &registry.link {
            Link::NotAsked(why) => why.clone(),
            _ => format!("{host}: {why}"),
        });
    }
    let Some(looked) = registry.answers.0.get(&image) else {
        return blind(format!("{host} has not answered yet about {} of {container}", image.short()));
    };
    if !looked.is_fresh(now) {
        let age = duration(now.duration_since(looked.at));
        return blind(format!("the answer of {host} about {} is {age} old", image.short()));
    }
    match &looked.stored {
        Stored::Unknown(why) => blind(format!("{host}: {why}")),
        Stored::Absent => {
            let text = format!("{} is not in {}", image.short(), image.repository);
            let wanted = "it is pushed there, or `images_from` of this environment names the repository that has it";
            let mut answer = BuiltinAnswer::new(CheckOutcome::Failed, text, wanted);
            answer.evidence.push(evidence(container, &image, looked, now));
            answer
        }
        Stored::Present(contents) => {
            let mut answer = of_contents(registry, &image, contents);
            answer.evidence.push(evidence(container, &image, looked, now));
            answer.evidence.extend(lines(contents));
            answer
        }
    }
}

fn of_contents(registry: &RegistryState, image: &StoredImage, contents: &Contents) -> BuiltinAnswer {
    let (short, repository) = (image.short(), &image.repository);
    if contents.lacks_all() {
        let text = format!("the index {short} is in {repository}, and none of the manifests that it lists");
        return BuiltinAnswer::new(CheckOutcome::Failed, text, "the image is pushed there with its platforms");
    }
    if registry.settings.require_signature {
        match &contents.signatures {
            Signatures::Listed(kinds) if kinds.is_empty() => {
                let text = format!("no signature of {short} is listed in {repository}");
                let wanted = "a signature or attestation is pushed there; it has to be listed, and is not verified";
                return BuiltinAnswer::new(CheckOutcome::Failed, text, wanted);
            }
            Signatures::Listed(kinds) => {
                let text = format!("{short} is in {repository}, {} listed (not verified)", kinds.join(", "));
                return BuiltinAnswer::new(CheckOutcome::Passed, text, "");
            }
            Signatures::NotAsked | Signatures::Unknown(_) => {
                let why = match &contents.signatures {
                    Signatures::Unknown(why) => why.as_str(),
                    _ => "not asked yet",
                };
                let text = format!("whether a signature of {short} is listed is not known: {why}");
                return BuiltinAnswer::new(CheckOutcome::Blind, text, &format!("{} lists them", repository.host));
            }
        }
    }
    BuiltinAnswer::new(CheckOutcome::Passed, format!("{short} is in {repository}"), "")
}

fn evidence(container: &str, image: &StoredImage, looked: &Looked, now: Timestamp) -> String {
    let age = duration(now.duration_since(looked.at));
    let word = if looked.stored == Stored::Absent { "is not in" } else { "is in" };
    format!("{container}: {} {word} {}, asked {age} ago", image.reference, image.repository)
}

/// The platforms and signatures of an image.
fn lines(contents: &Contents) -> Vec<String> {
    let platform = |missing: bool| {
        let found = contents.platforms.iter().filter(move |platform| platform.is_present != missing);
        let found: Vec<String> = found.map(|platform| platform.platform.to_string()).collect();
        (!found.is_empty()).then(|| found.join(", "))
    };
    let present = platform(false).map(|list| format!("platforms: {list}"));
    let missing = platform(true).map(|list| format!("listed in its index, and not there: {list}"));
    let signed = match &contents.signatures {
        Signatures::Listed(kinds) if !kinds.is_empty() => Some(format!("listed, not verified: {}", kinds.join(", "))),
        _ => None,
    };
    [present, missing, signed].into_iter().flatten().collect()
}

/// Says which images of a revision are known to be gone from their registries: a pod that has to pull one does not start.
#[must_use]
pub fn gone(env: &Environment, revision: &Revision, now: Timestamp) -> Vec<String> {
    let line = |image: StoredImage| {
        let looked = env.registry_of(&image.repository)?.answers.0.get(&image)?;
        let is_gone = looked.stored == Stored::Absent && looked.is_fresh(now);
        let age = duration(now.duration_since(looked.at));
        is_gone.then(|| {
            let (short, repository) = (image.short(), &image.repository);
            format!("{short} is gone from {repository} (asked {age} ago): a pod that has to pull it will not start")
        })
    };
    images_of(revision).filter_map(line).collect()
}
