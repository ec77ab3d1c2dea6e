//! Each preset on the series that it is for: on the simulator, and on a real Prometheus where there is one.

use std::fmt::Write;

use jiff::Timestamp;

use super::simulated::Metrics;
use super::{look, questions};
use crate::config::Preset;
use crate::domain::facts::ids::Track::{Canary, Stable};
use crate::domain::facts::signals::{NoData, Reading, Signal};
use crate::sources::prometheus::detect;
use support::prometheus::RealPrometheus;

/// Counters that grow evenly, one line each: name and labels, then how much per second. They end now.
fn exposition(lines: &str) -> String {
    let now = Timestamp::now().as_second();
    let mut text = String::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (series, rate) = line.rsplit_once(' ').unwrap();
        let rate: f64 = rate.parse().unwrap();
        for n in 0..=60 {
            writeln!(text, "{series} {} {}", 1e6 + rate * f64::from(n) * 5.0, now - 300 + i64::from(n) * 5).unwrap();
        }
    }
    text + "# EOF\n"
}

/// A histogram of requests per second at bounds: half of them below the first, none above the second.
fn histogram(name: &str, labels: &str, bounds: [&str; 2], rate: f64) -> String {
    let mut lines = String::new();
    for (le, share) in [(bounds[0], 0.5), (bounds[1], 1.0), ("+Inf", 1.0)] {
        writeln!(lines, "{name}{{{labels},le=\"{le}\"}} {}", rate * share).unwrap();
    }
    lines
}

const CPU: &str = r#"
    container_cpu_usage_seconds_total{namespace="shop",pod="web-5d-a",container="app"} 0.2
    container_cpu_usage_seconds_total{namespace="shop",pod="web-5d-b",container="app"} 0.4
    container_cpu_usage_seconds_total{namespace="shop",pod="web-5d-b",container=""} 7
    container_cpu_usage_seconds_total{namespace="shop",pod="web-7f-c",container="app"} 0.5
    container_cpu_usage_seconds_total{namespace="other",pod="web-5d-a",container="app"} 9
"#;

/// Series for a preset: stable gets 20 requests/s of which 1 % fail, the canary 5 of which 20 % fail.
fn series(preset: Preset) -> String {
    let (stable, canary) = (r#"namespace="shop",pod="web-5d-a""#, r#"namespace="shop",pod="web-7f-c""#);
    let mut text = CPU.to_owned();
    let mut add = |name: &str, labels: &str, rate: f64| writeln!(text, "{name}{{{labels}}} {rate}").unwrap();
    match preset {
        Preset::Istio => {
            let m = "istio_requests_total";
            let d = r#"reporter="destination""#;
            add(m, &format!(r#"{d},{stable},response_code="200""#), 19.8);
            add(m, &format!(r#"{d},{stable},response_code="503""#), 0.2);
            add(m, &format!(r#"{d},{canary},response_code="200",grpc_response_status="0""#), 4.0);
            add(m, &format!(r#"{d},{canary},response_code="200",grpc_response_status="14""#), 0.4);
            add(m, &format!(r#"{d},{canary},response_code="500",grpc_response_status="13""#), 0.6);
            add(m, &format!(r#"reporter="source",{canary},response_code="503""#), 50.0);
            for (track, rate) in [(stable, 20.0), (canary, 5.0)] {
                let name = "istio_request_duration_milliseconds_bucket";
                text += &histogram(name, &format!("{d},{track}"), ["100", "200"], rate);
            }
        }
        Preset::Linkerd => {
            let m = "response_total";
            let d = r#"direction="inbound""#;
            add(m, &format!(r#"{d},{stable},classification="success""#), 19.8);
            add(m, &format!(r#"{d},{stable},classification="failure""#), 0.2);
            add(m, &format!(r#"{d},{canary},classification="success""#), 4.0);
            add(m, &format!(r#"{d},{canary},classification="failure""#), 1.0);
            add(m, &format!(r#"direction="outbound",{canary},classification="failure""#), 50.0);
            for (track, rate) in [(stable, 20.0), (canary, 5.0)] {
                text += &histogram("response_latency_ms_bucket", &format!("{d},{track}"), ["100", "200"], rate);
            }
        }
        Preset::OtelHttp => {
            let m = "http_server_request_duration_seconds_count";
            add(m, &format!(r#"{stable},http_response_status_code="200""#), 19.8);
            add(m, &format!(r#"{stable},http_response_status_code="503",error_type="503""#), 0.2);
            add(m, &format!(r#"{canary},http_response_status_code="200""#), 4.0);
            add(m, &format!(r#"{canary},http_response_status_code="500",error_type="500""#), 0.7);
            add(m, &format!(r#"{canary},error_type="timeout""#), 0.3);
            for (track, rate) in [(stable, 20.0), (canary, 5.0)] {
                text += &histogram("http_server_request_duration_seconds_bucket", track, ["0.1", "0.2"], rate);
            }
        }
        Preset::IngressNginx => {
            let m = "nginx_ingress_controller_requests";
            let own = r#"namespace="ingress-nginx",exported_namespace="shop",ingress="web""#;
            let alternative = r#"namespace="shop",ingress="web",canary="shop-web-canary-80""#;
            add(m, &format!(r#"{own},status="200""#), 19.7);
            add(m, &format!(r#"{own},status="499""#), 0.1);
            add(m, &format!(r#"{own},status="502""#), 0.2);
            add(m, &format!(r#"{alternative},status="200""#), 4.0);
            add(m, &format!(r#"{alternative},status="500""#), 1.0);
            add(m, r#"namespace="shop",ingress="other",status="500""#, 50.0);
            for (track, rate) in [(own, 20.0), (alternative, 5.0)] {
                let name = "nginx_ingress_controller_request_duration_seconds_bucket";
                text += &histogram(name, track, ["0.1", "0.2"], rate);
            }
        }
        Preset::Plain => {
            let m = "http_requests_total";
            add(m, &format!(r#"{stable},code="200""#), 19.8);
            add(m, &format!(r#"{stable},code="503""#), 0.2);
            add(m, &format!(r#"{canary},status="200""#), 4.0);
            add(m, &format!(r#"{canary},status="500""#), 0.9);
            add(m, &format!(r#"{canary},status="500",code="500""#), 0.1);
            for (track, rate) in [(stable, 20.0), (canary, 5.0)] {
                text += &histogram("http_request_duration_seconds_bucket", track, ["0.1", "0.2"], rate);
            }
        }
    }
    text
}

#[track_caller]
fn assert_near(reading: &Reading, expected: f64, what: &str) {
    assert!(reading.as_ref().is_ok_and(|value| (value / expected - 1.0).abs() < 1e-6), "{what}: {reading:?}");
}

async fn check(url: &str, preset: Preset) {
    let (readings, link) = look(&questions(url, preset).await).await;
    assert_eq!(link, Ok(()));
    let expected = [
        (Stable, Signal::Rps, 20.0),
        (Canary, Signal::Rps, 5.0),
        (Stable, Signal::ErrorRatio, 0.01),
        (Canary, Signal::ErrorRatio, 0.2),
        (Stable, Signal::P50, 0.1),
        (Canary, Signal::P95, 0.19),
        (Stable, Signal::P99, 0.198),
        (Stable, Signal::Saturation, 0.3),
        (Canary, Signal::Saturation, 0.5),
    ];
    for (track, signal, value) in expected {
        assert_near(&readings[&(track, signal)], value, &format!("{} {signal:?} {track:?}", preset.as_str()));
    }
    let client = &questions(url, preset).await.client;
    assert!(detect::presets(client, "shop").await.unwrap().contains(&preset), "{}", preset.as_str());
    assert!(detect::presets(client, "nowhere").await.unwrap().is_empty());
}

#[tokio::test]
async fn every_preset_reads_its_series() {
    for preset in Preset::ALL {
        let server = Metrics::import(&exposition(&series(preset))).unwrap().serve().await.unwrap();
        check(&server.url(), preset).await;
    }
}

#[tokio::test]
async fn every_preset_reads_its_series_in_a_real_prometheus() {
    let all: String = Preset::ALL.iter().map(|preset| series(*preset).replace(CPU, "")).collect();
    let Some(real) = RealPrometheus::start_with(&exposition(&format!("{CPU}\n{all}"))).await else { return };
    for preset in Preset::ALL {
        check(&real.url, preset).await;
    }
}

#[tokio::test]
async fn missing_errors_are_zero_only_with_known_outcomes() {
    let read = async |lines: &str| {
        let server = Metrics::import(&exposition(lines)).unwrap().serve().await.unwrap();
        let (mut readings, _) = look(&questions(&server.url(), Preset::Plain).await).await;
        let mut take = |signal| readings.remove(&(Stable, signal)).unwrap();
        (take(Signal::Rps), take(Signal::ErrorRatio), take(Signal::P99))
    };
    let pod = r#"http_requests_total{namespace="shop",pod="web-5d-a""#;
    let (rps, errors, p99) = read(&format!(r#"{pod},code="200"}} 20"#)).await;
    assert_near(&rps, 20.0, "rps");
    assert_eq!((errors, p99), (Ok(0.0), Err(NoData::Empty)));
    // Errors may be counted under `status_code`: no one knows, so nothing is said.
    let (rps, errors, _) = read(&format!(r#"{pod},status_code="200"}} 20"#)).await;
    assert_near(&rps, 20.0, "rps");
    assert_eq!(errors, Err(NoData::Empty));
    let (rps, errors, _) = read(&format!(r#"{pod},code="200"}} 0"#)).await;
    assert_eq!((rps, errors), (Ok(0.0), Err(NoData::NoTraffic)));
    let (rps, errors, _) = read(r#"http_requests_total{namespace="shop",pod="web-5dx-a",code="200"} 20"#).await;
    assert_eq!((rps, errors), (Err(NoData::Empty), Err(NoData::Empty)));
}
