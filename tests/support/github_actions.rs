//! A server that answers as GitHub's published REST API says ("Workflows", "Workflow runs", version 2022-11-28), and begins
//! nothing by itself: the test is what runs.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::Checked;
use crate::local_server::LocalServer;

/// The repository as the API names it.
pub const REPOSITORY: &str = "shop/api";
/// The token that it lets in.
pub const TOKEN: &str = "ghp_token-of-the-test";

/// How beginning a workflow is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dispatch {
    /// 204, without a word.
    #[default]
    NoContent,
    /// 200 with the run.
    WithRun,
    /// It is begun, and a gateway answers that it heard nothing.
    AnswerLost,
    /// It is refused with this status and message.
    Refused(u16, &'static str),
}

#[derive(Debug, Default)]
struct Kept {
    dispatch: Dispatch,
    /// Bodies of the requests that began a workflow.
    begun: Vec<Value>,
    /// How often it was asked to begin one.
    times_asked: usize,
    /// Query of each look at the runs.
    looks: Vec<Vec<(String, String)>>,
}

#[derive(Default)]
struct Served {
    kept: Mutex<Kept>,
}

impl Served {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct GithubActions {
    served: Arc<Served>,
    server: LocalServer,
}

impl GithubActions {
    pub async fn start(dispatch: Dispatch) -> Checked<Self> {
        let served = Arc::new(Served::default());
        served.kept().dispatch = dispatch;
        let routes = Router::new()
            .route("/repos/{owner}/{repo}/actions/workflows/{workflow}/dispatches", post(begin))
            .route("/repos/{owner}/{repo}/actions/workflows/{workflow}/runs", get(runs))
            .with_state(Arc::clone(&served));
        Ok(Self { served, server: LocalServer::start(routes).await? })
    }

    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// How often it was asked to begin a workflow.
    pub fn times_asked(&self) -> usize {
        self.served.kept().times_asked
    }

    /// How the runs were asked for.
    pub fn looks(&self) -> Vec<Vec<(String, String)>> {
        self.served.kept().looks.clone()
    }

    /// Waits until a workflow is begun; returns what it was told.
    pub async fn is_begun(&self) -> Checked<Value> {
        crate::until("a workflow that is begun", || async { self.served.kept().begun.first().cloned() }).await
    }
}

fn says(status: StatusCode, body: &Value) -> Response {
    (status, [("content-type", "application/json")], body.to_string()).into_response()
}

fn lets_in(headers: &HeaderMap, owner: &str, repo: &str) -> Result<(), Box<Response>> {
    let given = headers.get("authorization").and_then(|value| value.to_str().ok());
    if given != Some(&format!("Bearer {TOKEN}")) {
        return Err(Box::new(says(StatusCode::UNAUTHORIZED, &json!({"message": "Bad credentials"}))));
    }
    if format!("{owner}/{repo}") != REPOSITORY {
        return Err(Box::new(says(StatusCode::NOT_FOUND, &json!({"message": "Not Found"}))));
    }
    Ok(())
}

async fn begin(
    State(served): State<Arc<Served>>,
    Path((owner, repo, workflow)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    served.kept().times_asked += 1;
    if let Err(no) = lets_in(&headers, &owner, &repo) {
        return *no;
    }
    let dispatch = served.kept().dispatch;
    if let Dispatch::Refused(status, message) = dispatch {
        return says(StatusCode::from_u16(status).unwrap_or_default(), &json!({"message": message}));
    }
    let mut asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    asked["workflow"] = json!(workflow);
    served.kept().begun.push(asked);
    let page = format!("https://github.example/{REPOSITORY}/actions/runs/71");
    match dispatch {
        Dispatch::AnswerLost => says(StatusCode::BAD_GATEWAY, &json!({"message": "Server Error"})),
        Dispatch::WithRun => says(StatusCode::OK, &json!({"workflow_run_id": 71, "run_url": page, "html_url": page})),
        Dispatch::NoContent | Dispatch::Refused(..) => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn runs(
    State(served): State<Arc<Served>>,
    Path((owner, repo, _)): Path<(String, String, String)>,
    Query(asked): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    if let Err(no) = lets_in(&headers, &owner, &repo) {
        return *no;
    }
    let mut kept = served.kept();
    kept.looks.push(asked);
    let page = format!("https://github.example/{REPOSITORY}/actions/runs/71");
    let run = json!({"id": 71, "html_url": page, "status": "completed", "conclusion": "failure"});
    let found = if kept.begun.is_empty() { Vec::new() } else { vec![run] };
    says(StatusCode::OK, &json!({"total_count": found.len(), "workflow_runs": found}))
}
