//! The checklist as configured: `[[checks]]`, each of one kind.
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
pub mod scan;
pub mod schedule;
pub mod template;
pub mod trivy;
pub mod version;

mod builtin;
pub(super) mod check;
pub mod files;
mod flag_rules;
pub(super) mod web;

use jiff::SignedDuration;

use super::reader::{Reader, Table};
use super::section::Field;
use crate::domain::facts::ids::EnvName;
use crate::domain::record::checklist::{CheckId, CheckPhase, CheckSpec, How};

pub use builtin::defaults;
pub(super) use check::share_out;

/// One line of the checklist.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckConfig {
    pub spec: CheckSpec,
    /// The environments it is about; empty for all.
    pub environments: Vec<EnvName>,
    /// What a source has to look for; `None` where a person or the world answers.
    pub kind: Option<CheckKind>,
    /// How long a look may take.
    pub timeout: SignedDuration,
}

impl CheckConfig {
    /// Makes a check that a person answers, before a release, for all environments.
    #[must_use]
    pub fn manual(id: &str) -> Self {
        let spec = CheckSpec {
            id: CheckId::new(id),
            title: id.to_owned(),
            phase: CheckPhase::Pre,
            gate: false,
            owner: None,
            how: How::Manual,
            fresh: None,
            runbook: None,
        };
        Self { spec, environments: Vec::new(), kind: None, timeout: SignedDuration::from_secs(30) }
    }

    /// Returns whether it is about an environment.
    #[must_use]
    pub fn is_for(&self, env: &EnvName) -> bool {
        self.environments.is_empty() || self.environments.contains(env)
    }
}

/// Makes the kinds: each is a file of its own, which holds the type, its `SECTION` and `read`.
macro_rules! kinds {
    ($($word:ident: $kind:ident),* $(,)?) => {
        $(pub use $word::$kind;)*

        /// What a source looks for.
        #[derive(Clone, Debug, PartialEq)]
        pub enum CheckKind {
            $(#[doc = concat!("See [`", stringify!($word), "`].")] $kind($kind),)*
            /// Nothing, until a person trusts the config: see [`trust`](super::trust).
            Withheld,
        }

        impl CheckKind {
            /// The words of all kinds, in the order of the config's documentation.
            pub const WORDS: &[&str] = &[$(stringify!($word)),*];

            #[must_use]
            pub fn as_str(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => stringify!($word),)*
                    Self::Withheld => "withheld",
                }
            }
        }

        /// The keys of all kinds.
        const KINDS: &[Field] = &[$(Field::table(stringify!($word), &$word::SECTION)),*];

        /// Reads what a kind is reported; `None` where something needed is missing, which is noted.
        fn read_kind(reader: &mut Reader, word: &str, table: &Table<'_>) -> Option<CheckKind> {
            match word {
                $(stringify!($word) => Option::from($word::read(reader, table)).map(CheckKind::$kind),)*
                _ => None,
            }
        }
    };
}

kinds! {
    junit: Junit,
    coverage: Coverage,
    sarif: Sarif,
    trivy: Trivy,
    scan: Scan,
    benchmark: Benchmark,
    ci: Ci,
    alerts: Alerts,
    promql: Promql,
    http: Http,
    command: Command,
    version: Version,
    migrations: Migrations,
    drift: Drift,
    schedule: Schedule,
}

impl CheckKind {
    /// Returns how long its answers hold, unless the check says so: what looks at something live grows old quickly,
    /// what was found out of the artifact itself holds as long as the artifact.
    #[must_use]
    pub fn fresh(&self) -> Option<SignedDuration> {
        match self {
            Self::Alerts(_) | Self::Promql(_) => Some(SignedDuration::from_secs(30)),
            Self::Schedule(_) => Some(SignedDuration::from_mins(1)),
            Self::Http(_) => Some(SignedDuration::from_mins(2)),
            Self::Ci(_) | Self::Drift(_) => Some(SignedDuration::from_mins(5)),
            // Looked at each minute: an answer that is older comes from a source that hangs.
            _ if self.reads_files() => Some(SignedDuration::from_mins(5)),
            _ => None,
        }
    }

    /// Returns whether it reads reports: files that may be written anew at any time.
    #[must_use]
    pub fn reads_files(&self) -> bool {
        matches!(
            self,
            Self::Junit(_) | Self::Coverage(_) | Self::Sarif(_) | Self::Trivy(_) | Self::Scan(_) | Self::Benchmark(_)
        )
    }
}
