//! `scan`: findings of a scanner of dependencies, images or configurations, as its JSON.

use super::files::{self, Files};
use super::trivy::Severity;
use crate::config::reader::{Reader, Table};
use crate::config::section::{Section, keys};

/// No finding at or above a severity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scan {
    /// Reports of any scanner that is known, told by what is in them.
    pub files: Files,
    /// The lowest severity that counts.
    pub severity: Severity,
}

pub(in crate::config) const SECTION: Section = Section {
    header: "`scan`",
    help: "A scanner found nothing at or above a severity, by JSON of Trivy, Grype, OSV-Scanner, npm audit, cargo audit or Snyk.",
    needed: &["files"],
    groups: &[files::FIELDS, FIELDS],
};

keys! {
    Scan = Scan::default();
    severity: word(Severity), "The lowest severity that counts.";
}

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Scan> {
    let mut asked = Scan::default();
    read_keys(reader, table, &mut asked);
    asked.files = files::read(reader, table)?;
    Some(asked)
}
