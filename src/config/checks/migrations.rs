//! `migrations`: database migrations of the release.

use crate::config::fields::Section;
use crate::config::reader::{Reader, Table};

/// Database migrations of the release.
#[derive(Clone, Debug, PartialEq)]
pub struct Migrations {}

/// What the table may hold.
pub(in crate::config) static SECTION: Section =
    Section { header: "`migrations`", help: "Database migrations of the release.", needed: &[], fields: &[] };

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(_reader: &mut Reader, _table: &Table<'_>) -> Option<Migrations> {
    Some(Migrations {})
}
