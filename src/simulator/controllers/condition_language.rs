//! The conditions of analysis metrics, as far as they are usually written: comparisons of the result, joined.

/// What a condition is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Number(f64),
    Bool(bool),
    List(Vec<f64>),
}

/// Evaluates a condition such as `len(result) > 0 && result[0] < 0.05`. `Err` says what cannot be understood.
pub fn evaluate(condition: &str, result: &[f64]) -> Result<bool, String> {
    let mut parser = Parser { rest: condition.trim(), result };
    let value = parser.either()?;
    if !parser.rest.trim().is_empty() {
        return Err(format!("unexpected token near \"{}\"", parser.rest.trim()));
    }
    match value {
        Value::Bool(holds) => Ok(holds),
        other => Err(format!("expected bool, but got {other:?}")),
    }
}

struct Parser<'a> {
    rest: &'a str,
    result: &'a [f64],
}

impl Parser<'_> {
    fn take(&mut self, token: &str) -> bool {
        let trimmed = self.rest.trim_start();
        match trimmed.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(format!("expected \"{token}\" near \"{}\"", self.rest.trim())) }
    }

    fn either(&mut self) -> Result<Value, String> {
        let mut left = self.both()?;
        while self.take("||") || self.take("or ") {
            let right = self.both()?;
            left = Value::Bool(truth(&left)? || truth(&right)?);
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Value, String> {
        let mut left = self.comparison()?;
        while self.take("&&") || self.take("and ") {
            // The right side may be out of range where the left one does not hold, as in Go's expr.
            let before = truth(&left)?;
            let right = self.comparison();
            left = Value::Bool(before && truth(&right?)?);
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Value, String> {
        let left = self.term()?;
        for operator in ["<=", ">=", "==", "!=", "<", ">"] {
            if self.take(operator) {
                let right = self.term()?;
                let (left, right) = (number(&left)?, number(&right)?);
                return Ok(Value::Bool(match operator {
                    "<=" => left <= right,
                    ">=" => left >= right,
                    "==" => (left - right).abs() < f64::EPSILON,
                    "!=" => (left - right).abs() >= f64::EPSILON,
                    "<" => left < right,
                    _ => left > right,
                }));
            }
        }
        Ok(left)
    }

    fn term(&mut self) -> Result<Value, String> {
        if self.take("!") {
            let inner = self.term()?;
            return Ok(Value::Bool(!truth(&inner)?));
        }
        if self.take("(") {
            let inner = self.either()?;
            self.expect(")")?;
            return Ok(inner);
        }
        for name in ["len", "isNaN", "isInf", "asFloat", "asInt", "default"] {
            if self.take(&format!("{name}(")) {
                return self.call(name);
            }
        }
        if self.take("result") {
            if !self.take("[") {
                return Ok(match self.result {
                    [one] => Value::Number(*one),
                    many => Value::List(many.to_vec()),
                });
            }
            let index = number(&self.term()?)?;
            self.expect("]")?;
            return self
                .result
                .get(index as usize)
                .copied()
                .map(Value::Number)
                .ok_or_else(|| format!("reflect: slice index out of range: {index}"));
        }
        for (word, value) in [("true", true), ("false", false)] {
            if self.take(word) {
                return Ok(Value::Bool(value));
            }
        }
        let trimmed = self.rest.trim_start();
        let end =
            trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-' || c == 'e')).unwrap_or(trimmed.len());
        let value = trimmed[..end].parse().map_err(|_| format!("unexpected token near \"{trimmed}\""))?;
        self.rest = &trimmed[end..];
        Ok(Value::Number(value))
    }

    fn call(&mut self, name: &str) -> Result<Value, String> {
        let argument = self.either()?;
        if name == "default" {
            self.expect(",")?;
            let fallback = self.either()?;
            self.expect(")")?;
            return Ok(match argument {
                Value::List(list) if list.is_empty() => fallback,
                Value::Number(n) if n.is_nan() => fallback,
                other => other,
            });
        }
        self.expect(")")?;
        Ok(match (name, argument) {
            ("len", Value::List(list)) => Value::Number(list.len() as f64),
            ("len", _) => Value::Number(1.0),
            ("isNaN", other) => Value::Bool(number(&other)?.is_nan()),
            ("isInf", other) => Value::Bool(number(&other)?.is_infinite()),
            ("asInt", other) => Value::Number(number(&other)?.trunc()),
            (_, other) => other,
        })
    }
}

fn truth(value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(holds) => Ok(*holds),
        other => Err(format!("expected bool, but got {other:?}")),
    }
}

fn number(value: &Value) -> Result<f64, String> {
    match value {
        Value::Number(number) => Ok(*number),
        Value::List(list) if list.len() == 1 => Ok(list[0]),
        other => Err(format!("expected a number, but got {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_conditions_are_evaluated() {
        for (condition, result, holds) in [
            ("result[0] >= 0.95", &[0.97][..], true),
            ("result[0] < 0.05", &[0.2][..], false),
            ("len(result) > 0 && result[0] < 0.05", &[0.0][..], true),
            ("result < 0.5 || result == 1", &[1.0][..], true),
            ("default(result, 0) < 5", &[][..], true),
            ("!(result[0] > 1)", &[0.5][..], true),
            ("isNaN(result[0]) || result[0] <= 1", &[f64::NAN][..], true),
            ("all", &[1.0][..], false),
        ] {
            assert_eq!(evaluate(condition, result).unwrap_or(false), holds, "{condition}");
        }
        assert!(evaluate("result[0] < 1", &[]).is_err());
        assert!(evaluate("result[0] <", &[1.0]).is_err());
    }
}
