//! Actions: what an operator may ask of the outside world, whether it can be done now, and how it ends.
//!
//! [`plan()`] is the one pure function behind keys, footer, palette and headless commands: it returns either a [`Plan`],
//! which nothing else can make, or every reason why not.

mod deployment;
mod describe;
mod facts;
pub mod kind;
mod plan;
mod receipt;
mod refusal;
mod request;
mod rollout;
mod seen;
mod settle;
mod target;
mod template;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use describe::{Part, describe};
pub use facts::{Facts, RestsOn};
pub use plan::{Automatic, Circumstances, Plan, PlanRecord, plan};
pub use receipt::Receipt;
pub use refusal::{Refusal, RefusalKind};
pub use request::{Body, KubernetesRequest, ObjectRef, Request};
pub use seen::Seen;
pub use settle::{Settled, settled, unnoticed};
pub use target::{System, Target};
pub use template::{TemplateError, restore_patch};

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// On to the next step.
    Promote,
    /// On to 100 %, skipping all that is left.
    PromoteFull,
    /// Hold where it is.
    Pause,
    /// Undo a hold.
    Resume,
    /// Traffic back to stable, update given up.
    Abort,
    /// Try an aborted update again from its first step.
    Retry,
    /// Put an earlier template back.
    Rollback,
    /// Replace all pods, same template.
    Restart,
}

impl Verb {
    /// All verbs.
    pub const ALL: [Self; 8] = [
        Self::Promote,
        Self::PromoteFull,
        Self::Pause,
        Self::Resume,
        Self::Abort,
        Self::Retry,
        Self::Rollback,
        Self::Restart,
    ];

    /// Returns whether it stops or takes back: such a verb is never blocked by anything but the API server (law 3).
    #[must_use]
    pub fn stops(self) -> bool {
        matches!(self, Self::Pause | Self::Abort | Self::Rollback)
    }

    /// Returns the word, e.g. `promote-full`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::PromoteFull => "promote-full",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Abort => "abort",
            Self::Retry => "retry",
            Self::Rollback => "rollback",
            Self::Restart => "restart",
        }
    }

    /// Returns the word for the screen, e.g. `roll back`.
    #[must_use]
    pub fn spoken(self) -> &'static str {
        match self {
            Self::PromoteFull => "promote fully",
            Self::Pause => "hold",
            Self::Rollback => "roll back",
            other => other.word(),
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// What to do.
    pub verb: Verb,
    /// With what.
    pub target: Target,
    /// Roll back to this revision; by default stable, or the one before.
    pub to: Option<u64>,
}

/// Identity of one action: unique over all journals (a UUID v7).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionId(pub String);

/// How an action ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum Outcome {
    /// The status shows the effect.
    Confirmed {
        /// What it shows.
        shows: String,
    },
    /// The API server took it, but the status did not show the effect in time.
    Unconfirmed {
        /// What it shows instead.
        shows: String,
    },
    /// Nothing was sent, or the API server said no.
    Refused {
        /// Why.
        why: String,
    },
    /// The facts moved between plan and request; nothing was sent.
    Moved {
        /// What moved.
        what: String,
    },
    /// No answer: it may or may not have happened. Never sent again; settled by looking.
    Unknown {
        /// What happened to the request.
        why: String,
    },
    /// Found done when looking again after an unknown outcome or a crash.
    FoundDone {
        /// What the cluster shows.
        shows: String,
    },
    /// Found not done when looking again after an unknown outcome or a crash.
    FoundNotDone {
        /// What the cluster shows.
        shows: String,
    },
}

impl Outcome {
    /// Returns whether the effect is there.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Confirmed { .. } | Self::FoundDone { .. })
    }

    /// Returns whether it is over: an unknown outcome is not, it has to be settled.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !matches!(self, Self::Unknown { .. })
    }

    /// Returns the outcome in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Confirmed { shows } => format!("done: {shows}"),
            Self::Unconfirmed { shows } => format!("accepted, but not seen yet: {shows}"),
            Self::Refused { why } => format!("refused: {why}"),
            Self::Moved { what } => format!("not sent, the picture was old: {what}"),
            Self::Unknown { why } => format!("unknown: {why}; looking at the cluster"),
            Self::FoundDone { shows } => format!("found done: {shows}"),
            Self::FoundNotDone { shows } => format!("found not done: {shows}"),
        }
    }
}
