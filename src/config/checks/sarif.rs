//! `sarif`: findings of scanners and linters as SARIF.

use crate::config::fields::Section;
use crate::config::reader::{Reader, Table};

/// Findings of scanners and linters as SARIF.
#[derive(Clone, Debug, PartialEq)]
pub struct Sarif {}

/// What the table may hold.
pub(in crate::config) static SECTION: Section =
    Section { header: "`sarif`", help: "Findings of scanners and linters as SARIF.", needed: &[], fields: &[] };

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(_reader: &mut Reader, _table: &Table<'_>) -> Option<Sarif> {
    Some(Sarif {})
}
