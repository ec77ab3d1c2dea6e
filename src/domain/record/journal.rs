//! The journal's entries and the chain that binds them. Writing them is the dispatcher's business.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::ids::{EnvName, WorkloadKey};
use crate::domain::facts::signals::Tracks;
use crate::domain::record::action::{ActionId, Outcome, PlanRecord};
use crate::domain::record::checklist::{Acknowledgement, CheckId, CheckOutcome, Finding, SignOff};
use crate::domain::record::flag_off::FlagOff;
use crate::domain::record::freeze::Freeze;
use crate::domain::record::guardrails::Kept;
use crate::domain::record::lane::Lane;
use crate::domain::record::proof::Proof;
use crate::domain::record::regression::Regression;
use crate::domain::record::rejection::Rejection;
use crate::domain::record::requirement::Requirements;

/// Where the course of a rollout begins and ends: what tells later whose metrics to look at, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Course {
    UnderWay {
        tracks: Tracks,
        /// When the ReplicaSet of the canary was made, where that is known.
        since: Option<Timestamp>,
    },
    Ended {
        /// The ReplicaSet that is stable now.
        stable: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Entry {
    /// The journal of a release was begun.
    Opened {
        release: String,
        program: String,
        /// Hash of the config in force (SHA-256, hex), if there is one.
        config: Option<String>,
    },
    Observed {
        target: WorkloadKey,
        /// Which cluster and namespace that is; journals of before do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cluster: Option<ClusterIdentity>,
        text: String,
        /// Where the rollout's course begins or ends, if it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        course: Option<Course>,
    },
    /// An action is about to be sent.
    Intent {
        action: ActionId,
        operator: String,
        /// What will be sent and what it rests on.
        plan: Box<PlanRecord>,
        /// The settings in force: hash of the config file, and flags that change what is looked at or acted on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        settings: Option<String>,
    },
    /// A request of an action was answered.
    Answer {
        action: ActionId,
        /// Which of its requests, from 1.
        request: usize,
        /// The answer in words, e.g. `200 resourceVersion 81240`.
        answer: String,
    },
    Outcome {
        action: ActionId,
        outcome: Outcome,
    },
    /// A check was answered otherwise than before.
    Checked {
        env: EnvName,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cluster: Option<ClusterIdentity>,
        check: CheckId,
        finding: Finding,
    },
    /// A person said that a manual check holds.
    Acknowledged(Acknowledgement),
    /// A reviewer said GO or NO-GO.
    SignedOff(SignOff),
    /// A person stopped a rollback of autopilot: what becomes of this canary is theirs to say.
    Kept(Kept),
    /// A revision was rejected, or a rejection was taken back: the API server took the request.
    Rejected(Box<Rejection>),
    /// The analysis proved a canary to be worse than stable.
    Regressed(Box<Regression>),
    /// What a promotion into an environment asks for, by the config that somebody acted with, or by a person's decision.
    Requires(Box<Requirements>),
    /// A person stopped promotions into an environment, or allowed them again.
    Frozen(Freeze),
    /// A person opened a lane into an environment for one artifact, or closed it.
    Lane(Box<Lane>),
    /// A flag was turned off: only in the shared record, for a journal has the action itself.
    TurnedOff(FlagOff),
    /// A free remark, of a person or of the program.
    Note {
        who: String,
        text: String,
    },
    /// Something that a later version of the program wrote.
    #[serde(other, skip_serializing)]
    Later,
}

impl Entry {
    /// Returns the entry in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Opened { release, program, .. } => format!("journal created for {release} by cockpit {program}"),
            Self::Observed { text, .. } => text.clone(),
            Self::Intent { operator, plan, .. } => {
                let why =
                    plan.automatic.as_ref().map_or_else(String::new, |why| format!(" ({})", why.because.join("; ")));
                format!("{operator} requested: {}{why}", plan.headline)
            }
            Self::Answer { request, answer, .. } => format!("request {request} answered: {answer}"),
            Self::Outcome { outcome, .. } => outcome.describe(),
            Self::Checked { check, finding, .. } => {
                let word = match finding.found {
                    CheckOutcome::Passed => "passed",
                    CheckOutcome::Failed => "FAILED",
                    CheckOutcome::Blind => "unknown",
                };
                format!("check {check} {word}: {}", finding.summary)
            }
            Self::Acknowledged(ack) => {
                format!("{} acknowledged {}{}{}", ack.who, ack.check, quoted(&ack.note), proven(&ack.proof))
            }
            Self::SignedOff(sign) => {
                let (decision, note, proven) = (sign.decision.label(), quoted(&sign.note), proven(&sign.proof));
                let of = sign.takes_back_of.as_ref();
                let of = of.map_or_else(String::new, |of| format!(", taking back the NO-GO of {of}"));
                format!("{} signed {decision} as {}{of}{note}{proven}", sign.who, sign.role)
            }
            Self::Kept(Kept { who, target, flag: Some(flag), .. }) => {
                format!("{who} keeps the flag {flag} in {}: autopilot does not turn it off", target.env)
            }
            Self::Kept(Kept { who, target, hash, .. }) => {
                format!("{who} keeps the canary {hash} of {target}: autopilot's rollback is stopped")
            }
            Self::Rejected(rejection) => rejection.sentence(),
            Self::Regressed(regression) => regression.sentence(),
            Self::Requires(requirements) => requirements.sentence(),
            Self::Frozen(freeze) => freeze.sentence(),
            Self::Lane(lane) => lane.sentence(),
            Self::TurnedOff(off) => off.sentence(),
            Self::Note { who, text } => format!("{who}: {text}"),
            Self::Later => "an entry of a later version of cockpit".to_owned(),
        }
    }

    /// Returns the environment that a check, or a statement that others can see, is about.
    #[must_use]
    pub fn checklist_of(&self) -> Option<&EnvName> {
        match self {
            Self::Checked { env, .. } => Some(env),
            Self::Acknowledged(ack) => Some(&ack.env),
            Self::SignedOff(sign_off) => Some(&sign_off.env),
            Self::Rejected(rejection) => Some(&rejection.target.env),
            Self::Kept(kept) => Some(&kept.target.env),
            Self::Regressed(regression) => Some(&regression.target.env),
            Self::Requires(requirements) => Some(&requirements.env),
            Self::Frozen(freeze) => Some(&freeze.env),
            Self::Lane(lane) => Some(&lane.env),
            Self::TurnedOff(off) => Some(&off.env),
            _ => None,
        }
    }

    /// Whether it is what the config asks for, and no word of a person.
    #[must_use]
    pub fn is_of_config(&self) -> bool {
        matches!(self, Self::Requires(requirements) if !requirements.is_decision)
    }

    /// Returns which cluster and namespace it is about, where it says so.
    #[must_use]
    pub fn cluster(&self) -> Option<&ClusterIdentity> {
        match self {
            Self::Observed { cluster, .. } | Self::Checked { cluster, .. } => cluster.as_ref(),
            Self::Kept(kept) => kept.cluster.as_ref(),
            Self::Intent { plan, .. } => plan.cluster.as_ref(),
            Self::Acknowledged(ack) => ack.cluster.as_ref(),
            Self::SignedOff(sign_off) => sign_off.cluster.as_ref(),
            Self::Rejected(rejection) => rejection.cluster.as_ref(),
            Self::Regressed(regression) => regression.cluster.as_ref(),
            Self::Requires(requirements) => requirements.cluster.as_ref(),
            Self::Frozen(freeze) => freeze.cluster.as_ref(),
            Self::Lane(lane) => lane.cluster.as_ref(),
            Self::TurnedOff(off) => off.cluster.as_ref(),
            Self::Opened { .. } | Self::Answer { .. } | Self::Outcome { .. } | Self::Note { .. } | Self::Later => None,
        }
    }

    /// Returns the word for what kind of entry it is.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Observed { .. } => "seen",
            Self::Intent { .. } => "asked",
            Self::Answer { .. } => "answer",
            Self::Outcome { .. } => "outcome",
            Self::Checked { .. } => "check",
            Self::Acknowledged(_) => "ack",
            Self::SignedOff(_) => "signed",
            Self::Kept(_) => "kept",
            Self::Rejected(_) => "rejected",
            Self::Regressed(_) => "verdict",
            Self::Requires(_) => "gates",
            Self::Frozen(_) => "freeze",
            Self::Lane(_) => "lane",
            Self::TurnedOff(_) => "flag-off",
            Self::Note { .. } => "note",
            Self::Later => "later",
        }
    }
}

fn proven(proof: &Proof) -> String {
    if proof.is_not_required() { String::new() } else { format!(" ({})", proof.label(false)) }
}

fn quoted(note: &str) -> String {
    if note.is_empty() { String::new() } else { format!(": “{note}”") }
}

/// Whether the journals can be written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalState {
    /// Why the last write failed, if it did.
    pub broken: Option<String>,
    /// Entries kept in memory until they can be written.
    pub unwritten: usize,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Number, from 1.
    pub n: u64,
    pub at: Timestamp,
    /// Hash of the line before; 64 zeros for the first.
    pub prev: String,
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

    /// Reads a line as it stands in a journal, and checks that it is whole and follows `prev`.
    ///
    /// The hash is taken over the text as it was written, so that what later versions add to an entry does not break
    /// what earlier ones wrote.
    ///
    /// # Errors
    /// What does not fit, in words.
    pub fn read(text: &[u8], prev: Option<&Self>) -> Result<Self, String> {
        let mut value: Value = serde_json::from_slice(text).map_err(|error| format!("not a journal line: {error}"))?;
        let line: Self =
            serde_json::from_value(value.clone()).map_err(|error| format!("not a journal line: {error}"))?;
        let wanted = prev.map_or(1, |line| line.n + 1);
        if line.n != wanted {
            return Err(format!("number {} where {wanted} is due: lines are missing or doubled", line.n));
        }
        if line.prev != prev.map_or(GENESIS, |line| line.hash.as_str()) {
            return Err(format!("line {} does not follow the one before it: the chain is broken", line.n));
        }
        if let Some(fields) = value.as_object_mut() {
            fields.shift_remove("hash");
        }
        if line.hash != hex(&Sha256::digest(value.to_string().as_bytes())) {
            return Err(format!("line {} was changed after it was written: its hash does not fit", line.n));
        }
        Ok(line)
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stored(n: u64, prev: &str, entry: &Value) -> Vec<u8> {
        let mut value = json!({"n": n, "at": "2026-11-21T09:00:00Z", "prev": prev, "entry": entry});
        let hash = hex(&Sha256::digest(value.to_string().as_bytes()));
        value["hash"] = json!(hash);
        value.to_string().into_bytes()
    }

    #[test]
    fn a_line_reads_back_as_it_was_written() {
        let entry = Entry::Note { who: "a".to_owned(), text: "b \u{1b} ü".to_owned() };
        let line = Line::after(None, "2026-11-21T09:00:00.123Z".parse().unwrap(), entry);
        let text = serde_json::to_vec(&line).unwrap();
        assert_eq!(Line::read(&text, None), Ok(line));
    }

    #[test]
    fn entries_of_other_versions_keep_the_chain() {
        let first = stored(1, GENESIS, &json!({"kind": "note", "who": "a", "text": "b", "mood": "new field"}));
        let first = Line::read(&first, None).unwrap();
        let second = stored(2, &first.hash, &json!({"kind": "forecast", "rain": 1.50}));
        assert_eq!(Line::read(&second, Some(&first)).unwrap().entry, Entry::Later);
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let text = String::from_utf8(stored(1, GENESIS, &json!({"kind": "note", "who": "a", "text": "b"}))).unwrap();
        let changed = text.replace("\"b\"", "\"c\"");
        assert!(Line::read(changed.as_bytes(), None).unwrap_err().contains("changed after"));
    }
}
