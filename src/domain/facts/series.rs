//! A bounded series of readings over time, gaps included.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

use jiff::Timestamp;

/// One point: a value, or a gap where there was no data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub at: Timestamp,
    /// The value; `None` is a gap, never zero.
    pub value: Option<f64>,
}

/// A ring of points in the order of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    points: VecDeque<Point>,
}

impl Series {
    /// How many points are kept: an hour and a half at 15 s, more than any screen is wide.
    pub const CAPACITY: usize = 720;

    /// Adds a point. A point not later than the newest is dropped; the oldest goes when the ring is full.
    /// A value that is not finite is stored as a gap.
    pub fn push(&mut self, at: Timestamp, value: Option<f64>) {
        if self.points.back().is_some_and(|last| last.at >= at) {
            return;
        }
        if self.points.len() == Self::CAPACITY {
            self.points.pop_front();
        }
        self.points.push_back(Point { at, value: value.filter(|value| value.is_finite()) });
    }

    /// Forgets the points that are not older than a time.
    pub fn forget_from(&mut self, at: Timestamp) {
        let kept = self.points.partition_point(|point| point.at < at);
        self.points.truncate(kept);
    }

    /// Returns the points, oldest first.
    #[must_use]
    pub fn points(&self) -> impl ExactSizeIterator<Item = &Point> + DoubleEndedIterator {
        self.points.iter()
    }

    #[must_use]
    pub fn last(&self) -> Option<Point> {
        self.points.back().copied()
    }

    /// Returns the value for each of `columns` equal slices of `[from, to)`, the mean of its points, `None` for gaps.
    #[must_use]
    pub fn resample(&self, from: Timestamp, to: Timestamp, columns: usize) -> Vec<Option<f64>> {
        let mut sums = vec![(0.0, 0_u32); columns];
        let span = to.as_millisecond() - from.as_millisecond();
        if span <= 0 || columns == 0 {
            return vec![None; columns];
        }
        for point in &self.points {
            let offset = point.at.as_millisecond() - from.as_millisecond();
            if offset < 0 || offset >= span {
                continue;
            }
            let column = (i128::from(offset) * columns as i128 / i128::from(span)) as usize;
            if let (Some(value), Some(slot)) = (point.value, sums.get_mut(column)) {
                slot.0 += value;
                slot.1 += 1;
            }
        }
        sums.into_iter().map(|(sum, n)| (n > 0).then(|| sum / f64::from(n))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    proptest! {
        #[test]
        fn never_exceeds_capacity_and_never_invents_points(seconds in prop::collection::vec(0_i64..5000, 0..2000)) {
            let mut series = Series::default();
            for second in &seconds {
                series.push(at(*second), Some(*second as f64));
            }
            prop_assert!(series.points().len() <= Series::CAPACITY);
            let mut last = None;
            for point in series.points() {
                prop_assert!(seconds.contains(&point.at.as_second()));
                prop_assert!(last < Some(point.at));
                last = Some(point.at);
            }
        }

        #[test]
        fn resampling_keeps_gaps(from in 0_i64..100, columns in 0_usize..50) {
            let mut series = Series::default();
            series.push(at(10), None);
            series.push(at(11), Some(f64::NAN));
            let out = series.resample(at(from), at(200), columns);
            prop_assert_eq!(out.len(), columns);
            prop_assert!(out.iter().all(Option::is_none));
        }
    }
}
