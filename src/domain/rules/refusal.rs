//! Why something cannot be done now.

use serde::{Deserialize, Serialize};

/// What kind of reason it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// No executor is built: read-only.
    ReadOnly,
    /// RBAC denies it.
    Denied,
    /// Nothing is known of the workload yet, or it does not exist.
    NotSeen,
    /// The picture is too old.
    Stale,
    /// It makes no sense in the state the workload is in.
    State,
    /// A gate is red.
    Gate,
    /// A gate cannot be judged: too little data.
    Blind,
    /// A reviewer said NO-GO, or has not signed yet.
    SignOff,
    /// What goes out is not one immutable artifact.
    Artifact,
    /// The journal cannot be written.
    Journal,
    /// Another action on the same workload is on its way.
    InFlight,
}

/// One reason, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of reason.
    pub kind: RefusalKind,
    /// The reason, in words.
    pub text: String,
    /// What to do, in words; may be empty.
    pub remedy: String,
}

impl Refusal {
    /// Makes a refusal.
    pub fn new(kind: RefusalKind, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { kind, text: text.into(), remedy: remedy.into() }
    }

    /// Makes a refusal because of the state.
    pub(super) fn state(text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(RefusalKind::State, text, remedy)
    }

    /// Returns reason and remedy in one line.
    #[must_use]
    pub fn line(&self) -> String {
        if self.remedy.is_empty() { self.text.clone() } else { format!("{}: {}", self.text, self.remedy) }
    }
}
