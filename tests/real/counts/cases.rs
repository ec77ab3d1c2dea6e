//! What happens on the way.

use std::fmt::Write as _;
use std::time::Duration;

use analysis::{Look, Metric, Rules, Scrape, Statuses};
use jiff::{SignedDuration, Timestamp};
use release_cockpit::config::{OwnCounters, Prometheus as Settings, Selector};
use release_cockpit::domain::facts::ids::{WorkloadId, WorkloadKind};
use release_cockpit::domain::facts::signals::Tracks;
use release_cockpit::domain::record::guardrails::{Guardrails, Response};
use release_cockpit::domain::rules::backtest::Findings;
use release_cockpit::platform::Redactor;
use release_cockpit::sources::prometheus::configured;
use release_cockpit::sources::prometheus::counts::replay::{Period, replay};
use serde_json::{Value, json};
use support::prometheus::prometheus_with;
use support::{Checked, Proxy};

use super::Case;
use super::cockpit::Cockpit;
use super::exporter::{Exporter, PROBES};
use super::flag_changes;
use super::scraped::{Scraped, value};
use super::users;

pub const ALL: &[(&str, Case)] = &[
    ("newborn_errors_resets_and_ended_pods_are_exact", || Box::pin(life_of_a_canary())),
    ("statuses_are_counted_and_probes_are_not", || Box::pin(statuses())),
    ("a_server_that_dies_and_a_restart_lose_nothing", || Box::pin(deaths())),
    ("what_is_wrong_is_no_data_and_no_loss", || Box::pin(troubles())),
    ("errors_of_which_rates_see_none_are_counted", || Box::pin(history())),
    ("what_the_server_rejects_is_told", || Box::pin(rejected())),
    ("a_release_of_the_past_is_judged_again", || Box::pin(judged_again())),
    ("a_flag_that_changes_starts_the_proof_over", || Box::pin(flag_changes::start_over())),
    ("a_regression_outlives_every_change_of_a_flag", || Box::pin(flag_changes::regressed_stays())),
    ("users_with_a_flag_and_without_it_are_counted_apart", || Box::pin(users::counted_apart())),
    ("what_was_counted_of_a_flag_is_forgotten_when_it_is_off", || Box::pin(users::forgotten_when_off())),
];

pub const STABLE: &str = "web-5d-a";
pub const CANARY: &str = "web-7f-a";

pub fn settings(url: &str) -> Checked<Settings> {
    Ok(Settings::at(url.parse()?))
}

/// A pod of each track that has answered for long, scraped every second.
pub async fn two_pods() -> Checked<(Exporter, Scraped)> {
    let exporter = Exporter::start().await?;
    exporter.answer(STABLE, "200", 1000.0);
    exporter.answer(CANARY, "200", 50.0);
    let prometheus = Scraped::start(&exporter, &[STABLE, CANARY]).await?;
    prometheus.has_seen(&exporter, STABLE, "200").await?;
    prometheus.has_seen(&exporter, CANARY, "200").await?;
    Ok((exporter, prometheus))
}

async fn life_of_a_canary() -> Checked {
    let (exporter, prometheus) = two_pods().await?;
    let cockpit = Cockpit::open(settings(&prometheus.url())?, None).await?;
    cockpit.counts().await?;
    // The canary's first errors are series born at one and three, the second of a pod that has just begun.
    exporter.answer(CANARY, "200", 9.0);
    exporter.answer(CANARY, "500", 1.0);
    exporter.answer("web-7f-b", "200", 7.0);
    exporter.answer("web-7f-b", "500", 3.0);
    exporter.answer(STABLE, "200", 20.0);
    prometheus.target(&exporter, &[STABLE, CANARY, "web-7f-b"])?;
    cockpit.has_counted([20, 4, 20, 0]).await?;
    // A crash: the counters begin anew, and the first error of the new process comes later and reads more than before.
    exporter.crash(CANARY, 2.0);
    prometheus.has_seen(&exporter, CANARY, "200").await?;
    exporter.answer(CANARY, "500", 5.0);
    cockpit.has_counted([27, 9, 20, 0]).await?;
    // A pod ends: what it counted stays, and the other one goes on.
    prometheus.target(&exporter, &[STABLE, CANARY])?;
    exporter.answer(CANARY, "200", 100.0);
    exporter.answer(STABLE, "503", 2.0);
    cockpit.has_counted([127, 9, 22, 2]).await?;
    for scrape in cockpit.scrapes() {
        for counts in [&scrape.canary, &scrape.stable] {
            // Of the latencies one half was at most a tenth of a second.
            let (fast, all) = (counts.buckets[0].count, counts.buckets.iter().map(|b| b.count).sum::<u64>());
            if (counts.buckets[0].le - 0.1).abs() > 1e-9 || counts.buckets.len() != 2 || fast.abs_diff(all - fast) > 2 {
                return Err(format!("latencies: {counts:?}").into());
            }
        }
    }
    // The canary ends as a whole.
    prometheus.target(&exporter, &[STABLE])?;
    cockpit.says("the newest sample of canary is").await?;
    cockpit.has_counted([127, 9, 22, 2]).await
}

async fn statuses() -> Checked {
    let (exporter, prometheus) = two_pods().await?;
    let cockpit = Cockpit::open(settings(&prometheus.url())?, None).await?;
    cockpit.counts().await?;
    exporter.answer(CANARY, PROBES, 500.0);
    exporter.answer(STABLE, PROBES, 500.0);
    exporter.answer(CANARY, "200", 10.0);
    exporter.answer(CANARY, "302", 2.0);
    exporter.answer(CANARY, "404", 30.0);
    exporter.answer(STABLE, "200", 99.0);
    exporter.answer(STABLE, "403", 1.0);
    cockpit.has_counted([42, 0, 100, 0]).await?;
    let scrapes = cockpit.scrapes();
    let sum = |of: fn(&Scrape) -> Option<Statuses>| {
        scrapes.iter().filter_map(of).fold([0, 0], |[redirects, rejected], statuses| {
            [redirects + statuses.redirects, rejected + statuses.rejected]
        })
    };
    let counted = [sum(|scrape| scrape.canary.statuses), sum(|scrape| scrape.stable.statuses)];
    support::check::same("redirects and rejected requests", &counted, &[[2, 30], [0, 1]])
}

async fn deaths() -> Checked {
    let (exporter, mut prometheus) = two_pods().await?;
    let folder = tempfile::tempdir()?;
    let open = || async { Cockpit::open(settings(&prometheus.url())?, Some(folder.path().to_owned())).await };
    let cockpit = open().await?;
    cockpit.counts().await?;
    exporter.answer(CANARY, "200", 5.0);
    exporter.answer(CANARY, "500", 1.0);
    cockpit.has_counted([6, 1, 0, 0]).await?;
    prometheus.server.kill();
    cockpit.says("cannot reach").await?;
    exporter.answer(CANARY, "500", 3.0);
    exporter.answer(CANARY, "502", 2.0);
    exporter.answer(STABLE, "200", 40.0);
    prometheus.server.run().await?;
    cockpit.has_counted([11, 6, 40, 0]).await?;
    let told = cockpit.close().await;
    exporter.answer(CANARY, "502", 1.0);
    exporter.answer(STABLE, "200", 1.0);
    prometheus.has_seen(&exporter, CANARY, "502").await?;
    exporter.answer(CANARY, "504", 1.0);
    let cockpit = Cockpit::open(settings(&prometheus.url())?, Some(folder.path().to_owned())).await?.after(told);
    cockpit.has_counted([13, 8, 41, 0]).await?;
    let resets = cockpit.looks().iter().filter(|look| **look == Look::Reset).count();
    if resets == 1 { Ok(()) } else { Err(format!("{resets} rollouts instead of one").into()) }
}

/// Adds a warning to every answer, as a proxy that asks several stores may.
fn warning(text: &'static str) -> Box<dyn Fn(&mut Value) + Send> {
    Box::new(move |json| json["warnings"] = json!([text]))
}

async fn troubles() -> Checked {
    let (exporter, prometheus) = two_pods().await?;
    let proxy = Proxy::of_http(prometheus.url()).await?;
    let cockpit = Cockpit::open(settings(&proxy.url())?, None).await?;
    cockpit.counts().await?;
    exporter.answer(CANARY, "500", 1.0);
    cockpit.has_counted([1, 1, 0, 0]).await?;
    // From part of the data.
    proxy.rewrite(Some(warning("receive series from store-1: connection refused")));
    cockpit.says("partial data: receive series from store-1").await?;
    exporter.answer(CANARY, "500", 2.0);
    prometheus.has_seen(&exporter, CANARY, "500").await?;
    proxy.rewrite(Some(warning(
        "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"hits\"",
    )));
    cockpit.has_counted([3, 3, 0, 0]).await?;
    proxy.rewrite(None);
    // Not a number.
    exporter.set(CANARY, "418", f64::NAN);
    cockpit.says("a counter of canary reads NaN").await?;
    exporter.answer(CANARY, "500", 4.0);
    exporter.remove(CANARY, "418");
    cockpit.has_counted([7, 7, 0, 0]).await?;
    // The canary does not answer the scrape.
    let gone = "web-7f-gone";
    prometheus.target(&exporter, &[STABLE, CANARY, gone])?;
    cockpit.says("1 of 2 pods of canary are scraped").await?;
    exporter.answer(CANARY, "500", 1.0);
    exporter.answer(gone, "200", 10_000.0);
    // It was there before it answered: what it answered until then is not of now.
    cockpit.has_counted([8, 8, 0, 0]).await?;
    exporter.answer(gone, "200", 6.0);
    cockpit.has_counted([14, 8, 0, 0]).await
}

/// Samples every 15 s around now: counters of both tracks, and errors of the canary that begin half a minute ago.
fn samples() -> String {
    let now = Timestamp::now().as_second();
    let times: Vec<i64> = (-20..=12).map(|n| now + n * 15).collect();
    let mut text = "# TYPE http_requests counter\n".to_owned();
    let mut write = |pod: &str, code: &str, value: &dyn Fn(usize) -> Option<f64>| {
        for (n, at) in times.iter().enumerate() {
            if let Some(value) = value(n) {
                let labels = format!("namespace=\"shop\",pod=\"{pod}\",instance=\"{pod}\",code=\"{code}\"");
                let _ = writeln!(text, "http_requests_total{{{labels}}} {value} {at}");
            }
        }
    };
    write(STABLE, "200", &|n| Some(5000.0 + 100.0 * n as f64));
    write(CANARY, "200", &|n| Some(10.0 * n as f64));
    // The canary's first errors come while the last looks reach back: one a minute ago, three right after.
    write(CANARY, "500", &|n| (n >= 16).then_some(1.0));
    write("web-7f-b", "200", &|n| Some(10.0 * n as f64));
    write("web-7f-b", "500", &|n| (n >= 17).then_some(3.0));
    text + "# EOF\n"
}

async fn history() -> Checked {
    let prometheus = prometheus_with(&samples(), &[]).await?;
    let seen_by_rates = value(&prometheus, "sum(increase(http_requests_total{code=\"500\"}[5m]))").await;
    let there = value(&prometheus, "sum(http_requests_total{code=\"500\"})").await;
    if (seen_by_rates, there) != (Some(0.0), Some(4.0)) {
        return Err(format!("rates see {seen_by_rates:?} of {there:?}: nothing to show").into());
    }
    let cockpit = Cockpit::open(settings(&prometheus.url())?, None).await?;
    cockpit.counts().await?;
    let [requests, errors, stable, of_stable] = cockpit.totals();
    let sliced = cockpit.scrapes().iter().all(|scrape| scrape.stable.requests <= 100 && scrape.canary.requests <= 24);
    if (errors, of_stable) != (4, 0) || requests - 4 > stable || !sliced {
        return Err(format!("{:?}", cockpit.scrapes()).into());
    }
    // A query that matches nothing is no zero.
    let own = |requests: &str| -> Checked<Settings> {
        let requests = Selector::parse(requests)?;
        let errors = Selector::parse_errors("code=~\"5..\"", &requests)?;
        let mut settings = settings(&prometheus.url())?;
        settings.counters.own = Some(OwnCounters { requests, errors, latency: None });
        Ok(settings)
    };
    let cockpit = Cockpit::open(own("hits_total{pod=~\"{{pods}}\"}")?, None).await?;
    cockpit.says("no request counter for the canary").await?;
    let cockpit = Cockpit::open(own("http_requests_total{pod=~\"{{pods}}\"}")?, None).await?;
    cockpit.counts().await?;
    let [_, errors, ..] = cockpit.totals();
    if errors == 4 { Ok(()) } else { Err(format!("own counters: {:?}", cockpit.scrapes()).into()) }
}

async fn rejected() -> Checked {
    let prometheus = prometheus_with(&samples(), &["--query.max-samples=3"]).await?;
    let cockpit = Cockpit::open(settings(&prometheus.url())?, None).await?;
    cockpit.says("rejects the query (422 execution): query processing would load too many samples").await?;
    let mut bad = settings(&prometheus.url())?;
    let requests = Selector::parse("http_requests_total{pod=~\"{{pods}}\",code=~\"(\"}")?;
    bad.counters.own = Some(OwnCounters { errors: requests.clone(), requests, latency: None });
    Cockpit::open(bad, None).await?.says("rejects the query (400 bad_data)").await
}

/// A day ago: an hour of stable, and from its 20th minute to its 40th a canary that fails from the 30th on.
fn yesterday(began: Timestamp) -> String {
    let mut text = "# TYPE http_requests counter\n".to_owned();
    let mut write = |pod: &str, code: &str, minutes: std::ops::Range<i64>, each: f64| {
        for (n, second) in (minutes.start * 60..minutes.end * 60).step_by(15).enumerate() {
            let labels = format!("namespace=\"shop\",pod=\"{pod}\",instance=\"{pod}\",code=\"{code}\"");
            let at = began.as_second() + second;
            let _ = writeln!(text, "http_requests_total{{{labels}}} {} {at}", each * (n + 1) as f64);
        }
    };
    write(STABLE, "200", 0..60, 3000.0);
    write(STABLE, "500", 0..60, 3.0);
    write(CANARY, "200", 20..40, 300.0);
    write(CANARY, "500", 30..40, 30.0);
    text + "# EOF\n"
}

async fn judged_again() -> Checked {
    let minute = |n: i64| SignedDuration::from_mins(n);
    let began = Timestamp::now() - minute(24 * 60);
    // Few samples at once: what is fetched ahead has to shrink.
    for options in [&[][..], &["--query.max-samples=150"]] {
        let prometheus = prometheus_with(&yesterday(began), options).await?;
        let questions = configured::questions(&settings(&prometheus.url())?, "shop", &Redactor::default()).await?;
        let period = Period {
            workload: WorkloadId::new(WorkloadKind::Rollout, "web"),
            tracks: Tracks { stable: Some("web-5d".to_owned()), canary: Some("web-7f".to_owned()) },
            from: began + minute(20),
            to: began + minute(45),
            every: Duration::from_secs(15),
        };
        let (mut findings, rails) = (Findings::default(), Guardrails::default());
        replay(&questions, &period, &Rules::default(), |at, look, report| findings.take(at, look, &report, &rails))
            .await?;
        findings.end();
        let failed = began + minute(30);
        let proved = findings.regressed.clone().ok_or_else(|| format!("never proved: {findings:?}"))?;
        let within = proved.at > failed && proved.at < failed + minute(3);
        if !within || proved.culprit != Some(Metric::Errors) || findings.first(Response::Rollback) < Some(proved.at) {
            return Err(format!("failed at {failed}: {findings:?}").into());
        }
        // 80 scrapes of 300, and the 30 of each of the last 40: the first of both is that of a pod that begins.
        let canary = findings.seen.canary;
        if (canary.requests, canary.errors) != (80 * 300 + 40 * 30, 40 * 30) {
            return Err(format!("counted {canary:?}").into());
        }
    }
    Ok(())
}
