//! Builds the syntax tree and checks that every operand has the right kind.

mod check;
mod selector;

use super::super::labels::Matcher;
use super::ParseError;
use super::functions::{self, Signature};
use super::lexer::{self, Token};
use super::syntax::{Aggregate, Aggregation, Binary, Expr, Kind, Operator, Query, Selector};

/// How deeply a query may nest.
const MAX_DEPTH: usize = 100;

/// Parses and checks a query.
pub fn parse(text: &str) -> Result<Query, ParseError> {
    let mut parser = Parser::new(text)?;
    if parser.tokens.len() == 1 {
        return Err(parser.error("no expression found in input"));
    }
    let expr = parser.expression(0)?;
    if *parser.peek() != Token::End {
        return Err(parser.unexpected("in the expression"));
    }
    Ok(Query { expr, selectors: parser.selectors })
}

/// Parses a bare selector, as in the parameter `match[]`.
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    let mut query = parse(text)?;
    match (query.expr, query.selectors.pop()) {
        (Expr::Select(..), Some(selector)) if selector.range.is_none() => Ok(selector.matchers),
        _ => Err(ParseError { at: 0, message: "expected a metric selector".to_owned() }),
    }
}

fn kind(expr: &Expr) -> Kind {
    match expr {
        Expr::Number(_) => Kind::Scalar,
        Expr::Text(_) => Kind::Text,
        Expr::Select(_, kind) => *kind,
        Expr::Negate(inner) => kind(inner),
        Expr::Aggregate(_) => Kind::Vector,
        Expr::Call(function, _) => functions::signature(*function).gives,
        Expr::Binary(binary) => match (kind(&binary.left), kind(&binary.right)) {
            (Kind::Scalar, Kind::Scalar) => Kind::Scalar,
            _ => Kind::Vector,
        },
    }
}

impl Query {
    /// What the whole query gives.
    pub fn kind(&self) -> Kind {
        kind(&self.expr)
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
    selectors: Vec<Selector>,
}

impl Parser {
    fn new(text: &str) -> Result<Self, ParseError> {
        Ok(Self { tokens: lexer::tokens(text)?, at: 0, depth: 0, selectors: Vec::new() })
    }

    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(_, token)| token)
    }

    fn position(&self) -> usize {
        let last = self.tokens.len() - 1;
        self.tokens[self.at.min(last)].0
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError { at: self.position(), message: message.into() }
    }

    fn unexpected(&self, place: &str) -> ParseError {
        self.error(format!("unexpected {} {place}", self.peek().describe()))
    }

    fn takes(&mut self, mark: &str) -> bool {
        let found = matches!(self.peek(), Token::Mark(m) if *m == mark);
        self.at += usize::from(found);
        found
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Word(w) if w.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn wants(&mut self, mark: &str, place: &str) -> Result<(), ParseError> {
        if self.takes(mark) { Ok(()) } else { Err(self.unexpected(&format!("{place}, expected {mark:?}"))) }
    }

    /// An expression whose operators bind at least as tightly as given.
    fn expression(&mut self, tightness: u8) -> Result<Expr, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("the expression nests too deeply"));
        }
        let mut left = self.unary()?;
        while let Some(operator) = self.operator() {
            if operator.precedence() < tightness {
                break;
            }
            let at = self.position();
            self.next();
            let as_bool = self.takes_word("bool");
            let matching = self.matching()?;
            // Only the power groups to the right.
            let deeper = operator.precedence() + u8::from(operator != Operator::Power);
            let right = self.expression(deeper)?;
            let binary = Binary { operator, as_bool, matching, left, right };
            check::binary(&binary).map_err(|message| ParseError { at, message })?;
            left = Expr::Binary(Box::new(binary));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operator(&self) -> Option<Operator> {
        Some(match self.peek() {
            Token::Mark(mark) => match *mark {
                "+" => Operator::Add,
                "-" => Operator::Subtract,
                "*" => Operator::Multiply,
                "/" => Operator::Divide,
                "%" => Operator::Remainder,
                "^" => Operator::Power,
                "==" => Operator::Equal,
                "!=" => Operator::NotEqual,
                "<" => Operator::Less,
                "<=" => Operator::LessEqual,
                ">" => Operator::Greater,
                ">=" => Operator::GreaterEqual,
                _ => return None,
            },
            Token::Word(word) => match word.to_ascii_lowercase().as_str() {
                "and" => Operator::And,
                "or" => Operator::Or,
                "unless" => Operator::Unless,
                _ => return None,
            },
            _ => return None,
        })
    }

    fn unary(&mut self) -> Result<Expr, ParseError> {
        let at = self.position();
        let negative = self.takes("-");
        if !negative && !self.takes("+") {
            return self.postfix();
        }
        // Binds as tightly as a product does, so that only a power goes first.
        let inner = self.expression(Operator::Power.precedence())?;
        if !matches!(kind(&inner), Kind::Scalar | Kind::Vector) {
            let message = format!(
                "unary expression only allowed on expressions of type scalar or instant vector, got {:?}",
                kind(&inner).as_str()
            );
            return Err(ParseError { at, message });
        }
        Ok(match inner {
            inner if !negative => inner,
            Expr::Number(number) => Expr::Number(-number),
            inner => Expr::Negate(Box::new(inner)),
        })
    }

    fn postfix(&mut self) -> Result<Expr, ParseError> {
        let mut expr = self.primary()?;
        loop {
            let at = self.position();
            let selector = match &expr {
                Expr::Select(number, _) => Some(*number),
                _ => None,
            };
            if self.takes("[") {
                let range = self.duration("in subquery or range selector")?;
                if self.takes(":") {
                    return Err(ParseError { at, message: "subqueries are not supported by this server".to_owned() });
                }
                self.wants("]", "in range selector")?;
                let Some(number) = selector.filter(|_| kind(&expr) == Kind::Vector) else {
                    let message = "ranges only allowed for vector selectors".to_owned();
                    return Err(ParseError { at, message });
                };
                if range <= 0 {
                    let message = "duration must be greater than 0".to_owned();
                    return Err(ParseError { at, message });
                }
                self.selectors[number].range = Some(range);
                expr = Expr::Select(number, Kind::Range);
            } else if self.takes_word("offset") {
                let back = if self.takes("-") { -1 } else { 1 };
                let offset = self.duration("in offset")? * back;
                let Some(number) = selector else {
                    let message =
                        "offset modifier must be preceded by an instant vector selector or range vector selector";
                    return Err(ParseError { at, message: message.to_owned() });
                };
                self.selectors[number].offset = offset;
            } else {
                return Ok(expr);
            }
        }
    }

    fn duration(&mut self, place: &str) -> Result<i64, ParseError> {
        match *self.peek() {
            Token::Duration(ms) => {
                self.next();
                Ok(ms)
            }
            Token::Number(seconds) => {
                self.next();
                Ok((seconds * 1000.0).round() as i64)
            }
            _ => Err(self.unexpected(&format!("{place}, expected duration"))),
        }
    }

    fn primary(&mut self) -> Result<Expr, ParseError> {
        let at = self.position();
        match self.next() {
            Token::Number(number) => Ok(Expr::Number(number)),
            Token::Duration(ms) => Ok(Expr::Number(ms as f64 / 1000.0)),
            Token::Text(text) => Ok(Expr::Text(text)),
            Token::Mark("(") => {
                let inner = self.expression(0)?;
                self.wants(")", "in parentheses")?;
                Ok(inner)
            }
            Token::Mark("{") => {
                self.at -= 1;
                self.selector(None, at)
            }
            Token::Word(word) => self.identifier(&word, at),
            _ => {
                self.at -= 1;
                Err(self.unexpected("in the expression"))
            }
        }
    }

    fn identifier(&mut self, word: &str, at: usize) -> Result<Expr, ParseError> {
        let lower = word.to_ascii_lowercase();
        let how = match lower.as_str() {
            "inf" => return Ok(Expr::Number(f64::INFINITY)),
            "nan" => return Ok(Expr::Number(f64::NAN)),
            "sum" => Aggregation::Sum,
            "avg" => Aggregation::Average,
            "min" => Aggregation::Smallest,
            "max" => Aggregation::Largest,
            "count" => Aggregation::Count,
            "topk" => Aggregation::Top,
            "bottomk" => Aggregation::Bottom,
            _ if *self.peek() != Token::Mark("(") => return self.selector(Some(word), at),
            _ => {
                let Some(function) = functions::named(word) else {
                    let message = format!("unknown function with name {word:?}");
                    return Err(ParseError { at, message });
                };
                return self.call(function, at);
            }
        };
        let next = self.peek();
        if *next == Token::Mark("(")
            || matches!(next, Token::Word(w) if ["by", "without"].contains(&w.to_ascii_lowercase().as_str()))
        {
            self.aggregate(how, word, at)
        } else {
            self.selector(Some(word), at)
        }
    }

    fn arguments(&mut self, place: &str) -> Result<Vec<Expr>, ParseError> {
        self.wants("(", place)?;
        let mut arguments = Vec::new();
        while !self.takes(")") {
            arguments.push(self.expression(0)?);
            if !self.takes(",") && *self.peek() != Token::Mark(")") {
                return Err(self.unexpected(&format!("{place}, expected \",\" or \")\"")));
            }
        }
        Ok(arguments)
    }

    fn call(&mut self, function: functions::Function, at: usize) -> Result<Expr, ParseError> {
        let arguments = self.arguments("in function call")?;
        let Signature { name, takes, optional, .. } = functions::signature(function);
        let fail = |message: String| Err(ParseError { at, message });
        if arguments.len() > takes.len() || arguments.len() + optional < takes.len() {
            let wanted = takes.len();
            return fail(format!("expected {wanted} argument(s) in call to {name:?}, got {}", arguments.len()));
        }
        for (argument, wanted) in arguments.iter().zip(*takes) {
            if kind(argument) != *wanted {
                let (wanted, got) = (wanted.as_str(), kind(argument).as_str());
                return fail(format!("expected type {wanted} in call to function {name:?}, got {got}"));
            }
        }
        functions::check(function, &arguments).or_else(fail_with(at))?;
        Ok(Expr::Call(function, arguments))
    }

    fn aggregate(&mut self, how: Aggregation, word: &str, at: usize) -> Result<Expr, ParseError> {
        let mut grouping = self.grouping()?;
        let mut arguments = self.arguments("in aggregation")?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let (without, labels) = grouping.unwrap_or_default();
        let of = arguments.pop();
        let parameter = arguments.pop();
        let wants_parameter = matches!(how, Aggregation::Top | Aggregation::Bottom);
        let fail = |message: String| ParseError { at, message };
        let Some(of) = of.filter(|_| parameter.is_some() == wants_parameter && arguments.is_empty()) else {
            let wanted = 1 + usize::from(wants_parameter);
            return Err(fail(format!(
                "wrong number of arguments for aggregate expression provided, expected {wanted}"
            )));
        };
        let operands = parameter.iter().map(|p| (p, Kind::Scalar)).chain([(&of, Kind::Vector)]);
        for (operand, wanted) in operands {
            if kind(operand) != wanted {
                let (wanted, got) = (wanted.as_str(), kind(operand).as_str());
                return Err(fail(format!("expected type {wanted} in aggregation expression {word}, got {got}")));
            }
        }
        Ok(Expr::Aggregate(Box::new(Aggregate { how, without, labels, parameter, of })))
    }
}

fn fail_with(at: usize) -> impl Fn(String) -> Result<(), ParseError> {
    move |message| Err(ParseError { at, message })
}
