//! A client of the REST API by which deployments of GitHub are approved. It never retries.

use jiff::Timestamp;
use reqwest::{Method, Url};
use serde_json::json;

use super::Redactor;
use super::rest_api::{RestApi, RestError, github_headers, not_readable};
use crate::domain::facts::deployment_approval::{CommitRun, PendingDeployment, approvable, is_approved, of_commit};
use crate::domain::facts::deployment_approval::{pending, runs, to_environment};
use crate::domain::facts::pipeline::ApprovalCall;
use crate::domain::facts::pull_request::github;
use crate::domain::facts::workflow_run::{WorkflowRun, run};

/// Runs of a commit that are asked what they wait for.
const MAX_RUNS: usize = 20;
/// Entries of a page, the most that GitHub gives.
const PAGE_SIZE: usize = 100;
/// Pages of the runs of a commit that are read: GitHub gives no more than 1,000 of them.
const MAX_PAGES: usize = 10;

/// A client for the deployments of one repository. Cheap to clone.
#[derive(Clone)]
pub struct DeploymentApprovals {
    api: RestApi,
    /// Address of the API and repository, by which a call is known to go there.
    place: (String, String),
}

impl DeploymentApprovals {
    /// Makes it; nothing is asked yet. The token is known to the redactor already. `ca` is what to trust besides the
    /// certificate authorities of the system (PEM).
    ///
    /// # Errors
    /// What it cannot be made from.
    pub fn new(
        (url, repository): (String, String),
        ca: Option<&[u8]>,
        token: &str,
        redactor: Redactor,
    ) -> Result<Self, String> {
        let headers = github_headers(token)?;
        let api = RestApi::new(&url, ca, (headers, github::refusal, repository.clone()), redactor)?;
        Ok(Self { api, place: (url, repository) })
    }

    /// Whether a call goes where this client does.
    #[must_use]
    pub fn is_for(&self, call: &ApprovalCall) -> bool {
        (&call.url, &call.repository) == (&self.place.0, &self.place.1)
    }

    /// Returns the run whose deployment a call is about, or why none may be approved.
    ///
    /// # Errors
    /// Why that cannot be read.
    pub async fn waiting(&self, call: &ApprovalCall) -> Result<Result<CommitRun, String>, RestError> {
        let Some(commit) = &call.commit else {
            return Ok(Err("its commit is not known: see `repository` of [service]".to_owned()));
        };
        let all = of_commit(self.runs(commit).await?, commit, call.workflow.as_deref());
        // Whether it waits is not taken from the status: a run that waits may have other jobs that run.
        let open: Vec<&CommitRun> = all.iter().filter(|run| run.may_be_approved()).collect();
        if open.len() > MAX_RUNS {
            let why =
                format!("{} runs of {} have not ended: say which by `workflow` of `promote`", open.len(), call.of());
            return Ok(Err(why));
        }
        let mut waiting = Vec::new();
        for run in open {
            if let Some(pending) = self.pending(run.id, &call.environment).await? {
                waiting.push((run.clone(), pending));
            }
        }
        Ok(approvable((&call.environment, &call.of()), &all, waiting, Timestamp::now()))
    }

    async fn runs(&self, commit: &str) -> Result<Vec<CommitRun>, RestError> {
        let mut all = Vec::new();
        for page in 1..=MAX_PAGES {
            let mut url = self.at(&[]);
            let (page, size) = (page.to_string(), PAGE_SIZE.to_string());
            url.query_pairs_mut().extend_pairs([("head_sha", commit), ("per_page", &size), ("page", &page)]);
            let found = runs(&self.api.ask(Method::GET, url, None).await?).ok_or_else(not_readable)?;
            let is_last = found.len() < PAGE_SIZE;
            all.extend(found);
            if is_last {
                return Ok(all);
            }
        }
        Err(RestError::NoAnswer(format!("commit {commit} has more than {} runs", MAX_PAGES * PAGE_SIZE)))
    }

    /// Returns the deployment to an environment that a run waits for.
    async fn pending(&self, run: u64, environment: &str) -> Result<Option<PendingDeployment>, RestError> {
        let url = self.at(&[&run.to_string(), "pending_deployments"]);
        let all = pending(&self.api.ask(Method::GET, url, None).await?).ok_or_else(not_readable)?;
        Ok(to_environment(all, environment))
    }

    /// Approves the deployment of a run, once, where it still waits for that. Where no answer comes, the reviews of the run
    /// are looked at: it is not sent again.
    ///
    /// # Errors
    /// Why it was not, or may not have been approved.
    pub async fn approve(&self, call: &ApprovalCall, id: u64) -> Result<WorkflowRun, RestError> {
        let pending = self.pending(id, &call.environment).await.map_err(nothing_sent)?;
        let Some(pending) = pending else {
            return Err(RestError::NotSent(format!("run {id} does not wait for `{}` any more", call.environment)));
        };
        if let Some(why) = pending.hindrance(id, Timestamp::now()) {
            return Err(RestError::NotSent(why));
        }
        let url = self.at(&[&id.to_string(), "pending_deployments"]);
        let body = json!({
            "environment_ids": [pending.environment_id], "state": "approved", "comment": call.comment,
        });
        if let Err(error) = self.api.send(Method::POST, url, Some(body)).await
            && (error.is_refusal() || !self.is_approved(call, id).await)
        {
            return Err(error);
        }
        Ok(WorkflowRun { id, url: String::new(), status: String::new(), conclusion: None })
    }

    /// Whether a run has been approved by this call, as far as that can be told.
    async fn is_approved(&self, call: &ApprovalCall, id: u64) -> bool {
        let url = self.at(&[&id.to_string(), "approvals"]);
        let Ok(reviews) = self.api.ask(Method::GET, url, None).await else { return false };
        // An earlier attempt of the run may have been approved in the same words: then it still waits.
        is_approved(&reviews, &call.environment, &call.comment)
            && matches!(self.pending(id, &call.environment).await, Ok(None))
    }

    /// Reads how a run stands.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn look(&self, id: u64) -> Result<WorkflowRun, RestError> {
        run(&self.api.ask(Method::GET, self.at(&[&id.to_string()]), None).await?).ok_or_else(not_readable)
    }

    /// Makes an address; each part is encoded, so that no name reaches another path.
    fn at(&self, parts: &[&str]) -> Url {
        let mut url = self.api.url().clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            path.push("repos").extend(self.place.1.split('/'));
            path.extend(["actions", "runs"]).extend(parts);
        }
        url
    }
}

/// What a failure means before anything was sent.
fn nothing_sent(error: RestError) -> RestError {
    if error.is_refusal() { error } else { RestError::NotSent(error.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_two_parts_of_the_path() {
        let call = ApprovalCall {
            url: "https://git.example/api/v3/".to_owned(),
            repository: "shop/..%2Fapi".to_owned(),
            environment: "production".to_owned(),
            workflow: None,
            comment: "go".to_owned(),
            commit: None,
        };
        let place = (call.url.clone(), call.repository.clone());
        let client = DeploymentApprovals::new(place, None, "token", Redactor::default()).unwrap();
        let at = "https://git.example/api/v3/repos/shop/..%252Fapi/actions/runs/71/pending_deployments";
        assert_eq!(client.at(&["71", "pending_deployments"]).as_str(), at);
        assert!(client.is_for(&call));
        assert!(!client.is_for(&ApprovalCall { repository: "shop/other".to_owned(), ..call }));
    }

    #[test]
    fn before_anything_was_sent_a_failure_leaves_nothing_in_doubt() {
        let failed = nothing_sent(RestError::Status(502, "Bad Gateway".to_owned()));
        assert_eq!(failed, RestError::NotSent("502: Bad Gateway".to_owned()));
        let refused = RestError::Status(401, "the token is not accepted".to_owned());
        assert_eq!(nothing_sent(refused.clone()), refused);
    }
}
