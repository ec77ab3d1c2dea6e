//! The journal's entries as sentences.

use super::model::Level;
use crate::domain::action::Outcome;
use crate::domain::journal::Entry;

/// Returns an entry in one sentence.
#[must_use]
pub fn sentence(entry: &Entry) -> String {
    entry.sentence()
}

/// Returns how weighty an entry is.
#[must_use]
pub fn level(entry: &Entry) -> Level {
    match entry {
        Entry::Outcome { outcome, .. } if outcome.is_done() => Level::Good,
        Entry::Outcome { outcome: Outcome::Refused { .. } | Outcome::FoundNotDone { .. }, .. } => Level::Error,
        Entry::Outcome { .. } => Level::Warn,
        _ => Level::Info,
    }
}

/// Returns the word for what kind of entry it is.
#[must_use]
pub fn kind(entry: &Entry) -> &'static str {
    entry.word()
}
