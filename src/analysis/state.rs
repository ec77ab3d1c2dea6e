//! The analyzer of one canary: takes samples, accumulates evidence, and decides after each.

use serde::{Deserialize, Serialize};

use super::burn::{Budget, Sums};
use super::errors::ErrorEvidence;
use super::histogram::Shared;
use super::latency::LatencyTest;
use super::log_space::exp_finite;
use super::margin::{ErrorMargin, SmallestRegression, is_far_beyond};
use super::pace::Recent;
use super::pod_spread::PodSpread;
use super::pool::{Parts, Pool};
use super::proof::{Proof, ln_good_enough};
use super::quantile::Latencies;
use super::ratio_evidence::ErrorCounts;
use super::ratio_interval::{Ratio, RatioLikelihood};
use super::report::{Evidence, Metric};
use super::rules::Rules;
use super::scrape::{Look, Scrape};
use super::status_evidence::StatusEvidence;
use super::trouble::{contradiction, why_not_comparable};
use super::weight::Weight;

/// A suspicion ends when the evidence has shrunk to this part of what raised it, so that it does not flicker.
const CLEAR_SHARE: f64 = 0.1;

/// How far back the first scrape may reach: a young pod's counters are taken whole.
const FIRST_SCRAPE_SECONDS: f64 = 360.0;

/// Missed scrapes after which the last one is stale.
const STALE_AFTER_SCRAPES: f64 = 3.0;

/// Compares one canary with stable.
///
/// The whole state can be serialized and restored: a restart neither forgets nor counts twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanaryAnalyzer {
    pub(super) rules: Rules,
    pub(super) seen: Sums,
    pub(super) began: Option<f64>,
    pub(super) at: Option<f64>,
    /// When a scrape was last counted.
    pub(super) counted_at: Option<f64>,
    /// Why the last sample allows no comparison.
    pub(super) trouble: Option<String>,
    pub(super) recent: Recent,
    pub(super) errors: ErrorEvidence,
    likelihood: RatioLikelihood,
    pub(super) ratio: Option<Ratio>,
    pub(super) latency: Option<LatencyTest>,
    #[serde(default)]
    pub(super) statuses: StatusEvidence,
    pub(super) plain: Pool,
    pub(super) guarded: Pool,
    #[serde(default)]
    pub(super) proof: Proof,
    pub(super) canary_latencies: Latencies,
    pub(super) stable_latencies: Latencies,
    pub(super) pods: PodSpread,
    pub(super) budget: Budget,
    pub(super) weight: Option<Weight>,
    /// The metric that regressed. Stays: an e-process that crossed its bar has crossed it.
    pub(super) regressed: Option<Metric>,
    /// Whether the plain evidence crossed its bar and has not shrunk since.
    pub(super) suspected: bool,
}

/// The logarithms of the evidence, by tier and metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Logs {
    pub plain: f64,
    pub guarded: f64,
    pub safe: f64,
    pub latency: f64,
}

impl CanaryAnalyzer {
    /// Starts a new rollout, without any evidence.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            seen: Sums::default(),
            began: None,
            at: None,
            counted_at: None,
            trouble: None,
            recent: Recent::default(),
            errors: ErrorEvidence::default(),
            likelihood: RatioLikelihood::default(),
            ratio: None,
            latency: None,
            statuses: StatusEvidence::default(),
            plain: Pool::default(),
            guarded: Pool::default(),
            proof: Proof::default(),
            canary_latencies: Latencies::default(),
            stable_latencies: Latencies::default(),
            pods: PodSpread::default(),
            budget: Budget::default(),
            weight: None,
            regressed: None,
            suspected: false,
        }
    }

    /// Returns its rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Takes in a sample. [`Self::report`] reflects it.
    pub fn take(&mut self, look: &Look) {
        match look {
            Look::Reset => *self = Self::new(self.rules.clone()),
            Look::Changed { t, what } => self.proof.change(*t, what.trim()),
            Look::Missing { t, why } => {
                self.look_at(*t);
                let why = why.trim();
                self.trouble = Some(if why.is_empty() { "this sample has no data".to_owned() } else { why.to_owned() });
            }
            Look::Scrape(scrape) => match contradiction(scrape, self.at) {
                Some(why) => {
                    self.look_at(scrape.t);
                    self.trouble = Some(why);
                }
                None => self.take_scrape(scrape),
            },
        }
    }

    /// Sets the share of requests that the router gives the canary, where known: another observed share is reported, and one
    /// that is more than three times off makes the metrics unusable.
    pub fn set_weight(&mut self, share: Option<f64>) {
        let same = |weight: &Weight| share.is_some_and(|share| weight.is(share));
        if !self.weight.as_ref().is_some_and(same) {
            self.weight = share.and_then(Weight::new);
        }
    }

    fn look_at(&mut self, t: f64) {
        if t.is_finite() && self.at.is_none_or(|at| t > at) {
            self.at = Some(t);
        }
    }

    fn take_scrape(&mut self, scrape: &Scrape) {
        self.take_counts(scrape);
        let (canary, stable) = (&scrape.canary, &scrape.stable);
        let counts = ErrorCounts::new(canary.errors, stable.errors, canary.requests, stable.requests);
        if let Some(counts) = counts {
            self.likelihood.take(&counts);
            if counts.both > 0.0 {
                self.ratio = self.likelihood.ratio(self.rules.alpha_warn);
            }
        }
    }

    /// Takes in a scrape as far as it decides anything: all but the estimate of the ratio, which is for people to read.
    pub(super) fn take_counts(&mut self, scrape: &Scrape) {
        self.look_at(scrape.t);
        let began = *self.began.get_or_insert(scrape.t);
        let (canary, stable) = (&scrape.canary, &scrape.stable);
        // What a sample gained was answered up to three intervals before the slice that it lies in: so many scrapes may be missed.
        let reach = STALE_AFTER_SCRAPES * self.interval();
        let since = self.counted_at.map_or(scrape.t - FIRST_SCRAPE_SECONDS, |before| before - reach);
        self.proof.take(since, scrape);
        let seconds = self.counted_at.map_or(self.rules.interval_seconds, |before| scrape.t - before);
        self.counted_at = Some(scrape.t);
        self.recent.take(seconds, canary.requests, stable.requests);
        let shared = Shared::of(&canary.buckets, &stable.buckets);
        self.compare(scrape, shared.as_ref());
        self.errors.take_stable(stable.errors, stable.requests);
        self.pods.take(&scrape.stable_pods);
        self.canary_latencies.take(&canary.buckets);
        self.stable_latencies.take(&stable.buckets);
        if let Some(weight) = &mut self.weight {
            weight.take(canary.requests, stable.requests);
        }
        let now = Sums { canary: [canary.requests, canary.errors], stable: [stable.requests, stable.errors] };
        self.budget.take(scrape.t, began, &now, &self.seen, self.interval());
        self.seen.add(&now);
        self.trouble = why_not_comparable(scrape, shared.as_ref());
        self.update_decision();
    }

    /// Returns the usual seconds between scrapes.
    pub(super) fn interval(&self) -> f64 {
        self.recent.interval().unwrap_or(self.rules.interval_seconds)
    }

    /// Compares both tracks. The guards must not depend on this scrape yet.
    fn compare(&mut self, scrape: &Scrape, shared: Option<&Shared>) {
        let (canary, stable) = (&scrape.canary, &scrape.stable);
        let Some(counts) = ErrorCounts::new(canary.errors, stable.errors, canary.requests, stable.requests) else {
            return;
        };
        let planned = self.rules.planned_scrapes;
        let (plain, guarded) = (self.ln_plain_parts(), self.ln_guarded_parts());
        if self.statuses.take(&self.rules, canary, stable, self.rules.tolerance, planned) {
            self.plain.join_statuses(plain);
            self.guarded.join_statuses(guarded);
        }
        if let Some(shared) = shared {
            self.plain.join_latency(plain);
            self.guarded.join_latency(guarded);
            self.latency.get_or_insert_default().take(scrape.t, shared, self.rules.margin_latency, planned);
        }
        let smallest = SmallestRegression::of_errors(&self.rules);
        let margin = ErrorMargin::next(smallest, self.seen.stable);
        self.errors.take(&counts, margin, self.tolerance(), planned);
        let mut seen = self.seen;
        seen.add(&Sums { canary: [canary.requests, canary.errors], stable: [stable.requests, stable.errors] });
        self.errors.set_far_beyond(is_far_beyond(smallest, seen.canary, seen.stable));
    }

    /// Returns how many times stable's error share the canary may have before it counts against it.
    #[must_use]
    pub fn tolerance(&self) -> f64 {
        if !self.rules.auto_tolerance {
            return self.rules.tolerance;
        }
        let [canary, stable] = [self.seen.canary[0], self.seen.stable[0]].map(|requests| requests as f64);
        let per_stable = if stable > 0.0 { canary / stable } else { 0.0 };
        self.pods.tolerance(per_stable).max(self.rules.tolerance)
    }

    pub(super) fn logs(&self) -> Logs {
        let (plain, guarded) = self.ln_evidence_against();
        let latency = self.latency.as_ref().map_or(0.0, LatencyTest::ln_plain);
        Logs { plain, guarded, safe: self.ln_safe(), latency }
    }

    /// Returns the plain and the guarded evidence against the canary.
    fn ln_evidence_against(&self) -> (f64, f64) {
        (self.plain.ln_all(self.ln_plain_parts()), self.guarded.ln_all(self.ln_guarded_parts()))
    }

    /// Returns the plain evidence on each metric.
    pub(super) fn ln_plain_parts(&self) -> Parts {
        let latency = self.latency.as_ref().map_or(0.0, LatencyTest::ln_plain);
        Parts { errors: self.errors.ln_plain(), statuses: self.statuses.ln_plain(), latency }
    }

    /// Returns the guarded evidence on each metric.
    fn ln_guarded_parts(&self) -> Parts {
        let latency = self.latency.as_ref().map_or(0.0, LatencyTest::ln_tolerant);
        Parts { errors: self.errors.ln_guarded(), statuses: self.statuses.ln_guarded(), latency }
    }

    /// Returns the weakest evidence that the canary is good enough. A change proves nothing good of what was counted before.
    fn ln_safe(&self) -> f64 {
        ln_good_enough(&self.rules, self.seen.canary, &self.canary_latencies).min(self.proof.ln_safe(&self.rules))
    }

    /// Returns the evidence so far.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let Logs { plain, guarded, safe, latency } = self.logs();
        Evidence {
            plain: exp_finite(plain),
            guarded: exp_finite(guarded),
            safe: exp_finite(safe),
            latency: exp_finite(latency),
        }
    }

    fn update_decision(&mut self) {
        let (plain, guarded) = self.ln_evidence_against();
        let warns = -self.rules.alpha_warn.ln();
        let bar = if self.suspected { warns + CLEAR_SHARE.ln() } else { warns };
        self.suspected = plain >= bar;
        if self.regressed.is_none() && guarded >= -self.rules.alpha.ln() {
            self.regressed = self.proved_worse();
        }
        if self.regressed.is_none() && self.budget.must_abort(&self.rules, &self.seen, self.recent.per_second()) {
            self.regressed = Some(Metric::Budget);
        }
    }

    /// Returns the metric that the guarded evidence is against, where it suffices to roll back: errors only from `min_errors`
    /// on, another metric only when its own part suffices.
    fn proved_worse(&self) -> Option<Metric> {
        let Parts { errors, statuses, latency } = self.guarded.parts(self.ln_guarded_parts());
        let enough = -self.rules.alpha.ln();
        let (other, metric) =
            if statuses > latency { (statuses, Metric::Statuses) } else { (latency, Metric::Latency) };
        let has_errors = self.seen.canary[1] >= self.rules.min_errors;
        if other > errors || (!has_errors && other >= enough) {
            return (other >= enough).then_some(metric);
        }
        has_errors.then_some(Metric::Errors)
    }

    /// Returns after how many seconds the last scrape is stale.
    #[must_use]
    pub fn stale_after(&self) -> f64 {
        self.rules.stale_after_seconds.unwrap_or_else(|| STALE_AFTER_SCRAPES * self.interval())
    }
}
