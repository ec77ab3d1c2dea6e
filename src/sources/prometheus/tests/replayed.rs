//! The past, looked at again.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

use super::simulated::Metrics;
use super::whole_source::pod;
use super::{settings, tracks, web};
use crate::domain::record::guardrails::Guardrails;
use crate::domain::rules::backtest::Findings;
use crate::platform::Redactor;
use crate::sources::prometheus::counts::asking::NoCounters;
use crate::sources::prometheus::counts::replay::{Period, fetching, replay};
use crate::sources::prometheus::{Questions, configured};
use analysis::{AnalysisStatus, Look, Rules};

/// Between two scrapes of the past, in seconds.
const SCRAPE_SECONDS: i64 = 10;

/// A server with an hour of the past in which a canary began 40 minutes ago, failed from 30 minutes ago on, and was gone
/// 20 minutes ago.
fn past(now: Timestamp) -> Metrics {
    let metrics = Metrics::new(11);
    for n in (1..=360).rev() {
        let ago = n * SCRAPE_SECONDS;
        let mut pods = vec![pod("web-5d-a", 40.0, 0.001), pod("web-5d-b", 40.0, 0.001)];
        if (1200..2400).contains(&ago) {
            pods.push(pod("web-7f-c", 20.0, if ago < 1800 { 0.1 } else { 0.001 }));
        }
        let at = now - SignedDuration::from_secs(ago);
        metrics.scrape(at, Duration::from_secs(SCRAPE_SECONDS.unsigned_abs()), &pods);
    }
    metrics
}

fn period(now: Timestamp, from: i64, to: i64) -> Period {
    let ago = |minutes| now - SignedDuration::from_mins(minutes);
    Period { workload: web(), tracks: tracks(), from: ago(from), to: ago(to), every: Duration::from_secs(15) }
}

async fn questions(url: &str) -> Questions {
    configured::questions(&settings(url), "shop", &Redactor::default()).await.unwrap()
}

async fn looks(ahead: i64, questions: &Questions, period: &Period) -> Vec<(Timestamp, Look)> {
    let mut looks = Vec::new();
    let told = |at, look: &Look, _| looks.push((at, look.clone()));
    fetching(ahead, questions, period, &Rules::default(), told).await.unwrap();
    looks
}

#[tokio::test]
async fn past_regression_is_found_at_its_time() {
    let now = Timestamp::now();
    let server = past(now).serve().await.unwrap();
    let mut findings = Findings::default();
    let rails = Guardrails::default();
    let period = period(now, 41, 15);
    replay(&questions(&server.url()).await, &period, &Rules::default(), |at, look, report| {
        findings.take(at, look, &report, &rails);
    })
    .await
    .unwrap();
    let began = now - SignedDuration::from_mins(30);
    let regressed = findings.regressed.clone().unwrap();
    let after = regressed.at.duration_since(began);
    assert!(after > SignedDuration::ZERO && after < SignedDuration::from_mins(3), "{after}: {regressed:?}");
    assert!(findings.suspect.clone().unwrap().at <= regressed.at);
    // 20 requests a second over 20 minutes, a tenth of the second half failed; the last scrapes are not lost.
    let canary = findings.seen.canary;
    assert!((23_000..25_000).contains(&canary.requests), "{canary:?}");
    assert!((1_000..1_400).contains(&canary.errors), "{canary:?}");
}

#[tokio::test]
async fn prefetching_changes_nothing() {
    let now = Timestamp::now();
    let server = past(now).serve().await.unwrap();
    let questions = questions(&server.url()).await;
    let period = period(now, 42, 25);
    let as_live = looks(0, &questions, &period).await;
    assert!(as_live.iter().filter(|(_, look)| matches!(look, Look::Scrape(_))).count() > 50);
    assert_eq!(looks(15 * 60_000, &questions, &period).await, as_live);
    assert_eq!(looks(100_000, &questions, &period).await, as_live);
}

#[tokio::test]
async fn period_without_data_is_not_healthy() {
    let now = Timestamp::now();
    let server = past(now).serve().await.unwrap();
    let mut opinions = Vec::new();
    let questions = questions(&server.url()).await;
    let told = |_, look: &Look, report: analysis::Report| {
        assert!(matches!(look, Look::Missing { .. }), "{look:?}");
        opinions.push(report.opinion);
    };
    replay(&questions, &period(now, 100, 90), &Rules::default(), told).await.unwrap();
    assert!(!opinions.is_empty() && opinions.iter().all(|opinion| *opinion == AnalysisStatus::NoData), "{opinions:?}");
}

#[tokio::test]
async fn a_server_that_is_away_is_an_error() {
    let questions = questions("http://127.0.0.1:9").await;
    let asked = replay(&questions, &period(Timestamp::now(), 9, 1), &Rules::default(), |_, _, _| {}).await;
    assert!(matches!(asked, Err(NoCounters::Query(_))), "{asked:?}");
}
