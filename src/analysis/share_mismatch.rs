//! Evidence that the traffic split differs from the one configured.

use super::beta::ln_beta;

/// Returns the logarithm of the evidence that counts do not come from these shares (formula F4 of the method).
///
/// Lindon and Malek (NeurIPS 2022, arXiv 2011.03567): the Bayes factor of a Dirichlet prior of weight `k` around the
/// shares. It is the product of one beta-binomial factor for each arm against those after it. Shares sum to 1.
#[must_use]
pub fn ln_mismatch(counts: &[u64], shares: &[f64], k: f64) -> f64 {
    let mut rest: (f64, f64) = (counts.iter().map(|count| *count as f64).sum(), shares.iter().sum());
    let mut ln_e = 0.0;
    for (count, share) in counts.iter().zip(shares) {
        let (all, whole) = rest;
        let after = (all - *count as f64, whole - share);
        if after.1 <= 0.0 || *share <= 0.0 {
            break;
        }
        ln_e += ln_two_arms(*count as f64, after.0, share / whole, k * whole);
        rest = after;
    }
    ln_e
}

/// Returns the same for one arm with a share against the rest, from numbers that need not be whole.
pub(super) fn ln_two_arms(one: f64, other: f64, share: f64, k: f64) -> f64 {
    let (a, b) = (k * share, k * (1.0 - share));
    ln_beta(a + one, b + other) - ln_beta(a, b) - one * share.ln() - other * (-share).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_examples_match_exactly() {
        for (canary, stable, wanted) in
            [(3, 20, 0.947_033), (7, 40, 4.118_578), (12, 60, 67.774_708), (2, 38, 0.547_258)]
        {
            let is = ln_mismatch(&[canary, stable], &[0.05, 0.95], 20.0).exp();
            assert!((is - wanted).abs() < 1e-6, "{is} {wanted}");
        }
    }

    #[derive(serde::Deserialize)]
    struct Vectors {
        cases: Vec<Case>,
    }

    #[derive(serde::Deserialize)]
    struct Case {
        theta0: Vec<f64>,
        k: f64,
        alpha: f64,
        categories: Vec<usize>,
        expected: Expected,
    }

    #[derive(serde::Deserialize)]
    struct Expected {
        stop_n: usize,
        p: f64,
    }

    #[test]
    fn streams_stop_where_published_ones_stop() {
        // Asserted values of assuncaolfi/savvi (MIT), examples/Multinomial.qmd and InhomogeneousPoissonProcess.qmd.
        let vectors: Vectors = serde_json::from_str(include_str!("vectors/multinomial_sequential.json")).unwrap();
        assert_eq!(vectors.cases.len(), 2);
        for case in vectors.cases {
            let mut counts = vec![0; case.theta0.len()];
            let (mut p, mut stopped) = (1.0_f64, None);
            for (at, category) in case.categories.iter().enumerate() {
                counts[*category] += 1;
                p = p.min((-ln_mismatch(&counts, &case.theta0, case.k)).exp());
                if p <= case.alpha && stopped.is_none() {
                    stopped = Some((at + 1, p));
                }
            }
            let (at, p) = stopped.unwrap();
            assert_eq!(at, case.expected.stop_n);
            assert!((p - case.expected.p).abs() < 1e-10, "{p} {}", case.expected.p);
        }
    }
}
