//! The lognormal law of latencies, cut into histogram buckets.

/// The upper bounds of the buckets in seconds: those OpenTelemetry gives an HTTP server's duration; `+Inf` follows.
pub const BOUNDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The number of buckets, the one of `+Inf` included.
pub const BUCKET_COUNT: usize = BOUNDS.len() + 1;

/// What one bucket gets of a latency law.
#[derive(Clone, Copy, Debug, Default)]
pub struct Share {
    /// The share of requests that end in this bucket.
    pub chance: f64,
    /// Their mean latency in seconds.
    pub mean: f64,
}

/// Cuts the lognormal law with this median (seconds) and shape into the buckets.
///
/// The part of the mean below `x` is `m·Φ((ln x − μ)/σ − σ)`, with `μ = ln median` and `m = exp(μ + σ²/2)`.
pub fn shares(median: f64, sigma: f64) -> [Share; BUCKET_COUNT] {
    let median = if median.is_finite() { median.max(1e-6) } else { 1e-6 };
    let sigma = if sigma.is_finite() { sigma.max(1e-6) } else { 1e-6 };
    let whole = median * (sigma * sigma / 2.0).exp();
    let mut below = (0.0, 0.0);
    std::array::from_fn(|bucket| {
        let upto = match BOUNDS.get(bucket) {
            Some(bound) => {
                let z = (bound / median).ln() / sigma;
                (normal(z), whole * normal(z - sigma))
            }
            None => (1.0, whole),
        };
        let chance = (upto.0 - below.0).max(0.0);
        let floor = if bucket == 0 { 0.0 } else { BOUNDS[bucket - 1] };
        let ceiling = BOUNDS.get(bucket).copied().unwrap_or(f64::INFINITY);
        let mean = if chance > 1e-9 { ((upto.1 - below.1) / chance).clamp(floor, ceiling) } else { floor };
        below = upto;
        Share { chance, mean }
    })
}

/// The normal distribution function, to 1.5e-7 (Abramowitz and Stegun 7.1.26).
fn normal(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let tail = series.iter().fold(0.0, |sum, c| (sum + c) * t) * (-x * x).exp() / 2.0;
    if z < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_shares_have_the_right_mean() {
        for (median, sigma) in [(0.08, 0.5), (0.002, 0.1), (3.0, 1.5), (60.0, 0.3), (0.1, 0.0)] {
            let shares = shares(median, sigma);
            let total: f64 = shares.iter().map(|s| s.chance).sum();
            let mean: f64 = shares.iter().map(|s| s.chance * s.mean).sum();
            let expected = median * f64::exp(sigma * sigma / 2.0);
            assert!((total - 1.0).abs() < 1e-6, "{median} {sigma}: {total}");
            assert!((mean / expected - 1.0).abs() < 1e-3, "{median} {sigma}: {mean}");
        }
    }

    #[test]
    fn half_the_requests_are_below_the_median() {
        let below: f64 = shares(0.1, 0.7)[..6].iter().map(|s| s.chance).sum();
        assert!((below - 0.5).abs() < 1e-6, "{below}");
    }
}
