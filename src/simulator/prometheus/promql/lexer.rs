//! Cuts a query into tokens.

use super::ParseError;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A metric, label, function or key word.
    Word(String),
    Number(f64),
    /// A duration in milliseconds.
    Duration(i64),
    Text(String),
    /// Punctuation and operators, such as `(` or `=~`.
    Mark(&'static str),
    End,
}

impl Token {
    /// How an error message names it.
    pub fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("identifier {word:?}"),
            Self::Number(number) => format!("number \"{number}\""),
            Self::Duration(ms) => format!("duration \"{ms}ms\""),
            Self::Text(text) => format!("string {text:?}"),
            Self::Mark(mark) => format!("{mark:?}"),
            Self::End => "end of input".to_owned(),
        }
    }
}

const MARKS: [&str; 23] = [
    "=~", "!~", "==", "!=", ">=", "<=", "=", ">", "<", "+", "-", "*", "/", "%", "^", "(", ")", "{", "}", "[", "]", ",",
    ":",
];

/// The tokens with the byte where each begins; the last is [`Token::End`].
pub fn tokens(text: &str) -> Result<Vec<(usize, Token)>, ParseError> {
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        at += blank(&text[at..]);
        let rest = &text[at..];
        let Some(first) = rest.chars().next() else {
            found.push((at, Token::End));
            return Ok(found);
        };
        let (token, length) = if first.is_ascii_digit()
            || first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())
        {
            number(rest).map_err(|message| ParseError { at, message })?
        } else if first.is_ascii_alphabetic() || first == '_' || first == ':' && !in_brackets(&found) {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').unwrap_or(rest.len());
            (Token::Word(rest[..length].to_owned()), length)
        } else if let '"' | '\'' | '`' = first {
            quoted(rest, first).map_err(|message| ParseError { at, message })?
        } else if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            (Token::Mark(mark), mark.len())
        } else {
            let message = format!("unexpected character: {first:?}");
            return Err(ParseError { at, message });
        };
        found.push((at, token));
        at += length;
    }
}

fn in_brackets(found: &[(usize, Token)]) -> bool {
    let bracket = found.iter().rev().find_map(|(_, token)| match token {
        Token::Mark(mark @ ("[" | "]")) => Some(*mark),
        _ => None,
    });
    bracket == Some("[")
}

/// The length of white space and comments at the start.
fn blank(text: &str) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let Some(comment) = rest.strip_prefix('#') else {
            return text.len() - rest.len();
        };
        rest = comment.find('\n').map_or("", |end| &comment[end..]);
    }
}

/// A number, or a duration if a unit follows.
fn number(text: &str) -> Result<(Token, usize), String> {
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let length = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
        let value = u64::from_str_radix(&hex[..length], 16).map_err(|_| "bad number".to_owned())?;
        return Ok((Token::Number(value as f64), length + 2));
    }
    let word = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_').unwrap_or(text.len());
    if let Some(duration) = duration(&text[..word]) {
        return Ok((Token::Duration(duration), word));
    }
    let mut length = word;
    if text[..word].ends_with(['e', 'E']) && text[word..].starts_with(['+', '-']) {
        let digits = &text[word + 1..];
        length += 1 + digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    }
    let value = text[..length].parse();
    let value = value.map_err(|_| format!("bad number or duration syntax: {:?}", &text[..length]))?;
    Ok((Token::Number(value), length))
}

/// Reads a duration such as `5m` or `1h30m` into milliseconds.
pub fn duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("y", 31_536_000_000),
        ("w", 604_800_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let mut rest = text;
    let mut total = 0_i64;
    let mut coarsest = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let amount: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = UNITS.iter().position(|(unit, _)| *unit == &rest[..end])?;
        if unit < coarsest {
            return None;
        }
        coarsest = unit + 1;
        total = total.checked_add(amount.checked_mul(UNITS[unit].1)?)?;
        rest = &rest[end..];
    }
    (!text.is_empty()).then_some(total)
}

fn quoted(text: &str, quote: char) -> Result<(Token, usize), String> {
    let mut value = String::new();
    let mut chars = text[1..].char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Ok((Token::Text(value), at + 2)),
            '\\' if quote != '`' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, 'r')) => value.push('\r'),
                Some((_, c @ ('\\' | '"' | '\''))) => value.push(c),
                _ => return Err("unknown escape sequence".to_owned()),
            },
            '\n' if quote != '`' => break,
            c => value.push(c),
        }
    }
    Err("unterminated quoted string".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_tokens() {
        let cases = [
            ("5m", Some(300_000)),
            ("1h30m", Some(5_400_000)),
            ("90s", Some(90_000)),
            ("1m500ms", Some(60_500)),
            ("30m1h", None),
            ("5", None),
            ("", None),
            ("5x", None),
        ];
        for (text, expected) in cases {
            assert_eq!(duration(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_strings_and_operators_are_tokens() {
        let text = "1e-3 .5 0x1F 1.5e3 'a\\'b' `c\\d` # nothing\n a:b=~\"\\\\d\"";
        let found: Vec<_> = tokens(text).unwrap().into_iter().map(|(_, t)| t).collect();
        assert_eq!(
            found,
            [
                Token::Number(0.001),
                Token::Number(0.5),
                Token::Number(31.0),
                Token::Number(1500.0),
                Token::Text("a'b".to_owned()),
                Token::Text("c\\d".to_owned()),
                Token::Word("a:b".to_owned()),
                Token::Mark("=~"),
                Token::Text("\\d".to_owned()),
                Token::End,
            ]
        );
        for bad in ["'abc", "5mm", "\u{1F600}", "1.2.3", "\"\\q\""] {
            assert!(tokens(bad).is_err(), "{bad}");
        }
    }
}
