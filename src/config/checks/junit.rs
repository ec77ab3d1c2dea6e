//! `junit`: JUnit XML reports.

use super::files::{self, Files};
use crate::config::reader::{Reader, Table};
use crate::config::section::{Section, keys, words};

/// JUnit XML reports: no test failed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Junit {
    /// The reports. A folder means all `*.xml` in it, however deep.
    pub files: Files,
    /// What a test means that passed at a later attempt.
    pub flaky: Flaky,
}

/// What a flaky test counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flaky {
    /// `pass`
    #[default]
    Pass,
    /// `fail`
    Fail,
}

impl Flaky {
    pub const ALL: [Self; 2] = [Self::Pass, Self::Fail];

    /// Returns the word in config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
        }
    }
}

pub(in crate::config) const SECTION: Section = Section {
    header: "`junit`",
    help: "No test failed, by JUnit XML reports. A folder means all *.xml in it.",
    needed: &["files"],
    groups: &[files::FIELDS, FIELDS],
};

keys! {
    Junit = Junit::default();
    flaky: word(Flaky), "A test that failed, and passed when it was run again: `pass` or `fail`.";
}

words!(Flaky);

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Junit> {
    let mut asked = Junit::default();
    read_keys(reader, table, &mut asked);
    asked.files = files::read(reader, table)?;
    Some(asked)
}
