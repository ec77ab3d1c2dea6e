//! The shared record: what people said, where others can read it: the ConfigMap `release-cockpit` in the namespace of
//! the environment. One key per statement, so that two people who speak at once overwrite nothing. The [anchors](anchor) of
//! journals are beside them, and are no statements.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::domain::facts::cluster::{ClusterIdentity, Comparison, is_elsewhere};
use crate::domain::facts::ids::EnvName;
use crate::domain::record::anchor;
use crate::domain::record::checklist::{Acknowledgement, CheckOutcome, Decision, SignOff};
use crate::domain::record::journal::{Entry, Line, hex};
use crate::domain::record::later_stop::LaterStop;
use crate::domain::record::ledger::Ledger;
use crate::domain::record::proof::{Flaw, Keys, Proof};
use jiff::{SignedDuration, Timestamp};

/// What a statement does, in the order in which they go when there are too many bytes: many of one kind push out none of
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A flag was turned off.
    FlagOff,
    /// It lets something through, or nobody can read it.
    Other,
    /// A lane was opened.
    Lane,
    /// A check went red.
    Red,
    Regression,
    Rejection,
    /// What a promotion asks for.
    Requirement,
    /// A lane was closed.
    LaneEnd,
    Freeze,
    /// Of a later version.
    LaterStop,
    NoGo,
}

impl Kind {
    fn of(entry: &Entry) -> Self {
        match entry {
            Entry::SignedOff(sign_off) if sign_off.decision == Decision::NoGo => Self::NoGo,
            Entry::Rejected(rejection) if !rejection.is_lifted() => Self::Rejection,
            Entry::Checked { .. } => Self::Red,
            Entry::Regressed(_) => Self::Regression,
            Entry::Requires(_) => Self::Requirement,
            Entry::Frozen(_) => Self::Freeze,
            Entry::Lane(lane) if lane.is_end => Self::LaneEnd,
            Entry::Lane(_) => Self::Lane,
            Entry::TurnedOff(_) => Self::FlagOff,
            _ => Self::Other,
        }
    }
}

/// Whether a statement only ever keeps something out. Then it counts whatever its clock says, and under every name that the
/// environment has.
fn keeps_out(entry: &Entry) -> bool {
    match entry {
        Entry::Requires(requirements) => !requirements.is_decision,
        Entry::Frozen(freeze) => !freeze.is_end,
        _ => !matches!(Kind::of(entry), Kind::FlagOff | Kind::Other | Kind::Lane),
    }
}

/// Whether a statement takes back what it names, and nothing else: then no clock makes it more than its author meant.
fn names_what_it_follows(entry: &Entry) -> bool {
    match entry {
        Entry::Requires(requirements) => requirements.follows.is_some(),
        Entry::Frozen(freeze) => freeze.ends.is_some(),
        _ => false,
    }
}

pub const NAME: &str = "release-cockpit";
/// No more statements of each kind than this are kept; the oldest go first.
pub const MAX_STATEMENTS: usize = 200;
/// No more than this of all of them: the API server takes 1 MiB, and the anchors need room as well.
const MAX_STATEMENTS_BYTES: usize = 768 * 1024;
/// How far ahead of ours the clock of somebody else may be, for what lets a release through.
pub const MAX_AHEAD: SignedDuration = SignedDuration::from_secs(60);
/// Longest text of an answer that is shared.
const MAX_TEXT_CHARS: usize = 500;
/// A statement longer than this, in bytes, is none of ours.
pub const MAX_STATEMENT_BYTES: usize = 32 * 1024;

/// Returns key and value of a statement; `None` for an entry that is none of a person. The key is the same with and without
/// a signature: the signed one takes the place of the other.
#[must_use]
pub fn statement(entry: &Entry) -> Option<(String, String)> {
    let at = match entry {
        Entry::Acknowledged(ack) => ack.at,
        Entry::SignedOff(sign_off) => sign_off.at,
        Entry::Rejected(rejection) => rejection.at,
        Entry::Kept(kept) => kept.at?,
        Entry::Regressed(regression) => regression.at,
        Entry::Requires(requirements) => requirements.at,
        Entry::Frozen(freeze) => freeze.at,
        Entry::Lane(lane) => lane.at,
        Entry::TurnedOff(off) => off.at,
        Entry::Checked { finding, .. } if finding.found == CheckOutcome::Failed => finding.at,
        _ => return None,
    };
    let entry = shortened(entry.clone().with_proof(Proof::NotRequired));
    let value = serde_json::to_string(&entry).ok()?;
    let unsigned = entry.signature().map(|_| serde_json::to_string(&entry.clone().with_signature(None))).transpose();
    let hash = hex(&Sha256::digest(unsigned.ok()?.as_ref().unwrap_or(&value).as_bytes()));
    // Keys sort by time.
    Some((format!("{:012}.{}", at.as_second().max(0), hash.get(..16)?), value))
}

/// What others need of an answer is that it was red: its evidence may be long, and stays on this machine.
fn shortened(mut entry: Entry) -> Entry {
    let cut = |text: &mut String| {
        if let Some((end, _)) = text.char_indices().nth(MAX_TEXT_CHARS) {
            text.truncate(end);
        }
    };
    match &mut entry {
        Entry::Checked { finding, .. } => {
            finding.evidence.clear();
            cut(&mut finding.summary);
            cut(&mut finding.green_when);
        }
        Entry::Regressed(regression) => cut(&mut regression.why),
        _ => {}
    }
    entry
}

/// Reads the statements about an environment. Anybody who may write the ConfigMap may write anything: what is no
/// statement, or about another environment or cluster, is left out; who says it is only what the record says, unless `keys`
/// prove it; and what lets a release through does not count before its time.
#[must_use]
pub fn read(
    (env, here): (&EnvName, &ClusterIdentity),
    data: &BTreeMap<String, String>,
    now: Timestamp,
    mut keys: Option<&mut Keys>,
) -> Ledger {
    let mut ledger = Ledger::default();
    for stop in data.values().filter_map(|value| LaterStop::read(value)) {
        // Under whatever name, it is about the cluster that it lies in, unless it says otherwise.
        if !is_elsewhere(Some(here), stop.cluster.as_ref()) {
            ledger.take_later_stop(LaterStop { cluster: Some(here.clone()), ..stop });
        }
    }
    for (found_at, entry) in newest(data, here) {
        let Some(of) = entry.checklist_of().filter(|_| statement(&entry).is_some()) else { continue };
        // Other configs may call this environment otherwise. What names no cluster that can be compared lies in this one.
        let is_about = match entry.cluster().map(|stated| here.compare(stated)) {
            Some(Comparison::Same) => true,
            Some(Comparison::Other) => false,
            Some(Comparison::Unknown) | None => of == env || keeps_out(&entry),
        };
        let waits_for_its_time = !keeps_out(&entry) && !names_what_it_follows(&entry);
        if !is_about || waits_for_its_time && said_at(&entry) > now + MAX_AHEAD {
            continue;
        }
        let proof = keys.as_deref_mut().map_or(Proof::NotRequired, |keys| proven(keys, (&entry, found_at), here, now));
        if proof.flaw().is_some() && lets_through_unseen(&entry) {
            continue;
        }
        let entry = found(here, reported(entry)).with_signature(None).with_proof(proof);
        ledger.take_shared_red(&entry);
        ledger.take(&Line::after(None, Timestamp::UNIX_EPOCH, entry));
    }
    if let Some(keys) = keys {
        keys.forget();
    }
    ledger
}

/// What keys prove of a statement. It has to stand in the record exactly as it was written.
fn proven(
    keys: &mut Keys,
    (entry, found_at): (&Entry, (&String, &String)),
    here: &ClusterIdentity,
    now: Timestamp,
) -> Proof {
    let (key, value) = found_at;
    let is_exact = statement(entry).is_some_and(|(exact, text)| exact == *key && text == *value);
    match keys.prove(entry, Some(here), now) {
        Proof::ByKey if !is_exact => Proof::Missing(Flaw::Mismatch),
        proof => proof,
    }
}

/// What takes effect without being shown as a statement: not without proof, where that is required.
fn lets_through_unseen(entry: &Entry) -> bool {
    match entry {
        Entry::Rejected(rejection) => rejection.is_lifted(),
        // The one would keep autopilot from rolling back, the other answers a check.
        Entry::Kept(_) | Entry::TurnedOff(_) => true,
        // `InForce` looks at the proof of a decision.
        _ => false,
    }
}

/// Where the UIDs that a statement names may not be read by whoever reads it, it is about the cluster that it lies in.
fn found(here: &ClusterIdentity, mut entry: Entry) -> Entry {
    let is_kept_out = keeps_out(&entry);
    let cluster = match &mut entry {
        Entry::Acknowledged(ack) => &mut ack.cluster,
        Entry::SignedOff(sign_off) => &mut sign_off.cluster,
        Entry::Rejected(rejection) => &mut rejection.cluster,
        Entry::Kept(kept) => &mut kept.cluster,
        Entry::Checked { cluster, .. } => cluster,
        Entry::Regressed(regression) => &mut regression.cluster,
        Entry::Requires(requirements) => &mut requirements.cluster,
        Entry::Frozen(freeze) => &mut freeze.cluster,
        Entry::Lane(lane) => &mut lane.cluster,
        Entry::TurnedOff(off) => &mut off.cluster,
        _ => return entry,
    };
    let is_unknown = match cluster {
        Some(stated) => here.compare(stated) == Comparison::Unknown,
        None => is_kept_out,
    };
    if is_unknown {
        *cluster = Some(here.clone());
    }
    entry
}

/// Whether a statement is about another cluster or namespace than that in which it lies: it takes nobody's place.
fn is_foreign(entry: &Entry, here: Option<&ClusterIdentity>) -> bool {
    is_elsewhere(here, entry.cluster())
}

/// Returns as many statements as are kept, with where they were found, the newest of each kind, oldest first.
fn newest<'a>(data: &'a BTreeMap<String, String>, here: &ClusterIdentity) -> Vec<((&'a String, &'a String), Entry)> {
    let mut counts = BTreeMap::new();
    let statements = data.iter().rev().filter(|(key, _)| !anchor::is_anchor(key));
    let short = statements.filter(|(_, value)| value.len() <= MAX_STATEMENT_BYTES);
    let entries = short.filter_map(|found| Some((found, serde_json::from_str::<Entry>(found.1).ok()?)));
    let mut kept: Vec<_> = entries
        .filter(|(_, entry)| !is_foreign(entry, Some(here)))
        .filter(|(_, entry)| {
            let count = counts.entry(Kind::of(entry)).or_insert(0_usize);
            *count += 1;
            *count <= MAX_STATEMENTS
        })
        .collect();
    kept.reverse();
    kept
}

fn said_at(entry: &Entry) -> Timestamp {
    match entry {
        Entry::Acknowledged(ack) => ack.at,
        Entry::SignedOff(sign_off) => sign_off.at,
        Entry::Rejected(rejection) => rejection.at,
        Entry::Kept(kept) => kept.at.unwrap_or(Timestamp::MAX),
        Entry::Requires(requirements) => requirements.at,
        Entry::Frozen(freeze) => freeze.at,
        Entry::Lane(lane) => lane.at,
        Entry::TurnedOff(off) => off.at,
        _ => Timestamp::MAX,
    }
}

/// The cluster does not vouch for what a text says of its author.
fn reported(entry: Entry) -> Entry {
    match entry {
        Entry::Acknowledged(ack) => Entry::Acknowledged(Acknowledgement { verified: false, ..ack }),
        Entry::SignedOff(sign_off) => Entry::SignedOff(SignOff { verified: false, ..sign_off }),
        other => other,
    }
}

/// Returns the keys that are too many of their kind, or whose bytes are: what lets a release through goes first, the oldest
/// of each kind before the others.
#[must_use]
pub fn surplus<'a>(data: &'a BTreeMap<String, String>, here: Option<&ClusterIdentity>) -> Vec<&'a String> {
    let mut kinds: BTreeMap<Kind, Vec<(&String, usize)>> = BTreeMap::new();
    for (key, value) in data.iter().filter(|(key, _)| !anchor::is_anchor(key)) {
        let kind = match serde_json::from_str(value) {
            Ok(Entry::Later) | Err(_) => {
                let stop = LaterStop::read(value).filter(|stop| !is_elsewhere(here, stop.cluster.as_ref()));
                stop.map_or(Kind::Other, |_| Kind::LaterStop)
            }
            Ok(entry) if !is_foreign(&entry, here) => Kind::of(&entry),
            Ok(_) => Kind::Other,
        };
        kinds.entry(kind).or_default().push((key, key.len() + value.len()));
    }
    let mut keys = Vec::new();
    for of_kind in kinds.values_mut() {
        let too_many = of_kind.len().saturating_sub(MAX_STATEMENTS);
        keys.extend(of_kind.drain(..too_many).map(|(key, _)| key));
    }
    let mut bytes: usize = kinds.values().flatten().map(|(_, bytes)| bytes).sum();
    for (key, own) in kinds.into_values().flatten() {
        if bytes <= MAX_STATEMENTS_BYTES {
            break;
        }
        bytes -= own;
        keys.push(key);
    }
    keys.sort();
    keys.extend(anchor::surplus(data));
    keys
}

#[cfg(test)]
mod tests;
