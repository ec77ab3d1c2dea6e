//! Who knows both error shares beforehand: no test of the same level sees a regression sooner on average.

use crate::race::Method;
use crate::world::Sample;

/// Wald's sequential likelihood ratio test on the canary alone, at level 1 %.
pub struct Oracle {
    good: f64,
    bad: f64,
    ln_e: f64,
}

impl Oracle {
    pub fn boxed(good: f64, bad: f64) -> Box<dyn Method> {
        Box::new(Self { good, bad, ln_e: 0.0 })
    }
}

pub const ORACLE: &str = "oracle SPRT a=.01";

impl Method for Oracle {
    fn names(&self) -> Vec<String> {
        vec![ORACLE.to_owned()]
    }

    fn look(&mut self, sample: &Sample, alarms: &mut Vec<bool>) {
        let (requests, errors) = sample.canary;
        self.ln_e += errors as f64 * (self.bad / self.good).ln()
            + (requests - errors) as f64 * ((1.0 - self.bad) / (1.0 - self.good)).ln();
        alarms.push(self.ln_e >= 100.0_f64.ln());
    }
}
