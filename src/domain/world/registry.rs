//! Registries as they are known of one environment: what each is asked about, and what it said.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Environment;
use crate::domain::facts::freshness::{Link, MAX_CLOCK_SKEW};
use crate::domain::facts::registry::{Repository, Stored, StoredImage};

/// How long an answer counts. It is asked for about every minute: a digest cannot change, but can be deleted.
pub const FRESH_FOR: SignedDuration = SignedDuration::from_secs(150);

/// What the config says of a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrySettings {
    /// As images name it.
    pub host: String,
    /// Whether a signature or attestation has to be listed for what is promoted.
    pub require_signature: bool,
}

/// Where an environment pulls images from that come from elsewhere in the environment before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagesFrom {
    /// Registry or repository there, and in its place here; also of what is below.
    pub map: BTreeMap<String, String>,
    /// Whether a file names them that nobody trusts: nothing is released past it.
    #[serde(default)]
    pub is_withheld: bool,
}

impl ImagesFrom {
    /// Returns the repository here of one there, by the longest entry that fits; `None` where none does.
    #[must_use]
    pub fn repository(&self, there: &str) -> Option<String> {
        let there = Repository::parse(there).to_string();
        let fits = |(from, to): (&String, &String)| {
            let rest = there.strip_prefix(from.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| (from.len(), format!("{to}{rest}")))
        };
        self.map.iter().filter_map(fits).max_by_key(|(length, _)| *length).map(|(_, to)| to)
    }
}

/// An answer, and when it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    pub at: Timestamp,
    pub stored: Stored,
}

impl Looked {
    /// Whether it still counts.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.at);
        (-MAX_CLOCK_SKEW..=FRESH_FOR).contains(&age)
    }
}

/// All that a registry said of images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers(#[serde(with = "crate::domain::facts::serde_pairs")] pub BTreeMap<StoredImage, Looked>);

/// A registry and what it said last.
#[derive(Clone, Debug)]
pub struct RegistryState {
    pub settings: RegistrySettings,
    /// Whether it can be asked, or why not.
    pub link: Link,
    pub answers: Arc<Answers>,
}

impl RegistryState {
    pub(super) fn new(settings: RegistrySettings) -> Self {
        Self { settings, link: Link::Never, answers: Arc::default() }
    }
}

impl Environment {
    pub(in crate::domain) fn take_registry(&mut self, host: &str, link: Link, answers: Arc<Answers>) {
        if let Some(registry) = self.registries.iter_mut().find(|registry| registry.settings.host == host) {
            (registry.link, registry.answers) = (link, answers);
        }
    }

    /// Returns the registry of a repository, where it is one that is asked.
    #[must_use]
    pub fn registry_of(&self, repository: &Repository) -> Option<&RegistryState> {
        self.registries.iter().find(|registry| registry.settings.host == repository.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn map(entries: &[(&str, &str)]) -> ImagesFrom {
        let own = |(from, to): &(&str, &str)| ((*from).to_owned(), (*to).to_owned());
        ImagesFrom { map: entries.iter().map(own).collect(), is_withheld: false }
    }

    #[test]
    fn the_longest_entry_counts_and_only_at_the_end_of_a_part() {
        let map =
            map(&[("a.example", "b.example"), ("a.example/team", "c.example/x"), ("docker.io/library", "d.example")]);
        let at = |there: &str| map.repository(there);
        assert_eq!(at("a.example/api").as_deref(), Some("b.example/api"));
        assert_eq!(at("a.example/team/api").as_deref(), Some("c.example/x/api"));
        assert_eq!(at("a.example/teams/api").as_deref(), Some("b.example/teams/api"));
        assert_eq!(at("a.example.org/api"), None);
        assert_eq!(at("a.example:5000/api"), None);
        assert_eq!(at("nginx").as_deref(), Some("d.example/nginx"));
    }

    proptest! {
        #[test]
        fn an_answer_counts_for_its_time_and_not_from_the_future(age in -400_i64..400) {
            let now = Timestamp::from_second(10_000).unwrap();
            let looked = Looked { at: now - SignedDuration::from_secs(age), stored: Stored::Absent };
            prop_assert_eq!(looked.is_fresh(now), (-2..=150).contains(&age));
        }
    }
}
