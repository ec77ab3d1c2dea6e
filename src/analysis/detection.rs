//! What the stages of a rollout can detect before they end: simulated rollouts that the analysis itself judges.

use serde::{Deserialize, Serialize};

use super::draws::Random;
use super::needs::Pace;
use super::rules::Rules;
use super::scrape::{Counts, Scrape};
use super::state::CanaryAnalyzer;

/// Looks of all simulated rollouts of one size: what bounds the time that an answer takes.
const LOOKS: usize = 32_000;

/// How many rollouts of one size that may be: as many as give a chance to within about a point, and where they are long as many
/// as give it to within about three.
const ROLLOUTS: (usize, usize) = (200, 1500);

/// Looks of one rollout, at most; at 15 s more than eight hours.
const MAX_LOOKS_OF_ONE: usize = 2000;

/// The share of bad canaries that [`time_to_detect`] is about.
const NINE_OF_TEN: f64 = 0.9;

const SEED: u64 = 0x5eed_0001;

/// A stretch of a rollout in which the canary gets the same share of requests.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// The canary's share of requests, 0 to 1.
    pub share: f64,
    /// How long it takes.
    pub seconds: f64,
}

/// The traffic of both tracks together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// Requests each second.
    pub per_second: f64,
    /// Share of stable's requests that fail.
    pub errors: f64,
}

/// How many of all bad canaries are detected, 0 to 1, by how bad they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chances {
    /// Those with twice as many errors.
    pub x2: f64,
    /// Five times as many.
    pub x5: f64,
    /// Ten times as many.
    pub x10: f64,
}

/// What is detected by the end of a stage, with what the stages before it have counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Detectable {
    /// Requests that the canary answers in this stage.
    pub requests: f64,
    /// The chance that a canary which is bad from the start is suspect or regressed by the end of this stage.
    pub chances: Chances,
    /// Failed requests that one with five times as many errors costs beyond what stable would have failed, from the start
    /// of the rollout until it is detected, or this stage ends.
    pub cost: f64,
}

impl Traffic {
    /// Returns whether it is a rate and a share, so that anything can be said.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.per_second > 0.0 && self.per_second.is_finite() && (0.0..1.0).contains(&self.errors)
    }

    /// Returns the error share of a canary that is `factor` times as bad: over what stable fails or the objective allows,
    /// whichever is more, as for [`Needs::enough`](crate::Needs).
    #[must_use]
    pub fn bad(&self, rules: &Rules, factor: f64) -> f64 {
        (factor * self.errors.max(rules.budget())).min(1.0)
    }
}

/// Returns what each stage can detect before it ends.
///
/// Rollouts are simulated and judged by [`CanaryAnalyzer`] with these rules, look by look, as live ones are; what was counted in
/// one stage counts in the next. Requests fail independently, and pods are alike. The same input gives the same answer.
/// Without traffic nothing is detected.
#[must_use]
pub fn detectable(rules: &Rules, traffic: &Traffic, stages: &[Stage]) -> Vec<Detectable> {
    let requests = |stage: &Stage| traffic.per_second * stage.share * stage.seconds.max(0.0);
    if !traffic.is_known() {
        return vec![Detectable::default(); stages.len()];
    }
    let [x2, x5, x10] = [2.0, 5.0, 10.0].map(|factor| Simulation::new(rules, traffic, stages, factor).run());
    let ends = x2.ends.iter().zip(&x5.ends).zip(&x10.ends);
    stages
        .iter()
        .zip(ends)
        .map(|(stage, (((x2, _), (x5, cost)), (x10, _)))| {
            // What is worse is detected sooner: the chance of a few simulations must not say otherwise.
            let x5 = x5.max(*x2);
            let chances = Chances { x2: *x2, x5, x10: x10.max(x5) };
            Detectable { requests: requests(stage), chances, cost: *cost }
        })
        .collect()
}

/// Returns after how many seconds at this share nine of ten canaries with five times as many errors are detected, with what the
/// stages before have counted; `None` where that takes more than 2000 looks.
#[must_use]
pub fn time_to_detect(rules: &Rules, traffic: &Traffic, before: &[Stage], share: f64) -> Option<f64> {
    let compares = share > 0.0 && share < 1.0;
    if !traffic.is_known() || !compares {
        return None;
    }
    let pace = Pace {
        stable_errors: traffic.errors.max(rules.budget()),
        share,
        per_second: traffic.per_second * share,
        answered: 0.0,
    };
    let longest = MAX_LOOKS_OF_ONE as f64 * rules.interval_seconds;
    // Half are detected within the need; a few take several times as long.
    let mut seconds = pace.need(5.0, rules.alpha).map_or(longest, |need| 2.0 * need.seconds);
    let began: f64 = before.iter().map(|stage| stage.seconds.max(0.0)).sum();
    loop {
        seconds = seconds.clamp(8.0 * rules.interval_seconds, longest);
        let stages: Vec<Stage> = before.iter().copied().chain([Stage { share, seconds }]).collect();
        let found = Simulation::new(rules, traffic, &stages, 5.0).run();
        if let Some(at) = found.time_of(NINE_OF_TEN) {
            return Some((at - began).max(0.0));
        }
        if seconds >= longest {
            return None;
        }
        seconds *= 4.0;
    }
}

/// What came of the simulated rollouts.
struct Found {
    /// For each stage the share detected by its end, and the failed requests beyond what stable would have failed, until then
    /// or detection, on average.
    ends: Vec<(f64, f64)>,
    /// When each was detected, in order; infinite where it was not.
    times: Vec<f64>,
}

impl Found {
    fn time_of(&self, share: f64) -> Option<f64> {
        let at = (share * self.times.len() as f64).ceil() as usize;
        self.times.get(at.saturating_sub(1)).copied().filter(|time| time.is_finite())
    }
}

/// Rollouts of one plan with a canary that is as bad from the start.
struct Simulation<'a> {
    rules: &'a Rules,
    traffic: &'a Traffic,
    stages: &'a [Stage],
    /// The error share of the canary.
    bad: f64,
}

/// Counts of one rollout that are still to come in the present stage, by kind of request.
#[derive(Clone, Copy, Default)]
struct Kinds([u64; 4]);

impl<'a> Simulation<'a> {
    fn new(rules: &'a Rules, traffic: &'a Traffic, stages: &'a [Stage], factor: f64) -> Self {
        Self { rules, traffic, stages, bad: traffic.bad(rules, factor) }
    }

    fn run(&self) -> Found {
        let seconds: f64 = self.stages.iter().map(|stage| stage.seconds.max(0.0)).sum();
        let looks = (seconds / self.rules.interval_seconds).ceil().max(1.0) as usize;
        let count = (LOOKS / looks).clamp(ROLLOUTS.0, ROLLOUTS.1);
        let mut random = Random::new(SEED);
        let totals: Vec<[Vec<u64>; 4]> =
            self.stages.iter().map(|stage| self.means(stage).map(|mean| random.totals(mean, count))).collect();
        let mut times = Vec::with_capacity(count);
        for at in 0..count {
            let of_one =
                totals.iter().map(|kinds| Kinds(kinds.each_ref().map(|all| all.get(at).copied().unwrap_or_default())));
            // Looks do not begin with a rollout: its first comes at any moment within the first interval.
            let phase = (at as f64 + random.share()) / count as f64;
            times.push(self.detected_at(of_one, phase, &mut random));
        }
        times.sort_by(f64::total_cmp);
        self.found(times)
    }

    /// Requests of a stage on average: those of the canary that succeed and that fail, and of stable.
    fn means(&self, stage: &Stage) -> [f64; 4] {
        let all = self.traffic.per_second * stage.seconds.max(0.0);
        let share = stage.share.clamp(0.0, 1.0);
        let (canary, stable, errors) = (all * share, all * (1.0 - share), self.traffic.errors);
        [canary * (1.0 - self.bad), canary * self.bad, stable * (1.0 - errors), stable * errors]
    }

    /// Returns when one rollout is detected, in seconds since its beginning; infinite where it is not.
    fn detected_at(&self, totals: impl Iterator<Item = Kinds>, phase: f64, random: &mut Random) -> f64 {
        let interval = self.rules.interval_seconds;
        let mut judge = CanaryAnalyzer::new(self.rules.clone());
        let (mut now, mut look, mut seen) = (0.0, phase * interval, Kinds::default());
        for (stage, mut left) in self.stages.iter().zip(totals) {
            let end = now + stage.seconds.max(0.0);
            while look <= end {
                seen.take(&mut left, if end > now { (look - now) / (end - now) } else { 1.0 }, random);
                judge.take_counts(&seen.scrape(look));
                if judge.is_suspect_or_regressed() {
                    return look;
                }
                (now, seen) = (look, Kinds::default());
                look += interval;
            }
            seen.take(&mut left, 1.0, random);
            now = end;
        }
        f64::INFINITY
    }

    fn found(&self, times: Vec<f64>) -> Found {
        let count = times.len().max(1) as f64;
        let (mut began, mut cost) = (0.0, 0.0);
        let mut ends = Vec::with_capacity(self.stages.len());
        for stage in self.stages {
            let end = began + stage.seconds.max(0.0);
            let detected = times.partition_point(|time| *time <= end) as f64;
            let served: f64 = times.iter().map(|time| (time.min(end) - began).max(0.0)).sum();
            // A detection is a stopping time: what it costs is the time until then at the mean rate (Wald).
            cost += served / count * self.traffic.per_second * stage.share * (self.bad - self.traffic.errors);
            ends.push((detected / count, cost));
            began = end;
        }
        Found { ends, times }
    }
}

impl Kinds {
    /// Takes the first `share` of what is still to come.
    fn take(&mut self, left: &mut Self, share: f64, random: &mut Random) {
        for (mine, left) in self.0.iter_mut().zip(&mut left.0) {
            let part = random.part(*left, share);
            *left -= part;
            *mine += part;
        }
    }

    fn scrape(&self, t: f64) -> Scrape {
        let [canary, canary_errors, stable, stable_errors] = self.0;
        let counts = |good, errors| Counts { requests: good + errors, errors, ..Counts::default() };
        Scrape {
            t,
            canary: counts(canary, canary_errors),
            stable: counts(stable, stable_errors),
            stable_pods: Vec::new(),
        }
    }
}
