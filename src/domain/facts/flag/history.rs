//! What was done to flags, where a provider keeps no log: told from how they were before.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::flagd::Document;
use super::{Flag, FlagChange, FlagEdit, SOMEBODY};
use crate::domain::facts::object::Writer;

/// Tells from two lists what was done to flags between them: what was known before stays. The first list is in the order of the
/// names.
pub fn note_changes(before: &[Flag], now: &mut [Flag], by: Option<&Writer>, at: Timestamp) {
    for flag in now {
        let Some(known) = find(before, &flag.name) else { continue };
        flag.changes.clone_from(&known.changes);
        if known.version != flag.version {
            let name = by.map_or_else(|| SOMEBODY.to_owned(), |by| by.manager.clone());
            flag.note(FlagChange {
                by: name,
                at: by.and_then(|by| by.at).unwrap_or(at),
                what: FlagEdit::between(known, flag),
            });
        }
    }
}

fn find<'a>(flags: &'a [Flag], name: &str) -> Option<&'a Flag> {
    let found = flags.binary_search_by(|flag| flag.name.as_str().cmp(name));
    found.ok().and_then(|found| flags.get(found))
}

impl Flag {
    /// Adds its latest change.
    fn note(&mut self, change: FlagChange) {
        self.changes.insert(0, change);
        self.changes.truncate(Self::MAX_CHANGES);
    }
}

/// What the versions of a document tell of its flags, as far as they go back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocumentHistory {
    changes: BTreeMap<String, Vec<FlagChange>>,
    created: BTreeMap<String, Timestamp>,
    /// When the oldest change was made that is known of the document.
    since: Option<Timestamp>,
}

impl DocumentHistory {
    /// Takes in two versions that follow on each other, and who made the newer one of the older one; the latest two come first.
    pub fn take(&mut self, older: &Document, newer: &Document, (by, at): (&str, Timestamp)) {
        // Clocks differ: none was made after the one that follows on it.
        let at = self.since.map_or(at, |since| since.min(at));
        self.since = Some(at);
        for name in newer.differing(older) {
            let Some(after) = newer.flag(name) else { continue };
            if self.created.contains_key(name) {
                continue;
            }
            let Some(before) = older.flag(name) else {
                self.created.insert(name.to_owned(), at);
                continue;
            };
            let changes = self.changes.entry(name.to_owned()).or_default();
            if before.version != after.version && changes.len() < Flag::MAX_CHANGES {
                changes.push(FlagChange { by: by.to_owned(), at, what: FlagEdit::between(&before, &after) });
            }
        }
    }

    /// Says what it knows of flags that were just read, and what was known of them before. Where no version tells how one came to be
    /// as it is, somebody changed it.
    pub fn tell(&self, before: &[Flag], flags: &mut [Flag], now: Timestamp) {
        for flag in flags {
            flag.changes = self.changes.get(&flag.name).cloned().unwrap_or_default();
            flag.created = self.created.get(&flag.name).copied();
            let Some(known) = find(before, &flag.name) else { continue };
            flag.created = known.created.or(flag.created);
            let new = flag.changes.iter().take_while(|change| !known.changes.contains(change)).count();
            // One change leads to another setting: it is told of another commit, as after a rebase, and is none.
            if known.version == flag.version && new < 2 {
                flag.changes.clone_from(&known.changes);
                continue;
            }
            // What is not told any more: it is older, or no version ever told it.
            let is_kept = |change: &&FlagChange| {
                !flag.changes.contains(change)
                    && (change.by == SOMEBODY || self.since.is_none_or(|since| change.at < since))
            };
            let kept: Vec<FlagChange> = known.changes.iter().filter(is_kept).cloned().collect();
            flag.changes.extend(kept);
            flag.changes.sort_by_key(|change| std::cmp::Reverse(change.at));
            if known.version != flag.version && new == 0 {
                flag.note(FlagChange { by: SOMEBODY.to_owned(), at: now, what: FlagEdit::between(known, flag) });
            }
            flag.changes.truncate(Flag::MAX_CHANGES);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::facts::flag::FlagState;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A document of flags that are on or off for everybody.
    fn document(flags: &[(&str, bool)]) -> Document {
        let definition = |(name, is_on): &(&str, bool)| {
            let default = if *is_on { "on" } else { "off" };
            let definition =
                json!({"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": default});
            ((*name).to_owned(), definition)
        };
        let flags: serde_json::Map<_, _> = flags.iter().map(definition).collect();
        Document::parse(json!({ "flags": flags }).to_string()).unwrap()
    }

    /// The versions with the second of each, the newest first.
    fn history(versions: &[(i64, Document)]) -> DocumentHistory {
        let mut history = DocumentHistory::default();
        for pair in versions.windows(2) {
            history.take(&pair[1].1, &pair[0].1, ("ann", at(pair[0].0)));
        }
        history
    }

    fn listed(document: &Document, history: &DocumentHistory, before: &[Flag], now: i64) -> Vec<Flag> {
        let mut flags = document.flags();
        flags.sort_by(|a, b| a.name.cmp(&b.name));
        history.tell(before, &mut flags, at(now));
        flags
    }

    fn told(flag: &Flag) -> Vec<(i64, &str, FlagEdit)> {
        flag.changes.iter().map(|change| (change.at.as_second(), change.by.as_str(), change.what)).collect()
    }

    #[test]
    fn each_change_is_that_of_the_version_that_made_it() {
        let newest = document(&[("new", true), ("search", false), ("still", true)]);
        let versions = [
            (40, newest.clone()),
            (30, document(&[("new", false), ("search", false), ("still", true)])),
            (20, document(&[("search", false), ("still", true)])),
            (10, document(&[("search", true), ("still", true)])),
        ];
        let flags = listed(&newest, &history(&versions), &[], 100);
        assert_eq!(told(&flags[0]), [(40, "ann", FlagEdit::On)]);
        assert_eq!(flags[0].created, Some(at(30)));
        assert_eq!(told(&flags[1]), [(20, "ann", FlagEdit::Off)]);
        assert_eq!((told(&flags[2]), flags[2].created), (vec![], None), "how it came about is older");
    }

    #[test]
    fn what_was_known_stays_where_the_versions_do_not_go_back_that_far() {
        let (on, off) = (document(&[("search", true)]), document(&[("search", false)]));
        let first = listed(&on, &history(&[(20, on.clone()), (10, off.clone())]), &[], 100);
        assert_eq!(told(&first[0]), [(20, "ann", FlagEdit::On)]);
        let later = listed(&off, &history(&[(30, off.clone()), (20, on.clone())]), &first, 100);
        assert_eq!(told(&later[0]), [(30, "ann", FlagEdit::Off), (20, "ann", FlagEdit::On)]);
        assert_eq!(listed(&off, &DocumentHistory::default(), &later, 100), later, "no version is known any more");
        assert_eq!(listed(&off, &history(&[(30, off.clone()), (20, on)]), &later, 110), later, "and nothing twice");
    }

    #[test]
    fn a_change_that_is_told_of_another_commit_is_the_same() {
        let (on, off) = (document(&[("search", true)]), document(&[("search", false)]));
        let first = listed(&on, &history(&[(20, on.clone()), (10, off.clone())]), &[], 100);
        let rebased = listed(&on, &history(&[(90, on.clone()), (10, off.clone())]), &first, 100);
        assert_eq!(rebased, first);
        // Off and on again between two looks.
        let versions = [(80, on.clone()), (70, off.clone()), (20, on.clone()), (10, off)];
        let twice = listed(&on, &history(&versions), &first, 100);
        let edits = [(80, "ann", FlagEdit::On), (70, "ann", FlagEdit::Off), (20, "ann", FlagEdit::On)];
        assert_eq!(told(&twice[0]), edits);
    }

    #[test]
    fn a_version_is_no_later_than_the_one_that_follows_on_it() {
        let (on, off) = (document(&[("search", true)]), document(&[("search", false)]));
        // The clock of the first one was ahead.
        let flags = listed(&off, &history(&[(20, off.clone()), (30, on), (10, off.clone())]), &[], 100);
        assert_eq!(told(&flags[0]), [(20, "ann", FlagEdit::Off), (20, "ann", FlagEdit::On)]);
    }

    #[test]
    fn a_change_that_no_version_tells_is_somebodys() {
        let (on, off) = (document(&[("search", true)]), document(&[("search", false)]));
        let of_on = history(&[(20, on.clone()), (10, off.clone())]);
        let first = listed(&on, &of_on, &[], 50);
        // The branch was set back.
        let set_back = listed(&off, &DocumentHistory::default(), &first, 100);
        assert_eq!(set_back[0].state, FlagState::Off);
        assert_eq!(told(&set_back[0]), [(100, "somebody", FlagEdit::Off), (20, "ann", FlagEdit::On)]);
        assert_eq!(listed(&off, &DocumentHistory::default(), &set_back, 150), set_back);
    }
}
