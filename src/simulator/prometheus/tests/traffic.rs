//! What the generated traffic looks like through queries.

use super::{INTERVAL, START, canary, pod, scrape, value};
use crate::prometheus::{FlaggedLoad, Metrics, PodLoad};

#[tokio::test]
async fn figures_match_the_load() {
    let server = canary().serve().await.unwrap();
    let (url, end) = (server.url(), START + 179 * INTERVAL);
    let stable = r#"pod=~"web-5d-.*""#;
    let ask = |query: String| {
        let url = url.clone();
        async move { value(&url, &query, end).await.unwrap() }
    };
    let rps = ask(format!("sum(rate(http_requests_total{{{stable}}}[10m]))")).await;
    assert!((rps - 80.0).abs() < 2.0, "{rps}");
    let errors = ask(format!(
        r#"sum(rate(http_requests_total{{{stable},code="500"}}[10m])) / sum(rate(http_requests_total{{{stable}}}[10m]))"#
    ));
    let errors = errors.await;
    assert!((errors - 0.01).abs() < 0.003, "{errors}");
    for (q, expected) in [(0.5, 0.08), (0.95, 0.182), (0.99, 0.256)] {
        let query = format!(
            "histogram_quantile({q}, sum by (le) (rate(http_request_duration_seconds_bucket{{{stable}}}[10m])))"
        );
        let got = ask(query).await;
        // Linear inside wide buckets: the p99 of 256 ms lies in the bucket from 250 to 500 ms.
        assert!(got > expected * 0.9 && got < expected * 1.4, "p{q}: {got}");
    }
    let mean = ask(format!(
        "sum(rate(http_request_duration_seconds_sum{{{stable}}}[10m])) / sum(rate(http_request_duration_seconds_count{{{stable}}}[10m]))"
    ));
    let mean = mean.await;
    assert!((mean / (0.08 * f64::exp(0.125)) - 1.0).abs() < 0.05, "{mean}");
    let cpu = ask(format!("sum(rate(container_cpu_usage_seconds_total{{{stable}}}[10m]))")).await;
    assert!((cpu - 0.6).abs() < 0.02, "{cpu}");
    let counted = ask("sum(http_requests_total)".to_owned()).await;
    for same in ["sum(http_request_duration_seconds_count)", "sum(http_request_duration_seconds_bucket{le=\"+Inf\"})"] {
        assert_eq!(ask(same.to_owned()).await.to_bits(), counted.to_bits(), "{same}");
    }
}

#[tokio::test]
async fn error_series_starts_with_the_first_error() {
    let metrics = Metrics::new(3);
    scrape(&metrics, 0, 20, &[pod("web-7f-c", 50.0, 0.0)]);
    let server = metrics.serve().await.unwrap();
    let errors = r#"http_requests_total{code="500"}"#;
    assert_eq!(value(&server.url(), errors, START + 19 * INTERVAL).await, None);
    scrape(&metrics, 20, 1, &[pod("web-7f-c", 50.0, 0.5)]);
    let born = value(&server.url(), errors, START + 20 * INTERVAL).await.unwrap();
    assert!(born > 50.0, "{born}");
    // Which is why an increase over a newborn series sees nothing of its first value.
    let increase = format!("increase({errors}[1m])");
    assert_eq!(value(&server.url(), &increase, START + 20 * INTERVAL).await, None);
}

#[tokio::test]
async fn vanished_pod_returns_with_zero_counters() {
    let metrics = Metrics::new(3);
    let (stays, goes) = (pod("web-5d-a", 10.0, 0.0), pod("web-5d-b", 10.0, 0.0));
    scrape(&metrics, 0, 50, &[stays.clone(), goes.clone()]);
    scrape(&metrics, 50, 1, std::slice::from_ref(&stays));
    let server = metrics.serve().await.unwrap();
    let (url, at) = (server.url(), |n: i64| START + n * INTERVAL);
    assert_eq!(value(&url, "count(up)", at(49)).await, Some(2.0));
    assert_eq!(value(&url, "count(up)", at(50)).await, Some(1.0));
    scrape(&metrics, 51, 1, &[stays, goes]);
    assert_eq!(value(&url, "count(up)", at(51)).await, Some(2.0));
    let again = value(&url, r#"http_requests_total{pod="web-5d-b",code="200"}"#, at(51)).await.unwrap();
    assert!(again < 100.0, "{again}");
}

#[test]
fn same_seed_gives_same_samples() {
    let samples = |others: i64| {
        let metrics = Metrics::new(9);
        let mut pods: Vec<_> = (0..others).map(|n| pod(&format!("other-{n}"), 5.0, 0.1)).collect();
        pods.push(pod("web-5d-a", 20.0, 0.05));
        scrape(&metrics, 0, 30, &pods);
        let state = metrics.0.state();
        let mine = state.store.select(&[], 0, i64::MAX).into_iter().filter(|s| s.labels.get("pod") == "web-5d-a");
        mine.map(|s| (s.labels, s.samples)).collect::<Vec<_>>()
    };
    assert_eq!(samples(0), samples(3));
}

#[test]
fn invalid_loads_count_nothing() {
    let metrics = Metrics::new(1);
    let mut bad = pod("web-5d-a", f64::NAN, -3.0);
    bad.median_seconds = f64::INFINITY;
    bad.sigma = -1.0;
    bad.cpu_cores = f64::NEG_INFINITY;
    scrape(&metrics, 0, 3, &[bad]);
    let state = metrics.0.state();
    for series in state.store.select(&[], 0, i64::MAX) {
        let last = series.samples.last().map(|s| s.value);
        let expected = if series.labels.get("__name__") == "up" { 1.0 } else { 0.0 };
        assert_eq!(last, Some(expected), "{}", series.labels);
    }
}

#[tokio::test]
async fn users_who_get_a_flag_are_counted_apart() {
    let metrics = Metrics::new(7);
    let flagged = |share| {
        let with =
            FlaggedLoad { label: "variant".to_owned(), share, error_ratio: 0.5, median_seconds: 0.08, sigma: 0.5 };
        [PodLoad { flagged: Some(with), ..pod("web-5d-a", 100.0, 0.0) }]
    };
    scrape(&metrics, 0, 100, &flagged(0.0));
    scrape(&metrics, 100, 200, &flagged(0.25));
    let server = metrics.serve().await.unwrap();
    let url = server.url();
    let total = |matchers: &str| {
        let query = format!("sum(http_requests_total{{{matchers}}})");
        let url = url.clone();
        async move { value(&url, &query, START + 299 * INTERVAL).await }
    };
    let (with, without) = (total(r#"variant="on""#).await.unwrap(), total(r#"variant="off""#).await.unwrap());
    // A quarter of 100 per second for 1000 s, and the rest of 1500 s.
    assert!((with / 25_000.0 - 1.0).abs() < 0.03 && (without / 125_000.0 - 1.0).abs() < 0.02, "{with} {without}");
    let failed = total(r#"variant="on",code="500""#).await.unwrap();
    assert!((failed / with - 0.5).abs() < 0.03, "{failed}");
    assert_eq!(total(r#"variant="off",code="500""#).await, None);
    assert_eq!(total("variant=\"\"").await, None, "nobody is counted twice");
}
