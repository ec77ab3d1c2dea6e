//! `command`: the result of a program.

use std::path::PathBuf;

use crate::config::argv;
use crate::config::reader::{Reader, Table};
use crate::config::section::{Field, Kind, Section};

/// A program ends with success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments. No shell is involved.
    pub argv: Vec<String>,
    pub dir: PathBuf,
}

pub(in crate::config) const SECTION: Section = Section {
    header: "`command`",
    help: "A program ends with exit code 0. No shell is involved; its environment is PATH, HOME, LANG, TERM, TMPDIR and \
           COCKPIT_ENV, COCKPIT_SERVICE, COCKPIT_VERSION, COCKPIT_COMMIT, COCKPIT_IMAGES.",
    needed: &["argv"],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("argv", Kind::Words, "The program and its arguments, e.g. [\"scripts/smoke\", \"--quick\"]."),
    Field::new("dir", Kind::Text, "Where it runs; without it the folder of the config file."),
];

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Command> {
    let dir = match table.get("dir") {
        Some(_) => reader.path(table, "dir"),
        None => Some(reader.folder.clone()),
    };
    if table.get("argv").is_none() {
        let help = "no shell is involved: write the program and its arguments as [\"program\", \"argument\"]";
        reader.note(table.at, "`command` has no `argv`", help);
        return None;
    }
    Some(Command { argv: argv::read(reader, table, "argv")?, dir: dir? })
}
