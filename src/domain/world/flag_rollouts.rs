//! Flags that go to more users step by step, and what is known of how those fare who have them.

use std::sync::Arc;

use analysis::Report;
use jiff::{SignedDuration, Timestamp};

use crate::domain::facts::flag::rollout::{FlagRollout, divides};
use crate::domain::facts::flag::{Flag, FlagState, Turn};
use crate::domain::world::verdict::CanaryReport;

/// How a flag is that goes to more users step by step.
#[derive(Clone, Debug)]
pub struct FlagRolloutState {
    pub settings: FlagRollout,
    compared: Option<UsersCompared>,
    /// What it was turned to here last, and when.
    pub(in crate::domain) set: Option<(Turn, Timestamp)>,
    /// The state in which it was seen last, and since when it was seen so.
    seen: Option<(FlagState, Timestamp)>,
}

/// What comparing users with the flag and without it gave.
#[derive(Clone, Debug)]
pub struct UsersCompared {
    pub at: Timestamp,
    /// How often they are compared.
    pub every: SignedDuration,
    /// The result, or why there is none.
    pub result: Result<Arc<Report>, String>,
}

impl FlagRolloutState {
    pub(super) fn new(settings: FlagRollout) -> Self {
        Self { settings, compared: None, set: None, seen: None }
    }

    pub(super) fn saw(&mut self, state: Option<FlagState>, at: Timestamp) {
        if self.seen.map(|(seen, _)| seen) != state {
            self.seen = state.map(|state| (state, at));
        }
        // What was found says nothing about another time at which some have it.
        if state.is_none_or(|state| !divides(state)) {
            self.compared = None;
        }
    }

    /// Takes in what comparing its users gave, while some have it and some do not: what comes late is about a time that is over.
    pub(super) fn found(&mut self, compared: UsersCompared) {
        if self.seen.is_some_and(|(state, _)| divides(state)) {
            self.compared = Some(compared);
        }
    }

    /// Returns what the comparison of its users gave last; `None` while there is none.
    #[must_use]
    pub fn compared(&self) -> Option<&UsersCompared> {
        self.compared.as_ref()
    }

    /// Returns since when the flag is as it is: since its provider says that it was changed last; where it says nothing of that,
    /// since it was set so here, or else since it has been seen so.
    #[must_use]
    pub fn since(&self, flag: &Flag) -> Option<Timestamp> {
        let changed = flag.changed().map(|change| change.at);
        let set = self.set.filter(|(turn, _)| turn.is_reached(flag.state)).map(|(_, at)| at);
        let seen = self.seen.filter(|(state, _)| *state == flag.state).map(|(_, at)| at);
        changed.or(set).or(seen)
    }
}

impl UsersCompared {
    /// Returns whether it is too old, or dated in the future: then the clock was set back.
    #[must_use]
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now.duration_since(self.at).abs() > (self.every * 3).max(CanaryReport::MIN_ANALYSIS_VALIDITY)
    }
}
