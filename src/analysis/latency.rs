//! The evidence that the canary is slower than stable, from their histograms.

use serde::{Deserialize, Serialize};

use super::category_evidence;
use super::errors::MAX_SCRAPE_EVIDENCE;
use super::histogram::{Shared, share_below, slow_down_bets};
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

/// More than this is never tolerated, however steep the tail.
const MAX_TOLERATED_EXCESS: f64 = 10.0;

/// The evidence on latency (formula F7 of the method).
///
/// The plain one, half on a slow-down of everything and half on a heavier tail, is never more than the evidence on the tail
/// beyond the margin: as many requests may be slower than a bound as stable would have if all of them took so many times as long,
/// read from its past with latencies spread evenly inside a bucket. The tolerant one requires a quarter more slow requests at
/// least, is capped for each scrape like the guarded evidence on errors, and is what a rollback may rest on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyTest {
    /// All requests since the buckets last changed.
    seen: Shared,
    /// Stable's requests by bucket; those of long ago count less.
    past: Vec<f64>,
    past_at: f64,
    slow_down: Mixture,
    tail: Mixture,
    /// The tail beyond what a canary within the margin has.
    #[serde(default = "no_bets")]
    beyond: Mixture,
    tolerant: Mixture,
}

fn no_bets() -> Mixture {
    Mixture::new(0)
}

impl Default for LatencyTest {
    fn default() -> Self {
        Self {
            seen: Shared::default(),
            past: Vec::new(),
            past_at: 0.0,
            slow_down: Mixture::new(SLOWDOWN_FACTORS.len()),
            tail: Mixture::new(0),
            beyond: no_bets(),
            tolerant: Mixture::new(0),
        }
    }
}

impl LatencyTest {
    /// Takes in the requests of both in a scrape at `t`; being `margin` times slower does not count. It and `planned` must not
    /// depend on the scrape.
    pub fn take(&mut self, t: f64, both: &Shared, margin: f64, planned: u32) {
        if self.seen.bounds != both.bounds {
            self.switch_buckets(&both.bounds);
        }
        self.bet(both, margin, planned);
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
        self.beyond.redistribute(bounds.len() * EXCESS_FACTORS.len());
        self.tolerant.redistribute(bounds.len() * EXCESS_FACTORS.len());
    }

    fn bet(&mut self, both: &Shared, margin: f64, planned: u32) {
        let all: f64 = self.past.iter().sum();
        let masses: Vec<f64> = self.past.iter().map(|count| count / all.max(1.0)).collect();
        let slow_down = SLOWDOWN_FACTORS.map(|factor| {
            // Without history there is nothing to derive a bet from.
            if all <= 0.0 {
                return 0.0;
            }
            let bets = slow_down_bets(&self.seen.bounds, &masses, factor, BUCKET_FLOOR);
            category_evidence::ln_e(&both.canary, &both.stable, &bets)
        });
        self.slow_down.take(planned, slow_down);
        let bounds = &self.seen.bounds;
        let above: Vec<Option<(ErrorCounts, Tolerated)>> = (0..bounds.len())
            .map(|bound| Some((slower(both, bound)?, Tolerated::at(bounds, &masses, bound, margin, all))))
            .collect();
        let bets = || above.iter().flat_map(|above| EXCESS_FACTORS.map(|more| (*above, more)));
        self.tail.take(planned, bets().map(|(above, more)| above.map_or(0.0, |(counts, _)| counts.ln_e(more, 1.0))));
        self.beyond.take(
            planned,
            bets().map(|(above, more)| {
                above.map_or(0.0, |(counts, tolerated)| counts.ln_e(tolerated.plain * more, tolerated.plain))
            }),
        );
        self.tolerant.take(
            planned,
            bets().map(|(above, more)| {
                above.map_or(0.0, |(counts, Tolerated { guarded, .. })| {
                    counts.ln_e(guarded * more, guarded).min(MAX_SCRAPE_EVIDENCE.ln())
                })
            }),
        );
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

    /// Returns the bound at which the canary differs from stable most beyond chance, for people to read.
    #[must_use]
    pub fn slowest(&self) -> Option<Slower> {
        let all = |counts: &[u64]| counts.iter().map(|count| *count as f64).sum::<f64>();
        let (canary, stable) = (all(&self.seen.canary), all(&self.seen.stable));
        if canary <= 0.0 || stable <= 0.0 {
            return None;
        }
        let at = |(bound, seconds): (usize, &f64)| {
            let above = |counts: &[u64]| all(counts.get(bound + 1..).unwrap_or_default());
            let (slow, usual) = (above(&self.seen.canary), above(&self.seen.stable));
            let pooled = (slow + usual) / (canary + stable);
            let found = Slower { seconds: *seconds, canary: slow / canary, stable: usual / stable };
            let deviation = (pooled * (1.0 - pooled) * (1.0 / canary + 1.0 / stable)).sqrt();
            (found.canary > found.stable && deviation > 0.0).then(|| ((found.canary - found.stable) / deviation, found))
        };
        let found = self.seen.bounds.iter().enumerate().filter_map(at);
        found.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, slower)| slower)
    }

    /// Returns the logarithm of the plain evidence.
    #[must_use]
    pub fn ln_plain(&self) -> f64 {
        ln_mean(&[self.slow_down.ln_value(), self.tail.ln_value()]).min(self.beyond.ln_value())
    }

    /// Returns the logarithm of the tolerant evidence.
    #[must_use]
    pub fn ln_tolerant(&self) -> f64 {
        self.tolerant.ln_value()
    }
}

/// Shares of requests that take longer than a bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slower {
    pub seconds: f64,
    pub canary: f64,
    pub stable: f64,
}

/// How many times more of the canary's requests may be slower than a bound.
#[derive(Clone, Copy, Debug)]
struct Tolerated {
    plain: f64,
    guarded: f64,
}

impl Tolerated {
    fn at(bounds: &[f64], masses: &[f64], bound: usize, margin: f64, all: f64) -> Self {
        let share: f64 = masses.iter().skip(bound + 1).sum();
        let least = if share >= BODY_SHARE { TOLERATED_EXCESS.0 } else { TOLERATED_EXCESS.1 };
        if margin <= 1.0 {
            return Self { plain: 1.0, guarded: least };
        }
        // One request more on both sides: of a tail that nobody has been in, little is known.
        let one = 1.0 / (all + 1.0);
        let stretched = bounds.get(bound).map_or(share, |le| 1.0 - share_below(bounds, masses, le / margin));
        let plain = ((stretched + one) / (share + one)).clamp(least, MAX_TOLERATED_EXCESS);
        Self { plain, guarded: plain }
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
        with_margin(scrapes, canary, 1.0)
    }

    fn with_margin(scrapes: u32, canary: &[u64], margin: f64) -> LatencyTest {
        let mut test = LatencyTest::default();
        for scrape in 0..scrapes {
            test.take(f64::from(scrape) * 15.0, &both(canary, &[500, 300, 150, 40, 10]), margin, 240);
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
    fn bound_that_shows_it_best_is_told() {
        let test = after(10, &[25, 30, 25, 15, 5]);
        let Slower { seconds, canary, stable } = test.slowest().unwrap();
        assert!(seconds.to_bits() == 0.5_f64.to_bits(), "{seconds}");
        assert!((canary - 0.2).abs() < 1e-9 && (stable - 0.05).abs() < 1e-9, "{canary} {stable}");
        assert_eq!(after(10, &[80, 15, 5, 0, 0]).slowest(), None);
        assert_eq!(LatencyTest::default().slowest(), None);
    }

    #[test]
    fn what_is_within_the_margin_does_not_count() {
        let little = with_margin(240, &[455, 310, 175, 48, 12], 1.15);
        assert!(
            little.ln_plain() < 0.0 && little.ln_tolerant() < 0.0,
            "{} {}",
            little.ln_plain(),
            little.ln_tolerant()
        );
        let much = with_margin(10, &[25, 30, 25, 15, 5], 1.15);
        assert!(much.ln_plain() > 100.0_f64.ln(), "{}", much.ln_plain());
    }

    #[test]
    fn evidence_is_kept_when_buckets_change() {
        let mut test = after(10, &[25, 30, 25, 15, 5]);
        let before = (test.ln_plain(), test.ln_tolerant());
        test.switch_buckets(&[0.1, 0.5]);
        assert!((test.ln_plain() - before.0).abs() < 1e-9 && (test.ln_tolerant() - before.1).abs() < 1e-9);
        test.take(150.0, &Shared { bounds: vec![0.1, 0.5], canary: vec![1, 1, 1], stable: vec![9, 9, 9] }, 1.0, 240);
        assert!(test.ln_plain().is_finite());
    }
}
