//! Every scenario runs as its description says.

use std::time::Duration;

use serde_json::Value;

use super::{WAIT_TIMEOUT, start};
use crate::faults::Fault;
use crate::kubernetes::object::{annotation, items, number, text};
use crate::{Cluster, DrillFault, Options, Scenario, Simulator};

/// Fast enough for a test; slow enough for its pauses to be seen.
const TEST_SPEED: f64 = 15.0;

async fn until(cluster: &Cluster, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let kind = cluster.workloads()[0].split_once('/').unwrap().0.to_owned();
    let find = |cluster: &Cluster| cluster.get(&kind, "payments-api").unwrap();
    let waited = cluster.wait_until(WAIT_TIMEOUT, |cluster| holds(&find(cluster))).await;
    assert!(waited.is_ok(), "{what} never came: {}", find(cluster)["status"]);
    find(cluster)
}

fn prod_eu(simulator: &Simulator) -> &Cluster {
    simulator.cluster("prod-eu").unwrap()
}

fn weight(rollout: &Value) -> i64 {
    number(rollout, "/status/canary/weights/canary/weight", -1)
}

#[tokio::test]
async fn canary_waits_at_twenty_percent() {
    let simulator = start("canary", TEST_SPEED).await;
    let staging = simulator.cluster("staging").unwrap().get("rollout", "payments-api").unwrap();
    assert_eq!(text(&staging, "/status/phase"), "Healthy");
    assert!(text(&staging, "/spec/template/spec/containers/0/image").ends_with(":1.5.0"));
    assert_eq!(annotation(&staging, "rollout.argoproj.io/revision"), Some("3"));
    let us = simulator.cluster("prod-us").unwrap();
    assert!(us.is_protected());
    assert_eq!(us.list("pods").len(), 12);
    let rollout = until(prod_eu(&simulator), "the pause", |r| text(r, "/status/message") == "CanaryPauseStep").await;
    assert_eq!(weight(&rollout), 20);
    assert_eq!(number(&rollout, "/status/updatedReplicas", 0), 2);
    let ages: Vec<String> = prod_eu(&simulator)
        .list("replicasets")
        .iter()
        .map(|set| text(set, "/metadata/creationTimestamp")[..10].to_owned())
        .collect();
    assert_eq!(ages.iter().collect::<std::collections::HashSet<_>>().len(), 3, "a past: {ages:?}");
    assert_eq!(simulator.clusters().len(), 3);
    let config = simulator.config_toml();
    assert!(config.contains("workloads = [\"rollout/payments-api\"]"), "{config}");
}

#[tokio::test]
async fn error_spike_fails_at_a_quarter() {
    let simulator = start("error-spike", TEST_SPEED).await;
    until(prod_eu(&simulator), "25 %", |r| weight(r) == 25).await;
    let url = format!("{}/api/v1/query", simulator.prometheus_url());
    let query = "sum(rate(http_requests_total{cluster=\"prod-eu\",code=\"500\"}[10s])) \
                 / sum(rate(http_requests_total{cluster=\"prod-eu\"}[10s]))";
    let spiked = tokio::time::timeout(WAIT_TIMEOUT, async {
        loop {
            let answer = support::http_client().get(&url).query(&[("query", query)]).send().await.unwrap();
            let body: Value = answer.json().await.unwrap();
            let ratio = text(&body, "/data/result/0/value/1").parse::<f64>().unwrap_or(0.0);
            if ratio > 0.01 {
                return ratio;
            }
            // Scrapes come by the wall clock; there is nothing else to wait for.
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    });
    assert!(spiked.await.unwrap() < 0.2);
}

#[tokio::test]
async fn crash_loop_makes_no_progress() {
    let simulator = start("crash-loop", TEST_SPEED).await;
    let cluster = prod_eu(&simulator);
    let rollout = until(cluster, "the deadline", |r| text(r, "/status/phase") == "Degraded").await;
    assert!(text(&rollout, "/status/message").starts_with("ProgressDeadlineExceeded"));
    assert_eq!(weight(&rollout), 0);
    let crashed =
        cluster.list("pods").into_iter().find(|pod| text(pod, "/spec/containers/0/image").ends_with(":1.5.0")).unwrap();
    assert!(number(&crashed, "/status/containerStatuses/0/restartCount", 0) > 0);
    let path =
        format!("/api/v1/namespaces/payments/pods/{}/log?previous=true&tailLines=1", text(&crashed, "/metadata/name"));
    let (code, log) = super::Client::new(cluster, "viewer-token").get(&path).await;
    assert_eq!((code, log), (200, Value::String("panic: signing key is required\n".to_owned())));
    let staging = simulator.cluster("staging").unwrap();
    assert!(staging.list("pods").iter().all(|pod| text(pod, "/status/phase") == "Running"), "well in staging");
}

#[tokio::test]
async fn blue_green_waits_to_switch() {
    let simulator = start("blue-green", TEST_SPEED).await;
    let cluster = prod_eu(&simulator);
    let rollout = until(cluster, "the preview", |r| text(r, "/status/message") == "BlueGreenPause").await;
    assert_ne!(text(&rollout, "/status/blueGreen/activeSelector"), text(&rollout, "/status/blueGreen/previewSelector"));
    cluster.patch_status("rollout", "payments-api", &serde_json::json!({"status": {"pauseConditions": null}})).unwrap();
    until(cluster, "the switch", |r| text(r, "/status/phase") == "Healthy").await;
}

#[tokio::test]
async fn deployment_rolls_to_the_end() {
    let simulator = start("deployment", TEST_SPEED).await;
    let cluster = prod_eu(&simulator);
    until(cluster, "the middle", |d| {
        (1..10).contains(&number(d, "/status/updatedReplicas", 0)) && number(d, "/status/replicas", 0) == 11
    })
    .await;
    let deployment = until(cluster, "the end", |d| {
        items(d, "/status/conditions").iter().any(|c| text(c, "/reason") == "NewReplicaSetAvailable")
            && number(d, "/status/updatedReplicas", 0) == 10
    })
    .await;
    assert_eq!(annotation(&deployment, "deployment.kubernetes.io/revision"), Some("3"));
    assert_eq!(annotation(&deployment, "kubernetes.io/change-cause"), Some("payments-api 1.5.0"));
}

#[tokio::test]
async fn api_outage_comes_and_goes() {
    let simulator = start("api-outage", TEST_SPEED).await;
    let faults = prod_eu(&simulator).faults();
    let mut outages = faults.outages();
    let seen = tokio::time::timeout(WAIT_TIMEOUT, async {
        outages.wait_for(|down| *down).await.unwrap();
        outages.wait_for(|down| !*down).await.unwrap();
        let mut changes = faults.changes();
        while faults.fault_of_open_watch("GET", "/") != Some(Fault::TooManyRequests { retry_after: 1 }) {
            changes.changed().await.unwrap();
        }
        while faults.fault_of_open_watch("GET", "/").is_some() {
            changes.changed().await.unwrap();
        }
    });
    seen.await.unwrap();
    assert!(!simulator.faults("staging").unwrap().is_down());
}

#[tokio::test]
async fn the_same_seed_gives_the_same_names() {
    let names = |simulator: &Simulator| -> Vec<String> {
        let pods = simulator.cluster("prod-us").unwrap().list("pods");
        pods.iter().map(|pod| text(pod, "/metadata/name").to_owned()).collect()
    };
    let (one, other) = (start("canary", 1.0).await, start("canary", 1.0).await);
    assert_eq!(names(&one), names(&other));
}

#[tokio::test]
async fn a_kubeconfig_is_private() {
    let simulator = start("empty", 1.0).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    simulator.write_kubeconfig(&path).unwrap();
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    let error = simulator.write_kubeconfig(&folder.path().join("no/such/folder")).unwrap_err();
    assert!(error.to_string().contains("no/such/folder"), "{error}");
}

#[tokio::test]
async fn pods_of_a_crash_drill_start_healthy_and_fail_later() {
    let scenario = Scenario::drill(DrillFault::Crash, Duration::from_secs(20)).unwrap();
    let simulator = Simulator::start(&scenario, Options { speed: 4.0, ..Options::default() }).await.unwrap();
    let served = simulator.served();
    let changed = |_: &Cluster| served.lock().unwrap().iter().any(|served| served.changed);
    let waited = simulator.current().unwrap().wait_until(WAIT_TIMEOUT, changed).await;
    let served = served.lock().unwrap().clone();
    assert!(waited.is_ok(), "{served:?}");
    let began = served.iter().position(|served| served.changed).unwrap();
    assert!(served[..began].iter().any(|served| served.requests > 0), "{served:?}");
    let crashed = |pod: &Value| number(pod, "/status/containerStatuses/0/restartCount", 0) > 0;
    let any = |cluster: &Cluster| cluster.list("pods").iter().any(crashed);
    assert!(simulator.current().unwrap().wait_until(WAIT_TIMEOUT, any).await.is_ok());
}

#[tokio::test]
async fn errors_follow_the_flag_and_no_pod_changes() {
    let simulator = start("flag", TEST_SPEED).await;
    let cluster = prod_eu(&simulator);
    let pods = || cluster.list("pods").iter().map(|pod| text(pod, "/metadata/uid").to_owned()).collect::<Vec<_>>();
    let before = pods();
    let failing = async |wanted: bool| {
        let ratio = "sum(rate(http_requests_total{cluster=\"prod-eu\",code=\"500\"}[5s])) \
                     / sum(rate(http_requests_total{cluster=\"prod-eu\"}[5s]))";
        let url = format!("{}/api/v1/query", simulator.prometheus_url());
        let seen = tokio::time::timeout(WAIT_TIMEOUT, async {
            loop {
                let answer = support::http_client().get(&url).query(&[("query", ratio)]).send().await.unwrap();
                let body: Value = answer.json().await.unwrap();
                let ratio = text(&body, "/data/result/0/value/1").parse::<f64>().ok();
                if ratio.is_some_and(|ratio| (ratio > 0.05) == wanted) {
                    return;
                }
                // Scrapes come by the wall clock; there is nothing else to wait for.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        assert!(seen.await.is_ok(), "errors never were as with the flag {wanted}");
    };
    failing(true).await;
    assert!(simulator.unleash().reach("express-checkout-v2", "prod-us").abs() < 1e-9);
    simulator.unleash().turn("express-checkout-v2", "prod-eu", false, "alice");
    failing(false).await;
    assert_eq!(pods(), before);
}
