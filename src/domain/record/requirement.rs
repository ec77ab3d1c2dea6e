//! What a config asks for before a promotion into an environment, where others can read it: whoever comes with another
//! config, or with none, is told what is missing instead of promoting past it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::Hash;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::ids::{EnvName, WorkloadId};
use crate::domain::record::allowed_lane::{self, AllowedLane};
use crate::domain::record::checklist::CheckId;
use crate::domain::record::lane::WrittenRule;
use crate::domain::record::proof::Proof;
use crate::domain::record::statements::{Stated, StatementRef};

/// One thing that has to hold before a promotion.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub enum Requirement {
    /// A check that is a gate, before or during the promotion.
    Gate(CheckId),
    /// A check that is a gate afterwards: it holds up the environment after.
    PostGate(CheckId),
    /// A check that is a gate afterwards in the environment before.
    GateBefore(CheckId),
    /// It serves everybody in the environment before for so long.
    SoakBefore { seconds: i64 },
    /// So many people sign GO in a role.
    SignOff { role: String, people: usize },
    /// Nobody signs in two roles.
    FourEyes,
    /// The artifact comes from this environment.
    After { env: EnvName, cluster: Option<ClusterIdentity> },
    /// The live signals are measured.
    Metrics,
    /// The environment's name is typed.
    Protected,
    /// A key proves who signed.
    Keys,
    /// The version of the program knows lanes, and what came by one and has not been through what it left out.
    Lanes,
    /// Something that a later version of the program asks for, as it is written.
    Later(String),
}

/// A requirement as it stands in the record.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Known(Known),
    Later(Value),
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
enum Known {
    Gate {
        check: CheckId,
    },
    PostGate {
        check: CheckId,
    },
    GateBefore {
        check: CheckId,
    },
    SoakBefore {
        seconds: i64,
    },
    SignOff {
        role: String,
        people: usize,
    },
    FourEyes,
    After {
        env: EnvName,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cluster: Option<ClusterIdentity>,
    },
    Metrics,
    Protected,
    Keys,
    Lanes,
}

impl From<Written> for Requirement {
    fn from(written: Written) -> Self {
        match written {
            Written::Known(Known::Gate { check }) => Self::Gate(check),
            Written::Known(Known::PostGate { check }) => Self::PostGate(check),
            Written::Known(Known::GateBefore { check }) => Self::GateBefore(check),
            Written::Known(Known::SoakBefore { seconds }) => Self::SoakBefore { seconds },
            Written::Known(Known::SignOff { role, people }) => Self::SignOff { role, people },
            Written::Known(Known::FourEyes) => Self::FourEyes,
            Written::Known(Known::After { env, cluster }) => Self::After { env, cluster },
            Written::Known(Known::Metrics) => Self::Metrics,
            Written::Known(Known::Protected) => Self::Protected,
            Written::Known(Known::Keys) => Self::Keys,
            Written::Known(Known::Lanes) => Self::Lanes,
            Written::Later(value) => Self::Later(value.to_string()),
        }
    }
}

impl From<Requirement> for Written {
    fn from(requirement: Requirement) -> Self {
        Self::Known(match requirement {
            Requirement::Gate(check) => Known::Gate { check },
            Requirement::PostGate(check) => Known::PostGate { check },
            Requirement::GateBefore(check) => Known::GateBefore { check },
            Requirement::SoakBefore { seconds } => Known::SoakBefore { seconds },
            Requirement::SignOff { role, people } => Known::SignOff { role, people },
            Requirement::FourEyes => Known::FourEyes,
            Requirement::After { env, cluster } => Known::After { env, cluster },
            Requirement::Metrics => Known::Metrics,
            Requirement::Protected => Known::Protected,
            Requirement::Keys => Known::Keys,
            Requirement::Lanes => Known::Lanes,
            Requirement::Later(text) => return Self::Later(serde_json::from_str(&text).unwrap_or(Value::String(text))),
        })
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gate(check) | Self::PostGate(check) => write!(f, "gate {check}"),
            Self::GateBefore(check) => write!(f, "gate {check} of the environment before"),
            Self::SoakBefore { seconds } => {
                write!(f, "a soak of {:#} in the environment before", SignedDuration::from_secs(*seconds))
            }
            Self::SignOff { role, people: 1 } => write!(f, "sign-off {role}"),
            Self::SignOff { role, people } => write!(f, "{people} sign-offs {role}"),
            Self::FourEyes => f.write_str("`four_eyes`"),
            Self::After { env, .. } => write!(f, "{env} before it"),
            Self::Metrics => f.write_str("metrics (`[prometheus] url`, or PROMETHEUS_URL)"),
            Self::Protected => f.write_str("`protected = true`"),
            Self::Keys => f.write_str("`allowed_signers`"),
            Self::Lanes => f.write_str("lanes"),
            Self::Later(text) => {
                let is = serde_json::from_str::<Value>(text).ok();
                let is = is.as_ref().and_then(|value| value["is"].as_str()).unwrap_or("something");
                write!(f, "{is} (this version of cockpit does not know it)")
            }
        }
    }
}

/// What a config asks for, as it was when somebody acted with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirements {
    pub env: EnvName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterIdentity>,
    /// The workloads that it asks for them.
    pub workloads: BTreeSet<WorkloadId>,
    pub asked: BTreeSet<Requirement>,
    /// What is no longer asked for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dropped: BTreeSet<Requirement>,
    /// The decisions that a decision follows: what those ask for it may drop. Earlier versions do not say: theirs follow all
    /// that are dated before them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<BTreeSet<StatementRef>>,
    /// By which lanes an artifact may come in, and by no others; `None` leaves that as it was. Only a decision says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lanes: Option<Vec<WrittenRule>>,
    /// Whether a person decided it; otherwise it is what the config said when they acted.
    #[serde(default)]
    pub is_decision: bool,
    pub who: String,
    pub at: Timestamp,
    /// By the author's SSH key, over [`Entry::to_be_signed`](crate::domain::record::journal::Entry::to_be_signed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// What the signature proves; never read from a text.
    #[serde(default, skip_serializing_if = "Proof::is_not_required")]
    pub proof: Proof,
}

impl Stated for Requirements {
    /// All but who vouches for it.
    fn identity(&self) -> impl Hash + Eq {
        let said = (&self.asked, &self.dropped, self.is_decision, &self.follows, &self.lanes);
        (&self.env, &self.cluster, &self.workloads, said, &self.who, self.at)
    }
}

impl Requirements {
    /// Returns what names it in a later decision.
    #[must_use]
    pub fn named(&self) -> StatementRef {
        StatementRef { who: self.who.clone(), at: self.at }
    }

    /// Returns it in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { env, who, .. } = self;
        let asked = if self.asked.is_empty() { "nothing".to_owned() } else { list(&self.asked) };
        if !self.is_decision {
            return format!("a promotion into {env} asks for {asked}: config of {who}");
        }
        let dropped =
            if self.dropped.is_empty() { String::new() } else { format!("; no longer for {}", list(&self.dropped)) };
        let lanes = self.lanes.as_ref().map_or_else(String::new, |lanes| allowed_lane::sentence(lanes, &self.asked));
        format!("{who} decided: a promotion into {env} asks for {asked}{dropped}{lanes}")
    }
}

/// How many requirements are named one by one.
const MAX_NAMED: usize = 8;

/// Returns requirements in words, the first few by name.
pub fn list<'a>(all: impl IntoIterator<Item = &'a Requirement>) -> String {
    let all: Vec<&Requirement> = all.into_iter().collect();
    let more = all.len().saturating_sub(MAX_NAMED);
    let named = all.into_iter().take(MAX_NAMED).map(ToString::to_string);
    named.chain((more > 0).then(|| format!("{more} more"))).collect::<Vec<_>>().join(", ")
}

/// What is asked for, and who asked for it first, in the words of the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InForce {
    pub asked: BTreeMap<Requirement, (String, Timestamp)>,
    /// What a person dropped, and who: no config asks for it again without a person's word.
    pub dropped: BTreeMap<Requirement, (String, Timestamp)>,
    /// What people decided, oldest first.
    pub decisions: Vec<StatementRef>,
    /// The lanes that people allowed.
    pub lanes: Vec<AllowedLane>,
}

impl InForce {
    /// Returns what holds by these statements. What a config asks for holds from the first time; only a person's word takes
    /// it back. Of two such words the later one counts, and of two that do not know each other the one that asks for more.
    pub fn of<'a>(stated: impl Iterator<Item = &'a Requirements>, is_proven: impl Fn(&Proof) -> bool) -> Self {
        let mut stated: Vec<&Requirements> = stated.collect();
        stated.sort_by_key(|one| one.at);
        let mut in_force = Self::default();
        // Where somebody's config wants keys, a reader without them cannot tell whose decision it is.
        let keys = stated.iter().any(|one| one.asked.contains(&Requirement::Keys));
        let is_proven = |proof: &Proof| is_proven(proof) && (!keys || *proof == Proof::ByKey);
        let is_decision = |one: &&&Requirements| one.is_decision && is_proven(&one.proof);
        let decisions: Vec<&Requirements> = stated.iter().filter(is_decision).copied().collect();
        in_force.decisions = decisions.iter().map(|decision| decision.named()).collect();
        let order = Order::of(&decisions, &in_force.decisions);
        in_force.lanes = allowed_lane::of(&decisions, |this, other| order.comes_after(this, other));
        let mut askers: BTreeMap<&Requirement, Vec<usize>> = BTreeMap::new();
        for (place, decision) in decisions.iter().enumerate() {
            decision.asked.iter().for_each(|requirement| askers.entry(requirement).or_default().push(place));
        }
        for (place, decision) in decisions.iter().enumerate() {
            for requirement in &decision.dropped {
                let mut asked = askers.get(requirement).into_iter().flatten();
                if asked.all(|other| order.comes_after(place, *other)) {
                    in_force.dropped.insert(requirement.clone(), (decision.who.clone(), decision.at));
                }
            }
        }
        for one in stated {
            for requirement in one.asked.iter().filter(|requirement| !in_force.dropped.contains_key(requirement)) {
                in_force.asked.entry(requirement.clone()).or_insert_with(|| (one.who.clone(), one.at));
            }
        }
        in_force
    }
}

/// Which decision comes after which: as its author knew, whatever the clocks say.
struct Order(Vec<Vec<bool>>);

impl Order {
    fn of(decisions: &[&Requirements], names: &[StatementRef]) -> Self {
        let follows = |by: &Requirements, one: &StatementRef| by.follows.as_ref().map(|named| named.contains(one));
        let after = |(this, own): (&&Requirements, &StatementRef), (other, its): (&&Requirements, &StatementRef)| {
            follows(this, its).unwrap_or_else(|| follows(other, own) != Some(true) && this.at > other.at)
        };
        let all = || decisions.iter().zip(names);
        Self(all().map(|one| all().map(|other| after(one, other)).collect()).collect())
    }

    fn comes_after(&self, this: usize, other: usize) -> bool {
        self.0.get(this).and_then(|row| row.get(other)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
