//! An exporter that stands for all pods: each has a path of its own, and counts what the test lets it answer.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use support::Checked;

/// The counters of each pod by status; a pod that crashed begins with none.
type Pods = Arc<Mutex<BTreeMap<String, BTreeMap<String, f64>>>>;

/// Instead of a status: requests of the kubelet, answered with 200.
pub const PROBES: &str = "probes";

#[derive(Clone)]
pub struct Exporter {
    pods: Pods,
    pub address: String,
}

impl Exporter {
    pub async fn start() -> Checked<Self> {
        let pods = Pods::default();
        let app = axum::Router::new().route("/{pod}", axum::routing::get(metrics)).with_state(Arc::clone(&pods));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { pods, address })
    }

    /// Lets a pod answer more requests. After the status and a space may stand the value of the label `variant`.
    pub fn answer(&self, pod: &str, code: &str, more: f64) {
        *self.lock().entry(pod.to_owned()).or_default().entry(code.to_owned()).or_default() += more;
    }

    /// Lets a counter read whatever.
    pub fn set(&self, pod: &str, code: &str, value: f64) {
        self.lock().entry(pod.to_owned()).or_default().insert(code.to_owned(), value);
    }

    pub fn remove(&self, pod: &str, code: &str) {
        self.lock().entry(pod.to_owned()).or_default().remove(code);
    }

    /// Begins the process of a pod anew: all its counters are gone, and it has answered so many.
    pub fn crash(&self, pod: &str, answered: f64) {
        self.lock().insert(pod.to_owned(), BTreeMap::from([("200".to_owned(), answered)]));
    }

    pub fn read(&self, pod: &str, code: &str) -> Option<f64> {
        self.lock().get(pod)?.get(code).copied()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, BTreeMap<String, f64>>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn metrics(State(pods): State<Pods>, Path(pod): Path<String>) -> Result<String, StatusCode> {
    let pods = pods.lock().unwrap_or_else(PoisonError::into_inner);
    let counters = pods.get(&pod).ok_or(StatusCode::NOT_FOUND)?;
    let mut text = "# TYPE http_requests_total counter\n# TYPE http_request_duration_seconds histogram\n".to_owned();
    let mut all = 0.0;
    for (code, value) in counters {
        let labels = match code.as_str() {
            PROBES => "code=\"200\",path=\"/healthz\"".to_owned(),
            code => match code.split_once(' ') {
                Some((code, variant)) => format!("code=\"{code}\",variant=\"{variant}\""),
                None => format!("code=\"{code}\""),
            },
        };
        let _ = writeln!(text, "http_requests_total{{{labels}}} {value}");
        all += if value.is_finite() { *value } else { 0.0 };
    }
    // One half takes at most a tenth of a second.
    for (le, count) in [("0.1", (all / 2.0).floor()), ("+Inf", all)] {
        let _ = writeln!(text, "http_request_duration_seconds_bucket{{le=\"{le}\"}} {count}");
    }
    let _ = writeln!(text, "http_request_duration_seconds_sum {all}\nhttp_request_duration_seconds_count {all}");
    Ok(text)
}
