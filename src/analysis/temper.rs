//! How much more stable's errors jump from scrape to scrape than chance alone lets them.

use serde::{Deserialize, Serialize};

/// Scrapes' worth of belief that they do not.
const PRIOR_SCRAPES: f64 = 20.0;

/// What one scrape may add: a single incident must not blind the guarded evidence for the rest of the rollout.
const MAX_SCRAPE_DISPERSION: f64 = 100.0;

/// What burstiness keeps of its weight with each scrape: the last hundred or so decide.
const DISPERSION_DECAY: f64 = 0.99;

/// What the usual share keeps with each scrape: the last ten or so decide, since rates drift while nothing bursts.
const SHARE_DECAY: f64 = 0.9;

/// A scrape is learned from as if it had at most so many times the usual errors, and some: what is usual changes in minutes,
/// not with one incident.
const MAX_LEARNED: (f64, f64) = (3.0, 10.0);

/// Burstiness of stable's errors: a running Pearson χ² per degree of freedom against what came before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Temper {
    chi2: f64,
    scrapes: f64,
    errors: f64,
    requests: f64,
    /// Requests, each with the square of the weight that its scrape has: what the usual share is uncertain by.
    squares: f64,
}

impl Default for Temper {
    fn default() -> Self {
        Self { chi2: PRIOR_SCRAPES, scrapes: PRIOR_SCRAPES, errors: 0.0, requests: 0.0, squares: 0.0 }
    }
}

impl Temper {
    /// Returns by what evidence is divided, at least 1. Ask before the scrape is taken in: it must not know it.
    #[must_use]
    pub fn divisor(&self) -> f64 {
        (self.chi2 / self.scrapes).max(1.0)
    }

    /// Takes in what stable answered in a scrape.
    pub fn take(&mut self, errors: u64, requests: u64) {
        let (mut errors, requests) = (errors as f64, requests as f64);
        if requests <= 0.0 {
            return;
        }
        if self.requests > 0.0 {
            let share = ((self.errors + 0.5) / (self.requests + 1.0)).min(1.0 - f64::EPSILON);
            let expected = requests * share;
            let off = errors - expected;
            // What is usual is known from a few scrapes only, and off by itself.
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
    fn bursts_are_tempered_and_steady_errors_are_not() {
        let mut steady = Temper::default();
        let mut bursts = Temper::default();
        for scrape in 0..200 {
            steady.take(70 + 6 * (scrape % 2), 7000);
            bursts.take(if scrape % 5 == 0 { 370 } else { 0 }, 7000);
        }
        assert!((steady.divisor() - 1.0).abs() < 1e-12, "{}", steady.divisor());
        assert!(bursts.divisor() > 10.0, "{}", bursts.divisor());
    }

    #[test]
    fn drifting_rate_is_not_a_burst() {
        let mut temper = Temper::default();
        for scrape in 0..240_u64 {
            temper.take(14 + scrape / 2, 7000);
        }
        assert!(temper.divisor() < 1.2, "{}", temper.divisor());
    }

    #[test]
    fn one_incident_is_forgotten_in_time() {
        let mut temper = Temper::default();
        for scrape in 0..200 {
            temper.take(if (60..64).contains(&scrape) { 3500 } else { 70 }, 7000);
        }
        assert!(temper.divisor() < 5.0, "{}", temper.divisor());
    }
}
