//! `histogram_quantile` over classic buckets.

/// One bucket: how many observations were at most this large.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    pub upto: f64,
    pub count: f64,
}

/// A difference below this share of the count is rounding of a float sum, not a broken histogram.
const ROUNDING_TOLERANCE: f64 = 1e-12;

/// The quantile, linear inside its bucket, and whether the counts had to be repaired because they fell.
///
/// NaN without observations, without an `+Inf` bucket or with fewer than two buckets; a quantile in the `+Inf` bucket
/// is the second highest bound.
pub fn histogram_quantile(q: f64, mut buckets: Vec<Bucket>) -> (f64, bool) {
    if q.is_nan() {
        return (f64::NAN, false);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, false);
    }
    if q > 1.0 {
        return (f64::INFINITY, false);
    }
    buckets.sort_by(|a, b| a.upto.total_cmp(&b.upto));
    if buckets.last().is_none_or(|last| last.upto != f64::INFINITY) {
        return (f64::NAN, false);
    }
    // Bounds that are written differently ("1", "1.0") are one bucket.
    buckets.dedup_by(|next, kept| {
        let same = next.upto.total_cmp(&kept.upto).is_eq();
        if same {
            kept.count += next.count;
        }
        same
    });
    let repaired = make_monotonic(&mut buckets);
    let (Some(total), true) = (buckets.last().map(|b| b.count), buckets.len() >= 2) else {
        return (f64::NAN, repaired);
    };
    if total == 0.0 || total.is_nan() {
        return (f64::NAN, repaired);
    }
    let rank = q * total;
    let finite = buckets.len() - 1;
    let at = buckets[..finite].partition_point(|bucket| bucket.count < rank);
    let value = if at == finite {
        buckets[finite - 1].upto
    } else if at == 0 && buckets[0].upto <= 0.0 {
        buckets[0].upto
    } else {
        let below = at.checked_sub(1).map(|i| buckets[i]);
        let (start, before) = below.map_or((0.0, 0.0), |b| (b.upto, b.count));
        let inside = buckets[at].count - before;
        start + (buckets[at].upto - start) * ((rank - before) / inside)
    };
    (value, repaired)
}

/// Raises counts that are lower than one before; says whether one was lower by more than rounding.
fn make_monotonic(buckets: &mut [Bucket]) -> bool {
    let mut highest = f64::NEG_INFINITY;
    let mut repaired = false;
    for bucket in buckets {
        if bucket.count < highest {
            repaired |= (highest - bucket.count) > ROUNDING_TOLERANCE * highest.abs();
            bucket.count = highest;
        } else {
            highest = bucket.count;
        }
    }
    repaired
}
