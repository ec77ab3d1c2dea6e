//! What a lane leaves out and asks for, as a config says it and a decision allows it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::MAX_OPEN;
use crate::domain::facts::cluster::{ClusterIdentity, Comparison};
use crate::domain::facts::ids::EnvName;
use crate::domain::record::checklist::{BuiltinCheck, CheckId, CheckPhase, CheckSpec, How};
use crate::domain::record::ledger::is_of;

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
        let is_within = |seconds: i64| seconds > 0 && SignedDuration::from_secs(seconds) <= MAX_OPEN;
        if !self.sign_offs.values().any(|people| *people > 0) {
            return Some("it asks nobody else to sign".to_owned());
        }
        if !is_within(self.longest_seconds) {
            return Some(format!("it may be open for at most {MAX_OPEN:#}"));
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

    /// Whether a check would be a gate of a promotion, and this leaves it out. That it is the artifact of the environment
    /// before, and that the registry has it, is asked in every lane.
    #[must_use]
    pub fn leaves_out(&self, check: &CheckSpec) -> bool {
        let is_always_asked = matches!(check.how, How::BuiltinCheck(BuiltinCheck::Artifact | BuiltinCheck::Registry));
        check.gate && check.phase != CheckPhase::Post && !is_always_asked && !self.gates.contains(&check.id)
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
