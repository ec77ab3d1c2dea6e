//! Samples from a text, for tests that bring their own series.

use super::Metrics;
use super::labels::{Labels, NAME};

impl Metrics {
    /// Makes metrics that hold the samples of a text in the exposition format, with times in seconds: lines of
    /// `name{label="value"} value time`.
    ///
    /// # Errors
    /// The first line that is not of this form.
    pub fn import(text: &str) -> Result<Self, String> {
        let metrics = Self::new(0);
        let mut state = metrics.0.state();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (labels, value, at) = sample(line).ok_or_else(|| format!("not a sample: {line}"))?;
            let id = state.store.series(&labels);
            state.store.append(id, at * 1000, value);
        }
        drop(state);
        Ok(metrics)
    }
}

fn sample(line: &str) -> Option<(Labels, f64, i64)> {
    let (head, tail) = line.rsplit_once('}')?;
    let (name, labels) = head.split_once('{')?;
    let mut pairs = vec![(NAME, name)];
    for pair in labels.split(',') {
        let (name, value) = pair.split_once('=')?;
        pairs.push((name, value.trim_matches('"')));
    }
    let (value, at) = tail.trim().split_once(' ')?;
    Some((Labels::new(pairs), value.parse().ok()?, at.parse().ok()?))
}
