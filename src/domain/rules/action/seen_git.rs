//! A file of a config repository as it was seen, with what applies it and the workload: whether all three say the same.

use super::arrival::Arrival;
use super::git;
use super::seen::SeenWorkload;
use super::settle::Settled;
use crate::domain::facts::changes::short;
use crate::domain::facts::manifest::is_same_image;
use crate::domain::facts::owner::{Automation, Owned, OwnerKind};
use crate::domain::facts::pull_request::{PullRequest, PullRequestProvider, PullRequestState};
use crate::domain::facts::text::sanitize;
use crate::domain::record::action::{ActionId, Facts, GitKey, GitRequest, PlanRecord, Request, Verb};

/// What git says, and what the cluster makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenGit {
    pub key: GitKey,
    pub branch: SeenBranch,
    /// `None` where it was not looked at.
    pub workload: Option<SeenWorkload>,
    /// `None` where none was asked for, or it was not looked at.
    pub pull_request: Option<SeenPullRequest>,
}

/// What became of the pull request of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPullRequest {
    pub provider: PullRequestProvider,
    /// The branch with the commit.
    pub branch: String,
    pub found: FoundPullRequest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundPullRequest {
    /// There is none; whether its branch is there.
    None { is_pushed: bool },
    /// There is one; whether the commit by which it was merged is in what was fetched.
    One { request: PullRequest, is_fetched: bool },
}

/// The head of a branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenBranch {
    pub head: String,
    /// The images that the file names, one for each place.
    pub images: Vec<String>,
    /// The commits since which the file is as it is: whoever has one of them has its images.
    pub carriers: Vec<String>,
    /// The latest commits of this program, by their actions.
    pub own: Vec<(ActionId, String)>,
}

/// What one of the three says.
enum Word {
    Same(String),
    NotYet(String),
}

impl SeenGit {
    pub(super) fn facts(&self) -> Facts {
        git::facts(&self.key, &self.branch.images)
    }

    /// Whether the branch with its commit has reached the server, and no pull request is seen of it.
    #[must_use]
    pub fn is_pushed(&self) -> bool {
        self.pull_request.as_ref().is_some_and(SeenPullRequest::is_pushed)
    }

    pub(super) fn shows(&self) -> String {
        format!("the file names {}", sanitize(&self.branch.images.join(" ")))
    }

    /// Whether the file names what an action wants.
    pub(super) fn names_it(&self, record: &PlanRecord) -> bool {
        let images = &self.branch.images;
        request(record).is_some_and(|request| {
            request.images.len() == images.len()
                && request.images.iter().zip(images).all(|(wanted, named)| is_same_image(wanted, named))
        })
    }

    /// Tells whether an action took effect.
    pub(super) fn settled(&self, record: &PlanRecord) -> Settled {
        if !self.names_it(record) {
            if let Some(seen) = &self.pull_request {
                return self.proposed(record, seen);
            }
            let own = request(record).and_then(|request| request.action.as_ref());
            let commit = self.branch.own.iter().find(|(action, _)| Some(action) == own);
            return match commit {
                Some((_, commit)) => Settled::Lost(format!("commit {} was replaced: {}", short(commit), self.shows())),
                None => Settled::NotYet(self.shows()),
            };
        }
        let last = self.branch.carriers.last().unwrap_or(&self.branch.head);
        let merged = self.pull_request.as_ref().and_then(SeenPullRequest::merged).map(Word::Same);
        let git = Word::Same(format!("git ✓ {}", short(last)));
        let words = [merged, Some(git), self.owner(record), Some(self.cluster(record))];
        let words: Vec<Word> = words.into_iter().flatten().collect();
        let is_done = words.iter().all(|word| matches!(word, Word::Same(_)));
        let texts: Vec<String> = words.into_iter().map(|(Word::Same(text) | Word::NotYet(text))| text).collect();
        let text = texts.join(", ");
        if is_done { Settled::Done(text) } else { Settled::Accepted(text) }
    }

    /// Tells what became of a pull request while the file does not name what it is about.
    fn proposed(&self, record: &PlanRecord, seen: &SeenPullRequest) -> Settled {
        let (noun, branch) = (seen.provider.noun(), &seen.branch);
        let FoundPullRequest::One { request, is_fetched } = &seen.found else {
            return Settled::NotYet(if seen.is_pushed() {
                format!("the branch {branch} is there without a {noun}: open one by hand, or delete it and begin again")
            } else {
                self.shows()
            });
        };
        let name = seen.provider.name(request.number);
        match &request.state {
            PullRequestState::Open => {
                let hindrance = request.hindrance.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
                let url = sanitize(&request.url).into_owned();
                let owned = self.workload.as_ref().and_then(|workload| workload.snapshot.owned.as_ref());
                let owner = owned.map_or_else(String::new, |owned| format!(", {} …", product(owned)));
                let cluster = if record.verb == Verb::Revert { "" } else { ", cluster …" };
                Settled::AwaitsMerge(format!("{name} open ✓ {url}{hindrance}, git …{owner}{cluster}"))
            }
            PullRequestState::Merged { .. } if *is_fetched => {
                Settled::Lost(format!("{name} was merged, and replaced since: {}", self.shows()))
            }
            PullRequestState::Merged { .. } => Settled::Accepted(format!("{name} merged ✓, git … (not fetched yet)")),
            PullRequestState::Closed { by, at } => {
                let by = by.as_ref().map_or_else(String::new, |by| format!(" by {}", sanitize(by)));
                let at = at.as_ref().map_or_else(String::new, |at| format!(" at {}", sanitize(at)));
                let url = sanitize(&request.url).into_owned();
                Settled::Undone(format!("{name} was closed{by}{at} without a merge: {url}"))
            }
        }
    }

    /// What applies the manifest has compared the cluster with a commit in which the file is as it is now.
    fn owner(&self, record: &PlanRecord) -> Option<Word> {
        let owned = self.workload.as_ref()?.snapshot.owned.as_ref()?;
        let name = product(owned);
        let Some(found) = owned.reconciler() else {
            // A release of Helm is upgraded by somebody: the cluster shows it.
            owned.owner.kind.resource()?;
            return Some(Word::NotYet(format!("{name} … (not readable)")));
        };
        let at = found.commit.as_deref().map_or_else(String::new, |commit| format!(" at {}", short(commit)));
        let has_it = found.commit.as_ref().is_none_or(|commit| self.branch.carriers.contains(commit));
        let held = match &found.automation {
            Automation::Suspended(_) if record.verb == Verb::Revert => {
                format!(" (suspended: `cockpit owner {} --resume`)", self.key.env)
            }
            Automation::Suspended(_) => " (suspended)".to_owned(),
            Automation::Manual => " (synced by hand)".to_owned(),
            _ => String::new(),
        };
        Some(match found.in_sync {
            // Flux does not say: the cluster shows it.
            None if owned.owner.kind != OwnerKind::ArgoCd => Word::Same(format!("{name} does not say")),
            None if found.ignores_some && has_it && !found.is_syncing => {
                Word::Same(format!("{name} does not say (ignoreDifferences){held}"))
            }
            Some(true) if has_it && !found.is_syncing => Word::Same(format!("{name} ✓{held}")),
            _ => Word::NotYet(format!("{name} …{at}{held}")),
        })
    }

    /// The workload has a revision of those images, and that is as far as it goes by itself.
    fn cluster(&self, record: &PlanRecord) -> Word {
        let wanted = request(record).map(|request| request.images.as_slice()).unwrap_or_default();
        let wanted = self.key.places.iter().zip(wanted);
        let wanted = wanted.map(|(place, image)| (place.container.as_str(), image.as_str()));
        let arrival = Arrival::of(self.workload.as_ref(), record, wanted);
        match arrival {
            Arrival::Served(_) => Word::Same(arrival.describe()),
            _ => Word::NotYet(arrival.describe()),
        }
    }
}

impl SeenPullRequest {
    /// Whether the branch with the commit has reached the server, and no pull request is seen of it.
    fn is_pushed(&self) -> bool {
        matches!(self.found, FoundPullRequest::None { is_pushed: true })
    }

    /// Says how git has come to name what it is about.
    fn merged(&self) -> Option<String> {
        let FoundPullRequest::One { request, .. } = &self.found else { return None };
        let name = self.provider.name(request.number);
        Some(match request.state {
            PullRequestState::Merged { .. } => format!("{name} merged ✓"),
            PullRequestState::Open => format!("{name} is open, and git says so already"),
            PullRequestState::Closed { .. } => format!("{name} was closed, and git says so all the same"),
        })
    }
}

fn request(record: &PlanRecord) -> Option<&GitRequest> {
    record.requests.iter().find_map(|request| match request {
        Request::Git(request) => Some(request),
        Request::Kubernetes(_) | Request::Flag(_) | Request::Pipeline(_) | Request::Tag(_) => None,
    })
}

fn product(owned: &Owned) -> &'static str {
    match owned.owner.kind {
        OwnerKind::ArgoCd => "Argo CD",
        OwnerKind::FluxKustomization | OwnerKind::FluxHelmRelease => "Flux",
        OwnerKind::Helm => "Helm",
    }
}
