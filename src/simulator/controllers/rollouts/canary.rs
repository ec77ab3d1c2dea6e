//! The canary strategy: step by step.

use std::time::Duration;

use super::Stop;
use super::context::Context;
use super::replicas::current_step;
use crate::clock::later;
use crate::controllers::replica_set_view::ReplicaSet;
use crate::kubernetes::object;

const PAUSE_STEP: &str = "CanaryPauseStep";

impl Context<'_> {
    /// One pass over a canary.
    pub fn canary(&mut self) -> Result<(), Stop> {
        if self.template_or_steps_changed() {
            self.sync_revision()?;
            return self.write_canary_status();
        }
        self.sync_revision()?;
        if self.restart_pods() > 0 {
            // Availability is not to be trusted until the next pass.
            return Ok(());
        }
        self.sync_metadata()?;
        self.clean_up_history();
        self.point_canary_services()?;
        self.route_traffic()?;
        self.reconcile_experiments()?;
        self.reconcile_analysis()?;
        if !self.pauses.add.is_empty() {
            return self.write_canary_status();
        }
        if !self.scale_canary_sets()? {
            self.reconcile_pause_step();
        }
        self.write_canary_status()
    }

    /// Scales both sides and what is left of others. Returns whether anything changed size.
    pub fn scale_canary_sets(&mut self) -> Result<bool, Stop> {
        if self.is_halted() {
            return Ok(false);
        }
        self.remove_deadlines()?;
        let apart = self.stable.is_some()
            && self.stable.as_ref().map(|s| s.name().to_owned()) != self.new.as_ref().map(|s| s.name().to_owned());
        if apart && let Some(stable) = self.stable.clone() {
            let count = self.wanted_counts().stable;
            if self.scale(&stable, count)? {
                return Ok(true);
            }
        }
        if self.scale_new_set()? {
            return Ok(true);
        }
        self.scale_down_others()
    }

    /// Starts the pause of a pause step, or waits for its end.
    fn reconcile_pause_step(&mut self) {
        if self.spec.paused || self.status.promote_full {
            return;
        }
        let Some((Some(step), _)) = current_step(&self.spec, &self.status) else {
            return;
        };
        let Some(pause) = step.pause.clone() else {
            return;
        };
        match self.status.pause(PAUSE_STEP) {
            // With the controller's own mark still there, a person has taken the condition away: the step is over.
            None if !self.status.controller_pause => self.pauses.add.push(PAUSE_STEP),
            None => {}
            Some(condition) => {
                if let (Some(seconds), Ok(start)) = (pause.seconds(), condition.start_time.parse()) {
                    let end = later(start, Duration::from_secs(seconds.max(0) as u64));
                    if end > self.now() {
                        self.again_at(end);
                    }
                }
            }
        }
    }

    fn is_pause_step_over(&self, seconds: Option<i64>) -> bool {
        let Some(condition) = self.status.pause(PAUSE_STEP) else {
            return self.status.controller_pause;
        };
        let (Some(seconds), Ok(start)) = (seconds, condition.start_time.parse()) else {
            return false;
        };
        later(start, Duration::from_secs(seconds.max(0) as u64)) <= self.now()
    }

    fn is_step_completed(&self) -> bool {
        if self.spec.paused {
            return false;
        }
        let Some((Some(step), _)) = current_step(&self.spec, &self.status) else {
            return false;
        };
        if let Some(pause) = &step.pause {
            self.is_pause_step_over(pause.seconds())
        } else if step.set_canary_scale.is_some() || step.set_weight.is_some() {
            self.is_at_desired()
        } else if step.analysis.is_some() {
            self.runs.step.as_ref().is_some_and(|run| object::text(run, "/status/phase") == "Successful")
        } else if step.experiment.is_some() {
            self.is_experiment_successful()
        } else {
            // Routes and plugins are not simulated: they succeed at once.
            true
        }
    }

    fn write_canary_status(&mut self) -> Result<(), Stop> {
        let mut next = self.base_status();
        next.available_replicas = self.total(ReplicaSet::available);
        next.hpa_replicas = self.total(ReplicaSet::current);
        next.selector = self.selector_text();
        next.stable_rs.clone_from(&self.status.stable_rs);
        next.current_step_hash = self.steps_hash();
        let steps = self.spec.steps().len() as i64;
        let all_done = (steps > 0).then_some(steps);
        let mut index = current_step(&self.spec, &self.status).map(|(_, index)| index);

        if self.template_or_steps_changed() {
            self.reset(&mut next);
            if steps > 0
                && let Some(new) = &self.new
            {
                let back_to_stable = self.status.stable_rs == new.label(super::HASH_LABEL);
                let within_window = self.is_rollback_within_window() && new.wanted() > 0;
                if back_to_stable {
                    self.say("SkipSteps", "Rollback to stable ReplicaSets");
                    next.current_step_index = all_done;
                } else if within_window {
                    self.say("SkipSteps", "Rollback to active ReplicaSets within RollbackWindow");
                    next.current_step_index = all_done;
                }
            }
            return self.conclude(next);
        }
        if self.status.promote_full || self.is_rollback_within_window() {
            self.pauses.clear = true;
            self.pauses.remove_abort = true;
            if steps > 0 {
                index = all_done;
            }
        }
        if let Some(reason) = self.full_promotion(&next) {
            self.promote(&mut next, &reason)?;
            return self.conclude(next);
        }
        if self.is_aborted() {
            if steps > 0 {
                next.current_step_index = if next.stable_rs == next.current_pod_hash { all_done } else { Some(0) };
            }
            return self.conclude(next);
        }
        if self.is_step_completed()
            && let Some((Some(step), at)) = current_step(&self.spec, &self.status)
        {
            let message = format!("Rollout step {}/{steps} completed ({})", at + 1, step.label());
            index = Some(at + 1);
            next.canary.current_step_analysis_run_status = None;
            self.say("RolloutStepCompleted", &message);
            self.pauses.remove.push(PAUSE_STEP);
        }
        next.current_step_index = index;
        self.conclude(next)
    }

    /// Returns whether the current step may take as long as it likes.
    pub fn is_at_indefinite_step(&self) -> bool {
        let waits = matches!(
            current_step(&self.spec, &self.status),
            Some((Some(step), _))
                if step.experiment.is_some() || step.analysis.is_some() || step.pause.is_some()
        );
        waits || self.status.condition("Paused").is_some_and(|condition| condition.status == "True")
    }
}
