//! The shared record: what people said, where others can read it: the ConfigMap `release-cockpit` in the namespace of
//! the environment. One key per statement, so that two people who speak at once overwrite nothing.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::domain::facts::ids::EnvName;
use crate::domain::record::journal::{Entry, Line, hex};
use crate::domain::record::ledger::Ledger;
use jiff::Timestamp;

pub const NAME: &str = "release-cockpit";
/// No more statements than this are kept; the oldest go first.
pub const MAX_STATEMENTS: usize = 200;
/// A statement longer than this, in bytes, is none of ours.
const MAX_STATEMENT_BYTES: usize = 8 * 1024;

/// Returns key and value of a statement; `None` for an entry that is none of a person.
#[must_use]
pub fn statement(entry: &Entry) -> Option<(String, String)> {
    let at = match entry {
        Entry::Acknowledged(ack) => ack.at,
        Entry::SignedOff(sign_off) => sign_off.at,
        Entry::Rejected(rejection) => rejection.at,
        _ => return None,
    };
    let value = serde_json::to_string(entry).ok()?;
    let hash = hex(&Sha256::digest(value.as_bytes()));
    // Keys sort by time.
    Some((format!("{:012}.{}", at.as_second().max(0), hash.get(..16)?), value))
}

/// Reads the statements about an environment. Anybody who may write the ConfigMap may write anything: what is no
/// statement, or about another environment, is left out.
#[must_use]
pub fn read(env: &EnvName, data: &BTreeMap<String, String>) -> Ledger {
    let mut ledger = Ledger::default();
    for value in data.values().filter(|value| value.len() <= MAX_STATEMENT_BYTES) {
        let Ok(entry) = serde_json::from_str::<Entry>(value) else { continue };
        if statement(&entry).is_some() && entry.checklist_of() == Some(env) {
            ledger.take(&Line::after(None, Timestamp::UNIX_EPOCH, entry));
        }
    }
    ledger
}

/// Returns the keys that are too many, oldest first.
pub fn surplus<'a>(keys: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let mut keys: Vec<&String> = keys.collect();
    keys.sort();
    let surplus = keys.len().saturating_sub(MAX_STATEMENTS);
    keys.truncate(surplus);
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::checklist::{Decision, SignOff};
    use proptest::prelude::*;

    fn sign_off(env: &str, at: i64) -> Entry {
        Entry::SignedOff(SignOff {
            env: EnvName::new(env),
            role: "sre".to_owned(),
            who: "bob".to_owned(),
            verified: true,
            decision: Decision::Go,
            note: "seen".to_owned(),
            at: Timestamp::from_second(at).unwrap(),
            subject: "api:1".to_owned(),
            digest: None,
        })
    }

    #[test]
    fn statements_belong_to_one_environment() {
        let data: BTreeMap<_, _> = [sign_off("a", 1), sign_off("b", 2)].iter().filter_map(statement).collect();
        let ledger = read(&EnvName::new("a"), &data);
        assert_eq!(ledger.sign_offs.len(), 1);
        assert_eq!(ledger.sign_offs[0].at, Timestamp::from_second(1).unwrap());
    }

    #[test]
    fn only_statements_of_people_are_read_from_the_record() {
        let note = Entry::Note { who: "eve".to_owned(), text: "x".to_owned() };
        assert_eq!(statement(&note), None);
        let data = BTreeMap::from([("k".to_owned(), serde_json::to_string(&note).unwrap())]);
        assert_eq!(read(&EnvName::new("a"), &data), Ledger::default());
    }

    #[test]
    fn oldest_statements_are_dropped_when_full() {
        let keys: Vec<String> =
            (0..MAX_STATEMENTS as i64 + 3).filter_map(|at| Some(statement(&sign_off("a", at))?.0)).collect();
        let gone = surplus(keys.iter().rev());
        assert_eq!(gone, keys[..3].iter().collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn any_record_is_read_without_panic(values in proptest::collection::btree_map(".*", ".*", 0..20)) {
            prop_assert_eq!(read(&EnvName::new("a"), &values), Ledger::default());
        }
    }
}
