//! `command`: a program and its exit code.

use crate::config::fields::Section;
use crate::config::reader::{Reader, Table};

/// A program and its exit code.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {}

/// What the table may hold.
pub(in crate::config) static SECTION: Section =
    Section { header: "`command`", help: "A program and its exit code.", needed: &[], fields: &[] };

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(_reader: &mut Reader, _table: &Table<'_>) -> Option<Command> {
    Some(Command {})
}
