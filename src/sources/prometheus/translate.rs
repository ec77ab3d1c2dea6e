//! From answers to readings: a number, or the reason why there is none.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::answer::{Answer, Data, Point};
use super::queries::{Queries, TRACKS};
use super::trouble::QueryError;
use crate::domain::facts::ids::Track;
use crate::domain::facts::series::Series;
use crate::domain::facts::signals::{NoData, Reading, Signal};

/// The readings of one look.
pub type Readings = BTreeMap<(Track, Signal), Reading>;

/// A ratio may exceed one by this much before it is called something else: numerator and denominator are extrapolated
/// apart from each other.
const RATIO_SLACK: f64 = 0.5;

/// Reads the answer to an instant query.
pub fn reading(signal: Signal, answer: Result<Answer, QueryError>) -> Reading {
    let number = match complete(answer)? {
        Data::Scalar(point) => point.value,
        Data::Vector(elements) => match elements.as_slice() {
            [] => return Err(NoData::Empty),
            [only] => only.value.value,
            many => return Err(several(many.len())),
        },
        Data::Matrix(_) => {
            return Err(NoData::Failed("the query gives a range: wrap it in rate() or sum()".to_owned()));
        }
    };
    plausible(signal, number)
}

/// Reads the answer to a query for one number that is no signal, such as an age.
pub fn number(answer: Result<Answer, QueryError>) -> Option<f64> {
    let value = match complete(answer).ok()? {
        Data::Scalar(point) => point.value,
        Data::Vector(elements) => elements.first()?.value.value,
        Data::Matrix(_) => return None,
    };
    value.is_finite().then_some(value)
}

/// Reads the answer to a range query; the points may have gaps between them.
pub fn points(answer: Result<Answer, QueryError>) -> Result<Vec<Point>, NoData> {
    match complete(answer)? {
        Data::Matrix(mut runs) if runs.len() < 2 => Ok(runs.pop().map(|run| run.values).unwrap_or_default()),
        Data::Matrix(runs) => Err(several(runs.len())),
        _ => Err(NoData::Failed("no range came back".to_owned())),
    }
}

/// The data of an answer, unless it is an error or only part of the truth.
fn complete(answer: Result<Answer, QueryError>) -> Result<Data, NoData> {
    let answer = answer.map_err(|error| NoData::Failed(error.to_string()))?;
    match answer.warnings.first() {
        Some(warning) => Err(NoData::Partial(warning.clone())),
        None => Ok(answer.data),
    }
}

fn several(count: usize) -> NoData {
    NoData::Failed(format!("the query gives {count} series where one is needed: wrap it in sum()"))
}

/// Refuses what cannot be the signal.
fn plausible(signal: Signal, value: f64) -> Reading {
    if !value.is_finite() {
        return Err(NoData::NotANumber);
    }
    if value < 0.0 {
        return Err(NoData::Failed(format!("{value} is below zero: is the query right?")));
    }
    match signal {
        Signal::ErrorRatio if value > 1.0 + RATIO_SLACK => {
            Err(NoData::Failed(format!("an error ratio of {value}: it must be from 0 to 1, not in percent")))
        }
        Signal::ErrorRatio => Ok(value.min(1.0)),
        _ => Ok(value),
    }
}

/// Puts readings of one look in relation: a quiet error ratio is zero only where there is traffic, a figure about
/// requests is *no traffic* where there are none, and nothing is fresh where the newest sample is old.
pub fn relate(readings: &mut Readings, queries: &Queries, ages: &BTreeMap<Track, f64>) {
    for track in TRACKS {
        let traffic = readings.get(&(track, Signal::Rps)).and_then(|reading| reading.as_ref().ok()).copied();
        for ((_, signal), reading) in readings.iter_mut().filter(|((of, _), _)| *of == track) {
            let quiet = matches!(reading, Err(NoData::Empty | NoData::NotANumber));
            let about_requests = !matches!(signal, Signal::Rps | Signal::Saturation);
            match traffic {
                Some(rps) if rps > 0.0 && queries.is_zero_if_empty(*signal) && *reading == Err(NoData::Empty) => {
                    *reading = Ok(0.0);
                }
                Some(rps) if rps <= 0.0 && quiet && about_requests => *reading = Err(NoData::NoTraffic),
                _ => {}
            }
            // The age is that of the preset's series. Once they end, a rate goes on for its window, and nothing has an age.
            let old = || match ages.get(&track) {
                Some(age) => *age > queries.stale_after(),
                None => *signal != Signal::Saturation,
            };
            if reading.is_ok() && !queries.is_own(*signal) && old() {
                *reading = Err(NoData::Stale);
            }
        }
    }
}

/// The moments of a history.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    /// The first, by the server's clock.
    pub start: Timestamp,
    pub step: Duration,
    /// How many steps follow the first.
    pub steps: i32,
    /// How far the server's clock is ahead of ours.
    pub ahead: SignedDuration,
}

impl Grid {
    /// The last moment, by the server's clock.
    pub fn end(&self) -> Timestamp {
        self.at(self.steps)
    }

    fn at(&self, step: i32) -> Timestamp {
        let length = SignedDuration::try_from(self.step).unwrap_or(SignedDuration::MAX);
        let distance = length.checked_mul(step).unwrap_or(SignedDuration::MAX);
        self.start.saturating_add(distance).unwrap_or(Timestamp::MAX)
    }
}

/// Lays the points of a range query on the grid: a gap where there is none, times by our clock.
pub fn series(
    signal: Signal,
    points: &[Point],
    grid: &Grid,
    before: Option<Timestamp>,
    zero: impl Fn(Timestamp) -> bool,
) -> Series {
    let half = i64::try_from(grid.step.as_millis() / 2).unwrap_or(i64::MAX);
    let mut points = points.iter().peekable();
    let mut series = Series::default();
    for step in 0..=grid.steps {
        let at = grid.at(step);
        let distance = |point: &Point| point.at.as_millisecond() - at.as_millisecond();
        while points.peek().is_some_and(|point| distance(point) < -half) {
            points.next();
        }
        let value = points.peek().filter(|point| distance(point) < half).map(|point| point.value);
        let value = value.and_then(|value| plausible(signal, value).ok()).or_else(|| zero(at).then_some(0.0));
        let Ok(ours) = at.checked_sub(grid.ahead) else { continue };
        if before.is_none_or(|before| ours < before) {
            series.push(ours, value);
        }
    }
    series
}

#[cfg(test)]
mod tests {
    use super::super::answer::{Element, Run};
    use super::*;
    use crate::config::Prometheus;
    use crate::config::query::Query;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn vector(values: &[f64]) -> Answer {
        let element = |value: &f64| Element { metric: BTreeMap::new(), value: Point { at: at(0), value: *value } };
        Answer { data: Data::Vector(values.iter().map(element).collect()), warnings: Vec::new() }
    }

    #[test]
    fn an_answer_is_a_value_or_a_reason() {
        let ratio = |answer| reading(Signal::ErrorRatio, Ok(answer));
        assert_eq!(ratio(vector(&[0.25])), Ok(0.25));
        assert_eq!(ratio(vector(&[1.2])), Ok(1.0));
        assert_eq!(ratio(vector(&[])), Err(NoData::Empty));
        assert_eq!(ratio(vector(&[f64::NAN])), Err(NoData::NotANumber));
        assert_eq!(ratio(vector(&[f64::INFINITY])), Err(NoData::NotANumber));
        let scalar = Answer { data: Data::Scalar(Point { at: at(0), value: 0.5 }), warnings: Vec::new() };
        assert_eq!(ratio(scalar), Ok(0.5));
        let failed = |reading: Reading, part: &str| {
            assert!(matches!(&reading, Err(NoData::Failed(why)) if why.contains(part)), "{reading:?}");
        };
        failed(ratio(vector(&[4.2])), "not in percent");
        failed(ratio(vector(&[-0.1])), "below zero");
        failed(ratio(vector(&[0.1, 0.2])), "2 series");
        let runs = vec![Run::default()];
        failed(ratio(Answer { data: Data::Matrix(runs), warnings: Vec::new() }), "a range");
        let partial = Answer { warnings: vec!["store gone".to_owned()], ..vector(&[0.0]) };
        assert_eq!(ratio(partial), Err(NoData::Partial("store gone".to_owned())));
        assert_eq!(reading(Signal::P99, Ok(vector(&[4.2]))), Ok(4.2));
    }

    fn related(rps: Reading, ratio: Reading, own: bool, age: impl Into<Option<f64>>) -> Reading {
        let mut settings = Prometheus::at("http://p".parse().unwrap());
        if own {
            settings.queries.insert(Signal::ErrorRatio, Query::parse("a / b").unwrap());
        }
        let queries = Queries::new(&settings, "shop").unwrap();
        let mut readings = Readings::new();
        readings.insert((Track::Canary, Signal::Rps), rps);
        readings.insert((Track::Canary, Signal::ErrorRatio), ratio);
        let ages = age.into().map(|age| (Track::Canary, age)).into_iter().collect();
        relate(&mut readings, &queries, &ages);
        readings.remove(&(Track::Canary, Signal::ErrorRatio)).unwrap()
    }

    #[test]
    fn missing_errors_are_zero_only_with_traffic() {
        let empty = || Err(NoData::Empty);
        assert_eq!(related(Ok(5.0), empty(), true, 1.0), Ok(0.0));
        // A preset fills in zeros itself; what it leaves empty has no label for the outcome.
        assert_eq!(related(Ok(5.0), empty(), false, 1.0), empty());
        assert_eq!(related(empty(), empty(), true, 1.0), empty());
        assert_eq!(related(Err(NoData::Partial("x".to_owned())), empty(), true, 1.0), empty());
        assert_eq!(related(Ok(0.0), empty(), true, 1.0), Err(NoData::NoTraffic));
        assert_eq!(related(Ok(0.0), Err(NoData::NotANumber), false, 1.0), Err(NoData::NoTraffic));
        assert_eq!(related(Ok(5.0), Err(NoData::NotANumber), true, 1.0), Err(NoData::NotANumber));
        let failed = || Err(NoData::Failed("x".to_owned()));
        assert_eq!(related(Ok(5.0), failed(), true, 1.0), failed());
    }

    #[test]
    fn old_samples_are_stale() {
        assert_eq!(related(Ok(5.0), Ok(0.1), false, 46.0), Err(NoData::Stale));
        assert_eq!(related(Ok(5.0), Err(NoData::Empty), false, 46.0), Err(NoData::Empty));
        assert_eq!(related(Ok(5.0), Ok(0.1), false, 44.0), Ok(0.1));
        assert_eq!(related(Ok(5.0), Ok(0.1), true, 46.0), Ok(0.1), "the age of other series");
        // The series have ended; what a rate says for the rest of its window is of before.
        assert_eq!(related(Ok(5.0), Ok(0.1), false, None), Err(NoData::Stale));
        assert_eq!(related(Ok(5.0), Ok(0.1), true, None), Ok(0.1));
    }

    #[test]
    fn history_keeps_gaps_and_local_time() {
        let grid =
            Grid { start: at(100), step: Duration::from_secs(10), steps: 4, ahead: SignedDuration::from_secs(60) };
        let found = [(100, 1.0), (120, f64::NAN), (130, 3.0), (140, 4.0)];
        let points: Vec<_> = found.iter().map(|(s, value)| Point { at: at(*s), value: *value }).collect();
        let laid = |before, zero: fn(Timestamp) -> bool| {
            let series = series(Signal::Rps, &points, &grid, before, zero);
            series.points().map(|p| (p.at.as_second(), p.value)).collect::<Vec<_>>()
        };
        let gaps = [(40, Some(1.0)), (50, None), (60, None), (70, Some(3.0)), (80, Some(4.0))];
        assert_eq!(laid(None, |_| false), gaps);
        assert_eq!(laid(Some(at(70)), |_| false), gaps[..3]);
        assert_eq!(laid(None, |at| at.as_second() == 110)[1], (50, Some(0.0)));
    }
}
