//! The backtest for programs.

use serde_json::{Value, json};

use super::{ReplayedRelease, stamp};
use crate::cli::status::API_VERSION;
use crate::domain::record::guardrails::Guardrails;
use crate::domain::rules::backtest::{Against, Difference, Findings, Past, ReplayedAlarm};
use analysis::{AnalysisStatus, Seen, Tracks};

/// Returns the releases as JSON. What is unknown is null.
#[must_use]
pub fn json(looked: &[ReplayedRelease]) -> Value {
    json!({"apiVersion": API_VERSION, "releases": looked.iter().map(release).collect::<Vec<_>>()})
}

fn release(looked: &ReplayedRelease) -> Value {
    let ReplayedRelease { past, rails, found } = looked;
    let (found, trouble) = match found {
        Ok(found) if found.counted > 0 => (Some(found), None),
        Ok(found) => (None, Some(found.why_missing.as_deref().unwrap_or("no data in this time"))),
        Err(why) => (None, Some(why.as_str())),
    };
    json!({
        "release": (!past.release.is_empty()).then_some(&past.release),
        "environment": past.target.env,
        "workload": past.target.workload,
        "from": stamp(past.from),
        "to": stamp(past.to),
        "stable": past.tracks.stable,
        "canary": past.tracks.canary,
        "trouble": trouble,
        "counted": found.map(|found| seen(&found.seen)),
        "verdict": found.and_then(|found| found.last).map(AnalysisStatus::as_str),
        "suspect": found.and_then(|found| found.suspect.as_ref()).map(finding),
        "regressed": found.and_then(|found| found.regressed.as_ref()).map(finding),
        "guardrails": found.map(|found| steps(found, rails)),
        "happened": happened(past),
        "difference": looked.difference().map(|difference| between(&difference)),
    })
}

fn seen(seen: &Tracks<Seen>) -> Value {
    let of = |seen: &Seen| json!({"requests": seen.requests, "errors": seen.errors});
    json!({"canary": of(&seen.canary), "stable": of(&seen.stable)})
}

fn finding(finding: &ReplayedAlarm) -> Value {
    json!({
        "at": stamp(finding.at),
        "culprit": finding.culprit,
        "ratio": finding.ratio,
        "counted": seen(&finding.seen),
        "reasons": finding.reasons,
    })
}

fn steps(found: &Findings, rails: &Guardrails) -> Value {
    let step =
        |step: &crate::domain::rules::backtest::Step| json!({"at": stamp(step.at), "does": step.response.as_str()});
    json!({"autopilot": rails.autopilot, "steps": found.steps.iter().map(step).collect::<Vec<_>>()})
}

fn happened(past: &Past) -> Value {
    let deeds: Vec<Value> = past
        .deeds
        .iter()
        .map(|deed| json!({"at": stamp(deed.at), "verb": deed.verb.as_str(), "who": deed.who, "what": deed.headline}))
        .collect();
    json!({"end": past.end.as_str(), "at": past.end.at().map(stamp), "actions": deeds})
}

fn between(difference: &Difference) -> Value {
    let against = match difference.against {
        Against::Stop(_) => "stop",
        Against::Promotion(_) => "promotion",
        Against::Unknown => "unknown",
    };
    json!({
        "against": against,
        "rollback_at": difference.rollback.map(stamp),
        "earlier_seconds": difference.earlier.map(|time| time.as_secs_f64()),
        "spared_errors": difference.spared_errors,
    })
}
