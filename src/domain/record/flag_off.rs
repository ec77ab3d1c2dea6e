//! Flags that somebody turned off with Cockpit: each shows that turning it off works, also where a provider keeps no log.
//!
//! A journal says it by an intent and its outcome, the shared record by a statement.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::flag::Turn;
use crate::domain::facts::ids::EnvName;
use crate::domain::record::action::{ActionId, PlanRecord, Request, Target};
use crate::domain::record::journal::{Entry, Line, hex};
use crate::domain::record::ledger::is_of;

/// A flag that users got and that was turned off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagOff {
    pub env: EnvName,
    /// The cluster whose shared record says so. A provider is no cluster, and journals name none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterIdentity>,
    /// Digest of where the provider keeps it: others compare it, and read no address or command of this machine.
    place: String,
    flag: String,
    pub by: String,
    /// When it was asked for.
    pub at: Timestamp,
    /// By the author's SSH key, over [`Entry::to_be_signed`](crate::domain::record::journal::Entry::to_be_signed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl FlagOff {
    /// Returns what an action shows once it is done; `None` for one that turns no flag off, and where nobody had seen that
    /// anybody got it: then off took nothing away.
    #[must_use]
    pub fn of(record: &PlanRecord, by: &str, at: Timestamp) -> Option<Self> {
        let Target::Flag(key) = &record.target else { return None };
        let place = record.requests.iter().find_map(|request| match request {
            Request::Flag(request) if request.turn == Turn::Off => Some(&request.place),
            _ => None,
        })?;
        let was_on = record.facts.flag.as_ref().is_some_and(|seen| seen.state.is_on());
        was_on.then(|| Self {
            env: key.env.clone(),
            cluster: record.cluster.clone(),
            place: digest(place),
            flag: key.flag.clone(),
            by: by.to_owned(),
            at,
            signature: None,
        })
    }

    /// Returns it in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("{} turned off flag {} in {}", self.by, self.flag, self.env)
    }

    fn key(&self) -> Key {
        (self.env.clone(), self.cluster.clone(), self.place.clone(), self.flag.clone())
    }
}

pub(super) fn digest(place: &str) -> String {
    hex(&Sha256::digest(place.as_bytes()))
}

/// Environment, cluster, place and flag.
type Key = (EnvName, Option<ClusterIdentity>, String, String);

/// The latest off of each flag.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FlagOffs {
    #[serde(with = "crate::domain::facts::serde_pairs")]
    latest: BTreeMap<Key, FlagOff>,
    /// Those that were asked for, until it is known what came of them.
    asked: BTreeMap<ActionId, FlagOff>,
}

impl FlagOffs {
    /// No more are kept; the oldest go first.
    const MAX: usize = 1000;

    /// Takes in what a line says: only an off that is known to be done counts.
    pub(super) fn take_line(&mut self, line: &Line) {
        match &line.entry {
            Entry::Intent { action, operator, plan, .. } => {
                if let Some(off) = FlagOff::of(plan, operator, action.asked_at_or(line.at)) {
                    self.asked.insert(action.clone(), off);
                    trim(&mut self.asked);
                }
            }
            Entry::Outcome { action, outcome } if outcome.is_settled() => {
                if let Some(off) = self.asked.remove(action).filter(|_| outcome.is_done()) {
                    self.take(off);
                }
            }
            Entry::TurnedOff(off) => self.take(off.clone()),
            _ => {}
        }
    }

    fn take(&mut self, off: FlagOff) {
        let key = off.key();
        if self.latest.get(&key).is_none_or(|known| known.at < off.at) {
            self.latest.insert(key, off);
            trim(&mut self.latest);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for off in other.latest.into_values() {
            self.take(off);
        }
        self.asked.extend(other.asked);
        trim(&mut self.asked);
    }

    /// Returns what an action shows if it is done, as long as it is not known what came of it.
    #[must_use]
    pub fn asked(&self, action: &ActionId) -> Option<&FlagOff> {
        self.asked.get(action)
    }

    /// Returns all that were turned off at that time or later.
    pub fn since(&self, oldest: Timestamp) -> impl Iterator<Item = &FlagOff> {
        self.latest.values().filter(move |off| off.at >= oldest)
    }

    /// Forgets what is older than that; all that is done where nothing asks for it.
    pub fn forget_before(&mut self, oldest: Option<Timestamp>) {
        self.latest.retain(|_, off| oldest.is_some_and(|oldest| off.at >= oldest));
    }

    /// Returns the latest off of a flag that a provider keeps at this place.
    #[must_use]
    pub fn latest(
        &self,
        (env, here): (&EnvName, Option<&ClusterIdentity>),
        (place, flag): (&str, &str),
    ) -> Option<&FlagOff> {
        let place = digest(place);
        let of_it = self
            .latest
            .values()
            .filter(|off| off.flag == flag && off.place == place && is_of(env, here, (&off.env, off.cluster.as_ref())));
        of_it.max_by_key(|off| off.at)
    }
}

fn trim<K: Ord + Clone>(offs: &mut BTreeMap<K, FlagOff>) {
    while offs.len() > FlagOffs::MAX {
        let oldest = offs.iter().min_by_key(|(_, off)| off.at).map(|(key, _)| key.clone());
        oldest.and_then(|oldest| offs.remove(&oldest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::proof::Keys;
    use crate::domain::record::proof::tests::{here, keys, signed};
    use crate::domain::record::shared::{read, statement};

    const PLACE: &str = "`flags list` environment staging";

    fn off(flag: &str, second: i64) -> FlagOff {
        FlagOff {
            env: EnvName::new("staging"),
            cluster: None,
            place: digest(PLACE),
            flag: flag.to_owned(),
            by: "ada".to_owned(),
            at: Timestamp::from_second(second).unwrap(),
            signature: None,
        }
    }

    fn latest<'a>(offs: &'a FlagOffs, env: &str, place: &str, flag: &str) -> Option<&'a FlagOff> {
        offs.latest((&EnvName::new(env), None), (place, flag))
    }

    #[test]
    fn the_latest_of_this_flag_at_this_place_counts() {
        let mut offs = FlagOffs::default();
        for second in [3, 5, 4] {
            offs.take(off("checkout", second));
        }
        assert_eq!(latest(&offs, "staging", PLACE, "checkout"), Some(&off("checkout", 5)));
        assert_eq!(latest(&offs, "staging", PLACE, "banner"), None);
        assert_eq!(latest(&offs, "staging", "another place", "checkout"), None);
        assert_eq!(latest(&offs, "prod", PLACE, "checkout"), None);
        let cluster = |uid: &str| ClusterIdentity { cluster: Some(uid.to_owned()), ..ClusterIdentity::unknown("shop") };
        let mut shared = FlagOffs::default();
        shared.take(FlagOff { cluster: Some(cluster("eu")), ..off("checkout", 9) });
        let of = |uid: &str| shared.latest((&EnvName::new("staging"), Some(&cluster(uid))), (PLACE, "checkout"));
        assert!(of("eu").is_some() && of("us").is_none());
        let written = serde_json::to_string(&offs).unwrap();
        assert!(!written.contains("flags list"));
        assert_eq!(serde_json::from_str::<FlagOffs>(&written).unwrap(), offs);
    }

    #[test]
    fn what_others_state_counts_here_and_where_keys_are_asked_for_only_with_one() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let stated = |second| Entry::TurnedOff(FlagOff { cluster: Some(here()), ..off("checkout", second) });
        let found = |entry: &Entry, keys: Option<&mut Keys>| {
            let data = statement(entry).into_iter().collect();
            let ledger = read((&EnvName::new("staging"), &here()), &data, at(1000), keys);
            let of = (&EnvName::new("staging"), Some(&here()));
            ledger.flag_offs.latest(of, (PLACE, "checkout")).map(|off| off.at)
        };
        assert_eq!(found(&stated(9), None), Some(at(9)));
        assert_eq!(found(&stated(2000), None), None, "its time has not come");
        let mut of_ada = keys(&[("ada", "", 1)]);
        assert_eq!(found(&stated(9), Some(&mut of_ada)), None);
        assert_eq!(found(&signed(stated(9), 2), Some(&mut of_ada)), None);
        assert_eq!(found(&signed(stated(9), 1), Some(&mut of_ada)), Some(at(9)));
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_and_those_that_nothing_asks_for() {
        let mut offs = FlagOffs::default();
        let all = i64::try_from(FlagOffs::MAX).unwrap() + 2;
        for second in 0..all {
            offs.take(off(&format!("flag-{second}"), second));
        }
        assert_eq!(offs.latest.len(), FlagOffs::MAX);
        assert!(latest(&offs, "staging", PLACE, "flag-1").is_none());
        assert!(latest(&offs, "staging", PLACE, "flag-2").is_some());
        offs.forget_before(Some(Timestamp::from_second(all - 1).unwrap()));
        assert_eq!(offs.latest.len(), 1);
        offs.forget_before(None);
        assert_eq!(offs, FlagOffs::default());
    }
}
