//! `junit`: JUnit XML reports.

use crate::config::fields::Section;
use crate::config::reader::{Reader, Table};

/// JUnit XML reports.
#[derive(Clone, Debug, PartialEq)]
pub struct Junit {}

/// What the table may hold.
pub(in crate::config) static SECTION: Section =
    Section { header: "`junit`", help: "JUnit XML reports.", needed: &[], fields: &[] };

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(_reader: &mut Reader, _table: &Table<'_>) -> Option<Junit> {
    Some(Junit {})
}
