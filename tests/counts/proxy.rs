//! A proxy in front of a Prometheus, such as one that asks several stores: it may add warnings.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde_json::{Value as Json, json};

use crate::Checked;

/// The proxy.
#[derive(Clone)]
pub struct Proxy {
    behind: String,
    warning: Arc<Mutex<Option<String>>>,
    /// Its base URL.
    pub url: String,
}

impl Proxy {
    /// Starts one in front of a server.
    pub async fn start(behind: String) -> Checked<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let proxy = Self { behind, warning: Arc::default(), url: format!("http://{}", listener.local_addr()?) };
        let app = axum::Router::new().fallback(forward).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(proxy)
    }

    /// Adds a warning to every answer, or none.
    pub fn warn(&self, warning: Option<&str>) {
        *self.warning.lock().unwrap_or_else(PoisonError::into_inner) = warning.map(ToOwned::to_owned);
    }
}

async fn forward(State(proxy): State<Proxy>, uri: Uri, body: Bytes) -> (StatusCode, String) {
    let url = format!("{}{}", proxy.behind, uri.path());
    let request = reqwest::Client::new().post(url).header("content-type", "application/x-www-form-urlencoded");
    let Ok(answer) = request.body(body).send().await else { return (StatusCode::BAD_GATEWAY, String::new()) };
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let Ok(mut json) = answer.json::<Json>().await else { return (StatusCode::BAD_GATEWAY, String::new()) };
    if let Some(warning) = &*proxy.warning.lock().unwrap_or_else(PoisonError::into_inner) {
        json["warnings"] = json!([warning]);
    }
    (status, json.to_string())
}
