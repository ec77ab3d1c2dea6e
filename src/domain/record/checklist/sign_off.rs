//! A reviewer's GO or NO-GO, and who has to give one.

use std::collections::BTreeSet;
use std::hash::Hash;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::CheckId;
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::ids::EnvName;
use crate::domain::record::proof::Proof;
use crate::domain::record::statements::Stated;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    Go,
    NoGo,
}

impl Decision {
    /// Returns the word for the screen.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Go => "GO",
            Self::NoGo => "NO-GO",
        }
    }
}

/// One reviewer's GO or NO-GO for one release in one environment, in a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignOff {
    pub env: EnvName,
    /// Which cluster and namespace it is about; journals of before do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterIdentity>,
    pub role: String,
    pub who: String,
    /// Whether the API server says so, and not only this machine.
    pub verified: bool,
    pub decision: Decision,
    pub note: String,
    pub at: Timestamp,
    /// What it was given for: `Candidate::key`.
    pub subject: String,
    /// Its digest, where pods told it.
    pub digest: Option<String>,
    /// The NO-GO of the same person in the same role that a GO takes back: when it was signed. Clocks of two machines do not
    /// say which of two statements came first; this does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes_back: Option<Timestamp>,
    /// Whose NO-GO in this role that is, where it is not their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes_back_of: Option<String>,
    /// The gates that were red for its subject by what its author knew: those do not make a GO void, all others do. Earlier
    /// versions do not say: by theirs, what went red later by the clocks does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reds: Option<BTreeSet<RedRef>>,
    /// By the author's SSH key, over [`Entry::to_be_signed`](crate::domain::record::journal::Entry::to_be_signed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// What the signature proves; never read from a text.
    #[serde(default, skip_serializing_if = "Proof::is_not_required")]
    pub proof: Proof,
}

/// Names a check that went red.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RedRef {
    pub check: CheckId,
    pub at: Timestamp,
}

impl SignOff {
    /// Returns whose word it is, or takes back: a NO-GO is its author's own.
    #[must_use]
    pub fn speaks_for(&self) -> &str {
        let of = self.takes_back_of.as_deref().filter(|_| self.decision == Decision::Go);
        of.unwrap_or(&self.who)
    }
}

impl Stated for SignOff {
    /// All but who vouches for it.
    fn identity(&self) -> impl Hash + Eq {
        let takes_back = (self.takes_back, &self.takes_back_of);
        let said = (&self.role, &self.who, self.decision, &self.note, self.at, takes_back);
        (&self.env, &self.cluster, &self.subject, &self.digest, said, &self.reds)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignOffRules {
    /// Roles with the number of people needed in each, in order.
    pub roles: Vec<(String, usize)>,
    /// No one signs in two roles.
    pub four_eyes: bool,
}

impl Default for SignOffRules {
    /// No one has to sign; who does signs in one role.
    fn default() -> Self {
        Self { roles: Vec::new(), four_eyes: true }
    }
}
