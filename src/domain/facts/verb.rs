//! Verbs: the actions of an operator.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// On to the next step.
    Promote,
    /// On to 100 %, skipping all that is left.
    PromoteFull,
    Pause,
    Resume,
    /// Traffic back to stable, update given up.
    Abort,
    /// Retry an aborted update from its first step.
    Retry,
    /// Put an earlier template back.
    Rollback,
    /// Rolling restart of all pods.
    Restart,
    /// Bring in what the environment before has released.
    Release,
    /// Keep whatever owns the manifest from applying it by itself.
    SuspendAutomation,
    /// Give that back.
    ResumeAutomation,
    /// Have git name again what a rollback went back to.
    Revert,
    /// Turn a feature flag off for everybody in an environment.
    FlagOff,
    /// Turn it on.
    FlagOn,
    /// Give it to a share of all users.
    FlagSet,
    /// The same, where fewer users get it than before.
    FlagLower,
    /// Let a tag of the registry name what serves everybody in an environment.
    MoveTag,
}

impl Verb {
    /// All that act on a workload.
    pub const ALL: [Self; 9] = [
        Self::Promote,
        Self::PromoteFull,
        Self::Pause,
        Self::Resume,
        Self::Abort,
        Self::Retry,
        Self::Rollback,
        Self::Restart,
        Self::Release,
    ];

    /// Returns whether it stops or takes back: such a verb is never blocked by anything but the API server ([law 3](crate#laws)).
    #[must_use]
    pub fn stops(self) -> bool {
        matches!(
            self,
            Self::Pause
                | Self::Abort
                | Self::Rollback
                | Self::SuspendAutomation
                | Self::Revert
                | Self::FlagOff
                | Self::FlagLower
        )
    }

    /// Returns the word, e.g. `promote-full`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::PromoteFull => "promote-full",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Abort => "abort",
            Self::Retry => "retry",
            Self::Rollback => "rollback",
            Self::Restart => "restart",
            Self::Release => "release",
            Self::SuspendAutomation => "suspend-automation",
            Self::ResumeAutomation => "resume-automation",
            Self::Revert => "revert",
            Self::FlagOff => "flag-off",
            Self::FlagOn => "flag-on",
            Self::FlagSet => "flag-set",
            Self::FlagLower => "flag-lower",
            Self::MoveTag => "move-tag",
        }
    }

    /// Returns the word for the screen, e.g. `roll back`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::PromoteFull => "promote fully",
            Self::Pause => "pause",
            Self::Rollback => "roll back",
            Self::SuspendAutomation => "suspend",
            Self::ResumeAutomation => "resume",
            Self::FlagOff => "turn off",
            Self::FlagOn => "turn on",
            Self::FlagSet | Self::FlagLower => "set",
            Self::MoveTag => "move the tag",
            other => other.as_str(),
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
