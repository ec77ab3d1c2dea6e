//! Anchors: the head of each journal, kept in the shared record and so outside of the file. A journal whose end was cut
//! off, that was made anew or that is gone no longer fits its anchor.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::record::journal::{Line, hex};

/// The annotation of a workload that holds an anchor: the head of the journal that the last action was written to.
pub const ANNOTATION: &str = "release-cockpit/journal";
/// How the key of an anchor begins; those of statements begin with a digit.
const KEY_PREFIX: &str = "journal.";
/// No more anchors than this are kept; those that were written first go first.
const MAX_ANCHORS: usize = 100;
/// An anchor longer than this, in bytes, is none of ours.
const MAX_ANCHOR_BYTES: usize = 4 * 1024;

/// Where a journal is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the machine.
    pub machine: String,
    /// Tells its folder from those of others, and says nothing else about it.
    pub folder: String,
}

impl Place {
    #[must_use]
    pub fn new(machine: String, folder: &[u8]) -> Self {
        let hash = Sha256::new().chain_update(machine.as_bytes()).chain_update([0]).chain_update(folder).finalize();
        let folder = hex(&hash).chars().take(16).collect();
        Self { machine, folder }
    }
}

/// What a journal ended with when an action had its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    pub release: String,
    /// Who acted, as far as the writer knows.
    pub author: String,
    pub machine: String,
    /// See [`Place::folder`].
    pub folder: String,
    /// Hash of the journal's first line: which journal it is.
    pub first: String,
    /// How many lines there were.
    pub lines: u64,
    /// Hash of the last of them.
    pub hash: String,
    pub at: Timestamp,
}

/// How a journal differs from its anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It has fewer lines.
    Short,
    /// It has another line there.
    Differs,
}

impl Anchor {
    /// Returns its key in the shared record: one for each journal and place, and so for each user of a machine. What the
    /// author is called may change, from a name that nobody vouches for to the one that the API server knows.
    #[must_use]
    pub fn key(&self) -> String {
        let parts = [&self.machine, &self.folder, &self.release, &self.first];
        let hash = parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part.as_bytes()).chain_update([0]));
        format!("{KEY_PREFIX}{}", &hex(&hash.finalize())[..16])
    }

    #[must_use]
    pub fn value(&self) -> String {
        // Serialising text and numbers cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    #[must_use]
    pub fn is_from(&self, place: &Place) -> bool {
        self.machine == place.machine && self.folder == place.folder
    }

    /// Compares with the hash of the line that has the anchor's number, where there is one.
    ///
    /// # Errors
    /// How the journal differs.
    pub fn compare(&self, hash: Option<&str>) -> Result<(), Misfit> {
        match hash {
            None => Err(Misfit::Short),
            Some(hash) if hash == self.hash => Ok(()),
            Some(_) => Err(Misfit::Differs),
        }
    }

    /// Compares with a journal whose chain is intact.
    ///
    /// # Errors
    /// How the journal differs.
    pub fn fits(&self, lines: &[Line]) -> Result<(), Misfit> {
        let line = usize::try_from(self.lines).ok().and_then(|n| lines.get(n.checked_sub(1)?));
        self.compare(line.map(|line| line.hash.as_str()))
    }
}

/// Whether an entry of the shared record is an anchor, by its key.
#[must_use]
pub fn is_anchor(key: &str) -> bool {
    key.starts_with(KEY_PREFIX)
}

/// Reads an anchor; anybody may have written it.
#[must_use]
pub fn parse(value: &str) -> Option<Anchor> {
    serde_json::from_str(value).ok().filter(|_| value.len() <= MAX_ANCHOR_BYTES)
}

/// Returns the anchor with this key.
#[must_use]
pub fn find(data: &BTreeMap<String, String>, key: &str) -> Option<Anchor> {
    data.get(key).and_then(|value| parse(value))
}

/// Returns the anchors of a shared record with their keys.
#[must_use]
pub fn read(data: &BTreeMap<String, String>) -> Vec<(String, Anchor)> {
    let anchors = data.iter().filter(|(key, _)| is_anchor(key));
    anchors.filter_map(|(key, value)| Some((key.clone(), parse(value)?))).collect()
}

/// Returns the keys of anchors that are too many, the oldest first; what is no anchor goes before any.
pub(super) fn surplus(data: &BTreeMap<String, String>) -> Vec<&String> {
    let mut anchors: Vec<(Option<Timestamp>, &String)> = data
        .iter()
        .filter(|(key, _)| is_anchor(key))
        .map(|(key, value)| (parse(value).map(|anchor| anchor.at), key))
        .collect();
    anchors.sort();
    let gone = anchors.len().saturating_sub(MAX_ANCHORS);
    anchors.into_iter().take(gone).map(|(_, key)| key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::journal::Entry;

    fn journal(texts: &[&str]) -> Vec<Line> {
        texts.iter().fold(Vec::new(), |mut lines, text| {
            let entry = Entry::Note { who: "alice".to_owned(), text: (*text).to_owned() };
            lines.push(Line::after(lines.last(), Timestamp::UNIX_EPOCH, entry));
            lines
        })
    }

    fn anchor(lines: &[Line]) -> Anchor {
        let place = Place::new("laptop".to_owned(), b"/home/alice");
        Anchor {
            release: "api 1.5.0".to_owned(),
            author: "alice".to_owned(),
            machine: place.machine,
            folder: place.folder,
            first: lines[0].hash.clone(),
            lines: lines.len() as u64,
            hash: lines.last().unwrap().hash.clone(),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_journal_that_went_on_fits_its_anchor() {
        let lines = journal(&["one", "two", "three"]);
        assert_eq!(anchor(&lines[..2]).fits(&lines), Ok(()));
        assert_eq!(anchor(&lines).fits(&lines), Ok(()));
    }

    #[test]
    fn a_cut_tail_and_a_chain_made_anew_do_not_fit() {
        let lines = journal(&["one", "two", "three"]);
        assert_eq!(anchor(&lines).fits(&lines[..2]), Err(Misfit::Short));
        assert_eq!(anchor(&lines).fits(&journal(&["one", "TWO", "three"])), Err(Misfit::Differs));
        assert_eq!(anchor(&lines).fits(&[]), Err(Misfit::Short));
    }

    #[test]
    fn a_later_anchor_takes_the_place_of_the_earlier_one_of_its_journal() {
        let lines = journal(&["one", "two", "three"]);
        assert_eq!(anchor(&lines).key(), anchor(&lines[..1]).key());
        assert_ne!(anchor(&lines).key(), anchor(&journal(&["other"])).key());
        assert_ne!(anchor(&lines).key(), Anchor { folder: "bob".to_owned(), ..anchor(&lines) }.key());
        assert_eq!(anchor(&lines).key(), Anchor { author: "bob".to_owned(), ..anchor(&lines) }.key());
    }

    #[test]
    fn an_anchor_reads_back_and_what_is_none_is_left_out() {
        let anchor = anchor(&journal(&["one"]));
        let data = BTreeMap::from([
            (anchor.key(), anchor.value()),
            ("journal.x".to_owned(), "{}".to_owned()),
            ("1.x".to_owned(), anchor.value()),
        ]);
        assert_eq!(read(&data), [(anchor.key(), anchor.clone())]);
        assert_eq!(find(&data, &anchor.key()), Some(anchor));
        assert_eq!(find(&data, "journal.x"), None);
    }

    #[test]
    fn anchors_are_trimmed_by_age() {
        let lines = journal(&["one"]);
        let anchors = (0..MAX_ANCHORS as i64 + 2).map(|at| Anchor {
            release: format!("api {at}"),
            at: Timestamp::from_second(at).unwrap(),
            ..anchor(&lines)
        });
        let mut data: BTreeMap<String, String> = anchors.clone().map(|one| (one.key(), one.value())).collect();
        let gone: Vec<String> = anchors.take(2).map(|one| one.key()).collect();
        assert_eq!(surplus(&data), gone.iter().collect::<Vec<_>>());
        data.insert("journal.x".to_owned(), "none of ours".to_owned());
        assert_eq!(surplus(&data)[0], "journal.x");
    }
}
