//! Parses SQL and classifies each statement by its effect on the previous version.

use sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, AlterTypeOperation, ColumnDef, ColumnOption, CreateTable,
    DataType, ObjectName, ObjectType, Statement as Sql, TableConstraint, TableObject,
};
use sqlparser::dialect::{Dialect, GenericDialect, MySqlDialect, PostgreSqlDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::{Class, Statement, Unread};

/// Statements nested deeper than this are not read.
const MAX_DEPTH: usize = 40;
/// More keywords and operators than this in one expression are not read.
const MAX_EXPRESSION_TOKENS: usize = 250;
/// Functions that a `SELECT` of a migration may call: they change nothing that the version before would miss.
const HARMLESS_FUNCTIONS: [&str; 12] = [
    "set_config",
    "setval",
    "nextval",
    "currval",
    "pg_get_serial_sequence",
    "coalesce",
    "max",
    "min",
    "count",
    "now",
    "current_setting",
    "version",
];

/// Reads SQL in the dialect that understands most of it; where none understands all, says where it failed.
#[must_use]
pub fn read(text: &str) -> (Vec<Statement>, Option<Unread>) {
    let dialects: [&dyn Dialect; 3] = [&GenericDialect {}, &PostgreSqlDialect {}, &MySqlDialect {}];
    let mut best: Option<(Vec<Statement>, Option<Unread>)> = None;
    for dialect in dialects {
        let read = read_as(text, dialect);
        if read.1.is_none() {
            return read;
        }
        if best.as_ref().is_none_or(|best| read.0.len() > best.0.len()) {
            best = Some(read);
        }
    }
    best.unwrap_or_default()
}

fn read_as(text: &str, dialect: &dyn Dialect) -> (Vec<Statement>, Option<Unread>) {
    let tokens = match Tokenizer::new(dialect, text).tokenize_with_location() {
        Ok(tokens) => tokens,
        Err(error) => return (Vec::new(), Some(Unread { line: error.location.line.max(1), why: error.message })),
    };
    if let Some(line) = too_complex(&tokens) {
        return (Vec::new(), Some(Unread { line, why: "the expression is too long to be read".to_owned() }));
    }
    let mut parser = Parser::new(dialect).with_recursion_limit(MAX_DEPTH).with_tokens_with_locations(tokens.clone());
    let mut reader = Reader::default();
    loop {
        while parser.consume_token(&Token::SemiColon) {}
        let begin = parser.peek_token();
        if begin.token == Token::EOF {
            return (reader.statements, None);
        }
        let from = parser.index();
        let line = begin.span.start.line.max(1);
        match parser.parse_statement() {
            Ok(sql) => {
                let next = parser.peek_token();
                // Without the end of the statement, what was read is not what was meant.
                if !matches!(next.token, Token::SemiColon | Token::EOF) {
                    let line = next.span.start.line.max(1);
                    let why = format!("`{}` is not understood there", next.token);
                    return (reader.statements, Some(Unread { line, why }));
                }
                reader.take(&sql, line, tokens.get(from..parser.index()).unwrap_or_default());
            }
            Err(error) => {
                let at = parser.peek_token().span.start.line.max(line);
                let why = error.to_string();
                let why = why.strip_prefix("sql parser error: ").unwrap_or(&why);
                // Its own words for the place only repeat ours.
                let why = why.split(" at Line:").next().unwrap_or(why).to_owned();
                return (reader.statements, Some(Unread { line: at, why }));
            }
        }
    }
}

/// Returns the line where an expression gets longer than its tree may be deep: such a tree would exhaust the stack when
/// it is walked, which ends the program.
fn too_complex(tokens: &[TokenWithSpan]) -> Option<u64> {
    // Operators so far, in each of the brackets that are open.
    let mut open = vec![0_usize];
    for TokenWithSpan { token, span } in tokens {
        match token {
            Token::LParen => open.push(0),
            Token::RParen if open.len() > 1 => {
                open.pop();
            }
            Token::SemiColon => open = vec![0],
            Token::Comma => {
                if let Some(count) = open.last_mut() {
                    *count = 0;
                }
            }
            Token::Whitespace(_) | Token::Number(..) | Token::Period | Token::RParen => {}
            Token::Word(word) if word.keyword == Keyword::NoKeyword => {}
            _ => {
                let count = open.last_mut()?;
                *count += 1;
                if *count > MAX_EXPRESSION_TOKENS {
                    return Some(span.start.line.max(1));
                }
            }
        }
    }
    None
}

/// What a statement means, with the reason.
type Meaning = (Class, &'static str);

const EXPAND: Meaning = (Class::Expand, "");
const STILL_USED: Meaning = (Class::Contract, "the version before may still use it");
const TIGHTER_CONSTRAINT: Meaning = (Class::Contract, "the version before may still write what it forbids");
const UNCLEAR: Meaning = (Class::Unclear, "whether it is compatible with the version before is unknown");

#[derive(Default)]
struct Reader {
    statements: Vec<Statement>,
    /// Tables that the file itself creates: no one used them before.
    own: Vec<String>,
}

impl Reader {
    fn take(&mut self, sql: &Sql, line: u64, tokens: &[TokenWithSpan]) {
        match sql {
            Sql::AlterTable(alter) => {
                for operation in &alter.operations {
                    let (class, why) = self.alter_table(alter, operation);
                    let what = brief(&format!("{operation} of {}", alter.name));
                    self.statements.push(Statement { line, what, class, why: why.into() });
                }
            }
            other => {
                let (class, why) = self.meaning(other, tokens);
                self.statements.push(Statement { line, what: brief(&source(tokens)), class, why: why.into() });
            }
        }
        if let Sql::CreateTable(CreateTable { name, .. }) = sql {
            self.own.push(key(name));
        }
    }

    fn is_own(&self, name: &ObjectName) -> bool {
        self.own.contains(&key(name))
    }

    #[expect(
        clippy::match_same_arms,
        reason = "the order is that of the reasons; later arms take what earlier ones leave"
    )]
    fn meaning(&self, sql: &Sql, tokens: &[TokenWithSpan]) -> Meaning {
        match sql {
            Sql::CreateTable(table) if table.or_replace => STILL_USED,
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
            Sql::CreateIndex(index) if !index.concurrently => (Class::Expand, "writes may wait while it builds"),
            Sql::CreateIndex(_) => EXPAND,
            Sql::CreateView(view) if view.or_replace || view.or_alter => UNCLEAR,
            Sql::CreateFunction(function) if function.or_replace || function.or_alter => UNCLEAR,
            Sql::CreateView(_) | Sql::CreateFunction(_) => EXPAND,
            Sql::AlterType(alter) => match alter.operation {
                AlterTypeOperation::AddValue(_) => EXPAND,
                AlterTypeOperation::Rename(_) | AlterTypeOperation::RenameValue(_) => STILL_USED,
            },
            Sql::AlterIndex { .. } => EXPAND,
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
            Sql::Truncate(_) => (Class::Contract, "all rows are lost"),
            Sql::Delete(delete) if delete.selection.is_none() => (Class::Contract, "all rows are lost"),
            Sql::Delete(_) => (Class::Expand, "rows are lost"),
            Sql::Update(update) if update.selection.is_none() => (Class::Expand, "all rows are written"),
            Sql::Update(_) => EXPAND,
            Sql::Insert(insert) if insert.overwrite => (Class::Contract, "all rows are lost"),
            Sql::Insert(insert) => match &insert.table {
                TableObject::TableName(_) if !hides_writes(tokens) => EXPAND,
                _ => UNCLEAR,
            },
            Sql::Copy { to: false, .. } => EXPAND,
            Sql::Query(_) if !hides_writes(tokens) && !calls(tokens) => EXPAND,
            _ => UNCLEAR,
        }
    }

    fn alter_table(&self, alter: &AlterTable, operation: &AlterTableOperation) -> Meaning {
        use AlterTableOperation as Op;
        let own = self.is_own(&alter.name);
        match operation {
            Op::AddColumn { column_def, .. } if !own => added_column(column_def),
            Op::AddConstraint { constraint, .. } if !own && tightens(constraint) => TIGHTER_CONSTRAINT,
            Op::AlterColumn { op, .. } if !own => altered_column(op),
            Op::ModifyColumn { data_type, options, .. } if !own => modified_column(data_type, options),
            Op::ChangeColumn { old_name, new_name, data_type, options, .. } if !own => {
                if old_name == new_name {
                    modified_column(data_type, options)
                } else {
                    STILL_USED
                }
            }
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
            Op::AddColumn { .. }
            | Op::AddConstraint { .. }
            | Op::AlterColumn { .. }
            | Op::ModifyColumn { .. }
            | Op::ChangeColumn { .. }
            | Op::AddPartitions { .. }
            | Op::AttachPartition { .. }
            | Op::DropConstraint { .. }
            | Op::DropForeignKey { .. }
            | Op::RenameConstraint { .. }
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

/// A column that the version before does not know: its inserts leave it out.
fn added_column(column: &ColumnDef) -> Meaning {
    let options = || column.options.iter().map(|option| &option.option);
    let filled = options().any(|option| {
        matches!(option, ColumnOption::Default(_) | ColumnOption::Generated { .. } | ColumnOption::Identity(_))
            || matches!(option, ColumnOption::DialectSpecific(words) if words.iter().any(is_auto_increment))
    });
    let must = options().any(|option| matches!(option, ColumnOption::NotNull | ColumnOption::PrimaryKey(_)));
    let serial = column.data_type.to_string().to_ascii_lowercase().contains("serial");
    if must && !filled && !serial {
        (Class::Contract, "not null and without a default: inserts of the version before fail")
    } else {
        EXPAND
    }
}

fn is_auto_increment(token: &Token) -> bool {
    matches!(token, Token::Word(word) if matches!(word.keyword, Keyword::AUTO_INCREMENT | Keyword::AUTOINCREMENT))
}

fn tightens(constraint: &TableConstraint) -> bool {
    !matches!(constraint, TableConstraint::Index(_) | TableConstraint::FulltextOrSpatial(_))
}

fn altered_column(operation: &AlterColumnOperation) -> Meaning {
    match operation {
        AlterColumnOperation::SetNotNull => TIGHTER_CONSTRAINT,
        AlterColumnOperation::DropDefault => (Class::Contract, "inserts of the version before may rely on it"),
        AlterColumnOperation::SetDataType { data_type, using, .. } => {
            if using.is_none() && is_wide(data_type) {
                EXPAND
            } else {
                NARROWER_TYPE
            }
        }
        AlterColumnOperation::DropNotNull
        | AlterColumnOperation::SetDefault { .. }
        | AlterColumnOperation::AddGenerated { .. } => EXPAND,
    }
}

const NARROWER_TYPE: Meaning = (Class::Contract, "values of the old type may not fit the new one");

fn modified_column(data_type: &DataType, options: &[ColumnOption]) -> Meaning {
    if options.iter().any(|option| matches!(option, ColumnOption::NotNull)) {
        TIGHTER_CONSTRAINT
    } else if is_wide(data_type) {
        EXPAND
    } else {
        NARROWER_TYPE
    }
}

/// The types that hold whatever a smaller one of their family holds. Which one it was before is unknown here.
fn is_wide(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Text
            | DataType::LongText
            | DataType::BigInt(_)
            | DataType::Int8(_)
            | DataType::DoublePrecision
            | DataType::Varchar(None)
            | DataType::CharacterVarying(None)
    )
}

/// Whether a query or an insert also deletes: `WITH gone AS (DELETE FROM …) …`.
fn hides_writes(tokens: &[TokenWithSpan]) -> bool {
    let writes = [Keyword::DELETE, Keyword::TRUNCATE, Keyword::MERGE, Keyword::DROP];
    // `FOR UPDATE` and `DO UPDATE` are no updates of their own.
    let mut before = Keyword::NoKeyword;
    keywords(tokens).any(|keyword| {
        let update = keyword == Keyword::UPDATE && !matches!(before, Keyword::FOR | Keyword::DO | Keyword::KEY);
        before = keyword;
        update || writes.contains(&keyword)
    })
}

fn keywords(tokens: &[TokenWithSpan]) -> impl Iterator<Item = Keyword> {
    tokens.iter().filter_map(|token| match &token.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    })
}

/// Whether a query calls a function that may do anything.
fn calls(tokens: &[TokenWithSpan]) -> bool {
    let solid: Vec<&Token> =
        tokens.iter().map(|token| &token.token).filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    solid.windows(2).any(|pair| match pair {
        [Token::Word(word), Token::LParen] => {
            let is_function = word.quote_style.is_some() || word.keyword == Keyword::NoKeyword;
            is_function && !HARMLESS_FUNCTIONS.contains(&word.value.to_ascii_lowercase().as_str())
        }
        _ => false,
    })
}

/// Names are distinguished without regard to case and quotes: as far as tables of one file go, that will do.
fn key(name: &ObjectName) -> String {
    name.to_string().replace(['"', '`'], "").to_ascii_lowercase()
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

#[cfg(test)]
mod tests;
