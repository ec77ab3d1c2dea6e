//! The score of a drill.

use jiff::Timestamp;
use serde::Serialize;

use super::baseline::{self, Baseline};
use super::draw::Failure;
use super::record::{DrillRecord, Ended};
use crate::domain::record::action::Verb;
use analysis::AnalysisStatus;

/// What is to be said of it as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It failed, and was taken away.
    Caught,
    /// It failed, and became stable.
    Missed,
    /// It failed, and the screen was left with it.
    Abandoned,
    /// It was taken away before anything was wrong.
    TooEarly,
    /// Nothing was wrong, and it was taken away.
    FalseAlarm,
    /// Nothing was wrong, and it became stable.
    LetPass,
    /// The screen was left before anything was wrong.
    Left,
}

/// What users bore from the onset on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Harm {
    pub errors: u64,
    /// All requests that the failing revision was given.
    pub requests: u64,
}

/// How a drill went. Times are in seconds from the onset, where nothing else is said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    pub verdict: Verdict,
    pub failure: Failure,
    /// What it was drawn from.
    pub seed: u64,
    pub ended: Ended,
    /// From the first requests of the new revision to the onset.
    pub began_after_seconds: Option<f64>,
    pub began_at: Option<Timestamp>,
    pub suspect_seconds: Option<f64>,
    pub regressed_seconds: Option<f64>,
    /// What the operator did first from the onset on, …
    pub acted: Option<Verb>,
    pub acted_seconds: Option<f64>,
    /// To when no request went to the failing revision any more.
    pub safe_seconds: Option<f64>,
    pub harm: Harm,
    /// What Argo's analysis would have done.
    pub argo: Option<Baseline>,
    /// What a person with kubectl and a dashboard would have done.
    pub dashboard: Option<Baseline>,
}

#[must_use]
pub fn score(record: &DrillRecord) -> Score {
    let onset = record.onset();
    let since = |at: Timestamp| onset.map(|onset| at.duration_since(onset).as_secs_f64());
    let from = |at: Timestamp| onset.is_none_or(|onset| at >= onset);
    let said = |wanted: &[AnalysisStatus]| {
        let first = record.opinions.iter().find(|(at, opinion)| from(*at) && wanted.contains(opinion));
        first.and_then(|(at, _)| since(*at))
    };
    let first = record.actions.iter().find(|(at, _)| from(*at));
    let borne = record.moments.iter().filter(|moment| onset.is_some_and(|onset| moment.at >= onset));
    let harm = borne.fold(Harm::default(), |harm, moment| Harm {
        errors: harm.errors + moment.failed(),
        requests: harm.requests + moment.asked(),
    });
    Score {
        verdict: verdict(record),
        failure: record.failure,
        seed: record.seed,
        ended: record.ended,
        began_after_seconds: record
            .first_request()
            .zip(onset)
            .map(|(first_request, onset)| onset.duration_since(first_request).as_secs_f64()),
        began_at: onset,
        suspect_seconds: said(&[AnalysisStatus::Suspect, AnalysisStatus::Regressed]),
        regressed_seconds: said(&[AnalysisStatus::Regressed]),
        acted: first.map(|(_, verb)| *verb),
        acted_seconds: first.and_then(|(at, _)| since(*at)),
        safe_seconds: record.safe().and_then(since),
        harm,
        argo: baseline::argo(record),
        dashboard: baseline::person(record),
    }
}

fn verdict(record: &DrillRecord) -> Verdict {
    match (record.onset(), record.failure, record.ended) {
        (Some(_), _, Ended::Stopped) => Verdict::Caught,
        (Some(_), _, Ended::Promoted) => Verdict::Missed,
        (Some(_), _, Ended::Left) => Verdict::Abandoned,
        (None, Failure::Healthy, Ended::Stopped) => Verdict::FalseAlarm,
        (None, _, Ended::Stopped) => Verdict::TooEarly,
        (None, _, Ended::Promoted) => Verdict::LetPass,
        (None, _, Ended::Left) => Verdict::Left,
    }
}

#[cfg(test)]
mod tests;
