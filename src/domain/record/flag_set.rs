//! Since when flags are at a share that Cockpit set, for providers that do not say when a flag was changed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::facts::flag::Turn;
use crate::domain::facts::ids::EnvName;
use crate::domain::record::action::{ActionId, PlanRecord, Request, Target};
use crate::domain::record::flag_off::digest;
use crate::domain::record::journal::{Entry, Line};

/// Environment, digest of where the provider keeps the flag, and its name.
type Key = (EnvName, String, String);

/// What each flag was turned to last, by this machine's journals.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FlagSets {
    #[serde(with = "crate::domain::facts::serde_pairs")]
    latest: BTreeMap<Key, (Turn, Timestamp)>,
    /// Those that were asked for, until it is known what came of them.
    asked: BTreeMap<ActionId, (Key, Turn)>,
}

impl FlagSets {
    /// No more are kept: what is forgotten is taken for not known.
    const MAX: usize = 1000;

    /// Takes in what a line says: only what is known to be done counts, from when that was known.
    pub(super) fn take_line(&mut self, line: &Line) {
        match &line.entry {
            Entry::Intent { action, plan, .. } => {
                if let Some(asked) = turned(plan) {
                    self.asked.insert(action.clone(), asked);
                    trim(&mut self.asked);
                }
            }
            Entry::Outcome { action, outcome } if outcome.is_settled() => {
                if let Some((key, turn)) = self.asked.remove(action).filter(|_| outcome.is_done()) {
                    self.take(key, (turn, line.at));
                }
            }
            _ => {}
        }
    }

    fn take(&mut self, key: Key, (turn, at): (Turn, Timestamp)) {
        if self.latest.get(&key).is_none_or(|(_, known)| *known <= at) {
            self.latest.insert(key, (turn, at));
            trim(&mut self.latest);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (key, latest) in other.latest {
            self.take(key, latest);
        }
        self.asked.extend(other.asked);
        trim(&mut self.asked);
    }

    /// Returns what a flag that a provider keeps at this place was turned to last, and when.
    #[must_use]
    pub fn latest(&self, env: &EnvName, (place, flag): (&str, &str)) -> Option<(Turn, Timestamp)> {
        self.latest.get(&(env.clone(), digest(place), flag.to_owned())).copied()
    }
}

/// Returns what an action turns which flag to.
fn turned(record: &PlanRecord) -> Option<(Key, Turn)> {
    let Target::Flag(key) = &record.target else { return None };
    let request = record.requests.iter().find_map(|request| match request {
        Request::Flag(request) => Some(request),
        _ => None,
    })?;
    Some(((key.env.clone(), digest(&request.place), key.flag.clone()), request.turn))
}

fn trim<K: Ord + Clone, V>(all: &mut BTreeMap<K, V>) {
    while all.len() > FlagSets::MAX {
        all.pop_first();
    }
}
