//! What only MySQL and MariaDB have: comments that are statements, settings that change how the rest reads, users with
//! hosts, numbers that use up a key.

use std::borrow::Cow;

use sqlparser::ast::{Expr, Insert, Set, SetExpr, Statement as Sql, Value};
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Numbers from here on may be the last of a key: `INT` ends with twice that, and signed, with this.
const LAST_KEYS: u64 = 2_147_483_647;
/// What smaller types of keys end with, signed and not.
const LAST_SMALL_KEYS: [u64; 6] = [127, 255, 32_767, 65_535, 8_388_607, 16_777_215];

/// MariaDB runs `/*M! … */`, as both run `/*! … */`; neither is of version 99.99.99, which dumps begin with.
pub(super) fn with_comments_of_mariadb(text: &str) -> Cow<'_, str> {
    if !text.contains("/*M!") && !text.contains("/*!999999") {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("/*M!", "/*!").replace("/*!999999", "/* 999999"))
}

/// Whether a text has comments that MySQL or MariaDB runs.
pub(super) fn has_comments_that_run(text: &str) -> bool {
    text.contains("/*!") || text.contains("/*M!")
}

/// Whether a `SET` is about the server, which all versions share: `SET GLOBAL a = 1`, `SET @@global.a = 1`.
pub(super) fn sets_server(tokens: &[TokenWithSpan]) -> bool {
    tokens.iter().any(|token| match &token.token {
        Token::Word(word) => {
            let name = word.value.trim_start_matches('@').to_ascii_lowercase();
            ["global", "persist", "persist_only"].contains(&name.split('.').next().unwrap_or_default())
        }
        _ => false,
    })
}

/// Whether a statement may change what quotes and backslashes mean in those behind it.
pub(super) fn changes_quotes(sql: &Sql, tokens: &[TokenWithSpan]) -> bool {
    let of_mode = |word: &str| word.trim_start_matches('@').to_ascii_lowercase().ends_with("sql_mode");
    if !matches!(sql, Sql::Set(_)) || !tokens.iter().any(|token| is_word(token, of_mode)) {
        return false;
    }
    // Modes with these names imply one of both, or are one.
    let named = ["ANSI", "BACKSLASH", "ORACLE", "MSSQL", "DB2", "POSTGRESQL", "MAXDB"];
    let literal = |text: &str| !named.iter().any(|name| text.to_ascii_uppercase().contains(name));
    !match sql {
        Sql::Set(Set::SingleAssignment { values, .. }) => values.iter().all(|value| is_text(value, literal)),
        Sql::Set(Set::MultipleAssignments { assignments }) => {
            assignments.iter().filter(|set| of_mode(&set.name.to_string())).all(|set| is_text(&set.value, literal))
        }
        _ => false,
    }
}

/// Whether what that concerns stands in a text, from a line on that counts from 1.
pub(super) fn has_quotes(text: &str, line: u64) -> bool {
    let before = usize::try_from(line.saturating_sub(1)).unwrap_or_default();
    text.split('\n').skip(before).any(|line| line.contains(['\\', '"']))
}

fn is_word(token: &TokenWithSpan, fits: impl Fn(&str) -> bool) -> bool {
    matches!(&token.token, Token::Word(word) if fits(&word.value))
}

fn is_text(value: &Expr, fits: impl Fn(&str) -> bool) -> bool {
    match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => fits(text),
            _ => false,
        },
        _ => false,
    }
}

/// Whether a user is one of a host: the server prefers the entry with the host that fits best, so that the version before
/// may log in as another user than before.
pub(super) fn has_host(tokens: &[TokenWithSpan]) -> bool {
    tokens.iter().any(|token| match &token.token {
        Token::AtSign => true,
        Token::Word(word) => word.value.contains('@'),
        _ => false,
    })
}

/// Whether a number that a key begins with, or that a row has for its key, may be the last that the key can hold.
pub(super) fn may_be_last(value: &Value) -> bool {
    matches!(value, Value::Number(number, _) if is_last(number))
}

fn is_last(number: &str) -> bool {
    number.parse::<u64>().is_ok_and(|number| number >= LAST_KEYS || LAST_SMALL_KEYS.contains(&number))
}

/// Whether a row of an insert may use up the key: the next number is that of the last row, plus one. Without the names of
/// its columns, the first is taken for the key.
pub(super) fn uses_up_key(insert: &Insert) -> bool {
    let is_key = |name: &str| name.trim_matches(['`', '"']).eq_ignore_ascii_case("id");
    let given =
        insert.assignments.iter().filter(|set| is_key(&set.target.to_string())).map(|set| set.value.to_string());
    let column = insert.columns.iter().position(|column| is_key(&column.to_string()));
    let column = if insert.columns.is_empty() { Some(0) } else { column };
    let of_rows: Vec<String> = match (column, insert.source.as_ref().map(|query| query.body.as_ref())) {
        (Some(column), Some(SetExpr::Values(values))) => {
            values.rows.iter().filter_map(|row| row.get(column)).map(ToString::to_string).collect()
        }
        (Some(column), Some(SetExpr::Select(select))) => {
            select.projection.get(column).map(ToString::to_string).into_iter().collect()
        }
        _ => Vec::new(),
    };
    let highest = given.chain(of_rows).max_by_key(|number| number.parse::<u64>().ok());
    highest.is_some_and(|number| is_last(&number))
}
