//! The evidence that the canary fails more often than stable, plain and guarded.

use serde::{Deserialize, Serialize};

use super::margin::ErrorMargin;
use super::overdispersion::Overdispersion;
use super::ratio_evidence::{BET_COUNT, BETS, ErrorCounts};
use super::restart::Mixture;
use super::share_bets::ShareBets;

/// What one scrape may add to the guarded evidence at most: it takes three or four scrapes in agreement to reach a bar.
pub(super) const MAX_SCRAPE_EVIDENCE: f64 = 5.0;

/// The logarithm of each bet's e-value in one scrape with errors, against at most `within` times stable's share.
#[derive(Clone, Copy)]
struct Bets {
    within: f64,
    ln_e: [f64; BET_COUNT],
}

impl Bets {
    fn new(counts: &ErrorCounts, within: f64) -> Self {
        let allowed = counts.ln_odds(within);
        let ln_e =
            |(ratio, ln): (f64, f64)| counts.canary * ln + counts.both * (allowed - counts.ln_odds(within * ratio));
        Self { within, ln_e: BETS.map(ln_e) }
    }

    /// The same against another ratio: most often it is no other.
    fn within(&self, counts: &ErrorCounts, within: f64) -> Self {
        if within.to_bits() == self.within.to_bits() { *self } else { Self::new(counts, within) }
    }

    /// As far as the guards let it count.
    fn guarded(&self, divisor: f64) -> Self {
        let most = MAX_SCRAPE_EVIDENCE.ln();
        Self { ln_e: self.ln_e.map(|ln_e| (ln_e / divisor).min(most)), ..*self }
    }
}

/// The evidence on errors.
///
/// The plain one is exact where requests fail independently. The guarded one is divided by how bursty stable is, capped
/// for each scrape, and tolerates a ratio: it withstands uneven pods and bursts, and takes about a minute longer.
///
/// Neither is more than the evidence that the canary is beyond the margin, unless what was counted so far is far beyond it:
/// then there is no need to wait until that is proven as well. It is never more than without a margin, so that what holds
/// for a canary like stable holds with one, too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorEvidence {
    plain: Mixture,
    guarded: Mixture,
    #[serde(default)]
    beyond: BeyondMargin,
    #[serde(alias = "temper")]
    overdispersion: Overdispersion,
}

/// The evidence that the canary fails more often than the margin allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct BeyondMargin {
    plain: Mixture,
    guarded: Mixture,
    /// By share of the canary's requests; unused where the ratio alone decides.
    above: Mixture,
    #[serde(skip)]
    share_bets: ShareBets,
    has_share: bool,
    /// Whether what was counted so far is far beyond it, so that the rest does not matter.
    is_far: bool,
}

impl Default for BeyondMargin {
    fn default() -> Self {
        let [plain, guarded, above] = [(); 3].map(|()| Mixture::new(BET_COUNT));
        Self { plain, guarded, above, share_bets: ShareBets::default(), has_share: false, is_far: false }
    }
}

impl BeyondMargin {
    /// The least of several e-values is one against whatever any of them is against.
    fn at_most(&self, ln_evidence: f64, ln_by_ratio: f64) -> f64 {
        match (self.is_far, self.has_share) {
            (true, _) => ln_evidence,
            (false, true) => ln_evidence.min(ln_by_ratio).min(self.above.ln_value()),
            (false, false) => ln_evidence.min(ln_by_ratio),
        }
    }
}

impl Default for ErrorEvidence {
    fn default() -> Self {
        Self {
            plain: Mixture::new(BET_COUNT),
            guarded: Mixture::new(BET_COUNT),
            beyond: BeyondMargin::default(),
            overdispersion: Overdispersion::default(),
        }
    }
}

impl ErrorEvidence {
    /// Takes in a scrape. `margin`, `tolerance` and `planned` must not depend on it.
    pub fn take(&mut self, counts: &ErrorCounts, margin: ErrorMargin, tolerance: f64, planned: u32) {
        if counts.both > 0.0 {
            self.take_ratio(counts, margin.ratio, tolerance, planned);
        } else {
            let Self { plain, guarded, beyond, .. } = self;
            for mixture in [plain, guarded, &mut beyond.plain, &mut beyond.guarded] {
                mixture.take_nothing(planned);
            }
        }
        let beyond = &mut self.beyond;
        beyond.has_share = margin.share > 0.0;
        if beyond.has_share {
            let ln_e = beyond.share_bets.ln_e(margin.share, counts);
            beyond.above.take(planned, ln_e);
        }
    }

    fn take_ratio(&mut self, counts: &ErrorCounts, margin: f64, tolerance: f64, planned: u32) {
        let divisor = self.overdispersion.divisor();
        let at_all = Bets::new(counts, 1.0);
        let tolerated = at_all.within(counts, tolerance).guarded(divisor);
        let beyond_margin = Bets::new(counts, margin);
        let beyond_both = beyond_margin.within(counts, tolerance.max(margin)).guarded(divisor);
        self.plain.take(planned, at_all.ln_e);
        self.guarded.take(planned, tolerated.ln_e);
        self.beyond.plain.take(planned, beyond_margin.ln_e);
        self.beyond.guarded.take(planned, beyond_both.ln_e);
    }

    /// Takes in whether what was counted so far, with the last scrape, is far beyond the margin.
    pub fn set_far_beyond(&mut self, is_far: bool) {
        self.beyond.is_far = is_far;
    }

    /// Takes in the counts of stable, to estimate its overdispersion. Call after [`Self::take`]: the guard must not depend on its own scrape.
    pub fn take_stable(&mut self, errors: u64, requests: u64) {
        self.overdispersion.take(errors, requests);
    }

    /// Returns the logarithm of the plain evidence.
    #[must_use]
    pub fn ln_plain(&self) -> f64 {
        self.beyond.at_most(self.plain.ln_value(), self.beyond.plain.ln_value())
    }

    /// Returns the logarithm of the guarded evidence.
    #[must_use]
    pub fn ln_guarded(&self) -> f64 {
        self.beyond.at_most(self.guarded.ln_value(), self.beyond.guarded.ln_value())
    }
}
