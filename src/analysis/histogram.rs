//! Latency histograms of two versions on the bounds that they share.

use serde::{Deserialize, Serialize};

use super::scrape::Bucket;

/// Requests of both versions by bucket. The last bucket has no upper bound, so there is one bucket more than bounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shared {
    /// Upper bounds, inclusive, in seconds, ascending.
    pub bounds: Vec<f64>,
    /// Requests of the canary.
    pub canary: Vec<u64>,
    /// Requests of stable.
    pub stable: Vec<u64>,
}

impl Shared {
    /// Merges both to the bounds that they share; `None` where they share none, or are in no order.
    #[must_use]
    pub fn of(canary: &[Bucket], stable: &[Bucket]) -> Option<Self> {
        if !is_ascending(canary) || !is_ascending(stable) {
            return None;
        }
        let known = |le: f64| stable.iter().any(|bucket| same(bucket.le, le));
        let bounds: Vec<f64> =
            canary.iter().map(|bucket| bucket.le).filter(|le| le.is_finite() && known(*le)).collect();
        if bounds.is_empty() {
            return None;
        }
        Some(Self { canary: counted(canary, &bounds), stable: counted(stable, &bounds), bounds })
    }

    /// Adds what came on the same bounds.
    pub fn add(&mut self, other: &Self) {
        let ours = self.canary.iter_mut().chain(&mut self.stable);
        for (sum, count) in ours.zip(other.canary.iter().chain(&other.stable)) {
            *sum = sum.saturating_add(*count);
        }
    }
}

fn same(a: f64, b: f64) -> bool {
    a.total_cmp(&b).is_eq()
}

/// Whether bounds are numbers and ascend.
fn is_ascending(buckets: &[Bucket]) -> bool {
    let numbers = buckets.iter().all(|bucket| !bucket.le.is_nan());
    numbers && buckets.iter().zip(buckets.iter().skip(1)).all(|(low, high)| low.le < high.le)
}

/// Counts requests on coarser bounds.
pub(super) fn counted(buckets: &[Bucket], bounds: &[f64]) -> Vec<u64> {
    let mut counts = vec![0_u64; bounds.len() + 1];
    for bucket in buckets {
        let at = bounds.partition_point(|bound| *bound < bucket.le);
        if let Some(count) = counts.get_mut(at) {
            *count = count.saturating_add(bucket.count);
        }
    }
    counts
}

/// Returns the bets on a slow-down by a factor: what each bucket would hold after it over what it holds, never falling
/// (formula F7 of the method). `masses` are shares of stable's requests by bucket; `floor` is added to each bucket on both
/// sides, so that no bet on an empty bucket is unbounded.
///
/// Latencies are taken to spread evenly inside a bucket, as Prometheus takes them.
#[must_use]
pub fn slow_down_bets(bounds: &[f64], masses: &[f64], factor: f64, floor: f64) -> Vec<f64> {
    let floor = floor / masses.len().max(1) as f64;
    let mut below = 0.0;
    let mut largest: f64 = 0.0;
    let mut bets = Vec::with_capacity(masses.len());
    for (bucket, mass) in masses.iter().enumerate() {
        let up_to = bounds.get(bucket).map_or(1.0, |bound| share_below(bounds, masses, bound / factor));
        largest = largest.max(((up_to - below).max(0.0) + floor) / (mass + floor));
        below = up_to;
        bets.push(largest);
    }
    bets
}

/// Returns the share of requests that took at most so many seconds.
pub(super) fn share_below(bounds: &[f64], masses: &[f64], seconds: f64) -> f64 {
    let (mut from, mut below) = (0.0_f64, 0.0);
    for (bound, mass) in bounds.iter().zip(masses) {
        if seconds <= *bound {
            let width = bound - from;
            let part = if width > 0.0 { ((seconds - from) / width).clamp(0.0, 1.0) } else { 1.0 };
            return below + mass * part;
        }
        (from, below) = (*bound, below + mass);
    }
    below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(of: &[(f64, u64)]) -> Vec<Bucket> {
        of.iter().map(|(le, count)| Bucket { le: *le, count: *count }).collect()
    }

    #[test]
    fn versions_are_compared_on_the_bounds_that_they_share() {
        let canary = buckets(&[(0.1, 5), (0.25, 3), (0.5, 2), (f64::INFINITY, 1)]);
        let stable = buckets(&[(0.1, 50), (0.2, 20), (0.5, 15), (1.0, 9), (f64::INFINITY, 6)]);
        let shared = Shared::of(&canary, &stable).unwrap();
        assert_eq!(shared.bounds, [0.1, 0.5]);
        assert_eq!(shared.canary, [5, 5, 1]);
        assert_eq!(shared.stable, [50, 35, 15]);
        assert_eq!(Shared::of(&canary, &buckets(&[(0.3, 1), (f64::INFINITY, 1)])), None);
        assert_eq!(Shared::of(&buckets(&[(0.5, 1), (0.1, 1)]), &stable), None);
        assert_eq!(Shared::of(&buckets(&[(f64::NAN, 1)]), &stable), None);
        assert_eq!(Shared::of(&[], &[]), None);
    }

    #[test]
    fn worked_example_of_a_slow_down_matches() {
        let bets = slow_down_bets(&[0.1, 0.25, 0.5, 1.0], &[0.5, 0.3, 0.15, 0.04, 0.01], 1.2, 0.0);
        for (is, wanted) in bets.iter().zip([0.833_333, 1.0, 1.222_222, 1.916_667, 2.333_333]) {
            assert!((is - wanted).abs() < 1e-6, "{bets:?}");
        }
    }

    #[test]
    fn faster_canary_gains_no_evidence() {
        let bets = slow_down_bets(&[0.1, 0.2, 0.4], &[0.1, 0.7, 0.0, 0.2], 3.0, 1e-4);
        assert!(bets.iter().zip(bets.iter().skip(1)).all(|(low, high)| low <= high), "{bets:?}");
        assert!(bets.iter().all(|bet| bet.is_finite() && *bet > 0.0));
    }
}
