//! Parses SQL and classifies each statement by its effect on the previous version.

mod calls;
mod columns;
mod down;
mod expressions;
mod mysql;
mod names;
mod own;
mod rows;
mod statements;

use sqlparser::dialect::{Dialect as ParserDialect, GenericDialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::files::Dialect;
use super::{Class, Statement, Unread};
use statements::Reader;

/// Statements nested deeper than this are not read.
const MAX_DEPTH: usize = 40;
/// More keywords and operators than this in one expression are not read.
const MAX_EXPRESSION_TOKENS: usize = 250;

/// Reads SQL in a dialect; without one in each that understands all of it, and the gravest reading counts: comments,
/// quotes and escapes differ. Where none understands all, says where the one that got furthest failed.
#[must_use]
pub fn read(text: &str, dialect: Option<Dialect>) -> (Vec<Statement>, Option<Unread>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(at) = text.find('\0') {
        let line = text[..at].matches('\n').count() as u64 + 1;
        let why = "it has NUL bytes: it is UTF-16, or no text; have it written as UTF-8".to_owned();
        return (Vec::new(), Some(Unread { line, why }));
    }
    let gravest = |statements: &[Statement]| statements.iter().map(|statement| statement.class).max();
    let mut best: Option<(Vec<Statement>, Option<Unread>)> = None;
    for dialect in parsers(text, dialect) {
        let read = read_as(text, *dialect);
        let is_better = best.as_ref().is_none_or(|best| match (&read.1, &best.1) {
            (None, None) => gravest(&read.0) > gravest(&best.0),
            (None, Some(_)) => true,
            (Some(_), None) => false,
            (Some(_), Some(_)) => read.0.len() > best.0.len(),
        });
        if is_better {
            best = Some(read);
        }
    }
    best.unwrap_or_default()
}

/// The dialects that a text may be in.
fn parsers(text: &str, dialect: Option<Dialect>) -> &'static [&'static dyn ParserDialect] {
    match dialect {
        Some(Dialect::Postgres) => &[&PostgreSqlDialect {}],
        Some(Dialect::MySql) => &[&MySqlDialect {}],
        Some(Dialect::Sqlite) => &[&SQLiteDialect {}],
        // Only MySQL and MariaDB run what stands in such comments.
        Some(Dialect::Other) | None if mysql::has_comments_that_run(text) => &[&MySqlDialect {}],
        Some(Dialect::Other) | None => {
            &[&GenericDialect {}, &PostgreSqlDialect {}, &MySqlDialect {}, &SQLiteDialect {}]
        }
    }
}

/// Returns the first change of a way up that its way down does not undo; `None` as well where one of them is not understood.
#[must_use]
pub fn left_behind(up: &str, down: &str, dialect: Option<Dialect>) -> Option<String> {
    let understood = |parser: &&'static dyn ParserDialect| {
        let tokens = Tokenizer::new(*parser, up).tokenize_with_location().ok()?;
        let is_simple = too_complex(&tokens).is_none();
        let parsed = Parser::new(*parser).with_recursion_limit(MAX_DEPTH).with_tokens_with_locations(tokens);
        let statements = is_simple.then_some(parsed)?.parse_statements().ok()?;
        Some((statements, Tokenizer::new(*parser, down).tokenize_with_location().ok()?))
    };
    let (up, down) = parsers(up, dialect).iter().find_map(understood)?;
    down::left_behind(&up, &down)
}

/// Returns whether SQL takes all rows of a table away, other than with the table.
#[must_use]
pub fn empties_tables(text: &str, dialect: Option<Dialect>) -> bool {
    let is_emptied = |what: &str| ["delete", "truncate"].iter().any(|verb| what.to_ascii_lowercase().starts_with(verb));
    let (statements, _) = read(text, dialect);
    statements.iter().any(|statement| statement.class == Class::Contract && is_emptied(&statement.what))
}

/// Returns whether SQL does nothing: it has no statement, or only such as `SELECT 'down SQL query'`, which templates
/// have.
#[must_use]
pub fn does_nothing(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, text).tokenize() else { return false };
    let words = ["select", "begin", "commit", "end", "transaction", "start", "as", "null", "true"];
    tokens.iter().all(|token| match token {
        Token::Word(word) => word.quote_style.is_none() && words.contains(&word.value.to_ascii_lowercase().as_str()),
        Token::Whitespace(_) | Token::SemiColon | Token::Number(..) | Token::SingleQuotedString(_) | Token::EOF => true,
        _ => false,
    })
}

fn read_as(text: &str, dialect: &dyn ParserDialect) -> (Vec<Statement>, Option<Unread>) {
    let is_mysql = dialect.is::<MySqlDialect>();
    let text = if is_mysql { mysql::with_comments_of_mariadb(text) } else { text.into() };
    let tokens = match Tokenizer::new(dialect, &text).tokenize_with_location() {
        Ok(tokens) => tokens,
        Err(error) => return (Vec::new(), Some(Unread { line: error.location.line.max(1), why: error.message })),
    };
    if let Some(line) = too_complex(&tokens) {
        return (Vec::new(), Some(Unread { line, why: "the expression is too long to be read".to_owned() }));
    }
    let mut parser = Parser::new(dialect).with_recursion_limit(MAX_DEPTH).with_tokens_with_locations(tokens.clone());
    let counts_apart = dialect.is::<PostgreSqlDialect>() || dialect.is::<GenericDialect>();
    let mut reader = Reader { counts_apart, is_mysql, ..Reader::default() };
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
                // The parser may stand past the end: a statement without its tokens would seem to call nothing.
                let end = parser.index().min(tokens.len());
                let own = tokens.get(from..end).unwrap_or_default();
                reader.take(&sql, line, own);
                if mysql::changes_quotes(&sql, own) && mysql::has_quotes(&text, line) {
                    let why =
                        "in another sql_mode, quotes and backslashes behind it may mean something else".to_owned();
                    return (reader.statements, Some(Unread { line, why }));
                }
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

#[cfg(test)]
mod tests;
