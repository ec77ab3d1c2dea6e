//! A person's word that a manual check holds.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::CheckId;
use crate::domain::facts::ids::EnvName;

/// A person's word that a manual check holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// The environment.
    pub env: EnvName,
    /// The check.
    pub check: CheckId,
    /// Who.
    pub who: String,
    /// Whether the API server says so, and not only this machine.
    pub verified: bool,
    /// What they say.
    pub note: String,
    /// When.
    pub at: Timestamp,
    /// What it was given for: see `Candidate::key`.
    pub subject: String,
}
