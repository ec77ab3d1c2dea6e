use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

use super::*;
use crate::config::checks::CheckKind;
use crate::config::{Config, ConfigBase, Prometheus};
use crate::domain::record::checklist::CheckOutcome;
use crate::platform::Redactor;

type Seen = Arc<Mutex<Vec<String>>>;

async fn serve(answers: &[(&'static str, Value)]) -> (reqwest::Url, Seen) {
    type Shared = (Arc<Vec<(&'static str, Value)>>, Seen);
    async fn answer(State((answers, seen)): State<Shared>, request: Request) -> Response {
        let token = request.headers().get("authorization").map(|token| token.to_str().unwrap().to_owned());
        seen.lock().unwrap().push(format!("{} {}", request.uri(), token.unwrap_or_default()));
        match answers.iter().find(|(path, _)| *path == request.uri().path()) {
            Some((_, json)) => Json(json.clone()).into_response(),
            None => (axum::http::StatusCode::NOT_FOUND, "404 page not found").into_response(),
        }
    }
    let seen = Seen::default();
    let router = Router::new().fallback(any(answer)).with_state((Arc::new(answers.to_vec()), seen.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, seen)
}

fn read(toml: &str) -> Result<Alerts, String> {
    let config = Config::parse(&format!("[[checks]]\nid = 'x'\nalerts = {{ {toml} }}"), &ConfigBase::default());
    match config.map_err(|problems| format!("{problems:?}"))?.defaults.checks[0].kind.clone() {
        Some(CheckKind::Alerts(alerts)) => Ok(alerts),
        other => Err(format!("{other:?}")),
    }
}

fn scene() -> CheckInput {
    CheckInput { namespace: "shop".into(), service: "payments".into(), ..CheckInput::default() }
}

fn gettable(name: &str, service: &str, state: &str) -> Value {
    json!({
        "annotations": {"summary": "5 % of requests fail\nsee the runbook", "runbook_url": "https://x"},
        "endsAt": "2026-03-02T09:20:00.000Z", "startsAt": "2026-03-02T09:14:07.182Z", "updatedAt": "2026-03-02T09:16:00.000Z",
        "fingerprint": "7d5b0f5c1c9a1d3e", "generatorURL": "http://prometheus/graph",
        "labels": {"alertname": name, "service": service, "severity": "page"},
        "receivers": [{"name": "team"}], "status": {"inhibitedBy": [], "silencedBy": [], "state": state},
    })
}

#[tokio::test]
async fn alertmanager_api_v2_answers_are_read() {
    let alerts = json!([gettable("HighErrors", "payments", "active"), gettable("Other", "cart", "active")]);
    let (url, seen) = serve(&[("/am/api/v2/alerts", alerts)]).await;
    let asked = format!(
        "url = '{url}am', matchers = {{ service = '{{{{service}}}}' }}, bearer_token = {{ command = ['printf', 's3cret'] }}"
    );
    let evidence = look(&read(&asked).unwrap(), &scene(), &Tools::default()).await;
    assert_eq!((evidence.found, evidence.summary.as_str()), (CheckOutcome::Failed, "1 alert is firing: HighErrors"));
    let line = "HighErrors since 2026-03-02T09:14:07Z: 5 % of requests fail (service=payments, severity=page)";
    assert_eq!(evidence.lines, [line]);
    let wanted =
        "/am/api/v2/alerts?active=true&silenced=true&inhibited=true&filter=service%3D%22payments%22 Bearer s3cret";
    assert_eq!(*seen.lock().unwrap(), [wanted]);
    assert!(!format!("{evidence:?}").contains("s3cret"));

    let calm = json!([gettable("HighErrors", "payments", "suppressed")]);
    let (url, _) = serve(&[("/api/v2/alerts", calm)]).await;
    let asked = read(&format!("url = '{url}', matchers = {{ service = 'payments' }}")).unwrap();
    let evidence = look(&asked, &scene(), &Tools::default()).await;
    let calm = "nothing is firing, 1 silenced or inhibited, by Alertmanager (matched on service): HighErrors";
    assert_eq!(evidence.summary, calm);
    assert!(evidence.lines[0].starts_with("suppressed: HighErrors since"), "{:?}", evidence.lines);
    assert_eq!(evidence.found, CheckOutcome::Passed);
}

async fn prometheus(alerts: Value, rules: Option<Value>) -> Tools {
    let mut answers = vec![("/api/v1/alerts", json!({"status": "success", "data": {"alerts": alerts}}))];
    answers.extend(rules.map(|rules| ("/api/v1/rules", rules)));
    let (url, _) = serve(&answers).await;
    Tools {
        prometheus: Some(PrometheusClient::new(&Prometheus::at(url), &Redactor::default()).await.unwrap()),
        ..Tools::default()
    }
}

fn rules(count: usize) -> Value {
    let rules = vec![json!({"type": "alerting", "name": "x", "state": "inactive"}); count];
    json!({"status": "success", "data": {"groups": [{"name": "g", "file": "f", "interval": 60, "rules": rules}]}})
}

#[tokio::test]
async fn prometheus_http_api_answers_are_read() {
    let raised = |name: &str, namespace: &str, state: &str| {
        json!({
            "activeAt": "2018-07-04T20:27:12.60602144+02:00", "annotations": {"description": "x"},
            "labels": {"alertname": name, "namespace": namespace}, "state": state, "value": "1e+00",
        })
    };
    let asked = read("matchers = { namespace = '{{namespace}}' }").unwrap();
    let all = json!([raised("A", "shop", "firing"), raised("B", "shop", "pending"), raised("C", "web", "firing")]);
    let evidence = look(&asked, &scene(), &prometheus(all, None).await).await;
    assert_eq!((evidence.found, evidence.summary.as_str()), (CheckOutcome::Failed, "1 alert is firing: A"));
    assert_eq!(evidence.lines, ["A since 2018-07-04T18:27:12Z: x (namespace=shop)"]);
    let pending = json!([raised("B", "shop", "pending")]);
    for (rules, found) in
        [(Some(rules(3)), CheckOutcome::Passed), (Some(rules(0)), CheckOutcome::Blind), (None, CheckOutcome::Passed)]
    {
        let evidence = look(&asked, &scene(), &prometheus(pending.clone(), rules).await).await;
        assert_eq!(evidence.found, found, "{}", evidence.summary);
    }
}

/// A Prometheus with one rule, and with or without a series that its query selects.
async fn with_rule(query: &str, labels: Value, has_series: bool) -> Tools {
    let rule = json!({
        "type": "alerting", "name": "High", "query": query, "labels": labels, "state": "inactive", "health": "ok",
        "alerts": [], "annotations": {}, "duration": 60, "lastEvaluation": "2026-03-02T09:16:00Z",
    });
    let groups = json!([{"name": "g", "file": "f", "interval": 60, "rules": [rule]}]);
    let series = if has_series { json!([{"__name__": "up"}]) } else { json!([]) };
    let (url, _) = serve(&[
        ("/api/v1/alerts", json!({"status": "success", "data": {"alerts": []}})),
        ("/api/v1/rules", json!({"status": "success", "data": {"groups": groups}})),
        ("/api/v1/series", json!({"status": "success", "data": series})),
    ])
    .await;
    let client = PrometheusClient::new(&Prometheus::at(url), &Redactor::default()).await.unwrap();
    Tools { prometheus: Some(client), ..Tools::default() }
}

#[tokio::test]
async fn nothing_fires_is_green_only_where_a_rule_could_fire() {
    let page = || json!({"severity": "page"});
    for (asked, query, labels, has_series, found, words) in [
        ("namespace = '{{namespace}}'", "up == 0", page(), true, CheckOutcome::Passed, "nothing is firing"),
        ("namespace = '{{namespace}}'", "up == 0", page(), false, CheckOutcome::Blind, "matches nothing"),
        ("namespace = 'shop'", "sum(up) == 0", page(), true, CheckOutcome::Blind, "matches nothing"),
        ("severity = 'page'", "sum(up) == 0", page(), false, CheckOutcome::Passed, "nothing is firing"),
        ("severity = 'pager'", "up == 0", page(), true, CheckOutcome::Blind, "no alert has severity=\"pager\""),
        ("severity = 'page', namespace = 'shop'", "up == 0", page(), true, CheckOutcome::Passed, "nothing is firing"),
    ] {
        let asked = read(&format!("matchers = {{ {asked} }}")).unwrap();
        let evidence = look(&asked, &scene(), &with_rule(query, labels, has_series).await).await;
        assert_eq!(evidence.found, found, "{query}: {}", evidence.summary);
        assert!(evidence.summary.contains(words), "{query}: {}", evidence.summary);
    }
}

#[tokio::test]
async fn broken_and_recording_rules_raise_nothing_and_unknown_states_fire() {
    let asked = read("matchers = { severity = 'page' }").unwrap();
    let rule = |kind: &str, health: &str| json!({"type": kind, "name": "High", "query": "up == 0", "health": health, "labels": {"severity": "page"}});
    for (rule, found, words) in [
        (rule("alerting", "ok"), CheckOutcome::Passed, "nothing is firing"),
        (rule("alerting", "unknown"), CheckOutcome::Blind, "could raise one, and was not evaluated yet"),
        (rule("alerting", "err"), CheckOutcome::Blind, "could raise one, and cannot be evaluated"),
        (rule("recording", "ok"), CheckOutcome::Blind, "has no alerting rules"),
    ] {
        let groups = json!({"status": "success", "data": {"groups": [{"rules": [rule]}]}});
        let evidence = look(&asked, &scene(), &prometheus(json!([]), Some(groups)).await).await;
        assert_eq!(evidence.found, found, "{}", evidence.summary);
        assert!(evidence.summary.contains(words), "{}", evidence.summary);
    }
    for (state, found) in
        [("Alerting", CheckOutcome::Failed), ("recovering", CheckOutcome::Failed), ("pending", CheckOutcome::Passed)]
    {
        let alert = json!({"labels": {"alertname": "High", "severity": "page"}, "state": state});
        let evidence = look(&asked, &scene(), &prometheus(json!([alert]), Some(rules(1))).await).await;
        assert_eq!(evidence.found, found, "{state}: {}", evidence.summary);
    }
}

#[tokio::test]
async fn alertmanager_without_such_an_alert_is_blind_unless_a_rule_could_fire() {
    // The service is that of the exporter: no alert about the shop's pods has theirs.
    let mut exporter = gettable("KubePodCrashLooping", "kube-state-metrics", "active");
    exporter["labels"]["namespace"] = json!("shop");
    exporter["labels"]["cluster"] = json!("eu");
    let watchdog = json!({
        "annotations": {}, "startsAt": "2026-03-02T09:14:07.182Z", "labels": {"alertname": "Watchdog", "cluster": "eu"},
        "status": {"inhibitedBy": [], "silencedBy": [], "state": "active"},
    });
    let (url, _) = serve(&[("/api/v2/alerts", json!([exporter, watchdog]))]).await;
    let ask = |matchers: &str| read(&format!("url = '{url}', matchers = {{ {matchers} }}")).unwrap();
    let service = ask("service = '{{service}}'");
    let evidence = look(&service, &scene(), &Tools::default()).await;
    assert_eq!(evidence.found, CheckOutcome::Blind, "{}", evidence.summary);
    let words = "matches nothing: Alertmanager knows no alert with service=\"payments\"; set [prometheus]";
    assert!(evidence.summary.starts_with(words), "{}", evidence.summary);
    for (has_series, found) in [(true, CheckOutcome::Passed), (false, CheckOutcome::Blind)] {
        let tools = with_rule("up == 0", json!({}), has_series).await;
        assert_eq!(look(&service, &scene(), &tools).await.found, found);
        // A label of all alerts is added by Prometheus on the way: no series has it.
        let both = look(&ask("cluster = 'eu', service = 'payments'"), &scene(), &tools).await;
        assert_eq!(both.found, found, "{}", both.summary);
        let other = look(
            &ask("cluster = 'us', severity = 'page'"),
            &scene(),
            &with_rule("sum(up) == 0", json!({"severity": "page"}), true).await,
        )
        .await;
        assert_eq!(other.found, CheckOutcome::Blind, "{}", other.summary);
    }
    let firing = look(&ask("namespace = 'shop'"), &scene(), &Tools::default()).await;
    assert_eq!(firing.found, CheckOutcome::Failed);
}

#[tokio::test]
async fn alert_that_fires_and_alertmanager_does_not_know_is_blind() {
    let (url, _) = serve(&[("/api/v2/alerts", json!([]))]).await;
    let asked = read(&format!("url = '{url}', matchers = {{ severity = 'page' }}")).unwrap();
    for (state, found) in [
        ("firing", CheckOutcome::Blind),
        ("recovering", CheckOutcome::Blind),
        ("pending", CheckOutcome::Passed),
        ("inactive", CheckOutcome::Passed),
    ] {
        let labels = json!({"alertname": "HighErrors", "severity": "page"});
        let rule = json!({
            "type": "alerting", "name": "HighErrors", "query": "up == 0", "health": "ok",
            "labels": {"severity": "page"}, "alerts": [{"labels": labels, "state": state}],
        });
        let groups = json!({"status": "success", "data": {"groups": [{"rules": [rule]}]}});
        let evidence = look(&asked, &scene(), &prometheus(json!([]), Some(groups)).await).await;
        assert_eq!(evidence.found, found, "{state}: {}", evidence.summary);
        let unheard = "Prometheus fires HighErrors, and Alertmanager does not know it: does Prometheus reach it?";
        assert_eq!(evidence.summary == unheard, found == CheckOutcome::Blind, "{state}: {}", evidence.summary);
    }
}

#[tokio::test]
async fn a_broken_rule_beside_a_working_one_is_blind() {
    let asked = read("matchers = { severity = 'page' }").unwrap();
    let rule = |name: &str, health: &str| json!({"type": "alerting", "name": name, "query": "up == 0", "health": health, "labels": {"severity": "page"}});
    let groups =
        json!({"status": "success", "data": {"groups": [{"rules": [rule("PodDown", "ok"), rule("Errors", "err")]}]}});
    let evidence = look(&asked, &scene(), &prometheus(json!([]), Some(groups)).await).await;
    assert_eq!(evidence.found, CheckOutcome::Blind);
    assert!(evidence.summary.contains("rule Errors of "), "{}", evidence.summary);
}

#[tokio::test]
async fn a_broken_rule_is_blind_whatever_alerts_are_known() {
    let (url, _) = serve(&[("/api/v2/alerts", json!([gettable("HighErrors", "payments", "suppressed")]))]).await;
    let of_alertmanager = read(&format!("url = '{url}', matchers = {{ severity = 'page' }}")).unwrap();
    let asked = read("matchers = { severity = 'page' }").unwrap();
    for (health, severity, is_broken) in [("ok", "page", false), ("err", "page", true), ("err", "ticket", false)] {
        let rule = |name: &str, health: &str, severity: &str| json!({"type": "alerting", "name": name, "query": "sum(up) == 0", "health": health, "labels": {"severity": severity}});
        let rules = [rule("PodDown", "ok", "page"), rule("Errors", health, severity)];
        let groups = json!({"status": "success", "data": {"groups": [{"rules": rules}]}});
        let alert = |state: &str| json!([{"labels": {"alertname": "PodDown", "severity": "page"}, "state": state}]);
        let tools = prometheus(alert("pending"), Some(groups.clone())).await;
        for asked in [&asked, &of_alertmanager] {
            let evidence = look(asked, &scene(), &tools).await;
            let found = if is_broken { CheckOutcome::Blind } else { CheckOutcome::Passed };
            assert_eq!(evidence.found, found, "{health} {severity}: {}", evidence.summary);
            assert_eq!(evidence.summary.contains("rule Errors of "), is_broken, "{}", evidence.summary);
        }
        let firing = look(&asked, &scene(), &prometheus(alert("firing"), Some(groups)).await).await;
        assert_eq!(firing.found, CheckOutcome::Failed, "{}", firing.summary);
    }
}

#[tokio::test]
async fn a_label_of_the_only_kind_of_alert_is_not_that_of_all() {
    let warn = json!({
        "annotations": {}, "startsAt": "2026-03-02T09:14:07.182Z",
        "labels": {"alertname": "Noise", "namespace": "shop", "severity": "warn"},
        "status": {"inhibitedBy": [], "silencedBy": [], "state": "active"},
    });
    let (url, _) = serve(&[("/api/v2/alerts", json!([warn]))]).await;
    let asked = read(&format!("url = '{url}', matchers = {{ namespace = 'shop', severity = 'page' }}")).unwrap();
    let tools = with_rule("up{namespace=\"kube-system\"} == 0", json!({"severity": "page"}), true).await;
    let evidence = look(&asked, &scene(), &tools).await;
    assert_eq!(evidence.found, CheckOutcome::Blind, "{}", evidence.summary);
}

#[tokio::test]
async fn a_partial_list_of_alerts_or_rules_is_blind() {
    let alert = json!({"labels": {"alertname": "B", "namespace": "shop"}, "state": "pending"});
    for partial in [json!({"warnings": ["store-1 did not answer"]}), json!({"isPartial": true})] {
        let mut answer = json!({"status": "success", "data": {"alerts": [alert]}});
        answer.as_object_mut().unwrap().extend(partial.as_object().unwrap().clone());
        let (url, _) = serve(&[("/api/v1/alerts", answer), ("/api/v1/rules", rules(1))]).await;
        let client = PrometheusClient::new(&Prometheus::at(url), &Redactor::default()).await.unwrap();
        let tools = Tools { prometheus: Some(client), ..Tools::default() };
        let evidence = look(&read("matchers = { namespace = 'shop' }").unwrap(), &scene(), &tools).await;
        assert_eq!(evidence.found, CheckOutcome::Blind);
        assert!(evidence.summary.contains("from part of its data only"), "{}", evidence.summary);
    }
}

#[tokio::test]
async fn undocumented_answers_are_blind() {
    for answer in [json!({}), json!([{"labels": {}}]), json!("ok"), json!({"status": "success"})] {
        let (url, _) = serve(&[("/api/v2/alerts", answer.clone()), ("/api/v1/alerts", answer)]).await;
        let asked = read(&format!("url = '{url}', matchers = {{ service = 'payments' }}")).unwrap();
        let evidence = look(&asked, &scene(), &Tools::default()).await;
        assert!(evidence.summary.contains("not as Alertmanager does"), "{}", evidence.summary);
        assert_eq!(evidence.found, CheckOutcome::Blind);
        let client = PrometheusClient::new(&Prometheus::at(url), &Redactor::default()).await.unwrap();
        let tools = Tools { prometheus: Some(client), ..Tools::default() };
        let evidence = look(&read("matchers = { a = 'b' }").unwrap(), &scene(), &tools).await;
        assert_eq!(evidence.found, CheckOutcome::Blind, "{}", evidence.summary);
    }
    let (url, _) = serve(&[]).await;
    let asked = read(&format!("url = '{url}', matchers = {{ service = 'payments' }}")).unwrap();
    let evidence = look(&asked, &scene(), &Tools::default()).await;
    assert!(evidence.summary.contains("is not there (404)"), "{}", evidence.summary);
    let nobody = look(&read("matchers = { a = 'b' }").unwrap(), &scene(), &Tools::default()).await;
    assert_eq!(nobody.found, CheckOutcome::Blind);
}

#[test]
fn invalid_settings_are_reported() {
    for (toml, words) in [
        ("url = 'http://am'", "has no `matchers`"),
        ("matchers = {}", "has no `matchers`"),
        ("matchers = { 'a-b' = 'c' }", "is not the name of a label"),
        ("matchers = { a = '{{pod}}' }", "there is no placeholder `{{pod}}`"),
        ("matchers = { a = 'b' }, bearer_token = { env = 'T' }", "there is no `url` of one"),
        ("matchers = { a = 'b' }, url = 'http://am?x=1'", "has a `?`"),
    ] {
        let error = read(toml).unwrap_err();
        assert!(error.contains(words), "{toml}: {error}");
    }
}
