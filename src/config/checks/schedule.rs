//! `schedule`: allowed windows and freezes.

use crate::config::fields::Section;
use crate::config::reader::{Reader, Table};

/// Allowed windows and freezes.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {}

/// What the table may hold.
pub(in crate::config) static SECTION: Section =
    Section { header: "`schedule`", help: "Allowed windows and freezes.", needed: &[], fields: &[] };

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(_reader: &mut Reader, _table: &Table<'_>) -> Option<Schedule> {
    Some(Schedule {})
}
