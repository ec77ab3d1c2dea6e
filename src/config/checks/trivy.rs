//! `trivy`: findings of Trivy as JSON.

use crate::config::fields::Section;
use crate::config::reader::{Reader, Table};

/// Findings of Trivy as JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Trivy {}

/// What the table may hold.
pub(in crate::config) static SECTION: Section =
    Section { header: "`trivy`", help: "Findings of Trivy as JSON.", needed: &[], fields: &[] };

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(_reader: &mut Reader, _table: &Table<'_>) -> Option<Trivy> {
    Some(Trivy {})
}
