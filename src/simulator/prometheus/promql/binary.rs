//! Operators between scalars and vectors.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::labels::Labels;
use super::EvalError;
use super::evaluate::{Evaluator, Point, Value, distinct};
use super::syntax::{Binary, Matching, Operator, Side};

pub fn evaluate(evaluator: &Evaluator<'_>, binary: &Binary, at: i64) -> Result<Value, EvalError> {
    let left = evaluator.value(&binary.left, at)?;
    let right = evaluator.value(&binary.right, at)?;
    Ok(match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => Value::Scalar(apply(binary.operator, left, right)),
        (Value::Vector(points), Value::Scalar(number)) => {
            Value::Vector(with_scalar(binary, points, at, |value| (value, number))?)
        }
        (Value::Scalar(number), Value::Vector(points)) => {
            Value::Vector(with_scalar(binary, points, at, |value| (number, value))?)
        }
        (Value::Vector(left), Value::Vector(right)) => Value::Vector(if binary.operator.is_set() {
            sets(binary, left, right)
        } else {
            pairs(binary, left, right, at)?
        }),
        _ => {
            return Err(EvalError("operators take scalars and instant vectors".to_owned()));
        }
    })
}

/// The result of arithmetic; a comparison gives 1 or 0.
fn apply(operator: Operator, left: f64, right: f64) -> f64 {
    let truth = |holds: bool| f64::from(u8::from(holds));
    match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        Operator::Remainder => left % right,
        Operator::Power => left.powf(right),
        #[expect(clippy::float_cmp, reason = "the language compares exactly")]
        Operator::Equal => truth(left == right),
        #[expect(clippy::float_cmp, reason = "the language compares exactly")]
        Operator::NotEqual => truth(left != right),
        Operator::Less => truth(left < right),
        Operator::LessEqual => truth(left <= right),
        Operator::Greater => truth(left > right),
        Operator::GreaterEqual => truth(left >= right),
        Operator::And | Operator::Or | Operator::Unless => f64::NAN,
    }
}

/// The value that an element keeps, or none where a comparison filters it out. `kept` is the vector's own value.
fn outcome(binary: &Binary, left: f64, right: f64, kept: f64) -> Option<f64> {
    let value = apply(binary.operator, left, right);
    if !binary.operator.is_comparison() || binary.as_bool {
        return Some(value);
    }
    (value > 0.0).then_some(kept)
}

/// Says whether the result is another quantity than the operand, so that the metric's name goes.
fn renames(binary: &Binary) -> bool {
    !binary.operator.is_comparison() || binary.as_bool
}

fn with_scalar(
    binary: &Binary,
    points: Vec<Point>,
    at: i64,
    operands: impl Fn(f64) -> (f64, f64),
) -> Result<Vec<Point>, EvalError> {
    let found = points.into_iter().filter_map(|point| {
        let (left, right) = operands(point.value);
        let value = outcome(binary, left, right, point.value)?;
        let labels = if renames(binary) { point.labels.unnamed() } else { point.labels };
        Some(Point::new(labels, at, value))
    });
    distinct(found.collect())
}

/// The labels by which elements are paired.
fn key(matching: &Matching, labels: &Labels) -> Labels {
    if matching.on { labels.only(&matching.labels) } else { labels.without(&matching.labels).unnamed() }
}

fn sets(binary: &Binary, left: Vec<Point>, right: Vec<Point>) -> Vec<Point> {
    let matching = &binary.matching;
    let keys = |points: &[Point]| -> HashSet<Labels> { points.iter().map(|p| key(matching, &p.labels)).collect() };
    if binary.operator == Operator::Or {
        let present = keys(&left);
        let others = right.into_iter().filter(|p| !present.contains(&key(matching, &p.labels)));
        return left.into_iter().chain(others).collect();
    }
    let present = keys(&right);
    let wanted = binary.operator == Operator::And;
    left.into_iter().filter(|p| present.contains(&key(matching, &p.labels)) == wanted).collect()
}

fn pairs(binary: &Binary, left: Vec<Point>, right: Vec<Point>, at: i64) -> Result<Vec<Point>, EvalError> {
    let matching = &binary.matching;
    let many_side = matching.group.as_ref().map_or(Side::Left, |group| group.many);
    let (many, one) = match many_side {
        Side::Left => (left, right),
        Side::Right => (right, left),
    };
    let mut ones: HashMap<Labels, Point> = HashMap::with_capacity(one.len());
    for point in one {
        let key = key(matching, &point.labels);
        if let Some(other) = ones.get(&key) {
            let side = if many_side == Side::Left { "right" } else { "left" };
            return Err(EvalError(format!(
                "found duplicate series for the match group {key} on the {side} hand-side of the operation: [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
                point.labels, other.labels
            )));
        }
        ones.insert(key, point);
    }
    let mut found: BTreeMap<Labels, Point> = BTreeMap::new();
    let mut matched = HashSet::new();
    for point in many {
        let key = key(matching, &point.labels);
        let Some(partner) = ones.get(&key) else {
            continue;
        };
        if matching.group.is_none() && !matched.insert(key.clone()) {
            return Err(EvalError(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                    .to_owned(),
            ));
        }
        let (left, right) = match many_side {
            Side::Left => (point.value, partner.value),
            Side::Right => (partner.value, point.value),
        };
        let Some(value) = outcome(binary, left, right, left) else {
            continue;
        };
        let labels = result_labels(binary, &point.labels, &partner.labels);
        if found.insert(labels.clone(), Point::new(labels, at, value)).is_some() {
            return Err(EvalError(
                "multiple matches for labels: grouping labels must ensure unique matches".to_owned(),
            ));
        }
    }
    Ok(found.into_values().collect())
}

fn result_labels(binary: &Binary, many: &Labels, one: &Labels) -> Labels {
    let matching = &binary.matching;
    let labels = if renames(binary) { many.unnamed() } else { many.clone() };
    match &matching.group {
        None if matching.on => labels.only(&matching.labels),
        None => labels.without(&matching.labels),
        Some(group) => group.include.iter().fold(labels, |labels, label| labels.with(label, one.get(label))),
    }
}
