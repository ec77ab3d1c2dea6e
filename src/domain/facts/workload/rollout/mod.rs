//! Argo Rollouts: phase, message, step, weight and figures as `kubectl argo rollouts get rollout` shows them.
//!
//! Source of the rules: Argo Rollouts v1.9 `utils/rollout/rolloututil.go` and `pkg/kubectl-argo-rollouts/info`.

mod reduce;
mod serving;
mod split;
mod view;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::pod_replacement::RollingUpdate;
use super::router::Router;
use super::{Pause, PauseReason, Phase, Replicas, Weight};
use crate::domain::facts::analysis_run::is_final;
use crate::domain::facts::object::{Condition, Container, Meta};
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::step::{PauseFor, Step, weight_at};

pub use reduce::reduce;
pub use split::{PodShare, Pods, Split};

/// What is kept of a Rollout.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    pub meta: Meta,
    pub spec: RolloutSpec,
    pub status: RolloutStatus,
}

/// The wanted part of a Rollout, reduced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutSpec {
    /// `spec.replicas`; Kubernetes' default is 1.
    pub replicas: Option<u32>,
    pub paused: bool,
    pub strategy: RolloutStrategy,
    /// Where the pod template lives, if not in the Rollout.
    pub workload_ref: Option<TemplateRef>,
    /// `spec.restartAt`.
    pub restart_at: Option<String>,
    /// `spec.selector`, with `workloadRef` `status.selector`, as a label selector.
    pub selector: String,
    /// Containers of the template (empty with `workloadRef`).
    pub containers: Vec<Container>,
    #[serde(default)]
    pub init_containers: Vec<Container>,
    /// `spec.rollbackWindow.revisions`.
    pub rollback_window: Option<u32>,
    /// `spec.minReadySeconds`.
    #[serde(default)]
    pub min_ready_seconds: u32,
}

const DEFAULT_SCALE_DOWN_DELAY_SECONDS: i64 = 30;

/// The object that `workloadRef` names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateRef {
    /// Kind, e.g. `Deployment`.
    pub kind: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolloutStrategy {
    Canary(CanaryStrategy),
    BlueGreen(BlueGreenStrategy),
}

/// `spec.strategy.canary`, reduced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryStrategy {
    pub steps: Vec<Step>,
    /// The traffic router that sets the weight; without one it is the share of pods.
    pub router: Option<Router>,
    /// `dynamicStableScale`: stable shrinks as the canary grows, and an abort has to scale it up first.
    pub dynamic_stable_scale: bool,
    /// `trafficRouting.maxTrafficWeight`, else 100.
    pub max_weight: u32,
    /// Keys of `canaryMetadata` and `stableMetadata` or an injected anti-affinity are in use.
    pub injects_metadata: bool,
    /// `maxSurge` and `maxUnavailable`.
    #[serde(default)]
    pub rolling_update: RollingUpdate,
    /// How long the pods of the revision before stay after the last step: `scaleDownDelaySeconds`, by default 30; of no
    /// effect without a router.
    #[serde(default)]
    pub scale_down_delay_seconds: i64,
}

impl Default for CanaryStrategy {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            router: None,
            dynamic_stable_scale: false,
            max_weight: 100,
            injects_metadata: false,
            rolling_update: RollingUpdate::default(),
            scale_down_delay_seconds: DEFAULT_SCALE_DOWN_DELAY_SECONDS,
        }
    }
}

/// `spec.strategy.blueGreen`, reduced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlueGreenStrategy {
    /// `autoPromotionEnabled`, by default true.
    pub auto_promotion: bool,
    /// `autoPromotionSeconds`.
    pub auto_promotion_seconds: Option<i64>,
    /// Whether an analysis before the switch is configured.
    pub pre_analysis: bool,
    /// Whether an analysis after the switch is configured.
    pub post_analysis: bool,
    /// Name of the Service that users reach.
    pub active_service: String,
    /// `previewReplicaCount`.
    pub preview_replicas: Option<u32>,
    /// How long the pods of the revision before stay after the switch: `scaleDownDelaySeconds`, by default 30.
    pub scale_down_delay_seconds: i64,
}

impl Default for BlueGreenStrategy {
    fn default() -> Self {
        Self {
            auto_promotion: true,
            auto_promotion_seconds: None,
            pre_analysis: false,
            post_analysis: false,
            active_service: String::new(),
            preview_replicas: None,
            scale_down_delay_seconds: DEFAULT_SCALE_DOWN_DELAY_SECONDS,
        }
    }
}

impl Default for RolloutStrategy {
    fn default() -> Self {
        Self::Canary(CanaryStrategy::default())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseCondition {
    /// `CanaryPauseStep`, `BlueGreenPause`, `InconclusiveAnalysisRun`, `InconclusiveExperiment`.
    pub reason: String,
    pub start: Option<Timestamp>,
}

/// The reported part of a Rollout, reduced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutStatus {
    /// `status.phase`; empty before controller 1.0.
    pub phase: String,
    /// `status.message`.
    pub message: String,
    /// `status.observedGeneration`: a string.
    pub observed_generation: String,
    /// `status.abort`.
    pub abort: bool,
    /// `status.abortedAt`.
    pub aborted_at: Option<Timestamp>,
    /// `status.controllerPause`.
    pub controller_pause: bool,
    /// `status.pauseConditions`.
    pub pause_conditions: Vec<PauseCondition>,
    /// `status.promoteFull`.
    pub promote_full: bool,
    /// `status.currentStepIndex`: the next or current step, zero-based; the number of steps when all are done.
    pub step_index: Option<usize>,
    /// `status.currentPodHash`: the revision in progress.
    pub current_hash: String,
    /// `status.stableRS`.
    pub stable_hash: String,
    /// `status.replicas`.
    pub replicas: u32,
    /// `status.updatedReplicas`.
    pub updated: u32,
    /// `status.readyReplicas`.
    pub ready: u32,
    /// `status.availableReplicas`.
    pub available: u32,
    /// `status.restartedAt`.
    pub restarted_at: Option<String>,
    /// `status.canary.weights`.
    pub weights: Option<RouterWeights>,
    /// `status.canary.currentStepAnalysisRunStatus`.
    pub step_analysis: Option<RunStatus>,
    /// `status.canary.currentBackgroundAnalysisRunStatus`.
    pub background_analysis: Option<RunStatus>,
    /// `status.blueGreen.prePromotionAnalysisRunStatus`.
    pub pre_analysis: Option<RunStatus>,
    /// `status.blueGreen.postPromotionAnalysisRunStatus`.
    pub post_analysis: Option<RunStatus>,
    /// `status.canary.currentExperiment`.
    pub experiment: Option<String>,
    /// `status.blueGreen.activeSelector`.
    pub active_hash: String,
    /// `status.blueGreen.previewSelector`.
    pub preview_hash: String,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
    /// `status.workloadObservedGeneration`.
    pub workload_observed_generation: String,
}

/// The weights that the controller last gave the router.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterWeights {
    pub canary: RouterWeight,
    pub stable: RouterWeight,
    pub additional: Vec<RouterWeight>,
    /// Whether the router confirmed them; only some can.
    pub verified: Option<bool>,
}

/// The weight of one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterWeight {
    /// `podTemplateHash`.
    pub hash: String,
    /// Its part of the whole.
    pub weight: u32,
}

/// What a Rollout says of an AnalysisRun of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStatus {
    pub name: String,
    pub status: String,
    pub message: String,
}

impl RunStatus {
    /// Returns whether it has ended.
    #[must_use]
    pub fn completed(&self) -> bool {
        is_final(&self.status)
    }
}

impl Rollout {
    /// Returns the steps; none for blue-green.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        match &self.spec.strategy {
            RolloutStrategy::Canary(CanaryStrategy { steps, .. }) => steps,
            RolloutStrategy::BlueGreen(_) => &[],
        }
    }

    /// Returns whether the strategy is canary.
    #[must_use]
    pub fn is_canary(&self) -> bool {
        matches!(self.spec.strategy, RolloutStrategy::Canary(_))
    }

    /// Returns whether an analysis after the switch of blue-green is configured.
    #[must_use]
    pub fn has_post_analysis(&self) -> bool {
        matches!(self.spec.strategy, RolloutStrategy::BlueGreen(BlueGreenStrategy { post_analysis: true, .. }))
    }

    /// Returns whether a traffic router sets the weight.
    #[must_use]
    pub fn traffic_routed(&self) -> bool {
        matches!(self.spec.strategy, RolloutStrategy::Canary(CanaryStrategy { router: Some(_), .. }))
    }

    #[must_use]
    pub fn max_weight(&self) -> u32 {
        match self.spec.strategy {
            RolloutStrategy::Canary(CanaryStrategy { max_weight, .. }) => max_weight,
            RolloutStrategy::BlueGreen(_) => 100,
        }
    }

    /// Returns whether the controller has seen the latest spec. A text that is no number counts as seen (v0.9 wrote a hash).
    #[must_use]
    pub fn observed(&self) -> bool {
        self.status.observed_generation.parse::<i64>().map_or(true, |seen| seen >= self.meta.generation)
    }

    /// Returns whether a revision other than stable is in progress.
    #[must_use]
    pub fn under_way(&self) -> bool {
        !self.status.current_hash.is_empty() && self.status.current_hash != self.status.stable_hash
    }

    /// Returns whether blue-green sends users to another revision than this one; a canary has no such switch.
    #[must_use]
    pub fn is_switched_from(&self, hash: &str) -> bool {
        !self.is_canary() && !self.status.active_hash.is_empty() && self.status.active_hash != hash
    }

    /// Returns whether the manifest is back at stable while the active Service still selects what it was taken back from: a
    /// rollback after the switch, which the controller takes for an update and may pause.
    #[must_use]
    pub fn is_switching_back(&self) -> bool {
        let current = &self.status.current_hash;
        !current.is_empty() && !self.under_way() && self.is_switched_from(current)
    }

    /// Returns whether `status.abort` or the condition says that the update was aborted.
    #[must_use]
    pub fn aborted(&self) -> bool {
        self.status.abort
    }

    /// Returns phase and message (`GetRolloutPhase`, then `CalculateRolloutPhase` where the controller wrote none).
    #[must_use]
    pub fn phase(&self) -> (Phase, String) {
        if !self.observed() {
            return (Phase::Progressing, "waiting for rollout spec update to be observed".to_owned());
        }
        if self.status.controller_pause && self.status.pause_conditions.is_empty() {
            return (Phase::Progressing, "waiting for rollout to unpause".to_owned());
        }
        match Phase::parse(&self.status.phase) {
            Some(phase) => (phase, self.status.message.clone()),
            None => self.calculated_phase(),
        }
    }

    /// Whether the controller refuses the spec as it is, e.g. for a Service or an analysis template that is not there.
    #[must_use]
    pub fn is_invalid(&self) -> bool {
        self.status.conditions.iter().any(|condition| condition.kind == "InvalidSpec")
    }

    fn calculated_phase(&self) -> (Phase, String) {
        let (spec, status) = (&self.spec, &self.status);
        for condition in &status.conditions {
            if condition.kind == "InvalidSpec" {
                return (Phase::Degraded, format!("InvalidSpec: {}", condition.message));
            }
            if matches!(condition.reason.as_str(), "RolloutAborted" | "ProgressDeadlineExceeded") {
                return (Phase::Degraded, format!("{}: {}", condition.reason, condition.message));
            }
        }
        if spec.paused {
            return (Phase::Paused, "manually paused".to_owned());
        }
        if let Some(pause) = status.pause_conditions.first() {
            return (Phase::Paused, pause.reason.clone());
        }
        let progressing = |message: &str| (Phase::Progressing, message.to_owned());
        if spec.restart_at.is_some() && spec.restart_at != status.restarted_at {
            return progressing("rollout is restarting");
        }
        if status.updated < spec.replicas.unwrap_or(1) {
            return progressing("more replicas need to be updated");
        }
        if status.available < status.updated {
            return progressing("updated replicas are still becoming available");
        }
        let stable_behind = status.stable_hash.is_empty() || status.stable_hash != status.current_hash;
        match &spec.strategy {
            RolloutStrategy::BlueGreen(BlueGreenStrategy { post_analysis, .. }) => {
                if status.active_hash.is_empty() || status.active_hash != status.current_hash {
                    return progressing("active service cutover pending");
                }
                if stable_behind {
                    let unfinished = !status.post_analysis.as_ref().is_some_and(RunStatus::completed);
                    return progressing(if *post_analysis && unfinished {
                        "waiting for analysis to complete"
                    } else {
                        "waiting for post-promotion verification to complete"
                    });
                }
            }
            RolloutStrategy::Canary(CanaryStrategy { router, .. }) => {
                if router.is_none() && status.replicas > status.updated {
                    return progressing("old replicas are pending termination");
                }
                if stable_behind {
                    return progressing("waiting for all steps to complete");
                }
            }
        }
        (Phase::Healthy, String::new())
    }

    #[must_use]
    pub fn replicas(&self) -> Replicas {
        Replicas {
            desired: self.spec.replicas.unwrap_or(1),
            current: self.status.replicas,
            updated: self.status.updated,
            ready: self.status.ready,
            available: self.status.available,
        }
    }

    /// Returns the position among the steps: index and number; `None` without steps or before the controller set one.
    #[must_use]
    pub fn step_position(&self) -> Option<(usize, usize)> {
        let total = self.steps().len();
        (total > 0).then_some(())?;
        self.status.step_index.map(|index| (index, total))
    }

    /// Returns the weights, set and actual, as the controller counts: past the steps, or without any, all of it, while old pods
    /// may still serve. `None` for blue-green.
    #[must_use]
    pub fn weight(&self, replicasets: &[ReplicaSet]) -> Option<Weight> {
        if !self.is_canary() {
            return None;
        }
        let max = self.max_weight();
        let steps = self.steps();
        let index = self.status.step_index;
        let done = steps.is_empty() || index.is_some_and(|index| index >= steps.len());
        let set = if self.status.abort {
            0
        } else if done {
            max
        } else {
            weight_at(steps, index.unwrap_or(0), max)
        };
        let actual = if done {
            max
        } else if self.status.available == 0 {
            0
        } else if self.traffic_routed() {
            self.status.weights.as_ref().map_or(set, |weights| weights.canary.weight)
        } else {
            // The canary is the revision in progress unless it is stable already.
            let canary = replicasets
                .iter()
                .find(|rs| rs.hash == self.status.current_hash && rs.hash != self.status.stable_hash)
                .map_or(0, |rs| rs.available);
            canary * max / self.status.available
        };
        Some(Weight { set, actual, max })
    }

    /// Returns the pause in force, with its end if it has one.
    #[must_use]
    pub fn pause(&self) -> Option<Pause> {
        if self.spec.paused {
            return Some(Pause::manual());
        }
        let condition = self.status.pause_conditions.first()?;
        let reason = PauseReason::parse(&condition.reason);
        let duration = match (&reason, &self.spec.strategy) {
            (PauseReason::CanaryStep, RolloutStrategy::Canary(CanaryStrategy { steps, .. })) => {
                match self.status.step_index.and_then(|index| steps.get(index)) {
                    Some(Step::Pause(PauseFor::Time(time))) => Some(*time),
                    _ => None,
                }
            }
            (
                PauseReason::BlueGreen,
                RolloutStrategy::BlueGreen(BlueGreenStrategy { auto_promotion: true, auto_promotion_seconds, .. }),
            ) => auto_promotion_seconds.map(SignedDuration::from_secs),
            _ => None,
        };
        let until = match (condition.start, duration) {
            (Some(start), Some(time)) => start.checked_add(time).ok(),
            _ => None,
        };
        Some(Pause { reason, since: condition.start, until, needs_person: duration.is_none() })
    }

    /// Returns whether a person has to assess an inconclusive analysis or experiment.
    #[must_use]
    pub fn inconclusive(&self) -> bool {
        self.status.pause_conditions.iter().any(|pause| PauseReason::parse(&pause.reason).is_inconclusive())
    }

    /// Returns since when the current template has been stable: `Completed` turns false with each new one.
    #[must_use]
    pub fn released_since(&self) -> Option<Timestamp> {
        let is_completed = |condition: &&Condition| condition.kind == "Completed" && condition.status == "True";
        self.status.conditions.iter().filter(|_| self.observed()).find(is_completed)?.since
    }

    /// Returns whether the progress deadline was exceeded, with its message.
    #[must_use]
    pub fn deadline_exceeded(&self) -> Option<&str> {
        self.status
            .conditions
            .iter()
            .find(|condition| condition.reason == "ProgressDeadlineExceeded")
            .map(|condition| condition.message.as_str())
    }
}

#[cfg(test)]
mod tests;
