//! A table in a file of SQLite. It is opened for each transaction.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, params_from_iter};
use serde_json::{Map, Value};

use super::condition::Condition;
use super::{Bound, FlagError, MAX_SECONDS, MAX_STATEMENT_SECONDS, NotTurned, Rows};

/// Reads the rows of a list.
pub(super) async fn rows(path: PathBuf, list: Bound) -> Result<Vec<Value>, FlagError> {
    let read = tokio::task::spawn_blocking(move || {
        let connection = open(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        rows_of(&connection, &list)
    });
    match tokio::time::timeout(Duration::from_secs(MAX_SECONDS), read).await {
        Ok(Ok(rows)) => rows.map_err(FlagError::NoAnswer),
        Ok(Err(error)) => Err(FlagError::NoAnswer(error.to_string())),
        Err(_) => Err(FlagError::NoAnswer(late())),
    }
}

/// Turns a flag in a transaction; returns how many rows were changed.
pub(super) async fn turn(path: PathBuf, update: Bound, condition: Option<Condition>) -> Result<u64, NotTurned> {
    let stage = Arc::new(AtomicU8::new(Stage::Open as u8));
    let of_turn = Arc::clone(&stage);
    let turned = tokio::task::spawn_blocking(move || turn_now(&path, &update, condition.as_ref(), &of_turn));
    match tokio::time::timeout(Duration::from_secs(MAX_SECONDS), turned).await {
        Ok(Ok(turned)) => turned,
        Ok(Err(error)) => Err(NotTurned::Unknown(error.to_string())),
        // What still runs ends without a commit.
        Err(_) if goes_on(&stage, Stage::GivenUp) => Err(NotTurned::Refused(late())),
        Err(_) => Err(NotTurned::Unknown(late())),
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

fn turn_now(path: &Path, update: &Bound, condition: Option<&Condition>, stage: &AtomicU8) -> Result<u64, NotTurned> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(NotTurned::Refused)?;
    let refused = |error: rusqlite::Error| NotTurned::Refused(said(&error));
    // Whoever else writes is waited for now, and not later.
    connection.execute_batch("BEGIN IMMEDIATE").map_err(refused)?;
    let list = |condition: &Condition| rows_of(&connection, &condition.list).map_err(NotTurned::Refused);
    let before = match condition {
        Some(condition) => {
            let rows = list(condition)?;
            condition.before(&rows)?;
            rows
        }
        None => Vec::new(),
    };
    let changes = run(&connection, update).map_err(refused)?;
    if let Some(condition) = condition {
        condition.after(&before, &list(condition)?)?;
    }
    if !goes_on(stage, Stage::Committing) {
        return Err(NotTurned::Refused(late()));
    }
    connection.execute_batch("COMMIT").map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::ConstraintViolation) => refused(error),
        _ => NotTurned::Unknown(said(&error)),
    })?;
    Ok(changes)
}

/// Opens a file that is there. What is open is closed without a commit where something fails.
fn open(path: &Path, flags: OpenFlags) -> Result<Connection, String> {
    let connection =
        Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(|error| said(&error))?;
    connection.busy_timeout(Duration::from_secs(MAX_STATEMENT_SECONDS)).map_err(|error| said(&error))?;
    Ok(connection)
}

/// Runs a statement, whatever it returns; returns how many rows it changed.
fn run(connection: &Connection, bound: &Bound) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare(&bound.text)?;
    let mut rows = statement.query(params_from_iter(&bound.values))?;
    while rows.next()?.is_some() {}
    Ok(connection.changes())
}

fn rows_of(connection: &Connection, list: &Bound) -> Result<Vec<Value>, String> {
    let mut statement = connection.prepare(&list.text).map_err(|error| said(&error))?;
    if !statement.readonly() {
        return Err("`list` is no query: it would write".to_owned());
    }
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut found = statement.query(params_from_iter(&list.values)).map_err(|error| said(&error))?;
    let mut rows = Rows::default();
    while let Some(row) = found.next().map_err(|error| said(&error))? {
        let mut object = Map::new();
        for (at, name) in names.iter().enumerate() {
            let value = row.get_ref(at).map_err(|error| said(&error))?;
            let value = json(value).ok_or_else(|| format!("the column {name} is no text and no number"))?;
            object.insert(name.clone(), value);
        }
        rows.add(&Value::Object(object).to_string())?;
    }
    Ok(rows.rows)
}

fn json(value: ValueRef<'_>) -> Option<Value> {
    Some(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => std::str::from_utf8(text).ok()?.into(),
        ValueRef::Blob(_) => return None,
    })
}

/// The words of SQLite, without its numbers.
fn said(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(words)) => words.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}
