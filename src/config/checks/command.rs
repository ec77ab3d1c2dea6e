//! `command`: the result of a program.

use std::path::PathBuf;

use toml::de::DeValue;

use crate::config::reader::{At, Reader, Table};
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
    let help = "no shell is involved: write the program and its arguments as [\"program\", \"argument\"]";
    let dir = match table.get("dir") {
        Some(_) => reader.path(table, "dir"),
        None => Some(reader.folder.clone()),
    };
    if table.get("argv").is_none() {
        reader.note(table.at, "`command` has no `argv`", help);
        return None;
    }
    let list = reader.list(table, "argv", help)?;
    let mut argv = Vec::new();
    for word in list {
        // Unlike other text, an argument may be empty.
        match word.get_ref() {
            DeValue::String(text) if !text.contains('\0') => argv.push(text.to_string()),
            _ => reader.note(word.span().start, "a word of `argv` must be text in quotes", help),
        }
    }
    let at = table.key_at("argv");
    match argv.first_mut() {
        None => {
            reader.note(at, "`argv` is empty", help);
            return None;
        }
        Some(program) if program.trim().is_empty() => {
            reader.note(at, "the first word of `argv` is the program, and is empty", help);
            return None;
        }
        // A name is looked for in PATH; a path starts where all paths do.
        Some(program) if program.contains('/') => {
            let path = reader.path_of(&At { value: program.clone(), at }, "argv")?;
            *program = path.to_string_lossy().into_owned();
        }
        Some(_) => {}
    }
    (argv.len() == list.len()).then_some(Command { argv, dir: dir? })
}
