//! The beta function and its incomplete form, as logarithms: what stays exact in tails where the plain values underflow,
//! and for counts where gamma functions cancel.

use std::f64::consts::{FRAC_1_PI, PI, TAU};

/// From here on Stirling's series gives all digits.
const STIRLING_MIN: f64 = 10.0;

/// Terms of the continued fraction before it gives way to the approximation for large counts.
const MAX_FRACTION_TERMS: u32 = 500;

/// Returns `ln B(a, b)` for positive `a` and `b`.
///
/// Differences of large gamma functions are taken inside Stirling's series (DLMF 5.11), where nothing cancels.
#[must_use]
pub fn ln_beta(a: f64, b: f64) -> f64 {
    let (min, max) = if a <= b { (a, b) } else { (b, a) };
    let sum = min + max;
    if max < STIRLING_MIN {
        return libm::lgamma(min) + libm::lgamma(max) - libm::lgamma(sum);
    }
    let rest = stirling_rest(max) - stirling_rest(sum);
    if min < STIRLING_MIN {
        return libm::lgamma(min) + rest - (max - 0.5) * (min / max).ln_1p() - min * sum.ln() + min;
    }
    0.5 * (TAU / max).ln() + (min - 0.5) * (min / sum).ln() - max * (min / max).ln_1p() + stirling_rest(min) + rest
}

/// Returns `ln Γ(x)` less the main part of Stirling's series, for `x >= 10`.
fn stirling_rest(x: f64) -> f64 {
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)))
}

/// Returns the logarithm of `∫₀ˣ tᵃ⁻¹ (1-t)ᵇ⁻¹ dt`, the incomplete beta function, for `0 < x < 1`.
#[must_use]
pub fn ln_incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x < (a + 1.0) / (a + b + 2.0) {
        return ln_tail(a, b, x, 1.0 - x);
    }
    let whole = ln_beta(a, b);
    let rest = ln_tail(b, a, 1.0 - x, x);
    // Rounding may let the rest seem more than the whole.
    whole + (-(rest - whole).min(-f64::EPSILON).exp()).ln_1p()
}

/// Returns the logarithm of the incomplete beta function where `x` is on the near side of the bulk.
///
/// Continued fraction DLMF 8.17.22, by Lentz's method. It needs about as many terms as the bulk is wide, so large counts
/// close to the bulk are left to [`mills`].
fn ln_tail(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let front = a * x.ln() + b * y.ln();
    match continued_fraction(a, b, x) {
        Some(fraction) => front - a.ln() + fraction.ln(),
        None => front - x.ln() - y.ln() + mills(a, b, x, y).ln(),
    }
}

fn continued_fraction(a: f64, b: f64, x: f64) -> Option<f64> {
    let away_from_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut numerator = 1.0;
    let mut denominator = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = denominator;
    for term in 1..=MAX_FRACTION_TERMS {
        let m = f64::from(term);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for coefficient in [even, odd] {
            denominator = 1.0 / away_from_zero(1.0 + coefficient * denominator);
            numerator = away_from_zero(1.0 + coefficient / numerator);
            change = denominator * numerator;
            value *= change;
        }
        if (change - 1.0).abs() < 1e-14 {
            return Some(value).filter(|value| *value > 0.0);
        }
    }
    None
}

/// Returns the integral up to `x` over the integrand at `x`, where counts are large: a normal tail of the same slope and
/// curvature.
fn mills(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let slope = (a - 1.0) / x - (b - 1.0) / y;
    let curvature = ((a - 1.0) / (x * x) + (b - 1.0) / (y * y)).max(f64::MIN_POSITIVE);
    let off = slope / (2.0 * curvature).sqrt();
    // Beyond this the complementary error function underflows, and its asymptote is exact.
    let scaled = if off < 25.0 { (off * off).exp() * libm::erfc(off) } else { FRAC_1_PI * PI.sqrt() / off };
    (PI / (2.0 * curvature)).sqrt() * scaled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(is: f64, wanted: f64, by: f64) {
        assert!((is - wanted).abs() <= by * wanted.abs().max(1.0), "{is} is not {wanted}");
    }

    #[test]
    fn beta_of_whole_numbers_matches_factorials() {
        // B(a, b) = (a-1)! (b-1)! / (a+b-1)!
        let ln_factorial = |n: u32| (1..=n).map(|k| f64::from(k).ln()).sum::<f64>();
        for (a, b) in [(1, 1), (2, 3), (9, 9), (10, 10), (3, 40), (9, 11), (15, 700), (400, 4)] {
            let wanted = ln_factorial(a - 1) + ln_factorial(b - 1) - ln_factorial(a + b - 1);
            close(ln_beta(a.into(), b.into()), wanted, 1e-12);
        }
    }

    #[test]
    fn the_incomplete_beta_is_the_sum_of_binomial_terms() {
        // I_x(a, b) = Σ_{j>=a} C(n, j) x^j (1-x)^(n-j), n = a+b-1
        for (a, b, x) in [(3_u32, 5_u32, 0.2_f64), (3, 5, 0.9), (1, 40, 0.01), (20, 30, 0.4), (2, 2, 0.5)] {
            let n = a + b - 1;
            let mut choose = 1.0;
            let mut sum = 0.0;
            for j in 0..=n {
                if j >= a {
                    sum += choose * x.powi(j as i32) * (1.0 - x).powi((n - j) as i32);
                }
                choose *= f64::from(n - j) / f64::from(j + 1);
            }
            let is = ln_incomplete_beta(a.into(), b.into(), x) - ln_beta(a.into(), b.into());
            close(is.exp(), sum, 1e-12);
        }
    }

    #[test]
    fn far_tails_do_not_underflow_to_zero() {
        // ∫₀ˣ tᵃ⁻¹ dt = xᵃ/a where b = 1.
        close(ln_incomplete_beta(5000.0, 1.0, 0.001), 5000.0 * 0.001_f64.ln() - 5000.0_f64.ln(), 1e-13);
        let (a, b) = (2_f64.powi(60), 2_f64.powi(59));
        for x in [1e-9, 0.3, 2.0 / 3.0, 0.999] {
            assert!(ln_incomplete_beta(a, b, x).is_finite(), "{x}");
            assert!(ln_incomplete_beta(0.5, b, x).is_finite() && ln_incomplete_beta(b, 0.5, x).is_finite(), "{x}");
        }
    }

    #[test]
    fn large_counts_near_the_mean_match_the_normal_tail() {
        // The approximation takes over where the fraction gives up; both agree where both can be had.
        let (a, b, x) = (1000.5, 99_000.5, 0.0098);
        let fraction = continued_fraction(a, b, x).unwrap() / a;
        close(mills(a, b, x, 1.0 - x) / (x * (1.0 - x)), fraction, 0.01);
        // At the middle of the bulk half of it is below.
        let half = ln_incomplete_beta(1e12, 1e12, 0.5) - ln_beta(1e12, 1e12);
        close(half.exp(), 0.5, 1e-3);
    }
}
