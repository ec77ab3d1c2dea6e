//! Alarms of the analysis over time, and what the guardrails would have done about them.

use jiff::Timestamp;

use crate::domain::record::guardrails::{Guardrails, Response};
use analysis::{AnalysisStatus, Look, Metric, Ratio, Report, Seen, Tracks};

/// What was found by looking at a rollout again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    pub counted: usize,
    pub missing: usize,
    /// Why the last look without counts brought none.
    pub why_missing: Option<String>,
    /// Requests and errors of both tracks.
    pub seen: Tracks<Seen>,
    pub suspect: Option<ReplayedAlarm>,
    pub regressed: Option<ReplayedAlarm>,
    /// What the guardrails would have done, in order.
    pub steps: Vec<Step>,
    pub last: Option<AnalysisStatus>,
    /// Errors of the canary by the end of each slice, in seconds.
    errors: Vec<(f64, u64)>,
    pilot: Pilot,
}

/// A moment at which the analysis status changed.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayedAlarm {
    /// When it would have been said.
    pub at: Timestamp,
    /// What spoke against the canary.
    pub culprit: Option<Metric>,
    /// How many times more often the canary failed.
    pub ratio: Option<Ratio>,
    /// Requests and errors until then.
    pub seen: Tracks<Seen>,
    pub reasons: Vec<String>,
}

/// What a guardrail would have done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub at: Timestamp,
    pub response: Response,
}

/// How far the guardrails have gone.
#[derive(Clone, Debug, Default, PartialEq)]
struct Pilot {
    answered: Option<Response>,
    held: bool,
    /// When the rollback is due.
    due: Option<Timestamp>,
}

impl Findings {
    /// Takes in a look, when it is made, and the analysis result then.
    pub fn take(&mut self, at: Timestamp, look: &Look, report: &Report, rails: &Guardrails) {
        match look {
            Look::Scrape(scrape) => {
                self.counted += 1;
                self.errors.push((scrape.t, scrape.canary.errors));
            }
            Look::Missing { why, .. } => {
                self.missing += 1;
                self.why_missing = Some(why.clone());
            }
            Look::Changed { .. } | Look::Reset => {}
        }
        self.seen = report.seen;
        self.last = Some(report.opinion);
        let finding = || ReplayedAlarm {
            at,
            culprit: report.culprit,
            ratio: report.ratio,
            seen: report.seen,
            reasons: report.reasons.clone(),
        };
        let is_against = matches!(report.opinion, AnalysisStatus::Suspect | AnalysisStatus::Regressed);
        if is_against && self.suspect.is_none() {
            self.suspect = Some(finding());
        }
        if report.opinion == AnalysisStatus::Regressed && self.regressed.is_none() {
            self.regressed = Some(finding());
        }
        self.steer(at, rails.response(report), rails);
    }

    /// Ends: a rollback that was still due came.
    pub fn end(&mut self) {
        if let Some(due) = self.pilot.due.take() {
            self.steps.push(Step { at: due, response: Response::Rollback });
        }
    }

    /// Does what autopilot does about what the guardrails ask for.
    fn steer(&mut self, at: Timestamp, asked: Option<Response>, rails: &Guardrails) {
        if let Some(due) = self.pilot.due.filter(|due| *due <= at) {
            self.steps.push(Step { at: due, response: Response::Rollback });
            self.pilot = Pilot { answered: Some(Response::Rollback), held: true, due: None };
        }
        if asked != Some(Response::Rollback) {
            self.pilot.due = None;
        }
        let Some(asked) = asked.filter(|asked| self.pilot.answered < Some(*asked)) else { return };
        if asked == Response::Alert {
            self.steps.push(Step { at, response: asked });
        } else if !self.pilot.held {
            self.pilot.held = true;
            self.steps.push(Step { at, response: Response::Pause });
        }
        if asked == Response::Rollback {
            self.pilot.due.get_or_insert(at + rails.hold);
        } else {
            self.pilot.answered = Some(asked);
        }
    }

    /// Returns when the guardrails would first have responded like this.
    #[must_use]
    pub fn first(&self, response: Response) -> Option<Timestamp> {
        self.steps.iter().find(|step| step.response == response).map(|step| step.at)
    }

    /// Returns the canary's errors in slices that ended after `from`, and up to `to` where that is given.
    #[must_use]
    pub fn errors_between(&self, from: Timestamp, to: Option<Timestamp>) -> u64 {
        let seconds = |at: Timestamp| at.as_millisecond() as f64 / 1000.0;
        let within = |t: f64| t > seconds(from) && to.is_none_or(|to| t <= seconds(to));
        self.errors.iter().filter(|(t, _)| within(*t)).map(|(_, errors)| errors).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use analysis::{CanaryAnalyzer, Counts, Rules, Scrape};
    use jiff::SignedDuration;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A rollout whose canary fails so many of its 400 requests in each slice of 15 s.
    fn found(errors: &[u64], rails: &Guardrails) -> Findings {
        let (mut judge, mut findings) = (CanaryAnalyzer::new(Rules::default()), Findings::default());
        for (n, errors) in (1..).zip(errors) {
            let counts = |requests, errors| Counts { requests, errors, ..Counts::default() };
            let t = 15.0 * f64::from(n);
            let (canary, stable) = (counts(400, *errors), counts(8000, 8));
            let look = Look::Scrape(Scrape { t, canary, stable, stable_pods: Vec::new() });
            judge.take(&look);
            findings.take(at(i64::from(n) * 15 + 30), &look, &judge.report(), rails);
        }
        findings.end();
        findings
    }

    #[test]
    fn regression_is_suspected_paused_proved_then_rolled_back() {
        let rails = Guardrails::default();
        let mut errors = vec![0; 10];
        errors.extend([40; 20]);
        let findings = found(&errors, &rails);
        let (suspect, regressed) = (findings.suspect.clone().unwrap(), findings.regressed.clone().unwrap());
        assert!(at(180) < suspect.at && suspect.at <= regressed.at, "{suspect:?} {regressed:?}");
        assert_eq!(regressed.culprit, Some(Metric::Errors));
        let [hold, back] = findings.steps.clone().try_into().unwrap();
        assert_eq!(hold, Step { at: suspect.at, response: Response::Pause });
        assert_eq!(back, Step { at: regressed.at + rails.hold, response: Response::Rollback });
    }

    #[test]
    fn healthy_canary_has_no_findings() {
        let findings = found(&[0; 40], &Guardrails::default());
        assert_eq!((findings.suspect, findings.steps.len(), findings.counted), (None, 0, 40));
        assert_eq!(findings.last, Some(AnalysisStatus::Healthy));
    }

    #[test]
    fn alert_only_guardrails_neither_pause_nor_roll_back() {
        let rails = Guardrails { errors: Response::Alert, budget: Response::Alert, ..Guardrails::default() };
        let findings = found(&[40; 20], &rails);
        assert_eq!(findings.steps.iter().map(|step| step.response).collect::<Vec<_>>(), [Response::Alert]);
        assert!(findings.regressed.is_some());
    }

    #[test]
    fn rollback_waits_until_keep_canary_time_is_over() {
        let rails = Guardrails { hold: SignedDuration::from_secs(100), ..Guardrails::default() };
        let findings = found(&[40; 40], &rails);
        let regressed = findings.regressed.clone().unwrap().at;
        assert_eq!(findings.first(Response::Rollback), Some(regressed + rails.hold));
        assert_eq!(findings.steps.len(), 2, "no second one: {:?}", findings.steps);
    }

    #[test]
    fn errors_are_counted_between_two_moments() {
        let findings = found(&[1, 2, 4, 8], &Guardrails::default());
        assert_eq!(findings.errors_between(at(0), None), 15);
        assert_eq!(findings.errors_between(at(15), Some(at(45))), 6);
        assert_eq!(findings.errors_between(at(60), None), 0);
    }
}
