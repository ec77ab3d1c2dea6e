//! `cockpit backtest`: past releases, what guardrails would have done, and what was done.

mod json;
mod text;

use jiff::Timestamp;

use crate::cli::Exit;
use crate::domain::record::guardrails::Guardrails;
use crate::domain::rules::backtest::{Difference, Findings, Past};

pub use json::json;
pub use text::text;

/// A release that was looked at again.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayedRelease {
    /// Which, and what happened to it.
    pub past: Past,
    /// What the guardrails are set to.
    pub rails: Guardrails,
    /// What was found, or why it cannot be told.
    pub found: Result<Findings, String>,
}

impl ReplayedRelease {
    /// Returns whether there were counts to assess.
    #[must_use]
    pub fn has_counts(&self) -> bool {
        self.found.as_ref().is_ok_and(|found| found.counted > 0)
    }

    /// Returns the difference that the guardrails would have made.
    #[must_use]
    pub fn difference(&self) -> Option<Difference> {
        let found = self.found.as_ref().ok().filter(|_| self.has_counts())?;
        Some(Difference::between(found, &self.past))
    }
}

/// Tells the exit code: an error where something could not be asked, blind where nothing could be analysed.
#[must_use]
pub fn exit(looked: &[ReplayedRelease]) -> Exit {
    if looked.iter().any(|one| one.found.is_err()) {
        Exit::Error
    } else if looked.iter().any(ReplayedRelease::has_counts) {
        Exit::Done
    } else {
        Exit::Blind
    }
}

/// Returns a moment in JSON: RFC 3339 with milliseconds at most.
fn stamp(at: Timestamp) -> String {
    at.round(jiff::Unit::Millisecond).unwrap_or(at).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey, WorkloadKind};
    use crate::domain::facts::signals::Tracks;
    use crate::domain::record::action::Verb;
    use crate::domain::rules::backtest::{Deed, End};
    use analysis::{CanaryAnalyzer, Counts, Look, Rules, Scrape};
    use jiff::SignedDuration;
    use jiff::tz::TimeZone;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn found(errors: u64) -> Findings {
        let (mut judge, mut findings) = (CanaryAnalyzer::new(Rules::default()), Findings::default());
        for n in 1..=40_i32 {
            let counts = |requests, errors| Counts { requests, errors, ..Counts::default() };
            let t = 1_800_000_000.0 + 15.0 * f64::from(n);
            let (canary, stable) = (counts(400, errors), counts(8000, 8));
            let look = Look::Scrape(Scrape { t, canary, stable, stable_pods: Vec::new() });
            judge.take(&look);
            let now = at(i64::from(n) * 15 + 30);
            findings.take(now, &look, &judge.report(), &Guardrails::default());
        }
        findings.end();
        findings
    }

    fn looked() -> Vec<ReplayedRelease> {
        let past = |release: &str, end| Past {
            target: WorkloadKey {
                env: EnvName::new("prod-eu"),
                workload: WorkloadId::new(WorkloadKind::Rollout, "payments-api"),
            },
            release: release.to_owned(),
            tracks: Tracks { stable: Some("payments-api-5d".to_owned()), canary: Some("payments-api-7f".to_owned()) },
            from: at(0),
            to: at(600),
            deeds: Vec::new(),
            end,
        };
        let rails = Guardrails::default();
        let deed = Deed {
            at: at(400),
            verb: Verb::Rollback,
            who: "ada \u{1b}[2J".to_owned(),
            headline: "roll back to 1.4.2".to_owned(),
        };
        let bad = Past { deeds: vec![deed], ..past("payments-api 1.5.0", End::RolledBack(at(400))) };
        let good = past("payments-api 1.5.1", End::Promoted(at(600)));
        let gone = past("payments-api 1.3.0", End::Unknown);
        let mut nothing = Findings::default();
        nothing.why_missing = Some("no counter of requests matches".to_owned());
        vec![
            ReplayedRelease {
                past: bad,
                rails: Guardrails { hold: SignedDuration::from_secs(30), ..rails.clone() },
                found: Ok(found(40)),
            },
            ReplayedRelease { past: good, rails: Guardrails { autopilot: true, ..rails.clone() }, found: Ok(found(0)) },
            ReplayedRelease { past: gone.clone(), rails: rails.clone(), found: Ok(nothing) },
            ReplayedRelease { past: gone, rails, found: Err("cannot reach http://p".to_owned()) },
        ]
    }

    #[test]
    fn text_compares_guardrails_with_what_was_done() {
        let text = text(&looked(), &TimeZone::UTC);
        assert!(!text.contains('\u{1b}'));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn json_has_the_same_facts() {
        insta::assert_snapshot!(crate::cli::output::json_pretty(&json(&looked())));
    }

    #[test]
    fn exit_code_distinguishes_errors_and_blindness() {
        let all = looked();
        assert_eq!(exit(&all), Exit::Error);
        assert_eq!(exit(&all[..3]), Exit::Done);
        assert_eq!(exit(&all[2..3]), Exit::Blind);
        assert_eq!(exit(&[]), Exit::Blind);
    }
}
