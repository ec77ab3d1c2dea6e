//! The canaries of the demo for half an hour: the healthy one is never held, whatever the seed, and bad ones are found.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use simulator::Scenario;

use super::simulated::{Metrics, PodLoad};
use super::{settings, tracks, web};
use crate::domain::facts::signals::{NoData, Sample, Signals};
use crate::domain::facts::workload::Status;
use crate::domain::rules::verdict::assess;
use crate::domain::world::verdict::{CanaryReport, Limits, Verdict};
use crate::platform::Redactor;
use crate::sources::prometheus::configured;
use crate::sources::prometheus::counts::replay::{Period, replay};
use analysis::{AnalysisStatus, Look, Report, Rules};

const SEEDS: u64 = 20;
const MINUTES: i64 = 30;
const SCRAPE_SECONDS: i64 = 10;
const ANALYSIS_SECONDS: i64 = 15;
/// Before that there is no rate of the canary over the whole window.
const FIRST_WINDOW: SignedDuration = SignedDuration::from_secs(90);
const CANARY_SHARE: f64 = 0.2;
const STABLE: &str = "registry.example/payments-api:1.4.2";
const CANARY: &str = "registry.example/payments-api:1.5.0";

/// Ten pods of stable and two of the canary, at a fifth of the requests.
fn pods(scenario: &str, canary: impl Fn(PodLoad) -> PodLoad) -> (String, Vec<PodLoad>, Vec<PodLoad>) {
    let scenario = Scenario::load(scenario).unwrap();
    let prod = scenario.environments.iter().find(|env| env.name == "prod-eu").unwrap();
    let named = |hash: &str, image: &str, count: u32, share: f64| {
        let pod = |n| prod.load(image, &format!("web-{hash}-{n}"), share / f64::from(count));
        (0..count).map(pod).collect::<Vec<_>>()
    };
    let canaries = named("7f", CANARY, 2, CANARY_SHARE).into_iter().map(canary).collect();
    (prod.namespace.clone(), named("5d", STABLE, 10, 1.0 - CANARY_SHARE), canaries)
}

/// Returns the verdict after each look of half an hour, with the analysis result and the weightiest reason.
async fn judged(
    seed: u64,
    (namespace, stable, canary): &(String, Vec<PodLoad>, Vec<PodLoad>),
) -> Vec<(Verdict, AnalysisStatus, String)> {
    let now = Timestamp::now();
    let began = now - SignedDuration::from_mins(MINUTES);
    let metrics = Metrics::new(seed);
    for n in (0..(MINUTES * 60 + 120) / SCRAPE_SECONDS).rev() {
        let at = now - SignedDuration::from_secs(n * SCRAPE_SECONDS);
        let all: Vec<_> = stable.iter().chain(canary.iter().filter(|_| at >= began)).cloned().collect();
        metrics.scrape(at, Duration::from_secs(SCRAPE_SECONDS.unsigned_abs()), &all);
    }
    let server = metrics.serve().await.unwrap();
    let questions = configured::questions(&settings(&server.url()), namespace, &Redactor::default()).await.unwrap();
    let every = Duration::from_secs(ANALYSIS_SECONDS.unsigned_abs());
    let period = Period { workload: web(), tracks: tracks(), from: began, to: now, every };
    let mut reports: Vec<(Timestamp, Report)> = Vec::new();
    let told = |at, look: &Look, report| {
        if !matches!(look, Look::Reset) {
            reports.push((at, report));
        }
    };
    replay(&questions, &period, &Rules::default(), told).await.unwrap();
    let span = Duration::from_secs(u64::try_from(MINUTES * 60).unwrap());
    let history = questions.history(&web(), &tracks(), span, every, None).await.unwrap();
    let mut signals = Signals { interval: Some(SignedDuration::from_secs(ANALYSIS_SECONDS)), ..Signals::default() };
    let mut verdicts = Vec::new();
    let Some(times) = history.values().next() else { panic!("no history") };
    for point in times.points().filter(|point| point.at >= began + FIRST_WINDOW) {
        let reading = |series: &crate::domain::facts::series::Series| {
            let at = series.points().find(|other| other.at == point.at).and_then(|other| other.value);
            at.ok_or(NoData::Empty)
        };
        let readings = history.iter().map(|(key, series)| (*key, reading(series))).collect();
        signals.take(&Sample { at: point.at, readings });
        let Some((at, report)) = reports.iter().rev().find(|(at, _)| *at <= point.at) else { continue };
        let said = CanaryReport { tracks: tracks(), report: Arc::new(report.clone()), at: *at, flags: None };
        let found = assess(&Status::of_canary_at_20_percent(), &signals, &Limits::default(), Some(&said), point.at);
        let reason = found.describe().next().unwrap_or_default().to_owned();
        verdicts.push((found.verdict, report.opinion, reason));
    }
    assert!(verdicts.len() > 100, "{} looks", verdicts.len());
    verdicts
}

#[tokio::test]
async fn the_healthy_demo_stays_go_or_wait_for_every_seed() {
    let pods = pods("canary", |pod| pod);
    let mut went_off = Vec::new();
    for seed in 0..SEEDS {
        let verdicts = judged(seed, &pods).await;
        let wrong = verdicts.iter().find(|(verdict, ..)| !matches!(verdict, Verdict::Go | Verdict::Wait));
        assert_eq!(wrong, None, "seed {seed}");
        let alarm = |(_, opinion, _): &&(_, AnalysisStatus, _)| {
            matches!(opinion, AnalysisStatus::Suspect | AnalysisStatus::Regressed)
        };
        went_off.extend(verdicts.iter().find(alarm).map(|found| (seed, found.clone())));
        assert_eq!(verdicts.last().unwrap().0, Verdict::Go, "seed {seed}: {:?}", verdicts.last());
    }
    assert_eq!(went_off, []);
}

#[tokio::test]
async fn bad_canaries_of_the_demo_end_as_no_go() {
    type Change = fn(PodLoad) -> PodLoad;
    let failing: Change = |pod| PodLoad { error_ratio: 0.083, ..pod };
    let slow: Change = |pod| PodLoad { median_seconds: pod.median_seconds * 2.0, ..pod };
    let as_it_is: Change = |pod| pod;
    for (scenario, change) in [("canary", failing), ("canary", slow), ("not-found", as_it_is)] {
        let pods = pods(scenario, change);
        for seed in 0..2 {
            let verdicts = judged(seed, &pods).await;
            let (_, opinion, reason) = verdicts.last().unwrap();
            assert_eq!(*opinion, AnalysisStatus::Regressed, "{scenario}, seed {seed}: {reason}");
            assert_eq!(verdicts.last().unwrap().0, Verdict::NoGo, "{scenario}, seed {seed}: {reason}");
        }
    }
}
