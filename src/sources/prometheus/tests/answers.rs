//! A server that answers badly: each error says what, where and what to do, and tells no secret.

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{secret, settings};
use crate::config::{Auth, HeaderText, Prometheus};
use crate::domain::facts::signals::NoData;
use crate::platform::Redactor;
use crate::sources::prometheus::answer::Data;
use crate::sources::prometheus::client::PrometheusClient;
use crate::sources::prometheus::translate;
use crate::sources::prometheus::trouble::QueryError;

/// What was asked: path, headers as text, form.
type Asked = Arc<Mutex<Vec<(String, String, String)>>>;

/// A server that always gives one answer. It runs until the test ends.
async fn server(status: u16, header: (&'static str, &'static str), body: impl Into<Bytes>) -> (String, Asked) {
    let body: Bytes = body.into();
    let asked = Asked::default();
    let noted = Arc::clone(&asked);
    let app = Router::new().fallback(move |request: Request| {
        let (noted, body) = (Arc::clone(&noted), body.clone());
        async move {
            let (path, headers) = (request.uri().path().to_owned(), request.headers().clone());
            let form = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
            let headers: Vec<_> = headers.iter().map(|(k, v)| format!("{k}: {}", v.to_str().unwrap())).collect();
            let form = String::from_utf8_lossy(&form).into_owned();
            noted.lock().unwrap().push((path, headers.join("\n"), form));
            let answer = Response::builder().status(StatusCode::from_u16(status).unwrap());
            answer.header(header.0, header.1).body(Body::from(body)).unwrap()
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, asked)
}

const JSON: (&str, &str) = ("content-type", "application/json");
const HTML: (&str, &str) = ("content-type", "text/html");

/// The URL with a user and password in it.
fn with_user(url: &str) -> String {
    url.replace("http://", "http://alice:hunter2@")
}

/// The error of a query to a server that gives this answer.
async fn error(status: u16, header: (&'static str, &'static str), body: impl Into<Bytes>) -> (QueryError, String) {
    let (url, _) = server(status, header, body).await;
    let client = PrometheusClient::new(&settings(&with_user(&url)), &Redactor::default()).await.unwrap();
    let error = client.query("up{token=\"s3cret\"}").await.unwrap_err();
    let text = format!("{error} {error:?} {client:?}");
    assert!(!text.contains("hunter2") && !text.contains("alice") && !text.contains("s3cret"), "{text}");
    (error.clone(), error.to_string().replace(&url, "URL"))
}

#[tokio::test]
async fn every_bad_answer_names_place_cause_and_remedy() {
    let page = "<!doctype html><html><head><title>\n Sign\u{1b}[2J in </title></head></html>";
    let cases: &[(u16, (&str, &str), &str, &str)] = &[
        (
            200,
            HTML,
            page,
            r"URL answers 200 with HTML (“Sign\e[2J in”) where JSON was expected: is a proxy in front, or the URL wrong?",
        ),
        (200, HTML, "<p>", "URL answers 200 with HTML where JSON was expected: is a proxy in front, or the URL wrong?"),
        (200, JSON, "", "URL answers 200 with nothing where JSON was expected: is a proxy in front, or the URL wrong?"),
        (204, JSON, "", "URL answers 204 with nothing where JSON was expected: is a proxy in front, or the URL wrong?"),
        (502, HTML, page, r"URL cannot answer now (502: Sign\e[2J in)"),
        (
            503,
            JSON,
            r#"{"status":"error","errorType":"unavailable","error":"TSDB not ready"}"#,
            "URL cannot answer now (503: TSDB not ready)",
        ),
        (429, ("retry-after", "5"), "slow down", "URL cannot answer now (429: slow down)"),
        (500, JSON, "", "URL cannot answer now (500)"),
        (
            401,
            ("www-authenticate", "Basic"),
            "Unauthorized\n",
            "URL denies access (401: Unauthorized): check the user, token or headers in the config",
        ),
        (
            401,
            JSON,
            r#"{"status":"error","error":"no org id"}"#,
            "URL denies access (401: no org id): check the user, token or headers in the config",
        ),
        (
            403,
            JSON,
            r#"{"message":"missing scope metrics:read"}"#,
            "URL denies access (403: missing scope metrics:read): check the user, token or headers in the config",
        ),
        (403, HTML, "<html></html>", "URL denies access (403): check the user, token or headers in the config"),
        (404, ("x", "y"), "404 page not found", "URL has no Prometheus API (404): is the path prefix right?"),
        (
            302,
            ("location", "https://bob:pw@login.example/auth?state=s3cret"),
            "",
            "URL redirects to https://login.example/auth: set the final URL (a login proxy needs a token)",
        ),
        (
            400,
            JSON,
            r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:1: parse error"}"#,
            "Prometheus rejects the query (400 bad_data): invalid parameter \"query\": 1:1: parse error",
        ),
        (
            422,
            JSON,
            r#"{"status":"error","errorType":"execution","error":"query processing would load too many samples"}"#,
            "Prometheus rejects the query (422 execution): query processing would load too many samples",
        ),
        (
            200,
            JSON,
            r#"{"status":"error","errorType":"execution","error":"odd"}"#,
            "Prometheus rejects the query (200 execution): odd",
        ),
        (
            400,
            ("x", "y"),
            "Bad Request",
            "URL answers 400 with text (“Bad Request”) where JSON was expected: is a proxy in front, or the URL wrong?",
        ),
        (
            200,
            JSON,
            r#"{"status":"success","data":{"resultType":"vector","res"#,
            "URL gave an answer that is not Prometheus': the JSON breaks off after 54 bytes",
        ),
        (
            200,
            JSON,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,2]}]}}"#,
            "URL gave an answer that is not Prometheus': invalid type: integer `2`, expected a string",
        ),
        (200, JSON, r#"{"status":"success"}"#, "URL gave an answer that is not Prometheus': success without data"),
        (200, JSON, "[]", "URL gave an answer that is not Prometheus'"),
        (
            200,
            JSON,
            r#"{"status":"success","data":{"resultType":"streams","result":[]}}"#,
            "URL gave an answer that is not Prometheus': unknown variant `streams`",
        ),
    ];
    for (status, header, body, expected) in cases {
        let (kind, text) = error(*status, *header, *body).await;
        assert!(text.starts_with(expected), "{status} {body}: {text}");
        assert_eq!(kind.is_link(), !matches!(kind, QueryError::Rejected { .. }));
        assert!(!text.contains('\u{1b}') && !text.contains('\n'), "{text:?}");
    }
}

#[tokio::test]
async fn a_long_answer_is_cut_in_the_error() {
    let body = format!("{{\"status\":\"error\",\"error\":\"{}\"}}", "x".repeat(5000));
    let (_, text) = error(422, JSON, body).await;
    assert!(text.chars().count() < 300 && text.ends_with('…'), "{text}");
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const GZIP: (&str, &str) = ("content-encoding", "gzip");

#[tokio::test]
async fn answers_in_gzip_are_unpacked_up_to_the_limit() {
    let (url, _) = server(200, GZIP, gzipped(EMPTY.as_bytes())).await;
    let client = PrometheusClient::new(&settings(&url), &Redactor::default()).await.unwrap();
    assert_eq!(client.query("up").await.unwrap().data, Data::Vector(Vec::new()));
    let bomb = gzipped(&vec![b' '; 256 << 20]);
    assert!(bomb.len() < 1 << 20);
    let whole = gzipped(EMPTY.as_bytes());
    let half = whole[..whole.len() / 2].to_vec();
    let unknown = ("content-encoding", "br");
    for (header, body, expected) in [
        (GZIP, bomb, "URL gave an answer that is not Prometheus': it is longer than 16 MiB"),
        (GZIP, half, "URL gave an answer that cannot be unpacked: its gzip is broken ("),
        (GZIP, EMPTY.into(), "URL gave an answer that cannot be unpacked: its gzip is broken ("),
        (
            unknown,
            EMPTY.into(),
            "URL gave an answer that cannot be unpacked: it is encoded as br, which was not asked for",
        ),
    ] {
        let (kind, text) = error(200, header, body).await;
        assert!(text.starts_with(expected), "{text}");
        assert!(kind.is_link());
    }
}

#[tokio::test]
async fn endless_answer_is_abandoned() {
    let body = "x".repeat(17 << 20);
    let (_, text) = error(200, JSON, body).await;
    assert_eq!(text, "URL gave an answer that is not Prometheus': it is longer than 16 MiB");
}

/// A server that writes some bytes, then closes or stays silent.
async fn raw(bytes: &'static str, close: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(bytes.as_bytes()).await;
            if !close {
                held.push(stream);
            }
        }
    });
    url
}

#[tokio::test]
async fn failed_and_hanging_connections_are_distinguished() {
    let ask = async |url: String| {
        let timeout = SignedDuration::from_millis(300);
        let client = PrometheusClient::new(&Prometheus { timeout, ..settings(&with_user(&url)) }, &Redactor::default())
            .await
            .unwrap();
        let error = client.query("up").await.unwrap_err();
        assert!(error.is_link() && !format!("{error} {error:?}").contains("hunter2"));
        error
    };
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"status\":";
    let cut = ask(raw(head, true).await).await;
    assert!(matches!(&cut, QueryError::Cut { .. }), "{cut}");
    let half = ask(raw(head, false).await).await;
    assert!(matches!(&half, QueryError::TimedOut { .. }), "{half}");
    let silent = ask(raw("", false).await).await;
    assert!(silent.to_string().contains("gave no answer in 0.3 s"), "{silent}");
    let refused = ask("http://127.0.0.1:1".to_owned()).await;
    assert!(refused.to_string().contains("cannot reach http://127.0.0.1:1: "), "{refused}");
    assert!(refused.to_string().to_lowercase().contains("refused"), "{refused}");
    let nowhere = ask("http://prometheus.invalid".to_owned()).await;
    assert!(matches!(&nowhere, QueryError::Unreachable { .. } | QueryError::TimedOut { .. }), "{nowhere}");
    let ssh = ask(raw("SSH-2.0-OpenSSH_9.2\r\n", false).await).await;
    assert!(matches!(&ssh, QueryError::Unreachable { .. }), "{ssh}");
}

const EMPTY: &str = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;

#[tokio::test]
async fn requests_carry_prefix_form_and_credentials() {
    let (url, asked) = server(200, JSON, EMPTY).await;
    let mut settings = settings(&format!("{url}/prom/eu/"));
    settings.auth = Auth::Bearer(secret("t0ken"));
    settings.headers.insert("X-Scope-OrgID".to_owned(), HeaderText::Plain("team-a".to_owned()));
    settings.headers.insert("X-Key".to_owned(), HeaderText::Secret(secret("k3y")));
    let client = PrometheusClient::new(&settings, &Redactor::default()).await.unwrap();
    assert_eq!(client.at(), format!("{url}/prom/eu"));
    assert!(!format!("{client:?}").contains("t0ken"));
    let answer = client.query("sum by (a) (b{c=\"d&e\"})").await.unwrap();
    assert_eq!(answer.data, Data::Vector(Vec::new()));
    let at = |s| Timestamp::from_second(s).unwrap();
    client.query_range("up", at(100), at(200), Duration::from_millis(1500)).await.unwrap();
    settings.auth = Auth::Basic { username: "bob".to_owned(), password: secret("p:w") };
    PrometheusClient::new(&settings, &Redactor::default()).await.unwrap().query("up").await.unwrap();
    let asked = asked.lock().unwrap();
    let (path, headers, form) = &asked[0];
    assert_eq!(path, "/prom/eu/api/v1/query");
    assert!(headers.contains("authorization: Bearer t0ken\n") && headers.contains("x-scope-orgid: team-a"));
    assert!(headers.contains("x-key: k3y"));
    assert!(headers.contains("content-type: application/x-www-form-urlencoded"));
    assert_eq!(form, "query=sum+by+%28a%29+%28b%7Bc%3D%22d%26e%22%7D%29&timeout=5.000");
    assert_eq!(asked[1].0, "/prom/eu/api/v1/query_range");
    assert_eq!(asked[1].2, "query=up&start=100.000&end=200.000&step=1.500&timeout=5.000");
    // bob:p:w
    assert!(asked[2].1.contains("authorization: Basic Ym9iOnA6dw=="), "{}", asked[2].1);
}

#[tokio::test]
async fn warnings_make_a_partial_answer() {
    let body = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"0"]}]},"warnings":["No StoreAPIs matched for this query"]}"#;
    let (url, _) = server(200, JSON, body).await;
    let client = PrometheusClient::new(&settings(&url), &Redactor::default()).await.unwrap();
    let reading = translate::reading(crate::domain::facts::signals::Signal::ErrorRatio, client.query("up").await);
    assert_eq!(reading, Err(NoData::Partial("No StoreAPIs matched for this query".to_owned())));
}

#[tokio::test]
async fn wrong_setting_is_reported_without_its_value() {
    let error = async |settings: &Prometheus| {
        PrometheusClient::new(settings, &Redactor::default()).await.unwrap_err().to_string()
    };
    let mut settings = settings("http://h");
    settings.headers.insert("X Token".to_owned(), HeaderText::Plain("s3cret".to_owned()));
    let text = error(&settings).await;
    assert!(text.starts_with("`X Token` is not a valid HTTP header") && !text.contains("s3cret"), "{text}");
    settings.headers.clear();
    settings.auth = Auth::Bearer(crate::config::Secret::Env("COCKPIT_NO_SUCH".to_owned()));
    assert_eq!(error(&settings).await, "no secret from the environment variable COCKPIT_NO_SUCH: it is not set");
    settings.auth = Auth::None;
    settings.ca_file = Some("/nonexistent/ca.pem".into());
    let text = error(&settings).await;
    assert!(text.starts_with("cannot read the certificate authorities in /nonexistent/ca.pem: "), "{text}");
    let empty = tempfile::NamedTempFile::new().unwrap();
    settings.ca_file = Some(empty.path().to_owned());
    assert!(error(&settings).await.contains("no certificate in it"));
}
