//! CircleCI (API v2): the pipelines of a commit, `GET /project/{slug}/pipeline`, and their workflows,
//! `GET /pipeline/{id}/workflow`. The list of pipelines knows no filter by commit: it is read from its newest.

use std::collections::BTreeMap;

use reqwest::header::HeaderValue;
use reqwest::{Method, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{FULL_HASH_CHARS, Job, MAX_PAGES, Outcome, is_meant};
use crate::config::checks::Ci;
use crate::sources::checks::Tools;
use crate::sources::checks::web::{json, request, token};

#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Pipeline {
    id: String,
    number: u64,
    state: String,
    #[serde(default)]
    errors: Vec<PipelineError>,
    trigger: Option<Trigger>,
    vcs: Option<Vcs>,
}

#[derive(Deserialize)]
struct PipelineError {
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Trigger {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Vcs {
    revision: Option<String>,
    branch: Option<String>,
    tag: Option<String>,
}

#[derive(Deserialize)]
struct Workflow {
    id: String,
    name: String,
    status: String,
    /// RFC 3339 in UTC, so that later ones sort behind.
    created_at: String,
}

impl Pipeline {
    fn is_of(&self, commit: &str) -> bool {
        self.vcs.as_ref().and_then(|vcs| vcs.revision.as_ref()).is_some_and(|revision| is_meant(revision, commit))
    }

    /// What starts it, and for what: a workflow that runs again for the same takes the place of the earlier one.
    fn cause(&self) -> Cause {
        let vcs = self.vcs.as_ref();
        (
            self.trigger.as_ref().map(|trigger| trigger.kind.clone()),
            vcs.and_then(|vcs| vcs.branch.clone()),
            vcs.and_then(|vcs| vcs.tag.clone()),
        )
    }

    /// What it says itself, where its workflows do not.
    fn job(&self, is_empty: bool) -> Option<Job> {
        let outcome = match self.state.as_str() {
            "created" if !is_empty => return None,
            // No workflow of it was to run.
            "created" => Outcome::Skipped,
            "setup-pending" | "setup" | "pending" => Outcome::Running,
            _ => Outcome::Failed,
        };
        let why = self.errors.first().map(|error| format!(": {}", error.message)).unwrap_or_default();
        let (name, word) = (format!("pipeline {}", self.number), format!("{}{why}", self.state));
        Some(Job { name, outcome, word, link: String::new() })
    }

    /// Whether it began with the push of the commit: what ran for that commit before is none.
    fn is_of_push(&self) -> bool {
        self.trigger.as_ref().is_some_and(|trigger| trigger.kind == "webhook")
    }
}

/// Kind of trigger, branch and tag.
type Cause = (Option<String>, Option<String>, Option<String>);

/// Returns the latest workflows of a commit, by cause and name.
pub(super) async fn jobs(asked: &Ci, commit: &str, tools: &Tools) -> Result<Vec<Job>, String> {
    let token = match &asked.token {
        Some(secret) => Some(token(secret, "", tools).await?),
        None => None,
    };
    let server = Server { asked, tools, token };
    let list = server.all::<Pipeline>(&format!("project/{}/pipeline", asked.project)).await?;
    let of_commit: Vec<Pipeline> = list.items.into_iter().filter(|pipeline| pipeline.is_of(commit)).collect();
    if !list.is_whole && !of_commit.is_empty() && !of_commit.iter().any(Pipeline::is_of_push) {
        return Err(format!("the last {MAX_PAGES} pages of CircleCI do not reach back to the push of {commit}"));
    }
    if commit.len() < FULL_HASH_CHARS {
        let revisions = of_commit.iter().filter_map(|pipeline| pipeline.vcs.as_ref()?.revision.as_ref());
        let mut revisions: Vec<&String> = revisions.collect();
        revisions.sort();
        revisions.dedup();
        if revisions.len() > 1 {
            return Err(format!("CircleCI knows several commits that begin with {commit}: give more digits"));
        }
    }
    let mut latest: BTreeMap<(Cause, String), Workflow> = BTreeMap::new();
    let mut jobs = Vec::new();
    for pipeline in of_commit {
        let (cause, own) = (pipeline.cause(), server.workflows(&pipeline).await?);
        jobs.extend(pipeline.job(own.is_empty()));
        for workflow in own {
            let newer = |known: &Workflow| known.created_at >= workflow.created_at;
            let key = (cause.clone(), workflow.name.clone());
            if !latest.get(&key).is_some_and(newer) {
                latest.insert(key, workflow);
            }
        }
    }
    jobs.extend(latest.into_values().map(|workflow| Job {
        outcome: outcome(&workflow.status),
        link: format!("https://app.circleci.com/pipelines/workflows/{}", workflow.id),
        name: workflow.name,
        word: workflow.status,
    }));
    Ok(jobs)
}

/// A list, and whether all of it was read.
struct List<T> {
    items: Vec<T>,
    is_whole: bool,
}

/// Asks one server about one project.
struct Server<'a> {
    asked: &'a Ci,
    tools: &'a Tools,
    token: Option<HeaderValue>,
}

impl Server<'_> {
    /// Returns the workflows of a pipeline, each of their runs.
    async fn workflows(&self, pipeline: &Pipeline) -> Result<Vec<Workflow>, String> {
        let list = self.all(&format!("pipeline/{}/workflow", pipeline.id)).await?;
        if list.is_whole { Ok(list.items) } else { Err(format!("pipeline {} has too many workflows", pipeline.number)) }
    }

    /// Returns the items of a list, up to a number of pages.
    async fn all<T: DeserializeOwned>(&self, path: &str) -> Result<List<T>, String> {
        let mut items = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let page: Page<T> = self.get(path, next.as_deref()).await?;
            items.extend(page.items);
            next = page.next_page_token.filter(|token| !token.is_empty());
            if next.is_none() {
                break;
            }
        }
        Ok(List { items, is_whole: next.is_none() })
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, page: Option<&str>) -> Result<T, String> {
        let mut url: Url = self.asked.url.clone();
        url.set_path(&format!("{}api/v2/{path}", self.asked.url.path()));
        let mut request = request(Method::GET, &url, self.tools)?;
        if let Some(page) = page {
            request = request.query(&[("page-token", page)]);
        }
        if let Some(token) = &self.token {
            request = request.header("Circle-Token", token);
        }
        json(request, &url, "CircleCI", "`project` and `token`", &self.tools.redactor).await
    }
}

/// Reads the status of a workflow.
pub(super) fn outcome(status: &str) -> Outcome {
    match status {
        "success" => Outcome::Passed,
        "not_run" => Outcome::Skipped,
        "on_hold" => Outcome::Waiting,
        "running" => Outcome::Running,
        // `failed`, `failing`, `error`, `canceled`, `unauthorized`, and what may come.
        _ => Outcome::Failed,
    }
}
