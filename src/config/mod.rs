//! Configuration: what file, environment and flags say, checked and plain.
//!
//! - [`Config`] is what the rest works with; [`Config::load`] finds, reads and checks the file and lets flags override it.
//! - [`secret`] knows where secrets come from; what is secret stands in no config.

pub mod checks;
pub mod counters;
pub mod fields;
pub mod file;
pub mod flags;
pub mod init;
pub mod problem;
pub mod prometheus;
pub mod query;
mod reader;
mod rules;
pub mod schema;
pub mod secret;
pub mod ui;

use std::path::PathBuf;

use crate::domain::checklist::{How, SignOffRules};
use crate::domain::guardrails::Guardrails;
use crate::domain::ids::{EnvName, WorkloadId};
use crate::domain::verdict::Limits;
use crate::domain::world::EnvSettings;
use crate::keys::Keymap;
use crate::platform::Variables;
use crate::platform::kubeconfig::Cluster;
use crate::platform::variables::NoStateFolder;
use analysis::Rules;

pub use checks::CheckConfig;
pub use counters::{CounterSettings, OwnCounters, Selector};
pub use file::Place;
pub use flags::Flags;
pub use problem::{ConfigError, Problem};
pub use prometheus::{Auth, HeaderText, Preset, Prometheus};
pub use secret::{Revealed, Secret};
pub use ui::{Glyphs, LogLevel, Theme, Ui};

/// What is configured, checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Name of the service, where it is not that of its workload.
    pub service: Option<String>,
    /// Folder of the service's git repository, where one is configured.
    pub repository: Option<PathBuf>,
    /// What stands before the version in the names of its tags, where it is not `v`.
    pub tag_prefix: Option<String>,
    /// Environments in promotion order. Empty where neither file nor flags name one: see [`Config::assume`].
    pub environments: Vec<EnvConfig>,
    /// What holds for an environment that the file does not name.
    pub defaults: EnvDefaults,
    /// How the screen may look and behave.
    pub ui: Ui,
    /// Keys in force.
    pub keymap: Keymap,
    /// Folder of the journals, where it is configured: see [`Config::journals`].
    pub journal_dir: Option<PathBuf>,
    /// How much goes to the log file.
    pub log: LogLevel,
    /// The file that was read, if any.
    pub origin: Option<Origin>,
}

/// The file that a config was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Where it lies.
    pub path: PathBuf,
    /// SHA-256 of its bytes, hex: what the journal records of it.
    pub hash: String,
}

/// One environment.
#[derive(Clone, Debug, PartialEq)]
pub struct EnvConfig {
    /// Name.
    pub name: EnvName,
    /// Kube context; `None` is the current one.
    pub context: Option<String>,
    /// Namespace; `None` is the default one of the context.
    pub namespace: Option<String>,
    /// Workloads to watch, in order; empty means those that are found in the namespace.
    pub workloads: Vec<WorkloadId>,
    /// Promotion wants its name typed.
    pub protected: bool,
    /// Nothing may be changed.
    pub read_only: bool,
    /// Its metrics, if any.
    pub prometheus: Option<Prometheus>,
    /// Limits on its signals.
    pub limits: Limits,
    /// What the judge keeps to.
    pub rules: Rules,
    /// What the judge's word leads to.
    pub guardrails: Guardrails,
    /// Its checklist.
    pub checks: Vec<CheckConfig>,
    /// Who has to sign.
    pub sign_offs: SignOffRules,
}

/// What holds for an environment that the file does not name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnvDefaults {
    /// Namespace.
    pub namespace: Option<String>,
    /// Workloads.
    pub workloads: Vec<WorkloadId>,
    /// Nothing may be changed.
    pub read_only: bool,
    /// Metrics.
    pub prometheus: Option<Prometheus>,
    /// Limits.
    pub limits: Limits,
    /// What the judge keeps to.
    pub rules: Rules,
    /// What the judge's word leads to.
    pub guardrails: Guardrails,
    /// The checklist.
    pub checks: Vec<CheckConfig>,
    /// Who has to sign.
    pub sign_offs: SignOffRules,
}

impl EnvDefaults {
    /// Makes the environment that a context is, named after it.
    fn environment(&self, context: &str) -> EnvConfig {
        EnvConfig {
            name: EnvName::new(context),
            context: Some(context.to_owned()),
            namespace: self.namespace.clone(),
            workloads: self.workloads.clone(),
            protected: false,
            read_only: self.read_only,
            prometheus: self.prometheus.clone(),
            limits: self.limits.clone(),
            rules: self.rules.clone(),
            guardrails: self.guardrails.clone(),
            checks: self.checks.clone(),
            sign_offs: self.sign_offs.clone(),
        }
    }
}

impl EnvConfig {
    /// Returns whether what people say has to be shared: somebody has to sign, or a manual check is a gate.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        let asks = |check: &CheckConfig| check.spec.gate && check.spec.how == How::Manual;
        !self.sign_offs.roles.is_empty() || self.checks.iter().any(asks)
    }

    /// Returns the settings for the world: with the names that the cluster resolved, and what was found in the
    /// namespace where no workloads are configured.
    #[must_use]
    pub fn settings(&self, cluster: &Cluster, found: &[WorkloadId]) -> EnvSettings {
        EnvSettings {
            name: self.name.clone(),
            context: cluster.context.clone(),
            namespace: self.namespace.clone().unwrap_or_else(|| cluster.namespace.clone()),
            protected: self.protected,
            read_only: self.read_only,
            has_metrics: self.prometheus.is_some(),
            limits: self.limits.clone(),
            rules: self.rules.clone(),
            guardrails: self.guardrails.clone(),
            workloads: if self.workloads.is_empty() { found.to_vec() } else { self.workloads.clone() },
            checks: self.checks.iter().map(|check| check.spec.clone()).collect(),
            sign_offs: self.sign_offs.clone(),
        }
    }
}

impl Config {
    /// Adds the environment of the current context, named after it, where none is configured.
    pub fn assume(&mut self, context: &str) {
        if self.environments.is_empty() {
            self.environments.push(self.defaults.environment(context));
        }
    }

    /// Returns the folder of the journals. It need not exist: see [`crate::platform::private_files::private_dir`].
    pub fn journals(&self, variables: &Variables) -> Result<PathBuf, NoStateFolder> {
        match &self.journal_dir {
            Some(folder) => Ok(folder.clone()),
            None => Ok(variables.state_dir()?.join("journals")),
        }
    }
}
