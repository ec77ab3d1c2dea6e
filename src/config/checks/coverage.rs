//! `coverage`: line coverage, from LCOV or Cobertura XML.

use super::files::{self, Files};
use crate::config::fields::{Kind, Section, field};
use crate::config::reader::{Reader, Table};

/// Line coverage is at least so much.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage {
    /// LCOV or Cobertura XML, told by what is in them.
    pub files: Files,
    /// Least share of lines that are hit, over all files, in percent.
    pub at_least: f64,
}

/// What holds without `at_least`, in percent.
const AT_LEAST: f64 = 80.0;

/// What the table may hold.
pub(in crate::config) static SECTION: Section = Section {
    header: "`coverage`",
    help: "Enough lines are covered by tests, by LCOV or Cobertura XML reports.",
    needed: &["files"],
    fields: &[
        files::FILES,
        files::AGE,
        field("at_least", Kind::Number(0.0, Some(100.0)), "80", "Least share of covered lines, in percent."),
    ],
};

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Coverage> {
    let at_least = reader.number(table, "at_least", 0.0, Some(100.0)).unwrap_or(AT_LEAST);
    Some(Coverage { files: files::read(reader, table)?, at_least })
}
