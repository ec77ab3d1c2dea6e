//! GitHub (REST API 2022-11-28): the check runs of a commit, `GET /repos/{owner}/{repo}/commits/{ref}/check-runs`, and
//! its commit statuses, `GET /repos/{owner}/{repo}/commits/{ref}/status`: other CI servers report by these. A workflow that
//! has no check run yet, or never gets one, is told by its check suite: `GET /repos/{owner}/{repo}/commits/{ref}/check-suites`.

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Job, MAX_PAGES, Outcome, PAGE_SIZE, is_meant};
use crate::config::checks::Ci;
use crate::sources::checks::Tools;
use crate::sources::checks::web::{json, json_if_there, request, token};

#[derive(Deserialize)]
struct CheckRuns {
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

#[derive(Deserialize)]
struct CheckSuites {
    total_count: usize,
    check_suites: Vec<CheckSuite>,
}

/// The check runs of one app: of GitHub Actions those of one workflow.
#[derive(Deserialize)]
struct CheckSuite {
    id: u64,
    head_sha: String,
    status: Option<String>,
    conclusion: Option<String>,
    #[serde(default)]
    latest_check_runs_count: u64,
    app: Option<App>,
}

#[derive(Deserialize)]
struct App {
    #[serde(default)]
    slug: Option<String>,
}

/// The statuses of a commit: of each context the newest.
#[derive(Deserialize)]
struct CombinedStatus {
    sha: Option<String>,
    total_count: usize,
    statuses: Vec<CommitStatus>,
}

#[derive(Deserialize)]
struct CommitStatus {
    context: String,
    state: String,
    target_url: Option<String>,
}

/// A part of a list, and how long the whole list is.
trait Page: DeserializeOwned {
    /// Whether there are servers that do not have it.
    const MAY_BE_MISSING: bool = false;

    fn total(&self) -> usize;
    /// Takes it apart; `None` where it is about another commit.
    fn jobs(self, commit: &str) -> Option<Vec<Job>>;
}

impl Page for CheckRuns {
    fn total(&self) -> usize {
        self.total_count
    }

    fn jobs(self, commit: &str) -> Option<Vec<Job>> {
        let of_commit = |run: CheckRun| is_meant(&run.head_sha, commit).then(|| of_run(run));
        self.check_runs.into_iter().map(of_commit).collect()
    }
}

impl Page for CheckSuites {
    const MAY_BE_MISSING: bool = true;

    fn total(&self) -> usize {
        self.total_count
    }

    fn jobs(self, commit: &str) -> Option<Vec<Job>> {
        let of_commit = |suite: CheckSuite| is_meant(&suite.head_sha, commit).then(|| of_suite(suite));
        self.check_suites.into_iter().map(of_commit).collect()
    }
}

impl Page for CombinedStatus {
    fn total(&self) -> usize {
        self.total_count
    }

    fn jobs(self, commit: &str) -> Option<Vec<Job>> {
        let is_other = self.sha.as_ref().is_some_and(|sha| !is_meant(sha, commit));
        (!is_other).then(|| self.statuses.into_iter().map(of_status).collect())
    }
}

/// Returns the latest check runs and statuses of a commit; GitHub takes an abbreviated hash.
pub(super) async fn jobs(asked: &Ci, commit: &str, tools: &Tools) -> Result<Vec<Job>, String> {
    let token = match &asked.token {
        Some(secret) => Some(token(secret, "Bearer ", tools).await?),
        None => None,
    };
    let commits = Commits { asked, commit, tools, token };
    let runs = commits.all::<CheckRuns>("check-runs", "check runs", "Checks").await;
    let statuses = commits.all::<CombinedStatus>("status", "statuses", "Commit statuses").await;
    match (runs, statuses) {
        (Ok(mut jobs), Ok(more)) => {
            jobs.extend(more);
            // Where names count, a suite is none of them; where something is red, nothing else has to be known.
            if asked.checks.is_empty() && !jobs.iter().any(|job| job.is_red(&[])) {
                let suites = commits.all::<CheckSuites>("check-suites", "check suites", "Checks").await?;
                let is_running = jobs.iter().any(|job| job.outcome == Outcome::Running);
                let says_more = |suite: &Job| match suite.outcome {
                    Outcome::Running => !is_running,
                    outcome => outcome != Outcome::Passed,
                };
                jobs.extend(suites.into_iter().filter(says_more));
            }
            Ok(jobs)
        }
        // What is red stays so, whatever else there is.
        (Ok(jobs), Err(_)) | (Err(_), Ok(jobs)) if jobs.iter().any(|job| job.is_red(&asked.checks)) => Ok(jobs),
        (Err(why), _) | (_, Err(why)) => Err(why),
    }
}

/// Asks one server about one commit.
struct Commits<'a> {
    asked: &'a Ci,
    commit: &'a str,
    tools: &'a Tools,
    token: Option<HeaderValue>,
}

impl Commits<'_> {
    async fn all<P: Page>(&self, part: &str, what: &str, permission: &str) -> Result<Vec<Job>, String> {
        let Self { asked, commit, tools, .. } = self;
        let mut url = asked.url.clone();
        url.set_path(&format!("{}repos/{}/commits/{commit}/{part}", asked.url.path(), asked.project));
        let mut jobs = Vec::new();
        for page in 1..=MAX_PAGES {
            let mut request = request(Method::GET, &url, tools)?
                .query(&[("filter", "latest"), ("per_page", &PAGE_SIZE.to_string()), ("page", &page.to_string())])
                .header(ACCEPT, "application/vnd.github+json")
                .header("X-GitHub-Api-Version", "2022-11-28");
            if let Some(token) = &self.token {
                request = request.header(AUTHORIZATION, token);
            }
            let hint = format!("`project`, whether the commit was pushed, and `token` (it needs to read {permission})");
            let found = if P::MAY_BE_MISSING {
                json_if_there(request, &url, "GitHub", &hint, &tools.redactor).await?
            } else {
                Some(json(request, &url, "GitHub", &hint, &tools.redactor).await?)
            };
            let Some(found): Option<P> = found else { return Ok(jobs) };
            let total = found.total();
            let other = || format!("GitHub answers for another commit than {commit}: give more digits of its hash");
            let found = found.jobs(commit).ok_or_else(other)?;
            let count = found.len();
            jobs.extend(found);
            if jobs.len() >= total {
                return Ok(jobs);
            }
            if count == 0 {
                break;
            }
        }
        Err(format!("GitHub lists only {} of the {what} of {commit}", jobs.len()))
    }
}

fn of_run(run: CheckRun) -> Job {
    let outcome = outcome(&run.status, run.conclusion.as_deref());
    let word = match (outcome, run.conclusion) {
        (Outcome::Running, _) => run.status,
        (_, Some(conclusion)) => conclusion,
        (_, None) => "completed without a conclusion".to_owned(),
    };
    Job { name: run.name, outcome, word, link: run.html_url.unwrap_or_default() }
}

/// The app whose suites are the runs of workflows.
const ACTIONS: &str = "github-actions";

/// What a suite says besides its check runs: that more of them are to come, or that it ended badly without any. GitHub makes
/// a suite for each app that is installed; one of another app than GitHub Actions that gets no check run stays queued, and
/// says nothing.
fn of_suite(suite: CheckSuite) -> Job {
    let app = suite.app.and_then(|app| app.slug).unwrap_or_else(|| "an app".to_owned());
    let (name, link) = (format!("check suite {} of {app}", suite.id), String::new());
    let has_runs = suite.latest_check_runs_count > 0;
    let status = suite.status.as_deref().unwrap_or("queued");
    let outcome = match outcome(status, suite.conclusion.as_deref()) {
        // Its check runs tell it better, by name.
        Outcome::Failed if has_runs => Outcome::Passed,
        Outcome::Running if !has_runs && app != ACTIONS => Outcome::Passed,
        Outcome::Skipped => Outcome::Passed,
        outcome => outcome,
    };
    let word = suite.conclusion.filter(|_| status == "completed").unwrap_or_else(|| status.to_owned());
    Job { name, outcome, word, link }
}

/// Reads the status and conclusion of a check run.
pub(super) fn outcome(status: &str, conclusion: Option<&str>) -> Outcome {
    match (status, conclusion) {
        ("completed", Some("success" | "neutral")) => Outcome::Passed,
        ("completed", Some("skipped")) => Outcome::Skipped,
        ("completed", _) => Outcome::Failed,
        _ => Outcome::Running,
    }
}

/// Reads the state of a commit status.
pub(super) fn outcome_of_status(state: &str) -> Outcome {
    match state {
        "success" => Outcome::Passed,
        "pending" => Outcome::Running,
        // `error`, `failure`, and what may come.
        _ => Outcome::Failed,
    }
}

fn of_status(status: CommitStatus) -> Job {
    let outcome = outcome_of_status(&status.state);
    Job { name: status.context, outcome, word: status.state, link: status.target_url.unwrap_or_default() }
}
