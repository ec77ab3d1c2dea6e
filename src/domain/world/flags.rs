//! Feature flags as they are known of one environment.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Environment;
use crate::domain::facts::flag::{Flag, FlagKey, ProviderKind};
use crate::domain::facts::freshness::{Heard, Link};
use crate::domain::facts::ids::EnvName;

/// What the config says of a provider of feature flags, for one environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagSettings {
    /// Its name in the config.
    pub provider: String,
    /// What of it stands for this environment: address, project and environment there.
    pub place: String,
    /// Flags that belong to the release, by name.
    pub of_release: Vec<String>,
    #[serde(default)]
    pub kind: ProviderKind,
    /// Other environments of ours that are the same place.
    #[serde(default)]
    pub shared_with: Vec<EnvName>,
}

/// A provider of feature flags and what it said last.
#[derive(Clone, Debug)]
pub struct FlagSource {
    pub settings: FlagSettings,
    pub heard: Heard,
    /// In the order of their names.
    pub flags: Arc<Vec<Flag>>,
}

impl FlagSource {
    pub(super) fn new(settings: FlagSettings) -> Self {
        Self { settings, heard: Heard::default(), flags: Arc::default() }
    }

    /// Returns a flag, where the provider named it.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<&Flag> {
        self.at(name).and_then(|at| self.flags.get(at))
    }

    fn at(&self, name: &str) -> Option<usize> {
        self.flags.binary_search_by(|flag| flag.name.as_str().cmp(name)).ok()
    }

    fn take(&mut self, mut flags: Arc<Vec<Flag>>) {
        if !flags.is_sorted_by(|a, b| a.name <= b.name) {
            Arc::make_mut(&mut flags).sort_by(|a, b| a.name.cmp(&b.name));
        }
        self.flags = flags;
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
            source.take(flags);
        }
    }

    /// Returns a provider of feature flags.
    #[must_use]
    pub fn flag_source(&self, provider: &str) -> Option<&FlagSource> {
        self.flags.iter().find(|source| source.settings.provider == provider)
    }

    /// Returns the flags that commits of the release name.
    fn flags_of_commits(&self) -> BTreeSet<&str> {
        let changes = self.changes.as_ref().and_then(|(_, changes)| changes.as_ref().ok());
        changes.into_iter().flat_map(|changes| changes.flags()).collect()
    }

    /// Returns the flags that the release names and that are not listed: by a provider of the config, or by none for those that
    /// a commit names.
    #[must_use]
    pub fn unlisted_flags(&self) -> BTreeSet<&str> {
        let of_config = self.flags.iter().flat_map(|source| {
            let named = source.settings.of_release.iter().map(String::as_str);
            named.filter(|name| source.flag(name).is_none())
        });
        let is_listed = |name: &&str| self.flags.iter().any(|source| source.flag(name).is_some());
        of_config.chain(self.flags_of_commits().into_iter().filter(|name| !is_listed(name))).collect()
    }

    /// Returns all flags with their providers: those of the release first, each part in the order of the providers and of
    /// the names.
    #[must_use]
    pub fn listed_flags(&self) -> Vec<ListedFlag<'_>> {
        if self.flags.is_empty() {
            return Vec::new();
        }
        let of_commits = self.flags_of_commits();
        let (mut first, mut rest) = (Vec::new(), Vec::with_capacity(self.flags.iter().map(|s| s.flags.len()).sum()));
        for source in &self.flags {
            // There may be thousands, and this is asked for every frame: only those of the release are looked for.
            let named = source.settings.of_release.iter().map(String::as_str).chain(of_commits.iter().copied());
            let of_release: BTreeSet<usize> = named.filter_map(|name| source.at(name)).collect();
            let mut of_release = of_release.into_iter().peekable();
            for (at, flag) in source.flags.iter().enumerate() {
                let of_release = of_release.next_if_eq(&at).is_some();
                let list = if of_release { &mut first } else { &mut rest };
                list.push(ListedFlag { source, flag, of_release });
            }
        }
        first.append(&mut rest);
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
