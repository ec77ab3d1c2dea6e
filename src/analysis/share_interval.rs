//! Confidence sequence for one share, valid after every scrape.

use super::share_mismatch::ln_two_arms;

/// The error level that the mixture is tuned for; it decides where intervals are tightest, not whether they are valid.
const TUNED_ERROR_LEVEL: f64 = 0.05;

/// A confidence sequence for one share: over all scrapes together, the chance that it ever misses the true one is at most
/// alpha.
///
/// The beta-binomial mixture of Howard, Ramdas, McAuliffe and Sekhon (2021), tightest after `t_opt` requests. With the
/// variance of a Bernoulli share it is a beta prior around each candidate, the same factor as [`super::ln_mismatch`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShareSequence {
    /// Chance that it ever misses.
    pub alpha: f64,
    /// Requests after which it is tightest.
    pub t_opt: f64,
}

impl ShareSequence {
    /// Whether a share of `p` is still possible after `hits` of `all`.
    #[must_use]
    pub fn allows(&self, hits: u64, all: u64, p: f64) -> bool {
        let misses = all.saturating_sub(hits) as f64;
        ln_two_arms(hits as f64, misses, p, self.weight()) < -self.alpha.ln()
    }

    /// Returns the smallest and the largest share that are still possible after `hits` of `all`.
    #[must_use]
    pub fn interval(&self, hits: u64, all: u64) -> (f64, f64) {
        if all == 0 {
            return (0.0, 1.0);
        }
        let share = (hits as f64 / all as f64).clamp(0.0, 1.0);
        let low = if hits == 0 { 0.0 } else { self.edge(hits, all, share, 0.0) };
        let high = if hits >= all { 1.0 } else { self.edge(hits, all, share, 1.0) };
        (low, high)
    }

    /// Bisects between a possible share and an end of the range.
    fn edge(&self, hits: u64, all: u64, possible: f64, end: f64) -> f64 {
        let nearly = end + (possible - end) * 1e-12;
        if self.allows(hits, all, nearly) {
            return end;
        }
        let (mut inside, mut outside) = (possible, nearly);
        for _ in 0..60 {
            let middle = 0.5 * (inside + outside);
            if self.allows(hits, all, middle) {
                inside = middle;
            } else {
                outside = middle;
            }
        }
        inside
    }

    fn weight(&self) -> f64 {
        let tuned = -2.0 * TUNED_ERROR_LEVEL.ln();
        (self.t_opt / (tuned + tuned.ln_1p()) - 1.0).max(1e-3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vectors {
        cases: Vec<Case>,
    }

    #[derive(serde::Deserialize)]
    struct Case {
        s: u64,
        n: u64,
        alpha: f64,
        t_opt: f64,
        expected: (f64, f64),
    }

    #[test]
    fn intervals_match_the_published_software() {
        // gostevehoward/confseq (MIT), test/uniform_boundaries_unittest.cpp, to its own tolerance.
        let vectors: Vectors = serde_json::from_str(include_str!("vectors/bernoulli_sequence.json")).unwrap();
        assert_eq!(vectors.cases.len(), 8);
        for case in vectors.cases {
            let is = ShareSequence { alpha: case.alpha, t_opt: case.t_opt }.interval(case.s, case.n);
            let off = (is.0 - case.expected.0).abs().max((is.1 - case.expected.1).abs());
            assert!(off < 1e-5, "{} of {}: {is:?} {:?}", case.s, case.n, case.expected);
        }
    }

    #[test]
    fn large_counts_give_a_narrow_interval() {
        let (low, high) = ShareSequence { alpha: 0.05, t_opt: 1000.0 }.interval(1 << 50, 1 << 60);
        let share = 1.0 / 1024.0;
        assert!(low <= share && share <= high && high - low < 1e-8, "{low} {high}");
    }
}
