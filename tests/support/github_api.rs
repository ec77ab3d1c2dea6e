//! A server that answers as GitHub's published REST API says ("Pulls", "Branches", version 2022-11-28), for a bare repository
//! in which it really merges with git. What it stands for of GitHub is what that reference says, and no more.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use serde_json::{Value, json};

use crate::Checked;
use crate::check::holds;
use crate::git::git;
use crate::local_server::LocalServer;

/// The repository as the API names it.
pub const PROJECT: &str = "shop/config";
/// The token that it lets in.
pub const TOKEN: &str = "ghp_token-of-the-test";

/// How people merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    Commit,
    Squash,
    Rebase,
}

/// How opening a pull request goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    #[default]
    Answered,
    /// It is opened, and a gateway answers that it heard nothing.
    AnswerLost,
    /// Whoever asks has no right to.
    Forbidden,
}

#[derive(Clone, Debug)]
struct Request {
    number: u64,
    head: String,
    base: String,
    title: String,
    body: String,
    state: &'static str,
    merged_at: Option<&'static str>,
    merge_commit_sha: Option<String>,
    mergeable_state: &'static str,
}

#[derive(Debug, Default)]
struct Kept {
    requests: Vec<Request>,
    opening: Opening,
    /// Method and path of each request, in order.
    log: Vec<String>,
}

struct Served {
    bare: PathBuf,
    work: PathBuf,
    kept: Mutex<Kept>,
}

pub struct GithubApi {
    served: Arc<Served>,
    server: LocalServer,
}

impl GithubApi {
    /// Serves a bare repository; people merge in a clone of it at `work`.
    pub async fn start(bare: PathBuf, work: PathBuf) -> Checked<Self> {
        git(&bare, &["clone", "--quiet", &bare.display().to_string(), &work.display().to_string()])?;
        let served = Arc::new(Served { bare, work, kept: Mutex::default() });
        let routes = Router::new()
            .route("/repos/{owner}/{repo}/pulls", get(list).post(open))
            .route("/repos/{owner}/{repo}/pulls/{number}", get(one))
            .route("/repos/{owner}/{repo}/branches/{branch}", get(branch))
            .with_state(Arc::clone(&served));
        Ok(Self { served, server: LocalServer::start(routes).await? })
    }

    pub fn url(&self) -> &str {
        &self.server.url
    }

    pub fn opens(&self, opening: Opening) {
        self.served.kept().opening = opening;
    }

    /// What it was asked, by method and path, in order.
    pub fn log(&self) -> Vec<String> {
        self.served.kept().log.clone()
    }

    /// How often it was asked to open one.
    pub fn times_asked_to_open(&self) -> usize {
        self.log().iter().filter(|line| line.starts_with("POST ")).count()
    }

    /// Numbers, titles and bodies of all pull requests.
    pub fn opened(&self) -> Vec<(u64, String, String)> {
        let kept = self.served.kept();
        kept.requests.iter().map(|request| (request.number, request.title.clone(), request.body.clone())).collect()
    }

    /// Waits until one is open.
    pub async fn is_open(&self) -> Checked<u64> {
        crate::until("an open pull request", || async {
            let kept = self.served.kept();
            kept.requests.iter().find(|request| request.state == "open").map(|request| request.number)
        })
        .await
    }

    /// Waits until one is open, and the program has looked at it since.
    pub async fn is_looked_at(&self) -> Checked<u64> {
        let number = self.is_open().await?;
        let looked = format!("GET pulls/{number}");
        crate::until("a look at it", || async { self.log().contains(&looked).then_some(number) }).await
    }

    /// A check fails, or passes again.
    pub fn check_fails(&self, number: u64, fails: bool) {
        let mut kept = self.served.kept();
        for request in kept.requests.iter_mut().filter(|request| request.number == number) {
            request.mergeable_state = if fails { "unstable" } else { "clean" };
        }
    }

    /// Somebody closes it.
    pub fn close(&self, number: u64) {
        let mut kept = self.served.kept();
        for request in kept.requests.iter_mut().filter(|request| request.number == number) {
            request.state = "closed";
        }
    }

    /// Somebody merges it, and its branch is deleted.
    pub fn merge(&self, number: u64, merge: Merge) -> Checked {
        let found = self.served.kept().requests.iter().find(|request| request.number == number).cloned();
        let request = found.ok_or("there is no such pull request")?;
        let (work, head, base) = (&self.served.work, format!("origin/{}", request.head), &request.base);
        git(work, &["fetch", "--quiet", "--prune", "origin"])?;
        git(work, &["checkout", "--quiet", "-B", base, &format!("origin/{base}")])?;
        let title = format!("{} (#{number})", request.title);
        match merge {
            Merge::Commit => git(work, &["merge", "--quiet", "--no-ff", "--message", &title, &head])?,
            Merge::Squash => {
                git(work, &["merge", "--quiet", "--squash", &head])?;
                git(work, &["commit", "--quiet", "--message", &title])?
            }
            // The committer is another one: so is the commit.
            Merge::Rebase => git(work, &["cherry-pick", &head])?,
        };
        let commit = git(work, &["rev-parse", "HEAD"])?.trim().to_owned();
        let mut kept = self.served.kept();
        for request in kept.requests.iter_mut().filter(|request| request.number == number) {
            request.state = "closed";
            request.merged_at = Some("2026-01-01T00:00:00Z");
            request.merge_commit_sha = Some(commit.clone());
        }
        drop(kept);
        git(work, &["push", "--quiet", "origin", &format!("HEAD:{base}")])?;
        git(work, &["push", "--quiet", "origin", "--delete", &request.head]).map(drop)
    }

    /// The branches of the repository besides the one that is applied.
    pub fn other_branches(&self) -> Checked<Vec<String>> {
        let names = git(&self.served.bare, &["for-each-ref", "--format=%(refname:short)", "refs/heads"])?;
        Ok(names.lines().filter(|name| *name != "main").map(ToOwned::to_owned).collect())
    }
}

impl Served {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sha(&self, branch: &str) -> Option<String> {
        let name = format!("refs/heads/{branch}");
        git(&self.bare, &["rev-parse", "--verify", "--quiet", &name]).ok().map(|sha| sha.trim().to_owned())
    }

    /// Notes a request, and lets in who has the token, for the repository that there is.
    fn lets_in(&self, line: String, headers: &HeaderMap, owner: &str, repo: &str) -> Result<(), Box<Response>> {
        self.kept().log.push(line);
        let given = headers.get("authorization").and_then(|value| value.to_str().ok());
        if given != Some(&format!("Bearer {TOKEN}")) {
            return Err(Box::new(says(StatusCode::UNAUTHORIZED, &json!({"message": "Bad credentials"}))));
        }
        if format!("{owner}/{repo}") != PROJECT {
            return Err(Box::new(says(StatusCode::NOT_FOUND, &json!({"message": "Not Found"}))));
        }
        Ok(())
    }
}

impl Request {
    /// As a list has it; one by its number says also whether it can be merged.
    fn shown(&self) -> Value {
        // What is not merged has the commit of a merge that was tried.
        let tried = "0123456789012345678901234567890123456789";
        json!({
            "number": self.number, "html_url": format!("https://github.example/{PROJECT}/pull/{}", self.number),
            "state": self.state, "title": self.title, "body": self.body, "draft": false,
            "head": {"ref": self.head, "label": format!("shop:{}", self.head)}, "base": {"ref": self.base},
            "merged_at": self.merged_at, "closed_at": (self.state == "closed").then_some("2026-01-01T00:00:00Z"),
            "merge_commit_sha": self.merge_commit_sha.as_deref().unwrap_or(tried),
        })
    }
}

fn says(status: StatusCode, body: &Value) -> Response {
    (status, [("content-type", "application/json")], body.to_string()).into_response()
}

async fn branch(
    State(served): State<Arc<Served>>,
    Path((owner, repo, branch)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Err(no) = served.lets_in(format!("GET branches/{branch}"), &headers, &owner, &repo) {
        return *no;
    }
    match served.sha(&branch) {
        Some(sha) => says(StatusCode::OK, &json!({"name": branch, "commit": {"sha": sha}, "protected": true})),
        None => says(StatusCode::NOT_FOUND, &json!({"message": "Branch not found"})),
    }
}

async fn list(
    State(served): State<Arc<Served>>,
    Path((owner, repo)): Path<(String, String)>,
    Query(asked): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    if let Err(no) = served.lets_in("GET pulls".to_owned(), &headers, &owner, &repo) {
        return *no;
    }
    let asked = |key: &str| asked.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
    // Without `state` only what is open is listed.
    let state = asked("state").unwrap_or_else(|| "open".to_owned());
    let fits = |request: &&Request| {
        asked("head").is_none_or(|head| head == format!("shop:{}", request.head))
            && asked("base").is_none_or(|base| base == request.base)
            && (state == "all" || state == request.state)
    };
    let found: Vec<Value> = served.kept().requests.iter().filter(fits).map(Request::shown).collect();
    says(StatusCode::OK, &json!(found))
}

async fn one(
    State(served): State<Arc<Served>>,
    Path((owner, repo, number)): Path<(String, String, u64)>,
    headers: HeaderMap,
) -> Response {
    if let Err(no) = served.lets_in(format!("GET pulls/{number}"), &headers, &owner, &repo) {
        return *no;
    }
    let found = served.kept().requests.iter().find(|request| request.number == number).cloned();
    let Some(request) = found else { return says(StatusCode::NOT_FOUND, &json!({"message": "Not Found"})) };
    let mut shown = request.shown();
    shown["merged"] = json!(request.merged_at.is_some());
    shown["mergeable"] = json!(true);
    shown["mergeable_state"] = json!(request.mergeable_state);
    says(StatusCode::OK, &shown)
}

async fn open(
    State(served): State<Arc<Served>>,
    Path((owner, repo)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(no) = served.lets_in("POST pulls".to_owned(), &headers, &owner, &repo) {
        return *no;
    }
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |key: &str| asked[key].as_str().unwrap_or_default().to_owned();
    let (head, base) = (text("head"), text("base"));
    let invalid = |field: &str| {
        let errors = json!([{"resource": "PullRequest", "field": field, "code": "invalid"}]);
        says(StatusCode::UNPROCESSABLE_ENTITY, &json!({"message": "Validation Failed", "errors": errors}))
    };
    if served.sha(&head).is_none() {
        return invalid("head");
    }
    if served.sha(&base).is_none() {
        return invalid("base");
    }
    let mut kept = served.kept();
    if kept.opening == Opening::Forbidden {
        let message = "Resource not accessible by personal access token";
        return says(StatusCode::FORBIDDEN, &json!({"message": message}));
    }
    if kept.requests.iter().any(|request| request.state == "open" && request.head == head && request.base == base) {
        let message = format!("A pull request already exists for shop:{head}.");
        let errors = json!([{"resource": "PullRequest", "code": "custom", "message": message}]);
        return says(StatusCode::UNPROCESSABLE_ENTITY, &json!({"message": "Validation Failed", "errors": errors}));
    }
    // Issues count, too.
    let number = 11 + kept.requests.len() as u64 + 1;
    let request = Request {
        number,
        head,
        base,
        title: text("title"),
        body: text("body"),
        state: "open",
        merged_at: None,
        merge_commit_sha: None,
        mergeable_state: "clean",
    };
    let shown = request.shown();
    kept.requests.push(request);
    if kept.opening == Opening::AnswerLost {
        return says(StatusCode::BAD_GATEWAY, &json!({"message": "Server Error"}));
    }
    says(StatusCode::CREATED, &shown)
}

/// Fails unless the branch that is applied has as many more commits as this.
pub fn commits_since(bare: &std::path::Path, head: &str, wanted: usize) -> Checked {
    let count = git(bare, &["rev-list", "--count", &format!("{head}..main")])?;
    holds(&format!("main has {wanted} commits more, not {}", count.trim()), count.trim() == wanted.to_string())
}
