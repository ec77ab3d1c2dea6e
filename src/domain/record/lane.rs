//! A shorter way for one artifact into an environment: what it leaves out was decided before, a person opens it for a time.

mod rule;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::ids::{EnvName, WorkloadId};
use crate::domain::facts::object::{ImageRef, short_digest};
use crate::domain::facts::text::{plural, rfc3339_seconds};
use crate::domain::facts::workload::Revision;
use crate::domain::record::proof::{Flaw, Proof};
use crate::domain::record::shared::MAX_AHEAD;
use crate::domain::record::statements::Stated;
pub use rule::{LaneRule, Place, WrittenRule};

/// No lane is open longer than this, whatever its rule says.
pub const MAX_OPEN: SignedDuration = SignedDuration::from_hours(24);

/// A person's word that one artifact may come into an environment by a lane until a time, or no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    pub env: EnvName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterIdentity>,
    pub workload: WorkloadId,
    pub rule: WrittenRule,
    /// Of the artifact, for people.
    pub version: String,
    /// Of every container, init containers too: `sha256:…`.
    pub digests: BTreeMap<String, String>,
    /// When it was opened first. An extension and an end repeat it: they name what they are about.
    pub opened: Timestamp,
    pub until: Timestamp,
    /// Whether it ends what was opened then.
    #[serde(default)]
    pub is_end: bool,
    pub who: String,
    /// Why, e.g. `incident 4711`.
    pub note: String,
    pub at: Timestamp,
    /// By the author's SSH key, over [`Entry::to_be_signed`](crate::domain::record::journal::Entry::to_be_signed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// What the signature proves; never read from a text.
    #[serde(default, skip_serializing_if = "Proof::is_not_required")]
    pub proof: Proof,
}

impl Stated for Lane {
    /// All but who vouches for it.
    fn identity(&self) -> impl Hash + Eq {
        self.said()
    }
}

/// What a statement says, times first.
type Said<'a> = (
    (Timestamp, Timestamp, Timestamp, bool),
    (&'a str, &'a str, &'a str),
    (&'a EnvName, Option<&'a ClusterIdentity>, &'a WorkloadId),
    (&'a WrittenRule, &'a BTreeMap<String, String>),
);

impl Lane {
    fn said(&self) -> Said<'_> {
        (
            (self.opened, self.at, self.until, self.is_end),
            (&self.who, &self.note, &self.version),
            (&self.env, self.cluster.as_ref(), &self.workload),
            (&self.rule, &self.digests),
        )
    }

    /// Returns it in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { who, env, note, workload, version, .. } = self;
        let lane = self.rule.name();
        if self.is_end {
            return format!("{who} closed the lane {lane} in {env}: “{note}”");
        }
        let opened = if self.at == self.opened { "opened" } else { "extended" };
        let (which, until) = (self.which(), rfc3339_seconds(self.until));
        format!(
            "{who} {opened} the lane {lane} in {env} for {} {version} ({which}) until {until}: “{note}”",
            workload.name
        )
    }

    /// Names the digests, in short.
    #[must_use]
    pub fn which(&self) -> String {
        match (self.digests.len(), self.digests.values().next()) {
            (1, Some(only)) => short_digest(only).to_owned(),
            (containers, _) => plural(containers, "container"),
        }
    }

    /// Whether a revision is the artifact that it was opened for: the same containers, each with the same digest, as the
    /// template names it, else as pods run it.
    #[must_use]
    pub fn is_about(&self, revision: &Revision) -> bool {
        let digest = |(name, image): (&str, &str)| {
            let pinned = ImageRef::parse(image).digest;
            pinned.or_else(|| revision.digests.get(name).map(String::as_str))
                == self.digests.get(name).map(String::as_str)
                && self.digests.contains_key(name)
        };
        let names: BTreeSet<&str> = revision.containers().map(|(name, _)| name).collect();
        let is_whole = names.len() == self.digests.len() && names.len() == revision.all_images().count();
        !names.is_empty() && is_whole && revision.containers().all(digest)
    }

    /// Whether both allow the same artifact the same way.
    fn is_same(&self, other: &Self) -> bool {
        self.rule.is_same(&other.rule) && self.digests == other.digests
    }

    /// When it is over at the latest, whoever extends it.
    fn latest_end(&self) -> Timestamp {
        let by_rule = self.rule.known().map(|rule| SignedDuration::from_secs(rule.longest_seconds));
        self.opened.checked_add(by_rule.unwrap_or(MAX_OPEN).min(MAX_OPEN)).unwrap_or(Timestamp::MAX)
    }

    /// When it is over by its own words.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        self.until.min(self.latest_end())
    }
}

/// A lane that is open now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenLane<'a> {
    /// How it was opened first.
    pub lane: &'a Lane,
    pub rule: &'a LaneRule,
    /// When it ends, extensions included.
    pub until: Timestamp,
    /// Who opened or extended it: their own GO does not count in it.
    pub by: BTreeSet<&'a str>,
}

/// Which lane is open by what was stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaneFound<'a> {
    None,
    Open(OpenLane<'a>),
    /// Each allows something else: none of them counts.
    Several(Vec<&'a Lane>),
    /// There is one, and it does not count.
    Unusable {
        lane: &'a Lane,
        why: String,
    },
}

/// What has one beginning: an opening and its extensions.
struct Chain<'a> {
    first: &'a Lane,
    until: Timestamp,
    by: BTreeSet<&'a str>,
}

impl<'a> Chain<'a> {
    fn take(&mut self, one: &'a Lane) {
        self.until = self.until.max(one.ends());
        self.by.insert(&one.who);
    }
}

/// Returns the lane that is open now by what was stated about one workload of one environment. An end needs neither proof nor
/// clock: it names what it ends.
pub fn in_force<'a>(
    stated: impl Iterator<Item = &'a Lane> + Clone,
    is_proven: impl Fn(&Proof) -> bool,
    now: Timestamp,
) -> LaneFound<'a> {
    let ended: BTreeSet<Timestamp> = stated.clone().filter(|one| one.is_end).map(|end| end.opened).collect();
    let is_stated =
        |one: &&Lane| !one.is_end && !ended.contains(&one.opened) && one.opened <= one.at && one.at <= now + MAX_AHEAD;
    let mut openings: Vec<&Lane> = stated.filter(is_stated).collect();
    openings.sort_by(|one, other| one.said().cmp(&other.said()));
    let why_not = |one: &Lane| {
        if is_proven(&one.proof) {
            return one.rule.known().and_then(LaneRule::flaw);
        }
        Some(one.proof.flaw().unwrap_or(&Flaw::Unsigned).to_string())
    };
    let mut chains: Vec<Chain<'a>> = Vec::new();
    let mut unusable = None;
    for one in openings {
        if let Some(why) = why_not(one) {
            unusable = Some((one, why)).filter(|_| now < one.ends()).or(unusable);
            continue;
        }
        match chains.iter_mut().find(|chain| chain.first.opened == one.opened && chain.first.is_same(one)) {
            Some(chain) if one.at == one.opened || one.at < chain.until => chain.take(one),
            None if one.at == one.opened => {
                chains.push(Chain { first: one, until: one.ends(), by: BTreeSet::from([one.who.as_str()]) });
            }
            // What is over is not extended: the GOs that were given in it would count again.
            _ => {}
        }
    }
    chains.retain(|chain| now < chain.until);
    let Some((first, until)) = chains.first().map(|chain| (chain.first, chain.until)) else {
        return unusable.map_or(LaneFound::None, |(lane, why)| LaneFound::Unusable { lane, why });
    };
    let mut different: Vec<&Lane> = Vec::new();
    for chain in &chains {
        if !different.iter().any(|known| known.is_same(chain.first)) {
            different.push(chain.first);
        }
    }
    if different.len() > 1 {
        return LaneFound::Several(different);
    }
    let Some(rule) = first.rule.known() else {
        let why = "this version of cockpit does not know all of its terms".to_owned();
        return LaneFound::Unusable { lane: first, why };
    };
    let by = chains.iter().flat_map(|chain| chain.by.iter().copied()).collect();
    LaneFound::Open(OpenLane { lane: first, rule, until, by })
}

#[cfg(test)]
pub(crate) mod tests;
