//! Opens the pull request of a commit, and looks at what became of it; never retries.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::Mutex;

use super::Commit;
use crate::domain::facts::changes::short;
use crate::domain::facts::pull_request::{PullRequestPlace, PullRequestState};
use crate::domain::record::action::{GitKey, GitRequest};
use crate::domain::rules::action::{FoundPullRequest, SeenBranch, SeenPullRequest};
use crate::executors::executor::SendError;
use crate::failpoints::failpoint;
use crate::platform::git::clone::{GitError, ShallowClone};
use crate::platform::pull_requests::{Proposal, PullRequests, is_refusal};
use crate::platform::rest_api::RestError;

/// Makes a client with the token as it is now, or says why not.
pub type ConnectPullRequests = Arc<dyn Fn() -> BoxFuture<'static, Result<PullRequests, String>> + Send + Sync>;

/// The pull requests of the config repository.
pub(super) struct Proposals {
    connect: ConnectPullRequests,
    client: Mutex<Option<PullRequests>>,
}

impl Proposals {
    pub(super) fn new(connect: ConnectPullRequests) -> Self {
        Self { connect, client: Mutex::default() }
    }

    /// Returns a client for the place of an action. After a crash the config may lead elsewhere.
    async fn client(&self, place: &PullRequestPlace) -> Result<PullRequests, SendError> {
        let mut client = self.client.lock().await;
        let found = match client.take() {
            Some(found) => found,
            None => (self.connect)().await.map_err(|why| SendError::Refused(format!("not sent: {why}")))?,
        };
        if found.place() != place {
            let why = format!("pull requests are now opened at {}, and this one is at {place}", found.place());
            return Err(SendError::Refused(why));
        }
        Ok(client.insert(found).clone())
    }

    /// Lets go of a client whose token is not accepted any more: the next one asks for the token again.
    async fn failed(&self, error: &RestError) {
        if matches!(error, RestError::Status(401, _)) {
            *self.client.lock().await = None;
        }
    }

    /// Makes sure that the provider lets us in and has the branch as git has it: before anything is sent.
    pub(super) async fn check(&self, place: &PullRequestPlace, key: &GitKey, head: &str) -> Result<(), SendError> {
        let client = self.client(place).await?;
        let there = match client.head(&key.branch).await {
            Ok(there) => there,
            Err(error) => {
                self.failed(&error).await;
                let why = format!("not sent: the branch {} of {place} cannot be read: {error}", key.branch);
                return Err(SendError::Refused(why));
            }
        };
        if there != head {
            let (git, there, branch) = (short(head), short(&there), &key.branch);
            let why = format!(
                "not sent: {branch} is at {git} in {}, and at {there} in {place}: is that the same repository? If somebody \
                 has just pushed, try again",
                key.repository
            );
            return Err(SendError::Refused(why));
        }
        Ok(())
    }

    /// Makes sure that nobody else has proposed to change what the file names for a workload. A revert waits for nobody.
    pub(super) async fn is_only(&self, place: &PullRequestPlace, key: &GitKey) -> Result<(), SendError> {
        match self.client(place).await?.open_already(&key.branch, &subject(key)).await {
            Ok(None) => Ok(()),
            Ok(Some(open)) => {
                let name = place.provider.name(open.number);
                Err(SendError::Refused(format!("not sent: {name} is open already, merge or close it: {}", open.url)))
            }
            Err(error) => {
                self.failed(&error).await;
                let noun = place.provider.noun();
                Err(SendError::Refused(format!("not sent: the open {noun}s of {place} cannot be read: {error}")))
            }
        }
    }

    /// Pushes a commit to a branch of its own and opens a pull request for it, each once; returns what stands in the journal.
    pub(super) async fn open(
        &self,
        clone: &ShallowClone,
        (place, branch): (&PullRequestPlace, &str),
        (key, request): (&GitKey, &GitRequest),
        commit: &Commit,
    ) -> Result<String, SendError> {
        let client = self.client(place).await?;
        failpoint(format_args!("git.before-push"));
        match clone.push(&commit.hash, branch, "").await {
            Ok(()) => {}
            // Its name is of this action alone.
            Err(GitError::Conflict) => {
                return Err(SendError::Unknown(format!("the branch {branch} is there already")));
            }
            Err(error) => return Err(error.into()),
        }
        failpoint(format_args!("git.pushed"));
        let proposal = proposal(branch, (key, request), &commit.from);
        let opened = client.open(&proposal).await;
        failpoint(format_args!("git.opened"));
        let error = match opened {
            Ok(opened) => {
                let name = place.provider.name(opened.number);
                return Ok(format!("{}, {name} {}", commit.hash, opened.url));
            }
            Err(error) => error,
        };
        self.failed(&error).await;
        let noun = place.provider.noun();
        if !is_refusal(&error) {
            return Err(SendError::Unknown(format!("the {noun} may be open or not: {error}")));
        }
        // Nothing came of it, and nothing is left behind.
        let left = match clone.delete(branch, &commit.hash).await {
            Ok(()) => String::new(),
            Err(why) => format!("; the branch {branch} stays, delete it: {why}"),
        };
        Err(SendError::Refused(format!("{place} opened no {noun}: {error}{left}")))
    }

    /// Looks for the pull request of an action.
    pub(super) async fn look(
        &self,
        clone: &ShallowClone,
        (place, branch): (&PullRequestPlace, &str),
        key: &GitKey,
    ) -> Result<LookedAt, SendError> {
        let found = match self.client(place).await?.find(branch, &key.branch).await {
            Ok(found) => found,
            Err(error) => {
                self.failed(&error).await;
                return Err(SendError::Refused(format!("{place}: {error}")));
            }
        };
        let found = match found {
            Some(request) => FoundPullRequest::One { request, is_fetched: false },
            None => FoundPullRequest::None { is_pushed: clone.has_branch(branch).await? },
        };
        Ok(LookedAt(SeenPullRequest { provider: place.provider, branch: branch.to_owned(), found }))
    }
}

/// What the provider says, before git was fetched.
pub(super) struct LookedAt(SeenPullRequest);

impl LookedAt {
    /// Adds whether what was merged is in what was fetched since.
    pub(super) async fn with(self, clone: &ShallowClone, branch: &SeenBranch) -> SeenPullRequest {
        let mut seen = self.0;
        if let FoundPullRequest::One { request, is_fetched } = &mut seen.found {
            if let PullRequestState::Merged { commit } = &request.state {
                *is_fetched = match commit {
                    Some(commit) => clone.is_in(commit, &branch.head).await,
                    // It was fetched after the provider said so.
                    None => true,
                };
            }
        }
        seen
    }
}

/// Nothing in a name is markup.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}

/// The lines that say which images a pull request is about: whoever opens another one about the same is told by them.
fn subject(key: &GitKey) -> [String; 2] {
    [format!("File: {}", code(&key.file)), format!("Workload: {}", code(&key.names.to_string()))]
}

fn proposal(branch: &str, (key, request): (&GitKey, &GitRequest), from: &[String]) -> Proposal {
    let changes = key.places.iter().zip(from).zip(&request.images);
    let changes =
        changes.map(|((place, from), to)| format!("- {}: {} → {}", code(&place.container), code(from), code(to)));
    let changes: Vec<String> = changes.collect();
    let by = request.by.as_deref().unwrap_or("somebody");
    let action = request.action.as_ref().map_or("", |action| action.0.as_str());
    let body = format!(
        "{}\n\nEnvironment: {}\n{}\nAsked for by: {}\n\nRelease-Cockpit-Action: {action}\n",
        changes.join("\n"),
        code(key.env.as_str()),
        subject(key).join("\n"),
        code(by),
    );
    Proposal { branch: branch.to_owned(), base: key.branch.clone(), title: request.commit.clone(), body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::ids::{EnvName, WorkloadId};
    use crate::domain::facts::manifest::Place;
    use crate::domain::facts::workload::kind::WorkloadKind;
    use crate::domain::record::action::ActionId;

    #[test]
    fn a_pull_request_says_what_changes_where_and_who_asked_for_it() {
        let place = Place {
            kind: "Deployment".to_owned(),
            name: "api".to_owned(),
            container: "api".to_owned(),
            repository: "shop/api".to_owned(),
        };
        let key = GitKey {
            env: EnvName::new("prod"),
            repository: "git@git.example:shop/config.git".to_owned(),
            branch: "main".to_owned(),
            file: "api.yaml".to_owned(),
            names: WorkloadId::new(WorkloadKind::Deployment, "api"),
            places: vec![place],
        };
        let request = GitRequest {
            commit: "api: release 1.1.0 into prod".to_owned(),
            images: vec!["shop/api:1.1.0".to_owned()],
            action: Some(ActionId("0190-1".to_owned())),
            by: Some("@all `x`".to_owned()),
            pull_request: None,
            is_revert: false,
        };
        let made = proposal("release-cockpit/0190-1", (&key, &request), &["shop/api:1.0.0".to_owned()]);
        assert_eq!((made.title.as_str(), made.base.as_str()), ("api: release 1.1.0 into prod", "main"));
        let body = "- `api`: `shop/api:1.0.0` → `shop/api:1.1.0`\n\nEnvironment: `prod`\nFile: `api.yaml`\nWorkload: \
                    `deployment/api`\nAsked for by: `@all 'x'`\n\nRelease-Cockpit-Action: 0190-1\n";
        assert_eq!(made.body, body);
    }
}
