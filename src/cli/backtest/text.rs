//! The backtest for people: a block for each release.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::ReplayedRelease;
use crate::domain::facts::text::{duration, plural, sanitize};
use crate::domain::record::guardrails::{Guardrails, Response};
use crate::domain::rules::backtest::{Against, Difference, End, Findings, Past, ReplayedAlarm};
use analysis::Metric;

/// Returns the releases as text, each with what would have been done and what was.
#[must_use]
pub fn text(looked: &[ReplayedRelease], zone: &TimeZone) -> String {
    let blocks: Vec<String> = looked.iter().map(|one| block(one, zone)).collect();
    blocks.join("\n")
}

fn block(looked: &ReplayedRelease, zone: &TimeZone) -> String {
    let ReplayedRelease { past, rails, found } = looked;
    let clock = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string();
    let day = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%:z").to_string();
    let name = if past.release.is_empty() { past.target.workload.to_string() } else { past.release.clone() };
    let mut rows: Vec<(&str, String)> = Vec::new();
    let sets = |name: &Option<String>| name.clone().unwrap_or_else(|| "?".to_owned());
    let title = format!(
        "{name} in {}   {} to {}   canary {}, stable {}",
        past.target.env,
        day(past.from),
        clock(past.to),
        sets(&past.tracks.canary),
        sets(&past.tracks.stable),
    );
    match found {
        Err(why) => rows.push(("unknown", why.clone())),
        Ok(found) if found.counted == 0 => {
            let why = found.why_missing.clone().unwrap_or_else(|| "no query was run".to_owned());
            rows.push(("no data", format!("no requests were counted in this time: {why}")));
        }
        Ok(found) => {
            rows.push(("counted", counted(found)));
            rows.push(("suspect", said(found.suspect.as_ref(), past, clock)));
            rows.push(("regressed", said(found.regressed.as_ref(), past, clock)));
            rows.push(("guardrails", responses(found, rails, clock)));
        }
    }
    rows.push(("happened", happened(past, clock)));
    if let Some(difference) = looked.difference() {
        rows.push(("difference", compared(&difference)));
    }
    let mut out = format!("{}\n", sanitize(&title));
    for (label, row) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {label:<11} {}", sanitize(&row));
    }
    out
}

fn counted(found: &Findings) -> String {
    let of = |seen: analysis::Seen| format!("{} of {} failed", seen.errors, plural(seen.requests as usize, "request"));
    let last = found.last.map_or("", analysis::AnalysisStatus::as_str);
    let holes = match found.missing {
        0 => String::new(),
        missing => format!("; {} brought no data", plural(missing, "look")),
    };
    format!("canary: {}; stable: {}; the last word is {last}{holes}", of(found.seen.canary), of(found.seen.stable))
}

fn said(finding: Option<&ReplayedAlarm>, past: &Past, clock: impl Fn(Timestamp) -> String) -> String {
    let Some(finding) = finding else { return "never".to_owned() };
    let culprit = match finding.culprit {
        Some(Metric::Errors) => "errors: ",
        Some(Metric::Statuses) => "statuses: ",
        Some(Metric::Latency) => "latency: ",
        Some(Metric::Budget) => "error budget: ",
        None => "",
    };
    let reason = finding.reasons.first().map_or("", String::as_str);
    let into = duration(finding.at.duration_since(past.from));
    format!("{} ({into} in)  {culprit}{reason}", clock(finding.at))
}

fn responses(found: &Findings, rails: &Guardrails, clock: impl Fn(Timestamp) -> String) -> String {
    let word = |response| match response {
        Response::Alert => "alert",
        Response::Pause => "pause",
        Response::Rollback => "roll back",
    };
    let steps: Vec<String> =
        found.steps.iter().map(|step| format!("{} {}", clock(step.at), word(step.response))).collect();
    match (steps.is_empty(), rails.autopilot) {
        (true, _) => "nothing".to_owned(),
        (false, true) => steps.join(", "),
        (false, false) => format!("{} (autopilot is off: only alerts)", steps.join(", ")),
    }
}

fn happened(past: &Past, clock: impl Fn(Timestamp) -> String) -> String {
    let mut parts: Vec<String> =
        past.deeds.iter().map(|deed| format!("{} {}: {}", clock(deed.at), deed.who, deed.headline)).collect();
    parts.push(match past.end {
        End::Promoted(at) => format!("{} promoted", clock(at)),
        End::RolledBack(at) => format!("{} rolled back", clock(at)),
        End::Aborted(at) => format!("{} aborted", clock(at)),
        End::Unknown => "outcome unknown".to_owned(),
    });
    parts.join("; ")
}

fn compared(difference: &Difference) -> String {
    let spared = match difference.spared_errors {
        Some(errors) => format!("; {} of the canary would have been spared", plural(errors as usize, "error")),
        None => String::new(),
    };
    match (difference.rollback, difference.against) {
        (None, Against::Stop(_)) => "the guardrails would not have rolled back; a person did".to_owned(),
        (None, Against::Promotion(_)) => "none: nothing to roll back, and it was promoted".to_owned(),
        (None, Against::Unknown) => "the guardrails would not have rolled back".to_owned(),
        (Some(_), Against::Unknown) => format!("the guardrails would have rolled back{spared}"),
        (Some(_), Against::Promotion(_)) => {
            format!("the guardrails would have rolled back what was promoted{spared}")
        }
        (Some(_), Against::Stop(_)) => {
            let earlier = difference.earlier.unwrap_or_default();
            let apart = duration(earlier.abs());
            if earlier < SignedDuration::ZERO {
                format!("the guardrails would have rolled back {apart} later")
            } else {
                format!("the guardrails would have rolled back {apart} earlier{spared}")
            }
        }
    }
}
