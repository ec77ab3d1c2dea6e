//! When the wanted template becomes the stable one.

use serde_json::json;

use super::analysis_runs::is_successful;
use super::context::Context;
use super::status::Status;
use super::{SCALE_DOWN_DEADLINE, Stop};
use crate::controllers::ROLLOUTS_CONTROLLER;
use crate::controllers::replica_set_view::ReplicaSet;
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object;
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::{Key, Part};

impl Context<'_> {
    /// Returns why the wanted `ReplicaSet` is to be marked stable now, `None` if it is not.
    /// The order of the questions matters.
    pub fn full_promotion(&self, next: &Status) -> Option<String> {
        if self.stable.is_none() {
            return Some("Initial deploy".to_owned());
        }
        if self.spec.strategy.canary.is_some() {
            return self.full_promotion_canary();
        }
        let active = &next.blue_green.active_selector;
        if active.is_empty() {
            return Some("Initial deploy".to_owned());
        }
        if *active != next.current_pod_hash {
            return None;
        }
        if self.status.promote_full {
            return Some("Full promotion requested".to_owned());
        }
        if self.is_rollback_within_window() {
            return Some("Rollback within window".to_owned());
        }
        if self.is_aborted() {
            return None;
        }
        let blue_green = self.spec.strategy.blue_green.as_ref()?;
        if blue_green.post_promotion_analysis.is_some() {
            let new = self.new.as_ref()?;
            if new.annotation(SCALE_DOWN_DEADLINE).is_some() {
                return Some(format!("Rollback to '{}' within scaleDownDelay", new.name()));
            }
            if !is_successful(self.runs.post_promotion.as_ref()) {
                return None;
            }
        }
        Some("Completed blue-green update".to_owned())
    }

    fn full_promotion_canary(&self) -> Option<String> {
        let available = self.new.as_ref().map_or(0, ReplicaSet::available);
        if self.is_aborted() || self.new.is_none() || available < self.replicas() {
            return None;
        }
        if self.status.promote_full {
            return Some("Full promotion requested".to_owned());
        }
        if self.is_rollback_within_window() {
            return Some("Rollback within window".to_owned());
        }
        let steps = self.spec.steps().len();
        let done = steps == 0 || self.status.current_step_index == Some(steps as i64);
        done.then(|| format!("Completed all {steps} canary steps"))
    }

    /// Marks the wanted `ReplicaSet` stable in the next status.
    pub fn promote(&mut self, next: &mut Status, reason: &str) -> Result<(), Stop> {
        self.pauses.clear = true;
        self.pauses.remove_abort = true;
        next.promote_full = false;
        next.blue_green.scale_up_preview_check_point = false;
        if self.spec.strategy.canary.is_some() {
            let steps = self.spec.steps().len() as i64;
            next.current_step_index = (steps > 0).then_some(steps);
        }
        let revision = self.revision();
        if next.stable_rs != next.current_pod_hash {
            next.stable_rs.clone_from(&next.current_pod_hash);
            let message =
                format!("Rollout completed update to revision {revision} ({}): {reason}", next.current_pod_hash);
            self.say("RolloutCompleted", &message);
        }
        let takes_over = self
            .spec
            .workload_ref
            .as_ref()
            .filter(|reference| reference.scale_down == "onsuccess")
            .map(|reference| reference.name.clone());
        if revision == 1
            && self.status.phase == "Healthy"
            && let Some(name) = takes_over
        {
            self.scale_workload_to_zero(&name)?;
        }
        Ok(())
    }

    fn scale_workload_to_zero(&mut self, name: &str) -> Result<(), Stop> {
        let key = Key::new(Kind::Deployment, &self.key.namespace, name);
        self.tools.store.update(&key, Part::Main, &Author::update(ROLLOUTS_CONTROLLER), |old| {
            let mut new = old.clone();
            object::set(&mut new, &["spec", "replicas"], json!(0));
            Ok(new)
        })?;
        Ok(())
    }
}
