//! `migrations`: database migrations of the release.

use std::path::PathBuf;

use crate::config::reader::{Reader, Table};
use crate::config::section::{Kind, Section, Word, keys};
use crate::domain::facts::changes::migration::Class;

/// The database migrations of the release can be gone back from.
#[derive(Clone, Debug, PartialEq)]
pub struct Migrations {
    /// Patterns of their files, relative to the repository's folder, or without one to [`Self::folder`].
    pub files: Vec<String>,
    /// The gravest class that is allowed.
    pub allow: Class,
    /// Whether each needs a way down.
    pub down: bool,
    /// The folder of the config file.
    pub folder: PathBuf,
}

/// The files that are looked at, unless something else is said.
const FILES: &str = "migrations/**/*.sql";

/// What may be allowed: what cannot be distinguished never is.
impl Word for Class {
    const VALUES: &'static [Self] = &[Self::Expand, Self::Contract];

    fn as_str(self) -> &'static str {
        self.as_str()
    }
}

pub(in crate::config) const SECTION: Section = Section {
    header: "`migrations`",
    help: "The database migrations of the release are reversible: the version before works with them.",
    needed: &[],
    groups: &[FIELDS],
};

keys! {
    Migrations = unset();
    files: by_hand(Kind::TextList, "[\"migrations/**/*.sql\"]"),
        "Patterns of their files, relative to the git repository, or without one to the config file.";
    allow: word(Class), "`expand`: only what adds. `contract`: also what takes away, tightens or destroys.";
    down: flag, "Each has a way down.";
}

fn unset() -> Migrations {
    Migrations { files: Vec::new(), allow: Class::Expand, down: true, folder: PathBuf::new() }
}

pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Migrations {
    let mut files = Vec::new();
    let list = reader.list(table, "files", "write for example [\"db/migrations/*.sql\"]");
    for item in list.into_iter().flatten() {
        let Some(pattern) = reader.text_of(item, "files") else { continue };
        match glob::Pattern::new(&pattern.value) {
            Ok(_) => files.push(pattern.value),
            Err(error) => reader.note(
                pattern.at,
                format!("`{}` is no pattern: {}", pattern.value, error.msg),
                "`*` matches a part of a name, `**` any folders",
            ),
        }
    }
    if list.is_some_and(|list| list.is_empty()) {
        reader.note(table.key_at("files"), "`files` is empty", "leave the key out, or name the files");
    }
    if list.is_none() {
        files.push(FILES.to_owned());
    }
    let mut asked = Migrations { files, folder: reader.folder.clone(), ..unset() };
    read_keys(reader, table, &mut asked);
    asked
}
