//! SQL statements of the user's own that list or turn flags. `{flag}`, `{environment}` and `{percent}` become parameters: what they
//! stand for never becomes part of the SQL.

use sqlparser::dialect::{PostgreSqlDialect, SQLiteDialect};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::{Share, Turn};

/// A single statement. Its parameters are written as `$1`, `$2`, which PostgreSQL and SQLite both take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    text: String,
    parameters: Vec<Parameter>,
}

/// Whose SQL it is: what stands in quotes differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Postgres,
    Sqlite,
}

/// What a parameter stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    Flag,
    /// What the provider calls the environment.
    Environment,
    /// The share of users that a flag is set to.
    Percent,
}

/// What a parameter is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterValue {
    Text(String),
    Number(i32),
}

impl Parameter {
    const ALL: [Self; 3] = [Self::Flag, Self::Environment, Self::Percent];

    /// Returns what it is called in a statement.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::Percent => "percent",
        }
    }

    fn written(self) -> String {
        format!("{{{}}}", self.as_str())
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|parameter| parameter.as_str() == name)
    }
}

impl Statement {
    /// Reads a statement in the dialect of its database.
    ///
    /// # Errors
    /// What is wrong with it, as the end of "`off` ...".
    pub fn parse(sql: &str, dialect: Dialect) -> Result<Self, String> {
        let tokens = match dialect {
            Dialect::Postgres => Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location(),
            Dialect::Sqlite => Tokenizer::new(&SQLiteDialect {}, sql).tokenize_with_location(),
        };
        let tokens = tokens.map_err(|error| format!("is no SQL: {}", error.message))?;
        let mut statement = Self { text: String::new(), parameters: Vec::new() };
        // Up to where the text is taken over, in bytes.
        let mut taken = 0;
        let mut end = sql.len();
        for (at, token) in tokens.iter().enumerate() {
            match &token.token {
                Token::SemiColon if tokens.iter().skip(at + 1).all(is_nothing) => {
                    end = offset(sql, token.span.start);
                    break;
                }
                Token::SemiColon => return Err("is more than one statement".to_owned()),
                Token::LBrace => {
                    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
                    if [before, tokens.get(at + 3)].into_iter().flatten().any(is_word) {
                        return Err("has a parameter in the middle of a word: it stands for a whole value".to_owned());
                    }
                    let parameter = parameter(tokens.get(at + 1..).unwrap_or_default())?;
                    let start = offset(sql, token.span.start);
                    statement.text.push_str(sql.get(taken..start).unwrap_or_default());
                    let number = statement.number(parameter);
                    statement.text.push('$');
                    statement.text.push_str(&number.to_string());
                    taken = start + parameter.written().len();
                }
                Token::Placeholder(name) => {
                    return Err(format!("has the parameter {name}: write {{flag}}, {{environment}} or {{percent}}"));
                }
                other => in_quotes(other)?,
            }
        }
        statement.text.push_str(sql.get(taken..end).unwrap_or_default());
        let text = statement.text.trim().to_owned();
        if tokens.iter().all(is_nothing) || text.is_empty() {
            return Err("is empty".to_owned());
        }
        Ok(Self { text, ..statement })
    }

    /// Returns the number of a parameter, from 1 on; the same one has the same number everywhere.
    fn number(&mut self, parameter: Parameter) -> usize {
        let known = self.parameters.iter().position(|known| *known == parameter);
        known.unwrap_or_else(|| {
            self.parameters.push(parameter);
            self.parameters.len() - 1
        }) + 1
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is told this.
    #[must_use]
    pub fn has(&self, parameter: Parameter) -> bool {
        self.parameters.contains(&parameter)
    }

    /// Returns the values of its parameters, in the order of their numbers. Only a turn to a share tells one.
    #[must_use]
    pub fn values(&self, flag: &str, environment: &str, turn: Turn) -> Vec<ParameterValue> {
        let value = |parameter: &Parameter| match (parameter, turn) {
            (Parameter::Flag, _) => ParameterValue::Text(flag.to_owned()),
            (Parameter::Environment, _) => ParameterValue::Text(environment.to_owned()),
            (Parameter::Percent, Turn::Off) => ParameterValue::Number(0),
            (Parameter::Percent, Turn::On) => ParameterValue::Number(Share::ALL.percent().into()),
            (Parameter::Percent, Turn::Share(share)) => ParameterValue::Number(share.percent().into()),
        };
        self.parameters.iter().map(value).collect()
    }
}

fn is_word(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Word(_) | Token::Number(..) | Token::LBrace | Token::RBrace)
}

fn is_nothing(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Whitespace(_) | Token::SemiColon | Token::EOF)
}

/// Reads what stands after an opening brace.
fn parameter(after: &[TokenWithSpan]) -> Result<Parameter, String> {
    match after {
        [word, brace, ..] if brace.token == Token::RBrace => {
            let name = word.token.to_string();
            Parameter::named(&name).ok_or_else(|| no_parameter(&name))
        }
        _ => Err(no_parameter("")),
    }
}

fn no_parameter(name: &str) -> String {
    format!("has {{{name}}}: there are only {{flag}}, {{environment}} and {{percent}}")
}

/// A parameter within quotes would be text, and nothing else.
fn in_quotes(token: &Token) -> Result<(), String> {
    let text = match token {
        Token::Whitespace(_) => return Ok(()),
        other => other.to_string(),
    };
    match Parameter::ALL.into_iter().find(|parameter| text.contains(&parameter.written())) {
        Some(parameter) => {
            Err(format!("has {} within quotes: leave the quotes out, it is passed as a value", parameter.written()))
        }
        None => Ok(()),
    }
}

/// Returns where a place is in a text, in bytes.
fn offset(text: &str, at: Location) -> usize {
    let lines: usize = text.split_inclusive('\n').take((at.line as usize).saturating_sub(1)).map(str::len).sum();
    let rest = text.get(lines..).unwrap_or_default();
    let in_line = rest.char_indices().nth((at.column as usize).saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
    lines + in_line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Result<Statement, String> {
        let read = Statement::parse(sql, Dialect::Postgres);
        assert_eq!(read, Statement::parse(sql, Dialect::Sqlite), "{sql}");
        read
    }

    #[test]
    fn names_become_parameters_and_never_sql() {
        let statement = read(
            "UPDATE é SET \"on\" = false -- {flag} is told\n WHERE env = {environment}\n  AND name = {flag} OR old = {flag} ;\n",
        )
        .unwrap();
        assert_eq!(
            statement.text(),
            "UPDATE é SET \"on\" = false -- {flag} is told\n WHERE env = $1\n  AND name = $2 OR old = $2"
        );
        let text = |text: &str| ParameterValue::Text(text.to_owned());
        let bound = statement.values("'; DROP TABLE x", "prod", Turn::Off);
        assert_eq!(bound, [text("prod"), text("'; DROP TABLE x")]);
        assert!(statement.has(Parameter::Flag) && statement.has(Parameter::Environment));
        let list = read("SELECT name, state FROM flags").unwrap();
        assert!(!list.has(Parameter::Environment) && list.values("x", "y", Turn::On).is_empty());
    }

    #[test]
    fn a_cast_stays_and_so_does_what_only_looks_like_a_parameter() {
        let statement = Statement::parse("SELECT a::text, '{a,b}'::text[], $$it's$$", Dialect::Postgres).unwrap();
        assert_eq!(statement.text(), "SELECT a::text, '{a,b}'::text[], $$it's$$");
    }

    #[test]
    fn what_is_not_one_statement_with_known_parameters_is_refused() {
        for (sql, why) in [
            ("", "is empty"),
            (" ; \n", "is empty"),
            ("SELECT 1; SELECT 2", "is more than one statement"),
            ("SELECT '{flag}'", "has {flag} within quotes"),
            ("SELECT \"{environment}\"", "has {environment} within quotes"),
            ("SELECT {flags}", "has {flags}: there are only {flag}, {environment} and {percent}"),
            ("SELECT {\"flag\"}", "has {\"flag\"}: there are only"),
            ("SELECT x{flag}", "in the middle of a word"),
            ("SELECT * FROM flags_{environment}", "in the middle of a word"),
            ("SELECT {flag}{environment}", "in the middle of a word"),
            ("SELECT {flag", "has {}: there are only {flag}, {environment} and {percent}"),
            ("SELECT 'open", "is no SQL: Unterminated string literal"),
        ] {
            let said = read(sql).unwrap_err();
            assert!(said.contains(why), "{sql}: {said}");
        }
        let numbered = Statement::parse("SELECT $1", Dialect::Postgres).unwrap_err();
        assert!(numbered.contains("write {flag}, {environment} or {percent}"), "{numbered}");
    }
}
