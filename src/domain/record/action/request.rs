//! Requests of an action, per system.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ActionId;
use crate::domain::facts::flag::Turn;
use crate::domain::facts::object::Container;
use crate::domain::facts::pipeline::PipelineCall;
use crate::domain::facts::pull_request::PullRequestPlace;
use crate::domain::facts::registry::{Repository, short};
use crate::domain::facts::workload::kind::Resource;

/// The Kubernetes object a request goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    /// `Rollout` or `Deployment`.
    pub kind: String,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "body", rename_all = "kebab-case")]
pub enum Body {
    /// `application/merge-patch+json`.
    Merge(Value),
    /// `application/strategic-merge-patch+json`.
    Strategic(Value),
    /// `application/json-patch+json` that restores the template of this ReplicaSet, and resumes.
    RestoreTemplate { replicaset: String },
    /// `application/json-patch+json` that sets the images of containers, init containers too, and writes `mark` into the
    /// annotation [`RELEASED`](crate::domain::facts::object::RELEASED).
    SetImages { images: Vec<Container>, mark: String },
    /// `application/merge-patch+json` that suspends the automation of an owner, and notes what it was.
    SuspendAutomation { by: String, at: Timestamp },
    /// `application/merge-patch+json` that gives it back.
    ResumeAutomation,
}

/// One request to a Kubernetes API server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubernetesRequest {
    pub object: ObjectRef,
    /// Subresource, e.g. `status`.
    pub subresource: Option<String>,
    pub body: Body,
    /// What has to be seen of the target first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<After>,
}

/// What has to be seen of the target before a request is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum After {
    /// The controller has taken note that the revision with this template hash goes out. Where it is stable already the
    /// request is not needed.
    InProgress { hash: String },
}

impl KubernetesRequest {
    fn line(&self) -> String {
        let kind = &self.object.kind;
        let plural = Resource::of(kind).map_or(kind.as_str(), |resource| resource.plural);
        let sub = self.subresource.as_ref().map_or_else(String::new, |sub| format!("/{sub}"));
        match &self.body {
            Body::SetImages { images, .. } => {
                let images: Vec<String> = images.iter().map(|next| format!("{}={}", next.name, next.image)).collect();
                format!("PATCH {plural}/{}{sub}  images {}", self.object.name, images.join(" "))
            }
            Body::Merge(body) | Body::Strategic(body) => format!("PATCH {plural}/{}{sub}  {body}", self.object.name),
            Body::SuspendAutomation { .. } => format!("PATCH {plural}/{}  suspend its automation", self.object.name),
            Body::ResumeAutomation => format!("PATCH {plural}/{}  its automation as it was", self.object.name),
            Body::RestoreTemplate { replicaset } => {
                format!("PATCH {plural}/{}{sub}  template of ReplicaSet {replicaset}", self.object.name)
            }
        }
    }
}

/// One commit, pushed to the branch of a [`GitKey`](super::GitKey).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitRequest {
    /// The first line of its message.
    pub commit: String,
    /// The image at each place of the target, in their order.
    pub images: Vec<String>,
    /// Which action it belongs to: its message says so, by which it is found again. Known once the action begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    /// Who asked for it, known once the action begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Where a pull request is opened for it; without it goes onto the branch itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequestPlace>,
    /// It takes a release back: nothing that is open keeps it from being proposed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_revert: bool,
}

/// How the branches begin from which pull requests are opened; the action follows.
pub const BRANCH_PREFIX: &str = "release-cockpit/";

impl GitRequest {
    /// Returns the branch of its own that the commit is pushed to, where a pull request is opened for it.
    #[must_use]
    pub fn branch(&self) -> Option<String> {
        let action = self.action.as_ref().filter(|_| self.pull_request.is_some())?;
        Some(format!("{BRANCH_PREFIX}{}", action.0))
    }

    fn line(&self) -> String {
        let opens = self
            .pull_request
            .as_ref()
            .map_or_else(String::new, |place| format!(", {} into {place}", place.provider.noun()));
        format!("git push{opens}  \"{}\"  images {}", self.commit, self.images.join(" "))
    }
}

/// One request to a provider of feature flags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagRequest {
    pub flag: String,
    pub turn: Turn,
    /// It goes past no gate: it is sent only while it takes the flag from users and gives it to none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_less: bool,
    /// It is a command on this machine, which may run on without this program.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_run_on: bool,
    /// It is a push by git, which its server may still carry out where no answer of it came.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_push: bool,
    /// What comes before users notice, in words, where that takes more than seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noticed_once: Option<String>,
    /// Where it goes, as people are shown it: address, project and environment.
    pub place: String,
}

impl FlagRequest {
    fn line(&self) -> String {
        let Self { flag, place, .. } = self;
        match self.turn {
            Turn::On | Turn::Off => format!("turn {} {flag} in {place}", self.turn),
            Turn::Share(share) => format!("set {flag} to {share} in {place}"),
        }
    }
}

/// One run of a pipeline of the user's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineRequest {
    /// What is run or asked for, its placeholders replaced.
    pub call: PipelineCall,
    /// The image of each container that is to change, by which it is judged.
    pub brings: Vec<Container>,
    /// How long it may run, and how long the cluster may take to show what it brings.
    pub timeout_seconds: u64,
    /// Which action it belongs to, known once that begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
}

/// One tag of a repository that is to name a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRequest {
    pub repository: Repository,
    pub tag: String,
    pub digest: String,
    /// What it named when it was asked for; `None` where there was no such tag.
    pub was: Option<String>,
}

impl TagRequest {
    /// Returns what is moved, e.g. `registry.example/payments:stable`.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }

    fn line(&self) -> String {
        format!("PUT {}  the manifest of {}", self.place(), short(&self.digest))
    }
}

/// One request of an action. Journals hold it without a tag: each system's has fields of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Request {
    /// To a Kubernetes API server.
    Kubernetes(KubernetesRequest),
    /// To a config repository.
    Git(GitRequest),
    /// To a provider of feature flags.
    Flag(FlagRequest),
    /// To a pipeline of the user's own.
    Pipeline(PipelineRequest),
    /// To a registry.
    Tag(TagRequest),
}

impl Request {
    /// Returns the request in one line, as the dialog shows it.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Self::Kubernetes(request) => request.line(),
            Self::Git(request) => request.line(),
            Self::Flag(request) => request.line(),
            Self::Pipeline(request) => request.call.line(),
            Self::Tag(request) => request.line(),
        }
    }

    /// Returns what a flag is turned to, where it goes to a provider of feature flags.
    #[must_use]
    pub fn turn(&self) -> Option<Turn> {
        match self {
            Self::Flag(request) => Some(request.turn),
            Self::Kubernetes(_) | Self::Git(_) | Self::Pipeline(_) | Self::Tag(_) => None,
        }
    }

    /// Returns what has to be seen of the target before it is sent.
    #[must_use]
    pub fn after(&self) -> Option<&After> {
        match self {
            Self::Kubernetes(request) => request.after.as_ref(),
            Self::Git(_) | Self::Flag(_) | Self::Pipeline(_) | Self::Tag(_) => None,
        }
    }

    /// Returns it, where it moves a tag.
    #[must_use]
    pub fn tag(&self) -> Option<&TagRequest> {
        match self {
            Self::Tag(request) => Some(request),
            Self::Kubernetes(_) | Self::Git(_) | Self::Flag(_) | Self::Pipeline(_) => None,
        }
    }

    /// Returns it, where it goes to a Kubernetes API server.
    #[must_use]
    pub fn kubernetes(&self) -> Option<&KubernetesRequest> {
        match self {
            Self::Kubernetes(request) => Some(request),
            Self::Git(_) | Self::Flag(_) | Self::Pipeline(_) | Self::Tag(_) => None,
        }
    }
}

impl From<KubernetesRequest> for Request {
    fn from(request: KubernetesRequest) -> Self {
        Self::Kubernetes(request)
    }
}

impl From<GitRequest> for Request {
    fn from(request: GitRequest) -> Self {
        Self::Git(request)
    }
}

impl From<PipelineRequest> for Request {
    fn from(request: PipelineRequest) -> Self {
        Self::Pipeline(request)
    }
}

impl From<TagRequest> for Request {
    fn from(request: TagRequest) -> Self {
        Self::Tag(request)
    }
}

impl From<FlagRequest> for Request {
    fn from(request: FlagRequest) -> Self {
        Self::Flag(request)
    }
}
