//! Reads PromQL, as far as labels are concerned: by precedence of its operators
//! (<https://prometheus.io/docs/prometheus/latest/querying/operators/#binary-operator-precedence>).

use super::promql::{Grouping, Query, is_aggregation, matching, select};

/// Functions whose result is a number.
const SCALARS: [&str; 3] = ["scalar", "time", "pi"];

/// A piece of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A name, which may have colons.
    Word(String),
    Number,
    Text(String),
    /// Operators and punctuation.
    Sign(&'static str),
}

/// The longer ones first.
const SIGNS: [&str; 23] = [
    "==", "!=", "=~", "!~", ">=", "<=", "(", ")", "{", "}", "[", "]", ",", "=", ">", "<", "+", "-", "*", "/", "%", "^",
    "@",
];

pub(super) struct Reader {
    tokens: Vec<Token>,
    at: usize,
}

impl Reader {
    pub fn new(text: &str) -> Option<Self> {
        Some(Self { tokens: tokens(text)?, at: 0 })
    }

    pub fn is_at_end(&self) -> bool {
        self.at == self.tokens.len()
    }

    /// Reads an expression whose operators bind more tightly than `above`.
    pub fn expression(&mut self, above: u8, depth: usize) -> Option<Query> {
        let depth = depth.checked_sub(1)?;
        let mut left = self.operand(depth)?;
        while let Some((operator, binds)) = self.operator().filter(|(_, binds)| *binds > above) {
            self.at += 1;
            let matching = self.matching()?;
            // Powers associate to the right.
            let right = self.expression(if operator == "^" { binds - 1 } else { binds }, depth)?;
            left = Query::Operate { operator, left: Box::new(left), right: Box::new(right), matching };
        }
        Some(left)
    }

    fn operator(&self) -> Option<(String, u8)> {
        let operator = match self.tokens.get(self.at)? {
            Token::Word(word) => word.to_ascii_lowercase(),
            Token::Sign(sign) => (*sign).to_owned(),
            Token::Number | Token::Text(_) => return None,
        };
        let binds = match operator.as_str() {
            "or" => 1,
            "and" | "unless" => 2,
            "==" | "!=" | ">" | "<" | ">=" | "<=" => 3,
            "+" | "-" => 4,
            "*" | "/" | "%" | "atan2" => 5,
            "^" => 6,
            _ => return None,
        };
        Some((operator, binds))
    }

    /// Reads what stands between an operator and its right side.
    fn matching(&mut self) -> Option<super::promql::Matching> {
        self.word("bool");
        let on = if self.word("on") {
            Some((true, self.labels()?))
        } else if self.word("ignoring") {
            Some((false, self.labels()?))
        } else {
            None
        };
        let group = if self.word("group_left") {
            Some((true, self.labels_if_any()?))
        } else if self.word("group_right") {
            Some((false, self.labels_if_any()?))
        } else {
            None
        };
        Some(matching(on, group))
    }

    /// Reads one operand with what follows it: a range, a subquery, an offset, a time.
    fn operand(&mut self, depth: usize) -> Option<Query> {
        let depth = depth.checked_sub(1)?;
        if self.sign("+") || self.sign("-") {
            return self.expression(5, depth);
        }
        let query = self.primary(depth)?;
        loop {
            if self.sign("[") {
                while !self.sign("]") {
                    self.tokens.get(self.at)?;
                    self.at += 1;
                }
            } else if self.word("offset") {
                let _negative = self.sign("-");
                self.number()?;
            } else if self.sign("@") {
                let _negative = self.sign("-");
                if self.word("start") || self.word("end") {
                    (self.sign("(") && self.sign(")")).then_some(())?;
                } else {
                    self.number()?;
                }
            } else {
                return Some(query);
            }
        }
    }

    fn primary(&mut self, depth: usize) -> Option<Query> {
        if self.sign("(") {
            let query = self.expression(0, depth)?;
            return self.sign(")").then_some(query);
        }
        if self.tokens.get(self.at) == Some(&Token::Sign("{")) {
            return self.selector(String::new());
        }
        match self.tokens.get(self.at)?.clone() {
            Token::Number | Token::Text(_) => {
                self.at += 1;
                Some(Query::Scalar)
            }
            Token::Word(word) => {
                self.at += 1;
                self.named(word, depth)
            }
            Token::Sign(_) => None,
        }
    }

    /// Reads what begins with a name: an aggregation, a function or a metric.
    fn named(&mut self, word: String, depth: usize) -> Option<Query> {
        let lower = word.to_ascii_lowercase();
        if is_aggregation(&word) && self.begins_aggregation() {
            return self.aggregation(lower, depth);
        }
        if self.sign("(") {
            let (arguments, texts) = self.arguments(depth)?;
            let is_constant = arguments.iter().all(|argument| *argument == Query::Scalar) && lower != "absent";
            return Some(match lower.as_str() {
                "vector" => Query::Bare,
                name if SCALARS.contains(&name) => Query::Scalar,
                // Such as `hour()`.
                _ if is_constant => Query::Bare,
                _ => Query::Call { function: lower, arguments, texts },
            });
        }
        if matches!(lower.as_str(), "inf" | "nan") {
            return Some(Query::Scalar);
        }
        self.selector(word)
    }

    fn begins_aggregation(&self) -> bool {
        match self.tokens.get(self.at) {
            Some(Token::Sign("(")) => true,
            Some(Token::Word(word)) => word.eq_ignore_ascii_case("by") || word.eq_ignore_ascii_case("without"),
            _ => false,
        }
    }

    fn aggregation(&mut self, function: String, depth: usize) -> Option<Query> {
        let before = self.grouping()?;
        self.sign("(").then_some(())?;
        let (mut arguments, texts) = self.arguments(depth)?;
        let after = self.grouping()?;
        let of = Box::new(arguments.pop()?);
        Some(Query::Aggregate { of, function, grouping: before.or(after), text: texts.into_iter().next() })
    }

    #[expect(clippy::option_option, reason = "a query that cannot be read is not one without a clause")]
    fn grouping(&mut self) -> Option<Option<(Grouping, Vec<String>)>> {
        let grouping = if self.word("by") {
            Grouping::By
        } else if self.word("without") {
            Grouping::Without
        } else {
            return Some(None);
        };
        Some(Some((grouping, self.labels()?)))
    }

    /// Reads arguments up to the parenthesis that closes them, and apart those that are texts.
    fn arguments(&mut self, depth: usize) -> Option<(Vec<Query>, Vec<String>)> {
        let (mut arguments, mut texts) = (Vec::new(), Vec::new());
        while !self.sign(")") {
            if let Some(Token::Text(text)) = self.tokens.get(self.at) {
                texts.push(text.clone());
            }
            arguments.push(self.expression(0, depth)?);
            if !self.sign(",") && self.tokens.get(self.at) != Some(&Token::Sign(")")) {
                return None;
            }
        }
        Some((arguments, texts))
    }

    /// Reads the matchers of a selector, where there are some.
    fn selector(&mut self, metric: String) -> Option<Query> {
        let mut matchers = Vec::new();
        if self.sign("{") {
            while !self.sign("}") {
                let label = match self.tokens.get(self.at)? {
                    Token::Word(label) | Token::Text(label) => label.clone(),
                    _ => return None,
                };
                let is_quoted = matches!(self.tokens.get(self.at), Some(Token::Text(_)));
                self.at += 1;
                let operator = ["=", "!=", "=~", "!~"].into_iter().find(|operator| self.sign(operator));
                match operator {
                    // The name of a metric may stand among the matchers, in quotes.
                    None if is_quoted => matchers.push(("__name__".to_owned(), "=".to_owned(), label)),
                    None => return None,
                    Some(operator) => matchers.push((label, operator.to_owned(), self.text()?)),
                }
                if !self.sign(",") && self.tokens.get(self.at) != Some(&Token::Sign("}")) {
                    return None;
                }
            }
        }
        if metric.is_empty() && matchers.is_empty() {
            return None;
        }
        Some(select(metric, matchers))
    }

    fn labels_if_any(&mut self) -> Option<Vec<String>> {
        if self.tokens.get(self.at) == Some(&Token::Sign("(")) { self.labels() } else { Some(Vec::new()) }
    }

    fn labels(&mut self) -> Option<Vec<String>> {
        self.sign("(").then_some(())?;
        let mut labels = Vec::new();
        while !self.sign(")") {
            match self.tokens.get(self.at)? {
                Token::Word(label) | Token::Text(label) => labels.push(label.clone()),
                _ => return None,
            }
            self.at += 1;
            self.sign(",");
        }
        Some(labels)
    }

    fn sign(&mut self, sign: &str) -> bool {
        let is_it = matches!(self.tokens.get(self.at), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(is_it);
        is_it
    }

    fn word(&mut self, word: &str) -> bool {
        let is_it = matches!(self.tokens.get(self.at), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word));
        self.at += usize::from(is_it);
        is_it
    }

    fn number(&mut self) -> Option<()> {
        let is_it = self.tokens.get(self.at) == Some(&Token::Number);
        self.at += usize::from(is_it);
        is_it.then_some(())
    }

    fn text(&mut self) -> Option<String> {
        let Some(Token::Text(text)) = self.tokens.get(self.at) else { return None };
        self.at += 1;
        Some(text.clone())
    }
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' | '`' => {
                let (value, length) = quoted(rest, first)?;
                tokens.push(Token::Text(value));
                length
            }
            // With its unit, as in 5m, 1e-9 and 0x1f.
            c if c.is_ascii_digit() || c == '.' => {
                tokens.push(Token::Number);
                number(rest)
            }
            c if c.is_alphabetic() || matches!(c, '_' | ':') => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | ':' | '.'));
                let end = end.unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_owned()));
                end
            }
            // The colon of a subquery.
            _ => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign))?;
                tokens.push(Token::Sign(sign));
                sign.len()
            }
        };
        rest = rest.get(length..)?.trim_start();
    }
    Some(tokens)
}

fn number(text: &str) -> usize {
    let mut before = ' ';
    let is_hex = text.starts_with("0x") || text.starts_with("0X");
    let is_part = |c: char, before: char| {
        c.is_ascii_alphanumeric() || c == '.' || matches!(c, '+' | '-') && matches!(before, 'e' | 'E') && !is_hex
    };
    for (at, c) in text.char_indices() {
        if !is_part(c, before) {
            return at;
        }
        before = c;
    }
    text.len()
}

/// Reads a text in quotes; returns it with its length there.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some((value, at + c.len_utf8())),
            '\\' if quote != '`' => match chars.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    None
}
