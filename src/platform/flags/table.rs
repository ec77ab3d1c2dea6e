//! Feature flags in a table of the user's own, by statements of their own: one lists, the others turn a flag.

mod condition;
pub mod postgres;
mod rows;
pub mod sqlite;

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;

use condition::Condition;
use postgres::Postgres;
use sqlite::Sqlite;

use super::{FlagError, Known, ListsFlags, MAX_TEXT_CHARS};
use crate::domain::facts::flag::history::note_changes;
use crate::domain::facts::flag::statement::{ParameterValue, Statement};
use crate::domain::facts::flag::{Flag, Turn, table};
use crate::platform::Redactor;

/// How long a transaction may take in all, its connection included, in seconds.
const MAX_SECONDS: u64 = 10;
/// How long a statement may wait for a lock or run, in seconds: less, so that the server says that it took too long.
const MAX_STATEMENT_SECONDS: u64 = 8;

/// What lists and turns flags.
#[derive(Clone, Debug, PartialEq)]
pub struct Statements {
    pub list: Statement,
    pub off: Statement,
    pub on: Option<Statement>,
    /// Sets the share of users.
    pub set: Option<Statement>,
}

impl Statements {
    /// Returns those that there are.
    pub fn all(&self) -> impl Iterator<Item = &Statement> {
        [&self.list, &self.off].into_iter().chain(&self.on).chain(&self.set)
    }

    /// Returns those that turn a flag.
    pub fn turning(&self) -> impl Iterator<Item = &Statement> {
        self.all().skip(1)
    }

    fn of(&self, turn: Turn) -> Result<&Statement, NotTurned> {
        let (statement, what) = match turn {
            Turn::Off => return Ok(&self.off),
            Turn::On => (&self.on, "turns flags on"),
            Turn::Share(_) => (&self.set, "sets the share of a flag: add `set`"),
        };
        statement.as_ref().ok_or_else(|| NotTurned::Refused(format!("the config has no statement that {what}")))
    }
}

/// Where the table is. Cheap to clone.
#[derive(Clone)]
pub enum Database {
    Postgres(Postgres),
    Sqlite(Sqlite),
}

/// A table for one environment. Cheap to clone.
#[derive(Clone)]
pub struct FlagTable {
    pub database: Database,
    pub statements: Arc<Statements>,
    /// The environment as the table calls it.
    pub environment: String,
    pub redactor: Redactor,
}

/// A flag with the row that it was read from.
pub struct Read {
    pub flag: Flag,
    pub row: Value,
}

/// A statement with the values of its parameters.
#[derive(Clone, Debug)]
struct Bound {
    text: String,
    values: Vec<ParameterValue>,
}

/// Why a flag was not turned, or may not have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTurned {
    /// Nothing was committed; why.
    Refused(String),
    /// Somebody else changed it meanwhile: nothing was committed.
    Moved(String),
    /// It may have been committed.
    Unknown(String),
}

impl fmt::Display for NotTurned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) | Self::Moved(why) => write!(f, "nothing was committed: {why}"),
            Self::Unknown(why) => f.write_str(why),
        }
    }
}

impl ListsFlags for FlagTable {
    fn list<'a>(&'a self, known: &'a mut Known) -> BoxFuture<'a, Result<Vec<Flag>, FlagError>> {
        Box::pin(async move {
            let bound = self.list_bound();
            let rows = match &self.database {
                Database::Postgres(postgres) => postgres.rows_again(&bound).await,
                Database::Sqlite(sqlite) => sqlite.rows(bound).await,
            };
            let mut flags = self.flags(&rows.map_err(|error| self.told(error))?)?;
            let told: Vec<_> = flags.iter().map(|flag| flag.changes.clone()).collect();
            note_changes(&known.flags, &mut flags, None, Timestamp::now());
            // Where the table says who changed a flag, that is it.
            for (flag, changes) in flags.iter_mut().zip(told).filter(|(_, changes)| !changes.is_empty()) {
                flag.changes = changes;
            }
            Ok(flags)
        })
    }
}

impl FlagTable {
    /// Reads one flag; `None` where there is no row of it.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn read(&self, name: &str) -> Result<Option<Read>, FlagError> {
        let bound = self.list_bound();
        let rows = match &self.database {
            Database::Postgres(postgres) => postgres.rows(&bound).await,
            Database::Sqlite(sqlite) => sqlite.rows(bound).await,
        };
        let rows = rows.map_err(|error| self.told(error))?;
        let found = self.flags(&rows)?.into_iter().find(|flag| flag.name == name);
        let row = rows.iter().find(|row| row["name"] == name).cloned();
        Ok(found.zip(row).map(|(flag, row)| Read { flag, row }))
    }

    /// Turns a flag, once, in a transaction; returns how many rows were changed. `seen` is the row that it has to be still: then
    /// it is committed only if the list says that it is turned, and every other flag stayed as it was.
    ///
    /// # Errors
    /// Why it was not turned, or may not have been.
    pub async fn turn(&self, name: &str, turn: Turn, seen: Option<Value>) -> Result<u64, NotTurned> {
        let update = self.bound(self.statements.of(turn)?, name, turn);
        let condition = seen.map(|row| Condition { list: self.list_bound(), flag: name.to_owned(), row, turn });
        let turned = match &self.database {
            Database::Postgres(postgres) => postgres.turn(&update, condition.as_ref()).await,
            Database::Sqlite(sqlite) => sqlite.turn(update, condition).await,
        };
        let cut = |why: String| self.redactor.cut(&why, MAX_TEXT_CHARS);
        turned.map_err(|error| match error {
            NotTurned::Refused(why) => NotTurned::Refused(cut(why)),
            NotTurned::Moved(why) => NotTurned::Moved(cut(why)),
            NotTurned::Unknown(why) => NotTurned::Unknown(cut(why)),
        })
    }

    /// Listing is told of no flag.
    fn list_bound(&self) -> Bound {
        self.bound(&self.statements.list, "", Turn::Off)
    }

    fn bound(&self, statement: &Statement, flag: &str, turn: Turn) -> Bound {
        Bound { text: statement.text().to_owned(), values: statement.values(flag, &self.environment, turn) }
    }

    fn flags(&self, rows: &[Value]) -> Result<Vec<Flag>, FlagError> {
        table::list(rows).map_err(|why| {
            let why = self.redactor.cut(&why, MAX_TEXT_CHARS);
            FlagError::NoAnswer(format!("`list` gave no list of flags: {why}"))
        })
    }

    fn told(&self, error: FlagError) -> FlagError {
        let cut = |why: String| self.redactor.cut(&why, MAX_TEXT_CHARS);
        match error {
            FlagError::Status(status, why) => FlagError::Status(status, cut(why)),
            FlagError::NotSent(why) => FlagError::NotSent(cut(why)),
            FlagError::NoAnswer(why) => FlagError::NoAnswer(cut(why)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::domain::facts::flag::FlagState;
    use crate::domain::facts::flag::statement::Dialect;

    fn table(rows: &str) -> (tempfile::TempDir, FlagTable) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flags.db");
        let file = Connection::open(&path).unwrap();
        file.execute_batch(&format!("CREATE TABLE flags (name, state, rules); INSERT INTO flags VALUES {rows}"))
            .unwrap();
        let statement = |sql: &str| Statement::parse(sql, Dialect::Sqlite).unwrap();
        let statements = Statements {
            list: statement("SELECT * FROM flags"),
            off: statement("UPDATE flags SET state = 0 WHERE name = {flag}"),
            on: Some(statement("UPDATE flags SET state = 1 WHERE name = {flag}")),
            set: None,
        };
        let table = FlagTable {
            database: Database::Sqlite(Sqlite::new(path)),
            statements: Arc::new(statements),
            environment: String::new(),
            redactor: Redactor::default(),
        };
        (folder, table)
    }

    fn change(folder: &tempfile::TempDir, sql: &str) {
        Connection::open(folder.path().join("flags.db")).unwrap().execute_batch(sql).unwrap();
    }

    #[tokio::test]
    async fn on_is_committed_only_while_the_row_is_the_one_that_was_seen() {
        let (folder, table) = table("('a', 0, 'x'), ('b', 0, 'x')");
        let seen = table.read("a").await.unwrap().unwrap().row;
        change(&folder, "UPDATE flags SET rules = 'y' WHERE name = 'a'");
        let moved = table.turn("a", Turn::On, Some(seen)).await;
        assert_eq!(moved, Err(NotTurned::Moved("the flag was changed meanwhile".to_owned())));
        assert_eq!(table.read("a").await.unwrap().unwrap().flag.state, FlagState::Off);
        let seen = table.read("a").await.unwrap().unwrap().row;
        // What somebody does to another flag concerns nobody.
        change(&folder, "UPDATE flags SET state = 1 WHERE name = 'b'");
        assert_eq!(table.turn("a", Turn::On, Some(seen)).await, Ok(1));
        assert_eq!(table.turn("nobody", Turn::Off, None).await, Ok(0));
    }

    #[tokio::test]
    async fn what_changed_between_two_lists_is_told_of_its_flag() {
        let (_folder, table) = table("('a', 1, 'x'), ('b', 1, 'x')");
        let mut known = Known::default();
        known.flags = Arc::new(ListsFlags::list(&table, &mut known).await.unwrap());
        assert_eq!(table.turn("a", Turn::Off, None).await, Ok(1));
        let now = ListsFlags::list(&table, &mut known).await.unwrap();
        let edits: Vec<_> = now.iter().map(|flag| flag.changed().map(|change| change.what.as_str())).collect();
        assert_eq!(edits, [Some("off"), None]);
    }

    /// A list of our own that takes long keeps what an off waits for.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn off_stops_a_list_that_is_being_read() {
        let (folder, table) = table("('a', 1, 'x')");
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, name FROM n, flags";
        let statements = Statements {
            list: Statement::parse(&format!("SELECT name, 1 AS state FROM ({endless}) WHERE i < 0"), Dialect::Sqlite)
                .unwrap(),
            ..table.statements.as_ref().clone()
        };
        let table = FlagTable { statements: Arc::new(statements), ..table };
        let reader = table.clone();
        let listed = tokio::spawn(async move { ListsFlags::list(&reader, &mut Known::default()).await });
        let probe = Connection::open(folder.path().join("flags.db")).unwrap();
        // Once the list is being read nobody gets the file for themselves.
        while !listed.is_finished() && probe.execute_batch("BEGIN EXCLUSIVE; ROLLBACK").is_ok() {
            tokio::task::yield_now().await;
        }
        assert_eq!(table.turn("a", Turn::Off, None).await, Ok(1));
        let error = listed.await.unwrap().unwrap_err();
        assert!(error.to_string().contains("stopped, so that a flag can be turned off"), "{error}");
    }
}
