//! Evaluates a query at one moment or at each step of a range.

use std::any::TypeId;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::super::labels::Labels;
use super::super::samples::{Sample, is_stale};
use super::super::store::{Fetched, Store};
use super::rates::Window;
use super::syntax::{Expr, Kind, Query, Selector};
use super::{EvalError, aggregate, binary, functions};

/// How far an instant selector looks back for a sample: five minutes, in milliseconds.
pub const LOOKBACK_MS: i64 = 5 * 60 * 1000;

/// One element of an instant vector.
#[derive(Clone, Debug)]
pub struct Point {
    pub labels: Labels,
    /// When its sample was taken, in milliseconds; after any operation the time of evaluation.
    pub at: i64,
    pub value: f64,
}

impl Point {
    pub fn new(labels: Labels, at: i64, value: f64) -> Self {
        Self { labels, at, value }
    }
}

/// What an expression gives at one moment.
#[derive(Debug)]
pub enum Value {
    Scalar(f64),
    Vector(Vec<Point>),
    Text(String),
    Matrix(Vec<Fetched>),
}

/// A value with what the reader should know of it.
#[derive(Debug)]
pub struct Evaluated<T> {
    pub value: T,
    pub infos: Vec<String>,
}

/// The samples that a query needs, taken out of the store so that it is not locked while they are worked on.
#[derive(Debug)]
pub struct Needed(Vec<Vec<Fetched>>);

impl Needed {
    /// Takes what is needed to evaluate at any moment from `start` to `end` (milliseconds).
    pub fn fetch(query: &Query, store: &Store, start: i64, end: i64) -> Self {
        let select = |selector: &Selector| {
            let back = selector.range.unwrap_or(LOOKBACK_MS);
            let from = start.saturating_sub(selector.offset).saturating_sub(back).saturating_add(1);
            store.select(&selector.matchers, from, end.saturating_sub(selector.offset))
        };
        Self(query.selectors.iter().map(select).collect())
    }
}

/// Evaluates at one moment (milliseconds).
pub fn instant(query: &Query, needed: &Needed, at: i64) -> Result<Evaluated<Value>, EvalError> {
    let evaluator = Evaluator::new(query, needed);
    let value = match &query.expr {
        Expr::Select(number, Kind::Range) => {
            let series = evaluator
                .windows(*number, at)
                .map(|(labels, window)| Fetched { labels: labels.clone(), samples: window.samples.to_vec() });
            Value::Matrix(series.collect())
        }
        expr => evaluator.value(expr, at)?,
    };
    Ok(Evaluated { value, infos: evaluator.infos() })
}

/// Evaluates at `start`, `start + step`, … up to `end` (milliseconds) and gathers the points by labels.
pub fn range(
    query: &Query,
    needed: &Needed,
    start: i64,
    end: i64,
    step: i64,
) -> Result<Evaluated<Vec<Fetched>>, EvalError> {
    let evaluator = Evaluator::new(query, needed);
    let mut series: BTreeMap<Labels, Vec<Sample>> = BTreeMap::new();
    let mut at = start;
    while at <= end {
        let points = match evaluator.value(&query.expr, at)? {
            Value::Scalar(value) => vec![Point::new(Labels::default(), at, value)],
            Value::Vector(points) => points,
            Value::Text(_) | Value::Matrix(_) => Vec::new(),
        };
        for Point { labels, value, .. } in points {
            series.entry(labels).or_default().push(Sample { at, value });
        }
        at += step;
    }
    let value = series.into_iter().map(|(labels, samples)| Fetched { labels, samples }).collect();
    Ok(Evaluated { value, infos: evaluator.infos() })
}

/// Holds what the evaluation of one query needs.
pub struct Evaluator<'a> {
    query: &'a Query,
    /// Per selector, the series without staleness markers where the selector is a range.
    series: Vec<Vec<Fetched>>,
    infos: RefCell<BTreeSet<String>>,
    /// By the type and address of a part of the query (the first part of a part has its address): the labels that it makes of those of a series. They are the same at each step.
    derived: RefCell<HashMap<(TypeId, usize, Labels), Labels>>,
}

impl<'a> Evaluator<'a> {
    fn new(query: &'a Query, needed: &Needed) -> Self {
        let mut series = needed.0.clone();
        for (selector, fetched) in query.selectors.iter().zip(&mut series) {
            if selector.range.is_some() {
                for one in fetched {
                    one.samples.retain(|sample| !is_stale(sample.value));
                }
            }
        }
        Self { query, series, infos: RefCell::default(), derived: RefCell::default() }
    }

    /// Notes something that the reader of the answer should know.
    pub fn inform(&self, info: String) {
        self.infos.borrow_mut().insert(info);
    }

    fn infos(&self) -> Vec<String> {
        self.infos.borrow().iter().cloned().collect()
    }

    /// What a part of the query makes of labels; computed once for each set.
    pub fn derived<T: 'static>(&self, part: &T, labels: &Labels, make: impl FnOnce(&Labels) -> Labels) -> Labels {
        let key = (TypeId::of::<T>(), std::ptr::from_ref(part).addr(), labels.clone());
        self.derived.borrow_mut().entry(key).or_insert_with(|| make(labels)).clone()
    }

    pub fn selector(&self, number: usize) -> &Selector {
        &self.query.selectors[number]
    }

    /// The value of an expression.
    pub fn value(&self, expr: &Expr, at: i64) -> Result<Value, EvalError> {
        Ok(match expr {
            Expr::Number(number) => Value::Scalar(*number),
            Expr::Text(text) => Value::Text(text.clone()),
            Expr::Select(number, _) => Value::Vector(self.latest(*number, at)),
            Expr::Negate(inner) => match self.value(inner, at)? {
                Value::Scalar(number) => Value::Scalar(-number),
                Value::Vector(points) => Value::Vector(distinct(
                    points.into_iter().map(|p| Point::new(p.labels.unnamed(), at, -p.value)).collect(),
                )?),
                other => other,
            },
            Expr::Binary(binary) => binary::evaluate(self, binary, at)?,
            Expr::Aggregate(aggregate) => Value::Vector(aggregate::evaluate(self, aggregate, at)?),
            Expr::Call(function, arguments) => functions::call(self, *function, arguments, at)?,
        })
    }

    /// The value of an expression that the parser found to be a vector.
    pub fn vector(&self, expr: &Expr, at: i64) -> Result<Vec<Point>, EvalError> {
        match self.value(expr, at)? {
            Value::Vector(points) => Ok(points),
            _ => Err(EvalError("expected an instant vector".to_owned())),
        }
    }

    /// The value of an expression that the parser found to be a scalar.
    pub fn scalar(&self, expr: &Expr, at: i64) -> Result<f64, EvalError> {
        match self.value(expr, at)? {
            Value::Scalar(number) => Ok(number),
            _ => Err(EvalError("expected a scalar".to_owned())),
        }
    }

    /// The newest sample of each series, unless it is too old or marks the end.
    fn latest(&self, number: usize, at: i64) -> Vec<Point> {
        let moment = at - self.selector(number).offset;
        let newest = |fetched: &Fetched| {
            let upto = fetched.samples.partition_point(|sample| sample.at <= moment);
            let sample = fetched.samples[..upto].last()?;
            let valid = sample.at > moment - LOOKBACK_MS && !is_stale(sample.value);
            valid.then(|| Point::new(fetched.labels.clone(), sample.at, sample.value))
        };
        self.series[number].iter().filter_map(newest).collect()
    }

    /// The samples of each series within the selector's range; series without any are left out.
    pub fn windows(&self, number: usize, at: i64) -> impl Iterator<Item = (&Labels, Window<'_>)> {
        let selector = self.selector(number);
        let to = at - selector.offset;
        let from = to - selector.range.unwrap_or(LOOKBACK_MS);
        self.series[number].iter().filter_map(move |fetched| {
            let start = fetched.samples.partition_point(|sample| sample.at <= from);
            let end = fetched.samples.partition_point(|sample| sample.at <= to);
            let samples = &fetched.samples[start..end];
            (!samples.is_empty()).then_some((&fetched.labels, Window { samples, from, to }))
        })
    }
}

/// Refuses a vector in which two elements have the same labels.
pub fn distinct(points: Vec<Point>) -> Result<Vec<Point>, EvalError> {
    let mut seen = HashSet::with_capacity(points.len());
    if points.iter().all(|point| seen.insert(&point.labels)) {
        drop(seen);
        return Ok(points);
    }
    Err(EvalError("vector cannot contain metrics with the same labelset".to_owned()))
}
