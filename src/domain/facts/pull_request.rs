//! Pull requests of GitHub and merge requests of GitLab: where they are, and what a provider says of one.

pub mod github;
pub mod gitlab;

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who keeps pull requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PullRequestProvider {
    GitHub,
    GitLab,
}

impl PullRequestProvider {
    pub const ALL: [Self; 2] = [Self::GitHub, Self::GitLab];

    /// Returns the word in the config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
        }
    }

    /// Returns what it calls one.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::GitHub => "pull request",
            Self::GitLab => "merge request",
        }
    }

    /// Returns one as people write it.
    #[must_use]
    pub fn name(self, number: u64) -> String {
        let sign = match self {
            Self::GitHub => '#',
            Self::GitLab => '!',
        };
        format!("{} {sign}{number}", self.noun())
    }
}

/// Where the pull requests of a repository are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequestPlace {
    pub provider: PullRequestProvider,
    /// Address of the API's server; ends in `/`.
    pub url: String,
    /// `owner/repo` on GitHub, the path or number of a project on GitLab.
    pub project: String,
}

impl fmt::Display for PullRequestPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.project, self.url.trim_end_matches('/'))
    }
}

/// A pull request, as its provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    pub number: u64,
    /// The page that people see.
    pub url: String,
    pub state: PullRequestState,
    /// What keeps it from being merged, in words; `None` where nothing does, or nothing is said.
    pub hindrance: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullRequestState {
    Open,
    /// The commit by which it came onto the branch, where the provider says.
    Merged {
        commit: Option<String>,
    },
    /// Without a merge; by whom and when, where the provider says.
    Closed {
        by: Option<String>,
        at: Option<String>,
    },
}

/// A pull request with what it proposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    pub request: PullRequest,
    /// The branch that it comes from.
    pub branch: String,
    pub body: String,
}

impl Proposed {
    /// Whether its text has all of these lines.
    #[must_use]
    pub fn says(&self, lines: &[String]) -> bool {
        lines.iter().all(|wanted| self.body.lines().any(|line| line.trim() == wanted))
    }
}

/// Of several from one branch the one that counts: what is merged is merged, and what is open may be.
#[must_use]
pub fn foremost(found: Vec<PullRequest>) -> Option<PullRequest> {
    let rank = |request: &PullRequest| match request.state {
        PullRequestState::Merged { .. } => 2,
        PullRequestState::Open => 1,
        PullRequestState::Closed { .. } => 0,
    };
    found.into_iter().max_by_key(|request| (rank(request), request.number))
}
