//! The counts of the analysis from the simulator: newborn errors, outages, another rollout, a restart.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::simulated::{Metrics, Outage, PodLoad};
use super::whole_source::{RunningSource, pod};
use super::{settings, tracks, web};
use crate::config::Prometheus;
use crate::config::query::Query;
use crate::domain::facts::signals::{Signal, Tracks};
use crate::platform::Redactor;
use crate::sources::prometheus::answer::Data;
use crate::sources::prometheus::client::PrometheusClient;
use analysis::Look;

/// Between two scrapes of the tests.
const SCRAPE_INTERVAL: Duration = Duration::from_millis(200);

/// Traffic that continues while the test looks.
struct Traffic {
    metrics: Metrics,
    loads: Arc<Mutex<Vec<PodLoad>>>,
    end: CancellationToken,
}

impl Traffic {
    fn start(pods: Vec<PodLoad>) -> Self {
        let (metrics, loads, end) = (Metrics::new(3), Arc::new(Mutex::new(pods)), CancellationToken::new());
        let now = Timestamp::now();
        for n in (1..20).rev() {
            let at = now - SignedDuration::try_from(SCRAPE_INTERVAL * n).unwrap();
            metrics.scrape(at, SCRAPE_INTERVAL, &loads.lock().unwrap());
        }
        let (scraped, of, ended) = (metrics.clone(), Arc::clone(&loads), end.clone());
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(SCRAPE_INTERVAL);
            while !ended.is_cancelled() {
                ticks.tick().await;
                scraped.scrape(Timestamp::now(), SCRAPE_INTERVAL, &of.lock().unwrap());
            }
        });
        Self { metrics, loads, end }
    }

    fn now(&self, pods: Vec<PodLoad>) {
        *self.loads.lock().unwrap() = pods;
    }
}

fn two() -> Vec<PodLoad> {
    vec![pod("web-5d-a", 60.0, 0.0), pod("web-7f-c", 40.0, 0.0)]
}

/// Requests and errors of canary and stable in all looks.
fn totals(looks: &[(Tracks, Look)]) -> [u64; 4] {
    let mut all = [0; 4];
    for (_, look) in looks {
        if let Look::Scrape(scrape) = look {
            let of = [scrape.canary.requests, scrape.canary.errors, scrape.stable.requests, scrape.stable.errors];
            all.iter_mut().zip(of).for_each(|(all, of)| *all += of);
        }
    }
    all
}

/// What the server's own samples say was counted: for what was there from the start all but what it began with.
async fn expected(url: &str) -> [u64; 4] {
    let client = PrometheusClient::new(&settings(url), &Redactor::default()).await.unwrap();
    let Data::Matrix(runs) = client.query("http_requests_total[10m]").await.unwrap().data else { panic!() };
    let first = runs.iter().map(|run| run.values[0].at).min().unwrap();
    let mut all = [0; 4];
    for run in runs {
        let was = if run.values[0].at == first { run.values[0].value } else { 0.0 };
        let gained = (run.values.last().unwrap().value - was) as u64;
        let track = if run.metric["pod"].starts_with("web-7f") { 0 } else { 2 };
        all[track] += gained;
        if run.metric["code"].starts_with('5') {
            all[track + 1] += gained;
        }
    }
    all
}

fn why(source: &RunningSource) -> &str {
    match source.looks.last() {
        Some((_, Look::Missing { why, .. })) => why,
        _ => "",
    }
}

fn counting(source: &RunningSource) -> bool {
    matches!(source.looks.last(), Some((_, Look::Scrape(_))))
}

#[tokio::test]
async fn totals_are_exact_across_outages_and_restart() {
    let traffic = Traffic::start(two());
    let server = traffic.metrics.serve().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut source = RunningSource::keeping(settings(&server.url()), Some(folder.path().to_owned())).await;
    source.tracks.send_replace(BTreeMap::from([(web(), tracks())]));
    source.until("counts", counting).await;
    assert_eq!(source.looks[0].1, Look::Reset);
    // The canary's first errors are a series of their own, and one of its pods begins only now.
    traffic.now(vec![pod("web-5d-a", 60.0, 0.0), pod("web-7f-c", 40.0, 0.3), pod("web-7f-d", 40.0, 0.5)]);
    source.until("errors", |f| totals(&f.looks)[1] > 5).await;
    let cases = [
        (Outage::Down, "cannot reach"),
        (Outage::Html, "HTML"),
        (Outage::Truncated, "the JSON breaks off"),
        (Outage::Unprocessable, "rejects the query (422 execution)"),
        (Outage::Partial, "partial data: receive series from store-1:10901"),
        (Outage::Empty, "an answer that is not Prometheus"),
    ];
    for (outage, part) in cases {
        traffic.metrics.set_outage(outage);
        source.until(part, |f| why(f).contains(part)).await;
        traffic.metrics.set_outage(Outage::None);
        source.until("the end of it", counting).await;
    }
    // Another process continues where this one ended.
    source.cancel.cancel();
    source.tasks.close();
    source.tasks.wait().await;
    source.drain();
    let before = std::mem::take(&mut source.looks);
    let mut source = RunningSource::keeping(settings(&server.url()), Some(folder.path().to_owned())).await;
    source.tracks.send_replace(BTreeMap::from([(web(), tracks())]));
    source.until("counts again", counting).await;
    assert!(source.looks.iter().all(|(_, look)| *look != Look::Reset), "the same rollout goes on");
    source.looks.splice(0..0, before);
    // Pods that serve nothing are scraped on: the last requests are counted whenever the next look comes.
    traffic.now(vec![pod("web-5d-a", 0.0, 0.0), pod("web-7f-c", 0.0, 0.0), pod("web-7f-d", 0.0, 0.0)]);
    let all = expected(&server.url()).await;
    source.until("the last requests are counted", |f| totals(&f.looks) == all).await;
    traffic.end.cancel();
    source.until("the last samples are old", |f| why(f).contains("the newest sample of")).await;
    assert_eq!(totals(&source.looks), all);
    let times: Vec<f64> =
        source.looks.iter().filter_map(|(_, look)| if let Look::Scrape(s) = look { Some(s.t) } else { None }).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[tokio::test]
async fn latencies_come_as_own_counts_of_common_buckets() {
    let traffic = Traffic::start(two());
    let server = traffic.metrics.serve().await.unwrap();
    let mut source = RunningSource::keeping(settings(&server.url()), None).await;
    source.tracks.send_replace(BTreeMap::from([(web(), tracks())]));
    source.until("counts", |f| totals(&f.looks)[0] > 40).await;
    for (_, look) in &source.looks {
        let Look::Scrape(scrape) = look else { continue };
        for counts in [&scrape.canary, &scrape.stable] {
            assert_eq!(counts.buckets.iter().map(|bucket| bucket.count).sum::<u64>(), counts.requests);
            assert!(counts.buckets.windows(2).all(|two| two[0].le < two[1].le));
            assert!(counts.buckets.last().unwrap().le.is_infinite());
        }
        assert_eq!(scrape.stable_pods.iter().map(|pod| pod.requests).sum::<u64>(), scrape.stable.requests);
    }
}

#[tokio::test]
async fn new_canary_starts_new_counts() {
    let traffic = Traffic::start(two());
    let server = traffic.metrics.serve().await.unwrap();
    let mut source = RunningSource::keeping(settings(&server.url()), None).await;
    let promoted = Tracks { stable: Some("web-7f".to_owned()), canary: None };
    source.tracks.send_replace(BTreeMap::from([(web(), promoted.clone())]));
    source.until("looks", |f| f.samples > 5).await;
    assert!(source.looks.is_empty());
    source.tracks.send_replace(BTreeMap::from([(web(), tracks())]));
    source.until("counts", counting).await;
    let back = Tracks { canary: Some("web-5d".to_owned()), ..promoted };
    source.tracks.send_replace(BTreeMap::from([(web(), back.clone())]));
    source.until("the other one", |f| counting(f) && f.looks.last().unwrap().0 == back).await;
    let resets = source.looks.iter().filter(|(_, look)| *look == Look::Reset).count();
    assert_eq!(resets, 2);
}

#[tokio::test]
async fn own_rates_alone_are_no_counts() {
    let traffic = Traffic::start(two());
    let server = traffic.metrics.serve().await.unwrap();
    let mut own = settings(&server.url());
    own.queries.insert(Signal::Rps, Query::parse("sum(rate(http_requests_total{pod=~\"{{pods}}\"}[1m]))").unwrap());
    let mut source = RunningSource::keeping(Prometheus { ..own }, None).await;
    source.tracks.send_replace(BTreeMap::from([(web(), tracks())]));
    source.until("the reason", |f| why(f).contains("[prometheus.counters]")).await;
}
