//! Evidence from a mixture of bets that restarts with every scrape.

use serde::{Deserialize, Serialize};

use super::log_space::{LN_ZERO, ln_add, ln_mean};

/// Share of the stake that is bet from the first scrape; the rest is added evenly over the planned scrapes.
const FIRST_SCRAPE_SHARE: f64 = 0.5;

/// A mixture of bets with restarts (formula F3 of the method): an e-process.
///
/// With each scrape, part of the remaining stake starts to bet. The first part detects a regression present from the
/// start; later parts are not diluted by the healthy time before: `S_j ← (S_j + a_t) LR_t(j)`, `E = mean_j S_j + left`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mixture {
    ln_wealth: Vec<f64>,
    left: f64,
    scrapes: u32,
    /// The logarithm of the evidence, cached because it is read more often than it changes.
    ln_value: f64,
}

impl Mixture {
    /// Begins with a number of bets, at evidence 1.
    #[must_use]
    pub fn new(bets: usize) -> Self {
        Self { ln_wealth: vec![LN_ZERO; bets], left: 1.0, scrapes: 0, ln_value: 0.0 }
    }

    /// Takes in a scrape in which no bet wins or loses anything.
    pub fn take_nothing(&mut self, planned: u32) {
        let begins = self.begins(planned);
        if begins > 0.0 {
            self.begin(begins, []);
        } else {
            // Then the evidence is what it was.
            self.scrapes = self.scrapes.saturating_add(1);
        }
    }

    /// Takes in a scrape: the logarithm of each bet's e-value in it. `planned` is how many scrapes share the restarts.
    pub fn take(&mut self, planned: u32, ln_e: impl IntoIterator<Item = f64>) {
        let begins = self.begins(planned);
        self.begin(begins, ln_e);
    }

    fn begins(&self, planned: u32) -> f64 {
        match (self.scrapes, planned) {
            (_, ..=1) => self.left,
            (0, _) => FIRST_SCRAPE_SHARE,
            _ => ((1.0 - FIRST_SCRAPE_SHARE) / f64::from(planned - 1)).min(self.left),
        }
    }

    fn begin(&mut self, begins: f64, ln_e: impl IntoIterator<Item = f64>) {
        self.left = (self.left - begins).max(0.0);
        self.scrapes = self.scrapes.saturating_add(1);
        // Once all of the stake is bet, nothing is added to what it has become.
        if begins > 0.0 {
            let ln_begins = begins.ln();
            self.ln_wealth.iter_mut().for_each(|wealth| *wealth = ln_add(*wealth, ln_begins));
        }
        for (wealth, ln_e) in self.ln_wealth.iter_mut().zip(ln_e) {
            let won = *wealth + ln_e;
            *wealth = if won > LN_ZERO { won } else { LN_ZERO };
        }
        if !self.ln_wealth.is_empty() {
            self.ln_value = ln_add(ln_mean(&self.ln_wealth), self.ln_left());
        }
    }

    /// Returns the logarithm of the evidence so far.
    #[must_use]
    pub fn ln_value(&self) -> f64 {
        self.ln_value
    }

    fn ln_left(&self) -> f64 {
        if self.left > 0.0 { self.left.ln() } else { LN_ZERO }
    }

    /// Spreads all wealth evenly over new bets. The evidence stays what it is, and stays an e-process.
    pub fn redistribute(&mut self, bets: usize) {
        let (ln_value, ln_left) = (self.ln_value, self.ln_left());
        // The remaining stake is kept for restarts; the rest of the evidence is spread.
        let spread = if ln_left >= ln_value { LN_ZERO } else { ln_value + (-(ln_left - ln_value).exp()).ln_1p() };
        self.ln_wealth = vec![spread.max(LN_ZERO); bets];
    }
}

#[cfg(test)]
mod tests {
    use super::super::ratio_evidence::ErrorCounts;
    use super::*;

    const SCRAPES: [(u64, u64, u64, u64); 4] = [(1, 1, 38, 712), (0, 1, 37, 713), (2, 0, 38, 712), (1, 0, 36, 714)];
    const GRID: [f64; 3] = [1.5, 3.0, 10.0];

    #[test]
    fn worked_example_matches_exactly() {
        let (mut plain, mut restarted) = (Mixture::new(3), Mixture::new(3));
        let wanted =
            [(2.872_419, 1.936_209), (2.303_457, 1.616_615), (57.926_248, 34.911_050), (375.389_190, 223.668_523)];
        let begins = [0.5, 0.25, 0.125, 0.125];
        for (at, (canary, stable, n_canary, n_stable)) in SCRAPES.into_iter().enumerate() {
            let counts = ErrorCounts::new(canary, stable, n_canary, n_stable).unwrap();
            plain.begin(if at == 0 { 1.0 } else { 0.0 }, GRID.map(|ratio| counts.ln_e(ratio, 1.0)));
            restarted.begin(begins[at], GRID.map(|ratio| counts.ln_e(ratio, 1.0)));
            let is = (plain.ln_value().exp(), restarted.ln_value().exp());
            assert!((is.0 - wanted[at].0).abs() < 1e-6, "{is:?} {:?}", wanted[at]);
            assert!((is.1 - wanted[at].1).abs() < 1e-6, "{is:?} {:?}", wanted[at]);
        }
    }

    #[test]
    fn half_the_bets_start_at_once_the_rest_over_planned_looks() {
        let mut mixture = Mixture::new(1);
        let mut left = Vec::new();
        for _ in 0..6 {
            mixture.take(5, [0.0]);
            left.push(mixture.left);
            assert!((mixture.ln_value()).abs() < 1e-12, "bets that win nothing leave 1");
        }
        assert_eq!(left, [0.5, 0.375, 0.25, 0.125, 0.0, 0.0]);
    }

    #[test]
    fn a_scrape_without_wins_or_losses_is_one_of_zero_gains() {
        let (mut nothing, mut zero) = (Mixture::new(3), Mixture::new(3));
        for scrape in 0..8 {
            nothing.take_nothing(5);
            zero.take(5, [0.0; 3]);
            assert_eq!(nothing, zero);
            if scrape % 3 == 0 {
                for mixture in [&mut nothing, &mut zero] {
                    mixture.take(5, [-0.3, 0.4, 1.1]);
                }
            }
        }
    }

    #[test]
    fn evidence_is_kept_when_bets_change() {
        let mut mixture = Mixture::new(3);
        for gain in [0.5, 1.0, 2.0] {
            mixture.take(10, [0.0, gain, 2.0 * gain]);
        }
        let before = mixture.ln_value();
        mixture.redistribute(7);
        assert!((mixture.ln_value() - before).abs() < 1e-12);
        mixture.take(10, [0.0; 7]);
        assert!((mixture.ln_value() - before).abs() < 1e-12);
    }
}
