//! A person's acknowledgement of a manual check.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::CheckId;
use crate::domain::facts::ids::EnvName;

/// A person's word that a manual check holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub env: EnvName,
    pub check: CheckId,
    pub who: String,
    /// Whether the API server says so, and not only this machine.
    pub verified: bool,
    pub note: String,
    pub at: Timestamp,
    /// What it was given for: see `Candidate::key`.
    pub subject: String,
}
