//! The rule of Kayenta's NetflixACAJudge for one metric, on a value for each minute: time order is not used.
//!
//! Mann-Whitney by inversion: a 98 % interval of the shift between both versions. High where its lower end is above a
//! quarter of the estimated shift, and where the mean is not lower.

#![expect(clippy::float_cmp, reason = "values are tied where they are the same number")]

use crate::quantile::quantile;
use crate::race::Method;
use crate::world::Sample;

/// Two-sided 98 %.
const Z: f64 = 2.326_348;

/// Part of the estimated shift that the interval must be above.
const TOLERANCE: f64 = 0.25;

const SCRAPES_PER_MINUTE: usize = 4;

#[derive(Clone, Copy, Debug)]
pub enum Value {
    Errors,
    /// A quantile of latency, as Prometheus estimates it.
    Quantile(f64),
}

/// Evaluates all minutes so far, or the last ones, every so many minutes.
pub struct Kayenta {
    name: &'static str,
    value: Value,
    every: usize,
    /// Minutes before the first assessment.
    from: usize,
    /// Minutes that are looked back at.
    last: usize,
    scrapes: usize,
    minute: Sample,
    canary: Vec<f64>,
    stable: Vec<f64>,
}

pub const EACH_MINUTE: &str = "Kayenta 1/min (from 5 points)";
pub const EACH_FIVE: &str = "Kayenta 1/5min";
pub const SLIDING: &str = "Kayenta sliding 10 min, 1/5min";

impl Kayenta {
    pub fn boxed(name: &'static str, value: Value) -> Box<dyn Method> {
        let (every, from) = if name == EACH_MINUTE { (1, 5) } else { (5, 10) };
        let last = if name == SLIDING { 10 } else { usize::MAX };
        Box::new(Self {
            name,
            value,
            every,
            from,
            last,
            scrapes: 0,
            minute: Sample::default(),
            canary: Vec::new(),
            stable: Vec::new(),
        })
    }

    fn end_minute(&mut self) {
        let minute = std::mem::take(&mut self.minute);
        let value = |(requests, errors): (u64, u64), which: usize| match self.value {
            Value::Errors => 100.0 * errors as f64 / requests as f64,
            Value::Quantile(q) => minute.latency.as_ref().map_or(f64::NAN, |both| quantile(q, &both[which])),
        };
        self.canary.push(value(minute.canary, 0));
        self.stable.push(value(minute.stable, 1));
    }

    fn is_high(&self) -> bool {
        let window = |values: &[f64]| -> Vec<f64> {
            let from = values.len().saturating_sub(self.last);
            let mut values: Vec<f64> = values[from..].iter().copied().filter(|value| !value.is_nan()).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        high(&window(&self.canary), &window(&self.stable))
    }
}

impl Method for Kayenta {
    fn names(&self) -> Vec<String> {
        vec![self.name.to_owned()]
    }

    fn look(&mut self, sample: &Sample, alarms: &mut Vec<bool>) {
        self.minute.canary.0 += sample.canary.0;
        self.minute.canary.1 += sample.canary.1;
        self.minute.stable.0 += sample.stable.0;
        self.minute.stable.1 += sample.stable.1;
        match (&mut self.minute.latency, &sample.latency) {
            (Some(sums), Some(counts)) => {
                for (sum, count) in sums.iter_mut().flatten().zip(counts.iter().flatten()) {
                    *sum += count;
                }
            }
            (sums, counts) => sums.clone_from(counts),
        }
        self.scrapes += 1;
        let minutes = self.scrapes / SCRAPES_PER_MINUTE;
        if !self.scrapes.is_multiple_of(SCRAPES_PER_MINUTE) {
            alarms.push(false);
            return;
        }
        self.end_minute();
        alarms.push(minutes >= self.from && minutes.is_multiple_of(self.every) && self.is_high());
    }
}

/// Whether sorted values of the canary are High against those of stable.
fn high(canary: &[f64], stable: &[f64]) -> bool {
    let (Some(least), Some(most)) = (canary.first().zip(stable.first()), canary.last().zip(stable.last())) else {
        return false;
    };
    let one_value = least.0 == most.0 && least.1 == most.1 && least.0 == least.1;
    let flat = least.0 == most.0 && least.1 == most.1;
    if canary == stable || one_value {
        return false;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (of_canary, of_stable) = (mean(canary), mean(stable));
    if of_canary > 0.0 && of_stable > 0.0 && of_canary < of_stable {
        return false;
    }
    if flat {
        return least.0 > least.1;
    }
    let shift = median_shift(canary, stable);
    lower_end(canary, stable) > TOLERANCE * shift.abs()
}

/// Hodges-Lehmann: the median of all differences.
fn median_shift(canary: &[f64], stable: &[f64]) -> f64 {
    let mut shifts: Vec<f64> = canary.iter().flat_map(|one| stable.iter().map(move |other| one - other)).collect();
    let middle = shifts.len() / 2;
    let (below, at, _) = shifts.select_nth_unstable_by(middle, f64::total_cmp);
    let at = *at;
    if canary.len() * stable.len() % 2 == 1 {
        return at;
    }
    let before = below.iter().copied().max_by(f64::total_cmp).unwrap_or(at);
    0.5 * (before + at)
}

/// The shift at which the statistic is just at the quantile.
fn lower_end(canary: &[f64], stable: &[f64]) -> f64 {
    let ends = |values: &[f64]| (values[0], values[values.len() - 1]);
    let ((least_c, most_c), (least_s, most_s)) = (ends(canary), ends(stable));
    let (mut low, mut high) = (least_c - most_s, most_c - least_s);
    if statistic(canary, stable, low) <= Z {
        return low;
    }
    if statistic(canary, stable, high) >= Z {
        return high;
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if statistic(canary, stable, middle) > Z {
            low = middle;
        } else {
            high = middle;
        }
        if high - low < 1e-9 * high.abs().max(1.0) {
            break;
        }
    }
    0.5 * (low + high)
}

/// The Mann-Whitney statistic of sorted values after a shift, corrected for ties and continuity.
fn statistic(canary: &[f64], stable: &[f64], shift: f64) -> f64 {
    let (n, m) = (canary.len() as f64, stable.len() as f64);
    let (mut wins, mut ties) = (0.0, 0.0);
    let (mut at, mut other) = (0, 0);
    // Groups of equal values, from the least on.
    while at < canary.len() || other < stable.len() {
        let one = canary.get(at).map_or(f64::INFINITY, |value| value - shift);
        let next = one.min(stable.get(other).copied().unwrap_or(f64::INFINITY));
        let (from_c, from_s) = (at, other);
        while canary.get(at).is_some_and(|value| value - shift == next) {
            at += 1;
        }
        while stable.get(other).is_some_and(|value| *value == next) {
            other += 1;
        }
        let (of_canary, of_stable) = ((at - from_c) as f64, (other - from_s) as f64);
        wins += of_canary * (from_s as f64 + 0.5 * of_stable);
        let group = of_canary + of_stable;
        ties += group * group * group - group;
    }
    let all = n + m;
    let off = wins - n * m / 2.0;
    let correction = if off == 0.0 { 0.0 } else { 0.5 * off.signum() };
    let deviation = (n * m / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)))).sqrt();
    (off - correction) / deviation
}

/// What its users reported, and what must come out here too.
pub fn check() {
    // Issue #426: sparse errors against none pass.
    assert!(!high(&[0.0, 0.0, 0.0, 1.0, 1.0, 2.0], &[0.0; 6]));
    // Spinnaker #6278: seven of ten points a hundred times as great pass, eight do not.
    let points = |great: usize| [vec![1.0; 10 - great], vec![100.0; great]].concat();
    let base = [1.0; 10];
    assert!(!high(&points(7), &base) && high(&points(8), &base));
}
