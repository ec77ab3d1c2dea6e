//! What tests of several packages share. Nothing here knows the product's own types: a unit test of the product would
//! see two copies of them.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]
#![expect(clippy::missing_panics_doc, clippy::must_use_candidate, reason = "only tests use it")]

pub mod check;
pub mod cluster;
pub mod git;
pub mod github_actions;
pub mod github_api;
pub mod github_approvals;
pub mod gitlab_pipelines;
pub mod http;
pub mod jenkins_builds;
pub mod launchdarkly_api;
mod local_server;
pub mod manifests;
pub mod postgres;
pub mod process;
pub mod program;
pub mod prometheus;
pub mod proxy;
pub mod pty;
pub mod server;
pub mod unleash;

pub use check::{Checked, until};
pub use cluster::{TestCluster, TestNamespace};
pub use http::http_client;
pub use program::{Program, Run};
pub use proxy::Proxy;
pub use pty::Pty;
