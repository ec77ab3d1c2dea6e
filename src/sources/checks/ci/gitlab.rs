//! GitLab: the pipelines of a commit, `GET /api/v4/projects/:id/pipelines?sha=`, their jobs, and the pipelines that they
//! started: `GET …/pipelines/:id/bridges`.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{FULL_HASH_CHARS, Job, MAX_PAGES, Outcome, PAGE_SIZE, is_meant};
use crate::config::checks::Ci;
use crate::sources::checks::Tools;
use crate::sources::checks::web::{json, json_if_there, request, token};

/// What to check where the server refuses us.
const HINT: &str = "`project`, whether the commit was pushed, and `token` (read_api)";

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
    /// `workflow:name`, which tells schedules apart.
    #[serde(default)]
    name: Option<String>,
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

/// A job that starts another pipeline.
#[derive(Deserialize)]
struct Bridge {
    name: String,
    #[serde(default)]
    allow_failure: bool,
    downstream_pipeline: Option<Downstream>,
}

#[derive(Deserialize)]
struct Downstream {
    status: String,
    #[serde(default)]
    web_url: String,
}

impl Pipeline {
    /// Pipelines with the same cause may be repetitions of one another.
    fn cause(&self) -> (String, String, Option<String>) {
        (self.source.clone(), self.reference.clone(), self.name.clone())
    }

    /// Whether a later one with the same cause runs all that it ran. Of two schedules of a branch, each runs jobs of its
    /// own; so may pipelines that were started by hand or by the API.
    fn is_repeated_by_later(&self) -> bool {
        matches!(self.source.as_str(), "" | "push" | "merge_request_event" | "external_pull_request_event")
    }
}

/// Asks one server about one project.
struct Project<'a> {
    asked: &'a Ci,
    tools: &'a Tools,
    token: Option<HeaderValue>,
}

/// Returns the pipelines of a commit, of each cause the latest, and what failed in an earlier one and did not pass in a
/// later; their jobs where names are asked for, or where they tell why one failed.
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
    for repeated in project.pipelines(&sha).await? {
        jobs.extend(project.jobs_of_cause(repeated).await?);
    }
    Ok(jobs)
}

impl Project<'_> {
    /// Returns the pipelines of a commit by their cause, the latest first.
    async fn pipelines(&self, sha: &str) -> Result<Vec<Vec<Pipeline>>, String> {
        let mut by_cause: BTreeMap<_, Vec<Pipeline>> = BTreeMap::new();
        for page in 1..=MAX_PAGES {
            let (size, page) = (PAGE_SIZE.to_string(), page.to_string());
            let order = [("sha", sha), ("order_by", "id"), ("sort", "desc"), ("per_page", &size), ("page", &page)];
            let found: Vec<Pipeline> = self.get("pipelines", &order).await?;
            let count = found.len();
            for pipeline in found {
                if !is_meant(&pipeline.sha, sha) {
                    return Err(format!("GitLab answers for another commit than {sha}: its answer does not fit `sha`"));
                }
                by_cause.entry(pipeline.cause()).or_default().push(pipeline);
            }
            if count < PAGE_SIZE {
                let mut all: Vec<Vec<Pipeline>> = by_cause.into_values().collect();
                for repeated in &mut all {
                    repeated.sort_by_key(|pipeline| std::cmp::Reverse(pipeline.id));
                    repeated.dedup_by_key(|pipeline| pipeline.id);
                }
                return Ok(all);
            }
        }
        Err(format!("{sha} has more than {} pipelines", MAX_PAGES * PAGE_SIZE))
    }

    /// Returns what the latest of these pipelines says, and what failed in an earlier one and did not pass since.
    async fn jobs_of_cause(&self, repeated: Vec<Pipeline>) -> Result<Vec<Job>, String> {
        let mut all = repeated.into_iter();
        let Some(latest) = all.next() else { return Ok(Vec::new()) };
        let is_red = |pipeline: &Pipeline| outcome(&pipeline.status) == Outcome::Failed;
        let earlier: Vec<Pipeline> = all.filter(|one| is_red(one) && !one.is_repeated_by_later()).collect();
        let mut passed = BTreeSet::new();
        if !earlier.is_empty() {
            passed = self.passed(latest.id).await;
        }
        let mut jobs = self.jobs_of(latest).await?;
        for pipeline in earlier {
            let since = self.passed(pipeline.id).await;
            let failed = self.jobs_of(pipeline).await?.into_iter().filter(|job| job.outcome == Outcome::Failed);
            jobs.extend(failed.filter(|job| !passed.contains(&job.name)));
            passed.extend(since);
        }
        Ok(jobs)
    }

    /// Returns the names of the jobs of a pipeline that passed; none where they are not known, so that nothing red is hidden.
    async fn passed(&self, pipeline: u64) -> BTreeSet<String> {
        let jobs = self.jobs(pipeline).await.unwrap_or_default();
        jobs.into_iter().filter(|job| job.outcome == Outcome::Passed).map(|job| job.name).collect()
    }

    /// Returns the pipelines that a pipeline started, in this project or another: where its job does not wait for them, it
    /// passes without them.
    async fn started_by(&self, pipeline: u64) -> Result<Vec<Job>, String> {
        let mut jobs = Vec::new();
        for page in 1..=MAX_PAGES {
            let parameters = [("per_page", &*PAGE_SIZE.to_string()), ("page", &*page.to_string())];
            let found = self.get_if_there::<Vec<Bridge>>(&format!("pipelines/{pipeline}/bridges"), &parameters).await?;
            let found = found.unwrap_or_default();
            let count = found.len();
            let decide = found.into_iter().filter(|bridge| !bridge.allow_failure);
            jobs.extend(decide.filter_map(|bridge| {
                let started = bridge.downstream_pipeline?;
                let outcome = outcome(&started.status);
                Some(Job { name: bridge.name, outcome, word: started.status, link: started.web_url })
            }));
            if count < PAGE_SIZE {
                return Ok(jobs);
            }
        }
        Err(format!("pipeline {pipeline} starts more than {} others", MAX_PAGES * PAGE_SIZE))
    }

    async fn jobs_of(&self, pipeline: Pipeline) -> Result<Vec<Job>, String> {
        let whole = outcome(&pipeline.status);
        if !self.asked.checks.is_empty() {
            let mut all = self.jobs(pipeline.id).await?;
            all.extend(self.started_by(pipeline.id).await?);
            return Ok(all);
        }
        if whole == Outcome::Failed {
            // That it failed is known, also where its jobs are not.
            let all = self.jobs(pipeline.id).await.unwrap_or_default();
            let failed: Vec<Job> = all.into_iter().filter(|job| job.outcome == Outcome::Failed).collect();
            // A pipeline can fail without a job that did.
            if !failed.is_empty() {
                return Ok(failed);
            }
        }
        let started = self.started_by(pipeline.id).await?;
        let name = format!("pipeline {}", pipeline.id);
        let own = Job { name, outcome: whole, word: pipeline.status, link: pipeline.web_url };
        // What passed and was waited for is told by the pipeline itself.
        let open = started.into_iter().filter(|job| !matches!(job.outcome, Outcome::Passed | Outcome::Skipped));
        Ok(std::iter::once(own).chain(open).collect())
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
        let (url, request) = self.request(path, parameters)?;
        json(request, &url, "GitLab", HINT, &self.tools.redactor).await
    }

    async fn get_if_there<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Option<T>, String> {
        let (url, request) = self.request(path, parameters)?;
        json_if_there(request, &url, "GitLab", HINT, &self.tools.redactor).await
    }

    fn request(&self, path: &str, parameters: &[(&str, &str)]) -> Result<(Url, RequestBuilder), String> {
        let url = self.url(path);
        let mut request = request(Method::GET, &url, self.tools)?.query(parameters);
        if let Some(token) = &self.token {
            request = request.header("PRIVATE-TOKEN", token);
        }
        Ok((url, request))
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
