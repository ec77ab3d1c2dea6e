//! The journal's entries as sentences.

use super::model::Level;
use crate::domain::action::Outcome;
use crate::domain::journal::Entry;

/// Returns an entry in one sentence.
#[must_use]
pub fn sentence(entry: &Entry) -> String {
    match entry {
        Entry::Opened { release, program, .. } => format!("journal of {release} begun by cockpit {program}"),
        Entry::Observed { text, .. } => text.clone(),
        Entry::Intent { operator, plan, .. } => format!("{operator} asked: {}", plan.headline),
        Entry::Answer { request, answer, .. } => format!("request {request} answered: {answer}"),
        Entry::Outcome { outcome, .. } => outcome.words(),
        Entry::Note { who, text } => format!("{who}: {text}"),
    }
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
    match entry {
        Entry::Opened { .. } => "opened",
        Entry::Observed { .. } => "seen",
        Entry::Intent { .. } => "asked",
        Entry::Answer { .. } => "answer",
        Entry::Outcome { .. } => "outcome",
        Entry::Note { .. } => "note",
    }
}
