//! Flags of a release: where one of them changes, a canary of the release is no longer what it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Flag, FlagEdit, FlagState};

/// How a flag of the release is in one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseFlag {
    /// `None` where its provider does not list it.
    state: Option<FlagState>,
    version: Option<String>,
    /// Its latest change, as its provider's log says.
    changed: Option<Edit>,
    #[serde(default)]
    created: Option<Timestamp>,
    /// How long clients may take until they know of a change, in seconds.
    #[serde(default)]
    taken_up_in: i64,
}

impl ReleaseFlag {
    /// Takes it as it is listed, if it is; `taken_up_in` is how long clients may take until they know of a change.
    #[must_use]
    pub fn of(listed: Option<&Flag>, taken_up_in: SignedDuration) -> Self {
        let taken_up_in = taken_up_in.as_secs();
        let Some(flag) = listed else { return Self { taken_up_in, ..Self::default() } };
        let changed = flag.changed().map(|change| (change.at, change.what));
        Self { state: Some(flag.state), version: flag.version.clone(), changed, created: flag.created, taken_up_in }
    }

    /// Whether it is known less of than before: its provider gave only a part of its answer.
    fn is_partial(&self, before: &Self) -> bool {
        self.state == Some(FlagState::Some) && self.version.is_none() && before.version.is_some()
    }

    /// Says how it differs from what it was; `None` where it does not.
    fn difference(&self, before: &Self) -> Option<String> {
        if self.is_partial(before) {
            return None;
        }
        match (before.state, self.state) {
            (None, Some(_)) => Some("was created".to_owned()),
            (Some(_), None) => Some("was removed".to_owned()),
            (Some(before), Some(now)) if before != now => Some(match (before, now) {
                (_, FlagState::Off) => FlagEdit::Off.in_words().to_owned(),
                (FlagState::Off, FlagState::On) => FlagEdit::On.in_words().to_owned(),
                (FlagState::Off, FlagState::Some) => "was turned on for some users".to_owned(),
                (FlagState::Off, FlagState::Percent(percent)) => format!("was turned on for {percent} %"),
                _ => format!("went {before} → {now}"),
            }),
            _ => self.edit_since(before).map(|edit| edit.in_words().to_owned()),
        }
    }

    /// Returns what was done to it though its state is the same.
    fn edit_since(&self, before: &Self) -> Option<FlagEdit> {
        let is_later = |at: Timestamp| before.changed.is_none_or(|(known, _)| at > known);
        let logged = self.changed.filter(|(at, _)| is_later(*at)).map(|(_, edit)| edit);
        match self.version.as_ref().zip(before.version.as_ref()) {
            Some((now, before)) if now != before => Some(FlagEdit::Changed),
            // It was turned and turned back. Other edits do not touch what its version stands for.
            Some(_) => logged.filter(|edit| *edit != FlagEdit::Changed),
            None => logged,
        }
    }

    /// Takes in how it is now; what is not told any more is still known.
    fn learn(&mut self, now: &Self) {
        let changed = later(self.changed, now.changed);
        let known = std::mem::replace(self, now.clone());
        if now.is_partial(&known) {
            (self.state, self.version) = (known.state, known.version);
        }
        self.changed = changed;
    }

    /// Returns what was done to it last and when, for one that is seen for the first time.
    fn last_edit(&self) -> Option<(Timestamp, &'static str)> {
        let logged = self.changed.map(|(at, edit)| (at, edit.in_words()));
        logged.or(self.created.map(|at| (at, "was created")))
    }
}

/// Flags of the release in one environment, by the name of their provider in the config and their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseFlags(BTreeMap<String, BTreeMap<String, ReleaseFlag>>);

/// A change of a flag of the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseFlagChange {
    /// From when on clients surely know of it.
    pub at: Timestamp,
    /// In words: `new-search went 10 % → 50 %`.
    pub what: String,
}

impl ReleaseFlags {
    /// Adds a flag.
    pub fn insert(&mut self, provider: &str, name: &str, flag: ReleaseFlag) {
        self.0.entry(provider.to_owned()).or_default().insert(name.to_owned(), flag);
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of the latest are known here as they are now.
    #[must_use]
    pub fn covers(self: &Arc<Self>, latest: &Arc<Self>) -> bool {
        let is_known = |provider: &str, name: &str, flag: &ReleaseFlag| {
            let known = self.0.get(provider).and_then(|flags| flags.get(name));
            known.is_some_and(|known| flag.difference(known).is_none())
        };
        let is_all = |(provider, flags): (&String, &BTreeMap<String, ReleaseFlag>)| {
            flags.iter().all(|(name, flag)| is_known(provider, name, flag))
        };
        Arc::ptr_eq(self, latest) || latest.0.iter().all(is_all)
    }

    /// Returns the names of a provider's.
    pub fn names(&self, provider: &str) -> impl Iterator<Item = &str> {
        self.0.get(provider).into_iter().flatten().map(|(name, _)| name.as_str())
    }

    /// Whether a provider is known to list one of them.
    #[must_use]
    pub fn has_any_of(&self, provider: &str) -> bool {
        self.0.get(provider).is_some_and(|flags| flags.values().any(|flag| flag.state.is_some()))
    }

    /// Takes in how they are now. Returns what changed since they were taken in last: at the latest now, for clocks and logs may
    /// be late. Of those that are seen for the first time, it is the latest change that their provider tells. What is not named any
    /// more is kept, for it may come back.
    pub fn take(&mut self, latest: &Self, now: Timestamp) -> Vec<ReleaseFlagChange> {
        let mut changes = Vec::new();
        for (provider, flags) in &latest.0 {
            let known = self.0.entry(provider.clone()).or_default();
            for (name, flag) in flags {
                let change = if let Some(known) = known.get_mut(name) {
                    let change = flag.difference(known).map(|what| (now, what));
                    known.learn(flag);
                    // What its provider's log says of it later is no other change.
                    if change.is_some() {
                        known.changed = later(known.changed, Some((now, FlagEdit::Changed)));
                    }
                    change
                } else {
                    known.insert(name.clone(), flag.clone());
                    flag.last_edit().map(|(at, what)| (at.min(now), what.to_owned()))
                };
                if let Some((at, what)) = change {
                    let at = at.saturating_add(SignedDuration::from_secs(flag.taken_up_in)).unwrap_or(at);
                    changes.push(ReleaseFlagChange { at, what: format!("{name} {what}") });
                }
            }
        }
        changes.sort_by_key(|change| change.at);
        changes
    }
}

/// An edit, and when it was.
type Edit = (Timestamp, FlagEdit);

/// Returns the later one.
fn later(one: Option<Edit>, other: Option<Edit>) -> Option<Edit> {
    one.into_iter().chain(other).max_by_key(|(at, _)| *at)
}

impl FlagEdit {
    fn in_words(self) -> &'static str {
        match self {
            Self::On => "was turned on",
            Self::Off => "was turned off",
            Self::Changed => "was changed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::FlagChange;
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn flag(state: FlagState, version: &str, changed: Option<(i64, FlagEdit)>) -> Flag {
        let changes = changed.map(|(second, what)| FlagChange { by: "ann".to_owned(), at: at(second), what });
        Flag {
            version: Some(version.to_owned()),
            changes: changes.into_iter().collect(),
            ..Flag::of_name("search", state)
        }
    }

    fn listed(flag: Option<&Flag>) -> ReleaseFlags {
        let mut all = ReleaseFlags::default();
        all.insert("shop", "search", ReleaseFlag::of(flag, SignedDuration::ZERO));
        all
    }

    fn changes(known: &mut ReleaseFlags, flag: Option<&Flag>) -> Vec<(i64, String)> {
        let told = known.take(&listed(flag), at(1000));
        told.into_iter().map(|change| (change.at.as_second(), change.what)).collect()
    }

    #[test]
    fn a_change_is_told_once_with_how_it_was_and_is() {
        let mut known = ReleaseFlags::default();
        let mut told = |flag: &Flag| changes(&mut known, Some(flag));
        let ten = flag(FlagState::Percent(10), "1", None);
        assert_eq!(told(&ten), [], "how it was before is not known");
        assert_eq!(told(&flag(FlagState::Percent(50), "2", None)), [(1000, "search went 10 % → 50 %".to_owned())]);
        assert_eq!(told(&flag(FlagState::Percent(50), "2", None)), []);
        assert_eq!(told(&flag(FlagState::Percent(50), "3", None)), [(1000, "search was changed".to_owned())]);
        assert_eq!(told(&flag(FlagState::Off, "4", None)), [(1000, "search was turned off".to_owned())]);
        assert_eq!(told(&flag(FlagState::Percent(1), "5", None)), [(1000, "search was turned on for 1 %".to_owned())]);
        assert_eq!(told(&flag(FlagState::On, "5", None)), [(1000, "search went 1 % → on".to_owned())]);
        assert_eq!(told(&Flag { version: None, ..flag(FlagState::On, "5", None) }), []);
    }

    #[test]
    fn a_log_says_when_only_of_what_is_seen_for_the_first_time() {
        let mut known = ReleaseFlags::default();
        let mut told = |flag: &Flag| changes(&mut known, Some(flag));
        let first = flag(FlagState::On, "1", Some((100, FlagEdit::On)));
        assert_eq!(told(&first), [(100, "search was turned on".to_owned())], "it may have been in this rollout");
        // Its clock may be behind, and its log late.
        let off = flag(FlagState::Off, "2", Some((940, FlagEdit::Off)));
        assert_eq!(told(&off), [(1000, "search was turned off".to_owned())]);
        let on = |logged| flag(FlagState::On, "3", Some(logged));
        assert_eq!(told(&on((940, FlagEdit::Off))), [(1000, "search was turned on".to_owned())]);
        assert_eq!(told(&on((960, FlagEdit::On))), [], "that one was told");
        let mut known = ReleaseFlags::default();
        let created = Flag { created: Some(at(700)), ..flag(FlagState::On, "1", None) };
        assert_eq!(changes(&mut known, Some(&created)), [(700, "search was created".to_owned())]);
    }

    /// Parts of an answer may be missing: nobody changed anything.
    #[test]
    fn what_a_provider_does_not_say_for_once_is_no_change() {
        let mut known = ReleaseFlags::default();
        let ten = flag(FlagState::Percent(10), "1", Some((100, FlagEdit::On)));
        changes(&mut known, Some(&ten));
        let partial = Flag { version: None, changes: Vec::new(), ..flag(FlagState::Some, "", None) };
        for told in [&partial, &ten, &Flag { changes: Vec::new(), ..ten.clone() }, &ten] {
            assert_eq!(changes(&mut known, Some(told)), []);
            assert!(Arc::new(known.clone()).covers(&Arc::new(listed(Some(told)))));
        }
        let twenty = flag(FlagState::Percent(20), "2", None);
        assert_eq!(changes(&mut known, Some(&twenty)), [(1000, "search went 10 % → 20 %".to_owned())]);
        // Where there never are versions the state is all there is.
        let mut known = ReleaseFlags::default();
        changes(&mut known, Some(&Flag { version: None, ..flag(FlagState::On, "", None) }));
        assert_eq!(changes(&mut known, Some(&partial)), [(1000, "search went on → on for some".to_owned())]);
    }

    #[test]
    fn a_change_counts_from_when_clients_know_of_it() {
        let mut known = ReleaseFlags::default();
        let told = |flag: &Flag| {
            let mut all = ReleaseFlags::default();
            all.insert("shop", "search", ReleaseFlag::of(Some(flag), SignedDuration::from_secs(15)));
            all
        };
        let first = flag(FlagState::On, "1", Some((100, FlagEdit::On)));
        assert_eq!(known.take(&told(&first), at(1000))[0].at, at(115));
        assert_eq!(known.take(&told(&flag(FlagState::Off, "2", None)), at(1000))[0].at, at(1015));
    }

    #[test]
    fn one_that_was_turned_and_turned_back_has_changed() {
        let mut known = ReleaseFlags::default();
        let mut told = |flag: &Flag| changes(&mut known, Some(flag));
        let on = |version: Option<&str>, logged| Flag {
            version: version.map(str::to_owned),
            ..flag(FlagState::On, "", Some(logged))
        };
        told(&on(Some("1"), (100, FlagEdit::On)));
        assert_eq!(told(&on(Some("1"), (200, FlagEdit::Changed))), [], "its description");
        assert_eq!(told(&on(Some("1"), (300, FlagEdit::On))), [(1000, "search was turned on".to_owned())]);
        assert_eq!(told(&on(None, (300, FlagEdit::On))), []);
        assert_eq!(told(&on(None, (1001, FlagEdit::Changed))), [(1000, "search was changed".to_owned())]);
    }

    #[test]
    fn a_flag_that_comes_or_goes_is_a_change_but_not_one_that_is_not_named() {
        let mut known = ReleaseFlags::default();
        let on = flag(FlagState::On, "1", None);
        assert_eq!(changes(&mut known, None), []);
        assert_eq!(changes(&mut known, Some(&on)), [(1000, "search was created".to_owned())]);
        assert_eq!(known.take(&ReleaseFlags::default(), at(1000)), []);
        assert_eq!(changes(&mut known, Some(&on)), []);
        assert_eq!(changes(&mut known, None), [(1000, "search was removed".to_owned())]);
    }

    #[test]
    fn flags_are_covered_where_all_of_the_latest_are_known_as_they_are() {
        let all = |flag: Option<&Flag>| Arc::new(listed(flag));
        let (off, on) = (flag(FlagState::Off, "1", None), flag(FlagState::On, "2", None));
        assert!(all(Some(&off)).covers(&all(Some(&off))));
        assert!(all(Some(&off)).covers(&all(Some(&flag(FlagState::Off, "1", Some((9, FlagEdit::Changed)))))));
        assert!(!all(Some(&off)).covers(&all(Some(&flag(FlagState::Off, "1", Some((9, FlagEdit::Off)))))));
        assert!(!all(Some(&off)).covers(&all(Some(&on))));
        assert!(!all(None).covers(&all(Some(&on))));
        assert!(!Arc::<ReleaseFlags>::default().covers(&all(Some(&on))), "it is not known yet");
        // A provider that has not answered in this run says nothing.
        assert!(all(Some(&off)).covers(&Arc::default()));
    }

    #[test]
    fn flags_are_read_as_they_were_written() {
        let mut known = ReleaseFlags::default();
        changes(&mut known, Some(&flag(FlagState::Percent(5), "1", Some((100, FlagEdit::Changed)))));
        let written = serde_json::to_string(&known).unwrap();
        assert_eq!(serde_json::from_str::<ReleaseFlags>(&written).unwrap(), known);
    }
}
