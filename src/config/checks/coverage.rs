//! `coverage`: line coverage, from LCOV, Cobertura, JaCoCo, Clover or Go.

use super::files::{self, Files};
use crate::config::reader::{Reader, Table};
use crate::config::section::{Section, keys};

/// Line coverage is at least so much.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage {
    /// Reports of any of them, told by what is in them.
    pub files: Files,
    /// Least share of lines that are hit, over all files, in percent.
    pub at_least: f64,
}

pub(in crate::config) const SECTION: Section = Section {
    header: "`coverage`",
    help: "Enough lines are covered by tests, by reports of LCOV, Cobertura, JaCoCo, Clover or Go.",
    needed: &["files"],
    groups: &[files::FIELDS, FIELDS],
};

keys! {
    Coverage = unset();
    at_least: number(0.0..=100.0), "Least share of covered lines, in percent.";
}

fn unset() -> Coverage {
    Coverage { files: Files::default(), at_least: 80.0 }
}

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Coverage> {
    let mut coverage = unset();
    read_keys(reader, table, &mut coverage);
    if let Some(value) = table.get("at_least").filter(|_| coverage.at_least <= 0.0) {
        let what = "`at_least` is 0: the check would never fail";
        reader.note(value.span().start, what, "write for example at_least = 80");
    }
    // Less than one percent is a share of one that was meant.
    if let Some(value) = table.get("at_least").filter(|_| coverage.at_least > 0.0 && coverage.at_least <= 1.0) {
        let meant = (coverage.at_least * 10_000.0).round() / 100.0;
        let what = format!("`at_least` is {}, and it is in percent", coverage.at_least);
        reader.note(value.span().start, what, format!("did you mean {meant}?"));
    }
    coverage.files = files::read(reader, table)?;
    Some(coverage)
}
