//! `drift`: what differs from the environment before.

use crate::config::fields::Section;
use crate::config::reader::{Reader, Table};

/// What differs from the environment before.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {}

/// What the table may hold.
pub(in crate::config) static SECTION: Section =
    Section { header: "`drift`", help: "What differs from the environment before.", needed: &[], fields: &[] };

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(_reader: &mut Reader, _table: &Table<'_>) -> Option<Drift> {
    Some(Drift {})
}
