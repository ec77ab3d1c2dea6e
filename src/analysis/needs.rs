//! How many more requests it takes to detect a regression of a given size.

use serde::{Deserialize, Serialize};

/// What it takes to detect a regression, from now on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// Requests that the canary has still to answer; 0 where a regression of that size would most likely have been detected.
    pub requests: f64,
    /// Seconds that this takes at its present rate.
    pub seconds: f64,
}

/// The traffic and error rate that decide it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Share of stable's requests that fail.
    pub stable_errors: f64,
    /// The canary's share of requests, recently.
    pub share: f64,
    /// Requests that the canary answers each second, recently.
    pub per_second: f64,
    /// Requests that the canary has answered.
    pub answered: f64,
}

/// Returns the information, in nats, that one request of the canary brings on a ratio of `w` (formula F8 of the method).
#[must_use]
pub fn information(stable_errors: f64, share: f64, w: f64) -> f64 {
    stable_errors * (w * w.ln() - (w * share + 1.0 - share) / share * (share * (w - 1.0)).ln_1p())
}

impl Pace {
    /// Returns what it takes to see a ratio of `w` with evidence of `1/alpha`: half of all such regressions show within
    /// `(ln(1/alpha) + 1.5) / information` requests. `None` where stable has no errors to compare with.
    #[must_use]
    pub fn need(&self, w: f64, alpha: f64) -> Option<Need> {
        let within = |value: f64| value > 0.0 && value < 1.0;
        if !within(self.stable_errors) || !within(self.share) || self.per_second <= 0.0 {
            return None;
        }
        let information = information(self.stable_errors, self.share, w);
        if information <= 0.0 {
            return None;
        }
        let requests = ((1.5 - alpha.ln()) / information - self.answered).max(0.0).ceil();
        let seconds = requests / self.per_second;
        (requests.is_finite() && seconds.is_finite()).then_some(Need { requests, seconds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_examples_match() {
        for (stable, w, share, nats, requests) in [
            (0.001, 2.0, 0.05, 3.617e-4, 12_732.0),
            (0.001, 5.0, 0.05, 3.671e-3, 1254.0),
            (0.01, 2.0, 0.05, 3.617e-3, 1273.0),
            (0.01, 6.0, 0.05, 5.172e-2, 89.0),
            (0.001, 2.0, 0.5, 1.699e-4, 27_105.0),
        ] {
            let is = information(stable, share, w);
            assert!((is - nats).abs() < 0.0005 * nats, "{is} {nats}");
            assert!((100.0_f64.ln() / is - requests).abs() < 0.6, "{}", 100.0_f64.ln() / is);
        }
    }

    #[test]
    fn doubling_of_a_low_rate_takes_hours_to_detect() {
        let pace = Pace { stable_errors: 0.001, share: 0.05, per_second: 2.5, answered: 0.0 };
        let need = pace.need(2.0, 0.01).unwrap();
        assert!((need.requests - 16_880.0).abs() < 20.0 && (1.8..1.9).contains(&(need.seconds / 3600.0)), "{need:?}");
        let later = Pace { answered: 10_000.0, ..pace }.need(2.0, 0.01).unwrap();
        assert!((need.requests - later.requests - 10_000.0).abs() < 1e-9);
        let done = Pace { answered: 1e6, ..pace }.need(2.0, 0.01).unwrap();
        assert_eq!(done, Need { requests: 0.0, seconds: 0.0 });
        assert_eq!(Pace { stable_errors: 0.0, ..pace }.need(2.0, 0.01), None);
    }
}
