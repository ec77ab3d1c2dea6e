//! Why something cannot be done now.

use serde::{Deserialize, Serialize};

/// What kind of reason it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// No executor is built: read-only.
    ReadOnly,
    Denied,
    /// Nothing is known of the workload yet, or it does not exist.
    NotSeen,
    /// The state is too old.
    Stale,
    /// It makes no sense in the state the workload is in.
    State,
    Gate,
    /// A gate cannot be judged: there is no data, or it cannot be read.
    Blind,
    /// Data comes in, and is not enough yet.
    Collecting,
    /// A reviewer said NO-GO, or has not signed yet.
    SignOff,
    /// What goes out is not one immutable artifact.
    Artifact,
    /// The journal cannot be written.
    Journal,
    /// It was rolled back or aborted here before.
    Rejected,
    /// It is as wanted already.
    NothingToDo,
    /// Another action on the same workload is on its way.
    InFlight,
}

impl RefusalKind {
    /// Whether nothing is wrong as far as is known.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        matches!(self, Self::Blind | Self::Collecting)
    }
}

/// One reason, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub kind: RefusalKind,
    pub text: String,
    /// What to do, in words; may be empty.
    pub remedy: String,
}

impl Refusal {
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
