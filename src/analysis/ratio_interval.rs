//! How many times more often the canary fails, with bounds that are valid after every scrape.

use std::ops::Range;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::log_space::{LN_ZERO, NEGLIGIBLE_LN, exp_or_zero, greatest, ln_add};
use super::ratio_evidence::ErrorCounts;

/// Ratios that are bet on, on each side of the ratio tested.
const BETS_PER_SIDE: usize = 24;

/// Steps of the grid on each side of a ratio of 1 that can be tested.
const STEPS_PER_SIDE: usize = 24;

/// Points of the grid: the ratios that can be tested, and the bets beyond them.
const GRID_POINTS: usize = 2 * (BETS_PER_SIDE + STEPS_PER_SIDE) + 1;

/// The point of a ratio of 1.
const INDEX_OF_ONE: usize = BETS_PER_SIDE + STEPS_PER_SIDE;

/// Distance of neighbouring points, as logarithms: from 1 to 97 in 24 steps.
const LN_STEP: f64 = 0.190_5;

/// Rounding is far below this share: what is as much below the bar is below it.
const SURELY: f64 = 1e-9;

/// How many times more often the canary fails than stable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// Point estimate; `None` where stable has no errors. Scrapes are compared each on its own, so that a share of traffic or
    /// a rate that changes between them does not mislead it (Mantel-Haenszel).
    pub estimate: Option<f64>,
    /// The smallest that is still possible; 0 where there is no bound.
    pub low: f64,
    /// The largest that is still possible; `None` where there is no bound.
    pub high: Option<f64>,
}

/// What the scrapes say on each ratio of a grid (formula F6 of the method): a sum for each point, so that a scrape costs the
/// same however many came before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatioLikelihood {
    canary_errors: f64,
    /// `Σ (e_c+e_s) ln(1+π(w-1))` for each point.
    ln_odds: Vec<f64>,
    /// Of the Mantel-Haenszel estimate: above and below the line.
    parts: (f64, f64),
}

impl Default for RatioLikelihood {
    fn default() -> Self {
        Self { canary_errors: 0.0, ln_odds: vec![0.0; GRID_POINTS], parts: (0.0, 0.0) }
    }
}

/// The ratio of each point.
static RATIOS: LazyLock<[f64; GRID_POINTS]> = LazyLock::new(|| {
    let step = LN_STEP.exp();
    let mut next = ratio_at(0.0);
    [(); GRID_POINTS].map(|()| {
        let ratio = next;
        next *= step;
        ratio
    })
});

fn ratio_at(point: f64) -> f64 {
    ((point - INDEX_OF_ONE as f64) * LN_STEP).exp()
}

impl RatioLikelihood {
    /// Takes in a scrape.
    pub fn take(&mut self, counts: &ErrorCounts) {
        let stable = counts.both - counts.canary;
        self.parts.0 += counts.canary * (1.0 - counts.share);
        self.parts.1 += stable * counts.share;
        if counts.both <= 0.0 {
            return;
        }
        self.canary_errors += counts.canary;
        for (sum, ratio) in self.ln_odds.iter_mut().zip(&*RATIOS) {
            *sum += counts.both * counts.ln_odds(*ratio);
        }
    }

    /// Returns the ratio, with bounds that all hold after every scrape with a chance of at least `1 - alpha`; `None` before any
    /// error.
    ///
    /// A ratio is possible while neither the bets above it nor those below it have won `2/alpha` against it.
    #[must_use]
    pub fn ratio(&self, alpha: f64) -> Option<Ratio> {
        let (above, below) = self.parts;
        if above + below <= 0.0 {
            return None;
        }
        let estimate = (below > 0.0).then(|| above / below);
        let likelihood = Likelihood::new(self);
        let bar = (2.0 / alpha).ln();
        Some(Ratio { estimate, low: likelihood.low(bar).unwrap_or(0.0), high: likelihood.high(bar) })
    }
}

/// Returns each likelihood relative to the best. Those that do not matter lie on both sides of those that do: none of them is
/// exponentiated, which takes longest for the smallest.
fn relative(ln: &[f64; GRID_POINTS], best: f64) -> [f64; GRID_POINTS] {
    let mut relative = [0.0; GRID_POINTS];
    let matters = |ln: &f64| ln - best >= NEGLIGIBLE_LN;
    let first = ln.iter().position(matters).unwrap_or(GRID_POINTS);
    let end = ln.iter().rposition(matters).map_or(0, |last| last + 1);
    for (relative, ln) in relative.iter_mut().zip(ln).take(end).skip(first) {
        *relative = exp_or_zero(ln - best);
    }
    relative
}

/// The likelihood of each ratio of the grid, with the sums that mixtures of neighbours are made from.
struct Likelihood {
    ln: [f64; GRID_POINTS],
    best: f64,
    /// Relative to the best; 0 where it does not matter in a sum.
    relative: [f64; GRID_POINTS],
    /// Sums of them before each point.
    before: [f64; GRID_POINTS + 1],
    /// The most likely point that can be tested.
    middle: usize,
}

impl Likelihood {
    fn new(sums: &RatioLikelihood) -> Self {
        let mut ln = [LN_ZERO; GRID_POINTS];
        for (point, (ln, ln_odds)) in ln.iter_mut().zip(&sums.ln_odds).enumerate() {
            *ln = sums.canary_errors * (point as f64 - INDEX_OF_ONE as f64) * LN_STEP - ln_odds;
        }
        let best = greatest(&ln);
        let relative = relative(&ln, best);
        let mut before = [0.0; GRID_POINTS + 1];
        let mut sum = 0.0;
        for (before, relative) in before.iter_mut().skip(1).zip(&relative) {
            sum += relative;
            *before = sum;
        }
        Self { ln, best, relative, before, middle: middle(&ln) }
    }

    /// Returns what bets on points of a range have won against the best point, on average.
    fn mean(&self, bets: &Range<usize>) -> f64 {
        let sum = |at: usize| self.before.get(at).copied().unwrap_or_default();
        (sum(bets.end) - sum(bets.start)).max(0.0) / BETS_PER_SIDE as f64
    }

    /// Returns the logarithm of what bets on points of a range have won against a point, on average.
    fn ln_won(&self, point: usize, bets: &Range<usize>) -> f64 {
        let mean = self.mean(bets);
        let of_point = self.ln.get(point).copied().unwrap_or(LN_ZERO);
        let total = if mean > 0.0 { self.best + mean.ln() } else { LN_ZERO };
        // A bet on the ratio tested wins nothing: a floor that keeps interpolation within numbers.
        ln_add(total - of_point, -50.0)
    }

    /// Returns the place between points where bets on those beyond it have won the bar, from the middle outwards; `bets` are the
    /// points that are bet on against one.
    fn bound(
        &self,
        ln_bar: f64,
        points: impl Iterator<Item = usize>,
        bets: impl Fn(usize) -> Range<usize>,
    ) -> Option<f64> {
        let bar = ln_bar.exp() * (1.0 - SURELY);
        let mut inside = self.middle;
        for point in points {
            // Most points are far from the bar: that is seen without a logarithm.
            let relative = self.relative.get(point).copied().unwrap_or_default();
            let is_surely_below = self.mean(&bets(point)) < bar * relative;
            let ln_won = if is_surely_below { ln_bar - 1.0 } else { self.ln_won(point, &bets(point)) };
            if ln_won < ln_bar {
                inside = point;
                continue;
            }
            if point == self.middle {
                return Some(ratio_at(point as f64));
            }
            let ln_inside = self.ln_won(inside, &bets(inside));
            let part = ((ln_bar - ln_inside) / (ln_won - ln_inside)).clamp(0.0, 1.0);
            let (inside, point) = (inside as f64, point as f64);
            return Some(ratio_at(if point < inside { inside - part } else { inside + part }));
        }
        None
    }

    fn low(&self, ln_bar: f64) -> Option<f64> {
        self.bound(ln_bar, (BETS_PER_SIDE..=self.middle).rev(), |point| point + 1..point + 1 + BETS_PER_SIDE)
    }

    fn high(&self, ln_bar: f64) -> Option<f64> {
        let points = self.middle..=BETS_PER_SIDE + 2 * STEPS_PER_SIDE;
        self.bound(ln_bar, points, |point| point - BETS_PER_SIDE..point)
    }
}

/// Returns the most likely point that can be tested.
fn middle(ln: &[f64; GRID_POINTS]) -> usize {
    let tested = ln.get(BETS_PER_SIDE..=BETS_PER_SIDE + 2 * STEPS_PER_SIDE).unwrap_or_default();
    let best = greatest(tested);
    BETS_PER_SIDE + tested.iter().position(|ln| *ln >= best).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(scrapes: &[(u64, u64, u64, u64)]) -> Option<Ratio> {
        let mut likelihood = RatioLikelihood::default();
        for (canary, stable, n_canary, n_stable) in scrapes {
            likelihood.take(&ErrorCounts::new(*canary, *stable, *n_canary, *n_stable).unwrap());
        }
        likelihood.ratio(0.05)
    }

    #[test]
    fn bounds_close_in_on_the_ratio() {
        assert_eq!(after(&[(0, 0, 50, 950)]), None);
        let few = after(&[(3, 19, 1000, 19_000)]).unwrap();
        assert!(few.low < 1.0 && few.high.unwrap() > 5.0, "{few:?}");
        let many = after(&[(3000, 19_000, 1_000_000, 19_000_000)]).unwrap();
        assert!((many.estimate.unwrap() - 3.0).abs() < 1e-9);
        assert!(many.low > 2.7 && many.low < 3.0 && many.high.unwrap() < 3.4 && many.high.unwrap() > 3.0, "{many:?}");
    }

    #[test]
    fn ratio_without_stable_errors_has_no_upper_bound() {
        let ratio = after(&[(5, 0, 1000, 19_000)]).unwrap();
        assert!(ratio.estimate.is_none() && ratio.low > 1.0 && ratio.high.is_none(), "{ratio:?}");
        let ratio = after(&[(0, 1, 1000, 19_000)]).unwrap();
        assert!(ratio.estimate == Some(0.0) && ratio.low < 1e-9, "{ratio:?}");
    }

    #[test]
    fn growing_share_during_an_incident_does_not_mislead() {
        let ratio = after(&[(2, 38, 1000, 19_000), (100, 100, 10_000, 10_000)]).unwrap();
        assert!((ratio.estimate.unwrap() - 1.0).abs() < 0.01, "{ratio:?}");
    }

    #[test]
    fn bound_is_where_one_sided_bets_have_won() {
        // The whole grid, bet by bet, without the sums.
        let counts = ErrorCounts::new(12, 20, 1000, 19_000).unwrap();
        let mut likelihood = RatioLikelihood::default();
        likelihood.take(&counts);
        let low = likelihood.ratio(0.05).unwrap().low;
        let won = |w0: f64| {
            (1..=BETS_PER_SIDE).map(|bet| counts.ln_e(w0 * (bet as f64 * LN_STEP).exp(), w0).exp()).sum::<f64>()
        };
        let at_bound = (won(low) / BETS_PER_SIDE as f64).ln();
        // Between points of the grid the bound is a straight line's.
        assert!((at_bound - 40.0_f64.ln()).abs() < 0.1, "{at_bound}");
    }
}
