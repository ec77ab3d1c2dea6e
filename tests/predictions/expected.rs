//! What may be done in each state, known from how the controllers work and from the laws, not from the program.

use release_cockpit::domain::record::action::Verb;

use super::state::State;
use super::strategy::Strategy;

/// What has to become of a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Offered,
    /// It is, and cannot come to its end here.
    Unfinished,
    /// With a part of the reason.
    Refused(&'static str),
}

use Expected::{Offered, Refused, Unfinished};

/// Returns what has to become of a verb.
#[expect(clippy::match_same_arms, reason = "in the order of the verbs")]
pub fn expected(strategy: Strategy, state: State, verb: Verb) -> Expected {
    if !strategy.is_rollout() {
        return of_deployment(state, verb);
    }
    match (verb, state) {
        // Pods that do not get ready are not replaced.
        (Verb::Restart, State::MidStep | State::Degraded) => Unfinished,
        (Verb::Restart, _) => Offered,
        (Verb::Pause, State::PausedByPerson) => Refused("paused already"),
        (Verb::Pause, _) => Offered,
        (Verb::Resume, State::PausedByPerson) => Offered,
        (Verb::Resume, _) => Refused("not paused"),
        (Verb::Retry, State::Aborted) => Offered,
        (Verb::Retry, _) => Refused("it was not aborted"),
        (Verb::Rollback, State::Fresh) => Refused("no earlier revision"),
        (Verb::Rollback, State::RolledBack) => Refused("already back on 1.0.0"),
        (Verb::Rollback, _) => Offered,
        (Verb::Promote | Verb::PromoteFull | Verb::Abort, State::Fresh | State::Released | State::RolledBack) => {
            Refused("no rollout in progress")
        }
        (Verb::Abort, State::Aborted) => Refused("aborted already"),
        (Verb::Promote | Verb::PromoteFull | Verb::Abort, State::RollingBack) if strategy.has_post_analysis() => {
            Refused("a rollback to 1.0.0 is in progress, still serving 100 % of 1.1.0")
        }
        (Verb::Abort, State::RollingBack) => Refused("would send users back to 1.1.0"),
        (Verb::Abort, _) => Offered,
        (Verb::Promote | Verb::PromoteFull, State::Aborted) => Refused("the update was aborted"),
        (Verb::Promote | Verb::PromoteFull, State::PausedByPerson) => Refused("paused manually"),
        (Verb::Promote, State::MidStep | State::Degraded) if strategy.is_blue_green() => Refused("nothing to promote"),
        (Verb::Promote, State::MidStep | State::Degraded) => Refused("in progress"),
        (Verb::PromoteFull, State::MidStep) => Unfinished,
        // There is one environment.
        (Verb::Release, _) => Refused("first environment"),
        // The controller gave up: that is NO-GO, whatever is measured.
        (Verb::PromoteFull, State::Degraded) => Refused("Degraded"),
        (Verb::Promote, State::InStep) if strategy == Strategy::EndlessAnalysis || strategy.is_blue_green() => {
            Refused("is running")
        }
        (Verb::Promote, State::InStep) => Refused("in progress"),
        (Verb::PromoteFull, State::InStep) => Offered,
        (Verb::Promote | Verb::PromoteFull, State::PausedAtStep | State::RollingBack) => Offered,
        (Verb::SuspendAutomation | Verb::ResumeAutomation | Verb::Revert, _) => Refused("no automation"),
        (Verb::FlagOff | Verb::FlagOn | Verb::FlagSet | Verb::FlagLower, _) => Refused("no feature flag"),
        (Verb::MoveTag, _) => Refused("no tag"),
    }
}

fn of_deployment(state: State, verb: Verb) -> Expected {
    match (verb, state) {
        (Verb::Promote | Verb::PromoteFull, _) => Refused("no steps"),
        (Verb::Abort, _) => Refused("no abort"),
        (Verb::Release, _) => Refused("first environment"),
        (Verb::Retry, _) => Refused("no abort to retry after"),
        (Verb::Pause, State::PausedByPerson) => Refused("paused already"),
        (Verb::Resume, State::PausedByPerson) => Offered,
        (Verb::Resume, _) => Refused("not paused"),
        (Verb::Restart, State::PausedByPerson) => Refused("paused"),
        (Verb::Rollback, State::Fresh) => Refused("no earlier revision"),
        (Verb::Rollback, State::RolledBack) => Refused("already back on 1.0.0"),
        (Verb::Restart, State::MidStep | State::Degraded) => Unfinished,
        (Verb::Pause | Verb::Restart | Verb::Rollback, _) => Offered,
        (Verb::SuspendAutomation | Verb::ResumeAutomation | Verb::Revert, _) => Refused("no automation"),
        (Verb::FlagOff | Verb::FlagOn | Verb::FlagSet | Verb::FlagLower, _) => Refused("no feature flag"),
        (Verb::MoveTag, _) => Refused("no tag"),
    }
}
