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
fn baseline(asked: &Benchmark, reading: &ReadContext) -> Result<(f64, String), String> {
    match &asked.baseline {
        Baseline::Number(number) => Ok((*number, "baseline in the config".to_owned())),
        Baseline::File(file) => from_file(file, &asked.pointer, reading),
    }
}

fn from_file(file: &FilePattern, pointer: &str, reading: &ReadContext) -> Result<(f64, String), String> {
    let report = find_one(file, None, reading)?;
    let figure = number(&report.json(MAX_FILE_BYTES, reading)?, pointer, &reading.redactor)
        .map_err(|what| report.wrong(what))?;
    Ok((figure, report.name))
}

fn number(json: &Value, pointer: &str, redactor: &Redactor) -> Result<f64, String> {
    let shown = redactor.cut(pointer, 100);
    let value = json.pointer(pointer).ok_or_else(|| {
        let keys: Vec<String> =
            json.as_object().into_iter().flatten().take(8).map(|(key, _)| redactor.cut(key, 40)).collect();
        let hint = if keys.is_empty() { String::new() } else { format!(": at the top there are {}", keys.join(", ")) };
        format!("has nothing at {shown}{hint}")
    })?;
    let mut within = json;
    for key in pointer.split('/').skip(1) {
        let says = |flag: &str| within.get(flag).and_then(Value::as_bool) == Some(true);
        if says("error_occurred") || says("skipped") {
            return Err(format!("says that what is at {shown} did not run"));
        }
        let key = key.replace("~1", "/").replace("~0", "~");
        let inner = match within {
            Value::Array(list) => key.parse::<usize>().ok().and_then(|at| list.get(at)),
            object => object.get(&key),
        };
        within = inner.unwrap_or(&Value::Null);
    }
    let number = value.as_f64().filter(|number| number.is_finite());
    number.ok_or_else(|| format!("has no number at {shown}, but {}", redactor.cut(&value.to_string(), 60)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn figure_of_what_did_not_run_is_none() {
        let of = |report: Value| number(&report, "/benchmarks/0/real_time", &Redactor::default());
        assert_eq!(of(json!({"benchmarks": [{"real_time": 12.5}]})), Ok(12.5));
        // As Google Benchmark writes it.
        for flag in ["error_occurred", "skipped"] {
            let why = of(json!({"benchmarks": [{"real_time": 0.0, flag: true}]})).unwrap_err();
            assert_eq!(why, "says that what is at /benchmarks/0/real_time did not run");
            assert_eq!(of(json!({"benchmarks": [{"real_time": 12.5, flag: false}]})), Ok(12.5));
        }
    }
}
