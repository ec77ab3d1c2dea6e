//! A server that answers as GitLab's published REST API says ("Pipelines", "Jobs", version 4), and runs nothing by itself: the
//! test is what runs. As GitLab does, it runs a job again that was played before, with another number.

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

/// The project as the API names it.
pub const PROJECT: &str = "shop/api";
/// The token that it lets in.
pub const TOKEN: &str = "glpat-token-of-the-test";
/// The number of the first job or pipeline that it makes itself.
const FIRST_NEW: u64 = 100;

/// How beginning something is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    #[default]
    Fine,
    /// It is begun, and a gateway answers that it heard nothing.
    Lost,
    /// It is refused with this status and message.
    Refused(u16, &'static str),
}

/// A job, and what its pipeline is of.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    pub id: u64,
    pub name: &'static str,
    pub status: &'static str,
    pub pipeline: u64,
}

#[derive(Debug, Default)]
struct Kept {
    answer: Answer,
    /// Number, branch or tag, and commit.
    pipelines: Vec<(u64, &'static str, String)>,
    jobs: Vec<Job>,
    /// What began something: method and path, with the body.
    begun: Vec<(String, Value)>,
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

pub struct GitlabPipelines {
    served: Arc<Served>,
    server: LocalServer,
}

impl GitlabPipelines {
    /// Starts it with what there is: pipelines by number, branch or tag, and commit, and their jobs.
    pub async fn start(answer: Answer, pipelines: &[(u64, &'static str, &str)], jobs: &[Job]) -> Checked<Self> {
        let served = Arc::new(Served::default());
        {
            let mut kept = served.kept();
            kept.answer = answer;
            kept.pipelines = pipelines.iter().map(|(id, of, sha)| (*id, *of, (*sha).to_owned())).collect();
            kept.jobs = jobs.to_vec();
        }
        let routes = Router::new()
            .route("/api/v4/projects/{project}/pipelines", get(pipelines_of))
            .route("/api/v4/projects/{project}/pipelines/{id}", get(pipeline))
            .route("/api/v4/projects/{project}/pipelines/{id}/jobs", get(jobs_of))
            .route("/api/v4/projects/{project}/jobs/{id}", get(job))
            .route("/api/v4/projects/{project}/jobs/{id}/play", post(play))
            .route("/api/v4/projects/{project}/pipeline", post(begin))
            .with_state(Arc::clone(&served));
        Ok(Self { served, server: LocalServer::start(routes).await? })
    }

    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// What was asked to be begun, or was refused: method and path, with the body.
    pub fn begun(&self) -> Vec<(String, Value)> {
        self.served.kept().begun.clone()
    }

    /// All that was asked: method and path.
    pub fn asked(&self) -> Vec<String> {
        self.served.kept().asked.clone()
    }

    /// Waits until something is begun; returns what it was told.
    pub async fn is_begun(&self) -> Checked<Value> {
        let begun = || async { self.served.kept().begun.first().map(|(_, body)| body.clone()) };
        crate::until("a job that is played", begun).await
    }
}

fn says(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or_default();
    (status, [("content-type", "application/json")], body.to_string()).into_response()
}

/// Writes a request down, and lets it in or not.
fn lets_in(served: &Served, asked: &str, project: &str, headers: &HeaderMap) -> Result<(), Box<Response>> {
    served.kept().asked.push(asked.to_owned());
    let given = headers.get("authorization").and_then(|value| value.to_str().ok());
    if given != Some(&format!("Bearer {TOKEN}")) {
        return Err(Box::new(says(401, &json!({"message": "401 Unauthorized"}))));
    }
    if project != PROJECT {
        return Err(Box::new(says(404, &json!({"message": "404 Project Not Found"}))));
    }
    Ok(())
}

fn page(what: &str, id: u64) -> String {
    format!("https://gitlab.example/{PROJECT}/-/{what}/{id}")
}

fn as_json(job: &Job) -> Value {
    json!({
        "id": job.id, "name": job.name, "status": job.status, "stage": "deploy", "web_url": page("jobs", job.id),
        "pipeline": {"id": job.pipeline, "project_id": 1}, "user": {"username": "ada"},
    })
}

async fn pipelines_of(
    State(served): State<Arc<Served>>,
    Path(project): Path<String>,
    Query(asked): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    if let Err(no) = lets_in(&served, "GET pipelines", &project, &headers) {
        return *no;
    }
    let is_asked = |key: &str, value: &str| asked.iter().all(|(name, wanted)| name != key || wanted == value);
    let mut all = served.kept().pipelines.clone();
    all.retain(|(_, git_ref, sha)| is_asked("sha", sha) && is_asked("ref", git_ref));
    all.sort_by_key(|(id, ..)| std::cmp::Reverse(*id));
    let all = all.iter().map(|(id, git_ref, sha)| {
        json!({"id": id, "iid": id, "project_id": 1, "status": "manual", "source": "push", "ref": git_ref, "sha": sha,
               "web_url": page("pipelines", *id)})
    });
    says(200, &Value::Array(all.collect()))
}

async fn jobs_of(
    State(served): State<Arc<Served>>,
    Path((project, id)): Path<(String, u64)>,
    headers: HeaderMap,
) -> Response {
    if let Err(no) = lets_in(&served, &format!("GET pipelines/{id}/jobs"), &project, &headers) {
        return *no;
    }
    let kept = served.kept();
    says(200, &Value::Array(kept.jobs.iter().filter(|job| job.pipeline == id).rev().map(as_json).collect()))
}

async fn pipeline(
    State(served): State<Arc<Served>>,
    Path((project, id)): Path<(String, u64)>,
    headers: HeaderMap,
) -> Response {
    match lets_in(&served, &format!("GET pipelines/{id}"), &project, &headers) {
        Err(no) => *no,
        Ok(()) => says(200, &json!({"id": id, "status": "failed", "web_url": page("pipelines", id)})),
    }
}

async fn job(
    State(served): State<Arc<Served>>,
    Path((project, id)): Path<(String, u64)>,
    headers: HeaderMap,
) -> Response {
    if let Err(no) = lets_in(&served, &format!("GET jobs/{id}"), &project, &headers) {
        return *no;
    }
    // Whatever comes of it in the cluster, it says that it failed.
    let found = served.kept().jobs.iter().find(|job| job.id == id).map(|job| Job { status: "failed", ..*job });
    found.map_or_else(|| says(404, &json!({"message": "404 Not Found"})), |job| says(200, &as_json(&job)))
}

/// Writes down what is begun; how that is answered, where it is not as it should be.
fn noted(served: &Served, asked: &str, body: &Bytes) -> Option<Response> {
    let mut kept = served.kept();
    kept.begun.push((asked.to_owned(), serde_json::from_slice(body).unwrap_or_default()));
    match kept.answer {
        Answer::Fine => None,
        Answer::Lost => Some(says(502, &json!({"message": "502 Bad Gateway"}))),
        Answer::Refused(status, message) => Some(says(status, &json!({"message": message}))),
    }
}

async fn play(
    State(served): State<Arc<Served>>,
    Path((project, id)): Path<(String, u64)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = format!("POST jobs/{id}/play");
    if let Err(no) = lets_in(&served, &asked, &project, &headers) {
        return *no;
    }
    if let Some(answer) = noted(&served, &asked, &body) {
        return answer;
    }
    let mut kept = served.kept();
    let Some(at) = kept.jobs.iter().position(|job| job.id == id) else {
        return says(404, &json!({"message": "404 Not Found"}));
    };
    let job = kept.jobs[at];
    match job.status {
        "manual" => {
            kept.jobs[at].status = "pending";
            says(200, &as_json(&kept.jobs[at]))
        }
        "success" | "failed" | "canceled" => {
            let again = Job { id: FIRST_NEW + id, status: "pending", ..job };
            kept.jobs.push(again);
            says(200, &as_json(&again))
        }
        _ => says(400, &json!({"message": "400 Bad request - Unplayable Job"})),
    }
}

async fn begin(
    State(served): State<Arc<Served>>,
    Path(project): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = "POST pipeline";
    if let Err(no) = lets_in(&served, asked, &project, &headers) {
        return *no;
    }
    if let Some(answer) = noted(&served, asked, &body) {
        return answer;
    }
    let id = FIRST_NEW;
    says(201, &json!({"id": id, "status": "created", "web_url": page("pipelines", id)}))
}
