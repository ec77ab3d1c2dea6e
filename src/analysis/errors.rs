//! The evidence that the canary fails more often than stable, plain and guarded.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::ratio_test::{BET_COUNT, ErrorCounts, bets};
use super::restart::Mixture;
use super::temper::Temper;

/// What one scrape may add to the guarded evidence at most: three to four must agree before it says anything.
pub(super) const MAX_SCRAPE_EVIDENCE: f64 = 5.0;

/// The bets with their logarithms.
static RATIOS: LazyLock<[(f64, f64); BET_COUNT]> = LazyLock::new(|| bets().map(|ratio| (ratio, ratio.ln())));

/// The evidence on errors.
///
/// The plain one is exact where requests fail independently. The guarded one is divided by how bursty stable is, capped
/// for each scrape, and tolerates a ratio: it survives what real pods do, and costs a minute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorTest {
    plain: Mixture,
    guarded: Mixture,
    temper: Temper,
}

impl Default for ErrorTest {
    fn default() -> Self {
        Self { plain: Mixture::new(BET_COUNT), guarded: Mixture::new(BET_COUNT), temper: Temper::default() }
    }
}

impl ErrorTest {
    /// Takes in a scrape. `tolerance` and `planned` must not depend on it.
    pub fn take(&mut self, counts: &ErrorCounts, tolerance: f64, planned: u32) {
        let ratios = &*RATIOS;
        self.plain.take(planned, |bet| match ratios.get(bet) {
            Some((ratio, ln)) if counts.both > 0.0 => counts.canary * ln - counts.both * counts.ln_odds(*ratio),
            _ => 0.0,
        });
        let divisor = self.temper.divisor();
        let tolerated = counts.ln_odds(tolerance);
        self.guarded.take(planned, |bet| match ratios.get(bet) {
            Some((ratio, ln)) if counts.both > 0.0 => {
                let ln_e = counts.canary * ln + counts.both * (tolerated - counts.ln_odds(tolerance * ratio));
                (ln_e / divisor).min(MAX_SCRAPE_EVIDENCE.ln())
            }
            _ => 0.0,
        });
    }

    /// Takes in what stable answered, for how bursty it is. After [`Self::take`]: a guard must not know its scrape.
    pub fn take_stable(&mut self, errors: u64, requests: u64) {
        self.temper.take(errors, requests);
    }

    /// Returns the logarithm of the plain evidence.
    #[must_use]
    pub fn ln_plain(&self) -> f64 {
        self.plain.ln_value()
    }

    /// Returns the logarithm of the guarded evidence.
    #[must_use]
    pub fn ln_guarded(&self) -> f64 {
        self.guarded.ln_value()
    }
}
