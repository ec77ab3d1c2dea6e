//! The artifact check ([law 2](crate#laws)): what comes in is what the environment before runs, by digest, container by
//! container.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::builtin::BuiltinAnswer;
use super::candidate::{Candidate, CandidateState, counterpart};
use crate::domain::facts::object::{ImageRef, short_digest};
use crate::domain::facts::pod::Pod;
use crate::domain::facts::text::{duration, plural};
use crate::domain::facts::workload::Snapshot;
use crate::domain::record::checklist::CheckOutcome;
use crate::domain::world::{Environment, WorkloadState, World};

/// What pods run in one container of the template.
#[derive(Debug, Default, PartialEq, Eq)]
struct ContainerDigests {
    /// How many ready pods run each digest.
    pods: BTreeMap<String, usize>,
    /// How many ready pods do not say what they run.
    untold: usize,
}

impl ContainerDigests {
    fn of<'a>(container: &str, pods: impl Iterator<Item = &'a Pod>) -> Self {
        let mut found = Self::default();
        for pod in pods.filter(|pod| pod.is_ready()) {
            match pod.digests.get(container) {
                Some(digest) => *found.pods.entry(digest.clone()).or_insert(0) += 1,
                None => found.untold += 1,
            }
        }
        found
    }

    fn all(&self) -> usize {
        self.pods.values().sum::<usize>() + self.untold
    }

    fn listed(&self, place: &str, container: &str) -> Vec<String> {
        let line = |(digest, pods): (&String, &usize)| {
            format!("{place}: {} run {digest} as {container}", plural(*pods, "pod"))
        };
        self.pods.iter().map(line).collect()
    }
}

/// Compares the artifact that a checklist is about, and those of other workloads that go out beside it.
pub(super) fn artifact(world: &World, env: &Environment, candidate: &Candidate, now: Timestamp) -> BuiltinAnswer {
    let own = artifact_of(world, env, candidate, now);
    if own.found == CheckOutcome::Failed {
        return own;
    }
    let others = world.candidates(env).into_iter().filter(|other| other.workload != candidate.workload);
    let bad = others
        .map(|other| {
            let answer = artifact_of(world, env, &other, now);
            BuiltinAnswer { summary: format!("{}: {}", other.workload.name, answer.summary), ..answer }
        })
        .filter(|answer| answer.found != CheckOutcome::Passed)
        .min_by_key(|answer| answer.found == CheckOutcome::Blind);
    match bad {
        Some(other) if own.found == CheckOutcome::Passed || other.found == CheckOutcome::Failed => other,
        _ => own,
    }
}

/// Compares the artifact of one workload.
pub(super) fn artifact_of(world: &World, env: &Environment, candidate: &Candidate, now: Timestamp) -> BuiltinAnswer {
    let images = || candidate.revision.all_images();
    if let Some(image) = images().find(|image| ImageRef::parse(image).is_mutable_latest()) {
        return BuiltinAnswer::new(
            CheckOutcome::Failed,
            format!("image {image} uses a mutable tag"),
            "it is deployed by digest or by a version tag",
        );
    }
    let workload = env.workload(&candidate.workload);
    let snapshot = workload.and_then(|workload| workload.snapshot.as_deref());
    let mut answer = runs_here(env, candidate, snapshot);
    if answer.found == CheckOutcome::Passed {
        if let Some(before) = world.before_of(env, candidate) {
            let own = std::mem::take(&mut answer.evidence);
            answer = same_as_before(before, candidate, snapshot, now);
            answer.evidence.splice(0..0, own);
        }
    }
    answer.evidence.splice(0..0, images().map(|image| format!("image {image}")));
    answer
}

/// Pods of the candidate here, where it is here.
fn own_pods<'a>(candidate: &'a Candidate, snapshot: Option<&'a Snapshot>) -> Vec<&'a Pod> {
    if candidate.standing == CandidateState::Incoming {
        return Vec::new();
    }
    snapshot.map(|snapshot| snapshot.pods_of(&candidate.revision.hash).collect()).unwrap_or_default()
}

/// Whether the pods of the candidate here agree on what they run.
fn runs_here(env: &Environment, candidate: &Candidate, snapshot: Option<&Snapshot>) -> BuiltinAnswer {
    let name = env.name().as_str();
    let pods = own_pods(candidate, snapshot);
    let mut evidence = Vec::new();
    let mut main = None;
    for (container, _) in candidate.revision.containers() {
        let here = ContainerDigests::of(container, pods.iter().copied());
        evidence.extend(here.listed(name, container));
        if here.pods.len() > 1 {
            let mut answer = BuiltinAnswer::new(
                CheckOutcome::Failed,
                format!(
                    "{container}: pods of one revision run {} different digests: the tag was moved",
                    here.pods.len()
                ),
                "all replicas run one digest: deploy it by digest",
            );
            answer.evidence = evidence;
            return answer;
        }
        if here.untold > 0 {
            let text =
                format!("{container}: {} of {name} do not say which digest they run", plural(here.untold, "ready pod"));
            return BuiltinAnswer::new(CheckOutcome::Blind, text, "the digest of every container is known");
        }
        main = main.or_else(|| here.pods.into_iter().next());
    }
    evidence.extend(injected(&pods, candidate));
    let summary = match main {
        Some((digest, pods)) => format!("{} on {}", short_digest(&digest), plural(pods, "pod")),
        None if pods.is_empty() => format!("{}: no pod runs it here yet", candidate.version),
        None => format!("{}: none of its pods is ready here yet", candidate.version),
    };
    let mut answer = BuiltinAnswer::new(CheckOutcome::Passed, summary, "");
    answer.evidence = evidence;
    answer
}

/// Containers that are in pods and not in the template, e.g. the sidecar of a mesh: they are no part of the release.
fn injected(pods: &[&Pod], candidate: &Candidate) -> Vec<String> {
    let mut found: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let is_own = |name: &str| candidate.revision.containers().any(|(own, _)| own == name);
    for (name, digest) in pods.iter().flat_map(|pod| &pod.digests).filter(|(name, _)| !is_own(name)) {
        *found.entry((name, digest)).or_insert(0) += 1;
    }
    let line = |((name, digest), pods): (&(&str, &str), &usize)| {
        format!("injected, not compared: {name} {} in {}", short_digest(digest), plural(*pods, "pod"))
    };
    found.iter().map(line).collect()
}

fn same_as_before(
    before: &Environment,
    candidate: &Candidate,
    snapshot: Option<&Snapshot>,
    now: Timestamp,
) -> BuiltinAnswer {
    let name = before.name();
    let wanted = format!("all pods of {name} run one digest, and it is the digest being released");
    let blind = |text: String, wanted: &str| BuiltinAnswer::new(CheckOutcome::Blind, text, wanted);
    let heard = before.kubernetes();
    if !heard.is_fresh(now) {
        let age = heard.age(now).map_or_else(|| "was never seen".to_owned(), |age| format!("is {} old", duration(age)));
        return blind(format!("state of {name} {age}"), &format!("{name} answers"));
    }
    let counterpart = counterpart(before, &candidate.workload);
    if counterpart.is_some_and(|workload| workload.missing) {
        let text = format!("{name} does not run {}", candidate.workload);
        return BuiltinAnswer::new(CheckOutcome::Failed, text, &wanted);
    }
    let Some(there) = counterpart.and_then(|workload| workload.snapshot.as_ref()) else {
        return blind(format!("{} of {name} is not seen yet", candidate.workload), &wanted);
    };
    let mut ready = there.pods.iter().filter(|pod| pod.is_ready()).peekable();
    if ready.peek().is_some() && ready.all(|pod| pod.digests.is_empty()) {
        return blind(format!("pods of {name} do not say which digest they run"), &wanted);
    }
    let own = own_pods(candidate, snapshot);
    let mut evidence = Vec::new();
    let mut summary = None;
    for (container, image) in candidate.revision.containers() {
        let here = ContainerDigests::of(container, own.iter().copied());
        let pinned = || ImageRef::parse(image).digest.map(str::to_owned);
        let digest = here.pods.into_keys().next().or_else(pinned);
        let there = ContainerDigests::of(container, there.pods.iter());
        evidence.extend(there.listed(name.as_str(), container));
        let settled = runs(counterpart, candidate);
        let mut answer = match elsewhere(counterpart, (container, image)).filter(|_| digest.is_none() && settled) {
            Some(theirs) => blind(
                format!("{container}: which digest {image} is, is not known, and {name} has {theirs}"),
                &format!("a pod of it runs here, or the template names a digest that {name} runs"),
            ),
            None => compare((container, image), digest.as_deref(), &there, name.as_str(), &wanted, settled),
        };
        if answer.found != CheckOutcome::Passed {
            answer.evidence = evidence;
            return answer;
        }
        summary.get_or_insert(answer.summary);
    }
    let mut answer = BuiltinAnswer::new(CheckOutcome::Passed, summary.unwrap_or_default(), "");
    if candidate.revision.containers().next().is_none() {
        answer = blind(format!("{}: its containers are not known", candidate.version), &wanted);
    }
    answer.evidence = evidence;
    answer
}

/// Compares one container. Where no pod runs it here yet and the template names a tag, what the tag meant there is what it
/// has to mean here, and is compared as soon as a pod runs.
fn compare(
    (container, image): (&str, &str),
    digest: Option<&str>,
    there: &ContainerDigests,
    name: &str,
    wanted: &str,
    settled: bool,
) -> BuiltinAnswer {
    let all = there.all();
    let answer =
        |found, text: String| BuiltinAnswer::new(found, text, if found == CheckOutcome::Passed { "" } else { wanted });
    let Some(first) = there.pods.keys().next() else {
        return match all {
            0 => answer(CheckOutcome::Blind, format!("no pod of {name} is ready")),
            _ => answer(CheckOutcome::Failed, format!("{name} runs no container {container}")),
        };
    };
    match digest {
        Some(digest) => {
            let same = there.pods.get(digest).copied().unwrap_or_default();
            let found = if same == all { CheckOutcome::Passed } else { CheckOutcome::Failed };
            let which = if found == CheckOutcome::Passed { String::new() } else { format!("{container}: ") };
            answer(found, format!("{which}{} on {same}/{all} pods of {name}", short_digest(digest)))
        }
        None if there.pods.len() == 1 && there.untold == 0 && settled => {
            answer(CheckOutcome::Passed, format!("{} on {all}/{all} pods of {name}", short_digest(first)))
        }
        None => answer(CheckOutcome::Failed, format!("{name} does not run {image} on all its pods")),
    }
}

/// The image of a container in the environment before, where it is from another repository: a tag there says nothing of what
/// the same tag is here.
fn elsewhere<'a>(counterpart: Option<&'a WorkloadState>, (container, image): (&str, &str)) -> Option<&'a str> {
    let stable = counterpart?.status.as_ref()?.stable.as_ref()?;
    let (_, theirs) = stable.containers().find(|(name, _)| *name == container)?;
    (ImageRef::parse(theirs).repository != ImageRef::parse(image).repository).then_some(theirs)
}

/// Whether the environment before has settled on the version that comes in.
fn runs(counterpart: Option<&WorkloadState>, candidate: &Candidate) -> bool {
    let stable = counterpart.and_then(|workload| workload.status.as_ref()).and_then(|status| status.stable.as_ref());
    stable.is_some_and(|stable| super::candidate::is_same_artifact(stable, &candidate.revision))
}
