//! A table in a file of SQLite. It is opened for each transaction.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, params_from_iter};
use serde_json::{Map, Number, Value};

use super::condition::Condition;
use super::rows::Rows;
use super::{Bound, FlagError, MAX_SECONDS, MAX_STATEMENT_SECONDS, NotTurned};
use crate::domain::facts::flag::statement::ParameterValue;
use crate::failpoints::failpoint;

/// After how many steps of its machine SQLite asks whether to go on.
const STEPS_BETWEEN_LOOKS: i32 = 1_000;

/// A database file. Cheap to clone.
#[derive(Clone)]
pub struct Sqlite {
    path: PathBuf,
    /// How many flags are being turned off: whatever else of ours holds the file lets it go.
    offs: Arc<AtomicUsize>,
}

/// A flag that is being turned off.
struct Off(Arc<AtomicUsize>);

impl Off {
    fn new(offs: &Arc<AtomicUsize>) -> Self {
        offs.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(offs))
    }
}

impl Drop for Off {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Sqlite {
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, offs: Arc::default() }
    }

    /// Reads the rows of a list.
    pub(super) async fn rows(&self, list: Bound) -> Result<Vec<Value>, FlagError> {
        let (path, offs) = (self.path.clone(), Arc::clone(&self.offs));
        let read = tokio::task::spawn_blocking(move || {
            let file = File::open(&path, OpenFlags::SQLITE_OPEN_READ_ONLY, Some(offs))?;
            file.rows(&list)
        });
        match tokio::time::timeout(Duration::from_secs(MAX_SECONDS), read).await {
            Ok(Ok(rows)) => rows.map_err(FlagError::NoAnswer),
            Ok(Err(error)) => Err(FlagError::NoAnswer(error.to_string())),
            Err(_) => Err(FlagError::NoAnswer(late())),
        }
    }

    /// Turns a flag in a transaction; returns how many rows were changed.
    pub(super) async fn turn(&self, update: Bound, condition: Option<Condition>) -> Result<u64, NotTurned> {
        let (path, offs) = (self.path.clone(), Arc::clone(&self.offs));
        let off = condition.is_none().then(|| Off::new(&self.offs));
        let stage = Arc::new(AtomicU8::new(Stage::Open as u8));
        let of_turn = Arc::clone(&stage);
        let turned = tokio::task::spawn_blocking(move || {
            let others = off.is_none().then_some(offs);
            let turned = turn_now(&path, (&update, condition.as_ref()), &of_turn, others);
            drop(off);
            turned
        });
        match tokio::time::timeout(Duration::from_secs(MAX_SECONDS), turned).await {
            Ok(Ok(turned)) => turned,
            Ok(Err(error)) => Err(NotTurned::Unknown(error.to_string())),
            // What still runs ends without a commit.
            Err(_) if goes_on(&stage, Stage::GivenUp) => Err(NotTurned::Refused(late())),
            Err(_) => Err(NotTurned::Unknown(late())),
        }
    }
}

/// How far a transaction got. Nobody can end a thread, but it looks here before it commits.
#[derive(Clone, Copy)]
enum Stage {
    Open,
    Committing,
    GivenUp,
}

/// Whether the transaction was open still, and is this now.
fn goes_on(stage: &AtomicU8, to: Stage) -> bool {
    stage.compare_exchange(Stage::Open as u8, to as u8, Ordering::SeqCst, Ordering::SeqCst).is_ok()
}

fn late() -> String {
    format!("no answer in {MAX_SECONDS} s")
}

fn turn_now(
    path: &Path,
    (update, condition): (&Bound, Option<&Condition>),
    stage: &AtomicU8,
    others: Option<Arc<AtomicUsize>>,
) -> Result<u64, NotTurned> {
    let file = File::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, others).map_err(NotTurned::Refused)?;
    let refused = |error: rusqlite::Error| NotTurned::Refused(file.said(&error));
    // Whoever else writes is waited for now, and not later.
    file.connection.execute_batch("BEGIN IMMEDIATE").map_err(refused)?;
    let list = |condition: &Condition| file.rows(&condition.list).map_err(NotTurned::Refused);
    let before = match condition {
        Some(condition) => {
            let rows = list(condition)?;
            condition.before(&rows)?;
            rows
        }
        None => Vec::new(),
    };
    let changes = file.run(update).map_err(refused)?;
    if let Some(condition) = condition {
        condition.after(&before, &list(condition)?)?;
    }
    if !goes_on(stage, Stage::Committing) {
        return Err(NotTurned::Refused(late()));
    }
    failpoint(format_args!("flags.before-commit"));
    file.connection.execute_batch("COMMIT").map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::ConstraintViolation) => refused(error),
        _ => NotTurned::Unknown(file.said(&error)),
    })?;
    failpoint(format_args!("flags.committed"));
    Ok(changes)
}

/// A database file that is open. It is closed without a commit where something fails.
struct File {
    connection: Connection,
    /// When a statement is stopped.
    until: Instant,
}

impl File {
    /// Opens one that is there. A statement is stopped once its time is over, or where `offs` says that a flag is being turned
    /// off.
    fn open(path: &Path, flags: OpenFlags, offs: Option<Arc<AtomicUsize>>) -> Result<Self, String> {
        let limit = Duration::from_secs(MAX_STATEMENT_SECONDS);
        let until = Instant::now() + limit;
        let open = || {
            let mut connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            connection.busy_timeout(limit)?;
            let is_wanted = move || offs.as_ref().is_some_and(|offs| offs.load(Ordering::SeqCst) > 0);
            connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || Instant::now() > until || is_wanted()))?;
            Ok(connection)
        };
        let connection = open().map_err(|error: rusqlite::Error| words(&error))?;
        Ok(Self { connection, until })
    }

    /// Runs a statement, whatever it returns; returns how many rows it changed.
    fn run(&self, bound: &Bound) -> rusqlite::Result<u64> {
        let mut statement = self.connection.prepare(&bound.text)?;
        let mut rows = statement.query(params_from_iter(bound.values.iter().map(parameter)))?;
        while rows.next()?.is_some() {}
        Ok(self.connection.changes())
    }

    fn rows(&self, list: &Bound) -> Result<Vec<Value>, String> {
        let said = |error: rusqlite::Error| self.said(&error);
        let mut statement = self.connection.prepare(&list.text).map_err(said)?;
        if !statement.readonly() {
            return Err("`list` is no query: it would write".to_owned());
        }
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut known = BTreeSet::new();
        if let Some(name) = names.iter().find(|name| !known.insert(name.as_str())) {
            return Err(format!("there are two columns `{name}`"));
        }
        let mut found = statement.query(params_from_iter(list.values.iter().map(parameter))).map_err(said)?;
        let mut rows = Rows::default();
        while let Some(row) = found.next().map_err(said)? {
            let mut object = Map::new();
            for (at, name) in names.iter().enumerate() {
                let value = row.get_ref(at).map_err(said)?;
                let value = json(value).ok_or_else(|| format!("the column {name} is no text and no number"))?;
                object.insert(name.clone(), value);
            }
            rows.add(&Value::Object(object).to_string())?;
        }
        Ok(rows.all())
    }

    /// What went wrong, and why a statement was stopped.
    fn said(&self, error: &rusqlite::Error) -> String {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) if Instant::now() > self.until => {
                format!("stopped: it takes longer than {MAX_STATEMENT_SECONDS} s")
            }
            Some(ErrorCode::OperationInterrupted) => "stopped, so that a flag can be turned off".to_owned(),
            _ => words(error),
        }
    }
}

fn parameter(value: &ParameterValue) -> ToSqlOutput<'_> {
    match value {
        ParameterValue::Text(text) => text.as_str().into(),
        ParameterValue::Number(number) => (*number).into(),
    }
}

fn json(value: ValueRef<'_>) -> Option<Value> {
    Some(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => Value::Number(Number::from_f64(number)?),
        ValueRef::Text(text) => std::str::from_utf8(text).ok()?.into(),
        ValueRef::Blob(_) => return None,
    })
}

/// The words of SQLite, without its numbers.
fn words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(words)) => words.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}
