//! The end of a pass: what has been found out becomes the status.

use super::context::Context;
use super::status::{PauseCondition, Status};
use super::{Stop, WORKLOAD_GENERATION, phase};
use crate::controllers::ROLLOUTS_CONTROLLER;
use crate::controllers::replica_set_view::ReplicaSet;
use crate::controllers::template_hash::template_hash;
use crate::kubernetes::object::{self, number, stamp};
use crate::kubernetes::scale::label_selector;

impl Context<'_> {
    /// Returns the Rollout's generation as the status holds it.
    pub fn generation(&self) -> String {
        number(&self.object, "/metadata/generation", 1).to_string()
    }

    /// Returns the Rollout's selector as text.
    pub fn selector_text(&self) -> String {
        label_selector(&self.spec.selector)
    }

    /// Returns what every status begins with: hashes and figures.
    pub fn base_status(&self) -> Status {
        let mut next = self.next.clone();
        next.current_pod_hash = match self.new_hash() {
            "" => template_hash(ROLLOUTS_CONTROLLER, &self.spec.template, self.status.collision_count),
            hash => hash.to_owned(),
        };
        next.replicas = self.total(ReplicaSet::current);
        next.updated_replicas = self.new.as_ref().map_or(0, ReplicaSet::current);
        next.ready_replicas = self.total(ReplicaSet::ready);
        next.collision_count = self.status.collision_count;
        next.conditions.clone_from(&self.status.conditions);
        next.remove_condition("InvalidSpec");
        // Compared with the stable hash of before: `next` does not have one yet.
        next.promote_full = !next.current_pod_hash.is_empty() && self.status.promote_full;
        next
    }

    /// Resets a status to the beginning of an update.
    pub fn reset(&mut self, next: &mut Status) {
        self.pauses.clear = true;
        self.pauses.remove_abort = true;
        next.restarted_at.clone_from(&self.spec.restart_at);
        next.promote_full = false;
        next.blue_green.pre_promotion_analysis_run_status = None;
        next.blue_green.post_promotion_analysis_run_status = None;
        next.blue_green.scale_up_preview_check_point = false;
        next.canary.current_step_analysis_run_status = None;
        next.canary.current_background_analysis_run_status = None;
        next.current_step_index = (!self.spec.steps().is_empty()).then_some(0);
    }

    /// Works out conditions, pauses and phase, and writes the status.
    pub fn conclude(&mut self, mut next: Status) -> Result<(), Stop> {
        self.calculate_conditions(&mut next);
        self.persist(next)
    }

    /// Works out pauses and phase, and writes the status.
    pub fn persist(&mut self, mut next: Status) -> Result<(), Stop> {
        self.calculate_pauses(&mut next);
        next.workload_observed_generation = if self.spec.workload_ref.is_some() {
            object::annotation(&self.object, WORKLOAD_GENERATION).unwrap_or_default().to_owned()
        } else {
            String::new()
        };
        next.observed_generation = self.generation();
        let (phase, message) = phase::phase(&self.spec, &next);
        phase.clone_into(&mut next.phase);
        next.message = message;
        if self.write_status(&next)? {
            self.tell_state_changes(&next);
        }
        self.watch_deadline(&next);
        Ok(())
    }

    fn calculate_pauses(&mut self, next: &mut Status) {
        next.pause_conditions.clear();
        next.controller_pause = false;
        let aborted = self.is_aborted();
        next.abort = aborted;
        next.aborted_at = None;
        if aborted {
            let since = self.status.aborted_at.clone();
            next.aborted_at = Some(since.unwrap_or_else(|| stamp(self.now())));
            return;
        }
        if self.pauses.clear {
            return;
        }
        let mut controller_pause = self.status.controller_pause;
        let mut conditions: Vec<PauseCondition> = self
            .status
            .pause_conditions
            .iter()
            .filter(|c| !self.pauses.remove.contains(&c.reason.as_str()))
            .cloned()
            .collect();
        for reason in &self.pauses.add {
            if self.status.pause(reason).is_none() {
                controller_pause = true;
                conditions.push(PauseCondition { reason: (*reason).to_owned(), start_time: stamp(self.now()) });
            }
        }
        if !conditions.is_empty() {
            next.controller_pause = controller_pause;
            next.pause_conditions = conditions;
        }
    }

    fn tell_state_changes(&mut self, next: &Status) {
        let was_paused = !self.status.pause_conditions.is_empty();
        match (was_paused, next.pause_conditions.first()) {
            (false, Some(pause)) => {
                let message = format!("Rollout is paused ({})", pause.reason);
                self.say("RolloutPaused", &message);
            }
            (true, None) if next.aborted_at.is_none() => {
                self.say("RolloutResumed", "Rollout is resumed");
            }
            _ => {}
        }
    }

    /// The short pass after a change of `spec.replicas`.
    pub fn sync_replicas_only(&mut self) -> Result<(), Stop> {
        let mut next = self.status.clone();
        if self.spec.strategy.blue_green.is_some() {
            self.scale_blue_green_sets()?;
            if let Some(set) = self.set_with_hash(&next.blue_green.active_selector) {
                next.hpa_replicas = set.current();
                next.available_replicas = set.available();
            } else {
                next.hpa_replicas = self.total(ReplicaSet::current);
                next.available_replicas = self.total(ReplicaSet::available);
            }
        } else {
            self.scale_canary_sets()?;
            next.available_replicas = self.total(ReplicaSet::available);
            next.hpa_replicas = self.total(ReplicaSet::current);
        }
        self.persist(next)
    }
}
