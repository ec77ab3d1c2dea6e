//! Endpoints, errors and outages.

use std::time::Duration;

use super::{INTERVAL, START, canary, post};
use crate::prometheus::Outage;

const END: i64 = START + 179 * INTERVAL;

async fn fetch(url: String) -> reqwest::Result<reqwest::Response> {
    support::http_client().get(url).send().await
}

#[tokio::test]
async fn queries_answer_in_the_shapes_of_the_api() {
    let server = canary().serve().await.unwrap();
    let (url, end) = (server.url(), END.to_string());
    let cases = [
        ("1 + 1", format!(r#"{{"resultType":"scalar","result":[{end},"2"]}}"#)),
        ("'x'", format!(r#"{{"resultType":"string","result":[{end},"x"]}}"#)),
        ("1/0", format!(r#"{{"resultType":"scalar","result":[{end},"+Inf"]}}"#)),
        ("-1/0", format!(r#"{{"resultType":"scalar","result":[{end},"-Inf"]}}"#)),
        ("vector(0)/0", format!(r#"{{"resultType":"vector","result":[{{"metric":{{}},"value":[{end},"NaN"]}}]}}"#)),
        ("none", r#"{"resultType":"vector","result":[]}"#.to_owned()),
        (
            r#"up{pod="web-7f-c"}[5s]"#,
            format!(
                r#"{{"resultType":"matrix","result":[{{"metric":{{"__name__":"up","cluster":"staging","namespace":"shop","pod":"web-7f-c"}},"values":[[{end},"1"]]}}]}}"#
            ),
        ),
    ];
    for (query, data) in cases {
        let (status, json) = post(&url, "query", &[("query", query), ("time", &end)]).await;
        assert_eq!((status, json["data"].to_string()), (200, data), "{query}");
        assert_eq!(json["status"], "success");
    }
    let (_, json) = post(&url, "query", &[("query", "time()"), ("time", "1435781451.781")]).await;
    assert_eq!(json["data"]["result"].to_string(), r#"[1435781451.781,"1435781451.781"]"#);
    let range = [("query", "sum(up)"), ("start", &start_of(END)), ("end", &end), ("step", "15s")];
    let (_, json) = post(&url, "query_range", &range).await;
    assert_eq!(json["data"]["resultType"], "matrix");
    assert_eq!(json["data"]["result"][0]["values"].as_array().unwrap().len(), 5);
    let got = fetch(format!("{url}/api/v1/query?query=sum(up)&time={end}")).await.unwrap();
    assert_eq!(got.json::<serde_json::Value>().await.unwrap()["data"]["result"][0]["value"][1], "3");
}

fn start_of(end: i64) -> String {
    (end - 60).to_string()
}

#[tokio::test]
async fn errors_have_the_codes_and_kinds_of_the_api() {
    let server = canary().serve().await.unwrap();
    let url = server.url();
    let range = |start: &'static str, end: &'static str, step: &'static str, query: &'static str| {
        ("query_range", vec![("query", query), ("start", start), ("end", end), ("step", step)])
    };
    let cases = [
        (("query", vec![("query", "sum(")]), 400, "invalid parameter \"query\": 1:5: parse error"),
        (("query", vec![]), 400, "invalid parameter \"query\": 1:1: parse error: no expression"),
        (("query", vec![("query", "up"), ("time", "x")]), 400, "invalid parameter \"time\": cannot parse \"x\""),
        (("query", vec![("query", "up{a=~\"[\"}")]), 400, "error parsing regexp: unclosed character class"),
        (("query", vec![("query", "up / on(cluster) up"), ("time", "1795178000")]), 422, "many-to-many matching"),
        (range("0", "11001", "1", "up"), 400, "exceeded maximum resolution of 11,000 points"),
        (range("10", "0", "1", "up"), 400, "end timestamp must not be before start time"),
        (range("0", "10", "0", "up"), 400, "zero or negative query resolution"),
        (range("0", "10", "", "up"), 400, "invalid parameter \"step\""),
        (range("", "10", "1", "up"), 400, "invalid parameter \"start\""),
        (range("0", "10", "1", "up[5m]"), 400, "must be Scalar or instant Vector"),
        (("series", vec![]), 400, "no match[] parameter provided"),
        (("series", vec![("match[]", "up[5m]")]), 400, "invalid parameter \"match[]\""),
    ];
    for ((path, form), code, message) in cases {
        let (status, json) = post(&url, path, &form).await;
        let text = json["error"].as_str().unwrap_or_default();
        assert!(status == code && text.contains(message), "{path} {form:?}: {status} {json}");
        let kind = if code == 400 { "bad_data" } else { "execution" };
        assert_eq!((json["status"].as_str(), json["errorType"].as_str()), (Some("error"), Some(kind)));
    }
    let missing = fetch(format!("{url}/api/v2/query")).await.unwrap();
    assert_eq!(missing.status().as_u16(), 404);
}

#[tokio::test]
async fn labels_and_series_are_listed() {
    let server = canary().serve().await.unwrap();
    let url = server.url();
    let end = END.to_string();
    let (_, json) = post(&url, "labels", &[("end", &end)]).await;
    assert_eq!(json["data"].to_string(), r#"["__name__","cluster","code","container","le","namespace","pod"]"#);
    let get = |path: String| {
        let url = url.clone();
        async move { fetch(format!("{url}{path}")).await.unwrap().text().await.unwrap() }
    };
    let pods = get(format!("/api/v1/label/pod/values?match[]=up&end={end}")).await;
    assert_eq!(pods, r#"{"status":"success","data":["web-5d-a","web-5d-b","web-7f-c"]}"#);
    assert!(get("/api/v1/label/a-b/values".to_owned()).await.contains("invalid label name"));
    let form = [("match[]", r#"http_requests_total{pod="web-7f-c"}"#), ("match[]", "up"), ("end", &end)];
    let (_, json) = post(&url, "series", &form).await;
    assert_eq!(json["data"].as_array().unwrap().len(), 5);
    assert!(get("/api/v1/status/buildinfo".to_owned()).await.contains("version"));
    assert_eq!(get("/api/v1/rules".to_owned()).await, r#"{"status":"success","data":{"groups":[]}}"#);
    assert_eq!(get("/api/v1/alerts".to_owned()).await, r#"{"status":"success","data":{"alerts":[]}}"#);
    assert_eq!(get("/-/ready".to_owned()).await, "Prometheus Server is Ready.\n");
}

#[tokio::test]
async fn every_outage_shows_and_ends() {
    let metrics = canary();
    let server = metrics.serve().await.unwrap();
    let client = support::http_client();
    let ask = || {
        let request = client.post(format!("{}/api/v1/query", server.url()));
        let form = request.form(&[("query", "sum(up)"), ("time", &END.to_string())]);
        async move {
            let answer = form.send().await?;
            let status = answer.status().as_u16();
            reqwest::Result::Ok((status, answer.text().await?))
        }
    };
    let good = ask().await.unwrap();
    assert!(good.1.contains(r#","3"]"#), "{good:?}");
    let cases = [
        (Outage::Empty, 200, r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#),
        (Outage::Html, 200, "<!DOCTYPE html>"),
        (Outage::Unprocessable, 422, r#""errorType":"execution""#),
        (Outage::Unavailable, 503, r#""errorType":"unavailable""#),
        (Outage::Partial, 200, r#","3"]}]},"warnings":["#),
        (Outage::WrongTypes, 200, r",3.0]"),
    ];
    for (outage, status, part) in cases {
        metrics.set_outage(outage);
        let got = ask().await.unwrap();
        assert!(got.0 == status && got.1.contains(part), "{outage:?}: {got:?}");
    }
    metrics.set_outage(Outage::Truncated);
    let (_, text) = ask().await.unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&text).unwrap_err().is_eof(), "{text}");
    metrics.set_outage(Outage::Down);
    assert!(ask().await.is_err());
    metrics.set_outage(Outage::None);
    assert_eq!(ask().await.unwrap(), good);
    metrics.set_outage(Outage::Hang);
    let mut hanging = Box::pin(ask());
    let waited = tokio::time::timeout(Duration::from_millis(200), &mut hanging).await;
    assert!(waited.is_err(), "{waited:?}");
    metrics.set_outage(Outage::None);
    assert_eq!(hanging.await.unwrap(), good);
}

#[tokio::test]
async fn a_request_that_hangs_is_cut_when_the_server_goes_down() {
    let metrics = canary();
    let server = metrics.serve().await.unwrap();
    metrics.set_outage(Outage::Hang);
    let hanging = tokio::spawn(fetch(format!("{}/api/v1/query?query=up", server.url())));
    tokio::time::sleep(Duration::from_millis(200)).await;
    metrics.set_outage(Outage::Down);
    let cut = tokio::time::timeout(Duration::from_secs(5), hanging).await;
    assert!(cut.unwrap().unwrap().is_err());
}

#[tokio::test]
async fn a_dropped_server_is_gone() {
    let metrics = canary();
    let server = metrics.serve().await.unwrap();
    let url = server.url();
    let client = support::http_client();
    let ask = || client.get(format!("{url}/-/ready")).send();
    assert!(ask().await.is_ok());
    drop(server);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(ask().await.is_err());
    assert!(metrics.serve().await.is_ok());
}
