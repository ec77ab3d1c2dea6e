//! The blue-green strategy: the new pods beside the old ones, then all of the traffic at once.

use std::time::Duration;

use serde_json::Value;

use super::Stop;
use super::analysis_runs::is_successful;
use super::context::Context;
use super::scaling::deadline;
use super::status::Status;
use crate::clock::later;
use crate::controllers::replica_set_view::ReplicaSet;
use crate::kubernetes::scale::label_selector;

const PAUSE: &str = "BlueGreenPause";

impl Context<'_> {
    fn services(&self) -> (String, String) {
        self.spec
            .strategy
            .blue_green
            .as_ref()
            .map(|b| (b.active_service.clone(), b.preview_service.clone()))
            .unwrap_or_default()
    }

    /// One pass over a blue-green rollout.
    pub fn blue_green(&mut self) -> Result<(), Stop> {
        let (active, preview) = self.services();
        self.sync_revision()?;
        if !preview.is_empty() && !self.is_halted() {
            let hash = self.new_hash().to_owned();
            self.switch_service(&preview, &hash)?;
        }
        if self.template_changed() {
            return self.write_blue_green_status();
        }
        self.restart_pods();
        self.scale_blue_green_sets()?;
        self.reconcile_blue_green_pause(&active);
        self.reconcile_active_service(&active)?;
        self.reconcile_analysis()?;
        self.sync_metadata()?;
        self.write_blue_green_status()
    }

    /// Scales stable, preview and what is left of others.
    pub fn scale_blue_green_sets(&mut self) -> Result<(), Stop> {
        self.remove_deadlines()?;
        if let Some(stable) = self.stable.clone() {
            let replicas = self.replicas();
            self.scale(&stable, replicas)?;
        }
        self.scale_new_set()?;
        self.scale_down_others()?;
        self.clean_up_history();
        Ok(())
    }

    fn is_ready_for_pause(&self) -> bool {
        self.new.as_ref().is_some_and(|new| {
            let count = self.new_set_count(new);
            new.wanted() == count && new.available() == count
        })
    }

    /// Returns whether the pause is skipped: back to pods that are still up, full promotion, nothing active yet.
    fn is_fast_tracked(&self, active: &str) -> bool {
        let selected = self.selected_hash(active);
        self.new.as_ref().is_some_and(|new| deadline(new).is_some())
            || self.status.promote_full
            || selected.is_empty()
            || selected == self.new_hash()
    }

    fn reconcile_blue_green_pause(&mut self, active: &str) {
        if self.status.abort || !self.is_ready_for_pause() || self.is_halted() {
            return;
        }
        let Some(blue_green) = self.spec.strategy.blue_green.clone() else {
            return;
        };
        let controlled = blue_green.auto_promotion_enabled == Some(false) || blue_green.auto_promotion_seconds > 0;
        if self.is_fast_tracked(active) || self.status.blue_green.scale_up_preview_check_point || !controlled {
            self.pauses.remove.push(PAUSE);
            return;
        }
        if !self.is_pre_promotion_passed() {
            return;
        }
        match self.status.pause(PAUSE) {
            Some(condition) => {
                if self.is_blue_green_pause_over() {
                    self.pauses.remove.push(PAUSE);
                } else if blue_green.auto_promotion_seconds > 0
                    && let Ok(start) = condition.start_time.parse()
                {
                    let seconds = blue_green.auto_promotion_seconds as u64;
                    self.again_at(later(start, Duration::from_secs(seconds)));
                }
            }
            None if !self.status.controller_pause => self.pauses.add.push(PAUSE),
            None => {}
        }
    }

    /// Returns whether a person, or time, has ended the pause.
    pub fn is_blue_green_pause_over(&self) -> bool {
        let Some(blue_green) = &self.spec.strategy.blue_green else {
            return false;
        };
        let condition = self.status.pause(PAUSE);
        if !self.pauses.add.is_empty() {
            return false;
        }
        if self.status.blue_green.scale_up_preview_check_point {
            return true;
        }
        if blue_green.auto_promotion_enabled == Some(false) {
            return self.status.controller_pause && condition.is_none();
        }
        if blue_green.auto_promotion_seconds == 0 {
            return true;
        }
        condition.is_some_and(|condition| {
            condition.start_time.parse().is_ok_and(|start| {
                let seconds = blue_green.auto_promotion_seconds as u64;
                later(start, Duration::from_secs(seconds)) <= self.now()
            })
        })
    }

    fn reconcile_active_service(&mut self, active: &str) -> Result<(), Stop> {
        let saturated = self.new.as_ref().is_some_and(|new| self.is_saturated(new));
        if self.is_halted() || !self.is_ready_for_pause() || !saturated {
            return Ok(());
        }
        let mut hash = self.selected_hash(active);
        let passed = self.is_blue_green_pause_over() && self.is_pre_promotion_passed();
        if self.is_fast_tracked(active) || passed {
            self.new_hash().clone_into(&mut hash);
        }
        if self.status.abort {
            hash.clone_from(&self.status.stable_rs);
        }
        self.switch_service(active, &hash)
    }

    fn write_blue_green_status(&mut self) -> Result<(), Stop> {
        let (active, preview) = self.services();
        let mut next = self.base_status();
        next.stable_rs.clone_from(&self.status.stable_rs);
        if self.template_changed() {
            self.reset(&mut next);
        }
        if self.status.promote_full || self.is_rollback_within_window() {
            self.pauses.clear = true;
            self.pauses.remove_abort = true;
        }
        if !preview.is_empty() {
            next.blue_green.preview_selector = self.selected_hash(&preview);
        }
        next.blue_green.active_selector = self.selected_hash(&active);
        if let Some(reason) = self.full_promotion(&next) {
            self.promote(&mut next, &reason)?;
        } else {
            next.blue_green.scale_up_preview_check_point = self.is_preview_approved();
        }
        self.count_active(&mut next);
        self.conclude(next)
    }

    /// Figures are about the active pods, where there are any.
    fn count_active(&self, next: &mut Status) {
        if let Some(set) = self.set_with_hash(&next.blue_green.active_selector) {
            next.hpa_replicas = set.current();
            next.available_replicas = set.available();
            next.ready_replicas = set.ready();
            next.selector = label_selector(set.object().pointer("/spec/selector").unwrap_or(&Value::Null));
        } else {
            next.hpa_replicas = self.total(ReplicaSet::current);
            next.available_replicas = self.total(ReplicaSet::available);
            next.selector = self.selector_text();
        }
    }

    fn is_preview_approved(&self) -> bool {
        let Some(count) = self.spec.strategy.blue_green.as_ref().and_then(|b| b.preview_replica_count) else {
            return false;
        };
        if self.template_changed() {
            return false;
        }
        if self.status.blue_green.scale_up_preview_check_point {
            return true;
        }
        self.is_pre_promotion_passed()
            && self.is_blue_green_pause_over()
            && self.new.as_ref().is_some_and(|new| new.available() == count)
    }

    /// Returns whether old pods must stay because the analysis after the switch may still fail.
    pub fn waits_for_post_analysis(&self) -> bool {
        let Some(blue_green) = &self.spec.strategy.blue_green else {
            return false;
        };
        let unfinished = !is_successful(self.runs.post_promotion.as_ref());
        blue_green.post_promotion_analysis.is_some()
            && blue_green.scale_down_delay_seconds.is_none()
            && self.status.stable_rs != self.new_hash()
            && self.status.blue_green.active_selector == self.new_hash()
            && unfinished
    }

    /// Returns whether the analysis before the switch blocks it no more.
    pub fn is_pre_promotion_passed(&self) -> bool {
        let wanted = self.spec.strategy.blue_green.as_ref().is_some_and(|b| b.pre_promotion_analysis.is_some());
        !wanted || is_successful(self.runs.pre_promotion.as_ref())
    }
}
