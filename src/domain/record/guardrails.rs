//! Guardrails: the response to an analysis result.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use analysis::{AnalysisStatus, Metric, Report};

use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::ids::WorkloadKey;

/// What to do when guardrail breached, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    Alert,
    /// Hold the canary where it is.
    Pause,
    /// Hold it, and roll back unless someone keeps it.
    Rollback,
}

impl Response {
    pub const ALL: [Self; 3] = [Self::Alert, Self::Pause, Self::Rollback];

    /// Returns the word in the config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Pause => "pause",
            Self::Rollback => "rollback",
        }
    }
}

/// A person's statement that a canary, or a flag, is theirs to decide about: no autopilot acts on it, whoever runs it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Kept {
    pub who: String,
    pub target: WorkloadKey,
    /// Which cluster and namespace it is about; journals of before do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterIdentity>,
    /// UID of the workload; journals of before do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Template hash of the canary; empty where it is about a flag.
    pub hash: String,
    /// The name of the flag, where it is about one; `target` is what answers its users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// When it was stated; journals of before say so in their lines only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// By the author's SSH key, over [`Entry::to_be_signed`](crate::domain::record::journal::Entry::to_be_signed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// What to do about each signal, and who does it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guardrails {
    /// The canary fails more often than stable.
    pub errors: Response,
    /// The canary redirects or rejects more requests than stable.
    pub statuses: Response,
    /// The canary is slower than stable.
    pub latency: Response,
    /// The canary burns the error budget: a suspicion, and proof once it has cost a hundredth of 30 days.
    pub budget: Response,
    /// Whether cockpit acts on its own; otherwise it says what it would do.
    pub autopilot: bool,
    /// How long a canary is held before it is rolled back, for someone to keep it.
    pub hold: SignedDuration,
}

impl Default for Guardrails {
    fn default() -> Self {
        Self {
            errors: Response::Rollback,
            statuses: Response::Pause,
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
            Metric::Statuses => self.statuses,
            Metric::Latency => self.latency,
            Metric::Budget => self.budget,
        };
        match report.opinion {
            AnalysisStatus::Regressed => Some(wanted),
            AnalysisStatus::Suspect => Some(wanted.min(Response::Pause)),
            AnalysisStatus::Undecided | AnalysisStatus::Healthy | AnalysisStatus::NoData => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use analysis::{CanaryAnalyzer, Rules};

    fn report(opinion: AnalysisStatus, culprit: Option<Metric>) -> Report {
        Report { opinion, culprit, ..CanaryAnalyzer::new(Rules::default()).report() }
    }

    #[test]
    fn suspicion_pauses_and_only_proof_rolls_back() {
        let rails = Guardrails::default();
        let asks = |opinion, metric| rails.response(&report(opinion, Some(metric)));
        assert_eq!(asks(AnalysisStatus::Suspect, Metric::Errors), Some(Response::Pause));
        assert_eq!(asks(AnalysisStatus::Regressed, Metric::Errors), Some(Response::Rollback));
        assert_eq!(asks(AnalysisStatus::Regressed, Metric::Latency), Some(Response::Pause));
        let alert = Guardrails { errors: Response::Alert, ..rails.clone() };
        assert_eq!(alert.response(&report(AnalysisStatus::Regressed, Some(Metric::Errors))), Some(Response::Alert));
    }

    #[test]
    fn undecided_analysis_triggers_nothing() {
        let rails = Guardrails::default();
        for opinion in [AnalysisStatus::Undecided, AnalysisStatus::Healthy, AnalysisStatus::NoData] {
            assert_eq!(rails.response(&report(opinion, None)), None);
            assert_eq!(rails.response(&report(opinion, Some(Metric::Errors))), None);
        }
        assert_eq!(rails.response(&CanaryAnalyzer::new(Rules::default()).report()), None);
    }
}
