//! A server that answers as Jenkins does (Remote Access API; `ParametersDefinitionProperty`, `ParameterizedJobMixIn`), and builds
//! nothing by itself: the test is what runs. As Jenkins does, it takes no notice of a parameter that the job does not have.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use serde_json::{Value, json};

use crate::Checked;
use crate::local_server::LocalServer;

/// The job as the config names it.
pub const JOB: &str = "deploy/prod";
/// Who it lets in, with the token of theirs, and the header by which they come.
pub const USER: &str = "ada";
pub const TOKEN: &str = "11aabbccddeeff00-of-the-test";
const LOGIN: &str = "Basic YWRhOjExYWFiYmNjZGRlZWZmMDAtb2YtdGhlLXRlc3Q=";

/// How asking for a build is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// 201 with the address of what waits in the queue.
    #[default]
    Created,
    /// It is taken, and a gateway answers that it heard nothing.
    Lost,
    /// It is refused with this status, on a page with this title.
    Refused(u16, &'static str),
}

/// The job as it is configured.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    pub buildable: bool,
    pub parameters: &'static [&'static str],
}

#[derive(Debug)]
struct Kept {
    answer: Answer,
    job: Job,
    /// The form of each request for a build.
    begun: Vec<BTreeMap<String, String>>,
    /// All requests, whether they were let in or not.
    asked: Vec<String>,
}

struct Served {
    kept: Mutex<Kept>,
}

impl Served {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct JenkinsBuilds {
    served: Arc<Served>,
    server: LocalServer,
}

impl JenkinsBuilds {
    pub async fn start(answer: Answer, job: Job) -> Checked<Self> {
        let kept = Kept { answer, job, begun: Vec::new(), asked: Vec::new() };
        let served = Arc::new(Served { kept: Mutex::new(kept) });
        let routes = Router::new()
            .route("/ci/job/deploy/job/prod/api/json", get(describe))
            .route("/ci/job/deploy/job/prod/buildWithParameters", post(begin))
            .route("/ci/job/deploy/job/prod/7/api/json", get(build))
            .route("/ci/queue/item/{id}/api/json", get(queued))
            .with_state(Arc::clone(&served));
        Ok(Self { served, server: LocalServer::start(routes).await? })
    }

    /// Its address: it is reached below a path.
    pub fn url(&self) -> String {
        format!("{}/ci", self.server.url)
    }

    /// The form of each request for a build that was let in.
    pub fn begun(&self) -> Vec<BTreeMap<String, String>> {
        self.served.kept().begun.clone()
    }

    /// All that was asked.
    pub fn asked(&self) -> Vec<String> {
        self.served.kept().asked.clone()
    }

    /// Waits until a build is asked for; returns what it was told.
    pub async fn is_begun(&self) -> Checked<BTreeMap<String, String>> {
        crate::until("a build that is asked for", || async { self.served.kept().begun.first().cloned() }).await
    }
}

fn page(status: u16, title: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or_default();
    let text = format!("<html><head><title>{title}</title></head><body><h2>HTTP ERROR</h2></body></html>");
    (status, [("content-type", "text/html;charset=iso-8859-1")], text).into_response()
}

fn says(body: &Value) -> Response {
    (StatusCode::OK, [("content-type", "application/json;charset=utf-8")], body.to_string()).into_response()
}

/// Writes a request down, and lets it in or not.
fn lets_in(served: &Served, asked: &str, headers: &HeaderMap) -> Result<(), Box<Response>> {
    served.kept().asked.push(asked.to_owned());
    let given = headers.get("authorization").and_then(|value| value.to_str().ok());
    if given == Some(LOGIN) { Ok(()) } else { Err(Box::new(page(401, "Error 401 Unauthorized"))) }
}

async fn describe(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    if let Err(no) = lets_in(&served, "GET job", &headers) {
        return *no;
    }
    let Job { buildable, parameters } = served.kept().job;
    let defined: Vec<Value> =
        parameters.iter().map(|name| json!({"_class": "StringParameterDefinition", "name": name})).collect();
    let mut properties = vec![json!({"_class": "jenkins.model.BuildDiscarderProperty"})];
    if !defined.is_empty() {
        let class = "hudson.model.ParametersDefinitionProperty";
        properties.push(json!({"_class": class, "parameterDefinitions": defined}));
    }
    says(
        &json!({"_class": "org.jenkinsci.plugins.workflow.job.WorkflowJob", "buildable": buildable, "property": properties}),
    )
}

async fn begin(State(served): State<Arc<Served>>, headers: HeaderMap, body: Bytes) -> Response {
    if let Err(no) = lets_in(&served, "POST buildWithParameters", &headers) {
        return *no;
    }
    let is_form = headers.get("content-type").is_some_and(|kind| kind == "application/x-www-form-urlencoded");
    let form = String::from_utf8_lossy(&body).into_owned();
    let form = reqwest::Url::parse(&format!("http://form/?{form}")).ok().filter(|_| is_form);
    let mut kept = served.kept();
    kept.begun
        .push(form.iter().flat_map(reqwest::Url::query_pairs).map(|(k, v)| (k.into_owned(), v.into_owned())).collect());
    match kept.answer {
        // The address is that by which Jenkins thinks that it is reached.
        Answer::Created => {
            (StatusCode::CREATED, [(LOCATION, "https://jenkins.example/ci/queue/item/12/")]).into_response()
        }
        Answer::Lost => page(502, "502 Bad Gateway"),
        Answer::Refused(status, title) => page(status, title),
    }
}

async fn queued(State(served): State<Arc<Served>>, Path(id): Path<u64>, headers: HeaderMap) -> Response {
    if let Err(no) = lets_in(&served, &format!("GET queue/item/{id}"), &headers) {
        return *no;
    }
    let url = "https://jenkins.example/ci/job/deploy/job/prod/7/";
    says(&json!({"_class": "hudson.model.Queue$LeftItem", "id": id, "why": null, "cancelled": false,
                 "executable": {"_class": "WorkflowRun", "number": 7, "url": url}}))
}

async fn build(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    if let Err(no) = lets_in(&served, "GET build 7", &headers) {
        return *no;
    }
    // Whatever comes of it in the cluster, it says that it failed.
    let url = "https://jenkins.example/ci/job/deploy/job/prod/7/";
    says(&json!({"_class": "WorkflowRun", "number": 7, "url": url, "building": false, "result": "FAILURE"}))
}
