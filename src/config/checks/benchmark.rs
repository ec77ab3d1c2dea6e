//! `benchmark`: a figure in a JSON file against a baseline.

use crate::config::fields::Section;
use crate::config::reader::{Reader, Table};

/// A figure in a JSON file against a baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Benchmark {}

/// What the table may hold.
pub(in crate::config) static SECTION: Section =
    Section { header: "`benchmark`", help: "A figure in a JSON file against a baseline.", needed: &[], fields: &[] };

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(_reader: &mut Reader, _table: &Table<'_>) -> Option<Benchmark> {
    Some(Benchmark {})
}
