//! Built-in checks, answered from the observed state.

use jiff::{SignedDuration, Timestamp};

use crate::domain::facts::text::{duration, plural};
use crate::domain::record::checklist::BuiltinCheck;
use crate::domain::record::checklist::check::{CheckOutcome, Finding};
use crate::domain::record::ledger::Ledger;
use crate::domain::rules::checklist::artifact::artifact;
use crate::domain::rules::checklist::candidate::{Candidate, CandidateState};
use crate::domain::rules::checklist::flags::flags;
use crate::domain::rules::checklist::registry::registry;
use crate::domain::world::verdict::{CanaryReport, Verdict};
use crate::domain::world::{Environment, World};

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
            Self::Registry => registry(world, env, candidate, now),
            Self::Flags(rules) => flags(world, env, candidate, &rules, now),
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
pub(super) struct BuiltinAnswer {
    pub(super) found: CheckOutcome,
    pub(super) summary: String,
    pub(super) evidence: Vec<String>,
    pub(super) green_when: String,
}

impl BuiltinAnswer {
    pub(super) fn new(found: CheckOutcome, summary: impl Into<String>, green_when: &str) -> Self {
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
    Some(match ledger.last_rollback(env.name(), env.cluster.as_ref()) {
        None => BuiltinAnswer::new(CheckOutcome::Failed, "no rollback drill recorded in the journal", &wanted),
        Some(at) => {
            let age = now.duration_since(at);
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
        Verdict::Wait if !speaks_against(env) => BuiltinAnswer::new(CheckOutcome::Blind, reasons, wanted),
        Verdict::Wait | Verdict::NoGo => BuiltinAnswer::new(CheckOutcome::Failed, reasons, wanted),
        Verdict::Blind => BuiltinAnswer::new(CheckOutcome::Blind, reasons, wanted),
    };
    answer.evidence = assessment.describe().map(str::to_owned).collect();
    answer
}
