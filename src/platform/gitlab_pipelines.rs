//! A client of the REST API by which GitLab plays manual jobs and begins pipelines. It never retries.

use std::collections::BTreeSet;
use std::fmt;

use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::Redactor;
use super::rest_api::{RestApi, RestError, bearer, not_readable};
use crate::domain::facts::gitlab_job::{GitlabJob, GitlabPipeline, GitlabRun, RunKind, job, jobs, of_interest};
use crate::domain::facts::gitlab_job::{pipelines, playable, run};
use crate::domain::facts::pipeline::GitlabCall;
use crate::domain::facts::pull_request::gitlab;

/// Pipelines of a branch or commit that are looked through for a job, the latest first.
const MAX_PIPELINES: usize = 20;
/// Entries of a page, the most that GitLab gives.
const PAGE_SIZE: usize = 100;
/// Pages of the jobs of a pipeline that are read.
const MAX_PAGES: usize = 20;

/// Why no job is there to be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoJob {
    /// It could not be looked for.
    Unread(RestError),
    /// There is none that may be played; why.
    Unfit(String),
}

impl From<RestError> for NoJob {
    fn from(error: RestError) -> Self {
        Self::Unread(error)
    }
}

impl fmt::Display for NoJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(error) => error.fmt(f),
            Self::Unfit(why) => f.write_str(why),
        }
    }
}

/// A client for the pipelines of one project. Cheap to clone.
#[derive(Clone)]
pub struct GitlabPipelines {
    api: RestApi,
    /// Address of the server and project, by which a call is known to go there.
    place: (String, String),
}

impl GitlabPipelines {
    /// Makes it; nothing is asked yet. The token is known to the redactor already. `ca` is what to trust besides the
    /// certificate authorities of the system (PEM).
    ///
    /// # Errors
    /// What it cannot be made from.
    pub fn new(
        (url, project): (String, String),
        ca: Option<&[u8]>,
        token: &str,
        redactor: Redactor,
    ) -> Result<Self, String> {
        let api = RestApi::new(&url, ca, (bearer(token)?, gitlab::refusal, project.clone()), redactor)?;
        Ok(Self { api, place: (url, project) })
    }

    /// Whether a call goes where this client does.
    #[must_use]
    pub fn is_for(&self, call: &GitlabCall) -> bool {
        (&call.url, &call.project) == (&self.place.0, &self.place.1)
    }

    /// Returns the manual job that a call is about.
    ///
    /// # Errors
    /// Why none may be played, or why that cannot be read.
    pub async fn job(&self, call: &GitlabCall, name: &str) -> Result<GitlabRun, NoJob> {
        let mut url = self.at(&["pipelines"]);
        let (key, value) = match (&call.commit, &call.git_ref) {
            (Some(commit), _) => ("sha", commit),
            (None, Some(git_ref)) => ("ref", git_ref),
            (None, None) => {
                return Err(NoJob::Unfit("no commit and no branch is known: see `ref` of `promote`".into()));
            }
        };
        let size = MAX_PIPELINES.to_string();
        url.query_pairs_mut().extend_pairs([(key, value), ("per_page", &size)]);
        url.query_pairs_mut().extend_pairs([("order_by", "id"), ("sort", "desc")]);
        let all = pipelines(&self.api.ask(Method::GET, url, None).await?).ok_or_else(not_readable)?;
        let all = of_interest(all, call.commit.as_deref(), call.git_ref.as_deref());
        if all.is_empty() {
            let project = &call.project;
            return Err(NoJob::Unfit(format!("{project} has no such pipeline as {}", call.place())));
        }
        let found = self.with_job(all, name).await?;
        playable(name, &call.place(), found).map_err(NoJob::Unfit)
    }

    /// Returns the jobs of a name, each with its pipeline: the latest of each branch and tag that has some.
    async fn with_job(
        &self,
        all: Vec<GitlabPipeline>,
        name: &str,
    ) -> Result<Vec<(GitlabPipeline, GitlabJob)>, RestError> {
        let (mut found, mut has_one) = (Vec::new(), BTreeSet::new());
        for pipeline in all {
            if has_one.contains(&pipeline.git_ref) {
                continue;
            }
            for job in self.jobs(pipeline.id).await?.into_iter().filter(|job| job.name == name) {
                has_one.insert(pipeline.git_ref.clone());
                found.push((pipeline.clone(), job));
            }
        }
        Ok(found)
    }

    async fn jobs(&self, pipeline: u64) -> Result<Vec<GitlabJob>, RestError> {
        let mut all = Vec::new();
        for page in 1..=MAX_PAGES {
            let mut url = self.at(&["pipelines", &pipeline.to_string(), "jobs"]);
            let (page, size) = (page.to_string(), PAGE_SIZE.to_string());
            url.query_pairs_mut().extend_pairs([("per_page", &size), ("page", &page)]);
            let found = jobs(&self.api.ask(Method::GET, url, None).await?).ok_or_else(not_readable)?;
            let is_last = found.len() < PAGE_SIZE;
            all.extend(found);
            if is_last {
                return Ok(all);
            }
        }
        Err(RestError::NoAnswer(format!("pipeline {pipeline} has more than {} jobs", MAX_PAGES * PAGE_SIZE)))
    }

    /// Plays a job, once. GitLab runs a job that was played already once more, with another number.
    ///
    /// # Errors
    /// Why it was not, or may not have been played.
    pub async fn play(&self, call: &GitlabCall, id: u64) -> Result<Option<GitlabRun>, RestError> {
        let body = json!({"job_variables_attributes": variables(call)});
        let answer = self.api.send(Method::POST, self.at(&["jobs", &id.to_string(), "play"]), Some(body)).await?.1;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        Ok(job(&answer).map(|job| job.run))
    }

    /// Begins a pipeline, once.
    ///
    /// # Errors
    /// Why it was not, or may not have been begun.
    pub async fn begin(&self, call: &GitlabCall) -> Result<Option<GitlabRun>, RestError> {
        let body = json!({"ref": call.git_ref, "variables": variables(call)});
        let answer = self.api.send(Method::POST, self.at(&["pipeline"]), Some(body)).await?.1;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        Ok(run(RunKind::Pipeline, &answer))
    }

    /// Reads how a job or pipeline stands.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn look(&self, begun: &GitlabRun) -> Result<GitlabRun, RestError> {
        let kind = match begun.kind {
            RunKind::Job => "jobs",
            RunKind::Pipeline => "pipelines",
        };
        let url = self.at(&[kind, &begun.id.to_string()]);
        run(begun.kind, &self.api.ask(Method::GET, url, None).await?).ok_or_else(not_readable)
    }

    /// Makes an address; each part is encoded, so that no name reaches another path.
    fn at(&self, parts: &[&str]) -> Url {
        let mut url = self.api.url().clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v4", "projects", self.place.1.as_str()]).extend(parts);
        }
        url
    }
}

fn variables(call: &GitlabCall) -> Vec<Value> {
    call.variables.iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_project_is_one_part_of_the_path() {
        let place = ("https://git.example/gitlab/".to_owned(), "shop/../api".to_owned());
        let client = GitlabPipelines::new(place.clone(), None, "token", Redactor::default()).unwrap();
        let at = "https://git.example/gitlab/api/v4/projects/shop%2F..%2Fapi/jobs/7/play";
        assert_eq!(client.at(&["jobs", "7", "play"]).as_str(), at);
        let call = GitlabCall {
            url: place.0,
            project: place.1,
            job: None,
            git_ref: Some("main".to_owned()),
            variables: BTreeMap::from([("IMAGE".to_owned(), "a".to_owned())]),
            commit: None,
        };
        assert!(client.is_for(&call));
        assert_eq!(variables(&call), [json!({"key": "IMAGE", "value": "a"})]);
        assert!(!client.is_for(&GitlabCall { project: "shop/other".to_owned(), ..call }));
    }
}
