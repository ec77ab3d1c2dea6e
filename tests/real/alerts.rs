//! The checks `alerts` and `promql` against a real Prometheus and a real Alertmanager: what fires is red, what stopped
//! firing is green, and a server that is away is blind.
//!
//! They need `apt-get install prometheus prometheus-alertmanager`; without, they are ignored.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use libtest_mimic::{Completion, Trial};
use release_cockpit::config::{Config, ConfigBase, Prometheus as Settings};
use release_cockpit::domain::record::checklist::CheckOutcome;
use release_cockpit::platform::Redactor;
use release_cockpit::sources::checks::{CheckInput, Evidence, Tools, http_client, look};
use release_cockpit::sources::prometheus::PrometheusClient;
use support::process::is_installed;
use support::prometheus::{alertmanager, prometheus};
use support::server::RealServer;
use support::{Checked, until};

use crate::suite::Suite;

type Case = fn() -> Pin<Box<dyn Future<Output = Checked>>>;

/// Ends a case that hangs.
const CASE_TIMEOUT: Duration = Duration::from_secs(120);

const CASES: [(&str, &[&str], Case); 3] = [
    ("a_real_prometheus_fires_and_calms_down", &["prometheus"], || Box::pin(by_prometheus())),
    ("a_real_alertmanager_fires_and_is_silenced", &["prometheus-alertmanager"], || Box::pin(by_alertmanager())),
    ("a_query_of_a_real_prometheus_holds_or_not", &["prometheus"], || Box::pin(by_query())),
];

pub fn suite() -> Suite {
    let trial = |(name, needs, case): (&'static str, &'static [&str], Case)| {
        Trial::ignorable_test(format!("alerts::{name}"), move || {
            if let Some(missing) = needs.iter().find(|program| !is_installed(program)) {
                return Ok(Completion::ignored_with(format!("no {missing}")));
            }
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let ended = tokio::time::timeout(CASE_TIMEOUT, case()).await;
                ended.map_err(|_| format!("it did not end within {CASE_TIMEOUT:?}"))??;
                Ok(Completion::Completed)
            })
        })
    };
    Suite { max_concurrent: CASES.len(), cases: CASES.into_iter().map(trial).collect() }
}

/// Starts a Prometheus with one rule, which fires while a file of targets says so.
async fn prometheus_with_rule() -> Checked<RealServer> {
    let config = "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules.yml]\n\
                  scrape_configs: [{job_name: self, file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]}]\n";
    let rules = "groups: [{name: g, rules: [{alert: HighErrorRate, expr: 'up{service=\"payments\"} == 0', \
                 labels: {severity: page}, annotations: {summary: \"too many requests fail\"}}]}]\n";
    let mut server = prometheus(config, &[])?;
    server.write("rules.yml", rules)?;
    server.write("targets.json", "[]")?;
    server.run().await?;
    Ok(server)
}

/// Says what it scrapes, as service `payments`: a target that is away makes the rule fire.
fn scrapes(server: &RealServer, target: &str) -> Checked {
    server
        .write("targets.json", &format!("[{{\"targets\": [\"{target}\"], \"labels\": {{\"service\": \"payments\"}}}}]"))
}

async fn tools_of(server: &RealServer) -> Checked<Tools> {
    let prometheus = PrometheusClient::new(&Settings::at(server.url().parse()?), &Redactor::default()).await?;
    Ok(Tools { http: http_client(), prometheus: Some(prometheus), ..Tools::default() })
}

/// Looks as a config says.
async fn looked(asked: &str, tools: &Tools) -> Checked<Evidence> {
    let place = ConfigBase { folder: "/".into(), ..ConfigBase::default() };
    let config = Config::parse(&format!("[[checks]]\nid = 'x'\n{asked}"), &place);
    let config = config.map_err(|problems| format!("{asked}: {problems:#?}"))?;
    let kind = config.defaults.checks.first().and_then(|check| check.kind.clone()).ok_or("no kind")?;
    let scene = CheckInput { service: "payments".to_owned(), ..CheckInput::default() };
    Ok(look(&kind, &scene, tools).await)
}

async fn until_found(found: CheckOutcome, says: &str, asked: &str, tools: &Tools) -> Checked {
    let came = until("the answer", || async { looked(asked, tools).await.ok().filter(|now| now.found == found) }).await;
    let now = looked(asked, tools).await?;
    let last = format!("{:?}: {} {:?}", now.found, now.summary, now.lines);
    came.map_err(|_| format!("{asked} is never {found:?}, but {last}"))?;
    if last.contains(says) { Ok(()) } else { Err(format!("{asked} does not say {says:?}: {last}").into()) }
}

async fn by_prometheus() -> Checked {
    let server = prometheus_with_rule().await?;
    let tools = tools_of(&server).await?;
    let asked = "alerts = { matchers = { service = '{{service}}' } }";
    until_found(CheckOutcome::Passed, "", asked, &tools).await?;
    scrapes(&server, "127.0.0.1:1")?;
    until_found(CheckOutcome::Failed, "HighErrorRate", asked, &tools).await?;
    let others = "alerts = { matchers = { service = 'others' } }";
    until_found(CheckOutcome::Blind, "matches nothing", others, &tools).await?;
    scrapes(&server, server.address())?;
    until_found(CheckOutcome::Passed, "", asked, &tools).await?;
    // A label that neither the rule nor its query names is one of the series that it selects.
    let by_series = "alerts = { matchers = { job = 'self', severity = 'page' } }";
    until_found(CheckOutcome::Passed, "", by_series, &tools).await?;
    drop(server);
    until_found(CheckOutcome::Blind, "", asked, &tools).await
}

async fn by_query() -> Checked {
    let server = prometheus_with_rule().await?;
    let tools = tools_of(&server).await?;
    scrapes(&server, server.address())?;
    let up = |is: &str| format!("promql = {{ query = 'up{{service=\"payments\"}}', is = '{is}' }}");
    until_found(CheckOutcome::Passed, "1", &up("> 0"), &tools).await?;
    until_found(CheckOutcome::Failed, "1", &up("> 1"), &tools).await?;
    until_found(CheckOutcome::Blind, "", "promql = { query = 'nothing_of_the_kind', is = '> 0' }", &tools).await?;
    until_found(CheckOutcome::Blind, "", "promql = { query = '0 / 0 + up', is = '> 0' }", &tools).await?;
    until_found(CheckOutcome::Blind, "", "promql = { query = 'up{', is = '> 0' }", &tools).await
}

async fn by_alertmanager() -> Checked {
    let mut server = alertmanager("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")?;
    server.run().await?;
    let tools = Tools { http: http_client(), ..Tools::default() };
    let asked = format!("alerts = {{ url = '{}', matchers = {{ service = '{{{{service}}}}' }} }}", server.url());
    until_found(CheckOutcome::Blind, "matches nothing", &asked, &tools).await?;
    let labels = serde_json::json!({"alertname": "HighErrorRate", "service": "payments", "severity": "page"});
    let alert = serde_json::json!([{"labels": labels, "annotations": {"summary": "too many requests fail"}}]);
    let post = |path: &str, body: serde_json::Value| {
        support::http_client().post(format!("{}/api/v2/{path}", server.url())).json(&body).send()
    };
    post("alerts", alert).await?.error_for_status()?;
    until_found(CheckOutcome::Failed, "HighErrorRate", &asked, &tools).await?;
    // Who silences an alert has seen it: it does not fire for us.
    let (now, later) = (jiff::Timestamp::now(), jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1));
    let silence = serde_json::json!({
        "matchers": [{"name": "service", "value": "payments", "isRegex": false, "isEqual": true}],
        "startsAt": now.to_string(), "endsAt": later.to_string(), "createdBy": "ana", "comment": "known",
    });
    post("silences", silence).await?.error_for_status()?;
    until_found(CheckOutcome::Passed, "", &asked, &tools).await
}
