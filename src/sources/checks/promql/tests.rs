use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

use super::*;
use crate::config::checks::CheckKind;
use crate::config::{Config, ConfigBase, Prometheus};
use crate::domain::facts::ids::{WorkloadId, WorkloadKind};
use crate::domain::record::checklist::CheckOutcome;
use crate::platform::Redactor;
use crate::sources::prometheus::PrometheusClient;

type Seen = Arc<Mutex<Vec<String>>>;

/// A Prometheus that answers every query with this, and what it was asked.
async fn serve(answer: Value) -> (PrometheusClient, Seen) {
    async fn query(State((answer, seen)): State<(Value, Seen)>, form: String) -> Json<Value> {
        let form: reqwest::Url = format!("http://form/?{form}").parse().unwrap();
        let query = form.query_pairs().find(|(name, _)| name == "query").unwrap().1.into_owned();
        seen.lock().unwrap().push(query);
        Json(answer)
    }
    let seen = Seen::default();
    let router = Router::new().route("/api/v1/query", post(query)).with_state((answer, seen.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (PrometheusClient::new(&Prometheus::at(url), &Redactor::default()).await.unwrap(), seen)
}

fn read(query: &str, is: &str) -> Promql {
    let toml = format!("[[checks]]\nid = 'x'\npromql = {{ query = '{query}', is = '{is}' }}");
    match Config::parse(&toml, &ConfigBase::default()).unwrap().defaults.checks[0].kind.clone() {
        Some(CheckKind::Promql(promql)) => promql,
        other => panic!("{other:?}"),
    }
}

fn vector(values: &[&str]) -> Value {
    let series: Vec<Value> = values
        .iter()
        .enumerate()
        .map(|(i, value)| json!({"metric": {"pod": format!("p{i}")}, "value": [1_435_781_451.781, value]}))
        .collect();
    json!({"status": "success", "data": {"resultType": "vector", "result": series}})
}

fn scene() -> CheckInput {
    let workload = |name| WorkloadId::new(WorkloadKind::Deployment, name);
    CheckInput {
        namespace: "shop".into(),
        service: "payments".into(),
        version: "1.5.0".into(),
        workloads: vec![workload("api"), workload("worker")],
        ..CheckInput::default()
    }
}

async fn look_at(answer: Value, is: &str) -> Evidence {
    let tools = Tools { prometheus: Some(serve(answer).await.0), ..Tools::default() };
    look(&read("up", is), &scene(), &tools).await
}

#[tokio::test]
async fn every_series_has_to_satisfy_the_condition() {
    let scalar = json!({"status": "success", "data": {"resultType": "scalar", "result": [1, "0"]}});
    let matrix = json!({"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "1"]]}]}});
    let mut warned = vector(&["1"]);
    warned["warnings"] = json!(["store gone"]);
    let mut partial = vector(&["0"]);
    partial["isPartial"] = json!(true);
    let mut remarked = vector(&["1"]);
    remarked["infos"] = json!(["PromQL info: metric might not be a counter, name does not end in _total/_sum: \"x\""]);
    for (answer, is, found, summary) in [
        (vector(&["1"]), ">= 1", CheckOutcome::Passed, "1 is >= 1"),
        (vector(&["1", "2.5"]), ">= 1", CheckOutcome::Passed, "all 2 series are >= 1"),
        (scalar, "== 0", CheckOutcome::Passed, "0 is == 0"),
        (vector(&["0.02"]), "< 0.01", CheckOutcome::Failed, "0.02, not < 0.01"),
        (vector(&["1", "0", "+Inf"]), "< 5", CheckOutcome::Failed, "1 of 3 not < 5: inf {pod=\"p2\"}"),
        (vector(&["7", "NaN"]), "< 5", CheckOutcome::Failed, "7, not < 5"),
        (vector(&[]), "< 5", CheckOutcome::Blind, "Prometheus has no data for up"),
        (vector(&["1", "NaN"]), "< 5", CheckOutcome::Blind, "{pod=\"p1\"} is no number (NaN): nothing to divide by?"),
        (warned, "< 5", CheckOutcome::Blind, "the answer is not complete: store gone"),
        (partial, "== 0", CheckOutcome::Blind, "the answer is not complete: part of the storage did not answer"),
        (remarked, "== 1", CheckOutcome::Passed, "1 is == 1"),
    ] {
        let evidence = look_at(answer, is).await;
        assert_eq!((evidence.found, evidence.summary.as_str()), (found, summary));
    }
    assert!(look_at(matrix, "< 5").await.summary.starts_with("the query gives numbers over time"));
    let error = json!({"status": "error", "errorType": "bad_data", "error": "parse error"});
    let evidence = look_at(error, "< 5").await;
    assert_eq!(evidence.found, CheckOutcome::Blind);
    assert!(evidence.summary.contains("rejects the query"), "{}", evidence.summary);
}

#[tokio::test]
async fn placeholders_are_filled_and_each_workload_is_queried() {
    let (prometheus, seen) = serve(vector(&["1"])).await;
    let tools = Tools { prometheus: Some(prometheus), ..Tools::default() };
    let asked = read("up{ns=\"{{namespace}}\",w=\"{{workload}}\",v=\"{{version}}\"}", "> 0");
    assert_eq!(look(&asked, &scene(), &tools).await.found, CheckOutcome::Passed);
    let wanted = ["api", "worker"].map(|w| format!("up{{ns=\"shop\",w=\"{w}\",v=\"1.5.0\"}}"));
    assert_eq!(*seen.lock().unwrap(), wanted);
    // What could break out of its quotes is not asked at all.
    let hostile = CheckInput { version: "1\"} or vector(0) #".into(), ..scene() };
    let evidence = look(&asked, &hostile, &tools).await;
    assert_eq!(evidence.found, CheckOutcome::Blind);
    assert!(evidence.summary.contains("cannot stand in a query"), "{}", evidence.summary);
    let unknown = CheckInput { version: String::new(), ..scene() };
    assert_eq!(look(&asked, &unknown, &tools).await.summary, "the value of {{version}} is unknown");
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn without_prometheus_it_is_blind() {
    let evidence = look(&read("up", "> 0"), &scene(), &Tools::default()).await;
    assert_eq!(evidence.found, CheckOutcome::Blind);
}

#[test]
fn invalid_settings_are_reported() {
    for (toml, words) in [
        ("query = 'up'", "has no `is`"),
        ("is = '> 0'", "has no `query`"),
        ("query = 'up', is = '0'", "`is` cannot be `0`"),
        ("query = 'up{a=\"{{pods}}\"}', is = '> 0'", "there is no placeholder `{{pods}}`"),
    ] {
        let toml = format!("[[checks]]\nid = 'x'\npromql = {{ {toml} }}");
        let problems = format!("{:?}", Config::parse(&toml, &ConfigBase::default()).unwrap_err());
        assert!(problems.contains(words), "{toml}: {problems}");
    }
}
