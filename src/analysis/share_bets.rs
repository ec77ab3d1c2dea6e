//! The evidence of one scrape that more than a share of the canary's requests fail.

use super::ratio_evidence::{BET_COUNT, BETS, ErrorCounts};

/// Bets that more than a share of the canary's requests fail, by so many times as many.
///
/// A share is most often that of the scrape before: what depends on nothing else is kept.
#[derive(Clone, Debug)]
pub struct ShareBets {
    share: f64,
    bets: [Bet; BET_COUNT],
}

/// The logarithms of what a request multiplies the stake of a bet by.
#[derive(Clone, Copy, Debug, Default)]
struct Bet {
    ln_failed: f64,
    ln_good: f64,
}

impl Bet {
    /// On `w` times the share, given with its logarithm.
    fn new(share: f64, (w, ln_w): (f64, f64)) -> Self {
        // Never beyond half the way to certainty.
        let highest = f64::midpoint(share, 1.0);
        let (bet, ln_failed) = if share * w <= highest { (share * w, ln_w) } else { (highest, (highest / share).ln()) };
        Self { ln_failed, ln_good: ((share - bet) / (1.0 - share)).ln_1p() }
    }
}

impl Default for ShareBets {
    fn default() -> Self {
        Self { share: 0.0, bets: [Bet::default(); BET_COUNT] }
    }
}

/// What is kept follows from the share that it is asked for next: it is no state.
impl PartialEq for ShareBets {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl ShareBets {
    /// Returns the logarithm of each bet's e-value that more than `share`, not 0, of the canary's requests fail.
    ///
    /// Its mean is at most 1 whenever at most `share` of them fail in this scrape: the likelihood ratio of two shares, which
    /// falls as fewer fail.
    pub fn ln_e(&mut self, share: f64, counts: &ErrorCounts) -> [f64; BET_COUNT] {
        if share.to_bits() != self.share.to_bits() {
            *self = Self { share, bets: BETS.map(|bet| Bet::new(share, bet)) };
        }
        let failed = counts.canary.min(counts.requests);
        let good = counts.requests - failed;
        self.bets.map(|bet| failed * bet.ln_failed + good * bet.ln_good)
    }
}
