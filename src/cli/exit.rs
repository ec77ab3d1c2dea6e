//! Exit codes.

use std::process::{ExitCode, Termination};

use crate::domain::record::action::Outcome;

use crate::domain::rules::refusal::Refusal;
use crate::domain::rules::refusal::RefusalKind;

/// How a command ended, as its exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Done, or go.
    Done,
    /// Something failed.
    Error,
    /// The command line or the config is wrong.
    Usage,
    /// No-go, or refused: nothing was changed.
    NoGo,
    /// Not enough data to say.
    Blind,
    /// Interrupted.
    Interrupted,
    /// Ended by another signal; 128 and its number.
    Signal(u8),
}

impl Exit {
    /// All ends, with what they mean.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Done, "done, or go"),
        (Self::Error, "error"),
        (Self::Usage, "wrong usage or config"),
        (Self::NoGo, "no-go, or refused"),
        (Self::Blind, "WAIT or BLIND: not enough data yet, or none, to decide"),
        (Self::Interrupted, "interrupted"),
    ];

    /// Returns the code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Usage => 2,
            Self::NoGo => 3,
            Self::Blind => 4,
            Self::Interrupted => 130,
            Self::Signal(code) => code,
        }
    }

    /// Tells from the refusals of a plan: blind only where nothing but missing data is in the way.
    #[must_use]
    pub fn of_refusals(refusals: &[Refusal]) -> Self {
        if !refusals.is_empty() && refusals.iter().all(|refusal| refusal.kind == RefusalKind::NothingToDo) {
            return Self::Done;
        }
        let only_blind = refusals.iter().all(|refusal| refusal.kind.is_unknown());
        if only_blind && !refusals.is_empty() { Self::Blind } else { Self::NoGo }
    }

    /// Tells from the outcome of an action. What was sent and is unknown to be done is an error.
    #[must_use]
    pub fn of_outcome(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Confirmed { .. } | Outcome::FoundDone { .. } => Self::Done,
            Outcome::Refused { .. } | Outcome::Moved { .. } => Self::NoGo,
            Outcome::AwaitsMerge { .. } => Self::Blind,
            Outcome::Unconfirmed { .. } | Outcome::Unknown { .. } | Outcome::FoundNotDone { .. } => Self::Error,
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blind_exit_only_without_other_reasons() {
        let refusal = |kind| Refusal::new(kind, "", "");
        assert_eq!(Exit::of_refusals(&[refusal(RefusalKind::Blind)]), Exit::Blind);
        assert_eq!(Exit::of_refusals(&[refusal(RefusalKind::Collecting)]), Exit::Blind);
        assert_eq!(Exit::of_refusals(&[refusal(RefusalKind::Blind), refusal(RefusalKind::Gate)]), Exit::NoGo);
        assert_eq!(Exit::of_refusals(&[]), Exit::NoGo);
    }

    #[test]
    fn an_unknown_outcome_is_no_success() {
        assert_eq!(Exit::of_outcome(&Outcome::Unknown { why: String::new() }), Exit::Error);
        assert_eq!(Exit::of_outcome(&Outcome::Confirmed { shows: String::new() }), Exit::Done);
        assert_eq!(Exit::of_outcome(&Outcome::Moved { what: String::new() }), Exit::NoGo);
    }
}
