//! The law that everything rests on, exactly: where the canary is no worse, the mean of the evidence is at most 1.
//!
//! All outcomes of a few requests are gone through, each with its probability.

use proptest::prelude::*;

use super::super::category_evidence;
use super::super::errors::ErrorEvidence;
use super::super::latency::LatencyTest;
use super::super::margin::ErrorMargin;
use super::super::ratio_evidence::{BET_COUNT, ErrorCounts};
use super::super::share_bets::ShareBets;
use super::*;

/// What rounding may add.
const ROUNDING_TOLERANCE: f64 = 1e-9;

/// All ways in which requests fall into categories of these shares, with their probabilities.
fn outcomes(requests: u64, shares: &[f64]) -> Vec<(Vec<u64>, f64)> {
    let Some((share, rest)) = shares.split_first() else { return vec![] };
    if rest.is_empty() {
        return vec![(vec![requests], 1.0)];
    }
    let left = 1.0 - share;
    let rest: Vec<f64> = rest.iter().map(|one| if left > 0.0 { one / left } else { *one }).collect();
    let mut all = Vec::new();
    let mut choose = 1.0;
    for here in 0..=requests {
        let p = choose * share.powi(here as i32) * left.max(0.0).powi((requests - here) as i32);
        choose *= (requests - here) as f64 / (here + 1) as f64;
        for (others, q) in outcomes(requests - here, &rest) {
            all.push(([vec![here], others].concat(), p * q));
        }
    }
    all
}

fn shares(categories: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.01..1.0_f64, categories).prop_map(|parts| {
        let sum: f64 = parts.iter().sum();
        parts.iter().map(|part| part / sum).collect()
    })
}

fn weights(categories: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-3.0..3.0_f64, categories).prop_map(|logs| logs.into_iter().map(f64::exp).collect())
}

/// Returns the mean of something over what both tracks may answer.
fn mean(
    (n_canary, of_canary): (u64, &[f64]),
    (n_stable, of_stable): (u64, &[f64]),
    value: impl Fn(&[u64], &[u64]) -> f64,
) -> f64 {
    let stable = outcomes(n_stable, of_stable);
    let one =
        |(canary, p): &(Vec<u64>, f64)| stable.iter().map(|(stable, q)| p * q * value(canary, stable)).sum::<f64>();
    outcomes(n_canary, of_canary).iter().map(one).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn of_categories_under_equal_shares(p in shares(3), w in weights(3), n in 1..5_u64, m in 1..6_u64) {
        let is = mean((n, &p), (m, &p), |canary, stable| category_evidence::ln_e(canary, stable, &w).exp());
        prop_assert!(is <= 1.0 + ROUNDING_TOLERANCE, "{is}");
    }

    #[test]
    fn of_rising_bets_where_the_canary_is_better(
        p in shares(3), w in weights(3), part in 0.0..1.0_f64, to in 0..2_usize, n in 1..5_u64, m in 1..6_u64,
    ) {
        let mut rising = w;
        rising.sort_by(f64::total_cmp);
        let mut better = p.clone();
        let moved = better[to + 1] * part;
        better[to + 1] -= moved;
        better[to] += moved;
        let is = mean((n, &better), (m, &p), |canary, stable| category_evidence::ln_e(canary, stable, &rising).exp());
        prop_assert!(is <= 1.0 + ROUNDING_TOLERANCE, "{is}");
    }

    #[test]
    fn of_a_tolerated_ratio(p in 0.001..0.4_f64, w0 in 1.0..2.5_f64, more in 1.01..5.0_f64, n in 1..6_u64, m in 1..8_u64) {
        let canary = (w0 * p).min(1.0);
        let is = mean((n, &[canary, 1.0 - canary]), (m, &[p, 1.0 - p]), |canary, stable| {
            ErrorCounts::new(canary[0], stable[0], n, m).unwrap().ln_e(w0 * more, w0).exp()
        });
        prop_assert!(is <= 1.0 + ROUNDING_TOLERANCE, "{is}");
    }

    #[test]
    fn of_a_tolerated_share(share in 0.001..0.4_f64, part in 0.0..1.0_f64, bet in 0..BET_COUNT, n in 1..8_u64) {
        let canary = share * part;
        let is = mean((n, &[canary, 1.0 - canary]), (1, &[0.5, 0.5]), |canary, stable| {
            ShareBets::default().ln_e(share, &ErrorCounts::new(canary[0], stable[0], n, 1).unwrap())[bet].exp()
        });
        prop_assert!(is <= 1.0 + ROUNDING_TOLERANCE, "{is}");
    }

    /// Within the margin by ratio or by share, there is no evidence beyond it.
    #[test]
    fn of_error_bets_within_a_margin(p in 0.01..0.4_f64, ratio in 1.0..2.0_f64, share in 0.01..0.5_f64, by_ratio: bool) {
        let canary = if by_ratio { (p * ratio).min(1.0) } else { share };
        let margin = ErrorMargin { ratio, share };
        for guarded in [false, true] {
            let is = mean((3, &[canary, 1.0 - canary]), (3, &[p, 1.0 - p]), |canary, stable| {
                let mut test = ErrorEvidence::default();
                test.take(&ErrorCounts::new(canary[0], stable[0], 3, 3).unwrap(), margin, 1.0, 2);
                if guarded { test.ln_guarded().exp() } else { test.ln_plain().exp() }
            });
            prop_assert!(is <= 1.0 + ROUNDING_TOLERANCE, "{is}");
        }
    }

    #[test]
    fn of_all_error_bets_over_scrapes_whose_rate_and_share_change(
        p in prop::collection::vec(0.001..0.9_f64, 3), sizes in prop::collection::vec((1..3_u64, 1..4_u64), 3),
        planned in 1..4_u32,
    ) {
        fn go(test: &ErrorEvidence, p: &[f64], sizes: &[(u64, u64)], planned: u32) -> (f64, f64) {
            let ([p, later @ ..], [(n, m), rest @ ..]) = (p, sizes) else {
                return (test.ln_plain().exp(), test.ln_guarded().exp());
            };
            let mut sum = (0.0, 0.0);
            let stable = outcomes(*m, &[*p, 1.0 - p]);
            for (canary, q) in outcomes(*n, &[*p, 1.0 - p]) {
                for (stable, r) in &stable {
                    let mut next = test.clone();
                    next.take(&ErrorCounts::new(canary[0], stable[0], *n, *m).unwrap(), ErrorMargin::NONE, 1.0, planned);
                    next.take_stable(stable[0], *m);
                    let (plain, guarded) = go(&next, later, rest, planned);
                    sum = (sum.0 + q * r * plain, sum.1 + q * r * guarded);
                }
            }
            sum
        }
        let (plain, guarded) = go(&ErrorEvidence::default(), &p, &sizes, planned);
        prop_assert!(plain <= 1.0 + ROUNDING_TOLERANCE && guarded <= 1.0 + ROUNDING_TOLERANCE, "{plain} {guarded}");
    }

    #[test]
    fn of_all_latency_bets_over_two_scrapes(first in shares(3), second in shares(3), planned in 1..3_u32) {
        let both = |canary: &[u64], stable: &[u64]| Shared {
            bounds: vec![0.1, 0.25], canary: canary.to_vec(), stable: stable.to_vec(),
        };
        for tolerant in [false, true] {
            let is = mean((2, &first), (3, &first), |canary, stable| {
                let mut test = LatencyTest::default();
                test.take(0.0, &both(canary, stable), 1.0, planned);
                mean((1, &second), (3, &second), |canary, stable| {
                    let mut test = test.clone();
                    test.take(15.0, &both(canary, stable), 1.0, planned);
                    if tolerant { test.ln_tolerant().exp() } else { test.ln_plain().exp() }
                })
            });
            prop_assert!(is <= 1.0 + ROUNDING_TOLERANCE, "{is}");
        }
    }

    #[test]
    fn analyzer_mean_with_latencies_that_appear_later(p in 0.01..0.9_f64, slow in 0.01..0.9_f64) {
        // A request of the second scrape is good and fast, good and slow, or bad.
        let of_all = [(1.0 - p) * (1.0 - slow), (1.0 - p) * slow, p];
        let counts = |of: &[u64], at: usize| {
            let buckets = if at == 0 { vec![] } else {
                vec![Bucket { le: 0.1, count: of[0] }, Bucket { le: f64::INFINITY, count: of[1] + of[2] }]
            };
            Counts { requests: of.iter().sum(), errors: of[2], buckets, ..Counts::default() }
        };
        let look = |at: usize, canary: &[u64], stable: &[u64]| Look::Scrape(Scrape {
            t: 15.0 * at as f64, canary: counts(canary, at), stable: counts(stable, at), stable_pods: vec![],
        });
        for guarded in [false, true] {
            let is = mean((2, &of_all), (2, &of_all), |canary, stable| {
                let mut judge = CanaryAnalyzer::new(Rules { planned_scrapes: 2, ..Rules::default() });
                judge.take(&look(0, canary, stable));
                mean((2, &of_all), (2, &of_all), |canary, stable| {
                    let mut judge = judge.clone();
                    judge.take(&look(1, canary, stable));
                    let e = judge.evidence();
                    if guarded { e.guarded } else { e.plain }
                })
            });
            prop_assert!(is <= 1.0 + ROUNDING_TOLERANCE, "{is}");
        }
    }
}
