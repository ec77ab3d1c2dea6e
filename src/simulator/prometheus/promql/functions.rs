//! The functions: their table, and those that map values.

use super::super::labels::{Labels, Matcher, NAME, Test};
use super::super::pattern::Pattern;
use super::EvalError;
use super::evaluate::{Evaluator, Point, Value};
use super::quantile::{self, Bucket};
use super::rates::{self, Window};
use super::syntax::{Expr, Kind};
use std::collections::BTreeMap;

/// A function of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Abs,
    Absent,
    AvgOverTime,
    Ceil,
    ClampMax,
    ClampMin,
    CountOverTime,
    Delta,
    Floor,
    HistogramQuantile,
    Increase,
    Irate,
    LabelReplace,
    LastOverTime,
    MaxOverTime,
    MinOverTime,
    Rate,
    Scalar,
    SumOverTime,
    Time,
    Timestamp,
    Vector,
}

/// What a function takes and gives.
#[derive(Debug)]
pub struct Signature {
    function: Function,
    pub name: &'static str,
    pub takes: &'static [Kind],
    /// How many of the last arguments may be left out.
    pub optional: usize,
    pub gives: Kind,
}

const fn entry(function: Function, name: &'static str, takes: &'static [Kind], gives: Kind) -> Signature {
    Signature { function, name, takes, optional: 0, gives }
}

static TABLE: [Signature; 22] = {
    use Function as F;
    use Kind::{Range, Scalar, Text, Vector};
    [
        entry(F::Abs, "abs", &[Vector], Vector),
        entry(F::Absent, "absent", &[Vector], Vector),
        entry(F::AvgOverTime, "avg_over_time", &[Range], Vector),
        entry(F::Ceil, "ceil", &[Vector], Vector),
        entry(F::ClampMax, "clamp_max", &[Vector, Scalar], Vector),
        entry(F::ClampMin, "clamp_min", &[Vector, Scalar], Vector),
        entry(F::CountOverTime, "count_over_time", &[Range], Vector),
        entry(F::Delta, "delta", &[Range], Vector),
        entry(F::Floor, "floor", &[Vector], Vector),
        entry(F::HistogramQuantile, "histogram_quantile", &[Scalar, Vector], Vector),
        entry(F::Increase, "increase", &[Range], Vector),
        entry(F::Irate, "irate", &[Range], Vector),
        entry(F::LabelReplace, "label_replace", &[Vector, Text, Text, Text, Text], Vector),
        entry(F::LastOverTime, "last_over_time", &[Range], Vector),
        entry(F::MaxOverTime, "max_over_time", &[Range], Vector),
        entry(F::MinOverTime, "min_over_time", &[Range], Vector),
        entry(F::Rate, "rate", &[Range], Vector),
        entry(F::Scalar, "scalar", &[Vector], Scalar),
        entry(F::SumOverTime, "sum_over_time", &[Range], Vector),
        entry(F::Time, "time", &[], Scalar),
        entry(F::Timestamp, "timestamp", &[Vector], Vector),
        entry(F::Vector, "vector", &[Scalar], Vector),
    ]
};

/// Finds a function by its name.
pub fn named(name: &str) -> Option<Function> {
    TABLE.iter().find(|s| s.name == name).map(|s| s.function)
}

/// The function's entry; the table is in the order of the enum.
pub fn signature(function: Function) -> &'static Signature {
    &TABLE[function as usize]
}

/// Checks what the kinds alone do not tell.
pub fn check(function: Function, arguments: &[Expr]) -> Result<(), String> {
    if function != Function::LabelReplace {
        return Ok(());
    }
    if let [_, Expr::Text(target), _, _, Expr::Text(pattern)] = arguments {
        Pattern::new(pattern).map_err(|reason| format!("invalid regular expression in label_replace(): {reason}"))?;
        let first = target.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !first || target.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            return Err(format!("invalid destination label name in label_replace(): {target}"));
        }
    }
    Ok(())
}

/// Calls a function at one moment.
pub fn call(evaluator: &Evaluator<'_>, function: Function, arguments: &[Expr], at: i64) -> Result<Value, EvalError> {
    let vector = |index: usize| evaluator.vector(&arguments[index], at);
    let scalar = |index: usize| evaluator.scalar(&arguments[index], at);
    let map = |points: Vec<Point>, change: &dyn Fn(f64) -> f64| {
        points
            .into_iter()
            .map(|point| Point { labels: point.labels.unnamed(), value: change(point.value), ..point })
            .collect()
    };
    let over = |change: &dyn Fn(&Window<'_>) -> Option<f64>| {
        over_range(evaluator, &arguments[0], at, change).map(|points| map(points, &|v| v))
    };
    let points = match function {
        Function::Time => return Ok(Value::Scalar(at as f64 / 1000.0)),
        Function::Scalar => {
            let value = match vector(0)?.as_slice() {
                [only] => only.value,
                _ => f64::NAN,
            };
            return Ok(Value::Scalar(value));
        }
        Function::Vector => vec![Point::new(Labels::default(), at, scalar(0)?)],
        Function::Abs => map(vector(0)?, &f64::abs),
        Function::Ceil => map(vector(0)?, &f64::ceil),
        Function::Floor => map(vector(0)?, &f64::floor),
        Function::ClampMax => {
            let bound = scalar(1)?;
            map(vector(0)?, &|v| {
                if v > bound || bound.is_nan() { bound } else { v }
            })
        }
        Function::ClampMin => {
            let bound = scalar(1)?;
            map(vector(0)?, &|v| {
                if v < bound || bound.is_nan() { bound } else { v }
            })
        }
        Function::Timestamp => {
            let points = vector(0)?;
            let taken = points.into_iter().map(|p| Point::new(p.labels.unnamed(), at, p.at as f64 / 1000.0));
            taken.collect()
        }
        Function::Absent => {
            if vector(0)?.is_empty() {
                vec![Point::new(labels_of_absent(evaluator, &arguments[0]), at, 1.0)]
            } else {
                Vec::new()
            }
        }
        Function::HistogramQuantile => quantiles(evaluator, &arguments[1], scalar(0)?, vector(1)?, at),
        Function::LabelReplace => return label_replace(arguments, vector(0)?).map(Value::Vector),
        Function::Rate => over(&|w| rates::extrapolated(w, rates::Of::Counter).map(|v| v / w.seconds()))?,
        Function::Increase => over(&|w| rates::extrapolated(w, rates::Of::Counter))?,
        Function::Delta => over(&|w| rates::extrapolated(w, rates::Of::Gauge))?,
        Function::Irate => over(&rates::instant)?,
        Function::AvgOverTime => over(&|w| Some(w.values().sum::<f64>() / w.samples.len() as f64))?,
        Function::SumOverTime => over(&|w| Some(w.values().sum()))?,
        Function::CountOverTime => over(&|w| Some(w.samples.len() as f64))?,
        Function::MaxOverTime => over(&|w| w.values().reduce(f64::max))?,
        Function::MinOverTime => over(&|w| w.values().reduce(f64::min))?,
        // The last value of a range keeps its name.
        Function::LastOverTime => over_range(evaluator, &arguments[0], at, &|w| w.values().last())?,
    };
    super::evaluate::distinct(points).map(Value::Vector)
}

fn over_range(
    evaluator: &Evaluator<'_>,
    argument: &Expr,
    at: i64,
    change: &dyn Fn(&Window<'_>) -> Option<f64>,
) -> Result<Vec<Point>, EvalError> {
    let Expr::Select(number, Kind::Range) = argument else {
        return Err(EvalError("expected a range vector".to_owned()));
    };
    let points = evaluator.windows(*number, at).filter_map(|(labels, window)| {
        let value = change(&window)?;
        Some(Point::new(labels.clone(), at, value))
    });
    Ok(points.collect())
}

/// An absent vector carries the labels that its selector demands.
fn labels_of_absent(evaluator: &Evaluator<'_>, argument: &Expr) -> Labels {
    let Expr::Select(number, _) = argument else {
        return Labels::default();
    };
    let matchers = &evaluator.selector(*number).matchers;
    let told =
        |matcher: &&Matcher| matcher.name != NAME && matchers.iter().filter(|m| m.name == matcher.name).count() == 1;
    Labels::new(matchers.iter().filter(told).filter_map(|matcher| match &matcher.test {
        Test::Equal(value) => Some((matcher.name.as_str(), value.as_str())),
        _ => None,
    }))
}

fn quantiles(evaluator: &Evaluator<'_>, of: &Expr, q: f64, points: Vec<Point>, at: i64) -> Vec<Point> {
    let mut histograms: BTreeMap<Labels, Vec<Bucket>> = BTreeMap::new();
    let le = ["le".to_owned(), NAME.to_owned()];
    for point in points {
        match parse_bound(point.labels.get("le")) {
            Some(upto) => {
                let labels = evaluator.derived(of, &point.labels, |labels| labels.without(&le));
                histograms.entry(labels).or_default().push(Bucket { upto, count: point.value });
            }
            None => evaluator.inform(format!(
                "PromQL warning: bucket label \"le\" is missing or has a malformed value of {:?}",
                point.labels.get("le")
            )),
        }
    }
    histograms
        .into_iter()
        .map(|(labels, buckets)| {
            let (value, repaired) = quantile::histogram_quantile(q, buckets);
            if repaired {
                evaluator
                    .inform("PromQL info: input to histogram_quantile needed to be fixed for monotonicity".to_owned());
            }
            Point::new(labels, at, value)
        })
        .collect()
}

fn parse_bound(text: &str) -> Option<f64> {
    match text {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        text => text.parse().ok(),
    }
}

fn label_replace(arguments: &[Expr], points: Vec<Point>) -> Result<Vec<Point>, EvalError> {
    let [_, Expr::Text(target), Expr::Text(replacement), Expr::Text(source), Expr::Text(pattern)] = arguments else {
        return Err(EvalError("label_replace() takes literal strings".to_owned()));
    };
    let pattern = Pattern::new(pattern).map_err(EvalError)?;
    let mut replaced: Vec<Point> = points;
    for point in &mut replaced {
        if let Some(value) = pattern.expand(point.labels.get(source), replacement) {
            point.labels = point.labels.with(target, &value);
        }
    }
    super::evaluate::distinct(replaced)
}
