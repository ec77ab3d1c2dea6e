//! A Rollout as JSON, reduced to what is kept of it.

use serde_json::Value;

use super::{
    BlueGreenStrategy, CanaryStrategy, DEFAULT_SCALE_DOWN_DELAY_SECONDS, PauseCondition, Rollout, RolloutSpec,
    RolloutStatus, RolloutStrategy, RouterWeight, RouterWeights, RunStatus, TemplateRef,
};
use crate::domain::facts::reduce::{
    conditions, containers, count, int_or_text, list, maybe_count, meta, selector, text, time,
};
use crate::domain::facts::step::{PauseFor, Step, parse_pause};
use crate::domain::facts::workload::pod_replacement::{RollingUpdate, min_ready_seconds};
use crate::domain::facts::workload::router::Router;

#[must_use]
pub fn reduce(value: &Value) -> Rollout {
    let meta = meta(value);
    let mut spec = spec(&meta.name, &value["spec"]);
    if spec.selector.is_empty() {
        // With `workloadRef` the selector is that of the workload named there; the controller reports it. For
        // blue-green it narrows it to the active revision.
        let reported = text(&value["status"]["selector"]);
        let terms: Vec<_> =
            reported.split(',').filter(|term| !term.starts_with("rollouts-pod-template-hash")).collect();
        spec.selector = terms.join(",");
    }
    Rollout { meta, spec, status: status(&value["status"]) }
}

fn spec(name: &str, spec: &Value) -> RolloutSpec {
    let owner = &spec["workloadRef"];
    RolloutSpec {
        replicas: maybe_count(&spec["replicas"]),
        paused: spec["paused"] == true,
        strategy: strategy(name, &spec["strategy"]),
        workload_ref: owner["name"]
            .as_str()
            .map(|name| TemplateRef { kind: text(&owner["kind"]), name: name.to_owned() }),
        restart_at: spec["restartAt"].as_str().map(ToOwned::to_owned),
        selector: selector(&spec["selector"]),
        containers: containers(&spec["template"]["spec"]["containers"]),
        init_containers: containers(&spec["template"]["spec"]["initContainers"]),
        min_ready_seconds: min_ready_seconds(spec),
        rollback_window: maybe_count(&spec["rollbackWindow"]["revisions"]),
    }
}

fn strategy(name: &str, value: &Value) -> RolloutStrategy {
    let blue_green = &value["blueGreen"];
    if blue_green.is_object() {
        return RolloutStrategy::BlueGreen(BlueGreenStrategy {
            auto_promotion: blue_green["autoPromotionEnabled"].as_bool().unwrap_or(true),
            auto_promotion_seconds: blue_green["autoPromotionSeconds"].as_i64().filter(|seconds| *seconds > 0),
            pre_analysis: blue_green["prePromotionAnalysis"].is_object(),
            post_analysis: blue_green["postPromotionAnalysis"].is_object(),
            active_service: text(&blue_green["activeService"]),
            preview_replicas: maybe_count(&blue_green["previewReplicaCount"]),
            scale_down_delay_seconds: scale_down_delay_seconds(blue_green),
        });
    }
    let canary = &value["canary"];
    let routing = &canary["trafficRouting"];
    RolloutStrategy::Canary(CanaryStrategy {
        steps: list(&canary["steps"]).map(step).collect(),
        router: Router::parse(name, canary),
        dynamic_stable_scale: canary["dynamicStableScale"] == true,
        max_weight: maybe_count(&routing["maxTrafficWeight"]).filter(|max| *max > 0).unwrap_or(100),
        injects_metadata: ["canaryMetadata", "stableMetadata", "antiAffinity"]
            .iter()
            .any(|key| canary[*key].is_object()),
        rolling_update: RollingUpdate::parse(canary),
        scale_down_delay_seconds: scale_down_delay_seconds(canary),
    })
}

fn scale_down_delay_seconds(strategy: &Value) -> i64 {
    strategy["scaleDownDelaySeconds"].as_i64().unwrap_or(DEFAULT_SCALE_DOWN_DELAY_SECONDS)
}

fn step(step: &Value) -> Step {
    let named = |value: &Value| text(&value["name"]);
    if let Some(weight) = maybe_count(&step["setWeight"]) {
        return Step::SetWeight(weight);
    }
    let Some(fields) = step.as_object() else { return Step::Invalid };
    match fields.keys().next().map(String::as_str) {
        Some("pause") => Step::Pause(match int_or_text(&step["pause"]["duration"]) {
            None => PauseFor::Person,
            Some(duration) => parse_pause(&duration).map_or(PauseFor::Unreadable, PauseFor::Time),
        }),
        Some("experiment") => Step::Experiment,
        Some("analysis") => {
            Step::Analysis(list(&step["analysis"]["templates"]).map(|t| text(&t["templateName"])).collect())
        }
        Some("setCanaryScale") => Step::SetCanaryScale(canary_scale(&step["setCanaryScale"])),
        Some("setHeaderRoute") => Step::SetHeaderRoute(named(&step["setHeaderRoute"])),
        Some("setMirrorRoute") => Step::SetMirrorRoute(named(&step["setMirrorRoute"])),
        Some("plugin") => Step::Plugin(named(&step["plugin"])),
        _ => Step::Invalid,
    }
}

fn canary_scale(scale: &Value) -> String {
    if let Some(weight) = scale["weight"].as_u64() {
        format!("weight {weight}")
    } else if let Some(replicas) = scale["replicas"].as_u64() {
        format!("replicas {replicas}")
    } else {
        "matches the traffic weight".to_owned()
    }
}

fn status(status: &Value) -> RolloutStatus {
    let (canary, blue_green) = (&status["canary"], &status["blueGreen"]);
    RolloutStatus {
        phase: text(&status["phase"]),
        message: text(&status["message"]),
        observed_generation: int_or_text(&status["observedGeneration"]).unwrap_or_default(),
        abort: status["abort"] == true,
        aborted_at: time(&status["abortedAt"]),
        controller_pause: status["controllerPause"] == true,
        pause_conditions: list(&status["pauseConditions"])
            .map(|pause| PauseCondition { reason: text(&pause["reason"]), start: time(&pause["startTime"]) })
            .collect(),
        promote_full: status["promoteFull"] == true,
        step_index: status["currentStepIndex"].as_u64().and_then(|index| usize::try_from(index).ok()),
        current_hash: text(&status["currentPodHash"]),
        stable_hash: text(&status["stableRS"]),
        replicas: count(&status["replicas"]),
        updated: count(&status["updatedReplicas"]),
        ready: count(&status["readyReplicas"]),
        available: count(&status["availableReplicas"]),
        restarted_at: status["restartedAt"].as_str().map(ToOwned::to_owned),
        weights: weights(&canary["weights"]),
        step_analysis: run_status(&canary["currentStepAnalysisRunStatus"]),
        background_analysis: run_status(&canary["currentBackgroundAnalysisRunStatus"]),
        pre_analysis: run_status(&blue_green["prePromotionAnalysisRunStatus"]),
        post_analysis: run_status(&blue_green["postPromotionAnalysisRunStatus"]),
        experiment: canary["currentExperiment"].as_str().map(ToOwned::to_owned),
        active_hash: text(&blue_green["activeSelector"]),
        preview_hash: text(&blue_green["previewSelector"]),
        conditions: conditions(status),
        workload_observed_generation: int_or_text(&status["workloadObservedGeneration"]).unwrap_or_default(),
    }
}

fn weights(weights: &Value) -> Option<RouterWeights> {
    let weight =
        |value: &Value| RouterWeight { hash: text(&value["podTemplateHash"]), weight: count(&value["weight"]) };
    weights.is_object().then(|| RouterWeights {
        canary: weight(&weights["canary"]),
        stable: weight(&weights["stable"]),
        additional: list(&weights["additional"]).map(weight).collect(),
        verified: weights["verified"].as_bool(),
    })
}

fn run_status(run: &Value) -> Option<RunStatus> {
    let name = run["name"].as_str()?;
    Some(RunStatus { name: name.to_owned(), status: text(&run["status"]), message: text(&run["message"]) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn workload_ref_uses_the_selector_of_the_status() {
        let selector = |reported: &str| {
            let value =
                json!({"spec": {"workloadRef": {"kind": "Deployment", "name": "a"}}, "status": {"selector": reported}});
            reduce(&value).spec.selector
        };
        assert_eq!(selector("app=api,tier in (a,b)"), "app=api,tier in (a,b)");
        assert_eq!(selector("app=api,rollouts-pod-template-hash=6c9f7"), "app=api");
        assert_eq!(selector(""), "");
    }
}
