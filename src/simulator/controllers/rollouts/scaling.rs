//! Scaling of `ReplicaSets`, and the delays before old pods go.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::context::Context;
use super::{DESIRED_REPLICAS, REVISION, SCALE_DOWN_DEADLINE, Stop};
use crate::clock::later;
use crate::controllers::replica_set_view::{ReplicaSet, sum};
use crate::kubernetes::object::{self, stamp};

/// Seconds that old pods outlive a promotion or an abort, when the spec does not say.
const DEFAULT_SCALE_DOWN_DELAY_SECONDS: i64 = 30;

impl Context<'_> {
    /// Returns whether the wanted number of pods has changed since the `ReplicaSets` were last told.
    pub fn is_scaling_event(&mut self) -> Result<bool, Stop> {
        self.sync_revision()?;
        let replicas = self.replicas();
        Ok(self.new.iter().chain(&self.stable).any(|set| {
            set.wanted() > 0 && set.annotation(DESIRED_REPLICAS).is_some_and(|told| told.parse() != Ok(replicas))
        }))
    }

    /// Scales a `ReplicaSet` if need be. Returns whether it changed size.
    pub fn scale(&mut self, set: &ReplicaSet, to: i64) -> Result<bool, Stop> {
        let replicas = self.replicas();
        let told = set.annotation(DESIRED_REPLICAS) == Some(replicas.to_string().as_str());
        let deadline_to_clear = replicas == 0 && set.annotation(SCALE_DOWN_DEADLINE).is_some();
        let from = set.wanted();
        if from == to && told && !deadline_to_clear {
            return Ok(false);
        }
        let clear = to == 0 && !self.delays_scale_down_on_abort();
        let changed = self.update_set(set, |new| {
            object::set(new, &["spec", "replicas"], json!(to));
            object::annotate(new, DESIRED_REPLICAS, &replicas.to_string());
            if clear {
                object::remove(new, &["metadata", "annotations", SCALE_DOWN_DEADLINE]);
            }
        })?;
        if from == to {
            return Ok(false);
        }
        let message = format!(
            "Scaled {} ReplicaSet {} (revision {}) from {from} to {to}",
            if from < to { "up" } else { "down" },
            changed.name(),
            changed.revision(REVISION),
        );
        self.say("ScalingReplicaSet", &message);
        Ok(true)
    }

    /// Returns the seconds before old pods go after a promotion, scaled where they are the default.
    pub fn scale_down_delay(&self) -> Duration {
        let default = self.tools.clock.scale_seconds(DEFAULT_SCALE_DOWN_DELAY_SECONDS);
        let strategy = &self.spec.strategy;
        let seconds = if let Some(blue_green) = &strategy.blue_green {
            blue_green.scale_down_delay_seconds.unwrap_or(default)
        } else if let Some(canary) = &strategy.canary
            && canary.traffic_routing.is_some()
        {
            canary.scale_down_delay_seconds.unwrap_or(default)
        } else {
            0
        };
        Duration::from_secs(seconds.max(0) as u64)
    }

    /// Returns how long canary or preview pods outlive an abort: `None` for ever.
    fn abort_delay(&self) -> Option<Duration> {
        let strategy = &self.spec.strategy;
        let set = match (&strategy.blue_green, &strategy.canary) {
            (Some(blue_green), _) => blue_green.abort_scale_down_delay_seconds,
            (None, Some(canary)) => canary.abort_scale_down_delay_seconds,
            (None, None) => None,
        };
        match set {
            Some(0) => None,
            Some(seconds) => Some(Duration::from_secs(seconds.max(0) as u64)),
            None => Some(Duration::from_secs(self.tools.clock.scale_seconds(DEFAULT_SCALE_DOWN_DELAY_SECONDS) as u64)),
        }
    }

    /// Returns whether the pods of an aborted update are kept for a while.
    pub fn delays_scale_down_on_abort(&self) -> bool {
        let basic = self.spec.strategy.canary.is_some() && !self.spec.is_traffic_routed();
        self.is_aborted() && self.stable.is_some() && !basic && self.abort_delay().is_some()
    }

    fn add_deadline(&mut self, set: &ReplicaSet, delay: Duration) -> Result<(), Stop> {
        if delay.is_zero() {
            return self.remove_deadline(set);
        }
        let at = stamp(later(self.now(), delay));
        self.update_set(set, |new| object::annotate(new, SCALE_DOWN_DEADLINE, &at))?;
        Ok(())
    }

    fn remove_deadline(&mut self, set: &ReplicaSet) -> Result<(), Stop> {
        if set.annotation(SCALE_DOWN_DEADLINE).is_some() {
            self.update_set(set, |new| {
                object::remove(new, &["metadata", "annotations", SCALE_DOWN_DEADLINE]);
            })?;
        }
        Ok(())
    }

    /// Takes deadlines off the sides that are in use.
    pub fn remove_deadlines(&mut self) -> Result<(), Stop> {
        if !self.delays_scale_down_on_abort()
            && let Some(new) = self.new.clone()
        {
            self.remove_deadline(&new)?;
        }
        if let Some(stable) = self.stable.clone() {
            self.remove_deadline(&stable)?;
        }
        Ok(())
    }

    /// Returns the pods that the wanted `ReplicaSet` should have now. Weights make no difference without dynamic
    /// scaling of the stable side, which is not simulated.
    pub fn new_set_count(&self, new: &ReplicaSet) -> i64 {
        let Some(blue_green) = &self.spec.strategy.blue_green else {
            return self.wanted_counts().new;
        };
        let replicas = self.replicas();
        let Some(preview) = blue_green.preview_replica_count else {
            return replicas;
        };
        let active = self.set_with_hash(&self.status.blue_green.active_selector);
        let is_active = active.is_none_or(|active| active.name() == new.name());
        if is_active || self.status.promote_full {
            return replicas;
        }
        if new.label(super::HASH_LABEL) != self.status.current_pod_hash {
            return preview;
        }
        let paused = self.spec.paused || !self.status.pause_conditions.is_empty();
        if !paused && self.status.blue_green.scale_up_preview_check_point {
            return replicas;
        }
        preview
    }

    /// Returns the `ReplicaSet` with a hash.
    pub fn set_with_hash(&self, hash: &str) -> Option<ReplicaSet> {
        if hash.is_empty() {
            return None;
        }
        self.all.iter().find(|set| set.label(super::HASH_LABEL) == hash).cloned()
    }

    /// Scales the wanted `ReplicaSet`, or lets it live a little longer after an abort.
    pub fn scale_new_set(&mut self) -> Result<bool, Stop> {
        let Some(new) = self.new.clone() else {
            return Ok(false);
        };
        let mut count = self.new_set_count(&new);
        if self.delays_scale_down_on_abort() {
            match deadline(&new) {
                Some(at) if at > self.now() => {
                    self.again_at(at);
                    return Ok(false);
                }
                Some(_) => count = 0,
                None => {
                    let stable_ready = self.stable.as_ref().is_some_and(|stable| stable.available() == self.replicas());
                    if stable_ready && let Some(delay) = self.abort_delay() {
                        self.add_deadline(&new, delay)?;
                        let at = later(self.now(), delay);
                        self.again_at(at);
                    }
                    return Ok(false);
                }
            }
        }
        self.scale(&new, count)
    }

    /// Keeps an old `ReplicaSet` for the delay after a promotion. Returns the pods it should have.
    pub fn after_delay(&mut self, set: &ReplicaSet, kept: &mut i64, full: i64) -> Result<i64, Stop> {
        let limit = self.kept_revisions();
        match deadline(set) {
            None if set.annotation(SCALE_DOWN_DEADLINE).is_none() && set.wanted() > 0 => {
                if *kept >= limit {
                    return Ok(0);
                }
                *kept += 1;
                let delay = self.scale_down_delay();
                self.add_deadline(set, delay)?;
                // Without a delay Argo Rollouts enters no deadline, and looks again at once, for ever; here once a second.
                let at = later(self.now(), delay.max(Duration::from_secs(1)));
                self.again_at(at);
                Ok(set.wanted())
            }
            Some(at) => {
                *kept += 1;
                if *kept <= limit && at > self.now() {
                    self.again_at(at);
                    Ok(full)
                } else {
                    Ok(0)
                }
            }
            None => Ok(0),
        }
    }

    fn kept_revisions(&self) -> i64 {
        let strategy = &self.spec.strategy;
        strategy
            .blue_green
            .as_ref()
            .and_then(|b| b.scale_down_delay_revision_limit)
            .or_else(|| strategy.canary.as_ref().and_then(|c| c.scale_down_delay_revision_limit))
            .unwrap_or(i64::MAX)
    }

    /// Returns whether a `ReplicaSet` may still get traffic.
    pub fn is_referenced(&self, set: &ReplicaSet) -> bool {
        let hash = set.label(super::HASH_LABEL);
        let status = &self.status;
        let weights =
            status.canary.weights.iter().flat_map(|weights| {
                [weights.canary.pod_template_hash.as_str(), weights.stable.pod_template_hash.as_str()]
            });
        [
            status.stable_rs.as_str(),
            status.current_pod_hash.as_str(),
            status.blue_green.active_selector.as_str(),
            status.blue_green.preview_selector.as_str(),
        ]
        .into_iter()
        .chain(weights)
        .any(|reference| reference == hash)
            || self.is_selected_by_service(hash)
    }

    /// Scales down `ReplicaSets` that are neither wanted nor stable. Returns whether any changed.
    pub fn scale_down_others(&mut self) -> Result<bool, Stop> {
        let mut others: Vec<ReplicaSet> = self.others().into_iter().filter(|set| set.wanted() > 0).collect();
        if others.is_empty() {
            return Ok(false);
        }
        others.sort_by_key(|set| std::cmp::Reverse(set.revision(REVISION)));
        if self.spec.strategy.blue_green.is_some() {
            self.scale_down_others_blue_green(&others)
        } else {
            self.scale_down_others_canary(others)
        }
    }

    fn scale_down_others_blue_green(&mut self, others: &[ReplicaSet]) -> Result<bool, Stop> {
        if self.status.pause("InconclusiveAnalysisRun").is_some() || self.waits_for_post_analysis() {
            return Ok(false);
        }
        let mut scaled = false;
        let mut kept = 0;
        let replicas = self.replicas();
        for set in others {
            if self.is_referenced(set) {
                continue;
            }
            let to = self.after_delay(set, &mut kept, replicas)?;
            if set.wanted() != to {
                self.scale(set, to)?;
                scaled = true;
            }
        }
        Ok(scaled)
    }

    fn scale_down_others_canary(&mut self, others: Vec<ReplicaSet>) -> Result<bool, Stop> {
        let mut scaled = false;
        let routed = self.spec.is_traffic_routed();
        // Unhealthy pods go first: they would hold up the others.
        let mut healthy = Vec::new();
        for set in others {
            if set.wanted() == set.available() || (routed && self.is_referenced(&set)) {
                healthy.push(set);
                continue;
            }
            self.scale(&set, set.available())?;
            scaled = true;
            if set.available() > 0 {
                healthy.extend(self.all.iter().find(|s| s.uid() == set.uid()).cloned());
            }
        }
        let least = self.replicas() - self.spec.max_unavailable();
        let mut spare = sum(&self.all, ReplicaSet::available) - least;
        let mut kept = 0;
        for set in &healthy {
            if spare <= 0 {
                break;
            }
            if routed && self.is_referenced(set) {
                continue;
            }
            let to = if !routed {
                (set.wanted() - spare).max(0)
            } else if self.status.is_fully_promoted() || set.annotation(SCALE_DOWN_DEADLINE).is_some() {
                self.after_delay(set, &mut kept, set.wanted())?
            } else {
                0
            };
            if to != set.wanted() {
                spare -= set.wanted() - to;
                self.scale(set, to)?;
                scaled = true;
            }
        }
        Ok(scaled)
    }
}

/// Returns the time in a scale-down deadline that can be read.
pub fn deadline(set: &ReplicaSet) -> Option<Timestamp> {
    set.annotation(SCALE_DOWN_DEADLINE)?.parse().ok()
}
