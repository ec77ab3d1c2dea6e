use std::io::Write as _;

use axum::extract::Request;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use axum::http::{Method as Verb, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Router, routing::any};

use super::*;
use crate::config::checks::CheckKind;
use crate::config::{Config, ConfigBase};
use crate::domain::record::checklist::CheckOutcome;

fn gzipped(bytes: &[u8]) -> Response {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    ([(CONTENT_ENCODING, "gzip")], encoder.finish().unwrap()).into_response()
}

async fn serve() -> String {
    async fn answer(request: Request) -> Response {
        let token = request.headers().get("x-token").map(|value| value.to_str().unwrap().to_owned());
        let json = |text: &'static str| ([(CONTENT_TYPE, "application/json")], text).into_response();
        match request.uri().path() {
            "/healthz" if request.method() == Verb::HEAD => StatusCode::OK.into_response(),
            "/healthz" => json(r#"{"status": "ok", "db": {"lag": 2, "up": true}}"#),
            "/post" if request.method() == Verb::POST => StatusCode::NO_CONTENT.into_response(),
            "/down" => (StatusCode::SERVICE_UNAVAILABLE, "\u{1b}[31mno database\n\nbye").into_response(),
            "/moved" => (StatusCode::FOUND, [(LOCATION, "/healthz?state=s3cret")]).into_response(),
            "/token" if token.as_deref() == Some("s3cret") => "you".into_response(),
            "/token" => StatusCode::UNAUTHORIZED.into_response(),
            "/gzip" if request.method() == Verb::HEAD => ([(CONTENT_ENCODING, "gzip")], "").into_response(),
            "/gzip" => gzipped(br#"{"status": "ok"}"#),
            "/bomb" => gzipped(&vec![b'x'; 64 << 20]),
            "/half" => ([(CONTENT_ENCODING, "gzip")], &b"\x1f\x8b\x08\0\0"[..]).into_response(),
            "/brotli" => ([(CONTENT_ENCODING, "br")], "\u{b}\u{2}").into_response(),
            "/big" => "x".repeat(MAX_BODY_BYTES + 1).into_response(),
            "/slow" => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                "late".into_response()
            }
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(any(answer))).await.unwrap() });
    format!("http://{address}")
}

fn read(toml: &str) -> Result<Http, String> {
    let config = Config::parse(&format!("[[checks]]\nid = 'x'\nhttp = {{ {toml} }}"), &ConfigBase::default());
    match config.map_err(|problems| format!("{problems:?}"))?.defaults.checks[0].kind.clone() {
        Some(CheckKind::Http(http)) => Ok(http),
        other => Err(format!("{other:?}")),
    }
}

async fn look_at(toml: &str) -> Evidence {
    let evidence = look(&read(toml).unwrap(), &CheckInput::default(), &Tools::default()).await;
    assert!(!format!("{evidence:?}").contains("s3cret"), "{evidence:?}");
    evidence
}

#[tokio::test]
async fn status_text_and_json_are_checked() {
    let at = serve().await;
    for (asked, found, words) in [
        ("url = '{at}/healthz'", CheckOutcome::Passed, "answers 200 in"),
        ("url = '{at}/healthz?token=s3cret'", CheckOutcome::Passed, "/healthz answers 200 in"),
        ("url = '{at}/healthz', contains = '\"ok\"', within = '10s'", CheckOutcome::Passed, "answers 200"),
        ("url = '{at}/healthz', pointer = '/db/lag', equals = 2.0", CheckOutcome::Passed, "answers 200"),
        ("url = '{at}/healthz', pointer = '/db/up', equals = true", CheckOutcome::Passed, "answers 200"),
        ("url = '{at}/healthz', method = 'HEAD'", CheckOutcome::Passed, "HEAD http://"),
        ("url = '{at}/post', method = 'POST', status = [200, 204]", CheckOutcome::Passed, "answers 204"),
        ("url = '{at}/moved', status = 302", CheckOutcome::Passed, "answers 302"),
        ("url = '{at}/moved'", CheckOutcome::Failed, ": not 200"),
        ("url = '{at}/down'", CheckOutcome::Failed, "answers 503 in"),
        ("url = '{at}/none', status = [200, 204]", CheckOutcome::Failed, ": not 200 or 204"),
        ("url = '{at}/healthz', contains = 'fine'", CheckOutcome::Failed, ": no `fine` in it"),
        (
            "url = '{at}/healthz', pointer = '/status', equals = 'down'",
            CheckOutcome::Failed,
            ": \"ok\" at /status, not \"down\"",
        ),
        ("url = '{at}/healthz', pointer = '/x', equals = 1", CheckOutcome::Failed, ": nothing at /x"),
        ("url = '{at}/down', status = 503, pointer = '/x', equals = 1", CheckOutcome::Failed, ": it is no JSON"),
        ("url = '{at}/slow', within = '50ms'", CheckOutcome::Failed, "gave no answer within 50 ms"),
        ("url = '{at}/big', contains = 'x'", CheckOutcome::Passed, "answers 200"),
        ("url = '{at}/big', contains = 'y'", CheckOutcome::Blind, "longer than 1 MiB"),
        ("url = '{at}/gzip', pointer = '/status', equals = 'ok'", CheckOutcome::Passed, "answers 200"),
        ("url = '{at}/gzip', method = 'HEAD'", CheckOutcome::Passed, "answers 200"),
        ("url = '{at}/bomb', contains = 'y'", CheckOutcome::Blind, "longer than 1 MiB"),
        ("url = '{at}/half'", CheckOutcome::Blind, "answers in gzip that cannot be unpacked"),
        ("url = '{at}/brotli'", CheckOutcome::Passed, "answers 200"),
        ("url = '{at}/brotli', contains = 'ok'", CheckOutcome::Blind, "the answer is encoded as br"),
        ("url = 'http://127.0.0.1:1/'", CheckOutcome::Blind, "cannot reach http://127.0.0.1:1/: Connection refused"),
        ("url = '{tls}/healthz'", CheckOutcome::Blind, "TLS with https://127.0.0.1:"),
    ] {
        let asked = asked.replace("{at}", &at).replace("{tls}", &at.replace("http", "https"));
        let evidence = look_at(&asked).await;
        assert_eq!(evidence.found, found, "{asked}: {}", evidence.summary);
        assert!(evidence.summary.contains(words), "{asked}: {}", evidence.summary);
        assert_eq!(evidence.green_when.is_empty(), found == CheckOutcome::Passed, "{asked}");
    }
    let down = look_at(&format!("url = '{at}/down'")).await;
    assert_eq!(down.lines, ["Content-Type: text/plain; charset=utf-8", "\u{1b}[31mno database", "bye"]);
    let moved = look_at(&format!("url = '{at}/moved'")).await;
    assert_eq!(moved.lines, ["Location: /healthz"]);
}

#[tokio::test]
async fn secrets_in_headers_are_sent_but_never_shown() {
    let at = serve().await;
    let headers = "headers = { X-Token = { command = ['printf', 's3cret'] } }";
    assert_eq!(look_at(&format!("url = '{at}/token', {headers}")).await.found, CheckOutcome::Passed);
    let gone = "headers = { X-Token = { env = 'COCKPIT_NO_SUCH' } }";
    let evidence = look_at(&format!("url = '{at}/token', {gone}")).await;
    assert_eq!(evidence.found, CheckOutcome::Blind);
    assert!(evidence.summary.starts_with("header X-Token: no secret from the environment variable"));
}

#[test]
fn invalid_settings_are_reported() {
    for (toml, words) in [
        ("status = 200", "has no `url`"),
        ("url = 'payments:80'", "is not an http"),
        ("url = 'http://u:s3cret@a/'", "contains a user"),
        ("url = 'http://a/', status = 99", "must be an HTTP status"),
        ("url = 'http://a/', status = []", "must be an HTTP status"),
        ("url = 'http://a/', pointer = '/a'", "has no `equals`"),
        ("url = 'http://a/', equals = 1", "has no `pointer`"),
        ("url = 'http://a/', pointer = 'a', equals = 1", "begins with `/`"),
        ("url = 'http://a/', pointer = '/a', equals = [1]", "must be text, a number"),
        ("url = 'http://a/', method = 'HEAD', contains = 'x'", "has no body"),
        ("url = 'http://a/', method = 'PUT'", "cannot be `PUT`"),
        ("url = 'http://a/', headers = { X-Token = 's3cret' }", "in plain text"),
    ] {
        let error = read(toml).unwrap_err();
        assert!(error.contains(words) && !error.contains("s3cret"), "{toml}: {error}");
    }
}
