//! `benchmark`: a figure of a benchmark, in any JSON file, against its baseline.

use serde_json::Value;

use super::reading::{ReadContext, apart};
use super::reports::find_one;
use super::wording::decimal;
use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Benchmark;
use crate::config::checks::benchmark::{Baseline, Better};
use crate::config::checks::files::FilePattern;
use crate::platform::Redactor;

/// Largest file, in bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// What says which benchmark a figure is of, and in which unit: pytest-benchmark, Google Benchmark, hyperfine, JMH.
const NAMES: [&str; 10] =
    ["fullname", "run_name", "name", "benchmark", "command", "params", "mode", "time_unit", "scoreUnit", "unit"];

/// A figure, and what the objects around it say that it is.
#[derive(Debug)]
struct Figure {
    number: f64,
    names: Vec<Name>,
}

#[derive(Debug)]
struct Name {
    /// How many objects and lists are around the one that has it.
    depth: usize,
    key: &'static str,
    value: Value,
}

impl Figure {
    /// Returns the first name that differs in another figure, as it is in both.
    fn differs<'a>(&'a self, other: &'a Self) -> Option<(&'a Name, &'a Name)> {
        self.names.iter().find_map(|ours| {
            let theirs = other.names.iter().find(|theirs| (theirs.depth, theirs.key) == (ours.depth, ours.key))?;
            (theirs.value != ours.value).then_some((ours, theirs))
        })
    }
}

impl Name {
    fn shown(&self, redactor: &Redactor) -> String {
        match &self.value {
            Value::String(text) => redactor.cut(text, 100),
            other => redactor.cut(&other.to_string(), 100),
        }
    }
}

pub(super) async fn look(asked: &Benchmark, scene: &CheckInput, tools: &Tools) -> Evidence {
    let asked = asked.clone();
    apart(scene, tools, move |reading| judge(&asked, reading).unwrap_or_else(Evidence::blind)).await
}

fn judge(asked: &Benchmark, reading: &ReadContext) -> Result<Evidence, String> {
    let report = find_one(&asked.file, asked.max_age, reading)?;
    report.of_candidate(reading)?;
    let figure = number(&report.json(MAX_FILE_BYTES, reading)?, &asked.pointer, &reading.redactor)
        .map_err(|what| report.wrong(what))?;
    let (baseline, from) = baseline(asked, reading)?;
    if let Some((ours, theirs)) = figure.differs(&baseline) {
        let [key, ours, theirs] = [ours.key.to_owned(), ours.shown(&reading.redactor), theirs.shown(&reading.redactor)];
        let what = format!("compares `{ours}` with `{theirs}`: `{key}` differs in {from}");
        return Err(report.wrong(format!("{what}, so write both with the same benchmarks, in the same order and unit")));
    }
    let (figure, baseline) = (figure.number, baseline.number);
    if baseline <= 0.0 {
        return Err(format!("{from}: the baseline is {}, and nothing is a share of that", decimal(baseline)));
    }
    if asked.better == Better::Lower && figure <= 0.0 {
        return Err(report.wrong(format!("{} is {}: nothing was measured", asked.pointer, decimal(figure))));
    }
    let change = (figure - baseline) / baseline * 100.0;
    let (worse, word) = match asked.better {
        Better::Lower => (change, "lower is better"),
        Better::Higher => (-change, "higher is better"),
    };
    let [figure, baseline, most] = [figure, baseline, asked.at_most_worse].map(decimal);
    let by = format!("{} %", decimal((worse.abs() * 100.0).round() / 100.0));
    let against = format!("{figure} against {baseline}");
    let lines = [
        format!("{} {}: {figure}, {}", report.name, reading.redactor.cut(&asked.pointer, 100), report.written()),
        format!("{from}: {baseline}"),
        word.to_owned(),
    ];
    let evidence = if worse > asked.at_most_worse {
        Evidence::failed(
            format!("{against}: {by} worse, and {most} % is the most"),
            format!("it is at most {most} % worse than {baseline}"),
        )
    } else if worse > 0.0 {
        Evidence::passed(format!("{against}: {by} worse, within {most} %"))
    } else if worse < 0.0 {
        Evidence::passed(format!("{against}: {by} better"))
    } else {
        Evidence::passed(format!("{against}: the same"))
    };
    Ok(evidence.with(lines))
}

/// Returns the baseline and where it is from.
fn baseline(asked: &Benchmark, reading: &ReadContext) -> Result<(Figure, String), String> {
    match &asked.baseline {
        Baseline::Number(number) => {
            Ok((Figure { number: *number, names: Vec::new() }, "baseline in the config".to_owned()))
        }
        Baseline::File(file) => from_file(file, &asked.pointer, reading),
    }
}

fn from_file(file: &FilePattern, pointer: &str, reading: &ReadContext) -> Result<(Figure, String), String> {
    let report = find_one(file, None, reading)?;
    let figure = number(&report.json(MAX_FILE_BYTES, reading)?, pointer, &reading.redactor)
        .map_err(|what| report.wrong(what))?;
    Ok((figure, report.name))
}

fn number(json: &Value, pointer: &str, redactor: &Redactor) -> Result<Figure, String> {
    let shown = redactor.cut(pointer, 100);
    let value = json.pointer(pointer).ok_or_else(|| {
        let keys: Vec<String> =
            json.as_object().into_iter().flatten().take(8).map(|(key, _)| redactor.cut(key, 40)).collect();
        let hint = if keys.is_empty() { String::new() } else { format!(": at the top there are {}", keys.join(", ")) };
        format!("has nothing at {shown}{hint}")
    })?;
    let mut within = json;
    let mut names = Vec::new();
    for (depth, key) in pointer.split('/').skip(1).enumerate() {
        let says = |flag: &str| within.get(flag).and_then(Value::as_bool) == Some(true);
        // hyperfine measures a command that fails as well, with `--ignore-failure`; one that was killed has no code.
        let codes = within.get("exit_codes").and_then(Value::as_array);
        let has_failed = codes.is_some_and(|codes| codes.iter().any(|code| code.as_i64() != Some(0)));
        if says("error_occurred") || says("skipped") || has_failed {
            return Err(format!("says that what is at {shown} did not run"));
        }
        let key = key.replace("~1", "/").replace("~0", "~");
        // What the pointer goes through has the figure in it, and is no name.
        let named = NAMES.into_iter().filter(|name| *name != key);
        names.extend(named.filter_map(|name| Some(Name { depth, key: name, value: within.get(name)?.clone() })));
        let inner = match within {
            Value::Array(list) => key.parse::<usize>().ok().and_then(|at| list.get(at)),
            object => object.get(&key),
        };
        within = inner.unwrap_or(&Value::Null);
    }
    match value.as_f64().filter(|number| number.is_finite()) {
        Some(number) => Ok(Figure { number, names }),
        None => Err(format!("has no number at {shown}, but {}", redactor.cut(&value.to_string(), 60))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn figure_of_what_did_not_run_is_none() {
        let of = |report: Value| {
            number(&report, "/benchmarks/0/real_time", &Redactor::default()).map(|figure| figure.number)
        };
        assert_eq!(of(json!({"benchmarks": [{"real_time": 12.5}]})), Ok(12.5));
        // As Google Benchmark writes it.
        for flag in ["error_occurred", "skipped"] {
            let why = of(json!({"benchmarks": [{"real_time": 0.0, flag: true}]})).unwrap_err();
            assert_eq!(why, "says that what is at /benchmarks/0/real_time did not run");
            assert_eq!(of(json!({"benchmarks": [{"real_time": 12.5, flag: false}]})), Ok(12.5));
        }
    }

    #[test]
    fn figure_of_a_command_that_failed_is_none() {
        let of = |codes: Value| {
            let report = json!({"results": [{"command": "make", "mean": 1.5, "exit_codes": codes}]});
            number(&report, "/results/0/mean", &Redactor::default()).map(|figure| figure.number)
        };
        assert_eq!(of(json!([0, 0])), Ok(1.5));
        for codes in [json!([0, 1]), json!([0, null])] {
            assert_eq!(of(codes).unwrap_err(), "says that what is at /results/0/mean did not run");
        }
    }

    #[test]
    fn figures_of_two_benchmarks_or_units_differ() {
        let differs = |pointer: &str, ours: &Value, theirs: &Value| {
            let read = |report: &Value| number(report, pointer, &Redactor::default()).unwrap();
            let (ours, theirs) = (read(ours), read(theirs));
            let shown = |name: &Name| name.shown(&Redactor::default());
            ours.differs(&theirs).map(|(ours, theirs)| format!("{}: {} {}", ours.key, shown(ours), shown(theirs)))
        };
        // As pytest-benchmark writes them.
        let pytest = |name: &str, params: Value| {
            let test =
                json!({"name": name, "fullname": format!("t.py::{name}"), "params": params, "stats": {"mean": 1.0}});
            json!({"version": "4.0.0", "benchmarks": [test]})
        };
        let (mean, size) = ("/benchmarks/0/stats/mean", |size: u32| json!({"size": size}));
        let (ping, pay) = (pytest("test_ping", json!(null)), pytest("test_pay", json!(null)));
        assert_eq!(differs(mean, &ping, &pay).unwrap(), "fullname: t.py::test_ping t.py::test_pay");
        assert_eq!(differs(mean, &ping, &ping), None);
        let sizes = (pytest("test_pay", size(10)), pytest("test_pay", size(20)));
        assert_eq!(differs(mean, &sizes.0, &sizes.1).unwrap(), "params: {\"size\":10} {\"size\":20}");
        // As Google Benchmark and JMH write them.
        let google = |unit: &str| json!({"benchmarks": [{"name": "BM_a", "real_time": 1.0, "time_unit": unit}]});
        assert_eq!(differs("/benchmarks/0/real_time", &google("ns"), &google("us")).unwrap(), "time_unit: ns us");
        let jmh = |unit: &str| json!([{"benchmark": "a", "mode": "avgt", "primaryMetric": {"score": 1.0, "scoreUnit": unit}}]);
        let score = "/0/primaryMetric/score";
        assert_eq!(differs(score, &jmh("us/op"), &jmh("ms/op")).unwrap(), "scoreUnit: us/op ms/op");
        // What only one of them says, and what the pointer goes through, names nothing.
        assert_eq!(differs("/mean", &json!({"mean": 1, "unit": "ms"}), &json!({"mean": 2})), None);
        let through = |mean: u32| json!({"benchmark": {"mean": mean}});
        assert_eq!(differs("/benchmark/mean", &through(1), &through(2)), None);
    }
}
