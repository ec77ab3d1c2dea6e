//! Evidence about one share alone: that it is above a bound (budget burns), or below one (provably good).

use std::f64::consts::LN_2;

use super::beta::ln_incomplete_beta;
use super::log_space::ln_mean;
use super::ratio_evidence::bets;

/// Returns the logarithm of the evidence that more than `p0` of requests fail, from totals (formula F5 of the method).
///
/// A mixture over burn ratios: `mean_r r^e ((1-r p0)/(1-p0))^(n-e)` over ratios with `r p0 < 1`. Valid after every scrape.
#[must_use]
pub fn ln_above(errors: u64, requests: u64, p0: f64) -> f64 {
    let (errors, good) = (errors as f64, requests.saturating_sub(errors) as f64);
    let one = |ratio: f64| errors * ratio.ln() + good * ((-p0 * ratio).ln_1p() - (-p0).ln_1p());
    let terms: Vec<f64> = bets().into_iter().filter(|ratio| ratio * p0 < 1.0).map(one).collect();
    if terms.is_empty() { 0.0 } else { ln_mean(&terms) }
}

/// Returns the logarithm of the evidence that fewer than `p1` of requests fail, from totals (`E_safe` of the method).
///
/// Jeffreys' prior, cut to shares below `p1`, against `p1` itself:
/// `∫₀^p1 p^(e-½) (1-p)^(n-e-½) dp / (2 asin √p1 · p1^e (1-p1)^(n-e))`.
#[must_use]
pub fn ln_below(errors: u64, requests: u64, p1: f64) -> f64 {
    let (errors, good) = (errors as f64, requests.saturating_sub(errors) as f64);
    let prior = p1.sqrt().asin().ln() + LN_2;
    ln_incomplete_beta(0.5 + errors, 0.5 + good, p1) - prior - errors * p1.ln() - good * (-p1).ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_examples_match_exactly() {
        for (errors, requests, p0, wanted) in [
            (6, 400, 0.005, 2.984_084),
            (3, 400, 0.005, 0.243_289),
            (0, 400, 0.005, 0.053_490),
            (12, 400, 0.0144, 2.269_410),
        ] {
            let is = ln_above(errors, requests, p0).exp();
            assert!((is - wanted).abs() < 1e-6, "{is} {wanted}");
        }
        for (errors, requests, p1, wanted) in [
            (0, 400, 0.01, 24.523_871),
            (1, 400, 0.01, 2.914_306),
            (2, 1000, 0.01, 47.670_202),
            (0, 150, 0.01, 2.991_317),
        ] {
            let is = ln_below(errors, requests, p1).exp();
            assert!((is - wanted).abs() < 1e-6, "{is} {wanted}");
        }
    }

    #[test]
    fn few_errors_do_not_prove_that_the_budget_burns() {
        // The examples of section 3 of the method: one of one, one of ten, two of ten stay below the bar, two of two do not.
        let evidence = |errors, requests| ln_above(errors, requests, 0.0144).exp();
        for (errors, requests, wanted) in [(1, 1, 17.6), (1, 10, 1.6), (2, 10, 14.2), (2, 2, 669.0)] {
            let is = evidence(errors, requests);
            assert!((is - wanted).abs() < 0.05 * wanted, "{is} {wanted}");
        }
    }

    #[test]
    fn the_mean_under_the_bound_itself_is_at_most_one() {
        // Exact: all outcomes of a few requests.
        for requests in 1..=12_u64 {
            for bound in [0.01, 0.0144, 0.3, 0.9_f64] {
                let (mut above, mut below, mut choose) = (0.0, 0.0, 1.0);
                for errors in 0..=requests {
                    let p = choose * bound.powi(errors as i32) * (1.0 - bound).powi((requests - errors) as i32);
                    above += p * ln_above(errors, requests, bound).exp();
                    below += p * ln_below(errors, requests, bound).exp();
                    choose *= (requests - errors) as f64 / (errors + 1) as f64;
                }
                assert!(above <= 1.0 + 1e-9 && below <= 1.0 + 1e-9, "{requests} {bound}: {above} {below}");
            }
        }
    }

    #[test]
    fn any_counts_give_a_number() {
        for requests in [0, 1, 1 << 20, 1 << 60, u64::MAX] {
            for errors in [0, 1, requests / 1000, requests / 2, requests] {
                for bound in [1e-9, 0.0144, 0.5, 0.999] {
                    assert!(ln_below(errors, requests, bound).is_finite(), "{errors} {requests} {bound}");
                    assert!(ln_above(errors, requests, bound).is_finite(), "{errors} {requests} {bound}");
                }
            }
        }
    }
}
