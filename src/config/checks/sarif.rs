//! `sarif`: what static analysis found, as SARIF 2.1.

use super::files::{self, Files};
use crate::config::fields::{Kind, Section, field};
use crate::config::reader::{Reader, Table};

/// No finding at or above a level.
#[derive(Clone, Debug, PartialEq)]
pub struct Sarif {
    /// The reports.
    pub files: Files,
    /// The lowest level that counts.
    pub level: Level,
}

/// Level of a result, in rising order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// `note`
    Note,
    /// `warning`
    Warning,
    /// `error`
    #[default]
    Error,
}

impl Level {
    /// All levels, the worst first.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Note];

    /// Returns the word in config and SARIF.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What the table may hold.
pub(in crate::config) static SECTION: Section = Section {
    header: "`sarif`",
    help: "Static analysis found nothing at or above a level, by SARIF 2.1 reports.",
    needed: &["files"],
    fields: &[
        files::FILES,
        files::AGE,
        field("level", Kind::Word(levels), "\"error\"", "The lowest level that counts."),
    ],
};

fn levels() -> Vec<&'static str> {
    Level::ALL.map(Level::word).to_vec()
}

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Sarif> {
    let level = reader.word(table, "level", &Level::ALL.map(|level| (level.word(), level))).unwrap_or_default();
    Some(Sarif { files: files::read(reader, table)?, level })
}
