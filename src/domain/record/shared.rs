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
use crate::domain::record::ledger::Ledger;
use crate::domain::record::proof::{Flaw, Keys, Proof};
use jiff::{SignedDuration, Timestamp};

/// What a statement does, in the order in which they go when there are too many bytes: many of one kind push out none of
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// It lets something through, or nobody can read it.
    Other,
    /// A check went red.
    Red,
    Regression,
    Rejection,
    /// What a promotion asks for.
    Requirement,
    Freeze,
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
        _ => Kind::of(entry) != Kind::Other,
    }
}

pub const NAME: &str = "release-cockpit";
/// No more statements of each kind than this are kept; the oldest go first.
pub const MAX_STATEMENTS: usize = 200;
/// No more than this of all of them: the API server takes 1 MiB, and the anchors need room as well.
const MAX_STATEMENTS_BYTES: usize = 768 * 1024;
/// How far ahead of ours the clock of somebody else may be, for what lets a release through.
const MAX_AHEAD: SignedDuration = SignedDuration::from_secs(60);
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
    for (found_at, entry) in newest(data, here) {
        let Some(of) = entry.checklist_of().filter(|_| statement(&entry).is_some()) else { continue };
        // Other configs may call this environment otherwise. What names no cluster that can be compared lies in this one.
        let is_about = match entry.cluster().map(|stated| here.compare(stated)) {
            Some(Comparison::Same) => true,
            Some(Comparison::Other) => false,
            Some(Comparison::Unknown) | None => of == env || keeps_out(&entry),
        };
        if !is_about || !keeps_out(&entry) && said_at(&entry) > now + MAX_AHEAD {
            continue;
        }
        let proof = keys.as_deref_mut().map_or(Proof::NotRequired, |keys| proven(keys, (&entry, found_at), here, now));
        if proof.flaw().is_some() && lets_through_unseen(&entry) {
            continue;
        }
        let entry = found(here, reported(entry)).with_signature(None).with_proof(proof);
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
        // It would keep autopilot from rolling back.
        Entry::Kept(_) => true,
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
        let kind = serde_json::from_str(value)
            .map_or(Kind::Other, |entry| if is_foreign(&entry, here) { Kind::Other } else { Kind::of(&entry) });
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
mod tests {
    use super::*;
    use crate::domain::record::checklist::{CheckId, Finding};
    use proptest::prelude::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_000_000).unwrap()
    }

    fn signed(env: &str, at: i64, decision: Decision) -> SignOff {
        SignOff {
            env: EnvName::new(env),
            cluster: None,
            role: "sre".to_owned(),
            who: "bob".to_owned(),
            verified: true,
            decision,
            note: "seen".to_owned(),
            at: Timestamp::from_second(at).unwrap(),
            subject: "api:1".to_owned(),
            digest: None,
            takes_back: None,
            signature: None,
            proof: Proof::default(),
        }
    }

    fn here() -> ClusterIdentity {
        ClusterIdentity { cluster: Some("uid-of-a".to_owned()), ..ClusterIdentity::unknown("shop") }
    }

    fn sign_off(env: &str, at: i64) -> Entry {
        Entry::SignedOff(signed(env, at, Decision::Go))
    }

    fn data(entries: &[Entry]) -> BTreeMap<String, String> {
        entries.iter().filter_map(statement).collect()
    }

    #[test]
    fn statements_belong_to_one_environment() {
        let ledger = read((&EnvName::new("a"), &here()), &data(&[sign_off("a", 1), sign_off("b", 2)]), now(), None);
        assert_eq!(ledger.sign_offs.len(), 1);
        assert_eq!(ledger.sign_offs[0].at, Timestamp::from_second(1).unwrap());
    }

    #[test]
    fn statements_about_another_cluster_of_that_name_are_left_out() {
        let of = |cluster: &str, decision| {
            let cluster = ClusterIdentity { cluster: Some(cluster.to_owned()), ..here() };
            Entry::SignedOff(SignOff { cluster: Some(cluster), ..signed("a", 1, decision) })
        };
        let all = [("uid-of-a", Decision::Go), ("uid-of-b", Decision::Go), ("uid-of-b", Decision::NoGo)];
        let data = data(&all.map(|(cluster, decision)| of(cluster, decision)));
        let ledger = read((&EnvName::new("a"), &here()), &data, now(), None);
        assert_eq!(ledger.sign_offs.len(), 1);
        assert_eq!(ledger.sign_offs[0].cluster, Some(here()));
    }

    /// Another person's config, or `--context`, calls the same namespace of the same cluster otherwise.
    #[test]
    fn what_is_said_of_this_cluster_counts_under_every_name() {
        let of = |cluster: Option<ClusterIdentity>, decision| {
            Entry::SignedOff(SignOff { cluster, ..signed("prod", 1, decision) })
        };
        let counts = |cluster: Option<ClusterIdentity>, decision| {
            let ledger = read((&EnvName::new("live"), &here()), &data(&[of(cluster, decision)]), now(), None);
            !ledger.sign_offs.is_empty()
        };
        let elsewhere = ClusterIdentity { cluster: Some("uid-of-b".to_owned()), ..here() };
        let unreadable = ClusterIdentity::unknown("shop");
        for decision in [Decision::Go, Decision::NoGo] {
            assert!(counts(Some(here()), decision));
            assert!(!counts(Some(elsewhere.clone()), decision));
        }
        // It lies in this cluster: what keeps out is believed.
        assert!(counts(Some(unreadable.clone()), Decision::NoGo) && !counts(Some(unreadable), Decision::Go));
    }

    #[test]
    fn whoever_may_read_no_uid_takes_the_record_for_that_of_its_cluster() {
        let signed = SignOff { cluster: Some(here()), ..signed("a", 1, Decision::Go) };
        let unreadable = ClusterIdentity::unknown("shop");
        let ledger = read((&EnvName::new("a"), &unreadable), &data(&[Entry::SignedOff(signed)]), now(), None);
        assert_eq!(ledger.sign_offs[0].cluster, Some(unreadable));
    }

    #[test]
    fn only_statements_of_people_are_read_from_the_record() {
        let note = Entry::Note { who: "eve".to_owned(), text: "x".to_owned() };
        assert_eq!(statement(&note), None);
        let data = BTreeMap::from([("k".to_owned(), serde_json::to_string(&note).unwrap())]);
        assert_eq!(read((&EnvName::new("a"), &here()), &data, now(), None), Ledger::default());
    }

    #[test]
    fn an_anchor_is_no_statement_and_takes_the_room_of_none() {
        let go = (0..MAX_STATEMENTS as i64).map(|at| sign_off("a", at));
        let mut data = data(&go.collect::<Vec<_>>());
        // Whatever it says.
        let no_go = serde_json::to_string(&Entry::SignedOff(signed("a", 1, Decision::NoGo))).unwrap();
        data.insert("journal.0123456789abcdef".to_owned(), no_go);
        let ledger = read((&EnvName::new("a"), &here()), &data, now(), None);
        assert_eq!(ledger.sign_offs.len(), MAX_STATEMENTS);
        assert!(ledger.sign_offs.iter().all(|sign| sign.decision == Decision::Go));
        assert!(surplus(&data, None).is_empty());
    }

    #[test]
    fn a_text_does_not_vouch_for_its_author() {
        let ledger = read((&EnvName::new("a"), &here()), &data(&[sign_off("a", 1)]), now(), None);
        assert!(!ledger.sign_offs[0].verified);
    }

    #[test]
    fn a_go_of_a_clock_that_is_ahead_does_not_count_yet_and_a_no_go_does() {
        let ahead = now().as_second() + 1200;
        let go = data(&[sign_off("a", ahead)]);
        assert!(read((&EnvName::new("a"), &here()), &go, now(), None).sign_offs.is_empty());
        let no_go = data(&[Entry::SignedOff(signed("a", ahead, Decision::NoGo))]);
        assert_eq!(read((&EnvName::new("a"), &here()), &no_go, now(), None).sign_offs.len(), 1);
    }

    #[test]
    fn a_no_go_stands_until_it_is_taken_back_whatever_the_clocks_say() {
        let (fast, no_go) = (signed("a", 900_000, Decision::Go), signed("a", 800_000, Decision::NoGo));
        let ledger = |more: Option<SignOff>| {
            let all = [fast.clone(), no_go.clone()].into_iter().chain(more).map(Entry::SignedOff).collect::<Vec<_>>();
            read((&EnvName::new("a"), &here()), &data(&all), now(), None)
        };
        let standing = |ledger: &Ledger| {
            let env = EnvName::new("a");
            ledger.standing_no_go((&env, None), ("bob", "sre"), |subject| subject == "api:1").is_some()
        };
        assert!(standing(&ledger(None)));
        let back = SignOff { takes_back: Some(no_go.at), ..signed("a", 810_000, Decision::Go) };
        assert!(!standing(&ledger(Some(back.clone()))));
        // Nobody takes it back for somebody else.
        assert!(standing(&ledger(Some(SignOff { who: "eve".to_owned(), ..back }))));
    }

    #[test]
    fn oldest_statements_are_dropped_when_full_and_a_no_go_stays() {
        let no_go = Entry::SignedOff(signed("a", 1, Decision::NoGo));
        let go = (2..MAX_STATEMENTS as i64 + 5).map(|at| sign_off("a", at));
        let data = data(&std::iter::once(no_go).chain(go).collect::<Vec<_>>());
        let keys: Vec<&String> = data.keys().collect();
        assert_eq!(surplus(&data, None), keys[1..4]);
    }

    #[test]
    fn a_large_record_is_read_in_part_with_every_no_go() {
        let no_go = Entry::SignedOff(signed("a", 1, Decision::NoGo));
        let go = (2..10_000).map(|at| sign_off("a", at));
        let ledger = read(
            (&EnvName::new("a"), &here()),
            &data(&std::iter::once(no_go).chain(go).collect::<Vec<_>>()),
            now(),
            None,
        );
        assert_eq!(ledger.sign_offs.len(), MAX_STATEMENTS + 1);
        assert_eq!(ledger.sign_offs[0].decision, Decision::NoGo);
    }

    #[test]
    fn statements_about_elsewhere_push_out_none_of_here() {
        let elsewhere = ClusterIdentity { cluster: Some("uid-of-b".to_owned()), ..here() };
        let foreign =
            |at| Entry::SignedOff(SignOff { cluster: Some(elsewhere.clone()), ..signed("a", at, Decision::NoGo) });
        let own = Entry::SignedOff(SignOff { cluster: Some(here()), ..signed("a", 1, Decision::NoGo) });
        let mut data = data(std::slice::from_ref(&own));
        let others = (2..MAX_STATEMENTS as i64 + 50).map(foreign);
        data.extend(others.filter_map(|entry| statement(&entry)).map(|(key, value)| (format!("9{key}"), value)));
        assert_eq!(read((&EnvName::new("a"), &here()), &data, now(), None).sign_offs.len(), 1);
        let gone = surplus(&data, Some(&here()));
        assert_eq!(gone.len(), 48);
        assert!(!gone.contains(&&statement(&own).unwrap().0));
    }

    /// Its author's machine was not told yet which cluster it is.
    #[test]
    fn a_no_go_that_names_no_cluster_counts_under_every_name() {
        let no_go = data(&[Entry::SignedOff(signed("prod", 1, Decision::NoGo))]);
        let ledger = read((&EnvName::new("live"), &here()), &no_go, now(), None);
        assert_eq!(ledger.sign_offs[0].cluster, Some(here()));
        let go = data(&[Entry::SignedOff(signed("prod", 1, Decision::Go))]);
        assert!(read((&EnvName::new("live"), &here()), &go, now(), None).sign_offs.is_empty());
    }

    fn went_red(at: i64) -> Entry {
        Entry::Checked {
            env: EnvName::new("a"),
            cluster: None,
            check: CheckId::new("smoke"),
            finding: Finding {
                found: CheckOutcome::Failed,
                summary: "503".to_owned(),
                evidence: Vec::new(),
                green_when: String::new(),
                at: Timestamp::from_second(at).unwrap(),
                subject: "api:1".to_owned(),
            },
        }
    }

    #[test]
    fn a_check_that_goes_red_again_and_again_pushes_out_no_no_go() {
        let no_go = Entry::SignedOff(signed("a", 1, Decision::NoGo));
        let red = (2..MAX_STATEMENTS as i64 + 50).map(went_red);
        let data = data(&std::iter::once(no_go.clone()).chain(red).collect::<Vec<_>>());
        let ledger = read((&EnvName::new("a"), &here()), &data, now(), None);
        assert_eq!(ledger.sign_offs.len(), 1);
        let (key, _) = statement(&no_go).unwrap();
        let gone = surplus(&data, None);
        assert_eq!(gone.len(), 48);
        assert!(!gone.contains(&&key));
    }

    #[test]
    fn a_red_with_long_evidence_is_read_by_others() {
        let Entry::Checked { env, cluster, check, finding } = went_red(1) else { unreachable!() };
        let long = Finding { evidence: vec!["x".repeat(600); 500], summary: "é".repeat(20_000), ..finding };
        let data = data(&[Entry::Checked { env, cluster, check, finding: long }]);
        assert!(data.values().all(|value| value.len() < 2048));
        assert_eq!(read((&EnvName::new("a"), &here()), &data, now(), None).reds.len(), 1);
    }

    #[test]
    fn long_statements_leave_room_for_a_no_go() {
        let long = |at, decision| Entry::SignedOff(SignOff { note: "x".repeat(6 * 1024), ..signed("a", at, decision) });
        let go = (2..190).map(|at| long(at, Decision::Go));
        let mut data = data(&std::iter::once(long(1, Decision::NoGo)).chain(go).collect::<Vec<_>>());
        let bytes = |data: &BTreeMap<String, String>| data.iter().map(|(key, value)| key.len() + value.len()).sum();
        let before: usize = bytes(&data);
        assert!(before > 1024 * 1024);
        let gone: Vec<String> = surplus(&data, None).into_iter().cloned().collect();
        data.retain(|key, _| !gone.contains(key));
        assert!(bytes(&data) <= MAX_STATEMENTS_BYTES);
        let ledger = read((&EnvName::new("a"), &here()), &data, now(), None);
        assert_eq!(ledger.sign_offs[0].decision, Decision::NoGo);
        assert!(surplus(&data, None).is_empty());
    }

    proptest! {
        #[test]
        fn any_record_is_read_without_panic(values in proptest::collection::btree_map(".*", ".*", 0..20)) {
            prop_assert_eq!(read((&EnvName::new("a"), &here()), &values, now(), None), Ledger::default());
        }
    }
}
