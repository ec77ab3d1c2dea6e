//! How far a series has been counted.

use serde::{Deserialize, Serialize};

use super::histogram::{Began, Histogram};
use super::identity::Key;
use super::seen::Samples;

/// A counter of floats may come out a little below a whole number.
const ROUNDING_SLACK: f64 = 1e-6;

/// How far a series has been counted. Samples up to there are never counted again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    at: i64,
    target: Key,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    replica: String,
    last: Last,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Last {
    Number {
        value: f64,
        /// What is too little for one more request yet.
        #[serde(default, skip_serializing_if = "is_zero")]
        rest: f64,
    },
    Histogram(Histogram),
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
fn is_zero(rest: &f64) -> bool {
    *rest == 0.0
}

#[derive(Clone, Debug, PartialEq)]
pub enum Gained {
    Count(u64),
    Latencies(Histogram),
}

impl Cursor {
    /// Begins to count a series at its first sample, or from zero right before it; `None` without samples.
    #[must_use]
    pub fn begin(samples: &Samples, target: Key, replica: String, from_zero: bool) -> Option<Self> {
        let (at, last) = match samples {
            Samples::Numbers(numbers) => {
                let (at, value) = *numbers.first()?;
                (at, Last::Number { value: if from_zero { 0.0 } else { value }, rest: 0.0 })
            }
            Samples::Histograms(histograms) => {
                let (at, first) = histograms.first()?;
                let nothing = Histogram { schema: first.schema, ..Histogram::default() };
                (*at, Last::Histogram(if from_zero { nothing } else { first.clone() }))
            }
        };
        Some(Self { at: if from_zero { at - 1 } else { at }, target, replica, last })
    }

    /// Up to when the series has been counted.
    #[must_use]
    pub fn at(&self) -> i64 {
        self.at
    }

    /// The target that exposes it.
    #[must_use]
    pub fn target(&self) -> &Key {
        &self.target
    }

    /// The server that it is from.
    #[must_use]
    pub fn replica(&self) -> &str {
        &self.replica
    }

    /// Follows the series on another server.
    pub fn follow(&mut self, target: &Key, replica: &str) {
        if self.replica != replica {
            self.target = target.clone();
            replica.clone_into(&mut self.replica);
        }
    }

    /// Returns when, up to `until`, the series went backwards.
    #[must_use]
    pub fn resets(&self, samples: &Samples, until: i64) -> Vec<i64> {
        let fresh = |at: i64| at > self.at && at <= until;
        match (samples, &self.last) {
            (Samples::Numbers(numbers), Last::Number { value, .. }) => {
                let mut last = *value;
                let mut back = |value: f64| std::mem::replace(&mut last, value) > value;
                numbers.iter().filter(|(at, value)| fresh(*at) && back(*value)).map(|(at, _)| *at).collect()
            }
            (Samples::Histograms(histograms), Last::Histogram(earlier)) => {
                let mut last = earlier;
                let fresh = histograms.iter().filter(|(at, _)| fresh(*at));
                fresh
                    .filter(|(_, now)| now.since(std::mem::replace(&mut last, now)).1 == Began::Anew)
                    .map(|(at, _)| *at)
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// Counts the samples up to `until` and tells what each added. Where the series was not there when its target began
    /// again, it restarted too, whatever it reads.
    pub fn count(&mut self, samples: &Samples, until: i64, restarts: &[i64]) -> Vec<(i64, Gained)> {
        match samples {
            Samples::Numbers(numbers) => {
                let fresh: Vec<_> = numbers.iter().filter(|(at, _)| *at > self.at && *at <= until).copied().collect();
                fresh.into_iter().map(|(at, value)| (at, Gained::Count(self.number(at, value, restarts)))).collect()
            }
            Samples::Histograms(histograms) => {
                let from = self.at;
                let fresh = histograms.iter().filter(|(at, _)| *at > from && *at <= until);
                fresh.map(|(at, now)| (*at, Gained::Latencies(self.histogram(*at, now, restarts)))).collect()
            }
        }
    }

    fn number(&mut self, at: i64, value: f64, restarts: &[i64]) -> u64 {
        let missed = self.missed(at, restarts);
        self.at = at;
        let Last::Number { value: last, rest } = &mut self.last else {
            self.last = Last::Number { value, rest: 0.0 };
            return 0;
        };
        let grown = if value < *last || missed { value } else { value - *last };
        let whole = (grown + *rest + ROUNDING_SLACK).floor();
        *rest = (grown + *rest - whole).max(0.0);
        if *rest < ROUNDING_SLACK {
            *rest = 0.0;
        }
        *last = value;
        whole as u64
    }

    fn histogram(&mut self, at: i64, now: &Histogram, restarts: &[i64]) -> Histogram {
        let missed = self.missed(at, restarts);
        self.at = at;
        let gained = match &self.last {
            Last::Histogram(_) if missed => now.clone(),
            Last::Histogram(last) => now.since(last).0,
            Last::Number { .. } => Histogram::default(),
        };
        self.last = Last::Histogram(now.clone());
        gained
    }

    /// Returns whether the target restarted between the last sample and this one, and the series was not there.
    fn missed(&self, at: i64, restarts: &[i64]) -> bool {
        restarts.iter().any(|restart| self.at < *restart && *restart < at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::counters::identity;

    fn counted(from_zero: bool, values: &[f64]) -> u64 {
        let numbers = (1_i64..).zip(values.iter().copied()).collect();
        let samples = Samples::Numbers(numbers);
        let key = identity::target(&std::collections::BTreeMap::new(), None);
        let mut cursor = Cursor::begin(&samples, key, String::new(), from_zero).unwrap();
        let gained = cursor.count(&samples, i64::MAX, &[]).into_iter();
        gained.map(|(_, gained)| if let Gained::Count(count) = gained { count } else { 0 }).sum()
    }

    #[test]
    fn differences_resets_and_births_are_counted() {
        assert_eq!(counted(false, &[5.0, 7.0, 7.0, 10.0]), 5);
        assert_eq!(counted(true, &[5.0, 7.0]), 7);
        assert_eq!(counted(false, &[5.0, 7.0, 3.0, 4.0]), 2 + 3 + 1);
    }

    #[test]
    fn fractions_wait_until_they_make_a_whole() {
        let steps: Vec<f64> = (0..=100).map(|n| f64::from(n) * 0.1).collect();
        assert_eq!(counted(false, &steps), 10);
        assert_eq!(counted(true, &[0.9, 1.7, 2.2]), 2);
    }
}
