//! Whether the canary gets the share of requests that it was given.

use serde::{Deserialize, Serialize};

use super::share_mismatch::ln_mismatch;

/// Weight of the prior around the share that was set.
const PRIOR_WEIGHT: f64 = 100.0;

/// From this factor on, the metrics cannot be those of this rollout.
const MAX_WEIGHT_FACTOR: f64 = 3.0;

/// The share that was set, and the requests since.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Weight {
    share: f64,
    canary: u64,
    stable: u64,
    /// The scrape in which the share changed saw some of both.
    settled: bool,
}

/// How the share that is seen differs from the one that was set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mismatch {
    pub set: f64,
    pub seen: f64,
}

impl Mismatch {
    /// Whether the mismatch is too large for the metrics to be trusted.
    pub fn is_far_off(&self) -> bool {
        self.seen > MAX_WEIGHT_FACTOR * self.set || self.seen * MAX_WEIGHT_FACTOR < self.set
    }
}

impl Weight {
    /// Begins with a share; one that leaves a track without requests cannot be compared.
    pub fn new(share: f64) -> Option<Self> {
        (share > 0.0 && share < 1.0).then_some(Self { share, canary: 0, stable: 0, settled: false })
    }

    /// Whether it is this share.
    pub fn is(&self, share: f64) -> bool {
        (self.share - share).abs() < 1e-9
    }

    pub fn take(&mut self, canary: u64, stable: u64) {
        if self.settled {
            self.canary = self.canary.saturating_add(canary);
            self.stable = self.stable.saturating_add(stable);
        }
        self.settled = true;
    }

    /// Returns how the shares differ, where they do for certain.
    pub fn mismatch(&self, alpha: f64) -> Option<Mismatch> {
        let evidence = ln_mismatch(&[self.canary, self.stable], &[self.share, 1.0 - self.share], PRIOR_WEIGHT);
        let seen = self.canary as f64 / (self.canary as f64 + self.stable as f64).max(1.0);
        (evidence >= -alpha.ln()).then_some(Mismatch { set: self.share, seen })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_traffic_share_is_reported_once_certain() {
        let mut weight = Weight::new(0.05).unwrap();
        weight.take(5000, 5000);
        assert_eq!(weight.mismatch(0.01), None, "the scrape of the change says nothing");
        weight.take(70, 930);
        assert_eq!(weight.mismatch(0.01), None);
        weight.take(700, 9300);
        let mismatch = weight.mismatch(0.01).unwrap();
        assert!((mismatch.seen - 0.07).abs() < 1e-9 && !mismatch.is_far_off());
        weight.take(5000, 5000);
        assert!(weight.mismatch(0.01).unwrap().is_far_off());
        assert!(Weight::new(0.0).is_none() && Weight::new(1.0).is_none() && Weight::new(f64::NAN).is_none());
    }
}
