//! Clients of providers of feature flags, which sources read with and executors write with.

pub mod command;
pub mod flagd;
pub mod unleash;

use std::fmt;

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
