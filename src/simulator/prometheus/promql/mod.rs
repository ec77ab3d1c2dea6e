//! The query language: text to tokens ([`lexer`]), to a checked tree ([`parser`]), to values ([`evaluate`]).
//!
//! Semantics are those of Prometheus 3: ranges and the look-back are open on the left, a plain number may stand where a
//! duration may, and extrapolation of a rate never reaches below zero. Left out: subqueries, `@`, native histograms.

mod aggregate;
mod binary;
pub mod evaluate;
mod functions;
mod lexer;
mod parser;
mod quantile;
mod rates;
mod syntax;
#[cfg(test)]
pub mod tests;

use std::fmt;

pub use lexer::duration;
pub use parser::{parse, parse_selector};
pub use syntax::{Kind, Query};

/// Why a query cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The byte where the trouble begins.
    pub at: usize,
    pub message: String,
}

impl ParseError {
    /// The error as Prometheus prints it: line, column, message.
    pub fn render(&self, query: &str) -> String {
        let before = query.get(..self.at.min(query.len())).unwrap_or(query);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
        format!("{line}:{column}: parse error: {}", self.message)
    }
}

/// Why a query that was understood has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError(pub String);

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
