//! Bounds of the 99th latency percentile, valid after every scrape.

use serde::{Deserialize, Serialize};

use super::histogram::counted;
use super::scrape::Bucket;
use super::share_interval::ShareSequence;

/// The quantile that is reported.
const SHOWN_QUANTILE: f64 = 0.99;

/// Requests after which bounds are tightest.
const TIGHTEST_AT_REQUESTS: f64 = 1000.0;

/// Where a quantile of a latency lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QuantileBounds {
    /// It is above this, in seconds; `None` where nothing is known.
    pub above: Option<f64>,
    /// It is at most this, in seconds; `None` where no bucket bounds it: what ends in the last one may take for ever.
    pub at_most: Option<f64>,
}

/// Requests of one track by bucket, since its buckets have been the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latencies {
    bounds: Vec<f64>,
    counts: Vec<u64>,
}

impl Latencies {
    /// Takes in a scrape.
    pub fn take(&mut self, buckets: &[Bucket]) {
        if buckets.is_empty() {
            return;
        }
        let bounds: Vec<f64> = buckets.iter().map(|bucket| bucket.le).filter(|le| le.is_finite()).collect();
        if bounds != self.bounds {
            self.counts = vec![0; bounds.len() + 1];
            self.bounds = bounds;
        }
        for (sum, count) in self.counts.iter_mut().zip(counted(buckets, &self.bounds)) {
            *sum = sum.saturating_add(count);
        }
    }

    /// Returns all requests of known latency.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Returns requests that took longer than this, as far as buckets show: those that may have, where a bucket straddles
    /// it.
    #[must_use]
    pub fn slower_than(&self, seconds: f64) -> u64 {
        let first = self.bounds.partition_point(|bound| *bound <= seconds);
        self.counts.iter().skip(first).fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Returns where the 99th percentile lies; all bounds hold after every scrape with a chance
    /// of at least `1 - alpha`. `None` before any request.
    ///
    /// It is above a bound whose share is provably smaller, and at most one whose share is provably greater.
    #[must_use]
    pub fn p99(&self, alpha: f64) -> Option<QuantileBounds> {
        let all = self.all();
        if all == 0 {
            return None;
        }
        let sequence = ShareSequence { alpha, t_opt: TIGHTEST_AT_REQUESTS };
        let mut bounds = QuantileBounds::default();
        let mut below = 0_u64;
        for (bound, count) in self.bounds.iter().zip(&self.counts) {
            below = below.saturating_add(*count);
            if sequence.allows(below, all, SHOWN_QUANTILE) {
                continue;
            }
            if (below as f64) < SHOWN_QUANTILE * all as f64 {
                bounds.above = Some(*bound);
            } else {
                bounds.at_most = Some(*bound);
                break;
            }
        }
        Some(bounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latencies(counts: [u64; 5]) -> Latencies {
        let les = [0.1, 0.25, 0.5, 1.0, f64::INFINITY];
        let buckets: Vec<Bucket> = les.into_iter().zip(counts).map(|(le, count)| Bucket { le, count }).collect();
        let mut latencies = Latencies::default();
        latencies.take(&buckets);
        latencies
    }

    #[test]
    fn more_requests_narrow_the_quantile_interval() {
        let p99 = |counts| latencies(counts).p99(0.05);
        assert_eq!(p99([0, 0, 0, 0, 0]), None);
        assert_eq!(p99([5, 3, 2, 0, 0]), Some(QuantileBounds { above: Some(0.1), at_most: None }));
        let many = p99([50_000, 30_000, 15_000, 4_500, 500]).unwrap();
        assert_eq!(many, QuantileBounds { above: Some(0.5), at_most: Some(1.0) });
        let hangs = p99([50_000, 30_000, 15_000, 0, 5_000]).unwrap();
        assert_eq!(hangs, QuantileBounds { above: Some(1.0), at_most: None });
    }

    #[test]
    fn bucket_that_straddles_the_limit_counts_as_slow() {
        let latencies = latencies([50, 30, 15, 4, 1]);
        assert_eq!(latencies.slower_than(0.25), 20);
        assert_eq!(latencies.slower_than(0.3), 20);
        assert_eq!(latencies.slower_than(0.5), 5);
        assert_eq!(latencies.slower_than(9.0), 1);
    }
}
