//! `version`: the version and its tag.

use crate::config::reader::{Reader, Table};
use crate::config::section::Section;
use serde::{Deserialize, Serialize};

/// The version is a semantic one, its tag is there and points at the commit that was built, and it is large enough for
/// the commits since the last one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Version {}

pub(in crate::config) const SECTION: Section = Section {
    header: "`version`",
    help: "The version is semantic, tagged, and large enough for the commits since the last one. Wants a git repository.",
    needed: &[],
    groups: &[],
};

pub(super) fn read(_reader: &mut Reader, _table: &Table<'_>) -> Version {
    Version {}
}
