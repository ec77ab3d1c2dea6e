//! Faults, as clients feel them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Client, Lines, ROLLOUTS, WAIT_TIMEOUT, start};
use crate::faults::{Fault, Rule};
use crate::prometheus::Outage;

#[tokio::test]
async fn requests_fail_by_rule() {
    let simulator = start("canary", 1.0).await;
    let cluster = simulator.cluster("prod-us").unwrap();
    let alice = Client::new(cluster, "alice-token");
    let faults = cluster.faults();
    for (fault, code) in [
        (Fault::TooManyRequests { retry_after: 3 }, 429),
        (Fault::InternalError, 500),
        (Fault::Unavailable, 503),
        (Fault::ExpiredToken, 401),
    ] {
        faults.add(Rule::all(fault.clone()).times(1));
        let response = alice.request(reqwest::Method::GET, ROLLOUTS).send().await.unwrap();
        assert_eq!(response.status().as_u16(), code, "{fault:?}");
        if code == 429 {
            assert_eq!(response.headers()["retry-after"], "3");
        }
        let body: Value = response.json().await.unwrap();
        assert_eq!((&body["kind"], &body["code"]), (&json!("Status"), &json!(code)));
        assert_eq!(alice.get(ROLLOUTS).await.0, 200, "once only");
    }
    faults.add(Fault::Cut);
    let error = alice.request(reqwest::Method::GET, ROLLOUTS).send().await.unwrap_err();
    assert!(error.is_request(), "{error:?}");
    faults.clear();
    faults.add(Fault::Hang);
    let hung = alice.request(reqwest::Method::GET, ROLLOUTS).timeout(Duration::from_millis(200)).send().await;
    assert!(hung.unwrap_err().is_timeout());
}

#[tokio::test]
async fn write_may_succeed_without_answer() {
    let simulator = start("canary", 1.0).await;
    let cluster = simulator.cluster("prod-us").unwrap();
    cluster.faults().add(Rule::all(Fault::CutAfterWrite).method("PATCH"));
    let alice = Client::new(cluster, "alice-token");
    let request = alice
        .request(reqwest::Method::PATCH, &format!("{ROLLOUTS}/payments-api"))
        .header("content-type", "application/merge-patch+json")
        .body(r#"{"spec":{"paused":true}}"#);
    assert!(request.send().await.is_err());
    assert_eq!(cluster.get("rollout", "payments-api").unwrap()["spec"]["paused"], true);
}

#[tokio::test]
async fn open_watches_break_by_rule() {
    let simulator = start("canary", 1.0).await;
    let cluster = simulator.cluster("prod-us").unwrap();
    let alice = Client::new(cluster, "alice-token");
    let open = || async {
        let request = alice.request(reqwest::Method::GET, &format!("{ROLLOUTS}?watch=true"));
        let mut lines = Lines::of(request.send().await.unwrap());
        lines.next().await.unwrap().unwrap();
        lines
    };
    let mut watch = open().await;
    cluster.faults().add(Rule::all(Fault::Cut).path("watch=true"));
    assert!(watch.next().await.is_err());
    cluster.faults().clear();

    let mut watch = open().await;
    cluster.faults().add(Fault::Gone);
    assert_eq!(watch.next().await.unwrap().unwrap()["object"]["code"], 410);
    assert!(watch.next().await.unwrap().is_none());
    cluster.faults().clear();

    let mut watch = open().await;
    cluster.faults().add(Rule::all(Fault::Hang).path("watch=true"));
    cluster.patch("rollout", "payments-api", &json!({"metadata": {"labels": {"seen": "no"}}})).unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(200), watch.next()).await.is_err());
    cluster.faults().clear();
    let event = watch.next().await.unwrap().unwrap();
    assert_eq!(event["object"]["metadata"]["labels"]["seen"], "no", "late, not lost");
    cluster.faults().cut_connections();
    while let Ok(event) = watch.next().await {
        assert!(event.is_some(), "a cut is no clean end");
    }
}

#[tokio::test]
async fn outage_refuses_connections_and_ends() {
    let simulator = start("canary", 1.0).await;
    let cluster = simulator.cluster("prod-eu").unwrap();
    let alice = Client::new(cluster, "alice-token");
    assert_eq!(alice.get(ROLLOUTS).await.0, 200);
    cluster.faults().begin_outage();
    let error = alice.request(reqwest::Method::GET, ROLLOUTS).send().await.unwrap_err();
    assert!(error.is_connect() || error.is_request(), "{error:?}");
    let refused = tokio::time::timeout(WAIT_TIMEOUT, async {
        loop {
            // A connection may slip in while the listener closes; then it is cut.
            match tokio::net::TcpStream::connect(cluster.url().trim_start_matches("http://")).await {
                Err(error) => return error,
                Ok(_) => tokio::task::yield_now().await,
            }
        }
    });
    assert_eq!(refused.await.unwrap().kind(), std::io::ErrorKind::ConnectionRefused);
    cluster.faults().end_outage();
    let back = tokio::time::timeout(WAIT_TIMEOUT, async {
        loop {
            if let Ok(response) = alice.request(reqwest::Method::GET, ROLLOUTS).send().await {
                return response.status().as_u16();
            }
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(back.await.unwrap(), 200);
    // The cluster went on meanwhile.
    cluster
        .wait_until(WAIT_TIMEOUT, |c| c.get("rollout", "payments-api").unwrap()["status"]["phase"] == "Paused")
        .await
        .unwrap();
}

#[tokio::test]
async fn metrics_can_fail() {
    let simulator = start("canary", 1.0).await;
    let query = |text: &str| {
        let url = format!("{}/api/v1/query", simulator.prometheus_url());
        support::http_client().get(url).query(&[("query", text)]).send()
    };
    let requests = "sum by (cluster) (rate(http_requests_total[1m]))";
    let body: Value = query(requests).await.unwrap().json().await.unwrap();
    let clusters: Vec<&str> = body["data"]["result"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|series| series["metric"]["cluster"].as_str())
        .collect();
    assert_eq!(clusters, ["prod-eu", "prod-us", "staging"], "with a past: {body}");
    simulator.set_metrics_outage(Outage::Html);
    let response = query(requests).await.unwrap();
    assert!(response.text().await.unwrap().starts_with("<!DOCTYPE html>"));
}
