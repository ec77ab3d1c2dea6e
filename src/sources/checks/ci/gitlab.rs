//! GitLab: the pipelines of a commit, `GET /api/v4/projects/:id/pipelines?sha=`, and their jobs.

use std::collections::BTreeMap;

use reqwest::header::HeaderValue;
use reqwest::{Method, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{FULL_HASH_CHARS, Job, MAX_PAGES, Outcome, PAGE_SIZE, is_meant};
use crate::config::checks::Ci;
use crate::sources::checks::Tools;
use crate::sources::checks::web::{json, request, token};

#[derive(Deserialize)]
struct Commit {
    id: String,
}

#[derive(Deserialize)]
struct Pipeline {
    id: u64,
    sha: String,
    status: String,
    /// The branch, tag or merge request that it ran for.
    #[serde(default, rename = "ref")]
    reference: String,
    /// What started it: `push`, `schedule`, `web`, …
    #[serde(default)]
    source: String,
    #[serde(default)]
    web_url: String,
}

#[derive(Deserialize)]
struct PipelineJob {
    name: String,
    status: String,
    #[serde(default)]
    allow_failure: bool,
    #[serde(default)]
    web_url: String,
}

/// Asks one server about one project.
struct Project<'a> {
    asked: &'a Ci,
    tools: &'a Tools,
    token: Option<HeaderValue>,
}

/// Returns the pipelines of a commit, of each source and branch the latest; their jobs where names are asked for, or
/// where they tell why one failed.
pub(super) async fn jobs(asked: &Ci, commit: &str, tools: &Tools) -> Result<Vec<Job>, String> {
    let token = match &asked.token {
        Some(secret) => Some(token(secret, "", tools).await?),
        None => None,
    };
    let project = Project { asked, tools, token };
    // The list knows whole hashes alone.
    let sha = if commit.len() < FULL_HASH_CHARS {
        project.get::<Commit>(&format!("repository/commits/{commit}"), &[]).await?.id
    } else {
        commit.to_ascii_lowercase()
    };
    if !is_meant(&sha, commit) {
        return Err(format!("GitLab answers for another commit than {commit}: give more digits of its hash"));
    }
    let mut jobs = Vec::new();
    for pipeline in project.pipelines(&sha).await? {
        jobs.extend(project.jobs_of(pipeline).await?);
    }
    Ok(jobs)
}

impl Project<'_> {
    async fn pipelines(&self, sha: &str) -> Result<Vec<Pipeline>, String> {
        let mut latest: BTreeMap<(String, String), Pipeline> = BTreeMap::new();
        for page in 1..=MAX_PAGES {
            let (size, page) = (PAGE_SIZE.to_string(), page.to_string());
            let order = [("sha", sha), ("order_by", "id"), ("sort", "desc"), ("per_page", &size), ("page", &page)];
            let found: Vec<Pipeline> = self.get("pipelines", &order).await?;
            let count = found.len();
            for pipeline in found {
                if !is_meant(&pipeline.sha, sha) {
                    return Err(format!("GitLab answers for another commit than {sha}: its answer does not fit `sha`"));
                }
                let cause = (pipeline.source.clone(), pipeline.reference.clone());
                if latest.get(&cause).is_none_or(|known| known.id < pipeline.id) {
                    latest.insert(cause, pipeline);
                }
            }
            if count < PAGE_SIZE {
                return Ok(latest.into_values().collect());
            }
        }
        Err(format!("{sha} has more than {} pipelines", MAX_PAGES * PAGE_SIZE))
    }

    async fn jobs_of(&self, pipeline: Pipeline) -> Result<Vec<Job>, String> {
        let whole = outcome(&pipeline.status);
        let named = !self.asked.checks.is_empty();
        let all = if named {
            self.jobs(pipeline.id).await?
        } else if whole == Outcome::Failed {
            // That it failed is known, also where its jobs are not.
            self.jobs(pipeline.id).await.unwrap_or_default()
        } else {
            Vec::new()
        };
        if named {
            return Ok(all);
        }
        let failed: Vec<Job> = all.into_iter().filter(|job| job.outcome == Outcome::Failed).collect();
        // A pipeline can fail without a job that did.
        if whole == Outcome::Failed && !failed.is_empty() {
            return Ok(failed);
        }
        let name = format!("pipeline {}", pipeline.id);
        Ok(vec![Job { name, outcome: whole, word: pipeline.status, link: pipeline.web_url }])
    }

    async fn jobs(&self, pipeline: u64) -> Result<Vec<Job>, String> {
        let mut jobs = Vec::new();
        let named = !self.asked.checks.is_empty();
        for page in 1..=MAX_PAGES {
            let parameters = [("per_page", &*PAGE_SIZE.to_string()), ("page", &*page.to_string())];
            let found: Vec<PipelineJob> = self.get(&format!("pipelines/{pipeline}/jobs"), &parameters).await?;
            let count = found.len();
            // What may fail does not make the pipeline fail; where it is named it decides all the same.
            let found = found.into_iter().filter(|job| named || !job.allow_failure);
            jobs.extend(found.map(|job| Job {
                outcome: outcome(&job.status),
                name: job.name,
                word: job.status,
                link: job.web_url,
            }));
            if count < PAGE_SIZE {
                return Ok(jobs);
            }
        }
        Err(format!("pipeline {pipeline} has more than {} jobs", MAX_PAGES * PAGE_SIZE))
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, parameters: &[(&str, &str)]) -> Result<T, String> {
        let url = self.url(path);
        let mut request = request(Method::GET, &url, self.tools)?.query(parameters);
        if let Some(token) = &self.token {
            request = request.header("PRIVATE-TOKEN", token);
        }
        let hint = "`project`, whether the commit was pushed, and `token` (read_api)";
        json(request, &url, "GitLab", hint, &self.tools.redactor).await
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.asked.url.clone();
        // A path counts as one part: its slashes are written as %2F.
        let project = self.asked.project.bytes().fold(String::new(), |out, byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out + &char::from(byte).to_string(),
            _ => out + &format!("%{byte:02X}"),
        });
        url.set_path(&format!("{}api/v4/projects/{project}/{path}", self.asked.url.path()));
        url
    }
}

/// Reads the status of a pipeline or job.
pub(super) fn outcome(status: &str) -> Outcome {
    match status {
        "success" => Outcome::Passed,
        "skipped" => Outcome::Skipped,
        "manual" => Outcome::Waiting,
        "created"
        | "waiting_for_resource"
        | "preparing"
        | "waiting_for_callback"
        | "pending"
        | "running"
        | "canceling"
        | "scheduled" => Outcome::Running,
        _ => Outcome::Failed,
    }
}
