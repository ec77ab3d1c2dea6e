//! Commits to the config repository that names the images of an environment: one commit, pushed once, only on the head that
//! was read, or to a branch of its own, from which a pull request is opened; never retries.

mod pull_request;

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

pub use self::pull_request::ConnectPullRequests;
use self::pull_request::Proposals;
use super::executor::{Executor, Payload, Pending, Prepared, SendError};
use super::kubernetes::Kubernetes;
use super::owner::OwnerExecutor;
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::manifest::{Manifest, Place};
use crate::domain::record::action::{GitKey, GitRequest, PlanRecord, Request, Target};
use crate::domain::record::anchor::Anchor;
use crate::domain::rules::action::{Seen, SeenBranch, SeenGit, SeenPullRequest};
use crate::domain::world::GitPlace;
use crate::failpoints::failpoint;
use crate::platform::Redactor;
use crate::platform::git::clone::{Head, ShallowClone};

/// How long what was fetched is looked at again without another fetch: others use the server, too.
const FETCH_INTERVAL: Duration = Duration::from_secs(4);

/// The executor of the config repository of one environment.
pub struct GitExecutor {
    place: GitPlace,
    clone: ShallowClone,
    /// `None` where commits go onto the branch itself.
    proposals: Option<Proposals>,
    /// What shows the workload, and which cluster it is in.
    cluster: Kubernetes,
    /// What applies the repository.
    owners: OwnerExecutor,
    /// What was fetched last, of which file and when.
    fetched: Mutex<Option<(GitKey, SeenBranch, Instant)>>,
    /// The pull request that was looked at last, by its branch, and when.
    looked_at: Mutex<Option<(String, SeenPullRequest, Instant)>>,
}

/// A commit that is ready to be pushed.
#[derive(Debug)]
pub struct Commit {
    hash: String,
    /// The head that it follows on.
    head: String,
    /// The images that it takes the place of.
    from: Vec<String>,
}

impl GitExecutor {
    /// Makes it for a file of a repository, of which it keeps a clone below `state`.
    #[must_use]
    pub fn new(
        place: GitPlace,
        state: &Path,
        (cluster, owners): (Kubernetes, OwnerExecutor),
        redactor: Redactor,
    ) -> Self {
        let clone = ShallowClone::new(&place, state, redactor);
        Self { place, clone, proposals: None, cluster, owners, fetched: Mutex::default(), looked_at: Mutex::default() }
    }

    /// Lets it open pull requests.
    #[must_use]
    pub fn with_pull_requests(self, connect: ConnectPullRequests) -> Self {
        Self { proposals: Some(Proposals::new(connect)), ..self }
    }

    fn proposals(&self) -> Result<&Proposals, SendError> {
        let why = "pull requests are not configured here any more: see `pull_request` of [git]";
        self.proposals.as_ref().ok_or_else(|| SendError::Refused(why.to_owned()))
    }

    fn manifest<'a>(&'a self, text: &'a str) -> Manifest<'a> {
        Manifest { format: self.place.format, value: &self.place.value, text }
    }

    /// Reads the file at the head of the branch as it is now.
    async fn branch(&self, key: &GitKey) -> Result<(Head, SeenBranch), SendError> {
        self.forget();
        // What was sent to another place is not settled by this one.
        if (&key.repository, &key.branch) != (&self.place.repository, &self.place.branch) {
            let (repository, branch) = (&self.place.repository, &self.place.branch);
            let why = format!("{key} is not the file of this config, which has {branch} of {repository}");
            return Err(SendError::Refused(why));
        }
        let head = self.clone.fetch(&key.file).await?;
        let images = self.manifest(&head.text).images(&key.places);
        let images = images.map_err(|error| SendError::Refused(format!("{key}: {error}")))?;
        let (carriers, own) = self.clone.history(&head.commit, &key.file).await?;
        let seen = SeenBranch { head: head.commit.clone(), images, carriers, own };
        *self.fetched.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((key.clone(), seen.clone(), Instant::now()));
        Ok((head, seen))
    }

    async fn branch_lately(&self, key: &GitKey) -> Result<SeenBranch, SendError> {
        let lately = self.fetched.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match lately {
            Some((of, seen, at)) if of == *key && at.elapsed() < FETCH_INTERVAL => Ok(seen),
            _ => Ok(self.branch(key).await?.1),
        }
    }

    fn forget(&self) {
        *self.fetched.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.looked_at.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Makes the commit that names other images; `None` where the file names them.
    async fn commit(
        &self,
        key: &GitKey,
        request: &GitRequest,
        (head, branch): (&Head, &SeenBranch),
    ) -> Result<Option<Commit>, SendError> {
        let changes: Vec<(Place, String)> = key.places.iter().cloned().zip(request.images.iter().cloned()).collect();
        let text = self.manifest(&head.text).with_images(&changes);
        let text = text.map_err(|error| SendError::Refused(format!("{key}: {error}")))?;
        if text == head.text {
            return Ok(None);
        }
        let message = (request.commit.as_str(), request.action.as_ref());
        let hash = self.clone.commit(head, (&key.file, &text), message).await?;
        Ok(Some(Commit { hash, head: head.commit.clone(), from: branch.images.clone() }))
    }

    async fn look(&self, key: &GitKey) -> Result<Seen, SendError> {
        let workload = Target::Workload(key.workload_key());
        let (branch, workload) = tokio::join!(self.branch_lately(key), Executor::look(&self.cluster, &workload));
        // Git tells by itself whether the commit is there.
        let workload = match workload {
            Ok(Seen::Workload(seen)) => Some(*seen),
            Ok(Seen::Owner(_) | Seen::Git(_) | Seen::Flag(_) | Seen::Pipeline(_) | Seen::Tag(_)) | Err(_) => None,
        };
        Ok(SeenGit { key: key.clone(), branch: branch?, workload, pull_request: None }.into())
    }

    /// Looks at a file, and at what became of the pull request of an action.
    async fn look_for(&self, key: &GitKey, request: &GitRequest) -> Result<Seen, SendError> {
        let (Some(place), Some(own)) = (&request.pull_request, request.branch()) else {
            return self.look(key).await;
        };
        let lately = self.looked_at.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, pull_request, _)) = lately.filter(|(of, _, at)| *of == own && at.elapsed() < FETCH_INTERVAL) {
            return self.with_pull_request(key, pull_request).await;
        }
        // What it says of a merge is looked for in what is fetched after it.
        let looked_at = self.proposals()?.look(&self.clone, (place, &own), key).await?;
        self.forget();
        let branch = self.branch(key).await?.1;
        let pull_request = looked_at.with(&self.clone, &branch).await;
        *self.looked_at.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((own, pull_request.clone(), Instant::now()));
        self.with_pull_request(key, pull_request).await
    }

    async fn with_pull_request(&self, key: &GitKey, pull_request: SeenPullRequest) -> Result<Seen, SendError> {
        Ok(match self.look(key).await? {
            Seen::Git(seen) => SeenGit { pull_request: Some(pull_request), ..*seen }.into(),
            seen => seen,
        })
    }
}

fn key_of(target: &Target) -> Result<&GitKey, SendError> {
    match target {
        Target::Git(key) => Ok(key),
        Target::Workload(_) | Target::Owner(_) | Target::Flag(_) | Target::Pipeline(_) | Target::Tag(_) => {
            Err(SendError::Refused(format!("{target} is no file in git")))
        }
    }
}

fn request_of(request: &Request) -> Result<&GitRequest, SendError> {
    match request {
        Request::Git(request) => Ok(request),
        Request::Kubernetes(_) | Request::Flag(_) | Request::Pipeline(_) | Request::Tag(_) => {
            Err(SendError::Refused("git takes commits only".to_owned()))
        }
    }
}

impl Executor for GitExecutor {
    fn prepare<'a>(
        &'a self,
        target: &'a Target,
        request: &'a Request,
        _: &'a str,
        _: Option<&'a Anchor>,
    ) -> Pending<'a, Prepared> {
        Box::pin(async move {
            let (key, request) = (key_of(target)?, request_of(request)?);
            let (head, branch) = self.branch(key).await?;
            if let Some(place) = &request.pull_request {
                self.proposals()?.check(place, key, &head.commit).await?;
                if !request.is_revert {
                    self.proposals()?.is_only(place, key).await?;
                }
            }
            let payload = Payload::Git(self.commit(key, request, (&head, &branch)).await?);
            let seen = SeenGit { key: key.clone(), branch, workload: None, pull_request: None };
            Ok(Prepared { payload, seen: Some(seen.into()) })
        })
    }

    fn send<'a>(&'a self, target: &'a Target, request: &'a Request, prepared: &'a Prepared) -> Pending<'a, String> {
        Box::pin(async move {
            let Payload::Git(Some(commit)) = &prepared.payload else {
                return Err(SendError::Refused("there is nothing to commit".to_owned()));
            };
            self.forget();
            let (key, request) = (key_of(target)?, request_of(request)?);
            if let (Some(place), Some(branch)) = (&request.pull_request, request.branch()) {
                return self.proposals()?.open(&self.clone, (place, &branch), (key, request), commit).await;
            }
            failpoint(format_args!("git.before-push"));
            self.clone.push(&commit.hash, self.clone.branch(), &commit.head).await?;
            failpoint(format_args!("git.pushed"));
            Ok(commit.hash.clone())
        })
    }

    fn look<'a>(&'a self, target: &'a Target) -> Pending<'a, Seen> {
        Box::pin(async move { self.look(key_of(target)?).await })
    }

    fn look_for<'a>(&'a self, record: &'a PlanRecord) -> Pending<'a, Seen> {
        Box::pin(async move {
            let key = key_of(&record.target)?;
            match record.requests.first() {
                Some(Request::Git(request)) => self.look_for(key, request).await,
                _ => self.look(key).await,
            }
        })
    }

    fn look_again<'a>(&'a self, target: &'a Target, _: &'a Request) -> Pending<'a, (Seen, String)> {
        Box::pin(async move {
            let key = key_of(target)?;
            let (head, branch) = self.branch(key).await?;
            Ok((SeenGit { key: key.clone(), branch, workload: None, pull_request: None }.into(), head.commit))
        })
    }

    /// Argo CD looks at git every few minutes: it is made to look now. Without the right to that it looks later.
    fn nudge<'a>(&'a self, _: &'a Target, seen: &'a Seen) -> Pending<'a, ()> {
        Box::pin(async move {
            let Seen::Git(seen) = seen else { return Ok(()) };
            let owned = seen.workload.as_ref().and_then(|workload| workload.snapshot.owned.as_ref());
            match owned {
                Some(owned) => self.owners.refresh(&owned.owner).await,
                None => Ok(()),
            }
        })
    }

    fn identity(&self) -> Pending<'_, ClusterIdentity> {
        self.cluster.identity()
    }
}
