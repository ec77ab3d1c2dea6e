//! The analysis controller: measurements at their time, analysed by their conditions.
//!
//! Measurements do not ask a server: what a metric means is determined by its name, and its value is what the users of
//! the canary feel.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::condition_language::evaluate;
use super::events::Severity;
use super::rollouts::HASH_LABEL;
use super::rollouts::spec::go_duration;
use super::{ROLLOUTS_CONTROLLER, Tools};
use crate::clock::later;
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object::{self, flag, items, number, stamp, text};
use crate::kubernetes::store::{Key, Part};

/// After a measurement that could not be taken.
const ERROR_RETRY_INTERVAL: Duration = Duration::from_secs(10);
/// Errors in a row that end a metric.
const MAX_CONSECUTIVE_ERRORS: i64 = 4;
/// Measurements kept of each metric.
const MAX_MEASUREMENTS: usize = 10;
/// 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

/// Moves one analysis run on.
pub fn reconcile(tools: &mut Tools, key: &Key) {
    let Some(run) = tools.store.get(key) else {
        return;
    };
    if is_final(text(&run, "/status/phase")) {
        return;
    }
    let now = tools.clock.now();
    let mut status = run.get("status").cloned().unwrap_or(json!({}));
    let started = object::time(&status, "/startedAt").unwrap_or(now);
    object::set(&mut status, &["startedAt"], json!(stamp(started)));
    let failing = items(&status, "/metricResults")
        .iter()
        .any(|result| matches!(text(result, "/phase"), "Failed" | "Error" | "Inconclusive"));
    let terminating = flag(&run, "/spec/terminate") || failing;
    let mut results = items(&status, "/metricResults").to_vec();
    let mut next: Option<Timestamp> = None;
    for metric in items(&run, "/spec/metrics") {
        let name = text(metric, "/name");
        let position = results.iter().position(|r| text(r, "/name") == name);
        let mut result =
            position.map_or_else(|| json!({"name": name, "phase": "Pending"}), |index| results[index].clone());
        if is_final(text(&result, "/phase")) {
            continue;
        }
        let due = due(tools, metric, &result, started, now);
        match due {
            Some(due) if !terminating && due <= now => measure(tools, &run, metric, &mut result),
            _ if position.is_none() && !terminating => {
                next = earlier(next, due);
                continue;
            }
            _ => {}
        }
        judge(metric, &mut result, terminating);
        if !is_final(text(&result, "/phase")) {
            let due = self::due(tools, metric, &result, started, now);
            next = earlier(next, due);
        }
        match position {
            Some(index) => results[index] = result,
            None => results.push(result),
        }
    }
    object::set(&mut status, &["metricResults"], json!(results));
    conclude(&run, &mut status, terminating, now);
    write(tools, key, &run, &status);
    if !is_final(text(&status, "/phase"))
        && let Some(at) = next
    {
        tools.queue.add_at(at, key.clone());
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Returns whether a phase of an AnalysisRun or Experiment is its last.
pub fn is_final(phase: &str) -> bool {
    matches!(phase, "Successful" | "Failed" | "Error" | "Inconclusive")
}

/// Numbers in analysis specs may be text.
fn limit(metric: &Value, field: &str) -> Option<i64> {
    match metric.get(field)? {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    }
}

fn duration(metric: &Value, field: &str) -> Option<Duration> {
    go_duration(metric.get(field)?.as_str()?)
}

/// How often a metric is measured: once without an interval, without end with an interval alone.
fn count(metric: &Value) -> Option<i64> {
    limit(metric, "count").or_else(|| metric.get("interval").is_none().then_some(1))
}

fn due(tools: &Tools, metric: &Value, result: &Value, started: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let Some(last) = items(result, "/measurements").last() else {
        let delay = duration(metric, "initialDelay").unwrap_or_default();
        return Some(later(started, delay));
    };
    if count(metric).is_some_and(|count| number(result, "/count", 0) >= count) {
        return None;
    }
    let interval = if text(last, "/phase") == "Error" {
        tools.clock.scale(ERROR_RETRY_INTERVAL)
    } else {
        duration(metric, "interval").unwrap_or(ERROR_RETRY_INTERVAL)
    };
    let finished = object::time(last, "/finishedAt").unwrap_or(now);
    Some(later(finished, interval))
}

fn measure(tools: &mut Tools, run: &Value, metric: &Value, result: &mut Value) {
    let now = stamp(tools.clock.now());
    let mut measurement = json!({"finishedAt": now, "startedAt": now});
    let (phase, counter) = match observe(tools, run, metric) {
        Err(why) => {
            measurement["message"] = json!(why);
            ("Error", "error")
        }
        Ok(values) => {
            let shown: Vec<String> = values.iter().map(f64::to_string).collect();
            measurement["value"] = json!(format!("[{}]", shown.join(",")));
            match judge_values(metric, &values) {
                Ok(phase) => match phase {
                    "Successful" => (phase, "successful"),
                    "Failed" => (phase, "failed"),
                    _ => (phase, "inconclusive"),
                },
                Err(why) => {
                    measurement["message"] = json!(why);
                    ("Error", "error")
                }
            }
        }
    };
    measurement["phase"] = json!(phase);
    bump(result, counter);
    if phase == "Error" {
        bump(result, "consecutiveError");
    } else {
        bump(result, "count");
        object::remove(result, &["consecutiveError"]);
    }
    if phase == "Successful" {
        bump(result, "consecutiveSuccess");
    } else {
        object::remove(result, &["consecutiveSuccess"]);
    }
    let mut measurements = items(result, "/measurements").to_vec();
    measurements.push(measurement);
    let surplus = measurements.len().saturating_sub(MAX_MEASUREMENTS);
    measurements.drain(..surplus);
    object::set(result, &["measurements"], json!(measurements));
    let query = text(metric, "/provider/prometheus/query");
    if !query.is_empty() {
        object::set(result, &["metadata", "ResolvedPrometheusQuery"], json!(resolve(query, run)));
    }
}

fn bump(result: &mut Value, field: &str) {
    let count = number(result, &format!("/{field}"), 0) + 1;
    object::set(result, &[field], json!(count));
}

fn resolve(query: &str, run: &Value) -> String {
    items(run, "/spec/args").iter().fold(query.to_owned(), |query, arg| {
        query.replace(&format!("{{{{args.{}}}}}", text(arg, "/name")), text(arg, "/value"))
    })
}

fn judge_values(metric: &Value, values: &[f64]) -> Result<&'static str, String> {
    let condition = |field: &str| match text(metric, field) {
        "" => Ok(None),
        condition => evaluate(condition, values).map(Some),
    };
    let success = condition("/successCondition")?;
    let failure = condition("/failureCondition")?;
    Ok(match (success, failure) {
        (_, Some(true)) | (Some(false), None) => "Failed",
        (Some(true), _) | (None, Some(false) | None) => "Successful",
        (Some(false), Some(false)) => "Inconclusive",
    })
}

/// Returns what the metric's query would: the figure that its name tells of, for the canary's pods.
fn observe(tools: &mut Tools, run: &Value, metric: &Value) -> Result<Vec<f64>, String> {
    if tools.metrics_down() {
        return Err("Post \"http://prometheus/api/v1/query\": dial tcp: connect: connection refused".to_owned());
    }
    let hash = object::label(run, HASH_LABEL).unwrap_or_default();
    let namespace = object::namespace(run);
    let flows = tools.observe_traffic();
    let Some(flow) = flows
        .iter()
        .find(|flow| flow.namespace == namespace && flow.hash == hash)
        .filter(|flow| flow.requests_per_pod > 0.0)
    else {
        return Ok(Vec::new());
    };
    let service = flow.service;
    let words = format!("{} {}", text(metric, "/name"), text(run, "/metadata/name"));
    let figure = if words.contains("success") || words.contains("availability") {
        1.0 - service.error_ratio
    } else if words.contains("latency") || words.contains("p99") || words.contains("duration") {
        service.median_seconds * (Z99 * service.sigma).exp()
    } else {
        service.error_ratio
    };
    Ok(vec![(figure * 1e6).round() / 1e6])
}

/// Evaluates a metric by its counters; the order is that of the real controller.
fn judge(metric: &Value, result: &mut Value, terminating: bool) {
    let counter = |field: &str| number(result, &format!("/{field}"), 0);
    let phase = if items(result, "/measurements").is_empty() {
        if terminating { "Successful" } else { "Pending" }
    } else if let Some((phase, _)) = verdict(metric, result) {
        phase
    } else if limit(metric, "consecutiveSuccessLimit")
        .is_some_and(|limit| limit > 0 && counter("consecutiveSuccess") >= limit)
        || terminating
    {
        "Successful"
    } else if count(metric).is_some_and(|count| counter("count") >= count) {
        if limit(metric, "consecutiveSuccessLimit").is_some_and(|limit| limit > 0) {
            "Inconclusive"
        } else {
            "Successful"
        }
    } else {
        "Running"
    };
    if is_final(phase)
        && let Some(message) = items(result, "/measurements")
            .last()
            .map(|last| text(last, "/message").to_owned())
            .filter(|message| !message.is_empty())
    {
        object::set(result, &["message"], json!(message));
    }
    object::set(result, &["phase"], json!(phase));
}

fn verdict(metric: &Value, result: &Value) -> Option<(&'static str, String)> {
    let counter = |field: &str| number(result, &format!("/{field}"), 0);
    let mut verdict = None;
    let failure_limit = limit(metric, "failureLimit").unwrap_or(0);
    if failure_limit >= 0 && counter("failed") > failure_limit {
        verdict = Some(("Failed", format!("failed ({}) > failureLimit ({failure_limit})", counter("failed"))));
    }
    let inconclusive_limit = limit(metric, "inconclusiveLimit").unwrap_or(0);
    if counter("inconclusive") > inconclusive_limit {
        verdict = Some((
            "Inconclusive",
            format!("inconclusive ({}) > inconclusiveLimit ({inconclusive_limit})", counter("inconclusive")),
        ));
    }
    let error_limit = limit(metric, "consecutiveErrorLimit").unwrap_or(MAX_CONSECUTIVE_ERRORS);
    if counter("consecutiveError") > error_limit {
        verdict = Some((
            "Error",
            format!("consecutiveErrors ({}) > consecutiveErrorLimit ({error_limit})", counter("consecutiveError")),
        ));
    }
    verdict
}

fn conclude(run: &Value, status: &mut Value, terminating: bool, now: Timestamp) {
    let rank = |phase: &str| {
        ["Successful", "Running", "Pending", "Inconclusive", "Error", "Failed"]
            .iter()
            .position(|p| *p == phase)
            .unwrap_or(0)
    };
    let metrics = items(run, "/spec/metrics");
    let mut worst = "";
    let mut message = String::new();
    let mut complete = true;
    let mut summary = json!({"count": metrics.len()});
    let results = items(status, "/metricResults").to_vec();
    for metric in metrics {
        let Some(result) =
            results.iter().find(|r| r.get("name") == metric.get("name")).filter(|r| is_final(text(r, "/phase")))
        else {
            complete = false;
            continue;
        };
        let phase = text(result, "/phase");
        bump(&mut summary, &phase.to_lowercase());
        if worst.is_empty() || rank(phase) > rank(worst) {
            worst = match phase {
                "Failed" => "Failed",
                "Error" => "Error",
                "Inconclusive" => "Inconclusive",
                _ => "Successful",
            };
            if let Some((_, why)) = verdict(metric, result) {
                message = format!("Metric \"{}\" assessed {phase} due to {why}", text(metric, "/name"));
                let detail = text(result, "/message");
                if !detail.is_empty() {
                    message = format!("{message}: \"Error Message: {detail}\"");
                }
            }
        }
    }
    if message.is_empty() && flag(run, "/spec/terminate") {
        "Run Terminated".clone_into(&mut message);
    }
    let phase = if terminating {
        if worst.is_empty() { "Successful" } else { worst }
    } else if !complete || worst.is_empty() {
        "Running"
    } else {
        worst
    };
    object::set(status, &["runSummary"], summary);
    object::set(status, &["dryRunSummary"], json!({}));
    object::set(status, &["phase"], json!(phase));
    if is_final(phase) {
        object::set(status, &["completedAt"], json!(stamp(now)));
        if !message.is_empty() {
            object::set(status, &["message"], json!(message));
        }
    }
}

fn write(tools: &mut Tools, key: &Key, run: &Value, status: &Value) {
    let before = run.get("status").cloned().unwrap_or(json!({}));
    let say = |tools: &mut Tools, phase: &str, reason: &'static str, message: &str| {
        let severity = if matches!(phase, "Failed" | "Error") { Severity::Warning } else { Severity::Normal };
        tools.events.record(&tools.store, run, ROLLOUTS_CONTROLLER, severity, reason, message);
    };
    for result in items(status, "/metricResults") {
        let (name, phase) = (text(result, "/name"), text(result, "/phase"));
        let was =
            items(&before, "/metricResults").iter().any(|r| text(r, "/name") == name && text(r, "/phase") == phase);
        if is_final(phase) && !was {
            let message = format!("Metric '{name}' Completed. Result: {phase}");
            say(tools, phase, reason("Metric", phase), &message);
        }
    }
    let phase = text(status, "/phase");
    if is_final(phase) {
        let message = format!("Analysis Completed. Result: {phase}");
        say(tools, phase, reason("AnalysisRun", phase), &message);
    }
    let author = Author::update(ROLLOUTS_CONTROLLER);
    // There is no status subresource: the status lies in the main object.
    let _ = tools.store.update(key, Part::Main, &author, |old| {
        let mut new = old.clone();
        new["status"] = status.clone();
        Ok(new)
    });
}

/// Returns the reason of an event about a phase.
pub fn reason(subject: &str, phase: &str) -> &'static str {
    match (subject, phase) {
        ("Metric", "Successful") => "MetricSuccessful",
        ("Metric", "Failed") => "MetricFailed",
        ("Metric", "Error") => "MetricError",
        ("Metric", _) => "MetricInconclusive",
        (_, "Successful") => "AnalysisRunSuccessful",
        (_, "Failed") => "AnalysisRunFailed",
        (_, "Error") => "AnalysisRunError",
        (_, "Running") => "AnalysisRunRunning",
        (_, "Pending") => "AnalysisRunPending",
        _ => "AnalysisRunInconclusive",
    }
}
