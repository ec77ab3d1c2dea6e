//! `junit`: JUnit XML reports.

use super::files::{self, Files};
use crate::config::fields::Section;
use crate::config::reader::{Reader, Table};

/// JUnit XML reports: no test failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Junit {
    /// The reports. A folder means all `*.xml` in it, however deep.
    pub files: Files,
}

/// What the table may hold.
pub(in crate::config) static SECTION: Section = Section {
    header: "`junit`",
    help: "No test failed, by JUnit XML reports. A folder means all *.xml in it.",
    needed: &["files"],
    fields: &[files::FILES, files::AGE],
};

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Junit> {
    Some(Junit { files: files::read(reader, table)? })
}
