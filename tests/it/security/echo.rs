//! A server that refuses every request and quotes it in its answer, headers and all.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// The server; it ends with the test.
pub struct Echo {
    _runtime: Runtime,
    /// Where it is: `127.0.0.1:PORT`.
    pub at: String,
}

impl Echo {
    /// Starts it. It answers as a Kubernetes API server refuses, and under `/prometheus` as a Prometheus does.
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let at = listener.local_addr().unwrap().to_string();
        runtime.spawn(async move { axum::serve(listener, Router::new().fallback(refuse)).await });
        Self { _runtime: runtime, at }
    }
}

async fn refuse(request: Request) -> axum::response::Response {
    let headers: Vec<String> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    // With a control character, so that this way is taken too.
    let said = format!("\u{1b}]0;x\u{7}refused {} {} with {}", request.method(), request.uri(), headers.join(", "));
    if request.uri().path().starts_with("/prometheus") {
        let body = json!({"status": "error", "errorType": "bad_data", "error": said});
        return (StatusCode::BAD_REQUEST, axum::Json(body)).into_response();
    }
    if request.uri().path().starts_with("/plain") {
        return (StatusCode::FORBIDDEN, said).into_response();
    }
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403,
        "message": said});
    (StatusCode::FORBIDDEN, axum::Json(body)).into_response()
}
