//! Configuration from file, environment variables and flags, validated.
//!
//! - [`Config`] is what the rest works with; [`Config::load`] finds, reads and checks the file and lets flags override it.
//! - Each section is a file, which tells its keys once (see [`section`]); [`document`] puts them together.
//! - [`secret`] knows where secrets come from; what is secret stands in no config.

mod argo_cd;
mod argv;
pub mod checks;
pub mod counters;
pub mod document;
pub mod environment;
pub mod feature_flags;
pub mod file;
pub mod flags;
mod flags_in_code;
mod freeze;
mod git;
mod guardrails;
pub mod headers;
pub mod init;
pub mod journal;
mod keys;
mod lanes;
mod limits;
pub mod log;
pub mod problem;
pub mod prometheus;
mod promote;
mod pull_requests;
pub mod query;
mod reader;
pub mod record;
pub mod registries;
pub mod schema;
pub mod secret;
pub mod section;
pub mod service;
mod sign_offs;
pub mod trust;
pub mod ui;
mod verdict;

use std::path::PathBuf;

use crate::domain::facts::changes::CodeSearch;
use crate::keys::Keymap;
use crate::platform::Variables;
use crate::platform::variables::NoStateFolder;

pub use checks::CheckConfig;
pub use counters::{CounterSettings, OwnCounters, Selector};
pub use environment::EnvConfig;
pub use feature_flags::{FlagDatabase, FlagProviderConfig, FlagProviderKind};
pub use file::{ConfigBase, FoundConfig};
pub use flags::Flags;
pub use headers::HeaderText;
pub use journal::JournalConfig;
pub use log::{LogConfig, LogLevel};
pub use problem::{ConfigError, Problem};
pub use prometheus::{Auth, Preset, Prometheus};
pub use promote::{PipelineAccess, PipelineConfig};
pub use pull_requests::PullRequestConfig;
pub use record::{RecordConfig, SignersFile};
pub use registries::{RegistryAccess, RegistryConfig, RegistryLogin};
pub use secret::{Revealed, Secret};
pub use service::Service;
pub use trust::{Need, NeedOf};
pub use ui::{Glyphs, Theme, Ui};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    pub service: Service,
    /// Environments in promotion order. Empty where neither file nor flags name one: see [`Config::assume`].
    pub environments: Vec<EnvConfig>,
    /// What holds for an environment that the file does not name: all but its name and context.
    pub defaults: EnvConfig,
    /// How the screen may look and behave.
    pub ui: Ui,
    pub keymap: Keymap,
    /// The record of what was seen and done.
    pub journal: JournalConfig,
    /// What people state, where others read it.
    pub record: RecordConfig,
    pub log: LogConfig,
    /// How feature flags are found in code.
    pub flags_in_code: CodeSearch,
    /// The file that was read, if any.
    pub origin: Option<Origin>,
    /// What was taken out of it, for nobody trusted it yet: see [`trust`].
    pub withheld: Vec<NeedOf>,
    /// Flags that change what is looked at or acted on, as they are typed.
    pub overrides: Vec<String>,
}

/// The file that a config was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub path: PathBuf,
    /// SHA-256 of its bytes, hex: what the journal records of it.
    pub hash: String,
    /// The user's own config, which would be read if this one did not lie in the working folder.
    pub instead_of: Option<PathBuf>,
}

impl Config {
    /// Adds the environment of the current context, named after it, where none is configured.
    pub fn assume(&mut self, context: &str) {
        if self.environments.is_empty() {
            self.environments.push(self.defaults.of_context(context));
        }
    }

    /// Returns what every intent says of the settings in force: hash of the file, and flags; `None` where there is neither.
    #[must_use]
    pub fn in_force(&self) -> Option<String> {
        let file = self.origin.iter().map(|origin| format!("sha256:{}", origin.hash));
        let parts: Vec<String> = file.chain(self.overrides.iter().cloned()).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    /// Returns the folder of the journals. It need not exist: see [`crate::platform::private_files::private_dir`].
    pub fn journals(&self, variables: &Variables) -> Result<PathBuf, NoStateFolder> {
        match &self.journal.dir {
            Some(folder) => Ok(folder.clone()),
            None => Ok(variables.state_dir()?.join("journals")),
        }
    }
}
