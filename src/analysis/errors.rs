//! The evidence that the canary fails more often than stable, plain and guarded.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::overdispersion::Overdispersion;
use super::ratio_evidence::{BET_COUNT, ErrorCounts, bets};
use super::restart::Mixture;

/// What one scrape may add to the guarded evidence at most: it takes three or four scrapes in agreement to reach a bar.
pub(super) const MAX_SCRAPE_EVIDENCE: f64 = 5.0;

/// The bets with their logarithms.
static RATIOS: LazyLock<[(f64, f64); BET_COUNT]> = LazyLock::new(|| bets().map(|ratio| (ratio, ratio.ln())));

/// The evidence on errors.
///
/// The plain one is exact where requests fail independently. The guarded one is divided by how bursty stable is, capped
/// for each scrape, and tolerates a ratio: it withstands uneven pods and bursts, and takes about a minute longer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorEvidence {
    plain: Mixture,
    guarded: Mixture,
    #[serde(alias = "temper")]
    overdispersion: Overdispersion,
}

impl Default for ErrorEvidence {
    fn default() -> Self {
        Self {
            plain: Mixture::new(BET_COUNT),
            guarded: Mixture::new(BET_COUNT),
            overdispersion: Overdispersion::default(),
        }
    }
}

impl ErrorEvidence {
    /// Takes in a scrape. `tolerance` and `planned` must not depend on it.
    pub fn take(&mut self, counts: &ErrorCounts, tolerance: f64, planned: u32) {
        let ratios = &*RATIOS;
        self.plain.take(planned, |bet| match ratios.get(bet) {
            Some((ratio, ln)) if counts.both > 0.0 => counts.canary * ln - counts.both * counts.ln_odds(*ratio),
            _ => 0.0,
        });
        let divisor = self.overdispersion.divisor();
        let tolerated = counts.ln_odds(tolerance);
        self.guarded.take(planned, |bet| match ratios.get(bet) {
            Some((ratio, ln)) if counts.both > 0.0 => {
                let ln_e = counts.canary * ln + counts.both * (tolerated - counts.ln_odds(tolerance * ratio));
                (ln_e / divisor).min(MAX_SCRAPE_EVIDENCE.ln())
            }
            _ => 0.0,
        });
    }

    /// Takes in the counts of stable, to estimate its overdispersion. Call after [`Self::take`]: the guard must not depend on its own scrape.
    pub fn take_stable(&mut self, errors: u64, requests: u64) {
        self.overdispersion.take(errors, requests);
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
