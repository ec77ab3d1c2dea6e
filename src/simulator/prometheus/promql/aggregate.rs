//! Aggregations over the elements of a vector.

use std::collections::BTreeMap;

use super::super::labels::{Labels, NAME};
use super::EvalError;
use super::evaluate::{Evaluator, Point};
use super::syntax::{Aggregate, Aggregation};

pub fn evaluate(evaluator: &Evaluator<'_>, aggregate: &Aggregate, at: i64) -> Result<Vec<Point>, EvalError> {
    let parameter = match &aggregate.parameter {
        Some(parameter) => evaluator.scalar(parameter, at)?,
        None => 0.0,
    };
    let mut dropped = aggregate.labels.clone();
    dropped.push(NAME.to_owned());
    let mut groups: BTreeMap<Labels, Vec<Point>> = BTreeMap::new();
    for point in evaluator.vector(&aggregate.of, at)? {
        let key = evaluator.derived(aggregate, &point.labels, |labels| {
            if aggregate.without { labels.without(&dropped) } else { labels.only(&aggregate.labels) }
        });
        groups.entry(key).or_default().push(point);
    }
    if let Aggregation::Top | Aggregation::Bottom = aggregate.how {
        let top = aggregate.how == Aggregation::Top;
        return Ok(groups.into_values().flat_map(|group| furthest(group, top, parameter)).collect());
    }
    let points = groups.into_iter().map(|(labels, group)| {
        let values = group.iter().map(|point| point.value);
        let value = match aggregate.how {
            Aggregation::Sum => sum(values),
            Aggregation::Average => sum(values) / group.len() as f64,
            Aggregation::Count => group.len() as f64,
            Aggregation::Smallest => values.reduce(f64::min).unwrap_or(f64::NAN),
            _ => values.reduce(f64::max).unwrap_or(f64::NAN),
        };
        Point::new(labels, at, value)
    });
    Ok(points.collect())
}

/// The `k` largest or smallest elements, NaN last.
fn furthest(mut group: Vec<Point>, top: bool, k: f64) -> Vec<Point> {
    group.sort_by(|a, b| {
        let order = a.value.total_cmp(&b.value);
        let order = if top { order.reverse() } else { order };
        a.value.is_nan().cmp(&b.value.is_nan()).then(order)
    });
    group.truncate(if k >= 1.0 { k as usize } else { 0 });
    group
}

/// The sum with Neumaier's compensation, as Prometheus adds.
fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let (mut total, mut lost) = (0.0_f64, 0.0_f64);
    for value in values {
        let next = total + value;
        if next.is_infinite() {
            lost = 0.0;
        } else if total.abs() >= value.abs() {
            lost += (total - next) + value;
        } else {
            lost += (value - next) + total;
        }
        total = next;
    }
    total + lost
}
