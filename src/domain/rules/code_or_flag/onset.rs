//! When a signal got worse, by its history.

use jiff::{SignedDuration, Timestamp};

use crate::domain::facts::ids::Track;
use crate::domain::facts::series::Series;
use crate::domain::facts::signals::Signal;
use crate::domain::rules::verdict::track_under_test;
use crate::domain::world::{Environment, WorkloadState};
use analysis::Metric;

/// How far a signal has come from where it was to where it is, 0 to 1, when it counts as worse for certain.
const RISEN: f64 = 0.5;
/// How far it has come when it begins to rise, if it goes on from there without a dip: what is lower may be noise.
const BEGINS: f64 = 0.25;
/// Looks in a row that may be below while it is worse: noise.
const DIPS: usize = 2;
/// Points that say where it is now.
const NOW: usize = 3;
/// Without a look for longer than this it is not known when it got worse.
const MAX_GAP: SignedDuration = SignedDuration::from_secs(60);
/// A track that is worse from its first look on was so from its beginning, if that was no longer ago than this.
const FIRST_LOOK: SignedDuration = SignedDuration::from_mins(3);
/// How far apart two tracks may get worse for one reason.
const TOGETHER: SignedDuration = SignedDuration::from_secs(60);

/// When a signal got worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onset {
    /// The first look that shows it, and the last that does not; `None` where its track began so.
    Seen { at: Timestamp, well_at: Option<Timestamp> },
    /// Before this time, which is as far as its history goes.
    Since(Timestamp),
    /// There was no data when it happened.
    Unknown,
}

/// Returns which signal of which track is worse than it may be.
pub(super) fn worse(env: &Environment, workload: &WorkloadState, now: Timestamp) -> Option<(Track, Signal)> {
    let track = track_under_test(workload.status.as_ref()?);
    let limits = &env.settings.limits;
    let is_beyond = |signal: &Signal| limits.exceeded(&workload.signals, track, *signal, now);
    if let Some(signal) = [Signal::ErrorRatio, Signal::P99].into_iter().find(is_beyond) {
        return Some((track, signal));
    }
    let said = workload.opinion().filter(|said| said.is_regressed() || said.is_suspect())?;
    match said.report.culprit? {
        Metric::Latency => Some((Track::Canary, Signal::P99)),
        Metric::Errors | Metric::Budget => Some((Track::Canary, Signal::ErrorRatio)),
        Metric::Statuses => None,
    }
}

pub(super) fn of(env: &Environment, workload: &WorkloadState, (track, signal): (Track, Signal)) -> Onset {
    let Some(series) = workload.signals.series(track, signal) else { return Onset::Unknown };
    let limit = match signal {
        Signal::ErrorRatio => env.settings.limits.error_ratio,
        Signal::P99 => env.settings.limits.p99.map(|limit| limit.as_secs_f64()),
        _ => None,
    };
    // A track that was never well tells by stable, or by the limit, what well is.
    let stable = workload.signals.series(Track::Stable, signal).filter(|_| track == Track::Canary).and_then(median);
    let well = [stable, limit].into_iter().flatten().reduce(f64::min);
    let began = super::started(workload, track).map(|start| start.at);
    found(series, well, began)
}

/// Whether stable got worse together with the canary: then it is nothing that only the canary's users get.
pub(super) fn is_shared(env: &Environment, workload: &WorkloadState, signal: Signal, at: Timestamp) -> bool {
    let limits = &env.settings.limits;
    let Some(series) = workload.signals.series(Track::Stable, signal) else { return false };
    let limit = match signal {
        Signal::ErrorRatio => limits.error_ratio,
        _ => limits.p99.map(|limit| limit.as_secs_f64()),
    };
    let is_worse = limit.zip(level(series)).is_some_and(|(limit, now)| now > limit);
    let Onset::Seen { at: other, .. } = found(series, None, None) else { return false };
    is_worse && other.duration_since(at).abs() <= TOGETHER
}

/// Returns when a series rose to where it is now. `well` is what counts as well where it never was; `began` is when there was
/// first something to look at.
fn found(series: &Series, well: Option<f64>, began: Option<Timestamp>) -> Onset {
    let points: Vec<(Timestamp, Option<f64>)> = series.points().map(|point| (point.at, point.value)).collect();
    if points.iter().filter(|(_, value)| value.is_some()).count() < 2 {
        return Onset::Unknown;
    }
    let (Some(now), Some(low)) = (level(series), quantile(series, 0.2)) else { return Onset::Unknown };
    let low = well.map_or(low, |well| well.min(low));
    let [threshold, begins] = [RISEN, BEGINS].map(|share| low + share * (now - low));
    // From the newest look backwards: where it was last well.
    let (mut first, mut dips) = (None, 0);
    for (index, (_, value)) in points.iter().enumerate().rev() {
        match value {
            Some(value) if *value > threshold => (first, dips) = (Some(index), 0),
            Some(_) => {
                dips += 1;
                if dips > DIPS {
                    break;
                }
            }
            None => {}
        }
    }
    let is_begun = |point: &(Timestamp, Option<f64>)| point.1.is_some_and(|value| value > begins);
    let first = first.map(|first| first - points[..first].iter().rev().take_while(|point| is_begun(point)).count());
    let Some((first, (at, _))) = first.and_then(|first| Some((first, *points.get(first)?))) else {
        return Onset::Unknown;
    };
    let well_at = points.iter().take(first).rev().find(|(_, value)| value.is_some()).map(|(at, _)| *at);
    match well_at {
        Some(well_at) if at.duration_since(well_at) > MAX_GAP => Onset::Unknown,
        Some(_) => Onset::Seen { at, well_at },
        None if began.is_some_and(|began| at.duration_since(began).abs() <= FIRST_LOOK) => Onset::Seen { at, well_at },
        None => Onset::Since(at),
    }
}

/// Where a series is now.
fn level(series: &Series) -> Option<f64> {
    let mut last: Vec<f64> = series.points().rev().filter_map(|point| point.value).take(NOW).collect();
    last.sort_by(f64::total_cmp);
    last.get(last.len() / 2).copied()
}

fn median(series: &Series) -> Option<f64> {
    quantile(series, 0.5)
}

fn quantile(series: &Series, share: f64) -> Option<f64> {
    let mut values: Vec<f64> = series.points().filter_map(|point| point.value).collect();
    values.sort_by(f64::total_cmp);
    values.get(((values.len() as f64 - 1.0).max(0.0) * share) as usize).copied()
}
