//! How many pods each side of a canary should have.
//!
//! The arithmetic of Argo Rollouts (`utils/replicaset/canary.go`): the closest whole number to the weight, within
//! what surge and unavailability allow on the way there.

use super::spec::{SetCanaryScale, Spec, Step};
use super::status::Status;
use crate::controllers::replica_set_view::{ReplicaSet, sum};

/// Pods for the canary and for stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Pods of the new `ReplicaSet`.
    pub new: i64,
    /// Pods of the stable one.
    pub stable: i64,
}

/// A Rollout with the `ReplicaSets` that counts are about.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    pub spec: &'a Spec,
    /// Its status as last written.
    pub status: &'a Status,
    /// The wanted `ReplicaSet`.
    pub new: Option<&'a ReplicaSet>,
    /// The stable one; the same as `new` when fully promoted.
    pub stable: Option<&'a ReplicaSet>,
    pub others: &'a [ReplicaSet],
}

/// Returns the step in progress and its index: `None` without steps, no step when all are done.
pub fn current_step<'a>(spec: &'a Spec, status: &Status) -> Option<(Option<&'a Step>, i64)> {
    let steps = spec.steps();
    if steps.is_empty() {
        return None;
    }
    let index = status.current_step_index.unwrap_or(0);
    let step = usize::try_from(index).ok().and_then(|i| steps.get(i));
    Some((step, index))
}

/// Returns the weight that the steps ask for now.
pub fn set_weight(spec: &Spec, status: &Status) -> i64 {
    if status.abort {
        return 0;
    }
    match current_step(spec, status) {
        Some((Some(_), index)) => last_set_weight(spec, index),
        _ => spec.max_weight(),
    }
}

/// Returns the nearest setWeight at or before a step, 0 if there is none.
pub fn last_set_weight(spec: &Spec, index: i64) -> i64 {
    let upto = usize::try_from(index + 1).unwrap_or(0);
    spec.steps().iter().take(upto).rev().find_map(|step| step.set_weight).unwrap_or(0)
}

impl Sides<'_> {
    /// Returns the counts to go to next.
    pub fn counts(&self) -> Counts {
        if self.spec.is_traffic_routed() { self.traffic_routed() } else { self.basic() }
    }

    /// Returns whether every side has the pods that the current step asks for.
    pub fn at_desired(&self) -> bool {
        let counts = self.counts();
        let new_ready = self.new.is_some_and(|set| set.wanted() == counts.new && set.available() == counts.new);
        let stable_there =
            self.stable.is_some_and(|set| set.wanted() == counts.stable && set.current() == counts.stable);
        let others_gone = self.spec.is_traffic_routed() || sum(self.others, ReplicaSet::available) == 0;
        new_ready && stable_there && others_gone
    }

    fn stable_is_apart(&self) -> bool {
        match (self.new, self.stable) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(new), Some(stable)) => new.name() != stable.name(),
        }
    }

    /// Pods asked for outright by setCanaryScale, or the weight to size by.
    fn canary_size(&self) -> (Option<i64>, i64) {
        let status = self.status;
        if status.promote_full || status.stable_rs.is_empty() || status.is_fully_promoted() {
            return (None, self.spec.max_weight());
        }
        match self.canary_scale() {
            Some(SetCanaryScale { replicas: Some(replicas), .. }) => (Some(*replicas), 0),
            Some(SetCanaryScale { weight: Some(weight), .. }) => (None, *weight),
            _ => (None, set_weight(self.spec, status)),
        }
    }

    fn canary_scale(&self) -> Option<&SetCanaryScale> {
        let canary = self.spec.strategy.canary.as_ref()?;
        canary.traffic_routing.as_ref()?;
        if self.status.abort && canary.abort_scale_down_delay_seconds != Some(0) {
            return None;
        }
        let (step, index) = current_step(self.spec, self.status)?;
        step?;
        let upto = usize::try_from(index + 1).unwrap_or(0);
        self.spec
            .steps()
            .iter()
            .take(upto)
            .rev()
            .find_map(|step| step.set_canary_scale.as_ref())
            .filter(|scale| !scale.match_traffic_weight)
    }

    fn traffic_routed(&self) -> Counts {
        let replicas = self.spec.replicas();
        let max = self.spec.max_weight();
        let (fixed, weight) = self.canary_size();
        let least = self.spec.strategy.canary.as_ref().and_then(|canary| canary.min_pods_per_replica_set).unwrap_or(0);
        let new = fixed.unwrap_or_else(|| {
            let count = ceil_div(weight * replicas, max);
            if count == 0 { 0 } else { count.max(least) }
        });
        Counts { new, stable: replicas }
    }

    fn basic(&self) -> Counts {
        let replicas = self.spec.replicas();
        let (surge, _) = self.spec.fence_posts();
        let (_, weight) = self.canary_size();
        let mut wanted = closest(replicas, weight, self.spec.max_weight(), surge);
        let stable = self.stable.filter(|_| self.stable_is_apart());
        if stable.is_none() {
            // Nothing to split with: everything goes to the new one.
            wanted = Counts { new: replicas, stable: 0 };
        }
        let new_now = self.new.map_or(0, ReplicaSet::wanted);
        let stable_now = stable.map_or(0, ReplicaSet::wanted);
        let others = sum(self.others, ReplicaSet::wanted);
        let most = replicas + surge;
        let mut room = most - (new_now + stable_now + others);
        let mut next = Counts { new: new_now, stable: stable_now };
        // Stable first: it is what an abort waits for.
        if stable_now < wanted.stable && room > 0 {
            next.stable = wanted.stable.min(stable_now + room);
            room -= next.stable - stable_now;
        }
        if self.new.is_some() && new_now < wanted.new && room > 0 {
            next.new = wanted.new.min(new_now + room);
        }
        if others > 0 {
            return next;
        }
        let least = replicas - self.spec.max_unavailable();
        // While the canary grows, the unavailability of stable pods does not hold it back, and the other way round.
        let growing = self.new.is_none() || wanted.new >= new_now;
        let counted = scale_down_base(self.new, !growing) + scale_down_base(self.stable, growing);
        if counted <= least {
            return next;
        }
        let spare = counted - least;
        if growing {
            if let Some(stable) = stable {
                let down = drain(stable_now, wanted.stable, spare, next.stable);
                let (stable_next, new_next) = within_limits(stable, self.new, down, next.new, most, least);
                next = Counts { new: new_next, stable: stable_next };
            }
        } else if let Some(new) = self.new {
            let down = drain(new_now, wanted.new, spare, next.new);
            let (new_next, stable_next) = within_limits(new, self.stable, down, next.stable, most, least);
            next = Counts { new: new_next, stable: stable_next };
        }
        next
    }
}

fn ceil_div(value: i64, by: i64) -> i64 {
    (value + by - 1) / by
}

fn drain(now: i64, wanted: i64, spare: i64, planned: i64) -> i64 {
    if now > wanted { wanted.max(now - spare) } else { planned }
}

fn scale_down_base(set: Option<&ReplicaSet>, ignore_availability: bool) -> i64 {
    set.map_or(
        0,
        |set| {
            if ignore_availability || set.wanted() < set.available() { set.wanted() } else { set.available() }
        },
    )
}

/// Trims the side that is not drained so that both stay within surge and unavailability.
fn within_limits(
    drained: &ReplicaSet,
    other: Option<&ReplicaSet>,
    mut drained_count: i64,
    mut other_count: i64,
    most: i64,
    least: i64,
) -> (i64, i64) {
    let over = (other_count + drained_count - most).max(0);
    let Some(other) = other else {
        return (drained_count, other_count);
    };
    other_count -= over;
    let available = drained.available().min(drained_count) + other.available().min(other_count);
    let lost = (other.available() - other_count).max(0);
    other_count += lost.min((least - available).max(0));
    drained_count -= (other_count + drained_count - most).max(0);
    (drained_count, other_count)
}

/// Returns the split that comes closest to a weight: of `replicas` pods, or of one more where a surge allows it.
/// With a weight strictly between nothing and all, and more than one pod to give, neither side gets none.
fn closest(replicas: i64, weight: i64, max: i64, surge: i64) -> Counts {
    if replicas == 0 {
        return Counts { new: 0, stable: 0 };
    }
    let ceil = ceil_div(replicas * weight, max);
    let floor = replicas * weight / max;
    let zero_allowed = weight == max || weight == 0 || (replicas == 1 && surge == 0);
    let tied = |total: i64| (2 * total * weight) % (2 * max) == max;
    let mut options = Vec::new();
    if ceil < replicas || zero_allowed {
        options.push((ceil, replicas));
    }
    if !tied(replicas) && (floor != 0 || zero_allowed) {
        options.push((floor, replicas));
    }
    if surge > 0 {
        options.push((ceil, replicas + 1));
        if !tied(replicas + 1) && (floor != 0 || zero_allowed) {
            options.push((floor, replicas + 1));
        }
    }
    let distance = |(count, total): (i64, i64)| ((count * max) as f64 / total as f64 - weight as f64).abs();
    let mut best = options.first().copied().unwrap_or((0, replicas));
    for option in options {
        if distance(option) < distance(best) {
            best = option;
        }
    }
    Counts { new: best.0, stable: best.1 - best.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    fn set(name: &str, wanted: i64, available: i64) -> ReplicaSet {
        ReplicaSet::new(Arc::new(json!({
            "metadata": {"name": name, "labels": {"rollouts-pod-template-hash": name}},
            "spec": {"replicas": wanted},
            "status": {"replicas": available, "availableReplicas": available},
        })))
    }

    fn counts(canary: serde_json::Value, replicas: i64, weight: i64, new: i64, stable: i64) -> (i64, i64) {
        let mut canary = canary;
        canary["steps"] = json!([{"setWeight": weight}]);
        let spec = Spec::read(&json!({"replicas": replicas, "strategy": {"canary": canary}})).unwrap();
        let status = Status { stable_rs: "stable".to_owned(), current_pod_hash: "new".to_owned(), ..Status::default() };
        let (new, stable) = (set("new", new, new), set("stable", stable, stable));
        let sides = Sides { spec: &spec, status: &status, new: Some(&new), stable: Some(&stable), others: &[] };
        let counts = sides.counts();
        (counts.new, counts.stable)
    }

    #[test]
    fn basic_canary_respects_surge_and_unavailable() {
        let limits = |surge: i64, unavailable: i64| json!({"maxSurge": surge, "maxUnavailable": unavailable});
        assert_eq!(counts(limits(1, 1), 10, 10, 0, 10), (1, 9));
        assert_eq!(counts(limits(3, 0), 10, 30, 0, 10), (3, 10));
        assert_eq!(counts(limits(0, 5), 10, 30, 0, 10), (0, 7), "room is made first");
        assert_eq!(counts(limits(1, 1), 10, 5, 0, 10), (1, 10));
        assert_eq!(counts(limits(1, 0), 1, 5, 0, 1), (1, 1));
        assert_eq!(counts(limits(1, 0), 1, 95, 0, 1), (1, 1));
    }

    #[test]
    fn traffic_routed_canaries_leave_stable_alone() {
        let routed = || json!({"trafficRouting": {"nginx": {}}});
        assert_eq!(counts(routed(), 10, 20, 0, 10), (2, 10));
        assert_eq!(counts(routed(), 4, 20, 0, 4), (1, 4));
        let mut least = routed();
        least["minPodsPerReplicaSet"] = json!(2);
        assert_eq!(counts(least, 4, 20, 0, 4), (2, 4));
    }

    #[test]
    fn closest_split_wins_and_no_side_is_empty() {
        let split = |replicas, weight, surge| {
            let counts = closest(replicas, weight, 100, surge);
            (counts.new, counts.stable)
        };
        assert_eq!(split(5, 20, 0), (1, 4));
        assert_eq!(split(3, 50, 0), (2, 1));
        assert_eq!(split(3, 1, 0), (1, 2));
        assert_eq!(split(3, 50, 1), (2, 2));
        assert_eq!(split(10, 100, 1), (10, 0));
        assert_eq!(split(10, 0, 1), (0, 10));
    }
}
