//! No promotions into an environment until a time, or until somebody says otherwise: stop the line.

use std::collections::{BTreeSet, HashSet};
use std::hash::Hash;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::text::rfc3339_seconds;
use crate::domain::record::proof::Proof;
use crate::domain::record::statements::{Stated, StatementRef};

/// A person's word that nothing is promoted into an environment, or that it may be again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    pub env: EnvName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterIdentity>,
    pub who: String,
    /// Why, e.g. `incident 4711`.
    pub reason: String,
    /// When it ends by itself; `None` where only a person ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Whether it ends freezes.
    #[serde(default)]
    pub is_end: bool,
    /// The freezes that it ends. Earlier versions do not say: theirs end all that are dated before them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<BTreeSet<StatementRef>>,
    pub at: Timestamp,
    /// By the author's SSH key, over [`Entry::to_be_signed`](crate::domain::record::journal::Entry::to_be_signed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// What the signature proves; never read from a text.
    #[serde(default, skip_serializing_if = "Proof::is_not_required")]
    pub proof: Proof,
}

impl Stated for Freeze {
    /// All but who vouches for it.
    fn identity(&self) -> impl Hash + Eq {
        (&self.env, &self.cluster, &self.who, &self.reason, self.until, (self.is_end, &self.ends), self.at)
    }
}

impl Freeze {
    /// Returns what names it in an end.
    #[must_use]
    pub fn named(&self) -> StatementRef {
        StatementRef { who: self.who.clone(), at: self.at }
    }

    /// Returns it in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { who, env, reason, .. } = self;
        if self.is_end {
            return format!("{who} ended the freeze of {env}: “{reason}”");
        }
        format!("{who} froze {env} {}: “{reason}”", self.duration())
    }

    /// Returns how long it lasts, in words.
    #[must_use]
    pub fn duration(&self) -> String {
        self.until
            .map_or_else(|| "until somebody ends it".to_owned(), |until| format!("until {}", rfc3339_seconds(until)))
    }
}

/// Returns the freeze that holds now by what was stated about one environment: the latest that was not ended, and is not over.
pub fn in_force<'a>(
    stated: impl Iterator<Item = &'a Freeze> + Clone,
    is_proven: impl Fn(&Proof) -> bool,
    now: Timestamp,
) -> Option<&'a Freeze> {
    let lasts = |one: &&Freeze| one.until.is_none_or(|until| now < until);
    // One that only a person ends outlasts any other.
    not_ended(stated, is_proven).filter(lasts).max_by_key(|one| (one.until.unwrap_or(Timestamp::MAX), one.at))
}

/// Returns the freezes that nobody ended, over or not.
pub fn not_ended<'a>(
    stated: impl Iterator<Item = &'a Freeze> + Clone,
    is_proven: impl Fn(&Proof) -> bool,
) -> impl Iterator<Item = &'a Freeze> {
    let (mut named, mut before) = (HashSet::new(), None);
    for end in stated.clone().filter(|one| one.is_end && is_proven(&one.proof)) {
        match &end.ends {
            Some(ends) => named.extend(ends.iter().map(|one| (one.who.as_str(), one.at))),
            None => before = before.max(Some(end.at)),
        }
    }
    stated.filter(move |one| {
        let is_ended = named.contains(&(one.who.as_str(), one.at)) || before.is_some_and(|before| one.at <= before);
        !one.is_end && !is_ended
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn stated(second: i64, until: Option<i64>, is_end: bool) -> Freeze {
        Freeze {
            env: EnvName::new("prod"),
            cluster: None,
            who: "ada".to_owned(),
            reason: "incident 4711".to_owned(),
            until: until.map(at),
            is_end,
            ends: None,
            at: at(second),
            signature: None,
            proof: Proof::default(),
        }
    }

    fn holds(stated: &[Freeze], now: i64) -> bool {
        in_force(stated.iter(), |_| true, at(now)).is_some()
    }

    #[test]
    fn a_freeze_holds_until_its_time_or_until_somebody_ends_it() {
        let timed = stated(10, Some(20), false);
        assert!(holds(std::slice::from_ref(&timed), 19) && !holds(std::slice::from_ref(&timed), 20));
        let open = stated(11, None, false);
        assert!(holds(&[timed.clone(), open.clone()], 1000));
        let end = stated(12, None, true);
        assert!(!holds(&[timed.clone(), open.clone(), end.clone()], 13));
        // One that comes after holds again.
        assert!(holds(&[open, end, stated(14, None, false)], 15));
    }

    /// A clock that is fast dates an end after what is stated later: it ends only what its author knew.
    #[test]
    fn an_end_ends_what_it_names_whatever_the_clocks_say() {
        let (timed, incident) =
            (stated(10, Some(200), false), Freeze { who: "bob".to_owned(), ..stated(14, None, false) });
        for dated in [1, 12, 20] {
            let end = Freeze { ends: Some(BTreeSet::from([timed.named()])), ..stated(dated, None, true) };
            assert!(!holds(&[timed.clone(), end.clone()], 30), "{dated}");
            assert!(holds(&[timed.clone(), end.clone(), incident.clone()], 30), "{dated}");
            let both = Freeze { ends: Some(BTreeSet::from([timed.named(), incident.named()])), ..end };
            assert!(!holds(&[timed.clone(), both, incident.clone()], 30), "{dated}");
        }
    }

    #[test]
    fn an_end_that_is_not_proven_ends_nothing() {
        let all = [stated(10, None, false), stated(11, None, true)];
        assert!(in_force(all.iter(), |proof| *proof == Proof::ByKey, at(12)).is_some());
    }
}
