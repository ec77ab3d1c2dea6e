//! `promql`: a query whose answer has to satisfy a condition.

use std::fmt;

use super::template::{self, Template};
use crate::config::reader::{Reader, Table};
use crate::config::section::{Field, Kind, Section};

/// Every series of a query satisfies a condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Promql {
    pub query: Template,
    /// What holds of each of its numbers.
    pub condition: Condition,
}

/// What has to hold of a number, as `< 0.01`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    pub comparison: Comparison,
    pub with: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
    /// `!=`
    Different,
    /// `<`
    Below,
    /// `>`
    Above,
}

impl Comparison {
    /// All of them; those that begin like another one stand before it.
    const ALL: [Self; 6] = [Self::AtMost, Self::AtLeast, Self::Equal, Self::Different, Self::Below, Self::Above];

    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::AtMost => "<=",
            Self::AtLeast => ">=",
            Self::Equal => "==",
            Self::Different => "!=",
            Self::Below => "<",
            Self::Above => ">",
        }
    }
}

impl Condition {
    /// Reads it; `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let comparison = Comparison::ALL.into_iter().find(|comparison| text.starts_with(comparison.sign()))?;
        let with: f64 = text[comparison.sign().len()..].trim().parse().ok()?;
        with.is_finite().then_some(Self { comparison, with })
    }

    /// Returns whether it holds; for what is no number it never does.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "for counts, `==` works")]
    pub fn holds(self, value: f64) -> bool {
        match self.comparison {
            Comparison::AtMost => value <= self.with,
            Comparison::AtLeast => value >= self.with,
            Comparison::Equal => value == self.with,
            Comparison::Different => value != self.with && !value.is_nan(),
            Comparison::Below => value < self.with,
            Comparison::Above => value > self.with,
        }
    }
}

/// Writes it as it stands in a config.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.comparison.sign(), self.with)
    }
}

pub(in crate::config) const SECTION: Section = Section {
    header: "`promql`",
    help: "Every series of a query to the environment's Prometheus satisfies a condition. Placeholders: {{env}}, \
           {{namespace}}, {{workload}} (asked once for each), {{service}}, {{version}}, {{commit}}.",
    needed: &["query", "is"],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("query", Kind::Text, "The query; a number for each series."),
    Field::new("is", Kind::Text, "Condition on each number: <, <=, >, >=, == or != and a number, e.g. `< 0.01`."),
];

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Promql> {
    for key in ["query", "is"].into_iter().filter(|key| table.get(key).is_none()) {
        let help = "write for example query = 'sum(up{namespace=\"{{namespace}}\"})' and is = \">= 3\"";
        reader.note(table.at, format!("`promql` has no `{key}`"), help);
    }
    let query = reader.text(table, "query").and_then(|text| template::read(reader, &text, "query"));
    let text = reader.text(table, "is")?;
    let condition = Condition::parse(&text.value);
    if condition.is_none() {
        let help = "write a sign and a number, such as \"< 0.01\": there are <, <=, >, >=, == and !=";
        reader.note(text.at, format!("`is` cannot be `{}`", text.value), help);
    }
    Some(Promql { query: query?, condition: condition? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_parsed_and_never_match_nan() {
        for (text, holds, not) in [
            ("< 0.01", 0.0, 0.01),
            ("<=1", 1.0, 1.1),
            ("> -2", 0.0, -2.0),
            (">= 3", 3.0, 2.9),
            ("== 0", 0.0, 1.0),
            ("!= 0", 1.0, 0.0),
        ] {
            let condition = Condition::parse(text).unwrap();
            assert!(condition.holds(holds) && !condition.holds(not) && !condition.holds(f64::NAN), "{text}");
            assert_eq!(Condition::parse(&condition.to_string()), Some(condition));
        }
        for text in ["", "0.01", "= 3", "< NaN", "< inf", "< 1 s", "=< 3"] {
            assert_eq!(Condition::parse(text), None, "{text}");
        }
    }
}
