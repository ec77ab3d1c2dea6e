//! How pods move from the old `ReplicaSets` to the new one.

use super::{Context, DESIRED_REPLICAS};
use crate::controllers::replica_set_view::{ReplicaSet, sum};
use crate::kubernetes::api_error::ApiError;
use crate::kubernetes::object::text;

impl Context<'_> {
    /// Returns the pods that the new `ReplicaSet`, now of a size, should have: as many as surge leaves room for.
    pub(super) fn new_set_count(&self, now: i64) -> i64 {
        let replicas = self.replicas();
        if text(&self.object, "/spec/strategy/type") == "Recreate" {
            return replicas;
        }
        let (surge, _) = self.fence_posts();
        let total = sum(&self.all, ReplicaSet::wanted);
        let room = replicas + surge - total;
        if room <= 0 {
            return now;
        }
        now + room.min(replicas - now).max(0)
    }

    /// One step of a rolling update.
    pub(super) fn roll(&mut self) -> Result<(), ApiError> {
        let Some(new) = self.new.clone() else {
            return Ok(());
        };
        let replicas = self.replicas();
        let wanted = if new.wanted() >= replicas { replicas } else { self.new_set_count(new.wanted()) };
        if self.scale(&new, wanted)? {
            return Ok(());
        }
        self.shrink_old()
    }

    fn shrink_old(&mut self) -> Result<(), ApiError> {
        let old_pods = sum(&self.old_sets(), ReplicaSet::wanted);
        if old_pods == 0 {
            return Ok(());
        }
        let (_, unavailable) = self.fence_posts();
        let least = self.replicas() - unavailable;
        let missing = self.new.as_ref().map_or(0, |new| new.wanted() - new.available());
        let most_down = sum(&self.all, ReplicaSet::wanted) - least - missing;
        if most_down <= 0 {
            return Ok(());
        }
        // Unhealthy old pods go first: they would hold up the others.
        let mut down = 0;
        for set in self.old_sets() {
            let unhealthy = (set.wanted() - set.available()).min(most_down - down);
            if unhealthy > 0 {
                self.scale(&set, set.wanted() - unhealthy)?;
                down += unhealthy;
            }
        }
        let available = sum(&self.all, ReplicaSet::available);
        let mut spare = available - least;
        for set in self.old_sets() {
            let step = set.wanted().min(spare);
            if step > 0 {
                self.scale(&set, set.wanted() - step)?;
                spare -= step;
            }
        }
        Ok(())
    }

    /// All old pods first, then all new ones.
    pub(super) fn recreate(&mut self) -> Result<(), ApiError> {
        let mut scaled = false;
        for set in self.old_sets() {
            scaled |= set.wanted() > 0 && self.scale(&set, 0)?;
        }
        if scaled || sum(&self.old_sets(), ReplicaSet::current) > 0 {
            return Ok(());
        }
        // As in `rolloutRecreate`: the next one is made once no old pod is left.
        self.sync_revision(true)?;
        if let Some(new) = self.new.clone() {
            let replicas = self.replicas();
            self.scale(&new, replicas)?;
        }
        Ok(())
    }

    /// Returns whether the wanted number of pods has changed since the `ReplicaSets` were last told.
    pub(super) fn is_scaling_event(&self) -> bool {
        let replicas = self.replicas();
        self.all.iter().any(|set| {
            set.wanted() > 0 && set.annotation(DESIRED_REPLICAS).is_some_and(|told| told.parse() != Ok(replicas))
        })
    }

    /// Follows a change of the wanted number without moving the update on. The whole difference goes to the
    /// biggest `ReplicaSet`; the real controller spreads it.
    pub(super) fn scale_in_place(&mut self) -> Result<(), ApiError> {
        let replicas = self.replicas();
        let active: Vec<ReplicaSet> = self.all.iter().filter(|set| set.wanted() > 0).cloned().collect();
        match active.as_slice() {
            [] => {
                if let Some(new) = self.new.clone() {
                    self.scale(&new, replicas)?;
                }
            }
            [one] => {
                self.scale(one, replicas)?;
            }
            many => {
                let (surge, _) = self.fence_posts();
                let told = many
                    .iter()
                    .find_map(|set| set.annotation(DESIRED_REPLICAS)?.parse::<i64>().ok())
                    .unwrap_or(replicas);
                if told == replicas {
                    return Ok(());
                }
                let delta = replicas + surge - sum(many, ReplicaSet::wanted);
                let biggest = many.iter().max_by_key(|set| set.wanted()).cloned();
                for set in many {
                    let is_biggest = biggest.as_ref().is_some_and(|b| b.uid() == set.uid());
                    let to = if is_biggest { (set.wanted() + delta).max(0) } else { set.wanted() };
                    self.scale(set, to)?;
                }
            }
        }
        Ok(())
    }
}
