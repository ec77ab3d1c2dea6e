//! The server as a client sees it.

mod http;
mod real;
mod traffic;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{Metrics, PodLoad};

/// When the test scrapes begin, in seconds.
const START: i64 = 1_795_177_980;
const INTERVAL: i64 = 5;

fn pod(name: &str, requests_per_second: f64, error_ratio: f64) -> PodLoad {
    PodLoad::web("staging", name, requests_per_second, error_ratio)
}

/// Scrapes `times` times from `from` scrapes after the start on.
fn scrape(metrics: &Metrics, from: i64, times: i64, pods: &[PodLoad]) {
    for n in from..from + times {
        let at = Timestamp::from_second(START + n * INTERVAL).unwrap();
        metrics.scrape(at, Duration::from_secs(INTERVAL.unsigned_abs()), pods);
    }
}

/// Two stable pods and a canary that fails, over a quarter of an hour.
fn canary() -> Metrics {
    let metrics = Metrics::new(42);
    let pods = [pod("web-5d-a", 40.0, 0.01), pod("web-5d-b", 40.0, 0.01), pod("web-7f-c", 8.0, 0.2)];
    scrape(&metrics, 0, 180, &pods);
    metrics
}

/// Posts a form and returns the status and the JSON.
async fn post(url: &str, path: &str, form: &[(&str, &str)]) -> (u16, Json) {
    let client = support::http_client();
    let answer = client.post(format!("{url}/api/v1/{path}")).form(form).send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    let json = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}: {text}"));
    (status, json)
}

/// The value of the only series of a query's answer.
async fn value(url: &str, query: &str, at: i64) -> Option<f64> {
    let (status, json) = post(url, "query", &[("query", query), ("time", &at.to_string())]).await;
    assert_eq!(status, 200, "{query}: {json}");
    let result = json["data"]["result"].as_array().unwrap();
    assert!(result.len() < 2, "{query}: {json}");
    result.first().map(|series| series["value"][1].as_str().unwrap().parse().unwrap())
}
