//! The analysis as it is shipped, with the rules that the tables vary.

use analysis::{AnalysisStatus, Bucket, CanaryAnalyzer, Counts, Evidence, Look, PodCounts, Rules, Scrape, Statuses};

use crate::race::Method;
use crate::world::{BOUNDS, INTERVAL_SECONDS, Sample};

/// What goes off: a name, and when.
type Alarm = (&'static str, fn(&CanaryAnalyzer, &Evidence) -> bool);

/// an analysis and what is asked of it after each scrape.
pub struct Ours {
    judge: CanaryAnalyzer,
    t: u32,
    alarms: Vec<Alarm>,
}

impl Ours {
    pub fn boxed(rules: Rules, alarms: &[Alarm]) -> Box<dyn Method> {
        Box::new(Self { judge: CanaryAnalyzer::new(rules), t: 0, alarms: alarms.to_vec() })
    }
}

/// Without a margin every difference counts, as it does for the others.
fn without_margin() -> Rules {
    Rules { margin_errors: 1.0, margin_points: 0.0, margin_latency: 1.0, ..Rules::default() }
}

/// The plain evidence without restarts.
pub fn without_restart() -> Box<dyn Method> {
    let rules = Rules { planned_scrapes: 1, auto_tolerance: false, ..without_margin() };
    Ours::boxed(rules, &[(E, |_, e| e.plain >= 100.0), (E_WARN, |_, e| e.plain >= 20.0)])
}

pub const E: &str = "E, no restart, a=.01";
pub const E_WARN: &str = "E, no restart, a=.05";
pub const PLAIN: &str = "judge, plain a=.01";
pub const WARN: &str = "judge, plain a=.05 (SUSPECT)";
pub const GUARDED: &str = "judge, guarded a=.01, no tolerance";
pub const TOLERANT: &str = "judge, guarded a=.01, tolerance 1.25";
pub const REGRESSED: &str = "judge, REGRESSED (guarded, auto)";
pub const SUSPECT_WITHIN: &str = "as shipped, with margin: SUSPECT";
pub const REGRESSED_WITHIN: &str = "as shipped, with margin: REGRESSED";

/// The analysis as it is shipped, and with no margin.
pub fn margins() -> Vec<Box<dyn Method>> {
    let regressed = |judge: &CanaryAnalyzer, _: &Evidence| judge.report().opinion == AnalysisStatus::Regressed;
    vec![
        Ours::boxed(Rules::default(), &[(SUSPECT_WITHIN, |_, e| e.plain >= 20.0), (REGRESSED_WITHIN, regressed)]),
        Ours::boxed(without_margin(), &[(WARN, |_, e| e.plain >= 20.0), (REGRESSED, regressed)]),
    ]
}

/// The analysis without a margin, and with fixed tolerances.
pub fn tiers() -> Vec<Box<dyn Method>> {
    let fixed = |tolerance| Rules { tolerance, auto_tolerance: false, ..without_margin() };
    vec![
        Ours::boxed(
            without_margin(),
            &[
                (PLAIN, |_, e| e.plain >= 100.0),
                (WARN, |_, e| e.plain >= 20.0),
                (REGRESSED, |judge, e| e.guarded >= 100.0 && judge.report().opinion == AnalysisStatus::Regressed),
            ],
        ),
        Ours::boxed(fixed(1.0), &[(GUARDED, |_, e| e.guarded >= 100.0)]),
        Ours::boxed(fixed(1.25), &[(TOLERANT, |_, e| e.guarded >= 100.0)]),
    ]
}

pub fn latency() -> Box<dyn Method> {
    Ours::boxed(
        without_margin(),
        &[
            ("judge, latency evidence a=.01", |_, e| e.latency >= 100.0),
            ("judge, SUSPECT", |_, e| e.plain >= 20.0),
            ("judge, REGRESSED (tolerance version)", |judge, e| {
                e.guarded >= 100.0 && judge.report().opinion == AnalysisStatus::Regressed
            }),
        ],
    )
}

/// The analysis asked whether the canary is provably good.
pub fn healthy(below: f64) -> Box<dyn Method> {
    let rules = Rules { healthy_below: Some(below), ..Rules::default() };
    Ours::boxed(rules, &[("E_safe >= 20", |_, e| e.safe >= 20.0)])
}

impl Method for Ours {
    fn names(&self) -> Vec<String> {
        self.alarms.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    fn look(&mut self, sample: &Sample, alarms: &mut Vec<bool>) {
        self.t += INTERVAL_SECONDS;
        self.judge.take(&Look::Scrape(scrape(self.t, sample)));
        let e = self.judge.evidence();
        alarms.extend(self.alarms.iter().map(|(_, goes_off)| goes_off(&self.judge, &e)));
    }
}

fn scrape(t: u32, sample: &Sample) -> Scrape {
    let buckets = |which: usize| {
        let Some(counts) = sample.latency.as_ref().and_then(|both| both.get(which)) else { return Vec::new() };
        let les = BOUNDS.into_iter().chain([f64::INFINITY]);
        les.zip(counts).map(|(le, count)| Bucket { le, count: *count }).collect()
    };
    let statuses = |which: usize| {
        let rejected = *sample.rejected?.get(which)?;
        Some(Statuses { redirects: 0, rejected })
    };
    let track =
        |(requests, errors), which| Counts { requests, errors, statuses: statuses(which), buckets: buckets(which) };
    Scrape {
        t: t.into(),
        canary: track(sample.canary, 0),
        stable: track(sample.stable, 1),
        stable_pods: sample
            .pods
            .iter()
            .map(|(requests, errors)| PodCounts { requests: *requests, errors: *errors })
            .collect(),
    }
}
