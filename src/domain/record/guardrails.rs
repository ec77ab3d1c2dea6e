//! Guardrails: what the judge's opinion is to lead to.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use analysis::{Metric, Opinion, Report};

/// What to do when a guardrail is touched, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    Alert,
    /// Hold the canary where it is.
    Pause,
    /// Hold it, and roll back unless somebody keeps it.
    Rollback,
}

impl Response {
    pub const ALL: [Self; 3] = [Self::Alert, Self::Pause, Self::Rollback];

    /// Returns the word in the config.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Pause => "pause",
            Self::Rollback => "rollback",
        }
    }
}

/// What became of a canary that autopilot acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decided {
    /// Autopilot held it: whoever resumed it since has decided.
    Held,
    Kept,
}

/// What to do about each signal, and who does it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guardrails {
    /// The canary fails more often than stable.
    pub errors: Response,
    /// The canary is slower than stable.
    pub latency: Response,
    /// The canary burns the error budget: a suspicion, and proof once it has cost a hundredth of 30 days.
    pub budget: Response,
    /// Whether cockpit acts by itself; otherwise it says what it would do.
    pub autopilot: bool,
    /// How long a canary is held before it is rolled back, for somebody to keep it.
    pub hold: SignedDuration,
}

impl Default for Guardrails {
    fn default() -> Self {
        Self {
            errors: Response::Rollback,
            latency: Response::Pause,
            budget: Response::Rollback,
            autopilot: false,
            hold: SignedDuration::from_secs(20),
        }
    }
}

impl Guardrails {
    /// Returns what a report asks for; `None` where it speaks against nothing. A suspicion is enough to hold, never to
    /// roll back, and missing data asks for nothing.
    #[must_use]
    pub fn response(&self, report: &Report) -> Option<Response> {
        let wanted = match report.culprit? {
            Metric::Errors => self.errors,
            Metric::Latency => self.latency,
            Metric::Budget => self.budget,
        };
        match report.opinion {
            Opinion::Regressed => Some(wanted),
            Opinion::Suspect => Some(wanted.min(Response::Pause)),
            Opinion::Undecided | Opinion::Healthy | Opinion::NoData => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use analysis::{Judge, Rules};

    fn report(opinion: Opinion, culprit: Option<Metric>) -> Report {
        Report { opinion, culprit, ..Judge::new(Rules::default()).report() }
    }

    #[test]
    fn suspicion_pauses_and_only_proof_rolls_back() {
        let rails = Guardrails::default();
        let asks = |opinion, metric| rails.response(&report(opinion, Some(metric)));
        assert_eq!(asks(Opinion::Suspect, Metric::Errors), Some(Response::Pause));
        assert_eq!(asks(Opinion::Regressed, Metric::Errors), Some(Response::Rollback));
        assert_eq!(asks(Opinion::Regressed, Metric::Latency), Some(Response::Pause));
        let alert = Guardrails { errors: Response::Alert, ..rails.clone() };
        assert_eq!(alert.response(&report(Opinion::Regressed, Some(Metric::Errors))), Some(Response::Alert));
    }

    #[test]
    fn undecided_analysis_triggers_nothing() {
        let rails = Guardrails::default();
        for opinion in [Opinion::Undecided, Opinion::Healthy, Opinion::NoData] {
            assert_eq!(rails.response(&report(opinion, None)), None);
            assert_eq!(rails.response(&report(opinion, Some(Metric::Errors))), None);
        }
        assert_eq!(rails.response(&Judge::new(Rules::default()).report()), None);
    }
}
