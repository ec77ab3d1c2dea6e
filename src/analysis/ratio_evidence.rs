//! The evidence of one scrape that the canary fails more often than stable, by a ratio of error shares.

use std::sync::LazyLock;

/// The errors of one scrape, with the canary's share of requests as it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorCounts {
    /// Errors of the canary.
    pub canary: f64,
    /// Errors of both.
    pub both: f64,
    /// Requests of the canary.
    pub requests: f64,
    /// The canary's share of all requests, more than 0 and less than 1.
    pub share: f64,
}

impl ErrorCounts {
    /// Counts a scrape; `None` where one track has no requests.
    ///
    /// What is "bad" need not be an error: slower than a bound is compared in the same way.
    #[must_use]
    pub fn new(canary_bad: u64, stable_bad: u64, canary_requests: u64, stable_requests: u64) -> Option<Self> {
        if canary_requests == 0 || stable_requests == 0 {
            return None;
        }
        let (canary, stable) = (canary_requests as f64, stable_requests as f64);
        Some(Self {
            canary: canary_bad as f64,
            both: canary_bad as f64 + stable_bad as f64,
            requests: canary,
            share: canary / (canary + stable),
        })
    }

    /// Returns the logarithm of the e-value for a ratio of `w` against at most `w0` (formula F2 of the method).
    ///
    /// Its mean is at most 1 whenever the canary's error share is at most `w0` times that of stable in this scrape,
    /// whatever that share is: `(w/w0)^e_c × ((1+π(w0-1)) / (1+π(w-1)))^(e_c+e_s)`.
    #[must_use]
    pub fn ln_e(&self, w: f64, w0: f64) -> f64 {
        self.canary * (w / w0).ln() + self.both * (self.ln_odds(w0) - self.ln_odds(w))
    }

    /// Returns `ln(1 + π(w-1))`.
    pub(super) fn ln_odds(&self, w: f64) -> f64 {
        (self.share * (w - 1.0)).ln_1p()
    }
}

/// Ratios that are bet on, as multiples of the tolerated one.
pub(super) const BET_COUNT: usize = 24;

/// The smallest and the largest ratio that is bet on.
const BET_RANGE: (f64, f64) = (1.25, 100.0);

/// Returns the ratios that are bet on: evenly spaced as logarithms.
pub(super) fn bets() -> [f64; BET_COUNT] {
    let (low, high) = (BET_RANGE.0.ln(), BET_RANGE.1.ln());
    std::array::from_fn(|bet| (low + (high - low) * bet as f64 / (BET_COUNT - 1) as f64).exp())
}

/// The same with their logarithms.
pub(super) static BETS: LazyLock<[(f64, f64); BET_COUNT]> = LazyLock::new(|| bets().map(|ratio| (ratio, ratio.ln())));
