//! One evidence from that on several metrics.

use std::f64::consts::LN_2;

use serde::{Deserialize, Serialize};

use super::log_space::ln_add;

/// How the evidence on errors and that on latency make one: a weighted mean, valid however the two depend on each other.
///
/// Errors have all the weight until there are latencies to compare. From then on each has half of what there is: half of
/// the evidence of that moment, never more than 1, is what the latency continues to multiply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// The logarithm of what was put on latency; `None` while there is none.
    on_latency: Option<f64>,
}

impl Pool {
    /// Puts half on latency, unless that was done.
    pub fn join_latency(&mut self, ln_errors: f64) {
        self.on_latency.get_or_insert(ln_errors.min(0.0) - LN_2);
    }

    /// Returns the parts of errors and latency in the evidence, as logarithms.
    #[must_use]
    pub fn parts(&self, ln_errors: f64, ln_latency: f64) -> (f64, Option<f64>) {
        match self.on_latency {
            None => (ln_errors, None),
            Some(on_latency) => (ln_errors - LN_2, Some(on_latency + ln_latency)),
        }
    }

    /// Returns the logarithm of the evidence on all.
    #[must_use]
    pub fn ln_all(&self, ln_errors: f64, ln_latency: f64) -> f64 {
        let (errors, latency) = self.parts(ln_errors, ln_latency);
        latency.map_or(errors, |latency| ln_add(errors, latency))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_does_not_jump_up_when_latencies_appear() {
        for ln_errors in [-3.0, 0.0, 2.0] {
            let mut pool = Pool::default();
            assert!((pool.ln_all(ln_errors, 0.0) - ln_errors).abs() < 1e-12);
            pool.join_latency(ln_errors);
            assert!(pool.ln_all(ln_errors, 0.0) <= ln_errors + 1e-12);
            let before = pool;
            pool.join_latency(9.0);
            assert_eq!(pool, before);
        }
    }

    #[test]
    fn each_metric_starts_with_half_the_weight() {
        let mut pool = Pool::default();
        pool.join_latency(0.0);
        let all = pool.ln_all(30.0_f64.ln(), 10.0_f64.ln());
        assert!((all - 20.0_f64.ln()).abs() < 1e-12);
    }
}
