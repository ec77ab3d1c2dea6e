//! Infrastructure that several rooms share, below all of them but the domain.

pub mod cluster_identity;
pub mod deployment_approvals;
pub mod flags;
pub(crate) mod git;
pub mod gitlab_pipelines;
pub mod jenkins_builds;
pub mod kube_client;
pub mod kubeconfig;
pub mod login;
pub mod private_files;
pub(crate) mod process_group;
pub mod program;
pub mod pull_requests;
pub mod redact;
pub mod registry;
pub mod rest_api;
pub mod tls;
pub mod trust;
pub mod variables;
pub mod workflows;

pub use redact::Redactor;
pub use variables::Variables;
