//! Argo's AnalysisRuns, as they stand beside a rollout.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Returns whether a phase of an AnalysisRun or Experiment is its last.
#[must_use]
pub fn is_final(phase: &str) -> bool {
    matches!(phase, "Successful" | "Failed" | "Error" | "Inconclusive")
}

/// What is kept of an AnalysisRun.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalysisRun {
    pub name: String,
    /// Template hash of the revision it analyses.
    pub hash: String,
    /// `Step`, `Background`, `PrePromotion` or `PostPromotion`.
    pub kind: String,
    /// Step it belongs to, zero-based.
    pub step: Option<usize>,
    /// `Pending`, `Running`, `Successful`, `Failed`, `Error` or `Inconclusive`.
    pub phase: String,
    pub message: String,
    pub started: Option<Timestamp>,
    pub created: Option<Timestamp>,
    pub completed: Option<Timestamp>,
    pub metrics: Vec<AnalysisMetric>,
}

/// One metric of an AnalysisRun with the budgets it may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalysisMetric {
    pub name: String,
    pub phase: String,
    pub successful: u32,
    pub failed: u32,
    pub inconclusive: u32,
    /// Measurements that could not be taken.
    pub error: u32,
    /// How many measurements are planned, if limited.
    pub count: Option<u32>,
    pub failure_limit: i64,
    /// Condition for success, as written.
    pub success_condition: String,
    /// Condition for failure, as written.
    pub failure_condition: String,
    pub last_value: Option<String>,
    /// Whether its failure has no effect.
    pub dry_run: bool,
}
