//! A client of the REST APIs by which GitHub and GitLab keep pull requests. It never retries.

use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::Redactor;
use super::rest_api::{self, RestApi, RestError, not_readable};
use crate::domain::facts::pull_request::{
    Proposed, PullRequest, PullRequestPlace, PullRequestProvider, PullRequestState, foremost, github, gitlab,
};
use crate::domain::record::action::BRANCH_PREFIX;

/// Whether nothing came of opening one. That there is one already proves nothing.
#[must_use]
pub fn is_refusal(error: &RestError) -> bool {
    let is_there = matches!(error, RestError::Status(_, words) if words.contains("already exists"));
    error.is_refusal() && !is_there
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
    api: RestApi,
    place: PullRequestPlace,
}

impl PullRequests {
    /// Makes it; nothing is asked yet. The token is known to the redactor already. `ca` is what to trust besides the
    /// certificate authorities of the system (PEM).
    ///
    /// # Errors
    /// What it cannot be made from.
    pub fn new(place: PullRequestPlace, ca: Option<&[u8]>, token: &str, redactor: Redactor) -> Result<Self, String> {
        let headers = headers(place.provider, token)?;
        let said = match place.provider {
            PullRequestProvider::GitHub => github::refusal,
            PullRequestProvider::GitLab => gitlab::refusal,
        };
        let api = RestApi::new(&place.url, ca, (headers, said, place.project.clone()), redactor)?;
        Ok(Self { api, place })
    }

    #[must_use]
    pub fn place(&self) -> &PullRequestPlace {
        &self.place
    }

    /// Reads the commit that a branch is at.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn head(&self, branch: &str) -> Result<String, RestError> {
        let (url, read): (Url, fn(&Value) -> Option<String>) = match self.place.provider {
            PullRequestProvider::GitHub => (self.at(&["branches", branch]), github::head),
            PullRequestProvider::GitLab => (self.at(&["repository", "branches", branch]), gitlab::head),
        };
        read(&self.api.ask(Method::GET, url, None).await?).ok_or_else(not_readable)
    }

    /// Looks for the pull request from one branch into another, open or not.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn find(&self, branch: &str, base: &str) -> Result<Option<PullRequest>, RestError> {
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
        let found = read(&self.api.ask(Method::GET, url, None).await?).ok_or_else(not_readable)?;
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
    pub async fn open_already(&self, base: &str, lines: &[String]) -> Result<Option<PullRequest>, RestError> {
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
            let found = read(&self.api.ask(Method::GET, url, None).await?).ok_or_else(not_readable)?;
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
        Err(RestError::NoAnswer(why))
    }

    async fn one(&self, number: u64) -> Result<PullRequest, RestError> {
        let mut url = self.requests();
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(&number.to_string());
        }
        self.read(&self.api.ask(Method::GET, url, None).await?)
    }

    /// Opens a pull request, once.
    ///
    /// # Errors
    /// Why it was not, or may not have been.
    pub async fn open(&self, proposal: &Proposal) -> Result<PullRequest, RestError> {
        let Proposal { branch, base, title, body } = proposal;
        let body = match self.place.provider {
            PullRequestProvider::GitHub => json!({"head": branch, "base": base, "title": title, "body": body}),
            PullRequestProvider::GitLab => json!({
                "source_branch": branch, "target_branch": base, "title": title, "description": body,
                "remove_source_branch": true,
            }),
        };
        self.read(&self.api.ask(Method::POST, self.requests(), Some(body)).await?)
    }

    fn read(&self, answer: &Value) -> Result<PullRequest, RestError> {
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
        let mut url = self.api.url().clone();
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
}

fn headers(provider: PullRequestProvider, token: &str) -> Result<HeaderMap, String> {
    match provider {
        PullRequestProvider::GitHub => rest_api::github_headers(token),
        PullRequestProvider::GitLab => rest_api::bearer(token),
    }
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
        let status = |status, words: &str| RestError::Status(status, words.to_owned());
        for error in [status(401, ""), status(403, ""), status(404, ""), status(422, "head invalid"), status(429, "")] {
            assert!(is_refusal(&error), "{error}");
        }
        for error in [status(500, ""), status(502, ""), status(409, ""), status(422, "one already exists")] {
            assert!(!is_refusal(&error), "{error}");
        }
        assert!(!is_refusal(&RestError::NoAnswer(String::new())));
    }
}
