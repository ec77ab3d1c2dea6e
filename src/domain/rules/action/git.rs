//! Promotion by a commit in the config repository, and the revert there after a rollback.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::owner::owner_key;
use super::plan::{Draft, Plan, PlanContext, read_only};
use crate::domain::facts::direction::Direction;
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::facts::manifest::{ManifestFormat, Place};
use crate::domain::facts::object::ImageRef;
use crate::domain::facts::owner::{Automation, Owned, OwnerKind, Reconciler};
use crate::domain::facts::registry::Repository;
use crate::domain::facts::workload::{Phase, Revision, Snapshot, Status};
use crate::domain::record::action::{
    Body, Facts, GitKey, GitRequest, KubernetesRequest, PlanRecord, Request, RestsOn, Target, Verb,
};
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::{Environment, WorkloadState, World};

/// A container whose image changes.
pub(super) struct Change {
    pub(super) place: Place,
    pub(super) from: String,
    pub(super) to: String,
}

/// Returns the facts of a file that a plan rests on: the images that it names.
#[must_use]
pub fn facts(key: &GitKey, images: &[String]) -> Facts {
    Facts {
        uid: key.to_string(),
        under_way: images.join(" "),
        stable: String::new(),
        step: None,
        paused: false,
        pauses: Vec::new(),
        phase: Phase::Healthy,
        aborted: false,
        flag: None,
    }
}

/// Makes a release a commit, where the environment is set up so; `None` where it is not.
pub(super) fn release(
    env: &Environment,
    workload: &WorkloadState,
    (snapshot, status): (&Snapshot, &Status),
    draft: Draft,
) -> Result<(Draft, Option<GitKey>), Refusal> {
    if env.settings.git.is_withheld {
        let text = "./cockpit.toml is not trusted, and says that a promotion here goes by git";
        return Err(Refusal::new(RefusalKind::Blind, text, "run `cockpit trust`"));
    }
    if !env.settings.git.is_configured() {
        return Ok((draft, None));
    }
    let Some(Request::Kubernetes(KubernetesRequest { body: Body::SetImages { images, .. }, .. })) =
        draft.requests.first()
    else {
        return Ok((draft, None));
    };
    let here = status.canary.as_ref().or(status.stable.as_ref());
    let here = here.ok_or_else(|| Refusal::new(RefusalKind::NotSeen, "not seen what runs here", ""))?;
    let next: Vec<(&str, &str)> = images.iter().map(|next| (next.name.as_str(), next.image.as_str())).collect();
    let changes = changes(env, workload, snapshot, (here, &next));
    if changes.is_empty() {
        let text = format!("{} is what runs here", draft.headline.trim_start_matches("release "));
        return Err(Refusal::new(RefusalKind::NothingToDo, text, ""));
    }
    if let Some(refusal) = shared_entry(env, workload, &changes).or_else(|| moved(&changes)) {
        return Err(refusal);
    }
    let key = key(env, workload, &changes);
    let commit = format!("{}: {} into {}", workload.id.name, draft.headline, env.name());
    let mut goes = lines(env, &key, &changes);
    goes.push(applied_by(snapshot.owned.as_ref()));
    goes.push("done once git, what applies it and the cluster name the same digest".to_owned());
    let images = changes.into_iter().map(|change| change.to).collect();
    let request = request(env, commit, images);
    let headline = match &env.settings.git.pull_request {
        Some(place) => format!("{} by {}", draft.headline, place.provider.noun()),
        None => format!("{} by git", draft.headline),
    };
    Ok((Draft { headline, goes, requests: vec![request.into()], mark: None, ..draft }, Some(key)))
}

/// A commit names another version, and finds its place in the file by the repository.
fn moved(changes: &[Change]) -> Option<Refusal> {
    let repository = |image: &'_ str| Repository::parse(ImageRef::parse(image).repository);
    let change = changes.iter().find(|change| repository(&change.from) != repository(&change.to))?;
    let (from, to) = (repository(&change.from), repository(&change.to));
    let text = format!("{} comes from {to} by `images_from`, and git names {from}", change.place.container);
    Some(Refusal::state(text, "name that repository in git first; from then on releases change the version only"))
}

/// Returns why one entry of the file would change other workloads, too, for which no gate was asked (law 1).
fn shared_entry(env: &Environment, workload: &WorkloadState, changes: &[Change]) -> Option<Refusal> {
    if env.settings.git.format == ManifestFormat::Plain {
        return None;
    }
    let other = shares_image(env, workload, changes)?;
    let text = format!("{} names the image of {}, too: a commit would release both", env.settings.git.path, other.id);
    Some(Refusal::new(RefusalKind::Gate, text, "give it an image or a file of its own"))
}

/// Returns another workload of the environment that runs one of the images that change.
pub(super) fn shares_image<'a>(
    env: &'a Environment,
    workload: &WorkloadState,
    changes: &[Change],
) -> Option<&'a WorkloadState> {
    let runs = |other: &&WorkloadState| {
        let status = other.status.as_ref();
        let revisions = status.into_iter().flat_map(|status| [&status.stable, &status.canary]).flatten();
        let mut images = revisions.flat_map(Revision::all_images).map(|image| ImageRef::parse(image).repository);
        images.any(|repository| changes.iter().any(|change| change.place.repository == repository))
    };
    env.workloads.iter().filter(|other| other.id != workload.id).find(runs)
}

/// Sets what a plan is about: the file in place of the workload, on which it rests as well.
pub(super) fn by_commit(record: &mut PlanRecord, key: GitKey, named: &[String]) {
    let here = RestsOn { target: record.target.clone(), facts: record.facts.clone() };
    record.facts = facts(&key, named);
    record.target = Target::Git(key);
    record.resource_version = String::new();
    record.rests_on.push(here);
}

/// Returns the images that git names at the places of a file, if the cluster is as git says.
pub(super) fn named_now(key: &GitKey, status: &Status) -> Vec<String> {
    let here = status.canary.as_ref().or(status.stable.as_ref());
    let image = |place: &Place| {
        let mut found = here.into_iter().flat_map(Revision::containers);
        found.find(|(name, _)| *name == place.container).map_or_else(String::new, |(_, image)| image.to_owned())
    };
    key.places.iter().map(image).collect()
}

/// Returns why a commit would not bring the release to users, or would bring more than that.
pub(super) fn in_the_way(snapshot: &Snapshot, env: &Environment, now: Timestamp) -> Option<Refusal> {
    let owned = snapshot.owned.as_ref()?;
    let Some(found) = owned.reconciler() else {
        let is_wanted = owned.found.is_some() || owned.is_read();
        let remedy = if is_wanted { "it has to be readable: see [argo_cd] in the config" } else { "wait a moment" };
        let text = format!("{}: {}", owned.owner, owned.describe(now));
        return owned.owner.kind.resource().map(|_| Refusal::new(RefusalKind::Blind, text, remedy));
    };
    if matches!(found.automation, Automation::Suspended(_)) {
        let text = format!("{} is {}: it applies no commit", owned.owner, owned.describe(now));
        return Some(Refusal::state(text, format!("cockpit owner {} --resume", env.name())));
    }
    if owned.owner.kind != OwnerKind::ArgoCd {
        return None;
    }
    waits_in_git(found).map(|(kind, why)| {
        let text = format!("{}: {why}", owned.owner);
        Refusal::new(kind, text, "sync it, or take it out of git first")
    })
}

/// What else waits in git would come along with a commit, and nobody judged that (law 1): all of the application counts.
fn waits_in_git(found: &Reconciler) -> Option<(RefusalKind, String)> {
    let brings = "a commit would bring that to users, too";
    if !found.lists_it {
        let why = "it does not list this workload: what else a commit would bring is not known".to_owned();
        return Some((RefusalKind::Blind, why));
    }
    match (found.in_sync, found.differs.as_deref()) {
        (Some(false), _) => Some((RefusalKind::Gate, format!("{}; {brings}", found.agreement()))),
        (_, Some(differs)) if !differs.is_empty() => {
            let shown: Vec<&str> = differs.iter().take(3).map(String::as_str).collect();
            let more = if differs.len() > shown.len() { ", …" } else { "" };
            let why = format!("git does not match the cluster in {}{more}; {brings}", shown.join(", "));
            Some((RefusalKind::Gate, why))
        }
        (_, None) => Some((RefusalKind::Blind, found.agreement())),
        (None, _) if !found.ignores_some => Some((RefusalKind::Blind, found.agreement())),
        (Some(true) | None, Some(_)) => None,
    }
}

fn applied_by(owned: Option<&Owned>) -> String {
    let Some(owned) = owned else {
        return "nothing is seen that applies it: somebody, or a pipeline, has to".to_owned();
    };
    match owned.reconciler().map(|found| &found.automation) {
        Some(Automation::Manual) => format!("{} is synced by hand: sync it after the commit", owned.owner),
        _ => format!("{} applies it", owned.owner),
    }
}

/// What is written where, in words.
fn lines(env: &Environment, key: &GitKey, changes: &[Change]) -> Vec<String> {
    let mut lines = vec![format!("commit to {} of {}: {}", key.branch, key.repository, key.file)];
    if let Some(place) = &env.settings.git.pull_request {
        let noun = place.provider.noun();
        lines.push(format!("by a {noun} of {place}: nothing changes before people merge it there"));
    }
    let each = changes.iter().map(|change| format!("{}: {} → {}", change.place.container, change.from, change.to));
    lines.extend(each);
    lines
}

fn request(env: &Environment, commit: String, images: Vec<String>) -> GitRequest {
    let pull_request = env.settings.git.pull_request.clone();
    GitRequest { commit, images, action: None, by: None, pull_request, is_revert: false }
}

fn key(env: &Environment, workload: &WorkloadState, changes: &[Change]) -> GitKey {
    let git = &env.settings.git;
    GitKey {
        env: env.name().clone(),
        repository: git.repository.clone(),
        branch: git.branch.clone(),
        file: git.path.clone(),
        names: workload.id.clone(),
        places: changes.iter().map(|change| change.place.clone()).collect(),
    }
}

/// Returns the containers whose image changes; one whose pods run the digest already stays as it is.
pub(super) fn changes(
    env: &Environment,
    workload: &WorkloadState,
    snapshot: &Snapshot,
    (here, next): (&Revision, &[(&str, &str)]),
) -> Vec<Change> {
    let key = WorkloadKey { env: env.name().clone(), workload: workload.id.clone() };
    let template =
        snapshot.owned.as_ref().map_or_else(|| workload.id.clone(), |owned| owner_key(&key, owned, snapshot).template);
    let mut changes = Vec::new();
    for (name, from) in here.containers() {
        let Some((_, to)) = next.iter().find(|(other, _)| *other == name) else { continue };
        let digest = ImageRef::parse(to).digest;
        let runs_it = digest.is_some() && here.digests.get(name).map(String::as_str) == digest;
        if *to == from || runs_it {
            continue;
        }
        let place = Place {
            kind: template.kind.kind().to_owned(),
            name: template.name.clone(),
            container: name.to_owned(),
            repository: ImageRef::parse(to).repository.to_owned(),
        };
        changes.push(Change { place, from: from.to_owned(), to: (*to).to_owned() });
    }
    changes
}

/// Returns the plan of the commit by which git names again what a rollback went back to.
///
/// # Errors
/// Why not; never empty.
pub(super) fn plan_revert(world: &World, key: &WorkloadKey, around: &PlanContext) -> Result<Plan, Vec<Refusal>> {
    let found = world
        .find(key)
        .and_then(|(env, workload)| Some((env, workload, workload.snapshot.as_ref()?, workload.status.as_ref()?)));
    let Some((env, workload, snapshot, status)) = found else {
        return Err(vec![Refusal::new(RefusalKind::NotSeen, format!("{key} is not seen"), "")]);
    };
    let mut refusals = read_only(env);
    if !env.settings.git.is_configured() {
        refusals.push(Refusal::state(
            format!("{} has no file in git", env.name()),
            "revert it by hand, or set [git] in the config",
        ));
        return Err(refusals);
    }
    let Some((bad, good)) = rolled_back(workload, snapshot, status) else {
        refusals.push(Refusal::new(RefusalKind::NothingToDo, "nothing was rolled back here", ""));
        return Err(refusals);
    };
    let next: Vec<(&str, &str)> = good.containers().collect();
    let changes = changes_back(env, workload, snapshot, (&bad, &next));
    if changes.is_empty() {
        // The manifest has something else that is bad, and would put it back.
        let text = "both versions have the same images: what differs in git is something else";
        refusals.push(Refusal::state(text, "revert it by hand"));
    }
    refusals.extend(shared_entry(env, workload, &changes));
    let target = self::key(env, workload, &changes);
    if around.in_flight.iter().any(|other| other.target == Target::Git(target.clone())) {
        refusals.push(Refusal::new(RefusalKind::InFlight, "another action is in progress", "wait for its outcome"));
    }
    if refusals.is_empty() {
        Ok(Plan::of(revert(env, workload, (target, &changes), (&bad, &good)), around.now, None))
    } else {
        Err(refusals)
    }
}

/// The same containers, by what the manifest names: a rollback restores that, tag or digest.
fn changes_back(
    env: &Environment,
    workload: &WorkloadState,
    snapshot: &Snapshot,
    (bad, next): (&Revision, &[(&str, &str)]),
) -> Vec<Change> {
    let by_name = Revision { digests: std::collections::BTreeMap::new(), ..bad.clone() };
    changes(env, workload, snapshot, (&by_name, next))
}

/// Returns the revision that was rejected last, and the one that users are given instead.
fn rolled_back(workload: &WorkloadState, snapshot: &Snapshot, status: &Status) -> Option<(Revision, Revision)> {
    let good = status.canary.as_ref().or(status.stable.as_ref()).cloned()?;
    let rejected: BTreeSet<(u64, &str)> = snapshot
        .replicasets
        .iter()
        .filter(|set| set.hash != good.hash && workload.rejected.contains(&set.hash))
        .map(|set| (set.revision(), set.hash.as_str()))
        .collect();
    if workload.rejected.contains(&good.hash) {
        return None;
    }
    let (_, hash) = rejected.last()?;
    Some((snapshot.revision(snapshot.replicaset(hash)?), good))
}

fn revert(
    env: &Environment,
    workload: &WorkloadState,
    (key, changes): (GitKey, &[Change]),
    (bad, good): (&Revision, &Revision),
) -> PlanRecord {
    let from: Vec<String> = changes.iter().map(|change| change.from.clone()).collect();
    let to: Vec<String> = changes.iter().map(|change| change.to.clone()).collect();
    let commit = format!("{}: back to {} in {}", workload.id.name, good.version(), env.name());
    PlanRecord {
        verb: Verb::Revert,
        direction: Some(Direction::Backward),
        context: env.settings.context.clone(),
        namespace: env.settings.namespace.clone(),
        cluster: env.cluster.clone(),
        release: format!("{} {}", workload.id.name, bad.version()),
        headline: format!("revert {} to {} in git", bad.version(), good.version()),
        from: bad.version(),
        to: good.version(),
        goes: lines(env, &key, changes),
        skips: Vec::new(),
        not_undone: Vec::new(),
        requests: vec![GitRequest { is_revert: true, ..request(env, commit, to.clone()) }.into()],
        facts: facts(&key, &from),
        target: Target::Git(key),
        rests_on: Vec::new(),
        gates_asked: Vec::new(),
        lane: None,
        resource_version: String::new(),
        picture_at: env.kubernetes().at,
        from_hash: Some(bad.hash.clone()),
        from_images: from,
        to_hash: Some(good.hash.clone()),
        to_images: to,
        to_template: None,
        restart_at: None,
        mark: None,
        automatic: None,
    }
}

/// Says what is left to do where git could not be made to name what a rollback went back to.
#[must_use]
pub fn still_to_revert(env: &Environment, why: &str) -> String {
    let git = &env.settings.git;
    format!(
        "{name}: git still has to be reverted ({why}): `cockpit owner {name} --revert`, or by hand in {} on {} of {}; until \
         then its owner stays suspended",
        git.path,
        git.branch,
        git.repository,
        name = env.name(),
    )
}

/// Says that a rollback is not in git before people merge it.
#[must_use]
pub fn reverted_once_merged(env: &Environment, shows: &str) -> String {
    let name = env.name();
    format!(
        "{name}: users have the earlier version, git does NOT say so yet: {shows}; until it is merged its owner stays suspended"
    )
}
