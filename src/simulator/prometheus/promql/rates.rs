//! Changes over a range: `rate`, `increase`, `delta`, `irate`.

use super::super::samples::Sample;

/// The samples of one series within `(from, to]`.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    pub samples: &'a [Sample],
    pub from: i64,
    pub to: i64,
}

impl Window<'_> {
    /// The length of the range in seconds.
    pub fn seconds(&self) -> f64 {
        (self.to - self.from) as f64 / 1000.0
    }

    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.samples.iter().map(|sample| sample.value)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Only grows, unless it begins again at zero; never was below zero.
    Counter,
    Gauge,
}

/// The change over the range as Prometheus 3 estimates it: the observed change, resets added, stretched to the ends of
/// the range. Towards an end that is further away than 1.1 mean intervals it is stretched by half an interval only,
/// because the series probably began or ended there; and a counter is not followed back beyond zero.
pub fn extrapolated(window: &Window<'_>, of: Of) -> Option<f64> {
    let [first, .., last] = window.samples else {
        return None;
    };
    let mut change = last.value - first.value;
    if of == Of::Counter {
        let pairs = window.samples.windows(2);
        change += pairs.filter(|pair| pair[1].value < pair[0].value).map(|pair| pair[0].value).sum::<f64>();
    }
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let observed = seconds(last.at - first.at);
    let interval = observed / (window.samples.len() - 1) as f64;
    let towards = |distance: f64| {
        if distance < interval * 1.1 { distance } else { interval / 2.0 }
    };
    let mut before = towards(seconds(first.at - window.from));
    if of == Of::Counter && change > 0.0 && first.value >= 0.0 {
        before = before.min(observed * (first.value / change));
    }
    let after = towards(seconds(window.to - last.at));
    Some(change * ((observed + before + after) / observed))
}

/// The rate per second between the last two samples.
pub fn instant(window: &Window<'_>) -> Option<f64> {
    let [.., before, last] = window.samples else {
        return None;
    };
    let grown = if last.value < before.value { last.value } else { last.value - before.value };
    Some(grown / ((last.at - before.at) as f64 / 1000.0))
}
