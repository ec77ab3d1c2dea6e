//! Built-in checks, answered from the observed state.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::facts::object::{ImageRef, short_digest};
use crate::domain::facts::pod::Pod;
use crate::domain::facts::text::{duration, plural};
use crate::domain::record::checklist::BuiltinCheck;
use crate::domain::record::checklist::check::{CheckOutcome, Finding};
use crate::domain::record::ledger::Ledger;
use crate::domain::rules::checklist::candidate::{Candidate, CandidateState, counterpart};
use crate::domain::world::verdict::{CanaryReport, Verdict};
use crate::domain::world::{Environment, WorkloadState, World};

impl BuiltinCheck {
    /// Returns the answer as things stand.
    #[must_use]
    pub fn finding(
        self,
        world: &World,
        env: &Environment,
        candidate: &Candidate,
        ledger: &Ledger,
        now: Timestamp,
    ) -> Finding {
        let answer = match self {
            Self::Artifact => artifact(world, env, candidate, now),
            Self::Rollback { drilled_within } => rollback(env, candidate).and(drill(env, ledger, drilled_within, now)),
            Self::Signals => signals(env),
        };
        Finding {
            found: answer.found,
            summary: answer.summary,
            evidence: answer.evidence,
            green_when: answer.green_when,
            at: now,
            subject: candidate.key.clone(),
        }
    }
}

/// An answer that is being made.
struct BuiltinAnswer {
    found: CheckOutcome,
    summary: String,
    evidence: Vec<String>,
    green_when: String,
}

impl BuiltinAnswer {
    fn new(found: CheckOutcome, summary: impl Into<String>, green_when: &str) -> Self {
        Self { found, summary: summary.into(), evidence: Vec::new(), green_when: green_when.to_owned() }
    }

    /// Both have to hold; the first that does not is the one that is reported.
    fn and(self, other: Option<Self>) -> Self {
        let Some(other) = other else { return self };
        let evidence = [self.evidence.clone(), other.evidence.clone()].concat();
        let summary = format!("{}; {}", self.summary, other.summary);
        match (self.found, other.found) {
            (CheckOutcome::Passed, CheckOutcome::Passed) => Self { summary, evidence, ..self },
            (CheckOutcome::Passed, _) => Self { evidence, ..other },
            _ => Self { evidence, ..self },
        }
    }
}

/// Returns how many of these pods are ready, by the digest that they run.
fn digests<'a>(pods: impl Iterator<Item = &'a Pod>) -> BTreeMap<String, usize> {
    let mut digests = BTreeMap::new();
    for digest in pods.filter(|pod| pod.is_ready()).filter_map(|pod| pod.digests.first()) {
        *digests.entry(digest.clone()).or_insert(0) += 1;
    }
    digests
}

fn listed(place: &str, digests: &BTreeMap<String, usize>) -> Vec<String> {
    digests.iter().map(|(digest, pods)| format!("{place}: {} run {digest}", plural(*pods, "pod"))).collect()
}

fn artifact(world: &World, env: &Environment, candidate: &Candidate, now: Timestamp) -> BuiltinAnswer {
    if let Some(image) = candidate.images.iter().find(|image| ImageRef::parse(image).is_mutable_latest()) {
        return BuiltinAnswer::new(
            CheckOutcome::Failed,
            format!("image {image} uses a mutable tag"),
            "it is deployed by digest or by a version tag",
        );
    }
    let here = own_digests(env, candidate);
    let mut answer = same_everywhere(env, candidate, &here);
    if answer.found == CheckOutcome::Passed {
        if let Some(before) = world.previous(env) {
            let own = std::mem::take(&mut answer.evidence);
            answer = same_as_before(before, candidate, &here, now);
            answer.evidence.splice(0..0, own);
        }
    }
    answer.evidence.splice(0..0, candidate.images.iter().map(|image| format!("image {image}")));
    answer
}

/// Digests of the candidate's own pods here.
fn own_digests(env: &Environment, candidate: &Candidate) -> BTreeMap<String, usize> {
    let Some(workload) = env.workload(&candidate.workload) else { return BTreeMap::new() };
    let (Some(snapshot), Some(status)) = (&workload.snapshot, &workload.status) else { return BTreeMap::new() };
    let revision = match candidate.standing {
        CandidateState::Incoming => None,
        CandidateState::UnderWay => status.canary.as_ref(),
        CandidateState::Settled => status.stable.as_ref(),
    };
    revision.map(|revision| digests(snapshot.pods_of(&revision.hash))).unwrap_or_default()
}

fn same_everywhere(env: &Environment, candidate: &Candidate, here: &BTreeMap<String, usize>) -> BuiltinAnswer {
    let evidence = listed(env.name().as_str(), here);
    let mut answer = match here.iter().next() {
        None => BuiltinAnswer::new(CheckOutcome::Passed, format!("{}: no pod runs it here yet", candidate.version), ""),
        Some((digest, pods)) if here.len() == 1 => BuiltinAnswer::new(
            CheckOutcome::Passed,
            format!("{} on {}", short_digest(digest), plural(*pods, "pod")),
            "",
        ),
        Some(_) => BuiltinAnswer::new(
            CheckOutcome::Failed,
            format!("pods of one revision run {} different digests: the tag was moved", here.len()),
            "all replicas run one digest: deploy it by digest",
        ),
    };
    answer.evidence = evidence;
    answer
}

fn same_as_before(
    before: &Environment,
    candidate: &Candidate,
    here: &BTreeMap<String, usize>,
    now: Timestamp,
) -> BuiltinAnswer {
    let name = before.name();
    let wanted = format!("all pods of {name} run one digest, and it is the digest being released");
    let heard = before.kubernetes();
    if !heard.is_fresh(now) {
        let age = heard.age(now).map_or_else(|| "was never seen".to_owned(), |age| format!("is {} old", duration(age)));
        return BuiltinAnswer::new(CheckOutcome::Blind, format!("state of {name} {age}"), &format!("{name} answers"));
    }
    let counterpart = counterpart(before, &candidate.workload).and_then(|id| before.workload(id));
    if counterpart.is_some_and(|workload| workload.missing) {
        return BuiltinAnswer::new(
            CheckOutcome::Failed,
            format!("{name} does not run {}", candidate.workload),
            &wanted,
        );
    }
    let Some(pods) = counterpart.and_then(|workload| workload.snapshot.as_ref()).map(|snapshot| &snapshot.pods) else {
        return BuiltinAnswer::new(
            CheckOutcome::Blind,
            format!("{} of {name} is not seen yet", candidate.workload),
            &wanted,
        );
    };
    let there = digests(pods.iter());
    let all: usize = there.values().sum();
    let wanted_digest = here.keys().next().or(candidate.digest.as_ref());
    let mut answer = match (wanted_digest, there.iter().next()) {
        (_, None) => BuiltinAnswer::new(CheckOutcome::Blind, format!("no pod of {name} is ready"), &wanted),
        (Some(digest), Some(_)) => {
            let same = there.get(digest).copied().unwrap_or_default();
            let summary = format!("{} on {same}/{all} pods of {name}", short_digest(digest));
            BuiltinAnswer::new(if same == all { CheckOutcome::Passed } else { CheckOutcome::Failed }, summary, &wanted)
        }
        // No pod runs it here yet: what the tag meant there is what it has to mean here, and is compared then.
        (None, Some((digest, _))) if there.len() == 1 && runs(counterpart, candidate) => BuiltinAnswer::new(
            CheckOutcome::Passed,
            format!("{} on {all}/{all} pods of {name}", short_digest(digest)),
            &wanted,
        ),
        (None, Some(_)) => BuiltinAnswer::new(
            CheckOutcome::Failed,
            format!("{name} does not run {} on all its pods", candidate.version),
            &wanted,
        ),
    };
    if answer.found == CheckOutcome::Passed {
        answer.green_when.clear();
    }
    answer.evidence = listed(name.as_str(), &there);
    answer
}

/// Whether the environment before has settled on the version that comes in.
fn runs(counterpart: Option<&WorkloadState>, candidate: &Candidate) -> bool {
    let stable = counterpart.and_then(|workload| workload.status.as_ref()).and_then(|status| status.stable.as_ref());
    stable.is_some_and(|stable| stable.version() == candidate.version)
}

fn rollback(env: &Environment, candidate: &Candidate) -> BuiltinAnswer {
    let wanted = "a ReplicaSet of an earlier revision is kept (revisionHistoryLimit above 0)";
    let Some(workload) = env.workload(&candidate.workload) else {
        return BuiltinAnswer::new(CheckOutcome::Blind, "not seen yet", wanted);
    };
    let (Some(snapshot), Some(status)) = (&workload.snapshot, &workload.status) else {
        return BuiltinAnswer::new(CheckOutcome::Blind, "not seen yet", wanted);
    };
    // While something comes in, stable is the last known good; afterwards it is the revision before.
    let current = status.stable.as_ref().map(|stable| stable.hash.as_str());
    let good = match candidate.standing {
        CandidateState::UnderWay | CandidateState::Incoming => current.and_then(|hash| snapshot.replicaset(hash)),
        CandidateState::Settled => snapshot
            .replicasets
            .iter()
            .filter(|rs| Some(rs.hash.as_str()) != current && !workload.rejected.bars(&rs.hash))
            .max_by_key(|rs| rs.revision()),
    };
    let Some(good) = good else {
        return BuiltinAnswer::new(
            CheckOutcome::Failed,
            "no earlier revision is kept: there is nothing to go back to",
            wanted,
        );
    };
    let revision = snapshot.revision(good);
    if revision.images.is_empty() {
        return BuiltinAnswer::new(
            CheckOutcome::Failed,
            format!("revision {} names no image", revision.number),
            wanted,
        );
    }
    let mut answer = BuiltinAnswer::new(
        CheckOutcome::Passed,
        format!("last known good {}, revision {}", revision.version(), revision.number),
        "",
    );
    answer.evidence = revision.images.iter().map(|image| format!("image {image}")).collect();
    answer.evidence.push(format!("ReplicaSet {}, {}", revision.replicaset, plural(good.current as usize, "pod")));
    answer.evidence.push("does not roll back: database migrations, messages already sent, feature flags".to_owned());
    answer
}

fn drill(env: &Environment, ledger: &Ledger, within: Option<SignedDuration>, now: Timestamp) -> Option<BuiltinAnswer> {
    let within = within?;
    let wanted = format!("a rollback is carried out in {} by cockpit", env.name());
    Some(match ledger.drilled.get(env.name()) {
        None => BuiltinAnswer::new(CheckOutcome::Failed, "no rollback drill recorded in the journal", &wanted),
        Some(at) => {
            let age = now.duration_since(*at);
            let found = if age <= within { CheckOutcome::Passed } else { CheckOutcome::Failed };
            BuiltinAnswer::new(
                found,
                format!("drilled {} ago", duration(age)),
                if found == CheckOutcome::Passed { "" } else { &wanted },
            )
        }
    })
}

/// Whether a pause is for something that was seen: a canary that is suspect, or was aborted.
fn speaks_against(env: &Environment) -> bool {
    env.workloads.iter().any(|workload| {
        workload.opinion().is_some_and(CanaryReport::is_suspect)
            || workload.status.as_ref().is_some_and(|status| status.aborted)
    })
}

fn signals(env: &Environment) -> BuiltinAnswer {
    let assessment = env.assessment();
    let wanted = "the live signals are within their limits, on fresh data";
    let reasons = assessment.describe().next().unwrap_or_default().to_owned();
    let mut answer = match assessment.verdict {
        Verdict::Go => BuiltinAnswer::new(CheckOutcome::Passed, "within the limits", ""),
        // An undecided analysis is neither green nor red.
        Verdict::Hold if !speaks_against(env) => BuiltinAnswer::new(CheckOutcome::Blind, reasons, wanted),
        Verdict::Hold | Verdict::NoGo => BuiltinAnswer::new(CheckOutcome::Failed, reasons, wanted),
        Verdict::Blind => BuiltinAnswer::new(CheckOutcome::Blind, reasons, wanted),
    };
    answer.evidence = assessment.describe().map(str::to_owned).collect();
    answer
}
