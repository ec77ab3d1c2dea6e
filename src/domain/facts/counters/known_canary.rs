//! Ready pods and routed share of a canary, to validate its counters.

use super::seen::KnownPod;
use crate::domain::facts::step::Step;
use crate::domain::facts::workload::rollout::Rollout;

/// What the cluster says of a canary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KnownCanary {
    /// Its pods that are ready, those that Prometheus is expected to scrape, and those that start.
    pub pods: Vec<KnownPod>,
    /// The share of requests that it is given, where a router was told.
    pub share: Option<GivenShare>,
}

/// A share of requests that a router was told to give the canary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GivenShare {
    /// The share, 0 to 1.
    pub share: f64,
    /// Since when, in seconds since 1970.
    pub since: f64,
}

/// Returns the share of requests that a router gives the canary. Without a router it is luck; with headers or mirrored
/// requests it is no share of all requests; where the router has not followed yet it is another.
#[must_use]
pub fn routed_share(rollout: &Rollout) -> Option<f64> {
    let aside = |step: &Step| matches!(step, Step::SetHeaderRoute(_) | Step::SetMirrorRoute(_));
    let weights = rollout.status.weights.as_ref()?;
    if !rollout.traffic_routed() || weights.verified == Some(false) || rollout.steps().iter().any(aside) {
        return None;
    }
    Some(f64::from(weights.canary.weight) / f64::from(rollout.max_weight().max(1)))
}

/// Shares over time: each counts for what was scraped since.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    given: Vec<(f64, Option<f64>)>,
}

impl Shares {
    /// Notes the share that is given now, in seconds since 1970.
    pub fn note(&mut self, now: f64, share: Option<GivenShare>) {
        let (since, share) = share.map_or((now, None), |given| (given.since, Some(given.share)));
        let last = self.given.last().and_then(|(_, share)| *share);
        if last != share || self.given.is_empty() {
            self.given.push((since, share));
        }
    }

    /// Returns the share that was given at a time, and forgets what came before it.
    pub fn at(&mut self, t: f64) -> Option<f64> {
        let later = self.given.partition_point(|(since, _)| *since <= t);
        self.given.drain(..later.saturating_sub(1));
        if later == 0 { None } else { self.given.first().and_then(|(_, share)| *share) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_share_applies_to_later_scrapes_only() {
        let mut shares = Shares::default();
        let given = |share, since| Some(GivenShare { share, since });
        assert_eq!(shares.at(0.0), None);
        shares.note(10.0, given(0.05, 5.0));
        shares.note(20.0, given(0.05, 5.0));
        shares.note(90.0, given(0.25, 80.0));
        assert_eq!(shares.at(4.0), None);
        assert_eq!(shares.at(79.9), Some(0.05));
        assert_eq!(shares.at(80.0), Some(0.25));
        shares.note(100.0, None);
        assert_eq!((shares.at(99.9), shares.at(100.0)), (Some(0.25), None));
    }
}
