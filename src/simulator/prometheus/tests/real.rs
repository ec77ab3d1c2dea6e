//! The same samples in a real Prometheus: the answers must be the same. Runs where its programs are installed.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value as Json;
use support::prometheus::RealPrometheus;

use super::{INTERVAL, START, canary, post};
use crate::prometheus::Metrics;
use crate::prometheus::promql::tests::cases::{CASES, SHOP};
use crate::prometheus::promql::tests::store_from;

/// All samples but staleness markers, as `OpenMetrics` text.
fn exposition(metrics: &Metrics) -> String {
    let mut text = String::new();
    let state = metrics.0.state();
    for series in state.store.select(&[], 0, i64::MAX) {
        let name = series.labels.get("__name__");
        let labels: Vec<_> = series.labels.iter().skip(1).map(|(label, value)| format!("{label}={value:?}")).collect();
        let labels = labels.join(",");
        for sample in series.samples.iter().filter(|sample| !sample.value.is_nan()) {
            writeln!(text, "{name}{{{labels}}} {} {}", sample.value, sample.at / 1000).unwrap();
        }
    }
    text + "# EOF\n"
}

async fn start(metrics: &Metrics) -> Option<RealPrometheus> {
    RealPrometheus::start_with(&exposition(metrics)).await
}

/// The result by labels, each with its times and values.
fn points(json: &Json) -> BTreeMap<String, Vec<(f64, f64)>> {
    let pair = |pair: &Json| (pair[0].as_f64().unwrap(), pair[1].as_str().unwrap().parse().unwrap());
    let result = &json["data"]["result"];
    if json["data"]["resultType"] == "scalar" {
        return BTreeMap::from([("scalar".to_owned(), vec![pair(result)])]);
    }
    let series = |series: &Json| {
        let metric: BTreeMap<_, _> = series["metric"].as_object().unwrap().iter().collect();
        let values = match series.get("values") {
            Some(values) => values.as_array().unwrap().iter().map(pair).collect(),
            None => vec![pair(&series["value"])],
        };
        (serde_json::to_string(&metric).unwrap(), values)
    };
    result.as_array().unwrap_or_else(|| panic!("{json}")).iter().map(series).collect()
}

#[track_caller]
fn assert_same(ours: &Json, theirs: &Json, what: &str) {
    let (ours, theirs) = (points(ours), points(theirs));
    let keys = |all: &BTreeMap<String, Vec<(f64, f64)>>| all.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&ours), keys(&theirs), "{what}");
    for (labels, values) in &ours {
        let others = &theirs[labels];
        assert_eq!(values.len(), others.len(), "{what} {labels}");
        for ((at, value), (their_at, their_value)) in values.iter().zip(others) {
            let near = value.to_bits() == their_value.to_bits()
                || value.is_nan() && their_value.is_nan()
                || (value - their_value).abs() <= 1e-9 * their_value.abs().max(1e-6);
            assert!(near && (at - their_at).abs() < 1e-3, "{what} {labels} at {at}: {value}, theirs {their_value}");
        }
    }
}

/// What the presets of the product ask, and what people type.
const QUERIES: &[&str] = &[
    r#"sum(rate(http_requests_total{namespace="shop",pod=~"web-5d-.*"}[1m]))"#,
    r#"(sum(rate(http_requests_total{pod=~"web-5d-.*",code=~"5.."}[2m])) or 0 * sum(rate(http_requests_total{pod=~"web-5d-.*"}[2m]))) / sum(rate(http_requests_total{pod=~"web-5d-.*"}[2m]))"#,
    r#"(sum(rate(http_requests_total{code="503"}[2m])) or 0 * sum(rate(http_requests_total[2m]))) / sum(rate(http_requests_total[2m]))"#,
    r#"sum(rate(http_requests_total{code="503"}[2m])) / sum(rate(http_requests_total[2m]))"#,
    "histogram_quantile(0.5, sum by (le) (rate(http_request_duration_seconds_bucket[1m])))",
    "histogram_quantile(0.99, sum by (pod, le) (rate(http_request_duration_seconds_bucket[5m])))",
    "histogram_quantile(0.95, http_request_duration_seconds_bucket)",
    r#"sum(rate(container_cpu_usage_seconds_total{container!="",pod=~"web-7f-.*"}[1m]))"#,
    "sum by (pod, code) (increase(http_requests_total[90s]))",
    "irate(http_requests_total[30s])",
    "delta(http_requests_total[1m])",
    "increase(http_requests_total{code=\"200\"}[14s])",
    "increase(http_requests_total{code=\"200\"}[4s])",
    "increase(http_requests_total{code=\"200\"}[9s] offset 2m)",
    "rate(http_request_duration_seconds_sum[1m]) / rate(http_request_duration_seconds_count[1m])",
    "time() - max(timestamp(http_requests_total))",
    "http_requests_total[20s]",
    r#"{__name__=~"http_request_duration_seconds|http_request_duration_seconds_bucket",pod=~"web-5d-[^-]+"}[90s]"#,
    "up[90s]",
    "count by (code) (http_requests_total)",
    "max_over_time(http_requests_total[1m]) - min_over_time(http_requests_total[1m])",
    "topk(1, sum by (pod) (rate(http_requests_total[1m])))",
    "up == 1 and on(pod) http_requests_total{code=\"500\"} > 30",
    r#"sum by (track) (label_replace(rate(http_requests_total[1m]), "track", "$1", "pod", "web-(.*)-.*"))"#,
];

#[tokio::test]
async fn a_real_prometheus_gives_the_same_answers() {
    let metrics = canary();
    let Some(real) = start(&metrics).await else {
        return;
    };
    let server = metrics.serve().await.unwrap();
    let ours = server.url();
    // Between two scrapes: on them, ranges of 2.x hold one sample more on the left.
    for at in [START + 602, START + 733, START + 179 * INTERVAL + 3] {
        for query in QUERIES {
            let form = [("query", *query), ("time", &at.to_string())];
            let (code, mine) = post(&ours, "query", &form).await;
            let (their_code, theirs) = post(&real.url, "query", &form).await;
            assert_eq!((code, &mine["data"]["resultType"]), (their_code, &theirs["data"]["resultType"]), "{query}");
            assert_same(&mine, &theirs, query);
        }
    }
    let (start, end) = ((START + 602).to_string(), (START + 1302).to_string());
    for query in QUERIES.iter().filter(|query| !query.ends_with(']')) {
        let form = [("query", *query), ("start", &start), ("end", &end), ("step", "30")];
        let (_, mine) = post(&ours, "query_range", &form).await;
        let (_, theirs) = post(&real.url, "query_range", &form).await;
        assert_same(&mine, &theirs, query);
    }
    for path in ["labels", "series"] {
        let form = [("match[]", "http_requests_total"), ("start", &start), ("end", &end)];
        assert_eq!(post(&ours, path, &form).await, post(&real.url, path, &form).await, "{path}");
    }
}

#[tokio::test]
async fn a_real_prometheus_agrees_on_the_language_and_its_errors() {
    let metrics = Metrics::new(0);
    metrics.0.state().store = store_from(SHOP, START);
    let Some(real) = start(&metrics).await else {
        return;
    };
    let server = metrics.serve().await.unwrap();
    let ours = server.url();
    let at = (START + 62).to_string();
    let bad = [
        "sum(",
        "up{",
        "foo(up)",
        "rate(up)",
        "{}",
        "1 > 2",
        "up and 1",
        "topk(up)",
        "mem / on(pod) req",
        "req / on(pod) mem",
        "sum(up)[5m]",
        "up{a=~\"(\"}",
        "",
    ];
    let newer = |query: &str| query.contains("5m + 1h") || query.contains("gone");
    for query in CASES.iter().map(|(query, _)| *query).chain(bad).filter(|query| !newer(query)) {
        let form = [("query", query), ("time", &at)];
        let (code, mine) = post(&ours, "query", &form).await;
        let (their_code, theirs) = post(&real.url, "query", &form).await;
        assert_eq!((code, &mine["errorType"]), (their_code, &theirs["errorType"]), "{query}: {mine} {theirs}");
        if mine["data"]["resultType"] == "string" {
            assert_eq!(mine, theirs);
        } else if code == 200 {
            assert_same(&mine, &theirs, query);
        }
    }
}
