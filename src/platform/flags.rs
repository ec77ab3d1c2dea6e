//! Clients of providers of feature flags, which sources read with and executors write with.

pub mod command;
pub mod flagd;
pub mod unleash;

use std::fmt;

use super::Redactor;

/// Why a provider gave no answer that could be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlagError {
    /// It said no; what it said, and its status.
    Status(u16, String),
    /// No connection came up: nothing was sent.
    NotSent(String),
    /// Something was sent, and nothing usable came back.
    NoAnswer(String),
}

impl fmt::Display for FlagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status, words) => write!(f, "{status}: {words}"),
            Self::NotSent(why) => write!(f, "not sent: {why}"),
            Self::NoAnswer(why) => f.write_str(why),
        }
    }
}

/// Longest text that is taken over from a provider, in characters.
const MAX_TEXT_CHARS: usize = 200;

/// The innermost cause of an error, without what is secret in it.
fn cause(error: &reqwest::Error, redactor: &Redactor) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(inner) = innermost.source() {
        innermost = inner;
    }
    redactor.cut(&innermost.to_string(), MAX_TEXT_CHARS)
}
