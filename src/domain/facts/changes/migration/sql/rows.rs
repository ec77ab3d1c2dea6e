//! What statements about rows mean: inserts, updates, deletes.

use sqlparser::ast::{
    Delete, FromTable, Insert, ObjectName, ObjectType, OnConflictAction, OnInsert, SetExpr, Statement as Sql,
    TableObject, Update,
};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::super::Class;
use super::calls::{calls, hides_writes};
use super::expressions::{is_always_true, requires_null};
use super::mysql::uses_up_key;
use super::names::{column_of, table_of};
use super::statements::{EXPAND, Meaning, Reader, UNCLEAR};

pub(super) const ROWS_LOST: Meaning = (Class::Contract, "all rows are lost: nothing brings them back");
const ROWS_OVERWRITTEN: Meaning = (Class::Contract, "what stood in all rows is lost: nothing brings it back");
const REPLACES: Meaning = (Class::Unclear, "it replaces rows that the version before may need");
pub(super) const REFERRING: Meaning = (
    Class::Unclear,
    "the version before cannot delete the rows that its foreign keys refer to, or loses others with them",
);
pub(super) const USES_UP_KEY: Meaning =
    (Class::Unclear, "it may be the last number of the key: inserts of the version before then fail");

impl Reader {
    pub(super) fn delete(&self, delete: &Delete) -> Meaning {
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let is_own = |name: Option<&ObjectName>| name.is_some_and(|name| self.own.has(name));
        if delete.tables.is_empty() && from.iter().all(|table| table.joins.is_empty() && is_own(table_of(table))) {
            return EXPAND;
        }
        match &delete.selection {
            Some(condition) if !is_always_true(condition) => (
                Class::Unclear,
                "rows are lost, and nothing brings them back: whether the version before needs them is unknown",
            ),
            _ => ROWS_LOST,
        }
    }

    pub(super) fn update(&self, update: &Update) -> Meaning {
        if update.or.is_some() {
            return REPLACES;
        }
        let table = table_of(&update.table).filter(|_| update.table.joins.is_empty());
        let columns: Option<Vec<String>> =
            update.assignments.iter().map(|assignment| column_of(&assignment.target)).collect();
        if table.zip(columns.as_ref()).is_some_and(|(table, columns)| self.own.keeps_others(table, columns)) {
            return REFERRING;
        }
        if table.is_some_and(|table| self.own.has(table)) {
            return EXPAND;
        }
        let Some((table, columns)) = table.zip(columns) else { return UNCLEAR };
        let is_new = |column: &String| self.own.has_column(table, column);
        let is_always = update.selection.as_ref().is_none_or(is_always_true);
        if columns.iter().all(is_new) {
            return (Class::Expand, if is_always { "all rows are written, and locked meanwhile" } else { "" });
        }
        match &update.selection {
            Some(condition) if !is_always => {
                let missing = |column: &String| is_new(column) || requires_null(condition, column);
                if columns.iter().all(missing) {
                    return EXPAND;
                }
                (Class::Unclear, "what stood there is lost: whether the version before needs it is unknown")
            }
            _ => ROWS_OVERWRITTEN,
        }
    }

    pub(super) fn insert(&self, insert: &Insert) -> Meaning {
        match &insert.table {
            _ if insert.overwrite => ROWS_LOST,
            TableObject::TableName(name) if self.own.keeps_others(name, &[]) => REFERRING,
            TableObject::TableName(name) if self.own.has(name) => EXPAND,
            TableObject::TableName(_) if insert.replace_into || insert.or.is_some() || overwrites(insert) => REPLACES,
            TableObject::TableName(_) if self.counts_apart && gives_id(insert) => (
                Class::Unclear,
                "the sequence of its key does not see the values that it gives: inserts of the version before may meet them",
            ),
            TableObject::TableName(_) if !self.counts_apart && uses_up_key(insert) => USES_UP_KEY,
            TableObject::TableName(_) => EXPAND,
            _ => UNCLEAR,
        }
    }
}

/// Whether an insert changes the rows that it meets.
fn overwrites(insert: &Insert) -> bool {
    match &insert.on {
        Some(OnInsert::DuplicateKeyUpdate(_)) => true,
        Some(OnInsert::OnConflict(conflict)) => matches!(conflict.action, OnConflictAction::DoUpdate(_)),
        _ => false,
    }
}

/// Whether an insert gives the key that a sequence otherwise gives; where it names no columns, the first one is taken for it.
fn gives_id(insert: &Insert) -> bool {
    let is_id = |name: &str| name.trim_matches('"').eq_ignore_ascii_case("id");
    if !insert.columns.is_empty() {
        return insert.columns.iter().any(|column| is_id(&column.to_string()));
    }
    let is_number = |value: &str| value.bytes().all(|b| b.is_ascii_digit());
    match insert.source.as_ref().map(|query| query.body.as_ref()) {
        Some(SetExpr::Values(values)) => {
            values.rows.iter().filter_map(|row| row.first()).any(|value| is_number(&value.to_string()))
        }
        Some(SetExpr::Select(select)) => {
            select.projection.first().map(ToString::to_string).is_some_and(|first| is_number(&first) || is_id(&first))
        }
        _ => false,
    }
}

pub(super) fn calls_in(tokens: &[TokenWithSpan]) -> bool {
    let rest = past_verb(tokens);
    hides_writes(rest) || calls(rest)
}

/// What follows on the verb of a statement, which is a write itself.
pub(super) fn past_verb(tokens: &[TokenWithSpan]) -> &[TokenWithSpan] {
    let rest = tokens.iter().position(|token| matches!(token.token, Token::Word(_))).map_or(0, |first| first + 1);
    tokens.get(rest..).unwrap_or_default()
}

/// Whether a statement takes rows or what stood in them away.
pub(super) fn drops_rows(sql: &Sql) -> bool {
    match sql {
        Sql::Truncate(_) | Sql::Delete(_) | Sql::Update(_) => true,
        Sql::Drop { object_type, .. } => {
            matches!(object_type, ObjectType::Table | ObjectType::Schema | ObjectType::Database)
        }
        _ => false,
    }
}
