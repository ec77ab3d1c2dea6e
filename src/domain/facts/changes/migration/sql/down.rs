//! What a way down leaves of what the way up did. A way down is not run: it is held to name what was changed, in a statement
//! that can undo such a change.

use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, Expr, ObjectName, ObjectNamePart, RenameTableNameKind,
    SchemaName, Statement as Sql, TableConstraint,
};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::columns::tightens;

/// One change of the schema.
struct Change {
    /// It in words.
    what: String,
    /// The names that a statement which undoes it has: one of each of these.
    names: Vec<Vec<String>>,
    /// The words that it has one of.
    verbs: &'static [&'static str],
}

const DROPS: &[&str] = &["drop", "rename"];
const CREATES: &[&str] = &["create", "add", "rename"];
const RENAMES: &[&str] = &["rename", "change"];
const RETYPES: &[&str] = &["type", "modify", "change", "alter"];

/// Returns the first change that no statement of the way down undoes.
pub(super) fn left_behind(up: &[Sql], down: &[TokenWithSpan]) -> Option<String> {
    let mut changes = Changes::default();
    for sql in up {
        changes.take(sql);
    }
    let keeps_names = up.iter().any(|sql| matches!(sql, Sql::Set(_) | Sql::Use(_)));
    let statements = statements(down, keeps_names);
    let is_undone = |change: &Change| {
        is_rebuilt(change, &statements)
            || statements.iter().any(|words| {
                let has = |word: &str| words.iter().any(|own| own == word);
                change.verbs.iter().any(|verb| has(verb))
                    && change.names.iter().all(|names| names.iter().any(|name| has(name)))
            })
    };
    changes.all.iter().find(|change| !is_undone(change)).map(|change| change.what.clone())
}

/// Whether the table of a changed column is made anew, and takes the place of the other, as it has to be in SQLite.
fn is_rebuilt(change: &Change, statements: &[Vec<String>]) -> bool {
    let [table, _] = change.names.as_slice() else { return false };
    let renames = |words: &Vec<String>| words.iter().any(|word| word == "rename");
    statements.iter().any(|words| renames(words) && words.last().is_some_and(|last| table.contains(last)))
}

/// The words of each statement, in lower case, from behind the last `ROLLBACK`. Texts are no words, but where they are run.
/// Where it alone changes which tables are meant, it undoes nothing from there on.
fn statements(tokens: &[TokenWithSpan], keeps_names: bool) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for statement in tokens.split(|token| token.token == Token::SemiColon) {
        let solid =
            || statement.iter().map(|token| &token.token).filter(|token| !matches!(token, Token::Whitespace(_)));
        let Some(Token::Word(first)) = solid().next() else { continue };
        let first = first.value.to_ascii_lowercase();
        let is_run = ["do", "execute", "prepare", "set"].contains(&first.as_str());
        if first == "rollback"
            && !solid().any(|token| matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case("to")))
        {
            found.clear();
            continue;
        }
        let names =
            |token: &Token| matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case("search_path"));
        if !keeps_names && (first == "use" || first == "set" && solid().any(names)) {
            break;
        }
        found.push(solid().flat_map(|token| words(token, is_run)).collect());
    }
    found
}

fn words(token: &Token, is_run: bool) -> Vec<String> {
    let split = |text: &str| {
        let parts = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
        parts.map(str::to_lowercase).collect()
    };
    match token {
        Token::Word(word) => vec![word.value.to_lowercase()],
        Token::DollarQuotedString(text) if is_run => split(&text.value),
        Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) if is_run => split(text),
        _ => Vec::new(),
    }
}

#[derive(Default)]
struct Changes {
    all: Vec<Change>,
    /// Tables, schemas and the like that it creates: what is done to them goes with them.
    created: Vec<String>,
    /// Columns that it adds to other tables, with their table.
    added: Vec<(String, String)>,
}

impl Changes {
    fn take(&mut self, sql: &Sql) {
        match sql {
            Sql::CreateTable(table) if !table.temporary => self.create("TABLE", &table.name),
            Sql::CreateView(view) if !view.or_replace => self.create("VIEW", &view.name),
            Sql::CreateSequence { name, temporary: false, .. } => self.create("SEQUENCE", name),
            Sql::CreateType { name, .. } => self.create("TYPE", name),
            Sql::CreateFunction(function) if !function.or_replace => self.create("FUNCTION", &function.name),
            Sql::CreateSchema { schema_name: SchemaName::Simple(name), .. } => self.create("SCHEMA", name),
            Sql::CreateIndex(index) if !self.is_created(&index.table_name) => {
                let table = last(&index.table_name);
                let parts = index.columns.iter().map(|part| &part.column.expr);
                let is_of_added = parts.clone().any(|part| self.is_added(&table, &part.to_string()));
                // PostgreSQL names an index that has no name after its table.
                let named = index.name.as_ref().map(last);
                let guessed = || {
                    let columns: Vec<String> = parts.map(column_name).collect();
                    format!("{table}_{}_idx", columns.join("_"))
                };
                if !is_of_added {
                    let name = named.unwrap_or_else(guessed);
                    self.add(format!("CREATE INDEX {name}"), vec![vec![name]], &["drop"]);
                }
            }
            Sql::Drop { names, temporary: false, object_type, .. } => {
                for name in names {
                    if self.is_created(name) {
                        continue;
                    }
                    let what = format!("DROP {object_type} {name}");
                    self.add(what, vec![vec![last(name)]], CREATES);
                }
            }
            Sql::AlterType(alter) => {
                let what = format!("ALTER TYPE {}", alter.name);
                self.add(what, vec![vec![last(&alter.name)]], &["alter", "create", "drop"]);
            }
            Sql::AlterTable(alter) => alter.operations.iter().for_each(|operation| self.alter(alter, operation)),
            _ => {}
        }
    }

    fn add(&mut self, what: String, names: Vec<Vec<String>>, verbs: &'static [&'static str]) {
        self.all.push(Change { what, names, verbs });
    }

    fn create(&mut self, kind: &str, name: &ObjectName) {
        // What is created anew is the other half of a drop.
        let own = last(name);
        self.all.retain(|change| !(change.what.starts_with("DROP") && change.names == [vec![own.clone()]]));
        if !self.is_in_created_schema(name) {
            self.add(format!("CREATE {kind} {name}"), vec![vec![own.clone()]], DROPS);
        }
        self.created.push(own);
    }

    fn is_created(&self, name: &ObjectName) -> bool {
        self.created.contains(&last(name)) || self.is_in_created_schema(name)
    }

    fn is_in_created_schema(&self, name: &ObjectName) -> bool {
        name.0.len() > 1 && name.0.first().is_some_and(|schema| self.created.contains(&part(schema)))
    }

    fn is_added(&self, table: &str, column: &str) -> bool {
        let column = column.trim_matches(['"', '`']).to_lowercase();
        self.added.iter().any(|added| added.0 == table && added.1 == column)
    }

    /// Something has another name from here on.
    fn rename(&mut self, old: &str, new: &str) -> bool {
        let mut is_own = false;
        for names in self.all.iter_mut().filter(|change| change.verbs == DROPS).flat_map(|change| &mut change.names) {
            if names.iter().any(|name| name == old) {
                names.push(new.to_owned());
                is_own = true;
            }
        }
        is_own
    }

    fn alter(&mut self, alter: &AlterTable, operation: &AlterTableOperation) {
        use AlterTableOperation as Op;
        let table = last(&alter.name);
        match operation {
            Op::RenameTable { table_name: RenameTableNameKind::To(new) | RenameTableNameKind::As(new) } => {
                if self.rename(&table, &last(new)) {
                    self.created.push(last(new));
                } else {
                    self.add(format!("RENAME {table}"), vec![vec![table], vec![last(new)]], RENAMES);
                }
            }
            _ if self.is_created(&alter.name) => {}
            Op::AddColumn { column_def, .. } => {
                let name = column_def.name.value.to_lowercase();
                self.added.push((table.clone(), name.clone()));
                self.add(format!("ADD COLUMN {name} of {table}"), vec![vec![table], vec![name]], DROPS);
            }
            Op::RenameColumn { old_column_name: old, new_column_name: new } => {
                let (old, new) = (old.value.to_lowercase(), new.value.to_lowercase());
                if self.is_added(&table, &old) {
                    self.rename(&old, &new);
                } else {
                    self.add(format!("RENAME COLUMN {old} of {table}"), vec![vec![old], vec![new]], RENAMES);
                }
            }
            Op::DropColumn { column_names, .. } => {
                for name in column_names.iter().map(|name| name.value.to_lowercase()) {
                    if !self.is_added(&table, &name) {
                        let names = vec![vec![table.clone()], vec![name.clone()]];
                        self.add(format!("DROP COLUMN {name} of {table}"), names, CREATES);
                    }
                }
            }
            Op::DropConstraint { name, .. } => {
                let name = name.value.to_lowercase();
                self.add(format!("DROP CONSTRAINT {name}"), vec![vec![table]], CREATES);
            }
            Op::AddConstraint { constraint, .. } if tightens(constraint) => self.constrain(&table, constraint),
            Op::AlterColumn { column_name, op } => {
                let name = column_name.value.to_lowercase();
                let verbs: &[&str] = match op {
                    AlterColumnOperation::SetNotNull => &["drop", "modify", "change"],
                    AlterColumnOperation::DropNotNull => &["set", "modify", "change"],
                    AlterColumnOperation::SetDefault { .. } | AlterColumnOperation::DropDefault => {
                        &["default", "modify", "change"]
                    }
                    _ => RETYPES,
                };
                if !self.is_added(&table, &name) {
                    self.add(format!("ALTER COLUMN {name} of {table}"), vec![vec![table], vec![name]], verbs);
                }
            }
            Op::ModifyColumn { col_name: name, .. } | Op::ChangeColumn { old_name: name, .. } => {
                let name = name.value.to_lowercase();
                if !self.is_added(&table, &name) {
                    self.add(format!("{operation} of {table}"), vec![vec![table], vec![name]], RETYPES);
                }
            }
            _ => {}
        }
    }

    /// A constraint goes with the columns that the file adds.
    fn constrain(&mut self, table: &str, constraint: &TableConstraint) {
        let text = constraint.to_string().to_lowercase();
        let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        if words.any(|word| self.is_added(table, word)) {
            return;
        }
        let name = match constraint {
            TableConstraint::Unique(unique) => unique.name.as_ref().or(unique.index_name.as_ref()),
            TableConstraint::ForeignKey(foreign) => foreign.name.as_ref(),
            TableConstraint::Check(check) => check.name.as_ref(),
            _ => None,
        };
        let name = name.map_or_else(|| table.to_owned(), |name| name.value.to_lowercase());
        self.add(format!("ADD {constraint} of {table}"), vec![vec![name]], DROPS);
    }
}

fn column_name(expression: &Expr) -> String {
    match expression {
        Expr::Identifier(name) => name.value.to_lowercase(),
        _ => "expr".to_owned(),
    }
}

fn last(name: &ObjectName) -> String {
    name.0.last().map(part).unwrap_or_default()
}

fn part(part: &ObjectNamePart) -> String {
    match part {
        ObjectNamePart::Identifier(name) => name.value.to_lowercase(),
        ObjectNamePart::Function(function) => function.to_string().to_lowercase(),
    }
}
