//! One evidence from that on several metrics.

use std::f64::consts::LN_2;

use serde::{Deserialize, Serialize};

use super::log_space::ln_add;

/// The part of the evidence that is on statuses. Small, as errors and latency tell of most regressions.
const STATUS_SHARE: f64 = 0.1;

/// How the evidence on errors, statuses and latency makes one: a weighted mean, valid however they depend on each other.
///
/// Errors have all the weight until there is something else to compare. From then on statuses have a tenth, and latency half of
/// what there is: that part of the evidence of that moment, never more than of 1, is what the metric continues to multiply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// The logarithm of what was put on statuses; `None` while there are none.
    #[serde(default)]
    on_statuses: Option<f64>,
    /// The logarithm of what was put on latency; `None` while there is none.
    on_latency: Option<f64>,
}

/// The parts of the evidence, or its metrics on their own, as logarithms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parts {
    pub errors: f64,
    pub statuses: f64,
    pub latency: f64,
}

impl Pool {
    /// Puts a tenth on statuses, unless that was done.
    pub fn join_statuses(&mut self, ln: Parts) {
        self.on_statuses.get_or_insert(ln.errors.min(0.0) + STATUS_SHARE.ln());
    }

    /// Puts half on latency, unless that was done.
    pub fn join_latency(&mut self, ln: Parts) {
        if self.on_latency.is_none() {
            self.on_latency = Some(self.ln_all(ln).min(0.0) - LN_2);
        }
    }

    /// Returns the parts in the evidence from the evidence on each metric. A metric without data has no part.
    #[must_use]
    pub fn parts(&self, ln: Parts) -> Parts {
        let left = if self.on_latency.is_some() { -LN_2 } else { 0.0 };
        let (errors, statuses) = match self.on_statuses {
            None => (ln.errors, f64::NEG_INFINITY),
            Some(on_statuses) => (ln.errors + (1.0 - STATUS_SHARE).ln(), on_statuses + ln.statuses),
        };
        let latency = self.on_latency.map_or(f64::NEG_INFINITY, |on_latency| on_latency + ln.latency);
        Parts { errors: errors + left, statuses: statuses + left, latency }
    }

    /// Returns the logarithm of the evidence on all.
    #[must_use]
    pub fn ln_all(&self, ln: Parts) -> f64 {
        let Parts { errors, statuses, latency } = self.parts(ln);
        [statuses, latency].into_iter().filter(|part| part.is_finite()).fold(errors, ln_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(errors: f64) -> Parts {
        Parts { errors, ..Parts::default() }
    }

    #[test]
    fn evidence_does_not_jump_up_when_a_metric_appears() {
        for ln_errors in [-3.0, 0.0, 2.0] {
            let mut pool = Pool::default();
            assert!((pool.ln_all(errors(ln_errors)) - ln_errors).abs() < 1e-12);
            pool.join_statuses(errors(ln_errors));
            assert!(pool.ln_all(errors(ln_errors)) <= ln_errors + 1e-12);
            pool.join_latency(errors(ln_errors));
            assert!(pool.ln_all(errors(ln_errors)) <= ln_errors + 1e-12);
            let before = pool;
            pool.join_latency(errors(9.0));
            pool.join_statuses(errors(9.0));
            assert_eq!(pool, before);
        }
    }

    #[test]
    fn latency_starts_with_half_and_statuses_with_a_tenth_of_the_rest() {
        let mut pool = Pool::default();
        pool.join_latency(Parts::default());
        let ln = Parts { errors: 30.0_f64.ln(), statuses: 40.0_f64.ln(), latency: 10.0_f64.ln() };
        assert!((pool.ln_all(ln) - 20.0_f64.ln()).abs() < 1e-12);
        pool.join_statuses(Parts::default());
        assert!((pool.ln_all(ln) - 20.5_f64.ln()).abs() < 1e-12);
    }
}
