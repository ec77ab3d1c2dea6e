//! `http`: a smoke test over HTTP.

use crate::config::fields::Section;
use crate::config::reader::{Reader, Table};

/// A smoke test over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct Http {}

/// What the table may hold.
pub(in crate::config) static SECTION: Section =
    Section { header: "`http`", help: "A smoke test over HTTP.", needed: &[], fields: &[] };

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(_reader: &mut Reader, _table: &Table<'_>) -> Option<Http> {
    Some(Http {})
}
