//! A person's acknowledgement of a manual check.

use std::hash::Hash;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::CheckId;
use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::ids::EnvName;
use crate::domain::record::proof::Proof;
use crate::domain::record::statements::Stated;

/// A person's word that a manual check holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub env: EnvName,
    /// Which cluster and namespace it is about; journals of before do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterIdentity>,
    pub check: CheckId,
    pub who: String,
    /// Whether the API server says so, and not only this machine.
    pub verified: bool,
    pub note: String,
    pub at: Timestamp,
    /// What it was given for: see `Candidate::key`.
    pub subject: String,
    /// By the author's SSH key, over [`Entry::to_be_signed`](crate::domain::record::journal::Entry::to_be_signed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// What the signature proves; never read from a text.
    #[serde(default, skip_serializing_if = "Proof::is_not_required")]
    pub proof: Proof,
}

impl Stated for Acknowledgement {
    /// All but who vouches for it.
    fn identity(&self) -> impl Hash + Eq {
        (&self.env, &self.cluster, &self.check, &self.who, &self.note, self.at, &self.subject)
    }
}
