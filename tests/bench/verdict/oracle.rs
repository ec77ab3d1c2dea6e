//! Who knows beforehand how many times worse the canary is, and only has to see whether it is.

use crate::race::Method;
use crate::world::Sample;

/// Wald's sequential test at level 1 %, with the one right bet: among errors of both, each is the canary's with a chance
/// that its share of requests and the true ratio say. The rate of errors stays unknown, as it is to the analysis.
pub struct Oracle {
    ratio: f64,
    ln_e: f64,
}

impl Oracle {
    pub fn boxed(ratio: f64) -> Box<dyn Method> {
        Box::new(Self { ratio, ln_e: 0.0 })
    }
}

pub const ORACLE: &str = "oracle SPRT a=.01";

impl Method for Oracle {
    fn names(&self) -> Vec<String> {
        vec![ORACLE.to_owned()]
    }

    fn look(&mut self, sample: &Sample, alarms: &mut Vec<bool>) {
        let [canary, stable] =
            [sample.canary, sample.stable].map(|(requests, errors)| (requests as f64, errors as f64));
        let share = canary.0 / (canary.0 + stable.0);
        self.ln_e += canary.1 * self.ratio.ln() - (canary.1 + stable.1) * (share * (self.ratio - 1.0)).ln_1p();
        alarms.push(self.ln_e >= 100.0_f64.ln());
    }
}
