//! What a weight means for users: a share of requests where a router splits them, else so many of the pods.

use super::{Rollout, RolloutStrategy};
use crate::domain::facts::step::Step;

/// How a weight becomes a share of requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    pub max_weight: u32,
    /// Without a router each pod gets its share.
    pub pods: Option<Pods>,
}

/// Pods of a canary without a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pods {
    pub replicas: u32,
    /// Whether there may be one more than that.
    pub surges: bool,
}

/// So many of all pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodShare {
    pub canary: u32,
    pub all: u32,
}

impl Split {
    #[must_use]
    pub fn of(rollout: &Rollout) -> Self {
        let replicas = rollout.spec.replicas.unwrap_or(1);
        let surges = match &rollout.spec.strategy {
            RolloutStrategy::Canary(canary) => canary.rolling_update.surges(replicas),
            RolloutStrategy::BlueGreen(_) => false,
        };
        let pods = (!rollout.traffic_routed()).then_some(Pods { replicas, surges });
        Self { max_weight: rollout.max_weight().max(1), pods }
    }

    /// Returns the share of requests at a weight, 0 to 1.
    #[must_use]
    pub fn share(&self, weight: u32) -> f64 {
        match self.pods_at(weight) {
            Some(PodShare { canary, all }) => f64::from(canary) / f64::from(all.max(1)),
            None => f64::from(weight.min(self.max_weight)) / f64::from(self.max_weight),
        }
    }

    /// Returns the same in whole percent.
    #[must_use]
    pub fn percent(&self, weight: u32) -> u64 {
        (self.share(weight) * 100.0).round() as u64
    }

    /// Returns the pods that come closest to a weight; `None` with a router.
    ///
    /// Between nothing and all, neither side is without any, except that one pod without surge is on one side.
    /// Source: Argo Rollouts `utils/replicaset/canary.go`, `approximateWeightedCanaryStableReplicaCounts`.
    #[must_use]
    pub fn pods_at(&self, weight: u32) -> Option<PodShare> {
        let Pods { replicas, surges } = self.pods?;
        if replicas == 0 {
            return Some(PodShare { canary: 0, all: 0 });
        }
        let (max, weight) = (self.max_weight, weight.min(self.max_weight));
        let whole = weight == 0 || weight == max || (replicas == 1 && !surges);
        let fits = |pods: &PodShare| whole || (pods.canary > 0 && pods.canary < pods.all);
        let totals = std::iter::once(replicas).chain(surges.then_some(replicas + 1));
        let options = totals.flat_map(|all| {
            let exact = u64::from(all) * u64::from(weight);
            let [up, down] = [exact.div_ceil(max.into()), exact / u64::from(max)];
            [up, down].map(|canary| PodShare { canary: u32::try_from(canary).unwrap_or(u32::MAX), all })
        });
        // How far it is off, times the pods; whole numbers, for of two that are equally far the first is taken.
        let off = |pods: &PodShare| {
            (u64::from(pods.canary) * u64::from(max)).abs_diff(u64::from(pods.all) * u64::from(weight))
        };
        let is_nearer =
            |one: &PodShare, other: &PodShare| off(one) * u64::from(other.all) < off(other) * u64::from(one.all);
        let nearer = |best: PodShare, next: PodShare| if is_nearer(&next, &best) { next } else { best };
        options.filter(fits).reduce(nearer).or(Some(PodShare { canary: 0, all: replicas }))
    }

    /// Returns the label of a step, with the pods where they are another share than the weight says.
    #[must_use]
    pub fn label(&self, step: &Step) -> String {
        let Step::SetWeight(weight) = step else { return step.label() };
        match self.pods_at(*weight) {
            Some(PodShare { canary, all })
                if u64::from(canary) * u64::from(self.max_weight) != u64::from(all) * u64::from(*weight) =>
            {
                format!("{} ({canary} of {all} pods)", step.label())
            }
            _ => step.label(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(replicas: u32, surges: bool) -> Split {
        Split { max_weight: 100, pods: Some(Pods { replicas, surges }) }
    }

    /// As `TestCalculateReplicaCountsForCanary` of Argo Rollouts has it where every pod is there.
    #[test]
    fn without_a_router_a_weight_is_the_nearest_number_of_pods() {
        for (replicas, surges, weight, canary, all) in [
            (10, true, 20, 2, 10),
            (10, true, 10, 1, 10),
            (10, false, 5, 1, 10),
            (5, true, 5, 1, 6),
            (5, true, 99, 5, 6),
            (1, true, 5, 1, 2),
            (1, false, 5, 0, 1),
            (1, false, 60, 1, 1),
            (3, true, 50, 2, 4),
            (4, false, 60, 2, 4),
            (6, false, 25, 2, 6),
            (3, false, 50, 2, 3),
            (5, true, 0, 0, 5),
            (5, true, 100, 5, 5),
            (0, true, 50, 0, 0),
        ] {
            let found = split(replicas, surges).pods_at(weight).unwrap();
            assert_eq!((found.canary, found.all), (canary, all), "{weight} % of {replicas} pods, surge {surges}");
        }
        assert!((Split { max_weight: 1000, pods: None }.share(5) - 0.005).abs() < 1e-12);
    }

    #[test]
    fn a_step_says_its_pods_where_the_weight_does_not() {
        assert_eq!(split(1, true).label(&Step::SetWeight(5)), "setWeight 5 (1 of 2 pods)");
        assert_eq!(split(4, true).label(&Step::SetWeight(25)), "setWeight 25");
        assert_eq!(Split { max_weight: 100, pods: None }.label(&Step::SetWeight(5)), "setWeight 5");
    }
}
