//! Feature flags that the code of a release names: in calls of the SDKs that ask for them, or as a text that is the name of one.
//!
//! Only lines count that came since what is stable. A name in a call is that of a flag, whether a provider has it or not; any other
//! text is one only where a provider lists a flag of that name.

mod diff;
mod files;
mod finder;
mod sdk;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::facts::text::has_unsafe;

pub use files::{Language, SKIPPED, is_skipped};
pub use finder::{Finder, Found, group_of};
pub use sdk::Sdk;

/// Which code is looked at, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeSearch {
    pub is_on: bool,
    /// Whether calls of the known SDKs count.
    pub sdks: bool,
    /// Patterns of files that are not looked at, besides [`SKIPPED`].
    pub skip: Vec<String>,
    /// Calls of the user's own.
    pub calls: Vec<OwnCall>,
}

impl Default for CodeSearch {
    fn default() -> Self {
        Self { is_on: true, sdks: true, skip: Vec::new(), calls: Vec::new() }
    }
}

/// A call of the user's own that asks for a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnCall {
    /// Patterns of the files that have it.
    pub files: Vec<String>,
    /// A regular expression; its first group is the name.
    pub pattern: String,
}

/// A name that the code of the release has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeFlag {
    pub name: String,
    /// Relative to the folder of the repository.
    pub file: Arc<str>,
    pub line: u32,
    /// Whether it is asked for as a flag; else it is a text that may be the name of one.
    pub is_call: bool,
}

/// All names that the code of the release has, in the order of the names, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeFlags(Vec<CodeFlag>);

impl CodeFlags {
    /// Takes them in any order; of one name, a call comes first.
    #[must_use]
    pub fn new(mut all: Vec<CodeFlag>) -> Self {
        // Stable: of equals the first that was found stays.
        all.sort_by(|a, b| a.name.cmp(&b.name).then(b.is_call.cmp(&a.is_call)));
        all.dedup_by(|later, first| later.name == first.name);
        Self(all)
    }

    /// Returns what is asked for as a flag.
    pub fn calls(&self) -> impl Iterator<Item = &CodeFlag> {
        self.0.iter().filter(|flag| flag.is_call)
    }

    /// Returns where a name stands, in a call or as a text.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&CodeFlag> {
        self.0.binary_search_by(|flag| flag.name.as_str().cmp(name)).ok().and_then(|at| self.0.get(at))
    }
}

/// Longest name of a flag that is looked for, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// Whether a flag can have this name.
fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len()) && text.trim() == text && !has_unsafe(text)
}

#[cfg(test)]
mod tests;
