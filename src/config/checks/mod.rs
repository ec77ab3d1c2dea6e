//! The checklist as it is configured: `[[checks]]`, each answered in one way.
//!
//! Each kind of evidence is a file here, with what it may be told, and one in `sources/checks`, which looks.

pub mod alerts;
pub mod benchmark;
pub mod ci;
pub mod command;
pub mod coverage;
pub mod drift;
pub mod http;
pub mod junit;
pub mod migrations;
pub mod promql;
pub mod sarif;
pub mod schedule;
pub mod template;
pub mod trivy;
pub mod version;

mod builtin;
pub mod files;
mod web;

use jiff::SignedDuration;

use super::reader::{Reader, Table};
use crate::domain::checklist::CheckSpec;
use crate::domain::ids::EnvName;

pub use alerts::Alerts;
pub use benchmark::Benchmark;
pub use builtin::defaults;
pub use ci::Ci;
pub use command::Command;
pub use coverage::Coverage;
pub use drift::Drift;
pub use http::Http;
pub use junit::Junit;
pub use migrations::Migrations;
pub use promql::Promql;
pub use sarif::Sarif;
pub use schedule::Schedule;
pub use trivy::Trivy;
pub use version::Version;

/// One line of the checklist.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckConfig {
    /// What it asks for.
    pub spec: CheckSpec,
    /// The environments it is about; empty for all.
    pub environments: Vec<EnvName>,
    /// What a source has to look for; `None` where a person or the world answers.
    pub kind: Option<CheckKind>,
    /// How long a look may take.
    pub timeout: SignedDuration,
}

impl CheckConfig {
    /// How long a look may take, unless something else is said.
    pub const TIMEOUT: SignedDuration = SignedDuration::from_secs(30);

    /// Returns whether it is about an environment.
    #[must_use]
    pub fn is_for(&self, env: &EnvName) -> bool {
        self.environments.is_empty() || self.environments.contains(env)
    }
}

/// What a source looks for.
#[derive(Clone, Debug, PartialEq)]
pub enum CheckKind {
    /// See [`junit`].
    Junit(Junit),
    /// See [`coverage`].
    Coverage(Coverage),
    /// See [`sarif`].
    Sarif(Sarif),
    /// See [`trivy`].
    Trivy(Trivy),
    /// See [`benchmark`].
    Benchmark(Benchmark),
    /// See [`ci`].
    Ci(Ci),
    /// See [`alerts`].
    Alerts(Alerts),
    /// See [`promql`].
    Promql(Promql),
    /// See [`http`].
    Http(Http),
    /// See [`command`].
    Command(Command),
    /// See [`version`].
    Version(Version),
    /// See [`migrations`].
    Migrations(Migrations),
    /// See [`drift`].
    Drift(Drift),
    /// See [`schedule`].
    Schedule(Schedule),
}

impl CheckKind {
    /// The words of all kinds, in the order of the config's documentation.
    pub const WORDS: [&str; 14] = [
        "junit",
        "coverage",
        "sarif",
        "trivy",
        "benchmark",
        "ci",
        "alerts",
        "promql",
        "http",
        "command",
        "version",
        "migrations",
        "drift",
        "schedule",
    ];

    /// Returns the word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Junit(_) => "junit",
            Self::Coverage(_) => "coverage",
            Self::Sarif(_) => "sarif",
            Self::Trivy(_) => "trivy",
            Self::Benchmark(_) => "benchmark",
            Self::Ci(_) => "ci",
            Self::Alerts(_) => "alerts",
            Self::Promql(_) => "promql",
            Self::Http(_) => "http",
            Self::Command(_) => "command",
            Self::Version(_) => "version",
            Self::Migrations(_) => "migrations",
            Self::Drift(_) => "drift",
            Self::Schedule(_) => "schedule",
        }
    }
}

impl CheckKind {
    /// Returns how long its answers hold, unless the check says so: what looks at something live grows old quickly,
    /// what was measured of the artifact holds as long as the artifact.
    #[must_use]
    pub fn fresh(&self) -> Option<SignedDuration> {
        match self {
            Self::Alerts(_) | Self::Promql(_) => Some(SignedDuration::from_secs(30)),
            Self::Schedule(_) => Some(SignedDuration::from_mins(1)),
            Self::Http(_) => Some(SignedDuration::from_mins(2)),
            Self::Ci(_) | Self::Drift(_) => Some(SignedDuration::from_mins(5)),
            _ => None,
        }
    }
}

/// Reads what a kind is told; `None` where something needed is missing, which is noted.
pub(super) fn read_kind(reader: &mut Reader, word: &str, table: &Table<'_>) -> Option<CheckKind> {
    match word {
        "junit" => junit::read(reader, table).map(CheckKind::Junit),
        "coverage" => coverage::read(reader, table).map(CheckKind::Coverage),
        "sarif" => sarif::read(reader, table).map(CheckKind::Sarif),
        "trivy" => trivy::read(reader, table).map(CheckKind::Trivy),
        "benchmark" => benchmark::read(reader, table).map(CheckKind::Benchmark),
        "ci" => ci::read(reader, table).map(CheckKind::Ci),
        "alerts" => alerts::read(reader, table).map(CheckKind::Alerts),
        "promql" => promql::read(reader, table).map(CheckKind::Promql),
        "http" => http::read(reader, table).map(CheckKind::Http),
        "command" => command::read(reader, table).map(CheckKind::Command),
        "version" => Some(CheckKind::Version(version::read(reader, table))),
        "migrations" => Some(CheckKind::Migrations(migrations::read(reader, table))),
        "drift" => Some(CheckKind::Drift(drift::read(reader, table))),
        "schedule" => Some(CheckKind::Schedule(schedule::read(reader, table))),
        _ => None,
    }
}
