//! What a canary has served since it last changed: a proof that it is good rests on that too.

use serde::{Deserialize, Serialize};

use super::one_share::ln_below;
use super::quantile::Latencies;
use super::rules::Rules;
use super::scrape::Scrape;

/// The longest text of a change that is kept, in characters.
const MAX_CHANGE_CHARS: usize = 200;

/// Requests of the canary since it is what it is now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Proof {
    requests: u64,
    errors: u64,
    latencies: Latencies,
    /// When the first of them may have been answered, in seconds.
    since: Option<f64>,
    changed: Option<Change>,
    /// Whether requests are left out that came before the change.
    leaves_out: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Change {
    t: f64,
    what: String,
}

impl Proof {
    /// Takes in a scrape of requests that were answered from `since` on, in seconds.
    pub(super) fn take(&mut self, since: f64, scrape: &Scrape) {
        // Part of them may be from before the change.
        if self.changed.as_ref().is_some_and(|change| since < change.t) {
            self.leaves_out |= scrape.canary.requests > 0;
            return;
        }
        self.since.get_or_insert(since);
        self.requests = self.requests.saturating_add(scrape.canary.requests);
        self.errors = self.errors.saturating_add(scrape.canary.errors);
        self.latencies.take(&scrape.canary.buckets);
    }

    /// Forgets what was counted up to a change, at a time in seconds.
    pub(super) fn change(&mut self, t: f64, what: &str) {
        let is_before =
            self.since.is_some_and(|since| t <= since) || self.changed.as_ref().is_some_and(|last| t < last.t);
        if !t.is_finite() || is_before {
            return;
        }
        let what = what.chars().take(MAX_CHANGE_CHARS).collect();
        let leaves_out = self.leaves_out || self.requests > 0;
        *self = Self { changed: Some(Change { t, what }), leaves_out, ..Self::default() };
    }

    /// Returns the requests that count.
    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    /// Returns after which change what came before is left out; `None` where nothing is.
    pub(super) fn starts_at(&self) -> Option<&str> {
        self.changed.as_ref().filter(|_| self.leaves_out).map(|change| change.what.as_str())
    }

    /// Returns the weakest evidence that the canary has been good enough since the change, over all metrics with an objective.
    pub(super) fn ln_safe(&self, rules: &Rules) -> f64 {
        ln_good_enough(rules, [self.requests, self.errors], &self.latencies)
    }
}

/// Returns the weakest evidence that requests were served well enough, over all metrics with an objective. Takes how many there were,
/// and how many failed.
pub(super) fn ln_good_enough(rules: &Rules, [requests, errors]: [u64; 2], latencies: &Latencies) -> f64 {
    let errors = ln_below(errors, requests, rules.healthy_below());
    let slow =
        rules.slow.map(|slow| ln_below(latencies.slower_than(slow.bound_seconds), latencies.all(), slow.at_most));
    slow.map_or(errors, |slow| slow.min(errors))
}
