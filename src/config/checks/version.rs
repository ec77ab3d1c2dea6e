//! `version`: the version and its tag.

use crate::config::fields::Section;
use crate::config::reader::{Reader, Table};

/// The version and its tag.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {}

/// What the table may hold.
pub(in crate::config) static SECTION: Section =
    Section { header: "`version`", help: "The version and its tag.", needed: &[], fields: &[] };

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(_reader: &mut Reader, _table: &Table<'_>) -> Option<Version> {
    Some(Version {})
}
