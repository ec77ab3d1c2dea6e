//! How much pods of one version differ from each other, and the tolerance that follows.

use serde::{Deserialize, Serialize};

use super::scrape::PodCounts;

/// Standard deviations by which pods of the same code may differ: 1 of 100 differs by more.
const TOLERATED_DEVIATIONS: f64 = 2.33;

/// Upper limit of the tolerance, however much pods differ.
const MAX_SPREAD_FACTOR: f64 = 10.0;

/// Fewest pods from which a spread is estimated.
const MIN_PODS: usize = 3;

/// Errors per pod from which a new set of pods replaces the estimate of the set before.
const MIN_ERRORS_PER_POD: f64 = 5.0;

/// Totals of stable's pods since the set of pods last changed.
///
/// Pods are known by their place in the list, so that a list of another length is another set of pods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PodSpread {
    requests: Vec<f64>,
    errors: Vec<f64>,
    /// The estimate of the set before.
    before: f64,
}

impl PodSpread {
    /// Takes in the counts of each pod in a scrape.
    pub fn take(&mut self, pods: &[PodCounts]) {
        if pods.is_empty() {
            return;
        }
        if pods.len() != self.requests.len() {
            self.before = self.deviation();
            self.requests = vec![0.0; pods.len()];
            self.errors = vec![0.0; pods.len()];
        }
        for ((pod, requests), errors) in pods.iter().zip(&mut self.requests).zip(&mut self.errors) {
            *requests += pod.requests as f64;
            *errors += pod.errors as f64;
        }
    }

    /// Returns the standard deviation of the log factor by which pods differ beyond chance.
    ///
    /// By moments: what the χ² of the pods' errors against the common share exceeds its degrees of freedom by.
    #[must_use]
    pub fn deviation(&self) -> f64 {
        let (requests, errors): (f64, f64) = (self.requests.iter().sum(), self.errors.iter().sum());
        let pods = self.requests.len();
        let known = if pods > 0 && errors < MIN_ERRORS_PER_POD * pods as f64 { self.before } else { 0.0 };
        if pods < MIN_PODS || errors <= 0.0 || requests <= 0.0 {
            return known;
        }
        let share = errors / requests;
        let (mut chi2, mut squares) = (0.0, 0.0);
        for (requests, errors) in self.requests.iter().zip(&self.errors).filter(|(requests, _)| **requests > 0.0) {
            let expected = requests * share;
            chi2 += (errors - expected) * (errors - expected) / expected;
            squares += expected * expected;
        }
        let excess = chi2 - (pods - 1) as f64;
        let weight = errors - squares / errors;
        if excess <= 0.0 || weight <= 0.0 { known } else { (excess / weight).sqrt().max(known) }
    }

    /// Returns how many times stable's share a canary may have, for pods like these, when it answered this many requests
    /// for each of stable: as many times fewer pods are taken to have answered them.
    #[must_use]
    pub fn tolerance(&self, canary_per_stable: f64) -> f64 {
        let pods = self.requests.len() as f64;
        if pods <= 0.0 {
            return 1.0;
        }
        let of_canary = (pods * canary_per_stable).round().max(1.0);
        (TOLERATED_DEVIATIONS * self.deviation() * (1.0 / of_canary + 1.0 / pods).sqrt()).exp().min(MAX_SPREAD_FACTOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods(errors: &[u64]) -> Vec<PodCounts> {
        errors.iter().map(|errors| PodCounts { requests: 10_000, errors: *errors }).collect()
    }

    #[test]
    fn chance_differences_between_pods_need_no_tolerance() {
        let mut spread = PodSpread::default();
        assert!((spread.tolerance(0.05) - 1.0).abs() < 1e-12);
        spread.take(&pods(&[90, 100, 110, 104, 96]));
        assert!((spread.tolerance(0.05) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn lasting_pod_differences_raise_tolerance_more_for_few_canary_pods() {
        let mut spread = PodSpread::default();
        for _ in 0..20 {
            spread.take(&pods(&[70, 130, 100, 85, 115, 100]));
        }
        let deviation = spread.deviation();
        assert!((0.15..0.25).contains(&deviation), "{deviation}");
        assert!(spread.tolerance(0.1) > spread.tolerance(1.0));
        assert!(spread.tolerance(0.1) > 1.5);
    }

    #[test]
    fn new_pods_start_from_the_spread_of_the_pods_before() {
        let mut spread = PodSpread::default();
        spread.take(&pods(&[50, 150, 100, 100]));
        let before = spread.deviation();
        spread.take(&pods(&[1, 1, 1, 1, 1]));
        assert!((spread.deviation() - before).abs() < 1e-12);
        spread.take(&pods(&[100, 101, 99, 100, 100]));
        assert!(spread.deviation() < 1e-12);
    }

    #[test]
    fn one_broken_pod_does_not_excuse_everything() {
        let mut spread = PodSpread::default();
        spread.take(&pods(&[0, 0, 0, 0, 0, 9_000]));
        assert!((spread.tolerance(0.05) - MAX_SPREAD_FACTOR).abs() < 1e-12);
    }
}
