//! Clients of providers of feature flags, which sources read with and executors write with.

pub mod command;
pub mod flagd;
pub mod flagd_file;
mod http;
pub mod launchdarkly;
mod login;
pub mod table;
pub mod unleash;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::domain::facts::flag::Flag;

pub use http::Place;
pub use login::{Login, RevealToken};

/// Lists the flags of a provider in one environment.
pub trait ListsFlags: Send + Sync {
    /// Reads all flags, knowing what was read before.
    fn list<'a>(&'a self, known: &'a mut Known) -> BoxFuture<'a, Result<Vec<Flag>, FlagError>>;
}

/// What was read before.
#[derive(Default)]
pub struct Known {
    /// The flags of the last list.
    pub flags: Arc<Vec<Flag>>,
    /// When a list was asked for that is handed on later.
    pub as_of: Option<Timestamp>,
    /// Who made each flag, as far as that is known: it need not be asked for each time.
    owners: BTreeMap<String, Option<String>>,
    /// The last list that was read as a whole, where others say only what changed since.
    whole: Option<Whole>,
}

/// A list that was read as a whole.
#[derive(Clone, Copy)]
struct Whole {
    at: Instant,
    /// How many flags the provider said it has.
    total: usize,
}

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
