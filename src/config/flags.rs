//! Command-line flags that override the config file.

use std::path::PathBuf;

use reqwest::Url;

use super::{Config, Glyphs, LogLevel, Prometheus, Theme};
use crate::domain::facts::ids::WorkloadId;

/// What the command line says over the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flags {
    /// The file to read, instead of looking for one.
    pub config: Option<PathBuf>,
    /// Contexts to look at: one environment each.
    pub contexts: Vec<String>,
    pub namespace: Option<String>,
    pub workloads: Vec<WorkloadId>,
    pub prometheus: Option<Url>,
    /// Nothing may be changed, anywhere.
    pub read_only: bool,
    pub theme: Option<Theme>,
    /// ASCII characters only.
    pub ascii: bool,
    /// How much goes to the log file.
    pub log: Option<LogLevel>,
}

impl Config {
    /// Lets flags override what the file says.
    ///
    /// A context that the file knows keeps the environments it has there, with their protection and limits; one that
    /// it does not know becomes an environment of its own, named after it.
    #[must_use]
    pub fn with_flags(mut self, flags: &Flags) -> Self {
        if !flags.contexts.is_empty() {
            let mut chosen = Vec::new();
            for context in &flags.contexts {
                let is_it = |env: &super::EnvConfig| env.context.as_ref() == Some(context);
                if self.environments.iter().any(is_it) {
                    chosen.extend(self.environments.iter().filter(|env| is_it(env)).cloned());
                } else {
                    chosen.push(self.defaults.of_context(context));
                }
            }
            self.environments = chosen;
        }
        for env in &mut self.environments {
            env.namespace = flags.namespace.clone().or(env.namespace.take());
            if !flags.workloads.is_empty() {
                env.settings.workloads.clone_from(&flags.workloads);
            }
            env.settings.read_only |= flags.read_only;
            point_at(&mut env.prometheus, flags.prometheus.as_ref());
        }
        self.defaults.namespace.clone_from(&flags.namespace);
        self.defaults.settings.workloads.clone_from(&flags.workloads);
        self.defaults.settings.read_only = flags.read_only;
        point_at(&mut self.defaults.prometheus, flags.prometheus.as_ref());
        self.ui.theme = flags.theme.unwrap_or(self.ui.theme);
        if flags.ascii {
            self.ui.glyphs = Glyphs::Ascii;
        }
        self.log.level = flags.log.unwrap_or(self.log.level);
        self
    }
}

/// Points the metrics of an environment at another server; the rest of their settings stays.
fn point_at(prometheus: &mut Option<Prometheus>, url: Option<&Url>) {
    if let Some(url) = url {
        match prometheus {
            Some(prometheus) => prometheus.url = url.clone(),
            None => *prometheus = Some(Prometheus::at(url.clone())),
        }
    }
}
