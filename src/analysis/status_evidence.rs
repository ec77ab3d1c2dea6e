//! The evidence that the canary answers with other statuses than stable: with more redirects, or more rejected requests.
//!
//! A canary that answers "not found" to everything has no errors, and yet serves nobody.

use serde::{Deserialize, Serialize};

use super::errors::ErrorEvidence;
use super::log_space::ln_mean;
use super::margin::{ErrorMargin, SmallestRegression, is_far_beyond};
use super::ratio_evidence::ErrorCounts;
use super::report::Tracks;
use super::rules::Rules;
use super::scrape::{Counts, Statuses};

/// From this on nothing is beyond the margin.
const OFF: f64 = 1.0;

/// A kind of status that a healthy canary has no more of than stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusClass {
    /// 3xx.
    Redirect,
    /// 4xx.
    Rejected,
}

impl StatusClass {
    pub fn label(self) -> &'static str {
        match self {
            Self::Redirect => "redirects (3xx)",
            Self::Rejected => "rejected requests (4xx)",
        }
    }

    pub fn count(self, statuses: &Statuses) -> u64 {
        match self {
            Self::Redirect => statuses.redirects,
            Self::Rejected => statuses.rejected,
        }
    }
}

/// The evidence on statuses, half on each class: as that on errors, with a margin of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatusEvidence {
    redirects: ErrorEvidence,
    rejected: ErrorEvidence,
    /// Requests of which the status is known.
    requests: Tracks<u64>,
    seen: Tracks<Statuses>,
}

impl StatusEvidence {
    /// Takes in a scrape; returns whether there was anything to compare. `tolerance` and `planned` must not depend on it.
    pub fn take(&mut self, rules: &Rules, canary: &Counts, stable: &Counts, tolerance: f64, planned: u32) -> bool {
        let (Some(of_canary), Some(of_stable)) = (canary.statuses, stable.statuses) else { return false };
        if rules.margin_statuses >= OFF || canary.requests == 0 || stable.requests == 0 {
            return false;
        }
        let smallest = SmallestRegression::of_statuses(rules);
        let known = self.requests;
        self.requests.canary = known.canary.saturating_add(canary.requests);
        self.requests.stable = known.stable.saturating_add(stable.requests);
        let before = self.seen;
        self.seen.canary.add(of_canary);
        self.seen.stable.add(of_stable);
        for class in [StatusClass::Redirect, StatusClass::Rejected] {
            let (in_canary, in_stable) = (class.count(&of_canary), class.count(&of_stable));
            let counts = ErrorCounts::new(in_canary, in_stable, canary.requests, stable.requests);
            let margin = ErrorMargin::next(smallest, [known.stable, class.count(&before.stable)]);
            let is_far = is_far_beyond(
                smallest,
                [self.requests.canary, class.count(&self.seen.canary)],
                [self.requests.stable, class.count(&self.seen.stable)],
            );
            let evidence = match class {
                StatusClass::Redirect => &mut self.redirects,
                StatusClass::Rejected => &mut self.rejected,
            };
            if let Some(counts) = counts {
                evidence.take(&counts, margin, tolerance, planned);
                evidence.set_far_beyond(is_far);
            }
            evidence.take_stable(in_stable, stable.requests);
        }
        true
    }

    /// Returns the logarithm of the plain evidence.
    pub fn ln_plain(&self) -> f64 {
        if self.seen().is_none() {
            return 0.0;
        }
        ln_mean(&[self.redirects.ln_plain(), self.rejected.ln_plain()])
    }

    /// Returns the logarithm of the guarded evidence.
    pub fn ln_guarded(&self) -> f64 {
        if self.seen().is_none() {
            return 0.0;
        }
        ln_mean(&[self.redirects.ln_guarded(), self.rejected.ln_guarded()])
    }

    /// Returns the class that the canary has more of, by the plain evidence, with its share in the canary and in stable.
    pub fn class(&self) -> (StatusClass, Tracks<f64>) {
        let is_redirects = self.redirects.ln_plain() > self.rejected.ln_plain();
        let class = if is_redirects { StatusClass::Redirect } else { StatusClass::Rejected };
        let share = |statuses: &Statuses, requests: u64| class.count(statuses) as f64 / (requests as f64).max(1.0);
        let (seen, requests) = (&self.seen, &self.requests);
        let shares =
            Tracks { canary: share(&seen.canary, requests.canary), stable: share(&seen.stable, requests.stable) };
        (class, shares)
    }

    /// Returns what was counted; `None` where nothing was.
    pub fn seen(&self) -> Option<Tracks<Statuses>> {
        (self.requests.canary > 0).then_some(self.seen)
    }
}

impl Statuses {
    fn add(&mut self, more: Self) {
        self.redirects = self.redirects.saturating_add(more.redirects);
        self.rejected = self.rejected.saturating_add(more.rejected);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(requests: u64, redirects: u64, rejected: u64) -> Counts {
        Counts { requests, statuses: Some(Statuses { redirects, rejected }), ..Counts::default() }
    }

    fn after(scrapes: u32, canary: &Counts, stable: &Counts) -> StatusEvidence {
        let mut evidence = StatusEvidence::default();
        for _ in 0..scrapes {
            evidence.take(&Rules::default(), canary, stable, 1.0, 240);
        }
        evidence
    }

    #[test]
    fn answering_not_found_to_everything_is_evidence_within_four_scrapes() {
        let bad = after(4, &counts(375, 0, 375), &counts(7125, 100, 80));
        assert!(bad.ln_plain() > 1000.0_f64.ln() && bad.ln_guarded() > 100.0_f64.ln(), "{bad:?}");
        assert_eq!(bad.class().0, StatusClass::Rejected);
        let moved = after(4, &counts(375, 300, 0), &counts(7125, 100, 80));
        assert!(moved.ln_plain() > 1000.0_f64.ln() && moved.class().0 == StatusClass::Redirect);
    }

    #[test]
    fn the_same_mix_and_one_point_more_are_no_evidence() {
        let same = after(240, &counts(1000, 20, 30), &counts(19_000, 380, 570));
        assert!(same.ln_plain() < 0.0 && same.ln_guarded() < 0.0);
        // 0.1 % against 0.9 %: nine times as many, and less than a point.
        let little = after(240, &counts(1000, 0, 9), &counts(19_000, 0, 19));
        assert!(little.ln_plain() < 0.0 && little.ln_guarded() < 0.0, "{}", little.ln_plain());
        let fewer = after(240, &counts(1000, 0, 0), &counts(19_000, 380, 5700));
        assert!(fewer.ln_plain() < 0.0);
    }

    #[test]
    fn unknown_statuses_are_no_evidence() {
        let mut evidence = StatusEvidence::default();
        let unknown = Counts { requests: 100, ..Counts::default() };
        assert!(!evidence.take(&Rules::default(), &unknown, &counts(100, 0, 0), 1.0, 240));
        let off = Rules { margin_statuses: 1.0, ..Rules::default() };
        assert!(!evidence.take(&off, &counts(100, 0, 100), &counts(100, 0, 0), 1.0, 240));
        assert_eq!((evidence.ln_plain(), evidence.seen()), (0.0, None));
    }
}
