//! What statements mean for the version before.

use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, AlterTypeOperation, ColumnOption, ContextModifier,
    CopyTarget, CreateTable, Delete, ForeignKeyConstraint, FromTable, Insert, ObjectName, ObjectType, OnConflictAction,
    OnInsert, ReferentialAction, Set, Statement as Sql, TableConstraint, TableObject, Update,
};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::super::{Class, Statement};
use super::calls::{calls, hides_writes};
use super::columns::{MAY_FAIL, added, altered, modified, tightens};
use super::expressions::{is_always_true, never_fails, requires_null};
use super::names::{changes_names, column_of, key, names_of_database, table_of};

/// What a statement means, with the reason.
pub(super) type Meaning = (Class, &'static str);

pub(super) const EXPAND: Meaning = (Class::Expand, "");
const STILL_USED: Meaning = (Class::Contract, "the version before may still use it");
pub(super) const TIGHTER_CONSTRAINT: Meaning = (Class::Contract, "the version before may still write what it forbids");
pub(super) const UNCLEAR: Meaning = (Class::Unclear, "whether it is compatible with the version before is unknown");

const CHECKED_WHILE_LOCKED: Meaning = (
    Class::Contract,
    "the version before may still write what it forbids; its rows are checked while it is locked, without NOT VALID",
);
const ROWS_LOST: Meaning = (Class::Contract, "all rows are lost: nothing brings them back");
const ROWS_OVERWRITTEN: Meaning = (Class::Contract, "what stood in all rows is lost: nothing brings it back");
const REPLACES: Meaning = (Class::Unclear, "it replaces rows that the version before may need");
const MAY_BE_A_KEY: Meaning =
    (Class::Unclear, "if it is a key, upserts (ON CONFLICT) or cascades of the version before need it");

#[derive(Default)]
pub(super) struct Reader {
    pub statements: Vec<Statement>,
    /// Tables that the file itself creates: no one used them before.
    own: Vec<String>,
    /// Columns that it adds to others, with their table.
    own_columns: Vec<(String, String)>,
    /// Types that it creates: no domains.
    own_types: Vec<String>,
    /// Tables of its own whose rows others may not be deleted for.
    referring: Vec<String>,
    /// Whether the names that it uses change back when the transaction ends.
    is_local: bool,
    /// Whether sequences count on regardless of the values that inserts give.
    pub counts_apart: bool,
}

impl Reader {
    pub fn take(&mut self, sql: &Sql, line: u64, tokens: &[TokenWithSpan]) {
        match sql {
            Sql::AlterTable(alter) => {
                for operation in &alter.operations {
                    let (class, why) = self.alter_table(alter, operation);
                    let what = brief(&format!("{operation} of {}", alter.name));
                    self.statements.push(Statement { line, what, class, why: why.into() });
                    if let AlterTableOperation::AddColumn { if_not_exists: false, column_def, .. } = operation {
                        self.own_columns.push((key(&alter.name), column_def.name.value.to_ascii_lowercase()));
                    }
                }
            }
            other => {
                let (class, why) = self.meaning(other, tokens);
                self.statements.push(Statement { line, what: brief(&source(tokens)), class, why: why.into() });
            }
        }
        self.note_created(sql);
        // What it dropped may have hidden another of that name, as temporary tables do.
        if let Sql::Drop { names, .. } = sql {
            self.own.retain(|own| !names.iter().any(|name| key(name) == *own));
        }
        if changes_names(sql, tokens) {
            self.own.clear();
            self.own_columns.clear();
        }
    }

    fn note_created(&mut self, sql: &Sql) {
        match sql {
            // A table that may be there already is not its own, and one that goes with its transaction does not last.
            Sql::CreateTable(table) if !table.if_not_exists && table.on_commit.is_none() => {
                self.own.push(key(&table.name));
                if keeps_others(table) {
                    self.referring.push(key(&table.name));
                }
            }
            Sql::CreateType { name, .. } => self.own_types.push(key(name)),
            Sql::Set(Set::SingleAssignment { scope: Some(ContextModifier::Local), .. }) => self.is_local = true,
            Sql::Commit { .. } | Sql::Rollback { .. } if self.is_local => {
                self.own.clear();
                self.own_columns.clear();
                self.is_local = false;
            }
            _ => {}
        }
    }

    fn is_own(&self, name: &ObjectName) -> bool {
        self.own.contains(&key(name))
    }

    fn is_own_column(&self, table: &ObjectName, column: &str) -> bool {
        let own = (key(table), column.to_ascii_lowercase());
        self.own_columns.contains(&own)
    }

    fn delete(&self, delete: &Delete) -> Meaning {
        let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
        let is_own = |name: Option<&ObjectName>| name.is_some_and(|name| self.is_own(name));
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

    fn update(&self, update: &Update) -> Meaning {
        if update.or.is_some() {
            return REPLACES;
        }
        let table = table_of(&update.table).filter(|_| update.table.joins.is_empty());
        if table.is_some_and(|table| self.is_own(table)) {
            return EXPAND;
        }
        let columns: Option<Vec<String>> =
            update.assignments.iter().map(|assignment| column_of(&assignment.target)).collect();
        let Some((table, columns)) = table.zip(columns) else { return UNCLEAR };
        let table = key(table);
        let is_new = |column: &String| self.own_columns.iter().any(|own| own.0 == table && own.1 == *column);
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

    fn insert(&self, insert: &Insert) -> Meaning {
        match &insert.table {
            _ if insert.overwrite => ROWS_LOST,
            TableObject::TableName(name) if self.referring.contains(&key(name)) => {
                (Class::Unclear, "the version before cannot delete the rows that its foreign keys refer to")
            }
            TableObject::TableName(name) if self.is_own(name) => EXPAND,
            TableObject::TableName(_) if insert.replace_into || insert.or.is_some() || overwrites(insert) => REPLACES,
            TableObject::TableName(_) if self.counts_apart && gives_id(insert) => (
                Class::Unclear,
                "the sequence of its key does not see the values that it gives: inserts of the version before may meet them",
            ),
            TableObject::TableName(_) => EXPAND,
            _ => UNCLEAR,
        }
    }

    #[expect(
        clippy::match_same_arms,
        reason = "the order is that of the reasons; later arms take what earlier ones leave"
    )]
    fn meaning(&self, sql: &Sql, tokens: &[TokenWithSpan]) -> Meaning {
        let calls = || hides_writes(tokens) || calls(tokens);
        match sql {
            Sql::CreateTable(table) if table.or_replace => STILL_USED,
            Sql::CreateTable(_) if hides_writes(tokens) => UNCLEAR,
            Sql::CreateTable(table) if table.query.is_some() && calls() => UNCLEAR,
            Sql::Set(Set::SingleAssignment { scope: Some(ContextModifier::Global), .. }) => {
                (Class::Unclear, "it changes the server for every version")
            }
            Sql::Vacuum(vacuum) if vacuum.full => (Class::Expand, "rewrites the table, which is locked meanwhile"),
            Sql::CreateTable(_)
            | Sql::CreateSchema { .. }
            | Sql::CreateDatabase { .. }
            | Sql::CreateSequence { .. }
            | Sql::CreateType { .. }
            | Sql::CreateDomain(_)
            | Sql::CreateExtension(_)
            | Sql::CreateCollation(_)
            | Sql::CreateRole(_)
            | Sql::CreateUser(_)
            | Sql::Comment { .. }
            | Sql::Set(_)
            | Sql::Reset(_)
            | Sql::Use(_)
            | Sql::Analyze(_)
            | Sql::Vacuum(_)
            | Sql::Grant(_)
            | Sql::StartTransaction { .. }
            | Sql::Commit { .. }
            | Sql::Savepoint { .. }
            | Sql::ReleaseSavepoint { .. }
            | Sql::LockTables { .. }
            | Sql::UnlockTables => EXPAND,
            Sql::CreateIndex(index) if self.is_own(&index.table_name) => EXPAND,
            Sql::CreateIndex(index) if index.unique => TIGHTER_CONSTRAINT,
            Sql::CreateIndex(index)
                if !index.columns.iter().map(|part| &part.column.expr).chain(&index.predicate).all(never_fails) =>
            {
                MAY_FAIL
            }
            Sql::CreateIndex(index) if !index.concurrently => {
                (Class::Expand, "writes may wait while it builds: PostgreSQL has CREATE INDEX CONCURRENTLY")
            }
            Sql::CreateIndex(_) => EXPAND,
            Sql::CreateView(view) if view.or_replace || view.or_alter || view.materialized && calls() => UNCLEAR,
            Sql::CreateFunction(function) if function.or_replace || function.or_alter => UNCLEAR,
            Sql::CreateFunction(function) if names_of_database(&function.name) => {
                (Class::Unclear, "calls of the version before may reach it instead of the one of the database")
            }
            Sql::CreateView(_) | Sql::CreateFunction(_) => EXPAND,
            Sql::AlterType(alter) => match alter.operation {
                AlterTypeOperation::AddValue(_) => EXPAND,
                AlterTypeOperation::Rename(_) | AlterTypeOperation::RenameValue(_) => STILL_USED,
            },
            Sql::AlterIndex { .. } => MAY_BE_A_KEY,
            Sql::RenameTable(_)
            | Sql::DropFunction(_)
            | Sql::DropProcedure { .. }
            | Sql::DropTrigger(_)
            | Sql::DropDomain(_)
            | Sql::DropPolicy(_)
            | Sql::DropExtension(_)
            | Sql::Revoke(_)
            | Sql::Deny(_) => STILL_USED,
            Sql::Drop { temporary: true, .. } => EXPAND,
            Sql::Drop { object_type: ObjectType::Table, names, .. } if names.iter().all(|name| self.is_own(name)) => {
                EXPAND
            }
            Sql::Drop { object_type: ObjectType::Index, .. } => {
                (Class::Contract, "queries of the version before may need it")
            }
            Sql::Drop { .. } => STILL_USED,
            Sql::Truncate(truncate) if truncate.table_names.iter().all(|table| self.is_own(&table.name)) => EXPAND,
            Sql::Truncate(_) => ROWS_LOST,
            Sql::Delete(delete) => match self.delete(delete) {
                EXPAND if calls_in(tokens) => UNCLEAR,
                meaning => meaning,
            },
            Sql::Update(update) => match self.update(update) {
                (Class::Expand, _) if calls_in(tokens) => UNCLEAR,
                meaning => meaning,
            },
            Sql::Insert(insert) => match self.insert(insert) {
                (Class::Expand, _) if calls() => UNCLEAR,
                meaning => meaning,
            },
            Sql::Copy { to: false, target: CopyTarget::Program { .. }, .. } => UNCLEAR,
            Sql::Copy { to: false, .. } => EXPAND,
            Sql::Query(_) if !calls() => EXPAND,
            _ => UNCLEAR,
        }
    }

    fn alter_table(&self, alter: &AlterTable, operation: &AlterTableOperation) -> Meaning {
        use AlterTableOperation as Op;
        if self.is_own(&alter.name) {
            return match operation {
                Op::RenameTable { .. } | Op::SwapWith { .. } => STILL_USED,
                Op::AttachPartition { .. } | Op::DetachPartition { .. } => UNCLEAR,
                _ => EXPAND,
            };
        }
        match operation {
            Op::DropColumn { column_names, .. }
                if column_names.iter().all(|column| self.is_own_column(&alter.name, &column.value)) =>
            {
                EXPAND
            }
            Op::AlterColumn { column_name, op: AlterColumnOperation::SetDefault { .. } }
                if self.is_own_column(&alter.name, &column_name.value) =>
            {
                EXPAND
            }
            Op::AddColumn { column_def, .. } => added(column_def, &self.own_types),
            Op::AddConstraint { constraint, not_valid } if tightens(constraint) => {
                if *not_valid {
                    TIGHTER_CONSTRAINT
                } else {
                    CHECKED_WHILE_LOCKED
                }
            }
            Op::AlterColumn { op, .. } => altered(op),
            Op::ModifyColumn { data_type, options, .. } => modified(data_type, options),
            Op::ChangeColumn { old_name, new_name, data_type, options, .. } => {
                if old_name == new_name {
                    modified(data_type, options)
                } else {
                    STILL_USED
                }
            }
            Op::DropConstraint { name, .. } => dropped_constraint(&name.value),
            Op::DropForeignKey { .. } | Op::RenameConstraint { .. } => MAY_BE_A_KEY,
            Op::AddConstraint { .. } => (Class::Expand, "writes may wait while it builds"),
            Op::DropColumn { .. }
            | Op::DropPrimaryKey { .. }
            | Op::DropPartitions { .. }
            | Op::DetachPartition { .. }
            | Op::RenamePartitions { .. }
            | Op::RenameColumn { .. }
            | Op::RenameTable { .. }
            | Op::SwapWith { .. } => STILL_USED,
            Op::DropIndex { .. } => (Class::Contract, "queries of the version before may need it"),
            Op::EnableRowLevelSecurity | Op::ForceRowLevelSecurity => {
                (Class::Contract, "the version before may no longer see its rows")
            }
            Op::AttachPartition { .. } => (Class::Expand, "its rows are checked, and it is locked meanwhile"),
            Op::AddPartitions { .. }
            | Op::ValidateConstraint { .. }
            | Op::DisableRowLevelSecurity
            | Op::NoForceRowLevelSecurity
            | Op::Algorithm { .. }
            | Op::Lock { .. }
            | Op::AutoIncrement { .. } => EXPAND,
            _ => UNCLEAR,
        }
    }
}

/// What a constraint is cannot be seen from where it is dropped; PostgreSQL names keys and checks by what they are.
fn dropped_constraint(name: &str) -> Meaning {
    let name = name.to_ascii_lowercase();
    if name.ends_with("_pkey") || name == "primary" {
        return (Class::Contract, "upserts (ON CONFLICT) and foreign keys of the version before need the primary key");
    }
    if name.ends_with("_check") || name.ends_with("_not_null") { EXPAND } else { MAY_BE_A_KEY }
}

/// Whether rows of a table keep those that they refer to from being deleted.
fn keeps_others(table: &CreateTable) -> bool {
    let keeps = |foreign: &ForeignKeyConstraint| {
        !matches!(foreign.on_delete, Some(ReferentialAction::Cascade | ReferentialAction::SetNull))
    };
    let in_columns = table.columns.iter().flat_map(|column| &column.options).any(|option| match &option.option {
        ColumnOption::ForeignKey(foreign) => keeps(foreign),
        _ => false,
    });
    let is_kept = |constraint: &TableConstraint| match constraint {
        TableConstraint::ForeignKey(foreign) => keeps(foreign),
        _ => false,
    };
    in_columns || table.constraints.iter().any(is_kept)
}

/// Whether an insert changes the rows that it meets.
fn overwrites(insert: &Insert) -> bool {
    match &insert.on {
        Some(OnInsert::DuplicateKeyUpdate(_)) => true,
        Some(OnInsert::OnConflict(conflict)) => matches!(conflict.action, OnConflictAction::DoUpdate(_)),
        _ => false,
    }
}

/// Whether an insert gives the key that a sequence otherwise gives.
fn gives_id(insert: &Insert) -> bool {
    insert.columns.iter().any(|column| column.to_string().trim_matches('"').eq_ignore_ascii_case("id"))
}

fn calls_in(tokens: &[TokenWithSpan]) -> bool {
    // Past the verb, which is a write itself.
    let rest = tokens.iter().position(|token| matches!(token.token, Token::Word(_))).map_or(0, |first| first + 1);
    let rest = tokens.get(rest..).unwrap_or_default();
    hides_writes(rest) || calls(rest)
}

/// The beginning of a statement as it is written, without its comments.
fn source(tokens: &[TokenWithSpan]) -> String {
    let some = tokens.iter().take(MAX_EXCERPT_CHARS).map(|token| match &token.token {
        Token::Whitespace(_) => " ".to_owned(),
        token => token.to_string(),
    });
    some.collect()
}

/// Longest beginning of a statement that is shown, in characters.
const MAX_EXCERPT_CHARS: usize = 80;

/// Text on one line, cut off where it gets long.
fn brief(sql: &str) -> String {
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MAX_EXCERPT_CHARS {
        return line;
    }
    line.chars().take(MAX_EXCERPT_CHARS).collect::<String>() + "…"
}
