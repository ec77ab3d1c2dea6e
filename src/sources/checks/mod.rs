//! The checklist's evidence: each kind of check looks in its own place and says what it found.
//!
//! A check looks once when it is asked, never on its own, and never changes anything. [`runner`] asks, at start, on
//! demand and when answers grow old.

mod alerts;
mod benchmark;
mod ci;
mod command;
mod coverage;
mod drift;
mod encoding;
mod http;
mod incoming;
mod junit;
mod kept;
mod migrations;
mod promql;
mod reading;
mod reports;
mod sarif;
mod scan;
mod schedule;
mod version;
mod web;
mod wording;
mod xml;

pub mod runner;

use std::path::PathBuf;

use super::kubernetes::ReadClient;
use super::prometheus::PrometheusClient;
use crate::config::checks::CheckKind;
use crate::config::trust::NOT_TRUSTED;
use crate::domain::facts::ids::{EnvName, WorkloadId};
use crate::domain::facts::workload::Revision;
use crate::domain::record::checklist::CheckOutcome;
use crate::platform::{Redactor, tls};

/// What a look is about: the candidate of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckInput {
    pub env: Option<EnvName>,
    pub namespace: String,
    pub workloads: Vec<WorkloadId>,
    pub service: String,
    /// Version that comes in, as its image says, e.g. `1.5.0`.
    pub version: String,
    pub images: Vec<String>,
    /// Every image of the environment as `Candidate::artifacts` names them.
    pub artifacts: Vec<String>,
    /// Those of them that change with the candidate, as `Candidate::changing` names them; empty where all count.
    pub changing: Vec<String>,
    /// Those of them that replace another image, as `Candidate::replacing` names them.
    pub replacing: Vec<String>,
    /// Commit that it was built from, if anything says so.
    pub commit: Option<Built>,
    /// Why that is unknown although something says it: then no tag of the version may say another one.
    pub commit_doubt: Option<String>,
    /// Version that is stable now, where another one comes in.
    pub stable_version: Option<String>,
    pub stable_commit: Option<Built>,
    pub stable_doubt: Option<String>,
    /// The environment before, in promotion order.
    pub previous: Option<EnvName>,
    /// The revision that comes in, and whether it is still in the environment before; its digest is left out, for it
    /// comes and goes with pods.
    pub revision: Option<(Revision, bool)>,
    /// The revision that is stable now, where another one comes in; without its digest.
    pub stable: Option<Revision>,
}

/// A commit that something was built from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Built {
    /// Its hash, full or abbreviated.
    pub commit: String,
    /// What told it: a label or annotation by its key, a tag by its name.
    pub told_by: String,
}

/// What checks look with. Cheap to clone.
#[derive(Clone)]
pub struct Tools {
    /// For requests to anywhere; follows no redirect, retries nothing.
    pub http: reqwest::Client,
    /// The environment's Prometheus, where it has one.
    pub prometheus: Option<PrometheusClient>,
    /// The environment's API server and namespace.
    pub cluster: Option<(ReadClient, String)>,
    /// API server and namespace of the environment before.
    pub previous: Option<(ReadClient, String)>,
    pub repository: Option<PathBuf>,
    /// What stands before the version in the names of its tags, where that is configured.
    pub tag_prefix: Option<String>,
    /// Hides secrets in what is quoted.
    pub redactor: Redactor,
}

impl Default for Tools {
    fn default() -> Self {
        Self {
            http: http_client(),
            prometheus: None,
            cluster: None,
            previous: None,
            repository: None,
            tag_prefix: None,
            redactor: Redactor::default(),
        }
    }
}

impl Tools {
    /// Returns what stands before the version in the names of tags.
    #[must_use]
    pub fn tag_prefix(&self) -> &str {
        self.tag_prefix.as_deref().unwrap_or(super::git::TAG_PREFIX)
    }
}

/// What a look came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub found: CheckOutcome,
    /// One line: the figures, or the reason.
    pub summary: String,
    /// The evidence, line by line; see [`Evidence::MAX_LINES`].
    pub lines: Vec<String>,
    /// What would make it green; empty where it is.
    pub green_when: String,
}

impl Evidence {
    /// More lines than this are cut off by the runner, which says how many there were.
    pub const MAX_LINES: usize = 500;

    pub fn passed(summary: impl Into<String>) -> Self {
        Self { found: CheckOutcome::Passed, summary: summary.into(), lines: Vec::new(), green_when: String::new() }
    }

    /// It does not hold; what would make it green.
    pub fn failed(summary: impl Into<String>, green_when: impl Into<String>) -> Self {
        Self { found: CheckOutcome::Failed, summary: summary.into(), lines: Vec::new(), green_when: green_when.into() }
    }

    /// There is no telling; why.
    pub fn blind(summary: impl Into<String>) -> Self {
        Self {
            found: CheckOutcome::Blind,
            summary: summary.into(),
            lines: Vec::new(),
            green_when: "it can be checked".to_owned(),
        }
    }

    /// The same with lines of evidence.
    #[must_use]
    pub fn with(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines.extend(lines);
        self
    }
}

/// Returns the client that checks ask with: it follows no redirect and retries nothing.
#[must_use]
pub fn http_client() -> reqwest::Client {
    let builder = || {
        tls::http_client()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("release-cockpit/", env!("CARGO_PKG_VERSION")))
    };
    // Where the system has no certificates, only requests over TLS fail.
    builder().build().or_else(|_| builder().tls_certs_only([]).build()).unwrap_or_default()
}

/// Looks. The caller sets the time limit.
pub async fn look(kind: &CheckKind, scene: &CheckInput, tools: &Tools) -> Evidence {
    match kind {
        CheckKind::Junit(asked) => junit::look(asked, scene, tools).await,
        CheckKind::Coverage(asked) => coverage::look(asked, scene, tools).await,
        CheckKind::Sarif(asked) => sarif::look(asked, scene, tools).await,
        CheckKind::Trivy(asked) => scan::look_trivy(asked, scene, tools).await,
        CheckKind::Scan(asked) => scan::look(asked, scene, tools).await,
        CheckKind::Benchmark(asked) => benchmark::look(asked, scene, tools).await,
        CheckKind::Ci(asked) => ci::look(asked, scene, tools).await,
        CheckKind::Alerts(asked) => alerts::look(asked, scene, tools).await,
        CheckKind::Promql(asked) => promql::look(asked, scene, tools).await,
        CheckKind::Http(asked) => http::look(asked, scene, tools).await,
        CheckKind::Command(asked) => command::look(asked, scene, tools).await,
        CheckKind::Version(asked) => version::look(asked, scene, tools).await,
        CheckKind::Migrations(asked) => migrations::look(asked, scene, tools).await,
        CheckKind::Drift(asked) => drift::look(asked, scene, tools).await,
        CheckKind::Schedule(asked) => schedule::look(asked, scene, tools).await,
        CheckKind::Withheld => Evidence::blind(NOT_TRUSTED),
    }
}
