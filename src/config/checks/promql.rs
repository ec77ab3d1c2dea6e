//! `promql`: a query with a condition.

use crate::config::fields::Section;
use crate::config::reader::{Reader, Table};

/// A query with a condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Promql {}

/// What the table may hold.
pub(in crate::config) static SECTION: Section =
    Section { header: "`promql`", help: "A query with a condition.", needed: &[], fields: &[] };

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(_reader: &mut Reader, _table: &Table<'_>) -> Option<Promql> {
    Some(Promql {})
}
