//! What a plan promises to detect, against the analysis fed with requests that are drawn one by one.

use proptest::prelude::*;

use crate::{AnalysisStatus, CanaryAnalyzer, Chances, Rules, Stage, Traffic, detectable, time_to_detect};

use super::scrape;

/// Rollouts for each plan and size: chance moves their share by 2.9 points at most, which is one standard deviation.
const ROLLOUTS: u64 = 300;

/// What the promise and that chance may differ by, as a share.
const TOLERANCE: f64 = 0.08;

/// Requests that are drawn one by one: xorshift (Marsaglia, 2003).
struct Requests(u64);

impl Requests {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) | 1)
    }

    fn chance(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Returns whether a rollout is held or aborted by the end of the last stage.
fn is_detected(traffic: Traffic, stages: &[Stage], bad: f64, seed: u64) -> bool {
    let mut requests = Requests::new(seed);
    let mut judge = CanaryAnalyzer::new(Rules::default());
    let all: f64 = stages.iter().map(|stage| stage.seconds).sum();
    let first = requests.chance() * 15.0;
    let (mut look, mut at) = (first, 0.0);
    let (mut canary, mut stable) = ([0, 0], [0, 0]);
    loop {
        at -= (1.0 - requests.chance()).ln() / traffic.per_second;
        while look < at.min(all) {
            judge.take(&scrape(look, (canary[0], canary[1]), (stable[0], stable[1])));
            if matches!(judge.report().opinion, AnalysisStatus::Suspect | AnalysisStatus::Regressed) {
                return true;
            }
            (canary, stable) = ([0, 0], [0, 0]);
            look += 15.0;
        }
        if at >= all {
            return false;
        }
        let mut end = 0.0;
        let share = stages.iter().find(|stage| {
            end += stage.seconds;
            at < end
        });
        let is_canary = requests.chance() < share.map_or(0.0, |stage| stage.share);
        let (track, errors) = if is_canary { (&mut canary, bad) } else { (&mut stable, traffic.errors) };
        track[0] += 1;
        track[1] += u64::from(requests.chance() < errors);
    }
}

fn stages(plan: &[(f64, f64)]) -> Vec<Stage> {
    plan.iter().map(|(share, seconds)| Stage { share: *share, seconds: *seconds }).collect()
}

#[test]
fn promised_share_of_bad_canaries_is_detected() {
    for (per_second, errors, plan) in [
        (40.0, 0.005, stages(&[(0.1, 120.0), (0.3, 120.0)])),
        (15.0, 0.0, stages(&[(0.2, 240.0)])),
        (60.0, 0.02, stages(&[(0.05, 100.0), (0.5, 70.0)])),
    ] {
        let traffic = Traffic { per_second, errors };
        let promised = detectable(&Rules::default(), &traffic, &plan).last().unwrap().chances;
        let Chances { x2, x5, x10 } = promised;
        for (factor, promised) in [(2.0, x2), (5.0, x5), (10.0, x10)] {
            let bad = traffic.bad(&Rules::default(), factor);
            let met = (0..ROLLOUTS).filter(|seed| is_detected(traffic, &plan, bad, *seed)).count();
            let met = met as f64 / ROLLOUTS as f64;
            assert!((met - promised).abs() <= TOLERANCE, "{plan:?} ×{factor}: promised {promised}, met {met}");
        }
    }
}

#[test]
fn what_was_counted_before_counts_in_later_stages() {
    let (rules, traffic) = (Rules::default(), Traffic { per_second: 100.0, errors: 0.002 });
    let one = detectable(&rules, &traffic, &stages(&[(0.1, 300.0)]));
    let split = detectable(&rules, &traffic, &stages(&[(0.1, 100.0), (0.1, 200.0)]));
    assert!((one[0].chances.x5 - split[1].chances.x5).abs() < 0.05, "{one:?} {split:?}");
    assert!(split[0].chances.x5 < split[1].chances.x5);
    assert!(split[0].cost < split[1].cost && (one[0].cost / split[1].cost - 1.0).abs() < 0.1);
}

#[test]
fn without_traffic_or_without_canary_nothing_is_detected() {
    let plan = stages(&[(0.05, 600.0)]);
    for (per_second, errors) in [(0.0, 0.01), (f64::NAN, 0.01), (100.0, f64::NAN), (100.0, 1.0)] {
        let traffic = Traffic { per_second, errors };
        assert_eq!(detectable(&Rules::default(), &traffic, &plan), [crate::Detectable::default()]);
        assert_eq!(time_to_detect(&Rules::default(), &traffic, &[], 0.05), None);
    }
    let traffic = Traffic { per_second: 100.0, errors: 0.01 };
    let none = detectable(&Rules::default(), &traffic, &stages(&[(0.0, 600.0)]));
    assert_eq!((none[0].requests, none[0].chances), (0.0, Chances::default()));
    // All of the traffic leaves nothing to compare with.
    assert_eq!(time_to_detect(&Rules::default(), &traffic, &[], 1.0), None);
}

#[test]
fn nine_of_ten_are_detected_after_the_time_that_it_takes() {
    let (rules, traffic) = (Rules::default(), Traffic { per_second: 200.0, errors: 0.002 });
    let before = stages(&[(0.02, 60.0)]);
    let seconds = time_to_detect(&rules, &traffic, &before, 0.1).unwrap();
    let plan: Vec<Stage> = before.into_iter().chain([Stage { share: 0.1, seconds }]).collect();
    let chance = detectable(&rules, &traffic, &plan)[1].chances.x5;
    assert!((chance - 0.9).abs() < 0.05, "{seconds} s: {chance}");
    let rare = Traffic { per_second: 0.01, errors: 0.0 };
    assert_eq!(time_to_detect(&rules, &rare, &[], 0.01), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn more_requests_and_worse_canaries_are_detected_more_often(
        per_second in 5.0..400.0_f64,
        times in 1.5..4.0_f64,
        errors in prop_oneof![Just(0.0), 0.0001..0.05_f64],
        share in 0.02..0.5_f64,
    ) {
        let at = |per_second| {
            let traffic = Traffic { per_second, errors };
            detectable(&Rules::default(), &traffic, &stages(&[(share, 60.0), (share, 60.0)]))
        };
        let (few, many) = (at(per_second), at(per_second * times));
        for (few, many) in few.iter().zip(&many) {
            // What chance leaves in two answers of a few hundred simulations.
            let is_less = |few: f64, many: f64| many < few - 0.04;
            prop_assert!(!is_less(few.chances.x2, many.chances.x2), "{few:?} {many:?}");
            prop_assert!(!is_less(few.chances.x5, many.chances.x5), "{few:?} {many:?}");
            prop_assert!(!is_less(few.chances.x10, many.chances.x10), "{few:?} {many:?}");
            let Chances { x2, x5, x10 } = many.chances;
            prop_assert!(x2 <= x5 && x5 <= x10 && x10 <= 1.0);
        }
        prop_assert!(few[0].chances.x2 <= few[1].chances.x2 && few[0].cost <= few[1].cost);
    }
}
