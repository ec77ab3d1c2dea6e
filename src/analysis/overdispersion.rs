//! Overdispersion: how much more stable's errors vary from scrape to scrape than by chance.

use serde::{Deserialize, Serialize};

/// Weight of the prior that they do not, in scrapes.
const PRIOR_SCRAPES: f64 = 20.0;

/// Most that one scrape adds: one incident must not suppress the guarded evidence for the rest of the rollout.
const MAX_SCRAPE_DISPERSION: f64 = 100.0;

/// Factor on the weight of a scrape with each that follows: about the last hundred decide.
const DISPERSION_DECAY: f64 = 0.99;

/// The same for the usual error share: about the last ten decide, since rates drift without bursts.
const SHARE_DECAY: f64 = 0.9;

/// Errors of a scrape that count towards the usual share: at most this factor of the expected ones, plus a constant. The
/// usual share changes over minutes, not with one incident.
const MAX_LEARNED: (f64, f64) = (3.0, 10.0);

/// Burstiness of stable's errors: a running Pearson χ² per degree of freedom against what came before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overdispersion {
    chi2: f64,
    scrapes: f64,
    errors: f64,
    requests: f64,
    /// Requests, each with the square of the weight that its scrape has: the uncertainty of the usual share.
    squares: f64,
}

impl Default for Overdispersion {
    fn default() -> Self {
        Self { chi2: PRIOR_SCRAPES, scrapes: PRIOR_SCRAPES, errors: 0.0, requests: 0.0, squares: 0.0 }
    }
}

impl Overdispersion {
    /// Returns the divisor of log evidence, at least 1. Call before the scrape is taken in: it must not depend on it.
    #[must_use]
    pub fn divisor(&self) -> f64 {
        (self.chi2 / self.scrapes).max(1.0)
    }

    /// Takes in the counts of stable in a scrape.
    pub fn take(&mut self, errors: u64, requests: u64) {
        let (mut errors, requests) = (errors as f64, requests as f64);
        if requests <= 0.0 {
            return;
        }
        if self.requests > 0.0 {
            let share = ((self.errors + 0.5) / (self.requests + 1.0)).min(1.0 - f64::EPSILON);
            let expected = requests * share;
            let off = errors - expected;
            // The usual share is itself an estimate from a few scrapes.
            let unsure = 1.0 + requests * self.squares / (self.requests * self.requests);
            let variance = expected * (1.0 - share) * unsure;
            self.chi2 = self.chi2 * DISPERSION_DECAY + (off * off / variance).min(MAX_SCRAPE_DISPERSION);
            self.scrapes = self.scrapes * DISPERSION_DECAY + 1.0;
            errors = errors.min(MAX_LEARNED.0 * expected + MAX_LEARNED.1);
        }
        self.errors = self.errors * SHARE_DECAY + errors;
        self.requests = self.requests * SHARE_DECAY + requests;
        self.squares = self.squares * SHARE_DECAY * SHARE_DECAY + requests;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divisor_grows_with_bursts_and_not_with_steady_errors() {
        let mut steady = Overdispersion::default();
        let mut bursts = Overdispersion::default();
        for scrape in 0..200 {
            steady.take(70 + 6 * (scrape % 2), 7000);
            bursts.take(if scrape % 5 == 0 { 370 } else { 0 }, 7000);
        }
        assert!((steady.divisor() - 1.0).abs() < 1e-12, "{}", steady.divisor());
        assert!(bursts.divisor() > 10.0, "{}", bursts.divisor());
    }

    #[test]
    fn drifting_rate_is_not_a_burst() {
        let mut overdispersion = Overdispersion::default();
        for scrape in 0..240_u64 {
            overdispersion.take(14 + scrape / 2, 7000);
        }
        assert!(overdispersion.divisor() < 1.2, "{}", overdispersion.divisor());
    }

    #[test]
    fn one_incident_is_forgotten_in_time() {
        let mut overdispersion = Overdispersion::default();
        for scrape in 0..200 {
            overdispersion.take(if (60..64).contains(&scrape) { 3500 } else { 70 }, 7000);
        }
        assert!(overdispersion.divisor() < 5.0, "{}", overdispersion.divisor());
    }
}
