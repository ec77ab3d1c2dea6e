//! The language against Prometheus' own vectors, and its rules one by one.

pub mod cases;

use cases::{CASES, SHOP};
use serde_json::Value as Json;

use super::super::labels::{Labels, NAME};
use super::super::samples::STALE;
use super::super::store::Store;
use super::evaluate::{self, Needed, Value};
use super::quantile::{Bucket, histogram_quantile};
use super::rates::{self, Window};
use super::{parse, parse_selector};
use crate::prometheus::samples::Sample;

const VECTORS: &str = include_str!("expected.json");

fn number(json: &Json) -> f64 {
    match json.as_str() {
        Some("+Inf") => f64::INFINITY,
        Some("-Inf") => f64::NEG_INFINITY,
        Some("NaN") => f64::NAN,
        _ => json.as_f64().expect("a number"),
    }
}

#[track_caller]
fn assert_near(got: f64, expected: f64, what: &str) {
    let near = got.total_cmp(&expected).is_eq()
        || got.is_nan() && expected.is_nan()
        || (got - expected).abs() <= 1e-9 * expected.abs().max(1.0);
    assert!(near, "{what}: {got}, expected {expected}");
}

#[test]
fn quantiles_match_prometheus() {
    let vectors: Json = serde_json::from_str(VECTORS).unwrap();
    let mut checked = 0;
    for case in vectors["histogram_quantile"].as_array().unwrap() {
        let bounds = case["le"].as_array().unwrap().iter().map(number);
        let counts = case["cumulative"].as_array().unwrap().iter().map(number);
        let buckets: Vec<Bucket> = bounds.zip(counts).map(|(upto, count)| Bucket { upto, count }).collect();
        for quantile in case["quantiles"].as_array().unwrap() {
            let (got, repaired) = histogram_quantile(number(&quantile["q"]), buckets.clone());
            assert_near(got, number(&quantile["expected"]), &format!("{} q={}", case["note"], quantile["q"]));
            let broken = case["note"].as_str().unwrap().starts_with("nonmonotonic");
            assert_eq!(repaired, broken, "{}", case["note"]);
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked}");
}

#[test]
fn increases_match_prometheus() {
    let vectors: Json = serde_json::from_str(VECTORS).unwrap();
    for case in vectors["increase"].as_array().unwrap() {
        let step = case["step_s"].as_i64().unwrap() * 1000;
        let (to, range) = (case["eval_s"].as_i64().unwrap() * 1000, case["range_s"].as_i64().unwrap() * 1000);
        let samples: Vec<Sample> = case["samples"]
            .as_array()
            .unwrap()
            .iter()
            .zip(0..)
            .map(|(value, n)| Sample { at: n * step, value: number(value) })
            .filter(|sample| sample.at > to - range && sample.at <= to)
            .collect();
        let window = Window { samples: &samples, from: to - range, to };
        let got = rates::extrapolated(&window, rates::Of::Counter);
        match case["expected"].as_f64() {
            Some(expected) => {
                let got = got.expect("a value");
                // The vectors are printed with ten digits.
                assert!((got - expected).abs() < 1e-8 * expected.abs().max(1.0), "{case}: {got}");
            }
            None => assert_eq!(got, None, "{case}"),
        }
    }
}

/// A store from lines of `metric{label="value"} v v _ v`: a sample every 10 s from 0 on, `_` none, `s` stale.
fn store(lines: &str) -> Store {
    store_from(lines, 0)
}

/// The same, from a given time (seconds) on.
pub fn store_from(lines: &str, start: i64) -> Store {
    let mut store = Store::default();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (head, values) = line.split_once(' ').unwrap();
        let (name, labels) = head.split_once('{').unwrap_or((head, "}"));
        let pairs = labels.trim_end_matches('}').split(',').filter(|p| !p.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), value.trim_matches('"').to_owned())
        });
        let labels = Labels::new(pairs.chain([(NAME.to_owned(), name.to_owned())]));
        let id = store.series(&labels);
        for (value, n) in values.split_whitespace().zip(0..) {
            match value {
                "_" => {}
                "s" => store.append(id, (start + n * 10) * 1000, STALE),
                value => store.append(id, (start + n * 10) * 1000, value.parse().unwrap()),
            }
        }
    }
    store
}

/// The answer as text: `{labels} value` sorted, joined by `; `.
fn ask(store: &Store, query: &str, seconds: i64) -> Result<String, String> {
    let parsed = parse(query).map_err(|e| e.render(query))?;
    let at = seconds * 1000;
    let needed = Needed::fetch(&parsed, store, at, at);
    let evaluated = evaluate::instant(&parsed, &needed, at).map_err(|e| e.0)?;
    let mut lines = match evaluated.value {
        Value::Scalar(number) => vec![format!("scalar {number}")],
        Value::Text(text) => vec![text],
        Value::Vector(points) => points.iter().map(|p| format!("{} {}", p.labels, p.value)).collect(),
        Value::Matrix(series) => series
            .iter()
            .map(|s| {
                let values: Vec<_> = s.samples.iter().map(|x| format!("{}@{}", x.value, x.at / 1000)).collect();
                format!("{} {}", s.labels, values.join(" "))
            })
            .collect(),
    };
    if !query.contains("topk") && !query.contains("bottomk") {
        lines.sort();
    }
    Ok(lines.join("; "))
}

#[test]
fn queries_match_expected_answers() {
    let store = store(SHOP);
    for (query, expected) in CASES {
        assert_eq!(ask(&store, query, 60).as_deref(), Ok(*expected), "{query}");
    }
}

#[test]
fn an_instant_selector_reaches_back_less_than_five_minutes() {
    let store = store("m 1 2");
    assert_eq!(ask(&store, "m", 309).as_deref(), Ok("m{} 2"));
    assert_eq!(ask(&store, "m", 310).as_deref(), Ok(""));
}

#[test]
fn parse_error_names_its_position() {
    let cases = [
        ("", "1:1: parse error: no expression found in input"),
        ("sum(", "1:5: parse error: unexpected end of input in the expression"),
        ("up{", "1:4: parse error: unexpected end of input in label matching, expected identifier or \"}\""),
        ("up{a=b}", "1:6: parse error: unexpected identifier \"b\" in label matching, expected string"),
        ("rate(up)", "1:1: parse error: expected type range vector in call to function \"rate\", got instant vector"),
        ("foo(up)", "1:1: parse error: unknown function with name \"foo\""),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("{a=~\".*\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("1 > 2", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("up[5m] + 1", "1:8: parse error: binary expression must contain only scalar and instant vector types"),
        ("up and 1", "1:4: parse error: set operator not allowed in binary scalar expression"),
        ("sum(up) by (a", "1:14: parse error: unexpected end of input in grouping opts, expected \",\" or \")\""),
        ("up{a=~\"(\"}", "1:7: parse error: error parsing regexp: unclosed group"),
        ("up\n  }", "2:3: parse error: unexpected \"}\" in the expression"),
        ("sum(up)[5m]", "1:8: parse error: ranges only allowed for vector selectors"),
        ("max_over_time(up[5m:1m])", "1:17: parse error: subqueries are not supported by this server"),
        ("topk(up)", "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2"),
        ("{{namespace}}", "1:2: parse error: unexpected \"{\" in label matching, expected identifier or \"}\""),
    ];
    for (query, expected) in cases {
        let error = parse(query).map(|_| ()).unwrap_err();
        assert_eq!(error.render(query), expected, "{query:?}");
    }
    let deep = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
    assert!(parse(&deep).is_err());
    assert!(parse(&"-".repeat(5000)).is_err());
    assert!(parse_selector("up[5m]").is_err() && parse_selector("1").is_err() && parse_selector("up{a='b'}").is_ok());
}

#[test]
fn a_match_that_is_not_unique_is_an_error_of_execution() {
    let store = store(SHOP);
    let error = ask(&store, "mem / on(pod) req", 60).unwrap_err();
    assert!(error.contains("many-to-many matching not allowed"), "{error}");
    let error = ask(&store, "req / on(pod) mem", 60).unwrap_err();
    assert!(error.contains("many-to-one matching must be explicit"), "{error}");
    let error = ask(&store, r#"abs({__name__=~"mem|req",pod="a",code!="500"})"#, 60);
    assert!(error.is_ok());
    let error = ask(&store, r#"label_replace(mem, "pod", "z", "", "") - 0"#, 60);
    assert!(error.is_ok(), "zones differ");
    let error =
        ask(&store, r#"label_replace(label_replace(mem, "pod", "", "", ""), "zone", "", "", "")"#, 60).unwrap_err();
    assert_eq!(error, "vector cannot contain metrics with the same labelset");
}

#[test]
fn a_range_query_has_gaps_where_there_is_nothing() {
    let store = store("gone 1 2 s _ _ 5");
    let query = parse("gone").unwrap();
    let needed = Needed::fetch(&query, &store, 0, 60_000);
    let series = evaluate::range(&query, &needed, 0, 60_000, 10_000).unwrap().value;
    let points: Vec<_> = series[0].samples.iter().map(|s| (s.at / 1000, s.value)).collect();
    assert_eq!(points, [(0, 1.0), (10, 2.0), (50, 5.0), (60, 5.0)]);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in r#"([a-z]{1,3}|[0-9]{1,2}[smh]?|[\[\](){},=~!<>+*/^%"'-]| |by|sum|rate|offset|and|bool){0,25}"#) {
        let _ = parse(&text);
    }
}
