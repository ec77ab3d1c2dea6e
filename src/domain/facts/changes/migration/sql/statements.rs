//! What statements mean for the version before.

use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, AlterTypeOperation, CopySource, CopyTarget, Expr,
    IndexColumn, NullsDistinctOption, ObjectName, ObjectType, SetExpr, Statement as Sql, TableConstraint,
};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::super::{Class, Statement};
use super::calls::{calls, hides_writes, writes};
use super::columns::{MAY_FAIL, REWRITES, added, altered, defined, is_null, modified, tightens};
use super::expressions::{never_fails, never_fails_in_index};
use super::mysql::{has_host, may_be_last, sets_server};
use super::names::names_of_database;
use super::own::{Own, table_keeps_others};
use super::rows::{REFERRING, ROWS_LOST, USES_UP_KEY, calls_in, drops_rows, past_verb};

/// What a statement means, with the reason.
pub(super) type Meaning = (Class, &'static str);

pub(super) const EXPAND: Meaning = (Class::Expand, "");
const STILL_USED: Meaning = (Class::Contract, "the version before may still use it");
pub(super) const TIGHTER_CONSTRAINT: Meaning = (Class::Contract, "the version before may still write what it forbids");
pub(super) const UNCLEAR: Meaning = (Class::Unclear, "whether it is compatible with the version before is unknown");

const WRITES_WAIT: &str = "writes may wait while it builds";
const CHECKED_WHILE_LOCKED: Meaning = (
    Class::Contract,
    "the version before may still write what it forbids; its rows are checked while it is locked, without NOT VALID",
);
const MAY_BE_A_KEY: Meaning =
    (Class::Unclear, "if it is a key, upserts (ON CONFLICT) or cascades of the version before need it");

#[derive(Default)]
pub(super) struct Reader {
    pub statements: Vec<Statement>,
    pub own: Own,
    /// Whether sequences count on regardless of the values that inserts give.
    pub counts_apart: bool,
    /// Whether the statements are for MySQL or MariaDB.
    pub is_mysql: bool,
}

impl Reader {
    pub fn take(&mut self, sql: &Sql, line: u64, tokens: &[TokenWithSpan]) {
        match sql {
            Sql::AlterTable(alter) => {
                for operation in &alter.operations {
                    let (class, why) = self.alter_table(alter, operation);
                    let what = brief(&format!("{operation} of {}", alter.name));
                    let loses_data = class == Class::Contract && drops_values(operation);
                    self.statements.push(Statement { line, what, class, why: why.into(), loses_data });
                    self.own.note_altered(alter, operation);
                }
            }
            other => {
                let (class, why) = self.meaning(other, tokens);
                let loses_data = class != Class::Expand && (class, why) != REFERRING && drops_rows(sql);
                let what = brief(&source(tokens));
                self.statements.push(Statement { line, what, class, why: why.into(), loses_data });
            }
        }
        self.own.note(sql, tokens);
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
            Sql::CreateTable(table) if table.query.is_some() && table_keeps_others(table) => REFERRING,
            Sql::Set(_) if sets_server(tokens) => (Class::Unclear, "it changes the server for every version"),
            Sql::Set(_) if calls() => UNCLEAR,
            Sql::CreateUser(user) if user.or_replace => STILL_USED,
            Sql::CreateUser(_) if has_host(tokens) => {
                (Class::Unclear, "the version before may log in as it: the server prefers the host that fits best")
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
            Sql::CreateIndex(index) if self.own.has(&index.table_name) => EXPAND,
            Sql::CreateIndex(index)
                if index.unique
                    && index.nulls_distinct != Some(false)
                    && self.own.is_empty_key(&index.table_name, index.columns.iter().map(plain_column)) =>
            {
                self.index_built(&index.columns)
            }
            Sql::CreateIndex(index) if index.unique => TIGHTER_CONSTRAINT,
            Sql::CreateIndex(index)
                if !self.never_fails_in_index(&index.columns) || !index.predicate.iter().all(never_fails) =>
            {
                MAY_FAIL
            }
            Sql::CreateIndex(index) if !index.concurrently => self.index_built(&index.columns),
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
            Sql::Drop { object_type: ObjectType::Table, names, .. } if names.iter().all(|name| self.own.has(name)) => {
                EXPAND
            }
            Sql::Drop { object_type: ObjectType::Index, .. } => {
                (Class::Contract, "queries of the version before may need it")
            }
            Sql::Drop { .. } => STILL_USED,
            Sql::Truncate(truncate) if truncate.table_names.iter().all(|table| self.own.has(&table.name)) => EXPAND,
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
                (Class::Expand, _) if hides_writes(past_verb(tokens)) || super::calls::calls(tokens) => UNCLEAR,
                meaning => meaning,
            },
            Sql::Copy { to: false, target: CopyTarget::Program { .. }, .. } => UNCLEAR,
            Sql::Copy { source: CopySource::Table { table_name, .. }, to: false, .. }
                if self.own.keeps_others(table_name, &[]) =>
            {
                REFERRING
            }
            Sql::Copy { to: false, .. } => EXPAND,
            Sql::Query(query) => match query.body.as_ref() {
                // `WITH … INSERT`: the one write is that.
                SetExpr::Insert(Sql::Insert(insert)) if writes(tokens) == 1 && !super::calls::calls(tokens) => {
                    self.insert(insert)
                }
                _ if calls() => UNCLEAR,
                _ => EXPAND,
            },
            _ => UNCLEAR,
        }
    }

    /// An index that forbids nothing: PostgreSQL locks writes out while it builds, InnoDB only where it computes.
    fn index_built(&self, columns: &[IndexColumn]) -> Meaning {
        if self.is_mysql {
            let computes = columns.iter().any(|part| matches!(part.column.expr, Expr::Nested(_)));
            return if computes { (Class::Expand, WRITES_WAIT) } else { EXPAND };
        }
        (Class::Expand, "writes may wait while it builds: PostgreSQL has CREATE INDEX CONCURRENTLY")
    }

    /// A key of columns that the file adds, and that are null in every row.
    fn is_met_by_none(&self, table: &ObjectName, constraint: &TableConstraint) -> bool {
        match constraint {
            TableConstraint::ForeignKey(foreign) => {
                self.own.is_empty_key(table, foreign.columns.iter().map(|name| Some(name.value.clone())))
            }
            TableConstraint::Unique(unique) if unique.nulls_distinct != NullsDistinctOption::NotDistinct => {
                self.own.is_empty_key(table, unique.columns.iter().map(plain_column))
            }
            _ => false,
        }
    }

    fn never_fails_in_index(&self, columns: &[IndexColumn]) -> bool {
        columns.iter().all(|part| never_fails_in_index(&part.column.expr, self.is_mysql))
    }

    fn alter_table(&self, alter: &AlterTable, operation: &AlterTableOperation) -> Meaning {
        use AlterTableOperation as Op;
        if self.own.has(&alter.name) {
            return match operation {
                _ if self.own.begins_to_keep(&alter.name, operation) => REFERRING,
                Op::RenameTable { .. } | Op::SwapWith { .. } => STILL_USED,
                Op::AttachPartition { .. } | Op::DetachPartition { .. } => UNCLEAR,
                _ => EXPAND,
            };
        }
        match operation {
            Op::DropColumn { column_names, .. }
                if column_names.iter().all(|column| self.own.has_column(&alter.name, &column.value)) =>
            {
                EXPAND
            }
            Op::AlterColumn { column_name, op: AlterColumnOperation::SetDefault { value } }
                if self.own.has_free_column(&alter.name, &column_name.value) && !is_null(value) =>
            {
                EXPAND
            }
            Op::AddColumn { column_def, .. } => added(column_def, self.is_mysql, &self.own.types),
            Op::ModifyColumn { col_name: old, data_type, options, .. }
            | Op::ChangeColumn { old_name: old, data_type, options, .. }
                if self.own.may_redefine(&alter.name, &old.value, options) =>
            {
                added(&defined(old, data_type, options), self.is_mysql, &self.own.types)
            }
            Op::AddConstraint { constraint, .. } if self.is_met_by_none(&alter.name, constraint) => {
                (Class::Expand, WRITES_WAIT)
            }
            Op::AddConstraint { constraint, not_valid } if tightens(constraint) => {
                if *not_valid || self.is_mysql {
                    TIGHTER_CONSTRAINT
                } else {
                    CHECKED_WHILE_LOCKED
                }
            }
            // Nothing is there to be read otherwise.
            Op::AlterColumn { column_name, op: AlterColumnOperation::SetDataType { .. } }
                if self.own.is_empty_key(&alter.name, std::iter::once(Some(column_name.value.clone()))) =>
            {
                REWRITES
            }
            Op::AlterColumn { op, .. } => altered(op),
            Op::ModifyColumn { data_type, options, .. } => modified(data_type, options),
            Op::ChangeColumn { old_name, new_name, data_type, options, .. } => {
                if old_name.value.eq_ignore_ascii_case(&new_name.value) {
                    modified(data_type, options)
                } else {
                    STILL_USED
                }
            }
            Op::DropConstraint { name, .. } => dropped_constraint(&name.value),
            Op::DropForeignKey { .. } | Op::RenameConstraint { .. } => MAY_BE_A_KEY,
            Op::AddConstraint { constraint: TableConstraint::Index(index), .. }
                if !self.never_fails_in_index(&index.columns) =>
            {
                MAY_FAIL
            }
            Op::AddConstraint { constraint: TableConstraint::Index(index), .. } if self.is_mysql => {
                self.index_built(&index.columns)
            }
            Op::AddConstraint { .. } => (Class::Expand, WRITES_WAIT),
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
            Op::AutoIncrement { value, .. } if may_be_last(&value.value) => USES_UP_KEY,
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

/// Whether a change of a table takes values away, or may: what fits no more is cut or rounded.
fn drops_values(operation: &AlterTableOperation) -> bool {
    use AlterTableOperation as Op;
    matches!(
        operation,
        Op::DropColumn { .. }
            | Op::DropPartitions { .. }
            | Op::ModifyColumn { .. }
            | Op::ChangeColumn { .. }
            | Op::AlterColumn { op: AlterColumnOperation::SetDataType { .. }, .. }
    )
}

/// The column that a part of a key is, if it is one.
fn plain_column(part: &IndexColumn) -> Option<String> {
    match &part.column.expr {
        Expr::Identifier(name) => Some(name.value.clone()),
        _ => None,
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
