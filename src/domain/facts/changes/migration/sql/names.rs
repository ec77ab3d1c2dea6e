//! What the names in a statement mean, and when two mean the same.

use sqlparser::ast::{AssignmentTarget, ObjectName, ObjectNamePart, Statement as Sql, TableFactor, TableWithJoins};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::calls::is_of_database;

/// A name by which two names are the same table in every database: PostgreSQL folds what is not quoted, and MySQL
/// distinguishes case.
pub(super) fn key(name: &ObjectName) -> String {
    let part = |part: &ObjectNamePart| match part {
        ObjectNamePart::Identifier(name) => {
            let is_folded = name.quote_style.is_none() && name.value.chars().any(char::is_uppercase);
            format!("{}{}", if is_folded { "folded " } else { "" }, name.value)
        }
        ObjectNamePart::Function(function) => format!("function {function}"),
    };
    name.0.iter().map(part).collect::<Vec<_>>().join("\0")
}

pub(super) fn table_of(table: &TableWithJoins) -> Option<&ObjectName> {
    match &table.relation {
        TableFactor::Table { name, .. } => Some(name),
        _ => None,
    }
}

pub(super) fn column_of(target: &AssignmentTarget) -> Option<String> {
    let AssignmentTarget::ColumnName(name) = target else { return None };
    match name.0.last()? {
        ObjectNamePart::Identifier(name) => Some(name.value.to_ascii_lowercase()),
        ObjectNamePart::Function(_) => None,
    }
}

/// Whether the database has a function of this name.
pub(super) fn names_of_database(name: &ObjectName) -> bool {
    match name.0.last() {
        Some(ObjectNamePart::Identifier(name)) => is_of_database(&name.value),
        _ => false,
    }
}

/// Whether a statement changes which tables the names after it mean.
pub(super) fn changes_names(sql: &Sql, tokens: &[TokenWithSpan]) -> bool {
    let is_word = |token: &TokenWithSpan, words: &[&str]| {
        let text = match &token.token {
            Token::Word(word) if !matches!(sql, Sql::Query(_)) => &word.value,
            Token::SingleQuotedString(text) => text,
            _ => return false,
        };
        words.iter().any(|word| text.eq_ignore_ascii_case(word))
    };
    match sql {
        Sql::Use(_) | Sql::Reset(_) => true,
        Sql::Set(_) => {
            tokens.iter().any(|token| is_word(token, &["search_path", "schema", "role", "authorization", "database"]))
        }
        Sql::Query(_) => tokens.iter().any(|token| is_word(token, &["search_path", "role"])),
        _ => false,
    }
}
