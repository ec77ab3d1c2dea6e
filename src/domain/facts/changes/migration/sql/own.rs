//! What a file itself creates: no version used it before, unless it reaches into what was there.

use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, ColumnDef, ColumnOption, ContextModifier, CreateTable,
    ForeignKeyConstraint, ObjectName, ReferentialAction, Set, Statement as Sql, TableConstraint,
};
use sqlparser::tokenizer::TokenWithSpan;

use super::columns::{is_serial, tightens};
use super::names::{changes_names, key, table_of};

/// A column that the file adds to a table that was there.
struct Column {
    table: String,
    name: String,
    /// Whether any value will do.
    is_free: bool,
    /// Whether all rows have null there: no default, and nothing was written yet.
    is_empty: bool,
    /// Whether rows of another table may not be deleted for its values, or rows of its own go with them.
    ties: bool,
}

#[derive(Default)]
pub(super) struct Own {
    tables: Vec<String>,
    columns: Vec<Column>,
    /// Types that it creates: no domains.
    pub types: Vec<String>,
    /// Tables of its own whose rows others may not be deleted for.
    referring: Vec<String>,
    /// Tables of its own that may have rows.
    filled: Vec<String>,
    /// Whether the names that it uses change back when the transaction ends.
    is_local: bool,
}

impl Own {
    pub fn has(&self, name: &ObjectName) -> bool {
        self.tables.contains(&key(name))
    }

    fn column(&self, table: &ObjectName, column: &str) -> Option<&Column> {
        let table = key(table);
        self.columns.iter().find(|own| own.table == table && own.name.eq_ignore_ascii_case(column))
    }

    pub fn has_column(&self, table: &ObjectName, column: &str) -> bool {
        self.column(table, column).is_some()
    }

    /// Whether a column is its own, and takes any value.
    pub fn has_free_column(&self, table: &ObjectName, column: &str) -> bool {
        self.column(table, column).is_some_and(|column| column.is_free)
    }

    /// Whether a column is its own, and what it becomes takes the same values as before: a default may meet a key of it.
    pub fn may_redefine(&self, table: &ObjectName, column: &str, options: &[ColumnOption]) -> bool {
        self.column(table, column).is_some_and(|column| column.is_free || options.iter().all(is_silent))
    }

    /// Whether every row has null in one of these columns, which are its own: a key of them is met by none.
    pub fn is_empty_key(&self, table: &ObjectName, mut columns: impl Iterator<Item = Option<String>>) -> bool {
        columns.any(|name| name.and_then(|name| self.column(table, &name)).is_some_and(|column| column.is_empty))
    }

    /// Whether rows that are written to a table or a column of it keep those of others from being deleted.
    pub fn keeps_others(&self, table: &ObjectName, columns: &[String]) -> bool {
        let is_kept = |column: &String| self.column(table, column).is_some_and(|column| column.ties);
        self.referring.contains(&key(table)) || columns.iter().any(is_kept)
    }

    /// Whether a change of its own table makes rows that are in it keep those of others.
    pub fn begins_to_keep(&self, table: &ObjectName, operation: &AlterTableOperation) -> bool {
        self.filled.contains(&key(table)) && refers(operation)
    }

    /// Takes note of what a statement creates, fills and drops.
    pub fn note(&mut self, sql: &Sql, tokens: &[TokenWithSpan]) {
        self.note_created(sql);
        self.note_filled(sql);
        // What it dropped may have hidden another of that name, as temporary tables do.
        if let Sql::Drop { names, .. } = sql {
            self.tables.retain(|own| !names.iter().any(|name| key(name) == *own));
        }
        if changes_names(sql, tokens) {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.tables.clear();
        self.columns.clear();
    }

    fn note_created(&mut self, sql: &Sql) {
        match sql {
            // A table that may be there already is not its own, and one that goes with its transaction does not last.
            Sql::CreateTable(table) if !table.if_not_exists && table.on_commit.is_none() => {
                self.tables.push(key(&table.name));
                if table_keeps_others(table) {
                    self.referring.push(key(&table.name));
                }
            }
            Sql::CreateIndex(index) if index.unique => self.bind(&key(&index.table_name), false),
            Sql::CreateType { name, .. } => self.types.push(key(name)),
            Sql::Set(Set::SingleAssignment { scope: Some(ContextModifier::Local), .. }) => self.is_local = true,
            Sql::Commit { .. } | Sql::Rollback { .. } if self.is_local => {
                self.forget();
                self.is_local = false;
            }
            _ => {}
        }
    }

    /// Takes note of a change of a table, before the next one of the same statement.
    pub fn note_altered(&mut self, alter: &AlterTable, operation: &AlterTableOperation) {
        use AlterTableOperation as Op;
        let table = key(&alter.name);
        if self.has(&alter.name) && refers(operation) {
            self.referring.push(table.clone());
        }
        match operation {
            Op::AddColumn { if_not_exists: false, column_def, .. } => self.columns.push(column(table, column_def)),
            Op::AddConstraint { constraint, .. } if tightens(constraint) => {
                let ties = matches!(constraint, TableConstraint::ForeignKey(foreign) if ties(foreign));
                self.bind(&table, ties);
            }
            Op::ModifyColumn { col_name: old, options, .. } => {
                self.redefine(&table, &old.value, &old.value, options);
            }
            Op::ChangeColumn { old_name, new_name, options, .. } => {
                self.redefine(&table, &old_name.value, &new_name.value, options);
            }
            Op::AlterColumn { column_name, op: AlterColumnOperation::SetDefault { .. } } => {
                let name = &column_name.value;
                self.own_columns(&table, |own| own.eq_ignore_ascii_case(name)).for_each(|own| own.is_empty = false);
            }
            _ => {}
        }
    }

    fn own_columns(&mut self, table: &str, fits: impl Fn(&str) -> bool) -> impl Iterator<Item = &mut Column> {
        self.columns.iter_mut().filter(move |own| own.table == table && fits(&own.name))
    }

    /// Its columns of a table are no longer free: a key or a check may be about them.
    fn bind(&mut self, table: &str, ties: bool) {
        for own in self.own_columns(table, |_| true) {
            own.is_free = false;
            own.ties |= ties;
        }
    }

    fn redefine(&mut self, table: &str, old: &str, new: &str, options: &[ColumnOption]) {
        for own in self.own_columns(table, |own| own.eq_ignore_ascii_case(old)) {
            new.clone_into(&mut own.name);
            own.is_free &= !options.iter().any(is_bound);
            own.is_empty &= options.iter().all(is_silent);
            own.ties |= options.iter().any(option_ties);
        }
    }

    fn note_filled(&mut self, sql: &Sql) {
        let filled = match sql {
            Sql::CreateTable(table) if table.query.is_some() => Some(&table.name),
            Sql::Insert(insert) => match &insert.table {
                sqlparser::ast::TableObject::TableName(name) => Some(name),
                _ => None,
            },
            Sql::Copy { source: sqlparser::ast::CopySource::Table { table_name, .. }, to: false, .. } => {
                Some(table_name)
            }
            Sql::Update(update) => table_of(&update.table),
            _ => None,
        };
        let Some(table) = filled.map(key) else { return };
        self.own_columns(&table, |_| true).for_each(|own| own.is_empty = false);
        self.filled.push(table);
    }
}

fn column(table: String, column: &ColumnDef) -> Column {
    let options = || column.options.iter().map(|option| &option.option);
    Column {
        table,
        name: column.name.value.to_ascii_lowercase(),
        is_free: !options().any(is_bound),
        is_empty: options().all(is_silent) && !is_serial(&column.data_type),
        ties: options().any(option_ties),
    }
}

fn is_bound(option: &ColumnOption) -> bool {
    matches!(
        option,
        ColumnOption::Unique(_) | ColumnOption::PrimaryKey(_) | ColumnOption::Check(_) | ColumnOption::ForeignKey(_)
    )
}

/// Whether a column with this option may have null in every row.
fn is_silent(option: &ColumnOption) -> bool {
    matches!(
        option,
        ColumnOption::Null
            | ColumnOption::Unique(_)
            | ColumnOption::ForeignKey(_)
            | ColumnOption::Comment(_)
            | ColumnOption::CharacterSet(_)
            | ColumnOption::Collation(_)
    )
}

fn keeps(foreign: &ForeignKeyConstraint) -> bool {
    !matches!(foreign.on_delete, Some(ReferentialAction::Cascade | ReferentialAction::SetNull))
}

/// Whether a key of a table that was there lets neither its rows nor those of the other one be.
fn ties(foreign: &ForeignKeyConstraint) -> bool {
    foreign.on_delete != Some(ReferentialAction::SetNull)
}

fn option_ties(option: &ColumnOption) -> bool {
    matches!(option, ColumnOption::ForeignKey(foreign) if ties(foreign))
}

fn option_keeps_others(option: &ColumnOption) -> bool {
    matches!(option, ColumnOption::ForeignKey(foreign) if keeps(foreign))
}

fn constraint_keeps_others(constraint: &TableConstraint) -> bool {
    matches!(constraint, TableConstraint::ForeignKey(foreign) if keeps(foreign))
}

/// Whether a change adds a key to rows of others, which may then not be deleted.
fn refers(operation: &AlterTableOperation) -> bool {
    match operation {
        AlterTableOperation::AddConstraint { constraint, .. } => constraint_keeps_others(constraint),
        AlterTableOperation::AddColumn { column_def, .. } => {
            column_def.options.iter().any(|option| option_keeps_others(&option.option))
        }
        _ => false,
    }
}

/// Whether rows of a table keep those that they refer to from being deleted.
pub(super) fn table_keeps_others(table: &CreateTable) -> bool {
    let in_columns = table.columns.iter().flat_map(|column| &column.options);
    in_columns.into_iter().any(|option| option_keeps_others(&option.option))
        || table.constraints.iter().any(constraint_keeps_others)
}
