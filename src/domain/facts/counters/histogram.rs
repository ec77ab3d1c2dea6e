//! Prometheus' native histograms: buckets whose bounds follow from a resolution.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::seen::MAX_COUNTER;

/// The finest resolution that is kept. Bounds are powers of 2^(1/4): each a fifth above the one before.
pub const MAX_SCHEMA: i32 = 2;
/// The coarsest resolution there is: powers of 2^16.
const MIN_SCHEMA: i32 = -4;

/// A native histogram of latencies: counts by bucket, each with its own requests only.
///
/// With resolution `s`, bucket `k` ends at 2^(k / 2^s). Each resolution halves the buckets of the next finer one exactly, so
/// histograms of different resolutions can be brought to the coarser of the two without loss of counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// The resolution, -4 to [`MAX_SCHEMA`].
    pub schema: i32,
    /// All requests, those without a latency (NaN) too.
    pub count: f64,
    /// Requests near zero or below.
    pub zero: f64,
    pub buckets: BTreeMap<i32, f64>,
}

impl Histogram {
    /// Reads one from the rows of the API: lower bound, upper bound, requests.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(count: f64, rows: &[(f64, f64, f64)]) -> Result<Self, String> {
        let sane = |count: f64| (0.0..=MAX_COUNTER).contains(&count);
        if !sane(count) || rows.iter().any(|(_, _, count)| !sane(*count)) {
            return Err("a histogram with an invalid count".to_owned());
        }
        let (zero, positive): (Vec<_>, Vec<_>) = rows.iter().partition(|(low, high, _)| *low <= 0.0 || *high <= 0.0);
        let schema = positive.iter().map(|(low, high, _)| resolution(*low, *high)).min();
        let Some(schema) = schema.map_or(Some(MAX_SCHEMA), |found| (found >= MIN_SCHEMA).then_some(found)) else {
            return Err("a histogram with bounds of its own".to_owned());
        };
        let schema = schema.min(MAX_SCHEMA);
        let mut buckets = BTreeMap::new();
        for (_, high, count) in positive {
            *buckets.entry(index(high, schema)).or_default() += count;
        }
        Ok(Self { schema, count, zero: zero.iter().map(|(_, _, count)| count).sum(), buckets })
    }

    /// Returns it at a resolution that is not finer than its own.
    #[must_use]
    pub fn coarser(&self, schema: i32) -> Self {
        let by = (self.schema - schema).clamp(0, MAX_SCHEMA - MIN_SCHEMA);
        let mut buckets = BTreeMap::new();
        for (k, count) in &self.buckets {
            // Rounded up: a bucket belongs to the wider one that ends at or above its end.
            *buckets.entry(-((-k) >> by)).or_default() += count;
        }
        Self { schema: self.schema.min(schema), buckets, ..self.clone() }
    }

    /// Returns what was added since an earlier one; all of it if this one restarted.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> (Self, Began) {
        let schema = self.schema.min(earlier.schema);
        let (new, old) = (self.coarser(schema), earlier.coarser(schema));
        let fewer = |k: &i32, count: &f64| new.buckets.get(k).copied().unwrap_or_default() < *count;
        if new.count < old.count || new.zero < old.zero || old.buckets.iter().any(|(k, count)| fewer(k, count)) {
            return (self.clone(), Began::Anew);
        }
        let buckets =
            new.buckets.iter().map(|(k, count)| (*k, count - old.buckets.get(k).copied().unwrap_or_default()));
        let buckets = buckets.filter(|(_, count)| *count > 0.0).collect();
        (Self { schema, count: new.count - old.count, zero: new.zero - old.zero, buckets }, Began::Before)
    }

    pub fn add(&mut self, other: &Self) {
        let schema = self.schema.min(other.schema);
        *self = self.coarser(schema);
        for (k, count) in &other.coarser(schema).buckets {
            *self.buckets.entry(*k).or_default() += count;
        }
        self.count += other.count;
        self.zero += other.zero;
    }

    /// Returns how many took at most the upper bound of a bucket of its resolution.
    #[must_use]
    pub fn up_to(&self, k: i32) -> f64 {
        self.zero + self.buckets.range(..=k).map(|(_, count)| count).sum::<f64>()
    }
}

/// Whether a counter went on or restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Began {
    Before,
    /// It restarted in between.
    Anew,
}

/// Returns the upper bound of a bucket.
#[must_use]
pub fn upper(k: i32, schema: i32) -> f64 {
    (f64::from(k) / f64::from(schema).exp2()).exp2()
}

/// Returns the number of the bucket that ends at or above a bound; the slack is for bounds that were rounded.
fn index(high: f64, schema: i32) -> i32 {
    (high.log2() * f64::from(schema).exp2() - 1e-6).ceil() as i32
}

/// Returns the resolution that a bucket's bounds tell.
fn resolution(low: f64, high: f64) -> i32 {
    let width = (high / low).log2();
    if width.is_finite() && width > 0.0 {
        let schema = -width.log2();
        // Buckets of custom bounds do not fit.
        if (schema - schema.round()).abs() < 1e-3 { schema.round() as i32 } else { i32::MIN }
    } else {
        i32::MIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(schema: i32, counts: &[(i32, u32)]) -> Vec<(f64, f64, f64)> {
        counts.iter().map(|(k, n)| (upper(k - 1, schema), upper(*k, schema), f64::from(*n))).collect()
    }

    fn read(schema: i32, counts: &[(i32, u32)]) -> Histogram {
        let total = counts.iter().map(|(_, n)| f64::from(*n)).sum();
        Histogram::read(total, &rows(schema, counts)).unwrap()
    }

    #[test]
    fn resolution_is_derived_from_bounds() {
        for schema in -4..=8 {
            let histogram = read(schema, &[(-3, 1), (2, 4)]);
            assert_eq!(histogram.schema, schema.min(MAX_SCHEMA), "{schema}");
            assert!((histogram.up_to(100) - 5.0).abs() < 1e-9);
        }
        assert_eq!(read(1, &[(3, 2)]).buckets, BTreeMap::from([(3, 2.0)]));
        let custom = Histogram::read(3.0, &[(0.1, 0.25, 3.0)]);
        assert!(custom.unwrap_err().contains("bounds of its own"));
        assert!(Histogram::read(f64::NAN, &[]).is_err());
        let zero = Histogram::read(3.0, &[(-0.001, 0.001, 3.0)]).unwrap();
        assert!((zero.zero - 3.0).abs() < 1e-9);
    }

    #[test]
    fn shrinking_histogram_is_a_reset() {
        let (old, new) = (read(2, &[(1, 5), (2, 5)]), read(2, &[(1, 3), (2, 9)]));
        assert_eq!(new.since(&old), (new.clone(), Began::Anew));
        assert_eq!(old.since(&old).0.buckets, BTreeMap::new());
    }

    proptest! {
        #[test]
        fn coarser_histogram_counts_the_same_at_common_bounds(
            counts in prop::collection::btree_map(-40_i32..40, 1_u32..50, 1..20), by in 0_i32..4, k in -5_i32..5,
        ) {
            let counts: Vec<_> = counts.into_iter().collect();
            let fine = read(2, &counts);
            let coarse = fine.coarser(2 - by);
            prop_assert!((coarse.up_to(k) - fine.up_to(k << by)).abs() < 1e-9);
        }

        #[test]
        fn differences_add_up_across_resolutions(
            first in prop::collection::vec((-20_i32..20, 1_u32..9), 1..8),
            more in prop::collection::vec((-20_i32..20, 1_u32..9), 1..8), coarse in 0_i32..4,
        ) {
            let old = read(2, &first);
            let mut sum = old.clone();
            sum.add(&read(2, &more));
            let new = sum.coarser(2 - coarse);
            let (gained, began) = new.since(&old);
            prop_assert_eq!(began, Began::Before);
            let expected: u32 = more.iter().map(|(_, n)| n).sum();
            prop_assert!((gained.count - f64::from(expected)).abs() < 1e-9);
            prop_assert!((gained.up_to(1000) - f64::from(expected)).abs() < 1e-9);
        }
    }
}
