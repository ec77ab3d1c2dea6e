//! Arithmetic on logarithms, so that evidence of any size stays finite.

/// Logarithm of zero; finite, so that sums of it stay numbers and can be serialized.
pub(super) const LN_ZERO: f64 = -1e300;

/// The largest logarithm whose exponential is shown; larger evidence is shown as this much.
const MAX_LN: f64 = 690.0;

/// Below this difference the smaller of two terms does not change their sum.
pub(super) const NEGLIGIBLE_LN: f64 = -40.0;

/// Numbers that are compared at once.
const LANES: usize = 4;

/// Returns `ln(exp(a) + exp(b))`.
pub(super) fn ln_add(a: f64, b: f64) -> f64 {
    let (max, min) = if a >= b { (a, b) } else { (b, a) };
    let apart = min - max;
    if apart < NEGLIGIBLE_LN { max } else { max + apart.exp().ln_1p() }
}

/// Returns the logarithm of the mean of exponentials; [`LN_ZERO`] of none.
pub(super) fn ln_mean(logs: &[f64]) -> f64 {
    let max = greatest(logs);
    if max <= LN_ZERO {
        return LN_ZERO;
    }
    let sum: f64 = logs.iter().map(|log| exp_or_zero(log - max)).sum();
    max + (sum / logs.len() as f64).ln()
}

/// Returns the greatest; [`LN_ZERO`] of none.
pub(super) fn greatest(logs: &[f64]) -> f64 {
    // Several at once, so that none waits for the one before.
    let mut lanes = [LN_ZERO; LANES];
    let (chunks, rest) = logs.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, log) in lanes.iter_mut().zip(chunk) {
            *lane = if *log > *lane { *log } else { *lane };
        }
    }
    lanes.iter().chain(rest).copied().fold(LN_ZERO, f64::max)
}

/// Returns the exponential, or 0 where it would not change a sum with 1.
pub(super) fn exp_or_zero(log: f64) -> f64 {
    // The compiler may take the exponential of either; that of a number which underflows takes ten times as long.
    let within = log.max(NEGLIGIBLE_LN).exp();
    if log < NEGLIGIBLE_LN { 0.0 } else { within }
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
