//! The evidence of one scrape that the canary's requests fall into other categories than those of stable.

/// Returns the logarithm of the e-value of a scrape whose requests fall into categories (formula F1 of the method).
///
/// `canary[k]` and `stable[k]` are requests of category `k`, `weights[k] > 0` the bets, which must be fixed before the
/// scrape is seen. The mean is at most 1 for every distribution that both share in this scrape, so that rates, mix and the
/// canary's share may change from scrape to scrape. With weights that never fall as categories get worse, it is at most 1
/// as well where the canary is better.
///
/// It is the k-sample e-variable of Turner, Ly and Grünwald (J. Stat. Plan. Inference 2024, arXiv 2106.02693), for counts.
#[must_use]
pub fn ln_e(canary: &[u64], stable: &[u64], weights: &[f64]) -> f64 {
    let total = |counts: &[u64]| counts.iter().map(|count| *count as f64).sum::<f64>();
    let (all_canary, all_stable) = (total(canary), total(stable));
    if all_canary <= 0.0 || all_stable <= 0.0 {
        return 0.0;
    }
    let share = all_canary / (all_canary + all_stable);
    let one = |((canary, stable), weight): ((&u64, &u64), &f64)| {
        let (canary, stable) = (*canary as f64, *stable as f64);
        canary * weight.ln() - (canary + stable) * (share * (weight - 1.0)).ln_1p()
    };
    canary.iter().zip(stable).zip(weights).map(one).sum()
}
