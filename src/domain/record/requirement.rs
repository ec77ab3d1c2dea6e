//! What a config asks for before a promotion into an environment, where others can read it: whoever comes with another
//! config, or with none, is told what is missing instead of promoting past it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::Hash;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::ids::{EnvName, WorkloadId};
use crate::domain::record::checklist::{CheckId, CheckPhase};
use crate::domain::record::proof::Proof;
use crate::domain::record::statements::Stated;

/// One thing that has to hold before a promotion.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Requirement {
    /// A check that is a gate.
    Gate { check: CheckId, phase: CheckPhase },
    /// So many people sign GO in a role.
    SignOff { role: String, people: usize },
    /// Nobody signs in two roles.
    FourEyes,
    /// The artifact comes from this environment.
    After {
        env: EnvName,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cluster: Option<ClusterIdentity>,
    },
    /// The live signals are measured.
    Metrics,
    /// The environment's name is typed.
    Protected,
    /// A key proves who signed.
    Keys,
    /// Something that a later version of the program asks for.
    #[serde(other)]
    Later,
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gate { check, .. } => write!(f, "gate {check}"),
            Self::SignOff { role, people: 1 } => write!(f, "sign-off {role}"),
            Self::SignOff { role, people } => write!(f, "{people} sign-offs {role}"),
            Self::FourEyes => f.write_str("four eyes"),
            Self::After { env, .. } => write!(f, "{env} before it"),
            Self::Metrics => f.write_str("metrics"),
            Self::Protected => f.write_str("protected"),
            Self::Keys => f.write_str("allowed_signers"),
            Self::Later => f.write_str("something that only a later version of cockpit knows"),
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
        let said = (&self.asked, &self.dropped, self.is_decision);
        (&self.env, &self.cluster, &self.workloads, said, &self.who, self.at)
    }
}

impl Requirements {
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
        format!("{who} decided: a promotion into {env} asks for {asked}{dropped}")
    }
}

/// Returns requirements in words.
pub fn list<'a>(all: impl IntoIterator<Item = &'a Requirement>) -> String {
    all.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What is asked for, and who asked for it first, in the words of the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InForce {
    pub asked: BTreeMap<Requirement, (String, Timestamp)>,
    /// What a person dropped: no config asks for it again without a person's word.
    pub dropped: BTreeSet<Requirement>,
    /// When a person said last what is dropped.
    pub decided: Option<Timestamp>,
}

impl InForce {
    /// Returns what holds by these statements. What a config asks for holds from the first time; only a person's word takes
    /// it back, and of two such words the later one counts.
    pub fn of<'a>(stated: impl Iterator<Item = &'a Requirements>, is_proven: impl Fn(&Proof) -> bool) -> Self {
        let mut stated: Vec<&Requirements> = stated.collect();
        stated.sort_by_key(|one| one.at);
        let mut in_force = Self::default();
        let decisions = |one: &&&Requirements| one.is_decision && is_proven(&one.proof);
        for decision in stated.iter().filter(decisions) {
            in_force.dropped.retain(|requirement| !decision.asked.contains(requirement));
            in_force.dropped.extend(decision.dropped.iter().cloned());
            in_force.decided = Some(decision.at);
        }
        for one in stated {
            for requirement in one.asked.iter().filter(|requirement| !in_force.dropped.contains(requirement)) {
                in_force.asked.entry(requirement.clone()).or_insert_with(|| (one.who.clone(), one.at));
            }
        }
        in_force
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(id: &str) -> Requirement {
        Requirement::Gate { check: CheckId::new(id), phase: CheckPhase::Pre }
    }

    fn asks(at: i64, asked: &[&str], dropped: &[&str]) -> Requirements {
        Requirements {
            env: EnvName::new("prod"),
            cluster: None,
            workloads: BTreeSet::new(),
            asked: asked.iter().map(|id| gate(id)).collect(),
            dropped: dropped.iter().map(|id| gate(id)).collect(),
            is_decision: !dropped.is_empty(),
            who: format!("ada{at}"),
            at: Timestamp::from_second(at).unwrap(),
            signature: None,
            proof: Proof::default(),
        }
    }

    fn in_force(stated: &[Requirements]) -> Vec<String> {
        InForce::of(stated.iter(), |_| true).asked.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn a_config_that_asks_for_less_takes_nothing_back() {
        assert_eq!(
            in_force(&[asks(1, &["smoke", "load"], &[]), asks(2, &["smoke"], &[])]),
            ["gate load", "gate smoke"]
        );
    }

    #[test]
    fn a_person_drops_it_and_an_old_config_does_not_bring_it_back() {
        let first = asks(1, &["smoke", "load"], &[]);
        let dropped = asks(2, &["smoke"], &["load"]);
        assert_eq!(in_force(&[first.clone(), dropped.clone(), asks(3, &["smoke", "load"], &[])]), ["gate smoke"]);
        // A person may ask for it again.
        assert_eq!(in_force(&[first, dropped, asks(4, &["load"], &["smoke"])]), ["gate load"]);
    }

    #[test]
    fn who_asked_first_is_named() {
        let found = InForce::of([asks(2, &["smoke"], &[]), asks(1, &["smoke"], &[])].iter(), |_| true);
        assert_eq!(found.asked[&gate("smoke")].0, "ada1");
    }

    #[test]
    fn a_drop_that_is_not_proven_drops_nothing() {
        let all = [asks(1, &["smoke"], &[]), asks(2, &[], &["smoke"])];
        let found = InForce::of(all.iter(), |proof| *proof == Proof::ByKey);
        assert_eq!(found.asked.len(), 1);
    }

    #[test]
    fn what_a_later_version_asks_for_is_kept_as_unknown() {
        let text = r#"{"is": "weather", "at_least": "sunny"}"#;
        assert_eq!(serde_json::from_str::<Requirement>(text).unwrap(), Requirement::Later);
    }
}
