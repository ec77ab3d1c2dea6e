//! Selectors, and the lists of labels in `by`, `on` and their like.

use super::super::super::labels::{Matcher, NAME, Test};
use super::super::super::pattern::Pattern;
use super::super::lexer::Token;
use super::super::syntax::{Expr, Group, Kind, Matching, Selector, Side};
use super::{ParseError, Parser};

impl Parser {
    pub(super) fn matching(&mut self) -> Result<Matching, ParseError> {
        let on = self.takes_word("on");
        if !on && !self.takes_word("ignoring") {
            return Ok(Matching::default());
        }
        let labels = self.label_list()?;
        let many = if self.takes_word("group_left") {
            Some(Side::Left)
        } else if self.takes_word("group_right") {
            Some(Side::Right)
        } else {
            None
        };
        let group = match many {
            None => None,
            Some(many) => {
                let include = if *self.peek() == Token::Mark("(") { self.label_list()? } else { Vec::new() };
                Some(Group { many, include })
            }
        };
        Ok(Matching { on, labels, group })
    }

    pub(super) fn grouping(&mut self) -> Result<Option<(bool, Vec<String>)>, ParseError> {
        let without = self.takes_word("without");
        if without || self.takes_word("by") {
            return Ok(Some((without, self.label_list()?)));
        }
        Ok(None)
    }

    fn label_list(&mut self) -> Result<Vec<String>, ParseError> {
        const PLACE: &str = "in grouping opts";
        self.wants("(", PLACE)?;
        let mut labels = Vec::new();
        while !self.takes(")") {
            match self.peek().clone() {
                Token::Word(label) if !label.contains(':') => labels.push(label),
                _ => return Err(self.unexpected(&format!("{PLACE}, expected label"))),
            }
            self.next();
            if !self.takes(",") && *self.peek() != Token::Mark(")") {
                return Err(self.unexpected(&format!("{PLACE}, expected \",\" or \")\"")));
            }
        }
        Ok(labels)
    }

    pub(super) fn selector(&mut self, name: Option<&str>, at: usize) -> Result<Expr, ParseError> {
        const PLACE: &str = "in label matching";
        let mut matchers: Vec<Matcher> = name
            .map(|name| Matcher { name: NAME.to_owned(), test: Test::Equal(name.to_owned()) })
            .into_iter()
            .collect();
        if self.takes("{") {
            while !self.takes("}") {
                let Token::Word(label) = self.peek().clone() else {
                    return Err(self.unexpected(&format!("{PLACE}, expected identifier or \"}}\"")));
                };
                self.next();
                let Token::Mark(mark) = *self.peek() else {
                    return Err(self.unexpected(&format!("{PLACE}, expected label matching operator")));
                };
                if !matches!(mark, "=" | "!=" | "=~" | "!~") {
                    return Err(self.unexpected(&format!("{PLACE}, expected label matching operator")));
                }
                self.next();
                let Token::Text(value) = self.peek().clone() else {
                    return Err(self.unexpected(&format!("{PLACE}, expected string")));
                };
                let position = self.position();
                self.next();
                if label == NAME && name.is_some() {
                    let message =
                        format!("metric name must not be set twice: {:?} or {value:?}", name.unwrap_or_default());
                    return Err(ParseError { at, message });
                }
                matchers.push(matcher(label, mark, value).map_err(|message| ParseError { at: position, message })?);
                if !self.takes(",") && *self.peek() != Token::Mark("}") {
                    return Err(self.unexpected(&format!("{PLACE}, expected \",\" or \"}}\"")));
                }
            }
        }
        if matchers.iter().all(|matcher| matcher.accepts_value("")) {
            let message = "vector selector must contain at least one non-empty matcher".to_owned();
            return Err(ParseError { at, message });
        }
        self.selectors.push(Selector { matchers, range: None, offset: 0 });
        Ok(Expr::Select(self.selectors.len() - 1, Kind::Vector))
    }
}

fn matcher(name: String, mark: &str, value: String) -> Result<Matcher, String> {
    let pattern = |text: &str| Pattern::new(text).map_err(|reason| format!("error parsing regexp: {reason}"));
    let test = match mark {
        "=" => Test::Equal(value),
        "!=" => Test::NotEqual(value),
        "=~" => Test::Like(pattern(&value)?),
        _ => Test::Unlike(pattern(&value)?),
    };
    Ok(Matcher { name, test })
}
