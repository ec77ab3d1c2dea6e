//! `ci`: builds of the commit at GitHub, GitLab or Jenkins.

use crate::config::fields::Section;
use crate::config::reader::{Reader, Table};

/// Builds of the commit at GitHub, GitLab or Jenkins.
#[derive(Clone, Debug, PartialEq)]
pub struct Ci {}

/// What the table may hold.
pub(in crate::config) static SECTION: Section =
    Section { header: "`ci`", help: "Builds of the commit at GitHub, GitLab or Jenkins.", needed: &[], fields: &[] };

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(_reader: &mut Reader, _table: &Table<'_>) -> Option<Ci> {
    Some(Ci {})
}
