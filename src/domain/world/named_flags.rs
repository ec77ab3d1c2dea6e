//! Which flags a release names, beside those of the config: in its commits, and in the code that it brings.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::flags::FlagSource;
use crate::domain::facts::changes::{Changes, CodeFlag, short};

/// What names a flag of the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// `of_release` of the config.
    Config,
    /// The trailer of a commit, by its hash.
    Commit(String),
    /// A line of code that the release brings.
    Code { file: Arc<str>, line: u32 },
}

impl NamedBy {
    fn code(flag: &CodeFlag) -> Self {
        Self::Code { file: Arc::clone(&flag.file), line: flag.line }
    }
}

impl fmt::Display for NamedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config => f.write_str("config"),
            Self::Commit(hash) => write!(f, "commit {}", short(hash)),
            Self::Code { file, line } => write!(f, "{file}:{line}"),
        }
    }
}

/// A flag that the release names.
#[derive(Clone, Debug)]
struct Named {
    by: NamedBy,
    /// Whether it is meant as a flag; else it is the name of one only where a provider lists it.
    is_flag: bool,
}

/// Flags that the commits and the code of a release name, by their names.
#[derive(Clone, Debug, Default)]
pub struct NamedFlags(BTreeMap<String, Named>);

impl NamedFlags {
    /// Reads them, once for all frames: there may be thousands of flags, and of texts in the code.
    pub(super) fn new(changes: Option<&Changes>, sources: &[FlagSource]) -> Self {
        let mut all = BTreeMap::new();
        let Some(changes) = changes else { return Self(all) };
        for (name, commit) in changes.flags() {
            let named = || Named { by: NamedBy::Commit(commit.hash.clone()), is_flag: true };
            all.entry(name.to_owned()).or_insert_with(named);
        }
        let Some(code) = changes.code.known() else { return Self(all) };
        for flag in code.calls() {
            all.entry(flag.name.clone()).or_insert_with(|| Named { by: NamedBy::code(flag), is_flag: true });
        }
        let listed = sources.iter().flat_map(|source| source.flags.iter());
        for found in listed.filter_map(|flag| code.named(&flag.name)) {
            all.entry(found.name.clone()).or_insert_with(|| Named { by: NamedBy::code(found), is_flag: false });
        }
        Self(all)
    }

    /// Returns all of them, in the order of their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &NamedBy)> {
        self.0.iter().map(|(name, named)| (name.as_str(), &named.by))
    }

    /// Returns those that are flags whether a provider lists them or not.
    pub(super) fn flags(&self) -> impl Iterator<Item = (&str, &NamedBy)> {
        self.0.iter().filter(|(_, named)| named.is_flag).map(|(name, named)| (name.as_str(), &named.by))
    }
}
