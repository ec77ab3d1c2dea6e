//! The quantile of a histogram, as Prometheus estimates it and its users see it.

use crate::world::BOUNDS;

/// Returns the quantile in seconds: linear inside a bucket, the greatest bound where it is in the last one.
pub fn quantile(q: f64, counts: &[u64]) -> f64 {
    let all: u64 = counts.iter().sum();
    if all == 0 {
        return f64::NAN;
    }
    let rank = q * all as f64;
    let (mut below, mut from) = (0.0, 0.0);
    for (bound, count) in BOUNDS.iter().zip(counts) {
        let count = *count as f64;
        if below + count >= rank {
            return from + (bound - from) * if count > 0.0 { (rank - below) / count } else { 1.0 };
        }
        (below, from) = (below + count, *bound);
    }
    from
}
