//! `trivy`: findings of Trivy in an image, a file system or a configuration, as its JSON.

use super::files::{self, Files};
use crate::config::reader::{Reader, Table};
use crate::config::section::{Section, keys, words};

/// No vulnerability, misconfiguration, secret or licence at or above a severity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trivy {
    pub files: Files,
    /// The lowest severity that counts.
    pub severity: Severity,
}

/// Severity of a finding, in rising order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// `LOW`
    Low,
    /// `MEDIUM`
    Medium,
    /// `HIGH`
    High,
    /// `CRITICAL`
    #[default]
    Critical,
}

impl Severity {
    /// All severities, the worst first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];

    /// Returns the word in config and report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}

pub(in crate::config) const SECTION: Section = Section {
    header: "`trivy`",
    help: "Trivy found nothing at or above a severity, by its reports (`--format json`).",
    needed: &["files"],
    groups: &[files::FIELDS, FIELDS],
};

keys! {
    Trivy = Trivy::default();
    severity: word(Severity), "The lowest severity that counts.";
}

words!(Severity);

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Trivy> {
    let mut asked = Trivy::default();
    read_keys(reader, table, &mut asked);
    asked.files = files::read(reader, table)?;
    Some(asked)
}
