//! The sequential Bayes factor of Lindon and Malek with a fixed share of requests, one-sided.

use analysis::{ln_beta, ln_incomplete_beta, ln_mismatch};

use crate::race::Method;
use crate::world::Sample;

/// Errors so far, against the share of requests that the weight says.
pub struct LindonMalek {
    share: f64,
    errors: (u64, u64),
}

const PRIOR_WEIGHT: f64 = 20.0;

pub const LINDON_MALEK: &str = "Lindon-Malek 1-sided a=.01";

impl LindonMalek {
    pub fn boxed(share: f64) -> Box<dyn Method> {
        Box::new(Self { share, errors: (0, 0) })
    }

    /// The logarithm of the chance that a beta-distributed share is above the one that was set.
    fn ln_above(&self, canary: f64, stable: f64) -> f64 {
        let (a, b) = (PRIOR_WEIGHT * self.share + canary, PRIOR_WEIGHT * (1.0 - self.share) + stable);
        ln_incomplete_beta(b, a, 1.0 - self.share) - ln_beta(a, b)
    }

    fn ln_e(&self) -> f64 {
        let (canary, stable) = self.errors;
        ln_mismatch(&[canary, stable], &[self.share, 1.0 - self.share], PRIOR_WEIGHT)
            + self.ln_above(canary as f64, stable as f64)
            - self.ln_above(0.0, 0.0)
    }
}

impl Method for LindonMalek {
    fn names(&self) -> Vec<String> {
        vec![LINDON_MALEK.to_owned()]
    }

    fn look(&mut self, sample: &Sample, alarms: &mut Vec<bool>) {
        self.errors.0 += sample.canary.1;
        self.errors.1 += sample.stable.1;
        alarms.push(self.ln_e() >= 100.0_f64.ln());
    }
}

/// The worked examples of the method: whoever compares must compute what the original does.
pub fn check() {
    for (errors, wanted) in [((7, 40), 10.729_803), ((12, 60), 179.497_757), ((2, 38), 0.622_053)] {
        let is = LindonMalek { share: 0.05, errors }.ln_e().exp();
        assert!((is - wanted).abs() < 1e-5 * wanted, "{is} is not {wanted}");
    }
}
