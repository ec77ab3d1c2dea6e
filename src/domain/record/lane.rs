//! A shorter way for one artifact into an environment: what it leaves out was decided before, a person opens it for a time.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::facts::cluster::{ClusterIdentity, Comparison};
use crate::domain::facts::ids::{EnvName, WorkloadId};
use crate::domain::facts::object::{ImageRef, short_digest};
use crate::domain::facts::text::{plural, rfc3339_seconds};
use crate::domain::facts::workload::Revision;
use crate::domain::record::checklist::CheckId;
use crate::domain::record::ledger::is_of;
use crate::domain::record::proof::{Flaw, Proof};
use crate::domain::record::shared::MAX_AHEAD;
use crate::domain::record::statements::Stated;

/// No lane is open longer than this, whatever its rule says.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// An environment that a lane names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub env: EnvName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterIdentity>,
}

impl Place {
    fn of(&self) -> (&EnvName, Option<&ClusterIdentity>) {
        (&self.env, self.cluster.as_ref())
    }

    /// Whether it is the environment that is called so, in that cluster.
    #[must_use]
    pub fn is(&self, env: &EnvName, here: Option<&ClusterIdentity>) -> bool {
        is_of(env, here, self.of())
    }

    /// Whether both are in one namespace, under whatever name.
    fn shares_namespace(&self, other: &Self) -> bool {
        let both = self.cluster.as_ref().zip(other.cluster.as_ref());
        both.is_some_and(|(one, other)| one.compare(other) == Comparison::Same)
    }
}

/// By which way an artifact may come into an environment. Whatever restricts a lane goes in here: what a later version adds
/// is not understood, and then the lane is not used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaneRule {
    pub lane: String,
    /// Where the artifact comes from.
    pub before: Place,
    /// The environments between, in promotion order: it does not go through them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skips: Vec<Place>,
    /// The gates that are asked before and during the promotion; others are left out.
    pub gates: BTreeSet<CheckId>,
    /// The gates of the environment it comes from that have to hold after the release there.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub gates_before: BTreeSet<CheckId>,
    /// How many people sign GO in a role, besides whoever opens it.
    pub sign_offs: BTreeMap<String, usize>,
    /// How long it serves everybody where it comes from.
    #[serde(default)]
    pub soak_seconds: i64,
    /// How long it may be open.
    pub longest_seconds: i64,
}

impl LaneRule {
    /// Returns why nobody may use it, whoever decided that it is allowed.
    #[must_use]
    pub fn flaw(&self) -> Option<String> {
        let is_within = |seconds: i64| seconds > 0 && SignedDuration::from_secs(seconds) <= LONGEST;
        if !self.sign_offs.values().any(|people| *people > 0) {
            return Some("it asks nobody else to sign".to_owned());
        }
        if !is_within(self.longest_seconds) {
            return Some(format!("it may be open for at most {LONGEST:#}"));
        }
        (self.soak_seconds < 0).then(|| "its soak is less than none".to_owned())
    }

    /// Whether another one allows and asks for the same. Environments are known by their clusters, and by their names as
    /// well where two of them share a namespace.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let (own, theirs) = (self.places(), other.places());
        let is_alone = |place: &Place| own.iter().filter(|one| one.shares_namespace(place)).count() < 2;
        let is_same = |(one, other): (&&Place, &&Place)| {
            is_of(&one.env, one.cluster.as_ref(), other.of()) && (one.env == other.env || is_alone(one))
        };
        own.len() == theirs.len() && own.iter().zip(&theirs).all(is_same) && self.terms() == other.terms()
    }

    fn places(&self) -> Vec<&Place> {
        std::iter::once(&self.before).chain(&self.skips).collect()
    }

    /// All of it but the environments.
    fn terms(&self) -> impl Eq {
        let times = (self.soak_seconds, self.longest_seconds);
        (&self.lane, &self.gates, &self.gates_before, &self.sign_offs, times)
    }
}

/// A rule as a statement holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub enum WrittenRule {
    Known(Box<LaneRule>),
    /// One of a later version of the program, as it is written.
    Later(String),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Known(Box<LaneRule>),
    Later(Value),
}

impl From<Written> for WrittenRule {
    fn from(written: Written) -> Self {
        match written {
            Written::Known(rule) => Self::Known(rule),
            Written::Later(value) => Self::Later(value.to_string()),
        }
    }
}

impl From<WrittenRule> for Written {
    fn from(rule: WrittenRule) -> Self {
        match rule {
            WrittenRule::Known(rule) => Self::Known(rule),
            WrittenRule::Later(text) => Self::Later(serde_json::from_str(&text).unwrap_or(Value::String(text))),
        }
    }
}

impl WrittenRule {
    /// Returns the rule, where this version knows all of it.
    #[must_use]
    pub fn known(&self) -> Option<&LaneRule> {
        match self {
            Self::Known(rule) => Some(rule),
            Self::Later(_) => None,
        }
    }

    /// Whether another one allows and asks for the same; of what this version does not know every byte counts.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Known(one), Self::Known(other)) => one.is_same(other),
            (one, other) => one == other,
        }
    }

    /// Returns the name of the lane.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Known(rule) => rule.lane.clone(),
            Self::Later(text) => {
                let value = serde_json::from_str::<Value>(text).ok();
                let name = value.as_ref().and_then(|value| value["lane"].as_str());
                name.unwrap_or("of a later version of cockpit").to_owned()
            }
        }
    }
}

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
    fn which(&self) -> String {
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
        self.opened.checked_add(by_rule.unwrap_or(LONGEST).min(LONGEST)).unwrap_or(Timestamp::MAX)
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
