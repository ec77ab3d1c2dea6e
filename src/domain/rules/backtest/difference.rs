//! What the guardrails would have done, compared with what happened.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::findings::Findings;
use super::past::{End, Past};
use crate::domain::record::guardrails::Response;

/// What the guardrails are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Against {
    /// The canary was taken away from users at this time.
    Stop(Timestamp),
    /// It became stable at this time.
    Promotion(Timestamp),
    /// Nothing tells how it ended.
    Unknown,
}

/// The difference that the guardrails would have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// When they would have rolled back, if they would.
    pub rollback: Option<Timestamp>,
    pub against: Against,
    /// How much earlier the guardrails would have been; negative where they would have been later.
    pub earlier: Option<SignedDuration>,
    /// Errors of the canary that users would have been spared: those between the two. `None` where the guardrails would
    /// have been later: what they would have let through no one counted.
    pub spared_errors: Option<u64>,
}

impl Difference {
    #[must_use]
    pub fn between(findings: &Findings, past: &Past) -> Self {
        let rollback = findings.first(Response::Rollback);
        let against = match past.end {
            End::RolledBack(at) | End::Aborted(at) => Against::Stop(at),
            End::Promoted(at) => Against::Promotion(at),
            End::Unknown => Against::Unknown,
        };
        let earlier = match (rollback, against) {
            (Some(rollback), Against::Stop(at) | Against::Promotion(at)) => Some(at.duration_since(rollback)),
            _ => None,
        };
        let until = match against {
            Against::Stop(at) => Some(at),
            Against::Promotion(_) | Against::Unknown => None,
        };
        let came_first = rollback.filter(|at| until.is_none_or(|until| *at <= until));
        let spared_errors = came_first.map(|at| findings.errors_between(at, until));
        Self { rollback, against, earlier, spared_errors }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey, WorkloadKind};
    use crate::domain::facts::signals::Tracks;
    use crate::domain::record::guardrails::Guardrails;
    use analysis::{CanaryAnalyzer, Counts, Look, Rules, Scrape};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn findings() -> Findings {
        let (mut judge, mut findings) = (CanaryAnalyzer::new(Rules::default()), Findings::default());
        for n in 1..=40 {
            let counts = |requests, errors| Counts { requests, errors, ..Counts::default() };
            let look = Look::Scrape(Scrape {
                t: 15.0 * f64::from(n),
                canary: counts(400, 40),
                stable: counts(8000, 8),
                stable_pods: Vec::new(),
            });
            judge.take(&look);
            findings.take(at(15 * i64::from(n)), &look, &judge.report(), &Guardrails::default());
        }
        findings.end();
        findings
    }

    fn past(end: End) -> Past {
        let workload = WorkloadId::new(WorkloadKind::Rollout, "web");
        Past {
            target: WorkloadKey { env: EnvName::new("prod"), workload },
            release: "web 1.5.0".to_owned(),
            tracks: Tracks::default(),
            from: at(0),
            to: at(600),
            deeds: Vec::new(),
            end,
        }
    }

    #[test]
    fn slower_person_let_more_errors_through() {
        let findings = findings();
        let rollback = findings.first(Response::Rollback).unwrap();
        let by_hand = rollback + SignedDuration::from_secs(150);
        let difference = Difference::between(&findings, &past(End::RolledBack(by_hand)));
        assert_eq!(difference.earlier, Some(SignedDuration::from_secs(150)));
        assert_eq!(difference.spared_errors, Some(400));
    }

    #[test]
    fn faster_person_is_credited() {
        let findings = findings();
        let by_hand = findings.first(Response::Rollback).unwrap() - SignedDuration::from_secs(10);
        let difference = Difference::between(&findings, &past(End::Aborted(by_hand)));
        assert_eq!(difference.earlier, Some(SignedDuration::from_secs(-10)));
        assert_eq!(difference.spared_errors, None);
    }

    #[test]
    fn promoted_canary_went_on_failing() {
        let findings = findings();
        let difference = Difference::between(&findings, &past(End::Promoted(at(300))));
        let rollback = findings.first(Response::Rollback).unwrap();
        assert_eq!(difference.spared_errors, Some(findings.errors_between(rollback, None)));
        assert!(difference.spared_errors > Some(400));
        let healthy = Difference::between(&Findings::default(), &past(End::Promoted(at(300))));
        assert_eq!((healthy.earlier, healthy.spared_errors), (None, None));
    }
}
