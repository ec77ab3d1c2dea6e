//! AnalysisRuns.

use serde_json::Value;

use super::{count, int_or_text, list, text, time};
use crate::domain::facts::analysis_run::{AnalysisMetric, AnalysisRun};

#[must_use]
pub fn analysis_run(value: &Value) -> AnalysisRun {
    let (metadata, spec, status) = (&value["metadata"], &value["spec"], &value["status"]);
    let labels = &metadata["labels"];
    let results: Vec<&Value> = list(&status["metricResults"]).collect();
    let dry_runs: Vec<&str> = list(&spec["dryRun"]).filter_map(|dry| dry["metricName"].as_str()).collect();
    AnalysisRun {
        name: text(&metadata["name"]),
        hash: text(&labels["rollouts-pod-template-hash"]),
        kind: text(&labels["rollout-type"]),
        step: labels["step-index"].as_str().and_then(|step| step.parse().ok()),
        phase: text(&status["phase"]),
        message: text(&status["message"]),
        started: time(&status["startedAt"]),
        created: time(&metadata["creationTimestamp"]),
        completed: time(&status["completedAt"]),
        metrics: list(&spec["metrics"]).map(|metric| analysis_metric(metric, &results, &dry_runs)).collect(),
    }
}

fn analysis_metric(metric: &Value, results: &[&Value], dry_runs: &[&str]) -> AnalysisMetric {
    let name = text(&metric["name"]);
    let none = Value::Null;
    let result = results.iter().find(|result| result["name"] == metric["name"]).copied().unwrap_or(&none);
    let number = |value: &Value| int_or_text(value).and_then(|text| text.parse::<i64>().ok());
    AnalysisMetric {
        phase: text(&result["phase"]),
        successful: count(&result["successful"]),
        failed: count(&result["failed"]),
        inconclusive: count(&result["inconclusive"]),
        error: count(&result["error"]),
        count: number(&metric["count"]).and_then(|n| u32::try_from(n).ok()),
        failure_limit: number(&metric["failureLimit"]).unwrap_or(0),
        success_condition: text(&metric["successCondition"]),
        failure_condition: text(&metric["failureCondition"]),
        last_value: list(&result["measurements"]).last().and_then(|last| last["value"].as_str()).map(ToOwned::to_owned),
        // `spec.dryRun` may hold patterns: the controller writes down what they came to.
        dry_run: result["dryRun"].as_bool().unwrap_or_else(|| dry_runs.contains(&name.as_str())),
        name,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metric_that_a_pattern_makes_a_dry_run_is_marked() {
        let run = analysis_run(&json!({
            "spec": {"dryRun": [{"metricName": "trial.*"}, {"metricName": "new"}],
                     "metrics": [{"name": "trial-ratio"}, {"name": "real-ratio"}, {"name": "new"}]},
            "status": {"metricResults": [
                {"name": "trial-ratio", "phase": "Failed", "failed": 1, "dryRun": true},
                {"name": "real-ratio", "phase": "Running"},
            ]},
        }));
        let dry: Vec<_> = run.metrics.iter().map(|metric| (metric.name.as_str(), metric.dry_run)).collect();
        assert_eq!(dry, [("trial-ratio", true), ("real-ratio", false), ("new", true)]);
    }
}
