//! Command-line flags that override the config file.

use std::path::PathBuf;

use reqwest::Url;

use super::{Config, EnvConfig, Glyphs, LogLevel, Prometheus, Theme};
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
    /// Lets flags override what the file says, and notes which did.
    ///
    /// Flags choose what is shown and acted on; they loosen nothing. A context that the file knows keeps the environments it
    /// has there, and those before them, which they are compared with. One that the file does not know becomes an environment
    /// of its own, named after it. Where that, or metrics from another server than the file names, differs from what the
    /// file promises, promotions want the name typed.
    #[must_use]
    pub fn with_flags(mut self, flags: &Flags) -> Self {
        self.overrides = overrides(flags);
        if !flags.contexts.is_empty() {
            self.choose(&flags.contexts);
        }
        for env in self.environments.iter_mut().filter(|env| !env.settings.compared_only) {
            env.namespace = flags.namespace.clone().or(env.namespace.take());
            if !flags.workloads.is_empty() {
                env.settings.workloads.clone_from(&flags.workloads);
            }
            env.settings.read_only |= flags.read_only;
            let metrics = env.prometheus.as_ref().or(env.withheld_metrics.as_ref());
            let elsewhere = metrics.zip(flags.prometheus.as_ref());
            env.settings.protected |= elsewhere.is_some_and(|(own, flag)| own.url != *flag);
            // Metrics of a flag are not what the file asks for.
            env.settings.is_declared &= flags.prometheus.is_none();
            point_at(env, flags.prometheus.as_ref());
        }
        self.defaults.namespace.clone_from(&flags.namespace);
        self.defaults.settings.workloads.clone_from(&flags.workloads);
        self.defaults.settings.read_only = flags.read_only;
        point_at(&mut self.defaults, flags.prometheus.as_ref());
        self.ui.theme = flags.theme.unwrap_or(self.ui.theme);
        if flags.ascii {
            self.ui.glyphs = Glyphs::Ascii;
        }
        self.log.level = flags.log.unwrap_or(self.log.level);
        self
    }
}

impl Config {
    fn choose(&mut self, contexts: &[String]) {
        let is_chosen = |env: &EnvConfig| env.context.as_ref().is_some_and(|context| contexts.contains(context));
        let last = self.environments.iter().rposition(is_chosen).map_or(0, |last| last + 1);
        let has_file = !self.environments.is_empty();
        let known: Vec<EnvConfig> = self.environments.drain(..).take(last).collect();
        for mut env in known {
            if !is_chosen(&env) {
                env.settings.compared_only = true;
                env.settings.read_only = true;
            }
            self.environments.push(env);
        }
        for context in contexts {
            let in_file = |env: &EnvConfig| env.context.as_ref() == Some(context);
            if !self.environments.iter().any(in_file) {
                let mut env = self.defaults.of_context(context);
                env.settings.protected |= has_file;
                self.environments.push(env);
            }
        }
    }
}

/// The flags that change what is looked at or acted on, as they are typed.
fn overrides(flags: &Flags) -> Vec<String> {
    let contexts = flags.contexts.iter().map(|context| format!("--context {context}"));
    let namespace = flags.namespace.iter().map(|namespace| format!("--namespace {namespace}"));
    let workloads = flags.workloads.iter().map(|workload| format!("--workload {workload}"));
    // Without what may be secret in it.
    let prometheus = flags.prometheus.iter().map(|url| format!("--prometheus {}", url.origin().ascii_serialization()));
    contexts.chain(namespace).chain(workloads).chain(prometheus).collect()
}

/// Points the metrics of an environment at another server; the rest of their settings stays.
fn point_at(env: &mut EnvConfig, url: Option<&Url>) {
    if let Some(url) = url {
        let settings = env.prometheus.take().or_else(|| env.withheld_metrics.take());
        env.prometheus = Some(match settings {
            Some(settings) => Prometheus { url: url.clone(), ..settings },
            None => Prometheus::at(url.clone()),
        });
    }
}
