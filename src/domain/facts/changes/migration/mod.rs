//! Database migrations: can the version before live with them, and can they be gone back from?
//!
//! A release that is rolled back runs its old code on the new schema. So a migration may add (expand), and must not take
//! away or tighten (contract) what the old code still uses.
//!
//! - [`sql`] reads statements and classes them, [`files`] knows how tools name files and sections, [`liquibase`] which parts of
//!   a file that grows are new.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub mod files;
pub mod liquibase;
pub mod sql;

/// What a statement does to the version before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Class {
    /// It adds, or loosens: compatible with the version before.
    Expand,
    /// There is no telling from the statement alone.
    Unclear,
    /// It takes away, tightens or destroys.
    Contract,
}

impl Class {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expand => "expand",
            Self::Unclear => "unclear",
            Self::Contract => "contract",
        }
    }
}

/// One statement of a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Its line in the file, from 1.
    pub line: u64,
    /// What it does, in few words of SQL, e.g. `DROP COLUMN email of users`.
    pub what: String,
    /// What that means for the version before.
    pub class: Class,
    /// Why, in words; empty where it goes without saying.
    pub why: Cow<'static, str>,
    /// Whether data is lost that no way down brings back.
    #[serde(default)]
    pub loses_data: bool,
}

/// What could not be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The line, from 1.
    pub line: u64,
    pub why: String,
}

/// What became of a file since it was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MigrationState {
    /// It comes with this release.
    New,
    /// It was released before, and is another one now: databases that ran it stay as they are.
    Changed,
    /// It was released before, and is missing now.
    Gone,
    /// It was released before in another file, and its tool does not know it again.
    Moved,
}

/// One migration of the release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// Its file, relative to the repository's folder.
    pub file: String,
    /// The change set of Liquibase that it is, where it is one of several in the file: `ada:1`.
    #[serde(default)]
    pub change_set: Option<String>,
    pub fate: MigrationState,
    /// Its statements, of the way up.
    pub statements: Vec<Statement>,
    /// Where reading it failed, if it did.
    pub unread: Option<Unread>,
    /// Where its way down stands: a file, or a section of its own; `None` where there is none.
    pub down: Option<String>,
    /// Whether nothing is in it, or only what a template has.
    pub is_down_empty: bool,
    /// What its way down does not undo, if there is such.
    #[serde(default)]
    pub left_behind: Option<String>,
    /// Whether its way down empties a table.
    #[serde(default)]
    pub is_down_lossy: bool,
    /// Whether it is run again whenever it changes: it needs no way down, and may change.
    pub repeatable: bool,
}

impl Migration {
    /// Makes a migration of its file. `files` are all files there are: its way down may be one of them.
    #[must_use]
    pub fn read(file: &str, text: &str, fate: MigrationState, files: &[String]) -> Self {
        let sections = files::sections(text);
        let (statements, unread) = sql::read(&sections.up, files::dialect(file));
        let down =
            if sections.down.is_some() { Some(format!("a section of {file}")) } else { files::down_of(file, files) };
        let repeatable = files::is_repeatable(file);
        let migration = Self {
            file: file.to_owned(),
            change_set: None,
            fate,
            statements,
            unread,
            down,
            is_down_empty: false,
            left_behind: None,
            is_down_lossy: false,
            repeatable,
        };
        match &sections.down {
            Some(down) => migration.with_down(text, down),
            None => migration,
        }
    }

    /// Adds what its way down has: `text` is its own file, `down` what the other file or section says.
    #[must_use]
    pub fn with_down(self, text: &str, down: &str) -> Self {
        let up = files::sections(text).up;
        // Liquibase lets people say that there is nothing to undo.
        let is_left_to_people = files::is_liquibase(text);
        let left_behind =
            if is_left_to_people { None } else { sql::left_behind(&up, down, files::dialect(&self.file)) };
        let is_down_lossy = sql::empties_tables(down, files::dialect(&self.file));
        Self { is_down_empty: sql::does_nothing(down), left_behind, is_down_lossy, ..self }
    }

    /// Makes one of a file that is gone.
    #[must_use]
    pub fn gone(file: &str) -> Self {
        let repeatable = files::is_repeatable(file);
        Self {
            file: file.to_owned(),
            change_set: None,
            fate: MigrationState::Gone,
            statements: Vec::new(),
            unread: None,
            down: None,
            is_down_empty: false,
            left_behind: None,
            is_down_lossy: false,
            repeatable,
        }
    }

    /// Returns its file, and which change set of it: `db/changelog.sql, change set ada:1`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.change_set {
            Some(change_set) => format!("{}, change set {change_set}", self.file),
            None => self.file.clone(),
        }
    }

    /// Returns the gravest class of its statements; at least unclear where it could not be read to its end.
    #[must_use]
    pub fn class(&self) -> Class {
        let rest = if self.unread.is_some() { Class::Unclear } else { Class::Expand };
        self.statements.iter().map(|statement| statement.class).fold(rest, Class::max)
    }

    /// Returns whether its file was released before and is another one now.
    #[must_use]
    pub fn is_tampered(&self) -> bool {
        self.fate != MigrationState::New && !self.repeatable
    }

    /// Returns whether it can be gone back from.
    #[must_use]
    pub fn has_way_down(&self) -> bool {
        let has_down = self.down.is_some() && !self.is_down_empty && self.left_behind.is_none();
        has_down || self.repeatable || self.fate == MigrationState::Gone
    }

    /// Returns whether going there and back loses data: what was dropped comes back empty.
    #[must_use]
    pub fn loses_data(&self) -> bool {
        self.is_down_lossy || self.statements.iter().any(|statement| statement.loses_data)
    }

    /// Returns its statements of a class as `FILE:LINE WHAT (why)`.
    pub fn lines(&self, class: Class) -> impl Iterator<Item = String> {
        self.statements.iter().filter(move |statement| statement.class == class).map(|statement| {
            let why = if statement.why.is_empty() { String::new() } else { format!(" ({})", statement.why) };
            format!("{}:{}: {}{why}", self.file, statement.line, statement.what)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreadable_migration_is_not_harmless() {
        let read = |text: &str| Migration::read("V2__a.sql", text, MigrationState::New, &[]);
        let broken = read("ALTER TABLE a ADD COLUMN b int; SELECT 'open");
        assert!(broken.unread.is_some());
        assert_eq!(broken.class(), Class::Unclear);
        assert_eq!(read("ALTER TABLE a ADD COLUMN b int;").class(), Class::Expand);
    }

    #[test]
    fn migration_knows_its_down_file_and_worst_statement() {
        let files = ["migrations/V2__drop.sql".to_owned(), "migrations/U2__drop.sql".to_owned()];
        let text = "ALTER TABLE users ADD COLUMN a TEXT;\n\nDROP TABLE old;\n";
        let migration = Migration::read(&files[0], text, MigrationState::New, &files);
        assert_eq!(migration.class(), Class::Contract);
        assert_eq!(migration.down.as_deref(), Some("migrations/U2__drop.sql"));
        assert_eq!(
            migration.lines(Class::Contract).collect::<Vec<_>>(),
            ["migrations/V2__drop.sql:3: DROP TABLE old (the version before may still use it)"]
        );
        assert!(!migration.is_tampered());
        assert!(Migration::read(&files[0], text, MigrationState::Changed, &files).is_tampered());
        assert!(!Migration::read("R__views.sql", "", MigrationState::Changed, &[]).is_tampered());
    }
}
