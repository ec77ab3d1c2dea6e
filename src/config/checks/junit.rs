//! `junit`: JUnit XML reports.

use super::files::{self, Files};
use crate::config::reader::{Reader, Table};
use crate::config::section::Section;

/// JUnit XML reports: no test failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Junit {
    /// The reports. A folder means all `*.xml` in it, however deep.
    pub files: Files,
}

pub(in crate::config) const SECTION: Section = Section {
    header: "`junit`",
    help: "No test failed, by JUnit XML reports. A folder means all *.xml in it.",
    needed: &["files"],
    groups: &[files::FIELDS],
};

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Junit> {
    Some(Junit { files: files::read(reader, table)? })
}
