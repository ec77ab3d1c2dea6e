//! Steps of the same length that detect more.

use jiff::SignedDuration;

use super::{Lasts, Stretch};
use crate::domain::facts::workload::rollout::Split;
use analysis::{Detectable, Rules, Stage, Traffic, detectable};

/// By how much the chance must be better, as a share, for other steps to be worth a word.
const MIN_GAIN: f64 = 0.05;

/// By how much any other chance may be worse, and by which factor the cost may be more: what simulations differ by.
const NOISE: f64 = 0.015;

/// Plans that are tried at most.
const MAX_TRIED: usize = 24;

/// Pauses are whole multiples of this many seconds.
const GRAIN_SECONDS: f64 = 15.0;

/// Other steps, with what they detect by their end.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternative {
    pub stretches: Vec<Stretch>,
    pub before: Detectable,
    pub after: Detectable,
}

/// A weight, and for how many seconds.
type Timed = (u32, f64);

/// Returns steps that take as long in total, end at the same weight, cost no more failed requests, and detect more by their end;
/// `None` where none were found, and where the length of a step is unknown.
#[must_use]
pub fn alternative(stretches: &[Stretch], split: Split, rules: &Rules, traffic: &Traffic) -> Option<Alternative> {
    if stretches.iter().any(|stretch| stretch.stage().is_none()) {
        return None;
    }
    let seconds = |stretch: &Stretch| stretch.stage().map_or(0.0, |stage| stage.seconds);
    // What takes no time, or compares nothing, stays out of it.
    let present: Vec<Timed> = stretches
        .iter()
        .filter(|stretch| stretch.compares() && seconds(stretch) > 0.0)
        .map(|stretch| (stretch.weight, seconds(stretch)))
        .collect();
    let end = |plan: &[Timed]| {
        let stages: Vec<Stage> =
            plan.iter().map(|(weight, seconds)| Stage { share: split.share(*weight), seconds: *seconds }).collect();
        detectable(rules, traffic, &stages).pop()
    };
    let before = end(&present)?;
    if before.chances.x2 > 1.0 - MIN_GAIN {
        return None;
    }
    let (mut best, mut tried) = ((present, before), 0);
    loop {
        let mut better: Option<(Vec<Timed>, Detectable)> = None;
        for plan in neighbours(&best.0) {
            if tried == MAX_TRIED {
                break;
            }
            tried += 1;
            let Some(after) = end(&plan) else { continue };
            let least = better.as_ref().map_or(&best.1, |(_, found)| found);
            if gain(&before, &after) > gain(&before, least) && costs_no_more(&before, &after) {
                better = Some((plan, after));
            }
        }
        match better {
            Some(found) => best = found,
            None => break,
        }
    }
    let (plan, after) = best;
    (gain(&before, &after) >= MIN_GAIN).then(|| Alternative { stretches: as_stretches(&plan, split), before, after })
}

/// The greatest rise of a chance.
fn gain(before: &Detectable, after: &Detectable) -> f64 {
    (after.chances.x5 - before.chances.x5).max(after.chances.x2 - before.chances.x2)
}

fn costs_no_more(before: &Detectable, after: &Detectable) -> bool {
    after.cost <= before.cost * (1.0 + NOISE)
        && after.chances.x5 >= before.chances.x5 - NOISE
        && after.chances.x2 >= before.chances.x2 - NOISE
}

/// Plans that differ in one thing: some of the time of a step goes to another, or an early step gets more weight.
fn neighbours(plan: &[Timed]) -> Vec<Vec<Timed>> {
    let Some(last) = plan.len().checked_sub(1) else { return Vec::new() };
    let mut all = Vec::new();
    let mut shift = |from: usize, to: usize| {
        let moved = (plan[from].1 / 2.0 / GRAIN_SECONDS).floor() * GRAIN_SECONDS;
        if from != to && moved > 0.0 {
            let mut other = plan.to_vec();
            other[from].1 -= moved;
            other[to].1 += moved;
            all.push(other);
        }
    };
    for at in 0..last {
        shift(at, last);
        shift(at, at + 1);
        shift(at + 1, at);
    }
    for at in 0..last {
        let (weight, next) = (plan[at].0, plan[at + 1].0);
        let more = (weight * 2).min(next);
        if more > weight {
            let mut other = plan.to_vec();
            other[at].0 = more;
            all.push(other);
        }
    }
    all.dedup();
    all
}

fn as_stretches(plan: &[Timed], split: Split) -> Vec<Stretch> {
    let stretch = |(at, (weight, seconds)): (usize, &Timed)| Stretch {
        steps: (2 * at, 2 * at + 1),
        weight: *weight,
        share: split.share(*weight),
        lasts: Lasts::Time(SignedDuration::try_from_secs_f64(*seconds).unwrap_or(SignedDuration::ZERO)),
    };
    plan.iter().enumerate().map(stretch).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{stretch, timed};
    use super::*;

    const ROUTED: Split = Split { max_weight: 100, pods: None };

    #[test]
    fn other_steps_take_as_long_end_as_high_and_detect_more() {
        let traffic = Traffic { per_second: 300.0, errors: 0.002 };
        let plan = [timed(5, 300), timed(10, 60), timed(50, 30)];
        let other = alternative(&plan, ROUTED, &Rules::default(), &traffic).unwrap();
        let total = |plan: &[Stretch]| plan.iter().filter_map(Stretch::stage).map(|stage| stage.seconds).sum::<f64>();
        assert!((total(&plan) - total(&other.stretches)).abs() < 1e-9);
        assert_eq!(other.stretches.last().map(|stretch| stretch.weight), Some(50));
        assert!(
            gain(&other.before, &other.after) >= MIN_GAIN && costs_no_more(&other.before, &other.after),
            "{other:?}"
        );
    }

    #[test]
    fn nothing_is_suggested_where_all_is_detected_or_a_length_is_unknown() {
        let traffic = Traffic { per_second: 2000.0, errors: 0.01 };
        let suggested = |plan: &[Stretch]| alternative(plan, ROUTED, &Rules::default(), &traffic);
        assert_eq!(suggested(&[timed(10, 300), timed(50, 300)]), None);
        assert_eq!(suggested(&[timed(1, 30), stretch(50, Lasts::Person)]), None);
        assert_eq!(suggested(&[]), None);
    }
}
