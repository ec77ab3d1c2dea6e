//! Arithmetic on logarithms, so that evidence of any size stays finite.

/// Stands for the logarithm of nothing; finite, so that sums of it stay numbers and can be written down.
pub(super) const LN_ZERO: f64 = -1e300;

/// The greatest logarithm whose exponential is shown; beyond it, evidence reads as this much.
const MAX_LN: f64 = 690.0;

/// Below this difference the smaller of two terms does not show in their sum.
const NEGLIGIBLE_LN: f64 = -40.0;

/// Returns `ln(exp(a) + exp(b))`.
pub(super) fn ln_add(a: f64, b: f64) -> f64 {
    let (great, small) = if a >= b { (a, b) } else { (b, a) };
    let apart = small - great;
    if apart < NEGLIGIBLE_LN { great } else { great + apart.exp().ln_1p() }
}

/// Returns the logarithm of the mean of exponentials; [`LN_ZERO`] of none.
pub(super) fn ln_mean(logs: &[f64]) -> f64 {
    let great = logs.iter().copied().fold(LN_ZERO, f64::max);
    if great <= LN_ZERO {
        return LN_ZERO;
    }
    let sum: f64 = logs.iter().map(|log| exp_or_nothing(log - great)).sum();
    great + (sum / logs.len() as f64).ln()
}

/// Returns the exponential, and 0 where it would not show beside 1.
pub(super) fn exp_or_nothing(log: f64) -> f64 {
    if log < NEGLIGIBLE_LN { 0.0 } else { log.exp() }
}

/// Returns the exponential, finite whatever the logarithm.
#[must_use]
pub(super) fn exp_finite(log: f64) -> f64 {
    log.min(MAX_LN).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_means_in_log_space_are_finite() {
        assert!((ln_add(2.0_f64.ln(), 3.0_f64.ln()) - 5.0_f64.ln()).abs() < 1e-12);
        assert!((ln_add(1e6, LN_ZERO) - 1e6).abs() < 1e-9);
        assert!((ln_mean(&[1e6, 1e6]) - 1e6).abs() < 1e-9);
        assert!((ln_mean(&[LN_ZERO, 4.0_f64.ln()]) - 2.0_f64.ln()).abs() < 1e-12);
        assert!(ln_mean(&[]) <= LN_ZERO && ln_mean(&[LN_ZERO]) <= LN_ZERO);
        assert!(exp_finite(1e300).is_finite() && exp_finite(LN_ZERO) < f64::MIN_POSITIVE);
    }
}
