//! GitHub: the check runs of a commit, `GET /repos/{owner}/{repo}/commits/{ref}/check-runs` (REST API 2022-11-28).

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION};
use serde::Deserialize;

use super::{Job, MAX_PAGES, Outcome, PAGE_SIZE, is_meant};
use crate::config::checks::Ci;
use crate::sources::checks::Tools;
use crate::sources::checks::web::{json, request, token};

#[derive(Deserialize)]
struct Page {
    total_count: usize,
    check_runs: Vec<CheckRun>,
}

#[derive(Deserialize)]
struct CheckRun {
    name: String,
    head_sha: String,
    status: String,
    conclusion: Option<String>,
    html_url: Option<String>,
}

/// Returns the latest check runs of a commit; GitHub takes an abbreviated hash.
pub(super) async fn jobs(asked: &Ci, commit: &str, tools: &Tools) -> Result<Vec<Job>, String> {
    let mut url = asked.url.clone();
    url.set_path(&format!("{}repos/{}/commits/{commit}/check-runs", asked.url.path(), asked.project));
    let token = match &asked.token {
        Some(secret) => Some(token(secret, "Bearer ", tools).await?),
        None => None,
    };
    let mut jobs = Vec::new();
    for page in 1..=MAX_PAGES {
        let mut request = request(Method::GET, &url, tools)?
            .query(&[("filter", "latest"), ("per_page", &PAGE_SIZE.to_string()), ("page", &page.to_string())])
            .header(ACCEPT, "application/vnd.github+json")
            .header("X-GitHub-Api-Version", "2022-11-28");
        if let Some(token) = &token {
            request = request.header(AUTHORIZATION, token);
        }
        let hint = "`project`, whether the commit was pushed, and `token` (it needs to read Checks)";
        let found: Page = json(request, &url, "GitHub", hint, &tools.redactor).await?;
        let count = found.check_runs.len();
        for run in found.check_runs {
            if !is_meant(&run.head_sha, commit) {
                return Err(format!("GitHub answers for another commit than {commit}: give more digits of its hash"));
            }
            jobs.push(job(run));
        }
        if jobs.len() >= found.total_count {
            return Ok(jobs);
        }
        if count == 0 {
            break;
        }
    }
    Err(format!("GitHub lists only {} of the check runs of {commit}", jobs.len()))
}

fn job(run: CheckRun) -> Job {
    let (outcome, word) = match (run.status.as_str(), run.conclusion) {
        ("completed", Some(conclusion)) => {
            let outcome = match conclusion.as_str() {
                "success" | "neutral" => Outcome::Passed,
                "skipped" => Outcome::Skipped,
                _ => Outcome::Failed,
            };
            (outcome, conclusion)
        }
        ("completed", None) => (Outcome::Failed, "completed without a conclusion".to_owned()),
        (_, _) => (Outcome::Running, run.status),
    };
    Job { name: run.name, outcome, word, link: run.html_url.unwrap_or_default() }
}
