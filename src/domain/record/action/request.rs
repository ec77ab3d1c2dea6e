//! Requests of an action, per system.

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
}

/// One request to a Kubernetes API server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubernetesRequest {
    pub object: ObjectRef,
    /// Subresource, e.g. `status`.
    pub subresource: Option<String>,
    pub body: Body,
}

impl KubernetesRequest {
    fn line(&self) -> String {
        let kind = &self.object.kind;
        let plural = Resource::of(kind).map_or(kind.as_str(), |resource| resource.plural);
        let sub = self.subresource.as_ref().map_or_else(String::new, |sub| format!("/{sub}"));
        match &self.body {
            Body::Merge(body) | Body::Strategic(body) => format!("PATCH {plural}/{}{sub}  {body}", self.object.name),
            Body::RestoreTemplate { replicaset } => {
                format!("PATCH {plural}/{}{sub}  template of ReplicaSet {replicaset}", self.object.name)
            }
        }
    }
}

/// One request of an action. Journals hold it without a tag: each system's has fields of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Request {
    /// To a Kubernetes API server.
    Kubernetes(KubernetesRequest),
}

impl Request {
    /// Returns the request in one line, as the dialog shows it.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Self::Kubernetes(request) => request.line(),
        }
    }
}

impl From<KubernetesRequest> for Request {
    fn from(request: KubernetesRequest) -> Self {
        Self::Kubernetes(request)
    }
}
