//! A client of the API by which Jenkins builds a job. It never retries.

use std::collections::BTreeMap;

use reqwest::{Method, Url};

use super::Redactor;
use super::rest_api::{RestApi, RestError, basic, not_readable};
use crate::domain::facts::jenkins_build::{JenkinsJob, JenkinsRun, build, job, queue_item, queued, refusal};
use crate::domain::facts::pipeline::JenkinsCall;

/// What is asked of a job, of what waits in the queue, and of a build.
const JOB: &str = "buildable,property[parameterDefinitions[name]]";
const QUEUED: &str = "id,why,cancelled,executable[number,url]";
const BUILD: &str = "number,url,building,result";

/// A client for one job. Cheap to clone.
#[derive(Clone)]
pub struct JenkinsBuilds {
    api: RestApi,
    /// Address of the server and job, by which a call is known to go there.
    place: (String, String),
}

impl JenkinsBuilds {
    /// Makes it, for a user and an API token of theirs; nothing is asked yet. With such a token Jenkins wants no crumb
    /// (JENKINS-22474). The token is known to the redactor already. `ca` is what to trust besides the certificate authorities of
    /// the system (PEM).
    ///
    /// # Errors
    /// What it cannot be made from.
    pub fn new(
        (url, job, user): (String, String, String),
        ca: Option<&[u8]>,
        token: &str,
        redactor: Redactor,
    ) -> Result<Self, String> {
        let headers = basic(&user, token, &redactor)?;
        let api = RestApi::new(&url, ca, (headers, refusal, job.clone()), redactor)?;
        Ok(Self { api, place: (url, job) })
    }

    /// Whether a call goes where this client does.
    #[must_use]
    pub fn is_for(&self, call: &JenkinsCall) -> bool {
        (&call.url, &call.job) == (&self.place.0, &self.place.1)
    }

    /// Reads the job.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn job(&self) -> Result<JenkinsJob, RestError> {
        let url = with_tree(self.at(&["api", "json"]), JOB);
        job(&self.api.ask(Method::GET, url, None).await?).ok_or_else(not_readable)
    }

    /// Asks for a build, once; returns the number of what waits in the queue, where that is told.
    ///
    /// # Errors
    /// Why it was not, or may not have been taken.
    pub async fn build(&self, parameters: &BTreeMap<String, String>) -> Result<Option<u64>, RestError> {
        let location = self.api.submit(self.at(&["buildWithParameters"]), parameters).await?;
        Ok(location.as_deref().and_then(queue_item))
    }

    /// Reads how a build stands: once it has begun, by its number.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn look(&self, begun: &JenkinsRun) -> Result<JenkinsRun, RestError> {
        let item = begun.item;
        let number = if let Some(number) = begun.build {
            number
        } else {
            let mut url = self.api.url().clone();
            push(&mut url, &["queue", "item", &item.to_string(), "api", "json"]);
            let answer = self.api.ask(Method::GET, with_tree(url, QUEUED), None).await?;
            let found = queued(item, &answer).ok_or_else(not_readable)?;
            let Some(number) = found.build else { return Ok(found) };
            number
        };
        let url = with_tree(self.at(&[&number.to_string(), "api", "json"]), BUILD);
        build(item, &self.api.ask(Method::GET, url, None).await?).ok_or_else(not_readable)
    }

    /// Makes an address of the job; each part is encoded, so that no name reaches another path.
    fn at(&self, parts: &[&str]) -> Url {
        let mut url = self.api.url().clone();
        for name in self.place.1.split('/') {
            push(&mut url, &["job", name]);
        }
        push(&mut url, parts);
        url
    }
}

fn push(url: &mut Url, parts: &[&str]) {
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(parts);
    }
}

fn with_tree(mut url: Url, tree: &str) -> Url {
    url.query_pairs_mut().append_pair("tree", tree);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_folder_is_one_part_of_the_path() {
        let place = |job: &str| ("https://ci.example/jenkins/".to_owned(), job.to_owned(), "ada".to_owned());
        let client = |job: &str| JenkinsBuilds::new(place(job), None, "11aa", Redactor::default()).unwrap();
        let at = |job: &str| client(job).at(&["buildWithParameters"]).to_string();
        let base = "https://ci.example/jenkins/job/";
        assert_eq!(at("deploy/prod"), format!("{base}deploy/job/prod/buildWithParameters"));
        assert_eq!(at("deploy to/a?b#c"), format!("{base}deploy%20to/job/a%3Fb%23c/buildWithParameters"));
        // So is a branch called in a multibranch pipeline.
        assert_eq!(at("api/feature%2Fx"), format!("{base}api/job/feature%252Fx/buildWithParameters"));
        let call = JenkinsCall { url: place("a").0, job: "a".to_owned(), parameters: BTreeMap::new() };
        assert!(client("a").is_for(&call) && !client("b").is_for(&call));
    }

    #[test]
    fn user_and_token_are_hidden_where_a_server_repeats_them() {
        let redactor = Redactor::default();
        let headers = basic("ada", "11aabbccdd", &redactor).unwrap();
        let given = headers["authorization"].to_str().unwrap().to_owned();
        assert_eq!(given, "Basic YWRhOjExYWFiYmNjZGQ=");
        assert!(!redactor.redact(&format!("you gave {given}")).contains("YWRhOjExYWFiYmNjZGQ"));
        assert!(basic("ada", "a", &redactor).is_ok());
    }
}
