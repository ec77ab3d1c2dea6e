//! The status and report derived from the evidence so far.

use super::burn::Burn;
use super::log_space::exp_finite;
use super::needs::{Need, Pace};
use super::pool::Parts;
use super::reasons;
use super::report::{AnalysisStatus, Evidence, Heat, Metric, Needs, Report, Seen, Tier, Tracks};
use super::state::{CanaryAnalyzer, Logs};
use super::weight::Mismatch;

/// The evidence for and against the canary at one moment.
pub(super) struct StatusBasis {
    pub logs: Logs,
    pub burn: Option<Burn>,
    pub stable_burns: bool,
    pub mismatch: Option<Mismatch>,
    pub opinion: AnalysisStatus,
    pub tier: Option<Tier>,
    pub culprit: Option<Metric>,
    pub trouble: Option<String>,
}

impl CanaryAnalyzer {
    /// Returns the report as of the last sample.
    ///
    /// Regressed stays until a new rollout, through samples without data. Where stable burns its budget as well, the
    /// burn does not count against the canary: only being worse than stable does, which is compared scrape by scrape and
    /// so is valid during an incident too.
    #[must_use]
    pub fn report(&self) -> Report {
        self.report_on(self.trouble.clone())
    }

    /// Returns the report at a later moment, when the last scrape may be stale.
    #[must_use]
    pub fn report_at(&self, now: f64) -> Report {
        let old = self.counted_at.map(|at| now - at).filter(|age| *age > self.stale_after());
        let stale = old.map(|age| format!("the last data is {} old", reasons::time(age)));
        self.report_on(self.trouble.clone().or(stale))
    }

    fn report_on(&self, trouble: Option<String>) -> Report {
        let assessment = self.assessment(trouble);
        let needs = self.needs();
        let Logs { plain, guarded, safe, latency } = assessment.logs;
        let seen = |[requests, errors]: [u64; 2]| Seen { requests, errors };
        let e = Evidence {
            plain: exp_finite(plain),
            guarded: exp_finite(guarded),
            safe: exp_finite(safe),
            latency: exp_finite(latency),
        };
        Report {
            t: self.at,
            opinion: assessment.opinion,
            tier: assessment.tier,
            e,
            ratio: self.ratio,
            needs,
            culprit: assessment.culprit,
            seen: Tracks { canary: seen(self.seen.canary), stable: seen(self.seen.stable) },
            proof_since: self.proof.starts_at().map(str::to_owned),
            statuses: self.statuses.seen(),
            burn: assessment.burn,
            stable_burns: assessment.stable_burns,
            p99: Tracks {
                canary: self.canary_latencies.p99(self.rules.alpha_warn),
                stable: self.stable_latencies.p99(self.rules.alpha_warn),
            },
            heat: self.heat(),
            reasons: reasons::of(self, &assessment, &e, &needs),
        }
    }

    fn assessment(&self, trouble: Option<String>) -> StatusBasis {
        let logs = self.logs();
        let mismatch = self.weight.and_then(|weight| weight.mismatch(self.rules.alpha));
        let burn = self.budget.canary(&self.rules, self.recent.per_second());
        let stable_burns = self.budget.stable_burns(&self.rules, self.seen.stable);
        let trouble = trouble
            .or_else(|| self.counted_at.is_none().then(|| "analysis not started".to_owned()))
            .or_else(|| mismatch.filter(Mismatch::is_far_off).map(|mismatch| reasons::far_off(&mismatch)));
        let burns = self.burns(burn, || stable_burns);
        let (opinion, tier, culprit) = if let Some(metric) = self.regressed {
            (AnalysisStatus::Regressed, (metric != Metric::Budget).then_some(Tier::Guarded), Some(metric))
        } else if trouble.is_some() {
            (AnalysisStatus::NoData, None, None)
        } else if self.suspected {
            (AnalysisStatus::Suspect, Some(Tier::Plain), Some(self.suspicious()))
        } else if burns {
            (AnalysisStatus::Suspect, None, Some(Metric::Budget))
        } else if logs.safe >= self.rules.healthy_bar.ln() {
            (AnalysisStatus::Healthy, None, None)
        } else {
            (AnalysisStatus::Undecided, None, None)
        };
        StatusBasis { logs, burn, stable_burns, mismatch, opinion, tier, culprit, trouble }
    }

    /// Returns whether the budget alone makes the canary suspect.
    fn burns(&self, burn: Option<Burn>, stable_burns: impl FnOnce() -> bool) -> bool {
        burn.is_some_and(|burn| burn.overspent() || (burn.pages(self.seen.canary, &self.rules) && !stable_burns()))
    }

    /// Returns whether the status is suspect or regressed, given that the last sample is usable.
    pub(super) fn is_suspect_or_regressed(&self) -> bool {
        let burn = || self.budget.canary(&self.rules, self.recent.per_second());
        self.regressed.is_some()
            || self.suspected
            || self.burns(burn(), || self.budget.stable_burns(&self.rules, self.seen.stable))
    }

    /// Returns which metric has the greater part in the plain evidence.
    fn suspicious(&self) -> Metric {
        let Parts { errors, statuses, latency } = self.plain.parts(self.ln_plain_parts());
        match latency.max(statuses) {
            other if other <= errors => Metric::Errors,
            _ if statuses > latency => Metric::Statuses,
            _ => Metric::Latency,
        }
    }

    fn needs(&self) -> Needs {
        let [requests, errors] = self.seen.stable;
        let pace = Pace {
            stable_errors: if requests > 0 { errors as f64 / requests as f64 } else { 0.0 },
            share: self.recent.share(),
            per_second: self.recent.canary_per_second(),
            answered: self.proof.requests() as f64,
        };
        // Regressions of what hardly ever fails matter once they exceed what the objective allows.
        let notable = Pace { stable_errors: pace.stable_errors.max(self.rules.budget()), ..pace };
        let enough = match self.rules.enough.factor() {
            Some(factor) => notable.need(factor, self.rules.alpha),
            None => Some(Need { requests: 0.0, seconds: 0.0 }),
        };
        Needs { x2: pace.need(2.0, self.rules.alpha), x5: pace.need(5.0, self.rules.alpha), enough }
    }

    fn heat(&self) -> Vec<Heat> {
        let Some(seen) = self.latency.as_ref().map(super::latency::LatencyTest::seen) else { return Vec::new() };
        let all = |counts: &[u64]| counts.iter().map(|count| *count as f64).sum::<f64>().max(1.0);
        let (canary, stable) = (all(&seen.canary), all(&seen.stable));
        let bounds = seen.bounds.iter().copied().map(Some).chain([None]);
        let counts = seen.canary.iter().zip(&seen.stable);
        bounds
            .zip(counts)
            .map(|(le, (of_canary, of_stable))| Heat {
                le,
                canary: *of_canary as f64 / canary,
                stable: *of_stable as f64 / stable,
            })
            .collect()
    }
}
