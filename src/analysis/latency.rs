//! The evidence that the canary is slower than stable, from their histograms.

use serde::{Deserialize, Serialize};

use super::category_evidence;
use super::errors::MAX_SCRAPE_EVIDENCE;
use super::histogram::{Shared, slow_down_bets};
use super::log_space::ln_mean;
use super::ratio_evidence::ErrorCounts;
use super::restart::Mixture;

/// Factors that all requests may be slower by.
const SLOWDOWN_FACTORS: [f64; 8] = [1.05, 1.1, 1.2, 1.35, 1.5, 2.0, 3.0, 5.0];

/// How many times more requests may be slower than a bound.
const EXCESS_FACTORS: [f64; 7] = [1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0];

/// Added to each bucket before a slow-down is bet on, over the number of buckets.
const BUCKET_FLOOR: f64 = 1e-4;

/// Seconds after which stable's requests count for a third: about the last hour decides.
const STABLE_MEMORY_SECONDS: f64 = 3600.0;

/// From this share on a bound is in the body of the distribution, where pods differ less than in its tail.
const BODY_SHARE: f64 = 0.3;

/// How many times more requests the canary may have above a bound in the body, and above one in the tail.
const TOLERATED_EXCESS: (f64, f64) = (1.1, 1.25);

/// The evidence on latency (formula F7 of the method).
///
/// The plain one, half on a slow-down of everything and half on a heavier tail, detects 10 % in minutes; pods that differ by
/// 5 % look the same to it. The tolerant one requires a quarter more slow requests, is capped for each scrape like the
/// guarded evidence on errors, and is what a rollback may rest on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyTest {
    /// All requests since the buckets last changed.
    seen: Shared,
    /// Stable's requests by bucket; those of long ago count less.
    past: Vec<f64>,
    past_at: f64,
    slow_down: Mixture,
    tail: Mixture,
    tolerant: Mixture,
}

impl Default for LatencyTest {
    fn default() -> Self {
        Self {
            seen: Shared::default(),
            past: Vec::new(),
            past_at: 0.0,
            slow_down: Mixture::new(SLOWDOWN_FACTORS.len()),
            tail: Mixture::new(0),
            tolerant: Mixture::new(0),
        }
    }
}

impl LatencyTest {
    /// Takes in the requests of both in a scrape at `t`. `planned` must not depend on it.
    pub fn take(&mut self, t: f64, both: &Shared, planned: u32) {
        if self.seen.bounds != both.bounds {
            self.switch_buckets(&both.bounds);
        }
        self.bet(both, planned);
        self.seen.add(both);
        self.remember(t, &both.stable);
    }

    /// Continues with other buckets from the same evidence.
    fn switch_buckets(&mut self, bounds: &[f64]) {
        let empty = vec![0; bounds.len() + 1];
        self.seen = Shared { bounds: bounds.to_vec(), canary: empty.clone(), stable: empty };
        self.past = vec![0.0; bounds.len() + 1];
        self.slow_down.redistribute(SLOWDOWN_FACTORS.len());
        self.tail.redistribute(bounds.len() * EXCESS_FACTORS.len());
        self.tolerant.redistribute(bounds.len() * EXCESS_FACTORS.len());
    }

    fn bet(&mut self, both: &Shared, planned: u32) {
        let all: f64 = self.past.iter().sum();
        let masses: Vec<f64> = self.past.iter().map(|count| count / all.max(1.0)).collect();
        self.slow_down.take(planned, |bet| match SLOWDOWN_FACTORS.get(bet) {
            // Without history there is nothing to derive a bet from.
            Some(factor) if all > 0.0 => {
                let bets = slow_down_bets(&self.seen.bounds, &masses, *factor, BUCKET_FLOOR);
                category_evidence::ln_e(&both.canary, &both.stable, &bets)
            }
            _ => 0.0,
        });
        let above: Vec<Option<(ErrorCounts, f64)>> = (0..self.seen.bounds.len())
            .map(|bound| {
                let counts = slower(both, bound)?;
                let share: f64 = masses.iter().skip(bound + 1).sum();
                Some((counts, if share >= BODY_SHARE { TOLERATED_EXCESS.0 } else { TOLERATED_EXCESS.1 }))
            })
            .collect();
        let bet_on = |bet: usize| {
            let (counts, tolerated) = above.get(bet / EXCESS_FACTORS.len()).copied().flatten()?;
            Some((counts, tolerated, *EXCESS_FACTORS.get(bet % EXCESS_FACTORS.len())?))
        };
        self.tail.take(planned, |bet| bet_on(bet).map_or(0.0, |(counts, _, more)| counts.ln_e(more, 1.0)));
        self.tolerant.take(planned, |bet| {
            bet_on(bet).map_or(0.0, |(counts, tolerated, more)| {
                counts.ln_e(tolerated * more, tolerated).min(MAX_SCRAPE_EVIDENCE.ln())
            })
        });
    }

    fn remember(&mut self, t: f64, stable: &[u64]) {
        let keep = (-(t - self.past_at).max(0.0) / STABLE_MEMORY_SECONDS).exp();
        for (past, now) in self.past.iter_mut().zip(stable) {
            *past = *past * keep + *now as f64;
        }
        self.past_at = t;
    }

    /// Returns the requests of both since their buckets last changed.
    #[must_use]
    pub fn seen(&self) -> &Shared {
        &self.seen
    }

    /// Returns the logarithm of the plain evidence.
    #[must_use]
    pub fn ln_plain(&self) -> f64 {
        ln_mean(&[self.slow_down.ln_value(), self.tail.ln_value()])
    }

    /// Returns the logarithm of the tolerant evidence.
    #[must_use]
    pub fn ln_tolerant(&self) -> f64 {
        self.tolerant.ln_value()
    }
}

/// Counts what was slower than a bound.
fn slower(both: &Shared, bound: usize) -> Option<ErrorCounts> {
    let all = |counts: &[u64]| counts.iter().fold(0, |sum: u64, count| sum.saturating_add(*count));
    let above = |counts: &[u64]| all(counts.get(bound + 1..).unwrap_or_default());
    ErrorCounts::new(above(&both.canary), above(&both.stable), all(&both.canary), all(&both.stable))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(canary: &[u64], stable: &[u64]) -> Shared {
        Shared { bounds: vec![0.1, 0.25, 0.5, 1.0], canary: canary.to_vec(), stable: stable.to_vec() }
    }

    fn after(scrapes: u32, canary: &[u64]) -> LatencyTest {
        let mut test = LatencyTest::default();
        for scrape in 0..scrapes {
            test.take(f64::from(scrape) * 15.0, &both(canary, &[500, 300, 150, 40, 10]), 240);
        }
        test
    }

    #[test]
    fn the_same_latency_is_no_evidence() {
        let test = after(100, &[50, 30, 15, 4, 1]);
        assert!(test.ln_plain() < 0.0 && test.ln_tolerant() < 0.0);
        let faster = after(100, &[80, 15, 5, 0, 0]);
        assert!(faster.ln_plain() < 0.0 && faster.ln_tolerant() < 0.0);
    }

    #[test]
    fn slower_canary_is_seen_and_tolerant_evidence_needs_several_scrapes() {
        let test = after(10, &[25, 30, 25, 15, 5]);
        assert!(test.ln_plain() > 100.0_f64.ln(), "{}", test.ln_plain());
        assert!(test.ln_tolerant() > 100.0_f64.ln(), "{}", test.ln_tolerant());
        let once = after(2, &[0, 0, 0, 0, 100]);
        assert!(once.ln_tolerant() < 2.0 * MAX_SCRAPE_EVIDENCE.ln(), "{}", once.ln_tolerant());
        // 5 % slower is detected by the plain evidence, and tolerated.
        let little = after(240, &[455, 310, 175, 48, 12]);
        assert!(little.ln_plain() > 100.0_f64.ln() && little.ln_tolerant() < 0.0);
    }

    #[test]
    fn evidence_is_kept_when_buckets_change() {
        let mut test = after(10, &[25, 30, 25, 15, 5]);
        let before = (test.ln_plain(), test.ln_tolerant());
        test.switch_buckets(&[0.1, 0.5]);
        assert!((test.ln_plain() - before.0).abs() < 1e-9 && (test.ln_tolerant() - before.1).abs() < 1e-9);
        test.take(150.0, &Shared { bounds: vec![0.1, 0.5], canary: vec![1, 1, 1], stable: vec![9, 9, 9] }, 240);
        assert!(test.ln_plain().is_finite());
    }
}
