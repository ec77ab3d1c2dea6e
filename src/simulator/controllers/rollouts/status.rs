//! The status that a Rollout's controller writes, in the shape of the real one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::spec::without_nulls;
use crate::kubernetes::object::stamp;

/// `status` of a Rollout.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    #[serde(rename = "HPAReplicas", skip_serializing_if = "is_zero")]
    pub hpa_replicas: i64,
    /// Traffic back to stable, by a person or an analysis.
    #[serde(skip_serializing_if = "is_false")]
    pub abort: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aborted_at: Option<String>,
    /// Pods that have been ready long enough.
    #[serde(skip_serializing_if = "is_zero")]
    pub available_replicas: i64,
    pub blue_green: BlueGreenStatus,
    pub canary: CanaryStatus,
    /// Bumped when two templates have the same hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collision_count: Option<i64>,
    /// Conditions, the one written last at the end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The controller has paused; with no pause condition left, a person has resumed.
    #[serde(skip_serializing_if = "is_false")]
    pub controller_pause: bool,
    /// Hash of the wanted template.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub current_pod_hash: String,
    /// Hash of the canary steps.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub current_step_hash: String,
    /// Step in progress, from 0; the number of steps when all are done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_step_index: Option<i64>,
    /// Why the phase is what it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Generation of the spec that this is about, as text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub observed_generation: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pause_conditions: Vec<PauseCondition>,
    /// `Healthy`, `Progressing`, `Paused` or `Degraded`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub phase: String,
    /// All steps are to be skipped.
    #[serde(skip_serializing_if = "is_false")]
    pub promote_full: bool,
    #[serde(skip_serializing_if = "is_zero")]
    pub ready_replicas: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub replicas: i64,
    /// The `restartAt` that has been carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restarted_at: Option<String>,
    /// Selector of the pods, as text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub selector: String,
    /// Hash of the template that abort goes back to.
    #[serde(rename = "stableRS", skip_serializing_if = "String::is_empty")]
    pub stable_rs: String,
    /// Pods of the wanted template.
    #[serde(skip_serializing_if = "is_zero")]
    pub updated_replicas: i64,
    /// Generation of the referenced workload that this is about, as text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub workload_observed_generation: String,
}

/// `status.canary`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CanaryStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_background_analysis_run_status: Option<RunStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_step_analysis_run_status: Option<RunStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_experiment: Option<String>,
    /// How the router splits the traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<Weights>,
}

/// `status.blueGreen`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlueGreenStatus {
    /// Hash that the active service selects.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub active_selector: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_promotion_analysis_run_status: Option<RunStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_promotion_analysis_run_status: Option<RunStatus>,
    /// Hash that the preview service selects.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub preview_selector: String,
    /// The preview has been approved and is being scaled up.
    #[serde(skip_serializing_if = "is_false")]
    pub scale_up_preview_check_point: bool,
}

/// The analysis run that a rollout looks at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunStatus {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    pub name: String,
    pub status: String,
}

/// `status.canary.weights`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Weights {
    pub canary: Destination,
    pub stable: Destination,
}

/// Where a share of the traffic goes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Destination {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pod_template_hash: String,
    /// Service in front of them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_name: String,
    /// Share, out of the maximum weight.
    pub weight: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PauseCondition {
    /// `CanaryPauseStep`, `BlueGreenPause`, `InconclusiveAnalysisRun`.
    pub reason: String,
    pub start_time: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// When `status` changed.
    pub last_transition_time: String,
    pub last_update_time: String,
    pub message: String,
    pub reason: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    #[serde(rename = "type")]
    pub kind: String,
}

impl Status {
    /// Reads a status; what cannot be read counts as absent.
    pub fn read(status: Option<&Value>) -> Self {
        status.and_then(|status| serde_json::from_value(without_nulls(status)).ok()).unwrap_or_default()
    }

    /// Returns the status as JSON.
    pub fn write(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Returns the condition of a type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.kind == kind)
    }

    /// Enters a condition unless one of the same status and reason is there. Returns whether it was entered.
    pub fn set_condition(&mut self, mut new: Condition) -> bool {
        if let Some(old) = self.condition(&new.kind) {
            if old.status == new.status && old.reason == new.reason {
                return false;
            }
            if old.status == new.status {
                new.last_transition_time.clone_from(&old.last_transition_time);
            }
        }
        self.remove_condition(&new.kind);
        self.conditions.push(new);
        true
    }

    /// Removes the condition of a type.
    pub fn remove_condition(&mut self, kind: &str) {
        self.conditions.retain(|c| c.kind != kind);
    }

    /// Returns the pause condition with a reason.
    pub fn pause(&self, reason: &str) -> Option<&PauseCondition> {
        self.pause_conditions.iter().find(|p| p.reason == reason)
    }

    /// Returns whether the wanted template is the stable one. True also before either is known, as in the
    /// real controller.
    pub fn is_fully_promoted(&self) -> bool {
        self.stable_rs == self.current_pod_hash
    }
}

impl Condition {
    pub fn new(kind: &str, status: &str, reason: &str, message: &str, at: Timestamp) -> Self {
        Self {
            last_transition_time: stamp(at),
            last_update_time: stamp(at),
            message: message.to_owned(),
            reason: reason.to_owned(),
            status: status.to_owned(),
            kind: kind.to_owned(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}
