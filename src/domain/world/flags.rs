//! Feature flags as they are known of one environment.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Environment;
use crate::domain::facts::flag::{Flag, FlagKey};
use crate::domain::facts::freshness::{Heard, Link};

/// What the config says of a provider of feature flags, for one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagSettings {
    /// Its name in the config.
    pub provider: String,
    /// What of it stands for this environment: address, project and environment there. No two of them are the same.
    pub place: String,
    /// Flags that belong to the release, by name.
    pub of_release: Vec<String>,
}

/// A provider of feature flags and what it said last.
#[derive(Clone, Debug)]
pub struct FlagSource {
    pub settings: FlagSettings,
    pub heard: Heard,
    pub flags: Arc<Vec<Flag>>,
}

impl FlagSource {
    pub(super) fn new(settings: FlagSettings) -> Self {
        Self { settings, heard: Heard::default(), flags: Arc::default() }
    }

    /// Returns a flag, where the provider named it.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<&Flag> {
        self.flags.iter().find(|flag| flag.name == name)
    }
}

impl Environment {
    pub(in crate::domain) fn take_flags(
        &mut self,
        provider: &str,
        (link, at): (Link, Option<Timestamp>),
        flags: Arc<Vec<Flag>>,
        now: Timestamp,
    ) {
        let found = self.flags.iter_mut().find(|source| source.settings.provider == provider);
        if let Some(source) = found {
            source.heard.hear(link, at, now);
            source.flags = flags;
        }
    }

    /// Returns a provider of feature flags.
    #[must_use]
    pub fn flag_source(&self, provider: &str) -> Option<&FlagSource> {
        self.flags.iter().find(|source| source.settings.provider == provider)
    }

    /// Whether a flag is named as one of the release.
    #[must_use]
    pub fn is_flag_of_release(&self, source: &FlagSource, flag: &str) -> bool {
        source.settings.of_release.iter().any(|name| name == flag)
    }

    /// Returns all flags with their providers: those of the release first, each part in the order of the providers and of
    /// the names.
    #[must_use]
    pub fn listed_flags(&self) -> Vec<ListedFlag<'_>> {
        let of = |source| {
            let listed =
                move |flag| ListedFlag { source, flag, of_release: self.is_flag_of_release(source, &flag.name) };
            source.flags.iter().map(listed)
        };
        let (mut first, rest): (Vec<_>, Vec<_>) = self.flags.iter().flat_map(of).partition(|listed| listed.of_release);
        first.extend(rest);
        first
    }
}

/// A flag in the list of an environment.
#[derive(Clone, Copy, Debug)]
pub struct ListedFlag<'a> {
    pub source: &'a FlagSource,
    pub flag: &'a Flag,
    /// Whether it belongs to the release.
    pub of_release: bool,
}

impl ListedFlag<'_> {
    /// Returns what an action on it is about.
    #[must_use]
    pub fn key(&self, env: &Environment) -> FlagKey {
        let provider = self.source.settings.provider.clone();
        FlagKey { env: env.name().clone(), provider, flag: self.flag.name.clone() }
    }
}
