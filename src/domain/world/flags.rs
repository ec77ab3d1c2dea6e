//! Feature flags as they are known of one environment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::flag_rollouts::{FlagRolloutState, UsersCompared};
use super::named_flags::{NamedBy, NamedFlags};
use super::verdict::{CanaryReport, Reason, Verdict};
use super::{Environment, WorkloadState};
use crate::domain::facts::changes::Changes;
use crate::domain::facts::flag::of_release::{ReleaseFlag, ReleaseFlags};
use crate::domain::facts::flag::rollout::FlagRollout;
use crate::domain::facts::flag::{Flag, FlagKey, ProviderKind};
use crate::domain::facts::freshness::{Heard, Link};
use crate::domain::facts::ids::EnvName;

/// What names the flags of `of_release`.
const CONFIG: &NamedBy = &NamedBy::Config;

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
    /// Flags of it that go to more users step by step.
    #[serde(default)]
    pub rollouts: Vec<FlagRollout>,
}

/// A provider of feature flags and what it said last.
#[derive(Clone, Debug)]
pub struct FlagSource {
    pub settings: FlagSettings,
    pub heard: Heard,
    /// In the order of their names.
    pub flags: Arc<Vec<Flag>>,
    /// As in the settings.
    pub rollouts: Vec<FlagRolloutState>,
}

impl FlagSource {
    /// Makes one that has said nothing yet.
    #[must_use]
    pub fn new(settings: FlagSettings) -> Self {
        let rollouts = settings.rollouts.iter().cloned().map(FlagRolloutState::new).collect();
        Self { settings, heard: Heard::default(), flags: Arc::default(), rollouts }
    }

    /// Returns how a flag is that goes to more users step by step.
    #[must_use]
    pub fn rollout(&self, flag: &str) -> Option<&FlagRolloutState> {
        self.rollouts.iter().find(|rollout| rollout.settings.flag == flag)
    }

    /// Returns a flag, where the provider named it.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<&Flag> {
        self.at(name).and_then(|at| self.flags.get(at))
    }

    fn at(&self, name: &str) -> Option<usize> {
        self.flags.binary_search_by(|flag| flag.name.as_str().cmp(name)).ok()
    }

    fn take(&mut self, mut flags: Arc<Vec<Flag>>, at: Option<Timestamp>) {
        if !flags.is_sorted_by(|a, b| a.name <= b.name) {
            Arc::make_mut(&mut flags).sort_by(|a, b| a.name.cmp(&b.name));
        }
        self.flags = flags;
        let Some(at) = at else { return };
        for rollout in &mut self.rollouts {
            let flag = self.flags.binary_search_by(|flag| flag.name.cmp(&rollout.settings.flag)).ok();
            rollout.saw(flag.and_then(|at| self.flags.get(at)).map(|flag| flag.state), at);
        }
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
            let was_heard = source.heard.at.is_some();
            source.heard.hear(link, at, now);
            // What did not change comes as the same list.
            let is_same = Arc::ptr_eq(&source.flags, &flags);
            let is_first = source.heard.at.is_some() && !was_heard;
            source.take(flags, at);
            if !is_same || is_first {
                self.name_flags();
            }
        }
    }

    pub(in crate::domain) fn take_comparison(&mut self, provider: &str, flag: &str, compared: UsersCompared) {
        let source = self.flags.iter_mut().find(|source| source.settings.provider == provider);
        let rollout =
            source.and_then(|source| source.rollouts.iter_mut().find(|rollout| rollout.settings.flag == flag));
        if let Some(rollout) = rollout {
            rollout.found(compared);
        }
    }

    pub(in crate::domain) fn take_changes(&mut self, subject: String, gathered: Result<Arc<Changes>, String>) {
        self.changes = Some((subject, gathered));
        self.name_flags();
    }

    /// Finds the flags that commits and code of the release name.
    fn name_flags(&mut self) {
        let changes = self.changes.as_ref().and_then(|(_, changes)| changes.as_deref().ok());
        self.named_flags = NamedFlags::new(changes, &self.flags);
        self.note_release_flags();
    }

    /// Notes how the flags of the release are: also those that the analysis of a canary knows, and that nothing names at the moment.
    pub(in crate::domain) fn note_release_flags(&mut self) {
        let known: Vec<&ReleaseFlags> =
            self.workloads.iter().filter_map(WorkloadState::opinion).filter_map(|said| said.flags.as_deref()).collect();
        let mut all = ReleaseFlags::default();
        for source in self.flags.iter().filter(|source| source.heard.at.is_some()) {
            let of_config = source.settings.of_release.iter().map(String::as_str);
            let of_analysis = known.iter().flat_map(|flags| flags.names(&source.settings.provider));
            for name in of_config.chain(of_analysis).chain(self.named_flags.iter().map(|(name, _)| name)) {
                let flag = ReleaseFlag::of(source.flag(name), source.settings.kind.taken_up_in());
                all.insert(&source.settings.provider, name, flag);
            }
        }
        if *self.release_flags != all {
            self.release_flags = Arc::new(all);
        }
    }

    /// Says why what the analysis found of a canary may be about other flags than those of now; `None` where it is not.
    pub(in crate::domain) fn flags_unknown_to(&self, said: &CanaryReport) -> Option<Reason> {
        let known = said.flags.as_ref()?;
        if let Some(source) =
            self.flags.iter().find(|source| self.may_change(source, known) && source.heard.at.is_none())
        {
            let why = source.heard.link.why().unwrap_or("it has not answered yet");
            let text = format!("flags of the release unknown: {}: {why}", source.settings.provider);
            return Some(Reason { verdict: Verdict::Blind, text });
        }
        let is_told = known.covers(&self.release_flags);
        let text = "waiting: the analysis has not taken in the release's flags yet";
        (!is_told).then(|| Reason { verdict: Verdict::Wait, text: text.to_owned() })
    }

    /// Whether a provider has flags of the release, as far as that is known of one that has not answered.
    fn may_change(&self, source: &FlagSource, known: &ReleaseFlags) -> bool {
        !source.settings.of_release.is_empty()
            || known.has_any_of(&source.settings.provider)
            || self.named_flags.flags().next().is_some()
    }

    /// Returns how the flags of the release are, as far as their providers have answered.
    #[must_use]
    pub fn release_flags(&self) -> &Arc<ReleaseFlags> {
        &self.release_flags
    }

    /// Returns a provider of feature flags.
    #[must_use]
    pub fn flag_source(&self, provider: &str) -> Option<&FlagSource> {
        self.flags.iter().find(|source| source.settings.provider == provider)
    }

    /// Returns a flag and its provider by the name of both; where that provider does not list it, of another one that does.
    #[must_use]
    pub fn same_flag(&self, provider: &str, name: &str) -> Option<(&FlagSource, &Flag)> {
        let own = self.flag_source(provider).into_iter();
        own.chain(&self.flags).find_map(|source| Some((source, source.flag(name)?)))
    }

    /// Returns the flags that the release names and that are not listed, with what names them: by a provider of the config, or by
    /// none for those that a commit or a call in the code names.
    #[must_use]
    pub fn unlisted_flags(&self) -> BTreeMap<&str, &NamedBy> {
        let is_listed = |name: &str| self.flags.iter().any(|source| source.flag(name).is_some());
        let mut unlisted: BTreeMap<&str, &NamedBy> =
            self.named_flags.flags().filter(|(name, _)| !is_listed(name)).collect();
        unlisted.extend(self.flags.iter().flat_map(|source| {
            let named = source.settings.of_release.iter().filter(|name| source.flag(name).is_none());
            named.map(|name| (name.as_str(), CONFIG))
        }));
        unlisted
    }

    /// Returns all flags with their providers: those of the release first, each part in the order of the providers and of
    /// the names.
    #[must_use]
    pub fn listed_flags(&self) -> Vec<ListedFlag<'_>> {
        if self.flags.is_empty() {
            return Vec::new();
        }
        let (mut first, mut rest) = (Vec::new(), Vec::with_capacity(self.flags.iter().map(|s| s.flags.len()).sum()));
        for source in &self.flags {
            // There may be thousands, and this is asked for every frame: both are in order, and gone through once.
            let of_config: BTreeSet<usize> =
                source.settings.of_release.iter().filter_map(|name| source.at(name)).collect();
            let (mut of_config, mut named) = (of_config.into_iter().peekable(), self.named_flags.iter().peekable());
            for (at, flag) in source.flags.iter().enumerate() {
                while named.next_if(|(name, _)| *name < flag.name.as_str()).is_some() {}
                let of_changes = named.next_if(|(name, _)| *name == flag.name.as_str()).map(|(_, by)| by);
                let named_by = of_config.next_if_eq(&at).map(|_| CONFIG).or(of_changes);
                let list = if named_by.is_some() { &mut first } else { &mut rest };
                list.push(ListedFlag { source, flag, of_release: named_by.is_some(), named_by });
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
    /// What says so.
    pub named_by: Option<&'a NamedBy>,
}

impl ListedFlag<'_> {
    /// Returns what an action on it is about.
    #[must_use]
    pub fn key(&self, env: &Environment) -> FlagKey {
        let provider = self.source.settings.provider.clone();
        FlagKey { env: env.name().clone(), provider, flag: self.flag.name.clone() }
    }
}
