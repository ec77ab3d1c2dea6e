//! `coverage`: coverage reports, LCOV or Cobertura.

use crate::config::fields::Section;
use crate::config::reader::{Reader, Table};

/// Coverage reports, LCOV or Cobertura.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage {}

/// What the table may hold.
pub(in crate::config) static SECTION: Section =
    Section { header: "`coverage`", help: "Coverage reports, LCOV or Cobertura.", needed: &[], fields: &[] };

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(_reader: &mut Reader, _table: &Table<'_>) -> Option<Coverage> {
    Some(Coverage {})
}
