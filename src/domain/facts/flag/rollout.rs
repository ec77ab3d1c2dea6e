//! A flag that goes to more users step by step: what the config says of it.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{FlagState, Share};
use crate::domain::facts::ids::WorkloadId;

/// A flag that goes to more users step by step, each after those who have it were compared with those who do not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagRollout {
    pub flag: String,
    /// Shares of users, each larger than the one before; everybody comes after them.
    pub steps: Vec<Share>,
    /// How long it stays at a step at least.
    pub wait: SignedDuration,
    /// What answers the users; `None` is the only workload there is.
    pub workload: Option<WorkloadId>,
    /// Labels of the counters of users who have it.
    pub with: BTreeMap<String, String>,
    /// Labels of the counters of users who do not have it.
    pub without: BTreeMap<String, String>,
}

impl FlagRollout {
    /// Returns the share that comes after this state; `None` where everybody has it, or its share is not known.
    #[must_use]
    pub fn next(&self, state: FlagState) -> Option<Share> {
        let now = match state {
            FlagState::Off => 0,
            FlagState::Percent(percent) => percent,
            FlagState::Some | FlagState::On => return None,
        };
        self.steps.iter().copied().chain([Share::ALL]).find(|step| step.percent() > now)
    }

    /// Returns the steps in words: `1 → 5 → 25 → 100 %`.
    #[must_use]
    pub fn describe(&self) -> String {
        let all = self.steps.iter().copied().chain([Share::ALL]);
        let mut steps: Vec<String> = all.map(|step| step.percent().to_string()).collect();
        steps.dedup();
        steps.join(" → ") + " %"
    }
}

/// Whether there are users with the flag and users without it.
#[must_use]
pub fn divides(state: FlagState) -> bool {
    matches!(state, FlagState::Some | FlagState::Percent(1..=99))
}

/// What the analysis says of a canary and of stable, put in words of users with a flag and without it.
const OF_USERS: [(&str, &str); 14] = [
    (
        "stable burns its error budget too: probably not the canary",
        "users without it burn the error budget too: probably not the flag",
    ),
    ("the canary got no requests", "no requests of users with it"),
    ("stable got no requests", "no requests of users without it"),
    ("the canary has more", "users with it have more"),
    ("stable has more", "users without it have more"),
    ("on either track", "of either"),
    ("pods of canary", "pods"),
    ("this rollout", "this flag"),
    ("the canary", "users with it"),
    ("the stable", "users without it"),
    ("of canary", "of users with it"),
    ("of stable", "of users without it"),
    ("canary", "with it"),
    ("stable", "without it"),
];

/// Returns a reason of the analysis in words of users with the flag and without it.
#[must_use]
pub fn of_users(reason: &str) -> String {
    OF_USERS.iter().fold(reason.to_owned(), |text, (canary, users)| text.replace(canary, users))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout(steps: &[u8]) -> FlagRollout {
        FlagRollout {
            flag: "checkout".to_owned(),
            steps: steps.iter().map(|step| Share::try_from(*step).unwrap()).collect(),
            wait: SignedDuration::ZERO,
            workload: None,
            with: BTreeMap::new(),
            without: BTreeMap::new(),
        }
    }

    #[test]
    fn each_step_is_the_first_that_more_users_get() {
        let steps = rollout(&[1, 5, 25]);
        let next = |state| steps.next(state).map(Share::percent);
        assert_eq!(next(FlagState::Off), Some(1));
        assert_eq!(next(FlagState::Percent(0)), Some(1));
        assert_eq!(next(FlagState::Percent(1)), Some(5));
        assert_eq!(next(FlagState::Percent(3)), Some(5), "somebody set a share between two steps");
        assert_eq!(next(FlagState::Percent(25)), Some(100));
        assert_eq!(next(FlagState::Percent(70)), Some(100));
        assert_eq!((next(FlagState::On), next(FlagState::Some)), (None, None));
        assert_eq!(steps.describe(), "1 → 5 → 25 → 100 %");
        assert_eq!(rollout(&[10, 100]).describe(), "10 → 100 %");
    }

    #[test]
    fn reasons_of_the_analysis_speak_of_users() {
        for (canary, users) in [
            (
                "error rate: canary 10.00 %, stable 0.31 % (32×; 95 % CI 12–80×)",
                "error rate: with it 10.00 %, without it 0.31 % (32×; 95 % CI 12–80×)",
            ),
            (
                "error rate is higher than stable by more than 25 %: ",
                "error rate is higher than without it by more than 25 %: ",
            ),
            ("more redirects: canary 3.00 %, stable 1.00 %; ", "more redirects: with it 3.00 %, without it 1.00 %; "),
            ("the canary got no requests: nothing to compare", "no requests of users with it: nothing to compare"),
            ("no request counter for the canary", "no request counter for users with it"),
            ("no request counter for the stable", "no request counter for users without it"),
            ("the newest sample of canary is 40s old", "the newest sample of users with it is 40s old"),
            ("1 of 3 pods of canary are scraped", "1 of 3 pods are scraped"),
            (
                "this rollout has used 2.00 % of the 30-day error budget",
                "this flag has used 2.00 % of the 30-day error budget",
            ),
        ] {
            assert_eq!(of_users(canary), users);
        }
    }
}
