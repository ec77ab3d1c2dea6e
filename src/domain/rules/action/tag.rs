//! The tag that names in registries what serves everybody in an environment: it follows a release that has come to its end, and
//! a rollback that is done, and is never moved before.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::plan::{Plan, PlanContext, read_only, unfit_to_go_on};
use super::seen::served_besides;
use super::seen_tag::named;
use crate::domain::facts::direction::Direction;
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::facts::object::ImageRef;
use crate::domain::facts::registry::{Repository, Stored, StoredImage, is_digest};
use crate::domain::facts::workload::{Phase, Revision};
use crate::domain::record::action::{Facts, PlanRecord, TagKey, TagRequest, Target, Verb};
use crate::domain::rules::checklist::against_served;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::rules::release_state::{ReleaseState, release_state};
use crate::domain::world::{Environment, WorkloadState, World};

/// What serves everybody in an environment.
struct Served<'a> {
    revision: &'a Revision,
    /// The version that was taken back before it, where it was.
    taken_back: Option<String>,
}

/// What the images of a revision are called in the registries that are asked.
struct Images {
    /// The digest in each repository.
    digests: BTreeMap<Repository, String>,
    /// What is left alone, in words.
    left_alone: Vec<String>,
}

/// Returns the tag that follows a workload, where one is configured.
#[must_use]
pub fn tag_of(world: &World, key: &WorkloadKey) -> Option<TagKey> {
    let (env, _) = world.find(key)?;
    let tag = env.settings.stable_tag.clone()?;
    Some(TagKey { env: key.env.clone(), tag, follows: key.workload.clone() })
}

/// Returns the plan that lets the tag name what serves everybody.
///
/// # Errors
/// Why not; never empty.
pub(super) fn plan(world: &World, key: &TagKey, around: &PlanContext) -> Result<Plan, Vec<Refusal>> {
    let Some((env, workload)) = world.find(&key.workload_key()) else {
        return Err(vec![Refusal::new(RefusalKind::NotSeen, format!("{} is not watched", key.follows), "")]);
    };
    let mut refusals = read_only(env);
    if env.settings.stable_tag.as_ref() != Some(&key.tag) {
        let text = format!("no tag `{}` follows {}", key.tag, env.name());
        refusals.push(Refusal::state(text, "set `stable_tag` of the environment"));
        return Err(refusals);
    }
    let served = match served(world, env, workload) {
        Ok(served) => served,
        Err(refusal) => {
            refusals.push(refusal);
            return Err(refusals);
        }
    };
    let target = Target::Tag(key.clone());
    if around.in_flight.iter().any(|other| other.target == target) {
        refusals.push(Refusal::new(RefusalKind::InFlight, "the tag is being moved", "wait for the outcome"));
    }
    // It names only what is seen to serve, also after a rollback: a disk alone holds up only what names a new version.
    let is_back = served.taken_back.is_some();
    let journal_broken = around.journal_broken.clone().filter(|_| !is_back);
    refusals.extend(unfit_to_go_on(env, &PlanContext { journal_broken, ..around.clone() }));
    if !is_back {
        refusals.extend(against_served(world, env, workload, around.now));
    }
    let images = images(env, served.revision).map_err(|refusal| refusals.push(refusal)).ok();
    let mut requests = Vec::new();
    for (repository, digest) in images.iter().flat_map(|images| &images.digests) {
        match names_now(env, repository, &key.tag, around.now) {
            Ok(was) if was.as_ref() == Some(digest) => {}
            Ok(was) => {
                let (repository, tag, digest) = (repository.clone(), key.tag.clone(), digest.clone());
                requests.push(TagRequest { repository, tag, digest, was });
            }
            Err(refusal) => refusals.push(refusal),
        }
    }
    match images {
        Some(images) if refusals.is_empty() && !requests.is_empty() => {
            let record = record((env, workload), key, &served, (images, requests));
            record.map(|record| Plan::of(record, around.now, None)).map_err(|refusal| vec![refusal])
        }
        Some(images) if refusals.is_empty() => {
            let each: Vec<String> = images
                .digests
                .iter()
                .map(|(repository, digest)| format!("{repository} {}", named(Some(digest))))
                .collect();
            let text = format!("{} names {} already: {}", key.tag, served.revision.version(), each.join(", "));
            Err(vec![Refusal::new(RefusalKind::NothingToDo, text, "")])
        }
        _ => Err(refusals),
    }
}

/// Returns what serves everybody where nothing is in progress and nobody rejected it.
fn served<'a>(world: &World, env: &Environment, workload: &'a WorkloadState) -> Result<Served<'a>, Refusal> {
    let not_seen = || Refusal::new(RefusalKind::NotSeen, format!("{}: not seen what runs there", env.name()), "");
    let status = workload.status.as_ref().ok_or_else(not_seen)?;
    let state = release_state(world, env, &workload.id).ok_or_else(not_seen)?;
    let name = env.name();
    let wait = "it is moved once a version serves everybody and nothing is in progress";
    if !state.is_settled() || status.canary.is_some() {
        return Err(Refusal::state(format!("{name}: {}", state.label()), wait));
    }
    let stable = status.stable.as_ref().ok_or_else(not_seen)?;
    if !status.serving.is_all(&stable.hash) {
        return Err(Refusal::state(format!("{name}: {}", served_besides(&status.serving, &stable.hash)), wait));
    }
    if status.phase != Phase::Healthy {
        return Err(Refusal::state(format!("{name} is {}", status.phase), wait));
    }
    // A template that is no revision yet is on its way.
    let snapshot = workload.snapshot.as_ref().ok_or_else(not_seen)?;
    let object = snapshot.object.workload();
    if !object.observed() || object.has_unseen_template(&snapshot.replicasets) {
        return Err(Refusal::state(format!("{name}: the controller has not taken up the last change"), wait));
    }
    if workload.rejected.bars(&stable.hash) {
        let text = format!("{} was rolled back or aborted in {name}", stable.version());
        return Err(Refusal::new(RefusalKind::Rejected, text, "a rejected version is never named"));
    }
    let taken_back = match state {
        ReleaseState::RolledBack(back) => Some(back.from),
        _ => None,
    };
    Ok(Served { revision: stable, taken_back })
}

/// Returns the digests of a revision's images, as its template names them or all its pods run them.
fn images(env: &Environment, revision: &Revision) -> Result<Images, Refusal> {
    let mut found = Images { digests: BTreeMap::new(), left_alone: Vec::new() };
    for (index, (container, image)) in revision.containers().enumerate() {
        let parsed = ImageRef::parse(image);
        let repository = Repository::parse(parsed.repository);
        if env.registry_of(&repository).is_none() {
            let text = format!("{container}: {} is not in [[registries]]", repository.host);
            if index == 0 {
                return Err(Refusal::state(text, "add it there: the tag is moved in that registry"));
            }
            found.left_alone.push(format!("{text}, and is left alone"));
            continue;
        }
        let digest = parsed.digest.or_else(|| revision.digests.get(container).map(String::as_str));
        let Some(digest) = digest.filter(|digest| is_digest(digest)) else {
            let text = format!("{container}: it is not known which digest all its pods run");
            return Err(Refusal::new(RefusalKind::Blind, text, "its pods are ready, or the template names the digest"));
        };
        match found.digests.get(&repository) {
            Some(other) if other != digest => {
                let (one, other) = (named(Some(digest)), named(Some(other)));
                let text = format!("{repository}: containers run {one} and {other} of it, and a tag names one");
                return Err(Refusal::state(text, "let them run the same, or leave `stable_tag` out"));
            }
            _ => _ = found.digests.insert(repository, digest.to_owned()),
        }
    }
    Ok(found)
}

/// Returns what a tag names, by a fresh answer of its registry; `None` where there is no such tag.
fn names_now(env: &Environment, repository: &Repository, tag: &str, now: Timestamp) -> Result<Option<String>, Refusal> {
    let host = &repository.host;
    let blind =
        |why: String| Refusal::new(RefusalKind::Blind, why, format!("{host} says what {repository}:{tag} names"));
    let registry = env.registry_of(repository).ok_or_else(|| blind(format!("{host} is not asked")))?;
    if let Some(why) = registry.link.why() {
        return Err(blind(format!("{host}: {why}")));
    }
    let image = StoredImage { repository: repository.clone(), reference: tag.to_owned() };
    let looked = registry.answers.0.get(&image).filter(|looked| looked.is_fresh(now));
    let looked = looked.ok_or_else(|| blind(format!("{host} has not answered yet about {repository}:{tag}")))?;
    match &looked.stored {
        Stored::Absent => Ok(None),
        Stored::Present(contents) => match &contents.digest {
            Some(digest) => Ok(Some(digest.clone())),
            None => Err(blind(format!("{host} does not say what {repository}:{tag} names"))),
        },
        Stored::Unknown(why) => Err(blind(format!("{host}: {why}"))),
    }
}

fn record(
    (env, workload): (&Environment, &WorkloadState),
    key: &TagKey,
    served: &Served<'_>,
    (images, requests): (Images, Vec<TagRequest>),
) -> Result<PlanRecord, Refusal> {
    let Served { revision, taken_back } = served;
    let snapshot = workload.snapshot.as_ref();
    let snapshot = snapshot.ok_or_else(|| Refusal::new(RefusalKind::NotSeen, "not seen what runs there", ""))?;
    let version = revision.version();
    let of_each = |digest: &dyn Fn(&TagRequest) -> String| {
        let each: Vec<String> = requests.iter().map(|one| format!("{} {}", one.repository, digest(one))).collect();
        each.join(", ")
    };
    let mut goes = vec![match taken_back {
        Some(bad) => {
            format!("{} was rolled back from {bad}: {} names what serves everybody again", env.name(), key.tag)
        }
        None => format!("whatever is pulled by {} is {version} from then on", key.tag),
    }];
    goes.extend(images.left_alone);
    let release = taken_back.as_ref().unwrap_or(&version);
    Ok(PlanRecord {
        verb: Verb::MoveTag,
        direction: Some(if taken_back.is_some() { Direction::Backward } else { Direction::Forward }),
        target: Target::Tag(key.clone()),
        context: env.settings.context.clone(),
        namespace: env.settings.namespace.clone(),
        cluster: env.cluster.clone(),
        release: format!("{} {release}", key.follows.name),
        headline: format!("move tag {} to {version}", key.tag),
        from: of_each(&|request| named(request.was.as_deref())),
        to: of_each(&|request| named(Some(&request.digest))),
        goes,
        skips: Vec::new(),
        not_undone: Vec::new(),
        requests: requests.iter().cloned().map(Into::into).collect(),
        facts: Facts::of(&snapshot.object),
        rests_on: Vec::new(),
        gates_asked: Vec::new(),
        lane: None,
        // Nothing at a registry is conditional.
        resource_version: String::new(),
        picture_at: env.kubernetes().at,
        from_hash: None,
        from_images: Vec::new(),
        to_hash: Some(revision.hash.clone()),
        to_images: revision.images.clone(),
        to_template: None,
        restart_at: None,
        mark: None,
        automatic: None,
    })
}

#[cfg(test)]
mod tests;
