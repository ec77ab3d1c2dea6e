//! `cockpit drill`: the score.

use std::fmt::Write as _;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::status::API_VERSION;
use crate::domain::facts::text::{duration, plural};
use crate::domain::rules::drill::baseline::{ARGO, PERSON};
use crate::domain::rules::drill::{Baseline, Failure, Score, Verdict};

/// Returns the score as JSON. What did not happen is null.
#[must_use]
pub fn json(score: &Score, speed: f64) -> Value {
    json!({
        "apiVersion": API_VERSION,
        "drill": score,
        "speed": speed,
        "assumed": {"argo": ARGO, "dashboard": PERSON},
    })
}

/// Returns the score as text.
#[must_use]
pub fn text(score: &Score, speed: f64, zone: &TimeZone) -> String {
    let mut out = format!("{}\n", headline(score));
    let mut row = |label: &str, text: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {label:<22} {text}");
    };
    if let (Some(at), Some(after)) = (score.began_at, score.began_after_seconds) {
        let clock = at.to_zoned(zone.clone()).strftime("%H:%M:%S");
        let told = score.failure.told();
        row("it began", &format!("at {clock}, {} after its first requests: {told}", length(after)));
        row("analysis: suspect", &since(score.suspect_seconds));
        row("analysis: regressed", &since(score.regressed_seconds));
        let did = score.acted.map_or("nothing", crate::domain::record::action::Verb::label);
        row(
            "you acted",
            &score.acted_seconds.map_or_else(|| "never".to_owned(), |time| format!("{}: {did}", length(time))),
        );
        row("no user affected after", &since(score.safe_seconds));
        row("meanwhile", &borne(score.failure, score.harm.errors, score.harm.requests));
    }
    let baselines = [("Argo analysis", score.argo, ARGO), ("kubectl and dashboard", score.dashboard, PERSON)];
    for (label, baseline, _) in baselines {
        if let Some(baseline) = baseline {
            row(label, &would(score.failure, &baseline));
        }
    }
    if score.argo.is_some() {
        let _ = writeln!(
            out,
            "Times count from the onset, to within two seconds. Assumptions, on the same traffic, which is extended unchanged where you acted first:"
        );
        for (.., assumed) in baselines {
            let _ = writeln!(out, "  {assumed}");
        }
    }
    let faster = if (speed - 1.0).abs() < 1e-9 { String::new() } else { format!(" --speed {speed}") };
    let _ = writeln!(out, "Replay: cockpit drill {} --seed {}{faster}", score.failure.as_str(), score.seed);
    out
}

fn headline(score: &Score) -> &'static str {
    match score.verdict {
        Verdict::Caught => "Caught: it failed, and you rolled it back in time.",
        Verdict::Missed => "Missed: it failed, and it was released to everyone.",
        Verdict::Abandoned => "Abandoned: it failed, and you left.",
        Verdict::TooEarly => "Too early: you rolled it back before anything was wrong.",
        Verdict::FalseAlarm => "False alarm: nothing was wrong, and you rolled it back.",
        Verdict::LetPass => "Right: nothing was wrong, and it was released.",
        Verdict::Left => "You left before anything was wrong.",
    }
}

fn since(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "never".to_owned(), length)
}

fn length(seconds: f64) -> String {
    duration(SignedDuration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// What users bore: of a slow revision every request that it was given.
fn borne(failure: Failure, errors: u64, requests: u64) -> String {
    match failure {
        Failure::Latency => format!("{} to the slow revision", plural(requests as usize, "request")),
        _ => format!("{} failed", plural(errors as usize, "request")),
    }
}

fn would(failure: Failure, baseline: &Baseline) -> String {
    let borne = borne(failure, baseline.errors, baseline.requests);
    match (baseline.noticed_seconds, baseline.safe_seconds) {
        (Some(noticed), Some(safe)) => {
            format!("notices after {}, no user affected after {}, {borne}", length(noticed), length(safe))
        }
        _ => format!("never notices; within half an hour {borne}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::action::Verb;
    use crate::domain::rules::drill::{Ended, Harm};
    use jiff::Timestamp;

    fn caught() -> Score {
        Score {
            verdict: Verdict::Caught,
            failure: Failure::Errors,
            seed: 42,
            ended: Ended::Stopped,
            began_after_seconds: Some(74.0),
            began_at: Some(Timestamp::from_second(1_800_000_000).unwrap()),
            suspect_seconds: Some(18.2),
            regressed_seconds: None,
            acted: Some(Verb::Rollback),
            acted_seconds: Some(31.5),
            safe_seconds: Some(34.0),
            harm: Harm { errors: 41, requests: 512 },
            argo: Some(Baseline {
                noticed_seconds: Some(226.0),
                safe_seconds: Some(226.0),
                errors: 240,
                requests: 2880,
            }),
            dashboard: Some(Baseline { noticed_seconds: None, safe_seconds: None, errors: 1800, requests: 21_600 }),
        }
    }

    fn healthy() -> Score {
        Score {
            verdict: Verdict::FalseAlarm,
            failure: Failure::Healthy,
            began_after_seconds: None,
            began_at: None,
            suspect_seconds: None,
            acted_seconds: None,
            safe_seconds: None,
            harm: Harm::default(),
            argo: None,
            dashboard: None,
            ..caught()
        }
    }

    #[test]
    fn text_shows_the_score_and_the_baselines() {
        insta::assert_snapshot!(text(&caught(), 4.0, &TimeZone::UTC));
    }

    #[test]
    fn score_without_failure_has_no_times() {
        insta::assert_snapshot!(text(&healthy(), 1.0, &TimeZone::UTC));
    }

    #[test]
    fn json_has_the_same_facts() {
        insta::assert_snapshot!(crate::cli::output::json_pretty(&json(&caught(), 4.0)));
    }
}
