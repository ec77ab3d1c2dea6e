//! The time series in memory: appended by the scrape, read by queries, bounded in time.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::labels::{Labels, Matcher, NAME, Test};
use super::samples::{Sample, Samples};

/// How long a sample is kept: two hours, in milliseconds.
pub const RETENTION: i64 = 2 * 60 * 60 * 1000;

/// Names a series of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesId(usize);

/// One series as a query sees it.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub labels: Labels,
    pub samples: Vec<Sample>,
}

/// The series with their samples.
#[derive(Debug, Default)]
pub struct Store {
    series: Vec<Option<Series>>,
    free: Vec<usize>,
    by_labels: HashMap<Labels, usize>,
    by_name: HashMap<Arc<str>, BTreeSet<usize>>,
    newest: Option<i64>,
    swept: i64,
}

#[derive(Debug)]
struct Series {
    labels: Labels,
    samples: Samples,
}

impl Store {
    /// Finds the series with these labels or makes it. It stays until its last sample is forgotten.
    pub fn series(&mut self, labels: &Labels) -> SeriesId {
        if let Some(id) = self.by_labels.get(labels) {
            return SeriesId(*id);
        }
        let series = Series { labels: labels.clone(), samples: Samples::default() };
        let id = self.free.pop().unwrap_or_else(|| {
            self.series.push(None);
            self.series.len() - 1
        });
        self.series[id] = Some(series);
        self.by_labels.insert(labels.clone(), id);
        let name = labels.get(NAME).into();
        self.by_name.entry(name).or_default().insert(id);
        SeriesId(id)
    }

    /// Appends a sample (`at` in milliseconds).
    pub fn append(&mut self, id: SeriesId, at: i64, value: f64) {
        let Some(series) = self.series[id.0].as_mut() else {
            return;
        };
        series.samples.push(at, value);
        series.samples.forget_before(at - RETENTION);
        self.newest = self.newest.max(Some(at));
        if at - self.swept > RETENTION / 24 {
            self.swept = at;
            self.sweep(at - RETENTION);
        }
    }

    /// When the newest sample of all was taken, in milliseconds.
    pub fn newest(&self) -> Option<i64> {
        self.newest
    }

    /// The series that all matchers accept, with their samples in `from..=to` (milliseconds), ordered by labels.
    /// Series without a sample in that time are left out.
    pub fn select(&self, matchers: &[Matcher], from: i64, to: i64) -> Vec<Fetched> {
        let mut found: Vec<Fetched> = self
            .candidates(matchers)
            .filter(|series| matchers.iter().all(|m| m.accepts(&series.labels)))
            .map(|series| Fetched { labels: series.labels.clone(), samples: series.samples.between(from, to) })
            .filter(|fetched| !fetched.samples.is_empty())
            .collect();
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        found
    }

    fn candidates<'a>(&'a self, matchers: &[Matcher]) -> Box<dyn Iterator<Item = &'a Series> + 'a> {
        let name = matchers.iter().find_map(|matcher| match &matcher.test {
            Test::Equal(name) if matcher.name == NAME => Some(name),
            _ => None,
        });
        match name {
            Some(name) => {
                let ids = self.by_name.get(name.as_str()).into_iter().flatten();
                Box::new(ids.filter_map(|id| self.series[*id].as_ref()))
            }
            None => Box::new(self.series.iter().flatten()),
        }
    }

    /// Removes the series whose newest sample is older than the retention.
    fn sweep(&mut self, before: i64) {
        for id in 0..self.series.len() {
            let Some(series) = &self.series[id] else {
                continue;
            };
            if series.samples.newest().is_none_or(|newest| newest >= before) {
                continue;
            }
            self.by_labels.remove(&series.labels);
            let name = series.labels.get(NAME);
            if let Some(ids) = self.by_name.get_mut(name) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.by_name.remove(name);
                }
            }
            self.series[id] = None;
            self.free.push(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ended_series_is_removed_and_its_slot_reused() {
        let mut store = Store::default();
        let labels = |pod: &str| Labels::new([(NAME, "up"), ("pod", pod)]);
        let old = store.series(&labels("a"));
        let live = store.series(&labels("b"));
        store.append(old, 0, 1.0);
        for minute in 0..200 {
            store.append(live, minute * 60_000, 1.0);
        }
        let names: Vec<_> = store.select(&[], 0, i64::MAX).iter().map(|f| f.labels.get("pod").to_owned()).collect();
        assert_eq!(names, ["b"]);
        assert_eq!(store.series(&labels("c")), old);
    }
}
