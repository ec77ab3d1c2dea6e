//! `sarif`: findings of static analysis, as SARIF 2.1.

use super::files::{self, Files};
use crate::config::reader::{Reader, Table};
use crate::config::section::{Section, keys, words};

/// No finding at or above a level.
#[derive(Clone, Debug, PartialEq)]
pub struct Sarif {
    pub files: Files,
    /// The lowest level that counts.
    pub level: Level,
    /// The lowest score for security that counts whatever the level, 0 to 10; `None` where the level alone counts.
    pub security_severity: Option<f64>,
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
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

pub(in crate::config) const SECTION: Section = Section {
    header: "`sarif`",
    help: "Static analysis found nothing at or above a level, by SARIF 2.1 reports.",
    needed: &["files"],
    groups: &[files::FIELDS, FIELDS],
};

keys! {
    Sarif = unset();
    level: word(Level), "The lowest level that counts.";
    security_severity: number_or_off(0.0..=10.0),
        "The lowest `security-severity` that counts whatever the level; 7 is high. `false` where the level alone counts.";
}

fn unset() -> Sarif {
    Sarif { files: Files::default(), level: Level::default(), security_severity: Some(7.0) }
}

words!(Level);

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Sarif> {
    let mut asked = unset();
    read_keys(reader, table, &mut asked);
    asked.files = files::read(reader, table)?;
    Some(asked)
}
