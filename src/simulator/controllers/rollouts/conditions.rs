//! Conditions: progressing, healthy, available, completed, paused.

use std::time::Duration;

use super::context::Context;
use super::phase::{ABORTED, TIMED_OUT};
use super::status::{Condition, Status};
use super::{SCALE_DOWN_DEADLINE, Stop};
use crate::clock::later;
use crate::controllers::replica_set_view::ReplicaSet;
use crate::kubernetes::object;

/// Seconds without progress, when the spec does not say.
const DEFAULT_PROGRESS_DEADLINE_SECONDS: i64 = 600;

impl Context<'_> {
    /// Enters pauses and resumptions into the conditions before anything else happens, so that the time spent
    /// paused does not count as lack of progress.
    pub fn check_paused_conditions(&mut self) -> Result<(), Stop> {
        let progressing = self.status.condition("Progressing");
        let reason = progressing.map(|c| c.reason.as_str());
        let is_paused = !self.status.pause_conditions.is_empty() || self.spec.paused;
        let aborted = reason == Some(ABORTED);
        let mut entries = Vec::new();
        if is_paused != (reason == Some("RolloutPaused")) && !aborted && !is_completed(&self.status) {
            entries.push(if is_paused {
                self.condition("Progressing", "Unknown", "RolloutPaused", "Rollout is paused")
            } else {
                self.condition("Progressing", "Unknown", "RolloutResumed", "Rollout is resumed")
            });
        }
        if !self.status.abort && aborted {
            entries.push(self.condition("Progressing", "Unknown", "RolloutRetry", "Retrying Rollout after abort"));
        }
        let marked = self.status.condition("Paused").is_some_and(|c| c.status == "True");
        if is_paused != marked && !aborted {
            let word = if is_paused { "True" } else { "False" };
            entries.push(self.condition("Paused", word, "RolloutPaused", "Rollout is paused"));
        }
        if entries.is_empty() {
            return Ok(());
        }
        let mut status = self.status.clone();
        for entry in entries {
            status.set_condition(entry);
        }
        status.observed_generation = self.generation();
        let (phase, message) = super::phase::phase(&self.spec, &status);
        phase.clone_into(&mut status.phase);
        status.message = message;
        self.write_status(&status)?;
        self.status = status;
        Ok(())
    }

    /// Works out the conditions of the next status.
    pub fn calculate_conditions(&mut self, next: &mut Status) {
        let is_paused = !self.status.pause_conditions.is_empty() || self.spec.paused;
        let aborted = self.is_aborted();
        let healthy = self.is_healthy(next);
        let mut became_unhealthy = false;
        if !is_paused && healthy {
            next.set_condition(self.condition("Healthy", "True", "RolloutHealthy", "Rollout is healthy"));
        } else if self.status.condition("Healthy").is_some() {
            became_unhealthy =
                next.set_condition(self.condition("Healthy", "False", "RolloutHealthy", "Rollout is not healthy"));
        }
        if aborted {
            let mut message = format!("Rollout aborted update to revision {}", self.revision());
            if let Some(why) = self.pauses.add_abort.as_ref().filter(|why| !why.is_empty()) {
                message = format!("{message}: {why}");
            }
            if next.set_condition(self.condition("Progressing", "False", ABORTED, &message)) {
                self.warn(ABORTED, &message);
            }
        } else {
            self.calculate_progress(next, healthy, became_unhealthy);
        }
        let available = if self.spec.strategy.blue_green.is_some() {
            self.set_with_hash(&next.blue_green.active_selector).is_some_and(|set| self.is_saturated(&set))
        } else {
            self.total(ReplicaSet::available) >= self.replicas()
        };
        next.set_condition(if available {
            self.condition("Available", "True", "AvailableReason", "Rollout has minimum availability")
        } else {
            self.condition("Available", "False", "AvailableReason", "Rollout does not have minimum availability")
        });
        match self.replica_failure() {
            Some(failure) => drop(next.set_condition(failure)),
            None => next.remove_condition("ReplicaFailure"),
        }
        if is_completed(next) {
            next.set_condition(self.condition("Completed", "True", "RolloutCompleted", "RolloutCompleted"));
        } else if next.set_condition(self.condition("Completed", "False", "RolloutCompleted", "RolloutCompleted")) {
            let message = format!(
                "Rollout not completed, started update to revision {} ({})",
                self.revision(),
                next.current_pod_hash
            );
            self.say("RolloutNotCompleted", &message);
        }
    }

    /// Returns why pods cannot be created, of the wanted `ReplicaSet` before others.
    fn replica_failure(&self) -> Option<Condition> {
        self.new.iter().chain(&self.all).find_map(|set| {
            let failure = object::items(set.object(), "/status/conditions")
                .iter()
                .find(|c| object::text(c, "/type") == "ReplicaFailure")?;
            let mut condition: Condition = serde_json::from_value(failure.clone()).ok()?;
            condition.last_update_time.clone_from(&condition.last_transition_time);
            Some(condition)
        })
    }

    fn calculate_progress(&mut self, next: &mut Status, healthy: bool, became_unhealthy: bool) {
        let name = self.new.as_ref().map(|set| set.name().to_owned());
        let about = |what: &str| match &name {
            Some(name) => format!("ReplicaSet \"{name}\" {what}"),
            None => format!("Rollout \"{}\" {what}", self.key.name),
        };
        if healthy {
            let message = about("has successfully progressed.");
            next.set_condition(self.condition("Progressing", "True", "NewReplicaSetAvailable", &message));
        } else if self.is_progressing(next) || became_unhealthy {
            let lost = next.is_fully_promoted() && became_unhealthy;
            let (reason, message) = if lost {
                ("ReplicaSetNotAvailable", "Rollout does not have minimum availability".to_owned())
            } else {
                ("ReplicaSetUpdated", about("is progressing."))
            };
            let mut condition = self.condition("Progressing", "True", reason, &message);
            // Progress is entered each time, to move the deadline.
            if let Some(old) = self.status.condition("Progressing") {
                if old.status == "True" {
                    condition.last_transition_time.clone_from(&old.last_transition_time);
                }
                next.remove_condition("Progressing");
            }
            next.set_condition(condition);
        } else if !self.is_at_indefinite_step() && !self.waits_for_scale_down() && self.is_timed_out(next) {
            let message = about("has timed out progressing.");
            let changed = next.set_condition(self.condition("Progressing", "False", TIMED_OUT, &message));
            if self.spec.progress_deadline_abort && (changed || !self.is_aborted()) {
                self.pauses.add_abort = Some(message.clone());
                self.warn(ABORTED, &message);
            }
        }
    }

    fn is_healthy(&self, next: &Status) -> bool {
        let replicas = self.replicas();
        let strategy_done = if let Some(blue_green) = &self.spec.strategy.blue_green {
            next.blue_green.active_selector == next.current_pod_hash
                && (blue_green.preview_service.is_empty() || next.blue_green.preview_selector == next.current_pod_hash)
        } else {
            let steps = self.spec.steps().len() as i64;
            let steps_done = steps == 0 || next.current_step_index.is_none_or(|i| i == steps);
            steps_done && is_completed(next) && next.replicas == replicas
        };
        next.updated_replicas == replicas
            && next.available_replicas == replicas
            && self.status.observed_generation == self.generation()
            && strategy_done
    }

    fn is_progressing(&self, next: &Status) -> bool {
        let old = &self.status;
        let moved = if self.spec.strategy.blue_green.is_some() {
            old.blue_green.active_selector != next.blue_green.active_selector
                || old.blue_green.preview_selector != next.blue_green.preview_selector
        } else {
            let stepped = matches!(
                (old.current_step_index, next.current_step_index),
                (Some(before), Some(after)) if before != after
            );
            old.stable_rs != next.stable_rs || stepped || old.current_step_hash != next.current_step_hash
        };
        moved
            || next.updated_replicas != old.updated_replicas
            || next.replicas - next.updated_replicas < old.replicas - old.updated_replicas
            || next.ready_replicas > old.ready_replicas
            || next.available_replicas > old.available_replicas
    }

    fn waits_for_scale_down(&self) -> bool {
        self.others().iter().any(|set| set.annotation(SCALE_DOWN_DEADLINE).is_some())
    }

    /// Returns how long there may be no progress.
    pub fn deadline(&self) -> Duration {
        let seconds = self
            .spec
            .progress_deadline_seconds
            .unwrap_or_else(|| self.tools.clock.scale_seconds(DEFAULT_PROGRESS_DEADLINE_SECONDS));
        Duration::from_secs(seconds.max(0) as u64)
    }

    fn is_timed_out(&self, next: &Status) -> bool {
        let Some(condition) = next.condition("Progressing") else {
            return false;
        };
        match condition.reason.as_str() {
            ABORTED | "RolloutPaused" => false,
            TIMED_OUT => true,
            _ => condition.last_update_time.parse().is_ok_and(|since| later(since, self.deadline()) < self.now()),
        }
    }

    /// Asks for a pass when the deadline is over.
    pub fn watch_deadline(&mut self, next: &Status) {
        let Some(condition) = next.condition("Progressing") else {
            return;
        };
        let is_paused = !self.status.pause_conditions.is_empty() || self.spec.paused;
        if condition.reason == TIMED_OUT
            || is_paused
            || self.status.abort
            || self.is_at_indefinite_step()
            || self.is_healthy(next)
        {
            return;
        }
        if let Ok(since) = condition.last_update_time.parse() {
            let at = later(since, self.deadline() + Duration::from_secs(1));
            if at > self.now() {
                self.again_at(at);
            }
        }
    }
}

fn is_completed(status: &Status) -> bool {
    !status.stable_rs.is_empty() && status.is_fully_promoted()
}
