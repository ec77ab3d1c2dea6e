//! The journal's entries and the chain that binds them. Writing them is the door's business.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::action::{ActionId, Outcome, PlanRecord};
use super::ids::Target;

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Entry {
    /// The journal of a release was begun.
    Opened {
        /// The release.
        release: String,
        /// Version of this program.
        program: String,
        /// Hash of the config in force (SHA-256, hex), if there is one.
        config: Option<String>,
    },
    /// Something was seen.
    Observed {
        /// About which workload.
        target: Target,
        /// What, in words.
        text: String,
    },
    /// An action is about to be sent.
    Intent {
        /// Which action.
        action: ActionId,
        /// Who asked for it.
        operator: String,
        /// What will be sent and what it rests on.
        plan: Box<PlanRecord>,
    },
    /// A request of an action was answered.
    Answer {
        /// Which action.
        action: ActionId,
        /// Which of its requests, from 1.
        request: usize,
        /// The answer in words, e.g. `200 resourceVersion 81240`.
        answer: String,
    },
    /// An action ended.
    Outcome {
        /// Which action.
        action: ActionId,
        /// How.
        outcome: Outcome,
    },
    /// A free remark, of a person or of the program.
    Note {
        /// Who.
        who: String,
        /// What.
        text: String,
    },
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Number, from 1.
    pub n: u64,
    /// When it was written.
    pub at: Timestamp,
    /// Hash of the line before; 64 zeros for the first.
    pub prev: String,
    /// What it says.
    pub entry: Entry,
    /// SHA-256 over the canonical JSON of the four fields above, hex.
    pub hash: String,
}

/// The `prev` of the first line.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[derive(Serialize)]
struct Hashed<'a> {
    n: u64,
    at: Timestamp,
    prev: &'a str,
    entry: &'a Entry,
}

/// Returns the hash of a line's content.
#[must_use]
pub fn hash(n: u64, at: Timestamp, prev: &str, entry: &Entry) -> String {
    // Serialising these types cannot fail: they hold no maps with keys that are not text.
    let bytes = serde_json::to_vec(&Hashed { n, at, prev, entry }).unwrap_or_default();
    hex(&Sha256::digest(&bytes))
}

/// Returns bytes as hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

impl Line {
    /// Makes the line that follows `prev`.
    #[must_use]
    pub fn after(prev: Option<&Self>, at: Timestamp, entry: Entry) -> Self {
        let n = prev.map_or(1, |line| line.n + 1);
        let prev = prev.map_or_else(|| GENESIS.to_owned(), |line| line.hash.clone());
        let hash = hash(n, at, &prev, &entry);
        Self { n, at, prev, entry, hash }
    }

    /// Returns whether the line is whole and follows `prev`.
    ///
    /// # Errors
    /// What does not fit, in words.
    pub fn check(&self, prev: Option<&Self>) -> Result<(), String> {
        let wanted = prev.map_or(1, |line| line.n + 1);
        if self.n != wanted {
            return Err(format!("number {} where {wanted} is due: lines are missing or doubled", self.n));
        }
        if self.prev != prev.map_or(GENESIS, |line| line.hash.as_str()) {
            return Err(format!("line {} does not follow the one before it: the chain is broken", self.n));
        }
        if self.hash != hash(self.n, self.at, &self.prev, &self.entry) {
            return Err(format!("line {} was changed after it was written: its hash does not fit", self.n));
        }
        Ok(())
    }
}

/// Returns the actions that have an intent and no outcome, in order.
#[must_use]
pub fn open_intents(lines: &[Line]) -> Vec<(ActionId, PlanRecord)> {
    let mut open: Vec<(ActionId, PlanRecord)> = Vec::new();
    for line in lines {
        match &line.entry {
            Entry::Intent { action, plan, .. } => open.push((action.clone(), (**plan).clone())),
            Entry::Outcome { action, .. } => open.retain(|(id, _)| id != action),
            _ => {}
        }
    }
    open
}
