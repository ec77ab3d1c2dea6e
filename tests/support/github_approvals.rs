//! A server that answers as GitHub's published REST API says ("Workflow runs", version 2022-11-28) where runs wait until a
//! deployment is approved, and runs nothing by itself: the test is what runs. A deployment that was approved waits no more.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::{Value, json};

use crate::Checked;
use crate::local_server::LocalServer;

/// The repository as the API names it.
pub const REPOSITORY: &str = "shop/api";
/// The token that it lets in.
pub const TOKEN: &str = "ghp_token-of-the-test";
/// The environment as GitHub writes it, and its number.
pub const ENVIRONMENT: (&str, u64) = ("production", 161_088_068);

/// How an approval is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    #[default]
    Fine,
    /// It is taken, and a gateway answers that it heard nothing.
    Lost,
    /// The same, and the reviews are not answered, either.
    LostForGood,
    /// It is refused with this status and message.
    Refused(u16, &'static str),
}

/// A run.
#[derive(Clone, Debug)]
pub struct Run {
    pub id: u64,
    pub workflow: &'static str,
    pub event: &'static str,
    pub status: &'static str,
    pub commit: String,
    /// Whether it waits for the environment.
    pub waits: bool,
}

/// What protects the environment.
#[derive(Clone, Copy, Debug)]
pub struct Protection {
    pub may_approve: bool,
    /// In minutes; begun a moment ago.
    pub timer: u64,
}

#[derive(Debug, Default)]
struct Kept {
    answer: Answer,
    runs: Vec<Run>,
    protection: Option<Protection>,
    reviews: Vec<(u64, Value)>,
    /// What was asked to be approved: the run, with the body.
    approved: Vec<(u64, Value)>,
    /// All requests that were let in or not: method and path.
    asked: Vec<String>,
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

pub struct GithubApprovals {
    served: Arc<Served>,
    server: LocalServer,
}

impl GithubApprovals {
    /// Starts it with the runs that there are.
    pub async fn start(answer: Answer, protection: Protection, runs: Vec<Run>) -> Checked<Self> {
        let served = Arc::new(Served::default());
        *served.kept() = Kept { answer, runs, protection: Some(protection), ..Kept::default() };
        let routes = Router::new()
            .route("/repos/{owner}/{repo}/actions/runs", get(runs_of))
            .route("/repos/{owner}/{repo}/actions/runs/{id}", get(run))
            .route("/repos/{owner}/{repo}/actions/runs/{id}/pending_deployments", get(pending).post(approve))
            .route("/repos/{owner}/{repo}/actions/runs/{id}/approvals", get(reviews))
            .with_state(Arc::clone(&served));
        Ok(Self { served, server: LocalServer::start(routes).await? })
    }

    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// What was asked to be approved, or was refused: the run, with the body.
    pub fn approved(&self) -> Vec<(u64, Value)> {
        self.served.kept().approved.clone()
    }

    /// All that was asked: method and path.
    pub fn asked(&self) -> Vec<String> {
        self.served.kept().asked.clone()
    }

    /// Waits until something is approved; returns the body.
    pub async fn is_approved(&self) -> Checked<Value> {
        let approved = || async { self.served.kept().approved.first().map(|(_, body)| body.clone()) };
        crate::until("a deployment that is approved", approved).await
    }
}

fn says(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or_default();
    (status, [("content-type", "application/json")], body.to_string()).into_response()
}

/// Writes a request down, and lets it in or not.
fn lets_in(served: &Served, asked: &str, repository: &str, headers: &HeaderMap) -> Result<(), Box<Response>> {
    served.kept().asked.push(asked.to_owned());
    let given = headers.get("authorization").and_then(|value| value.to_str().ok());
    if given != Some(&format!("Bearer {TOKEN}")) {
        return Err(Box::new(says(401, &json!({"message": "Bad credentials"}))));
    }
    if repository != REPOSITORY {
        return Err(Box::new(says(404, &json!({"message": "Not Found"}))));
    }
    Ok(())
}

fn as_json(run: &Run) -> Value {
    json!({
        "id": run.id, "name": run.workflow, "path": format!(".github/workflows/{}", run.workflow), "workflow_id": 5,
        "event": run.event, "status": run.status, "conclusion": null, "head_branch": "main", "head_sha": run.commit,
        "run_attempt": 1, "html_url": format!("https://github.example/{REPOSITORY}/actions/runs/{}", run.id),
    })
}

async fn runs_of(
    State(served): State<Arc<Served>>,
    Path((owner, repo)): Path<(String, String)>,
    Query(asked): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    if let Err(no) = lets_in(&served, "GET runs", &format!("{owner}/{repo}"), &headers) {
        return *no;
    }
    let is_asked = |key: &str, value: &str| asked.iter().all(|(name, wanted)| name != key || wanted == value);
    let kept = served.kept();
    let all = kept.runs.iter().filter(|run| is_asked("head_sha", &run.commit) && is_asked("status", run.status));
    let all: Vec<Value> = all.map(as_json).collect();
    says(200, &json!({"total_count": all.len(), "workflow_runs": all}))
}

async fn run(
    State(served): State<Arc<Served>>,
    Path((owner, repo, id)): Path<(String, String, u64)>,
    headers: HeaderMap,
) -> Response {
    if let Err(no) = lets_in(&served, &format!("GET runs/{id}"), &format!("{owner}/{repo}"), &headers) {
        return *no;
    }
    let found = served.kept().runs.iter().find(|run| run.id == id).map(as_json);
    let Some(mut found) = found else { return says(404, &json!({"message": "Not Found"})) };
    // Whatever comes of it in the cluster, it says that it failed.
    found["status"] = json!("completed");
    found["conclusion"] = json!("failure");
    says(200, &found)
}

async fn pending(
    State(served): State<Arc<Served>>,
    Path((owner, repo, id)): Path<(String, String, u64)>,
    headers: HeaderMap,
) -> Response {
    let asked = format!("GET runs/{id}/pending_deployments");
    if let Err(no) = lets_in(&served, &asked, &format!("{owner}/{repo}"), &headers) {
        return *no;
    }
    let kept = served.kept();
    let waits = kept.runs.iter().any(|run| run.id == id && run.waits);
    let Some(Protection { may_approve, timer }) = kept.protection.filter(|_| waits) else {
        return says(200, &json!([]));
    };
    let since = (timer > 0).then(|| jiff::Timestamp::now().to_string());
    let (name, number) = ENVIRONMENT;
    says(
        200,
        &json!([{
            "environment": {"id": number, "name": name}, "wait_timer": timer, "wait_timer_started_at": since,
            "current_user_can_approve": may_approve,
            "reviewers": [{"type": "User", "reviewer": {"login": "ada", "id": 1}}],
        }]),
    )
}

async fn approve(
    State(served): State<Arc<Served>>,
    Path((owner, repo, id)): Path<(String, String, u64)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = format!("POST runs/{id}/pending_deployments");
    if let Err(no) = lets_in(&served, &asked, &format!("{owner}/{repo}"), &headers) {
        return *no;
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut kept = served.kept();
    kept.approved.push((id, body.clone()));
    if let Answer::Refused(status, message) = kept.answer {
        return says(status, &json!({"message": message}));
    }
    let (name, number) = ENVIRONMENT;
    let run = kept.runs.iter_mut().find(|run| run.id == id && run.waits);
    let Some(run) = run.filter(|_| body["environment_ids"] == json!([number]) && body["state"] == "approved") else {
        return says(422, &json!({"message": "No pending deployment requests to approve or reject"}));
    };
    run.waits = false;
    run.status = "in_progress";
    let commit = run.commit.clone();
    let review = json!({
        "environments": [{"id": number, "name": name}], "state": "approved", "user": {"login": "ada"},
        "comment": body["comment"],
    });
    kept.reviews.push((id, review));
    match kept.answer {
        Answer::Lost | Answer::LostForGood => says(502, &json!({"message": "Server Error"})),
        Answer::Fine | Answer::Refused(..) => says(200, &json!([{"id": 1, "sha": commit, "environment": name}])),
    }
}

async fn reviews(
    State(served): State<Arc<Served>>,
    Path((owner, repo, id)): Path<(String, String, u64)>,
    headers: HeaderMap,
) -> Response {
    if let Err(no) = lets_in(&served, &format!("GET runs/{id}/approvals"), &format!("{owner}/{repo}"), &headers) {
        return *no;
    }
    let kept = served.kept();
    if kept.answer == Answer::LostForGood {
        return says(502, &json!({"message": "Server Error"}));
    }
    let all: Vec<&Value> = kept.reviews.iter().filter(|(of, _)| *of == id).map(|(_, review)| review).collect();
    says(200, &json!(all))
}
