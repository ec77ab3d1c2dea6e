//! A client of the REST API by which GitHub begins workflows. It never retries.

use jiff::Timestamp;
use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::Redactor;
use super::rest_api::{RestApi, RestError, github_headers, not_readable};
use crate::domain::facts::pipeline::WorkflowCall;
use crate::domain::facts::pull_request::github;
use crate::domain::facts::text::rfc3339_seconds;
use crate::domain::facts::workflow_run::{WorkflowRun, begun, runs};

/// A client for the workflows of one repository. Cheap to clone.
#[derive(Clone)]
pub struct Workflows {
    api: RestApi,
    /// Address of the API and repository, by which a call is known to go there.
    place: (String, String),
}

impl Workflows {
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
    pub fn is_for(&self, call: &WorkflowCall) -> bool {
        (&call.url, &call.repository) == (&self.place.0, &self.place.1)
    }

    /// Begins a workflow, once; returns its run, where that is told.
    ///
    /// # Errors
    /// Why it was not, or may not have been begun.
    pub async fn begin(&self, call: &WorkflowCall) -> Result<Option<WorkflowRun>, RestError> {
        let body = json!({"ref": call.git_ref, "inputs": call.inputs});
        let (_, answer) = self.api.send(Method::POST, self.at(call, "dispatches"), Some(body)).await?;
        // 204 says nothing more.
        Ok(serde_json::from_slice::<Value>(&answer).ok().and_then(|answer| begun(&answer)))
    }

    /// Returns the runs of a workflow that such an event has begun since, the latest first.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub async fn runs_since(&self, call: &WorkflowCall, since: Timestamp) -> Result<Vec<WorkflowRun>, RestError> {
        let mut url = self.at(call, "runs");
        let created = format!(">={}", rfc3339_seconds(since));
        url.query_pairs_mut().extend_pairs([("event", "workflow_dispatch"), ("created", &created), ("per_page", "20")]);
        runs(&self.api.ask(Method::GET, url, None).await?).ok_or_else(not_readable)
    }

    /// Makes an address; each part is encoded, so that no name reaches another path.
    fn at(&self, call: &WorkflowCall, last: &str) -> Url {
        let mut url = self.api.url().clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            path.push("repos").extend(call.repository.split('/'));
            path.extend(["actions", "workflows", call.workflow.as_str(), last]);
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_workflow_is_one_part_of_the_path() {
        let call = WorkflowCall {
            url: "https://git.example/api/v3/".to_owned(),
            repository: "shop/api".to_owned(),
            workflow: "a/../b.yml".to_owned(),
            git_ref: "main".to_owned(),
            inputs: BTreeMap::new(),
        };
        let place = (call.url.clone(), call.repository.clone());
        let workflows = Workflows::new(place, None, "token", Redactor::default()).unwrap();
        let at = "https://git.example/api/v3/repos/shop/api/actions/workflows/a%2F..%2Fb.yml/dispatches";
        assert_eq!(workflows.at(&call, "dispatches").as_str(), at);
        assert!(workflows.is_for(&call));
        assert!(!workflows.is_for(&WorkflowCall { repository: "shop/other".to_owned(), ..call }));
    }
}
