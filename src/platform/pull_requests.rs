//! A client of the REST APIs by which GitHub and GitLab keep pull requests. It never retries.

use std::fmt;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Method, Response, StatusCode, Url};
use serde_json::{Value, json};

use super::registry::is_loopback;
use super::{Redactor, tls};
use crate::domain::facts::pull_request::{
    Proposed, PullRequest, PullRequestPlace, PullRequestProvider, PullRequestState, foremost, github, gitlab,
};
use crate::domain::facts::text::root_cause;
use crate::domain::record::action::BRANCH_PREFIX;

/// How long one answer may take. After that it is not known whether one was opened.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// Longest text that is taken over from a provider, in characters.
const MAX_TEXT_CHARS: usize = 300;
/// The version of GitHub's API.
const GITHUB_VERSION: (&str, &str) = ("X-GitHub-Api-Version", "2022-11-28");

/// Why a provider gave no answer that could be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullRequestError {
    /// It said no; what it said, and its status.
    Status(u16, String),
    /// No connection came up: nothing was sent.
    NotSent(String),
    /// Something was sent, and nothing usable came back.
    NoAnswer(String),
}

impl PullRequestError {
    /// Whether nothing came of the request. That there is one already, or a failure inside the server, proves nothing.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Status(status, words) => {
                (400..500).contains(status) && !matches!(status, 408 | 409) && !words.contains("already exists")
            }
            Self::NotSent(_) => true,
            Self::NoAnswer(_) => false,
        }
    }
}

impl fmt::Display for PullRequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status, words) => write!(f, "{status}: {words}"),
            Self::NotSent(why) | Self::NoAnswer(why) => f.write_str(why),
        }
    }
}

/// Entries of a page, the most that both providers give.
const PAGE_SIZE: usize = 100;
/// Pages that are looked through for one that is open already.
const MAX_PAGES: usize = 20;

type ReadProposed = fn(&Value) -> Option<Vec<Proposed>>;

/// What reads a list of a provider.
type ReadList = fn(&Value) -> Option<Vec<PullRequest>>;

/// What is to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The branch with the commit.
    pub branch: String,
    /// The branch that it is to be merged into.
    pub base: String,
    pub title: String,
    pub body: String,
}

/// A client for the pull requests of one repository. Cheap to clone.
#[derive(Clone)]
pub struct PullRequests {
    client: Client,
    place: PullRequestPlace,
    url: Url,
    redactor: Redactor,
}

impl PullRequests {
    /// Makes it; nothing is asked yet. The token is known to the redactor already. `ca` is what to trust besides the
    /// certificate authorities of the system (PEM).
    ///
    /// # Errors
    /// What it cannot be made from.
    pub fn new(place: PullRequestPlace, ca: Option<&[u8]>, token: &str, redactor: Redactor) -> Result<Self, String> {
        let url: Url = place.url.parse().map_err(|_| format!("`{}` is not an address", place.url))?;
        let mut builder = tls::http_client()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .default_headers(headers(place.provider, token)?)
            .user_agent(concat!("release-cockpit/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&url) {
            // What runs here is not reached through a company's proxy, whatever HTTP_PROXY says.
            builder = builder.no_proxy();
        }
        if let Some(pem) = ca {
            let certificates =
                Certificate::from_pem_bundle(pem).map_err(|error| redactor.cut(&root_cause(&error), MAX_TEXT_CHARS))?;
            if certificates.is_empty() {
                return Err("there is no certificate in `ca_file`".to_owned());
            }
            builder = builder.tls_certs_merge(certificates);
        } else if is_loopback(&url) && url.scheme() == "http" {
            // There is nothing to verify: the certificates of the system are not read.
            builder = builder.tls_certs_only([]);
        }
        let client = builder
            .build()
            .map_err(|error| format!("cannot set up TLS: {}", redactor.cut(&root_cause(&error), MAX_TEXT_CHARS)))?;
        Ok(Self { client, place, url, redactor })
    }

    #[must_use]
    pub fn place(&self) -> &PullRequestPlace {
        &self.place
    }

    /// Reads the commit that a branch is at.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn head(&self, branch: &str) -> Result<String, PullRequestError> {
        let (url, read): (Url, fn(&Value) -> Option<String>) = match self.place.provider {
            PullRequestProvider::GitHub => (self.at(&["branches", branch]), github::head),
            PullRequestProvider::GitLab => (self.at(&["repository", "branches", branch]), gitlab::head),
        };
        read(&self.ask(Method::GET, url, None).await?).ok_or_else(not_readable)
    }

    /// Looks for the pull request from one branch into another, open or not.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn find(&self, branch: &str, base: &str) -> Result<Option<PullRequest>, PullRequestError> {
        let mut url = self.requests();
        let (keys, read): (_, ReadList) = match self.place.provider {
            PullRequestProvider::GitHub => {
                let owner = self.place.project.split('/').next().unwrap_or_default();
                let head = ("head", format!("{owner}:{branch}"));
                ([("state", "all".to_owned()), head, ("base", base.to_owned())], github::list)
            }
            PullRequestProvider::GitLab => {
                let source = ("source_branch", branch.to_owned());
                ([("state", "all".to_owned()), source, ("target_branch", base.to_owned())], gitlab::list)
            }
        };
        url.query_pairs_mut().extend_pairs(keys);
        let found = read(&self.ask(Method::GET, url, None).await?).ok_or_else(not_readable)?;
        match foremost(found) {
            // A list of GitHub does not say what is in the way of a merge.
            Some(found) if found.state == PullRequestState::Open => self.one(found.number).await.map(Some),
            found => Ok(found),
        }
    }

    /// Looks for an open pull request into a branch that another of these actions has opened, by the lines of its text.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn open_already(&self, base: &str, lines: &[String]) -> Result<Option<PullRequest>, PullRequestError> {
        for page in 1..=MAX_PAGES {
            let mut url = self.requests();
            let (state, target, read): (_, _, ReadProposed) = match self.place.provider {
                PullRequestProvider::GitHub => ("open", "base", github::proposed),
                PullRequestProvider::GitLab => ("opened", "target_branch", gitlab::proposed),
            };
            let (page, size) = (page.to_string(), PAGE_SIZE.to_string());
            url.query_pairs_mut().extend_pairs([
                ("state", state),
                (target, base),
                ("per_page", &size),
                ("page", &page),
            ]);
            let found = read(&self.ask(Method::GET, url, None).await?).ok_or_else(not_readable)?;
            let is_last = found.len() < PAGE_SIZE;
            let is_one = |one: &Proposed| one.branch.starts_with(BRANCH_PREFIX) && one.says(lines);
            if let Some(one) = found.into_iter().find(is_one) {
                return Ok(Some(one.request));
            }
            if is_last {
                return Ok(None);
            }
        }
        let why = format!("more than {} are open: close some", MAX_PAGES * PAGE_SIZE);
        Err(PullRequestError::NoAnswer(why))
    }

    async fn one(&self, number: u64) -> Result<PullRequest, PullRequestError> {
        let mut url = self.requests();
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(&number.to_string());
        }
        self.read(&self.ask(Method::GET, url, None).await?)
    }

    /// Opens a pull request, once.
    ///
    /// # Errors
    /// Why it was not, or may not have been.
    pub async fn open(&self, proposal: &Proposal) -> Result<PullRequest, PullRequestError> {
        let Proposal { branch, base, title, body } = proposal;
        let body = match self.place.provider {
            PullRequestProvider::GitHub => json!({"head": branch, "base": base, "title": title, "body": body}),
            PullRequestProvider::GitLab => json!({
                "source_branch": branch, "target_branch": base, "title": title, "description": body,
                "remove_source_branch": true,
            }),
        };
        self.read(&self.ask(Method::POST, self.requests(), Some(body)).await?)
    }

    fn read(&self, answer: &Value) -> Result<PullRequest, PullRequestError> {
        let read = match self.place.provider {
            PullRequestProvider::GitHub => github::pull_request(answer),
            PullRequestProvider::GitLab => gitlab::merge_request(answer),
        };
        read.ok_or_else(not_readable)
    }

    fn requests(&self) -> Url {
        self.at(&[match self.place.provider {
            PullRequestProvider::GitHub => "pulls",
            PullRequestProvider::GitLab => "merge_requests",
        }])
    }

    /// Makes an address; each part is encoded, so that no name reaches another path.
    fn at(&self, parts: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            match self.place.provider {
                PullRequestProvider::GitHub => path.push("repos").extend(self.place.project.split('/')),
                PullRequestProvider::GitLab => path.extend(["api", "v4", "projects", self.place.project.as_str()]),
            };
            path.extend(parts);
        }
        url
    }

    async fn ask(&self, method: Method, url: Url, body: Option<Value>) -> Result<Value, PullRequestError> {
        let mut request = self.client.request(method, url);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = request.send().await.map_err(|error| self.no_answer(&error))?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        serde_json::from_slice(&self.body(response).await?).map_err(|_| not_readable())
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, PullRequestError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.no_answer(&error))? {
            if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
                let why = format!("the answer is longer than {} MiB", MAX_ANSWER_BYTES >> 20);
                return Err(PullRequestError::NoAnswer(why));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn no_answer(&self, error: &reqwest::Error) -> PullRequestError {
        let why = self.redactor.cut(&root_cause(error), MAX_TEXT_CHARS);
        if error.is_connect() {
            PullRequestError::NotSent(why)
        } else if error.is_timeout() {
            PullRequestError::NoAnswer(format!("no answer in {} s", REQUEST_TIMEOUT.as_secs()))
        } else {
            PullRequestError::NoAnswer(why)
        }
    }

    /// What a status that is no success means.
    async fn refusal(&self, response: Response) -> PullRequestError {
        let status = response.status();
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        // GitHub says 403 as well where too much was asked.
        let is_too_much = status == StatusCode::TOO_MANY_REQUESTS
            || (status == StatusCode::FORBIDDEN && header("x-ratelimit-remaining") == Some("0"));
        let wait = header(RETRY_AFTER.as_str()).map_or_else(String::new, |wait| format!(", again in {wait} s"));
        let said: Value = serde_json::from_slice(&self.body(response).await.unwrap_or_default()).unwrap_or_default();
        let said = match self.place.provider {
            PullRequestProvider::GitHub => github::refusal(&said),
            PullRequestProvider::GitLab => gitlab::refusal(&said),
        };
        let said = said.map_or_else(String::new, |said| format!(": {}", self.redactor.cut(&said, MAX_TEXT_CHARS)));
        let project = &self.place.project;
        let words = match status {
            _ if is_too_much => format!("too many requests{}", self.redactor.cut(&wait, MAX_TEXT_CHARS)),
            StatusCode::UNAUTHORIZED => "the token is not accepted".to_owned(),
            StatusCode::FORBIDDEN => format!("the token has no right to that in {project}"),
            StatusCode::NOT_FOUND => format!("there is no such thing in {project}, or the token may not see it"),
            status => status.canonical_reason().unwrap_or("no reason given").to_owned(),
        };
        PullRequestError::Status(status.as_u16(), format!("{words}{said}"))
    }
}

fn headers(provider: PullRequestProvider, token: &str) -> Result<HeaderMap, String> {
    let mut login = HeaderValue::try_from(format!("Bearer {}", token.trim()))
        .map_err(|_| "the token has characters that are not allowed in a header".to_owned())?;
    login.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, login);
    if provider == PullRequestProvider::GitHub {
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        headers.insert(GITHUB_VERSION.0, HeaderValue::from_static(GITHUB_VERSION.1));
    }
    Ok(headers)
}

fn not_readable() -> PullRequestError {
    PullRequestError::NoAnswer("the answer is not what the API of the provider says".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(provider: PullRequestProvider, url: &str, project: &str) -> PullRequests {
        let place = PullRequestPlace { provider, url: url.to_owned(), project: project.to_owned() };
        PullRequests::new(place, None, "token", Redactor::default()).unwrap()
    }

    #[test]
    fn a_project_stays_one_part_of_the_path_where_it_has_to() {
        let github = client(PullRequestProvider::GitHub, "https://git.example/api/v3/", "shop/config");
        assert_eq!(github.requests().as_str(), "https://git.example/api/v3/repos/shop/config/pulls");
        let gitlab = client(PullRequestProvider::GitLab, "https://gitlab.example/", "shop/eu/config");
        let at = "https://gitlab.example/api/v4/projects/shop%2Feu%2Fconfig/merge_requests";
        assert_eq!(gitlab.requests().as_str(), at);
    }

    #[test]
    fn only_a_clear_no_is_one() {
        let status = |status, words: &str| PullRequestError::Status(status, words.to_owned());
        for error in [status(401, ""), status(403, ""), status(404, ""), status(422, "head invalid"), status(429, "")] {
            assert!(error.is_refusal(), "{error}");
        }
        for error in [status(500, ""), status(502, ""), status(409, ""), status(422, "one already exists")] {
            assert!(!error.is_refusal(), "{error}");
        }
        assert!(!PullRequestError::NoAnswer(String::new()).is_refusal());
    }
}
