//! `cockpit backtest` as a person runs it: a journal, a Prometheus, and what comes out.
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use release_cockpit::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey, WorkloadKind};
use release_cockpit::domain::facts::signals::Tracks;
use release_cockpit::domain::record::journal::{Course, Entry, Line};
use serde_json::Value;
use simulator::prometheus::{Metrics, PodLoad};

use crate::cockpit;

fn pod(name: &str, requests_per_second: f64, error_ratio: f64) -> PodLoad {
    PodLoad::web("eu", name, requests_per_second, error_ratio)
}

/// An hour of the past: a canary came 40 minutes ago, failed from 30 minutes ago on, and was gone 20 minutes ago.
fn past(now: Timestamp) -> Metrics {
    let metrics = Metrics::new(5);
    for ago in (1..=360).rev().map(|n| n * 10) {
        let mut pods = vec![pod("web-5d-a", 60.0, 0.001)];
        if (1200..2400).contains(&ago) {
            pods.push(pod("web-7f-c", 20.0, if ago < 1800 { 0.1 } else { 0.001 }));
        }
        metrics.scrape(now - SignedDuration::from_secs(ago), Duration::from_secs(10), &pods);
    }
    metrics
}

/// Writes the journal of the rollout, up to so many minutes ago.
fn journal(folder: &Path, now: Timestamp) {
    journal_until(folder, now, 0);
}

fn journal_until(folder: &Path, now: Timestamp, last_minute: i64) {
    let target =
        || WorkloadKey { env: EnvName::new("prod-eu"), workload: WorkloadId::new(WorkloadKind::Rollout, "web") };
    let observed = |text: &str, course| Entry::Observed {
        target: target(),
        cluster: None,
        text: text.to_owned(),
        course: Some(course),
    };
    let tracks = Tracks { stable: Some("web-5d".to_owned()), canary: Some("web-7f".to_owned()) };
    let opened = Entry::Opened { release: "web 1.5.0".to_owned(), program: "0.1.0".to_owned(), config: None };
    let entries = [
        (41, opened),
        (40, observed("1.5.0 began", Course::UnderWay { tracks, since: None })),
        (20, observed("rollout complete: 1.4.2 is stable", Course::Ended { stable: Some("web-5d".to_owned()) })),
    ];
    let mut text = String::new();
    let mut last: Option<Line> = None;
    for (minutes, entry) in entries.into_iter().filter(|(minutes, _)| *minutes >= last_minute) {
        let line = Line::after(last.as_ref(), now - SignedDuration::from_mins(minutes), entry);
        text += &(serde_json::to_string(&line).unwrap() + "\n");
        last = Some(line);
    }
    std::fs::write(folder.join("web_1.5.0.jsonl"), text).unwrap();
}

/// Runs it on a server, and returns the exit code, what it said and what went wrong.
async fn backtest(url: &str, journals: &Path, words: &[&str]) -> (i32, String, String) {
    let config = journals.join("cockpit.toml");
    let text = format!(
        "[prometheus]\nurl = '{url}'\n[journal]\ndir = '{}'\n[[environments]]\nname = 'prod-eu'\nnamespace = 'shop'\n\
         workloads = ['rollout/web']\n",
        journals.display()
    );
    std::fs::write(&config, text).unwrap();
    let program = cockpit().args(["--config", &config.display().to_string(), "backtest"]);
    program.run_async(words).await.parts()
}

#[tokio::test(flavor = "multi_thread")]
async fn journal_release_is_replayed_and_compared_with_what_happened() {
    let (now, folder) = (Timestamp::now(), tempfile::tempdir().unwrap());
    let server = past(now).serve().await.unwrap();
    journal(folder.path(), now);
    let (code, text, errors) = backtest(&server.url(), folder.path(), &[]).await;
    assert_eq!((code, errors.as_str()), (0, ""), "{text}");
    for part in [
        "web 1.5.0 in prod-eu",
        "regressed",
        "errors: error rate: canary",
        "roll back (autopilot is off",
        "would have been spared",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (_, text, _) = backtest(&server.url(), folder.path(), &["prod-eu", "-o", "json"]).await;
    let json: Value = serde_json::from_str(&text).unwrap();
    let release = &json["releases"][0];
    assert_eq!((&release["canary"], &release["happened"]["end"]), (&"web-7f".into(), &"rolled-back".into()));
    assert_eq!(release["regressed"]["culprit"], "errors");
    let earlier = release["difference"]["earlier_seconds"].as_f64().unwrap();
    assert!((400.0..600.0).contains(&earlier), "the canary failed for ten minutes: {earlier}");
    // A tenth of 20 requests a second until somebody rolled back.
    let spared = release["difference"]["spared_errors"].as_f64().unwrap();
    assert!((spared / earlier - 2.0).abs() < 0.3, "{spared} in {earlier} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_in_progress_does_not_end_in_the_future() {
    let (now, folder) = (Timestamp::now(), tempfile::tempdir().unwrap());
    let server = past(now).serve().await.unwrap();
    // It began two minutes ago by the clock of its journal, and nothing has ended it.
    journal_until(folder.path(), now + SignedDuration::from_mins(38), 40);
    let (_, text, errors) = backtest(&server.url(), folder.path(), &["prod-eu", "-o", "json"]).await;
    let json: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text} {errors}"));
    let to: Timestamp = json["releases"][0]["to"].as_str().unwrap().parse().unwrap();
    assert!(to >= now - SignedDuration::from_secs(1) && to <= Timestamp::now(), "{to} of {now}");
    assert_eq!(json["releases"][0]["happened"]["end"], "unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_may_be_named_by_its_time_and_replicasets() {
    let (now, folder) = (Timestamp::now(), tempfile::tempdir().unwrap());
    let server = past(now).serve().await.unwrap();
    let named = |from, to, canary| ["--from", from, "--to", to, "--stable", "web-5d", "--canary", canary, "-o", "json"];
    let (code, text, errors) = backtest(&server.url(), folder.path(), &named("41m", "15m", "web-7f")).await;
    assert_eq!((code, errors.as_str()), (0, ""), "{text}");
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["releases"][0]["workload"], "rollout/web");
    assert_eq!(json["releases"][0]["happened"]["end"], "unknown");
    assert_eq!(json["releases"][0]["regressed"]["culprit"], "errors");
    // Nothing was counted: that is no healthy release.
    for words in [named("100m", "90m", "web-7f"), named("41m", "15m", "web-9a")] {
        let (code, text, _) = backtest(&server.url(), folder.path(), &words).await;
        let json: Value = serde_json::from_str(&text).unwrap();
        let trouble = json["releases"][0]["trouble"].as_str().unwrap();
        assert!(trouble.contains("no request counter for the canary"), "{trouble}");
        assert_eq!((code, &json["releases"][0]["verdict"]), (4, &Value::Null));
    }
    let (code, _, errors) = backtest(&server.url(), folder.path(), &named("15m", "41m", "web-7f")).await;
    assert_eq!(code, 2);
    assert!(errors.contains("--to has to be later"), "{errors}");
}

#[tokio::test]
async fn exit_codes_tell_blind_usage_and_error() {
    let folder = tempfile::tempdir().unwrap();
    let dead = "http://127.0.0.1:9";
    let (code, _, errors) = backtest(dead, folder.path(), &[]).await;
    assert_eq!(code, 4);
    assert!(errors.contains("no journal has a rollout"), "{errors}");
    let (code, _, errors) = backtest(dead, folder.path(), &["prod"]).await;
    assert_eq!((code, errors.contains("prod-eu")), (2, true), "{errors}");
    assert_eq!(backtest(dead, folder.path(), &["--from", "9m"]).await.0, 2);
    journal(folder.path(), Timestamp::now());
    let (code, text, _) = backtest(dead, folder.path(), &[]).await;
    assert_eq!((code, text.contains("cannot reach")), (1, true), "{text}");
}
