//! What `cockpit plan` promises, against live analyses: the share of bad canaries that is held or aborted by the end of each step.

use analysis::{AnalysisStatus, CanaryAnalyzer, Counts, Look, Rules, Scrape, Stage, Traffic, detectable};

use crate::Runs;
use crate::goals::Goals;
use crate::world::{Draw, INTERVAL_SECONDS, Plain};

/// Rollouts for each plan and size of regression.
const ROLLOUTS: u64 = 1000;

/// By how much the promise may be missed, as a share.
const TOLERANCE: f64 = 0.05;

const SIZES: [f64; 3] = [2.0, 5.0, 10.0];

/// Requests a second, stable's error share, and the steps: share of requests, seconds.
type Plan = (f64, f64, &'static [(f64, f64)]);

const PLANS: [Plan; 20] = [
    (1500.0, 0.001, &[(0.05, 120.0)]),
    (500.0, 0.001, &[(0.05, 120.0), (0.2, 120.0), (0.5, 120.0)]),
    (500.0, 0.0005, &[(0.01, 300.0), (0.05, 300.0)]),
    (500.0, 0.01, &[(0.01, 60.0), (0.02, 60.0), (0.05, 60.0)]),
    (200.0, 0.002, &[(0.1, 90.0), (0.3, 90.0)]),
    (200.0, 0.02, &[(0.02, 120.0), (0.1, 60.0)]),
    (100.0, 0.001, &[(0.2, 300.0), (0.4, 300.0)]),
    (100.0, 0.0, &[(0.1, 300.0), (0.25, 300.0)]),
    (100.0, 0.05, &[(0.05, 45.0), (0.2, 45.0)]),
    (50.0, 0.005, &[(0.1, 180.0), (0.5, 180.0)]),
    (50.0, 0.001, &[(0.2, 600.0), (0.5, 600.0)]),
    (20.0, 0.01, &[(0.1, 300.0), (0.3, 300.0)]),
    (20.0, 0.0, &[(0.25, 600.0)]),
    (10.0, 0.01, &[(0.2, 300.0), (0.4, 300.0), (0.6, 300.0)]),
    (10.0, 0.05, &[(0.3, 200.0)]),
    (5.0, 0.02, &[(0.5, 900.0)]),
    (2000.0, 0.0001, &[(0.01, 120.0), (0.1, 120.0)]),
    (2000.0, 0.003, &[(0.005, 40.0), (0.01, 40.0), (0.02, 40.0)]),
    (300.0, 0.001, &[(0.05, 37.0), (0.1, 52.0), (0.2, 71.0), (0.4, 90.0)]),
    (800.0, 0.002, &[(0.5, 30.0), (0.9, 60.0)]),
];

pub fn run(_: Runs, goals: &mut Goals) {
    println!("\n## What a plan promises, and what is met: {ROLLOUTS} rollouts for each plan and size\n");
    println!(
        "| requests/s, errors | steps | ×2 promised / met | ×5 promised / met | ×10 promised / met | furthest off |"
    );
    println!("|---|---|---|---|---|---|");
    let mut worst = 0.0_f64;
    for (number, plan) in PLANS.iter().enumerate() {
        worst = worst.max(row(number as u64, *plan));
    }
    goals.add(
        "what a plan promises is met within 5 points, at the end of each step",
        format!("{:.1} points at worst", worst * 100.0),
        worst <= TOLERANCE,
    );
}

/// Prints one plan; returns by how much the promise is furthest off, over all of its steps and sizes.
fn row(number: u64, (per_second, errors, steps): Plan) -> f64 {
    let (rules, traffic) = (Rules::default(), Traffic { per_second, errors });
    let stages: Vec<Stage> = steps.iter().map(|(share, seconds)| Stage { share: *share, seconds: *seconds }).collect();
    let promised = detectable(&rules, &traffic, &stages);
    let (mut cells, mut furthest) = (Vec::new(), 0.0_f64);
    for (at, factor) in SIZES.into_iter().enumerate() {
        let bad = traffic.bad(&rules, factor);
        let met = met(&rules, &traffic, steps, bad, (number * 3 + at as u64) * ROLLOUTS);
        let pairs = promised.iter().map(|step| [step.chances.x2, step.chances.x5, step.chances.x10][at]).zip(met);
        let mut shown = Vec::new();
        for (promised, met) in pairs {
            furthest = furthest.max((promised - met).abs());
            shown.push(format!("{:.0} / {:.0}", promised * 100.0, met * 100.0));
        }
        cells.push(shown.join(", "));
    }
    let steps: Vec<String> = steps.iter().map(|(share, seconds)| format!("{} % {seconds} s", share * 100.0)).collect();
    println!(
        "| {per_second}, {} % | {} | {} | {:.1} |",
        errors * 100.0,
        steps.join(", "),
        cells.join(" | "),
        furthest * 100.0
    );
    furthest
}

/// The share of rollouts that the analysis holds or aborts by the end of each step.
fn met(rules: &Rules, traffic: &Traffic, steps: &[(f64, f64)], bad: f64, seed: u64) -> Vec<f64> {
    let mut detected = vec![0_u32; steps.len()];
    for rollout in 0..ROLLOUTS {
        if let Some(step) = detected_in(rules, traffic, steps, bad, &mut Draw::new(seed + rollout)) {
            detected[step..].iter_mut().for_each(|count| *count += 1);
        }
    }
    detected.iter().map(|count| f64::from(*count) / ROLLOUTS as f64).collect()
}

/// Returns in which step a rollout is held or aborted. Looks come every 15 s from any moment on; what is counted in one was
/// answered since the one before.
fn detected_in(rules: &Rules, traffic: &Traffic, steps: &[(f64, f64)], bad: f64, draw: &mut Draw) -> Option<usize> {
    let interval = f64::from(INTERVAL_SECONDS);
    let mut judge = CanaryAnalyzer::new(rules.clone());
    let (mut look, mut now, mut end) = (draw.share() * interval, 0.0, 0.0);
    let (mut canary, mut stable) = ((0, 0), (0, 0));
    for (step, (share, seconds)) in steps.iter().enumerate() {
        end += seconds;
        let world = Plain { share: *share, canary: bad, ..Plain::healthy(traffic.per_second, traffic.errors) };
        while now < end {
            let until = look.min(end);
            let sample = world.during(until - now, draw);
            canary = (canary.0 + sample.canary.0, canary.1 + sample.canary.1);
            stable = (stable.0 + sample.stable.0, stable.1 + sample.stable.1);
            now = until;
            if look <= end {
                let counts = |(requests, errors)| Counts { requests, errors, ..Counts::default() };
                let scrape =
                    Scrape { t: look, canary: counts(canary), stable: counts(stable), stable_pods: Vec::new() };
                judge.take(&Look::Scrape(scrape));
                if matches!(judge.report().opinion, AnalysisStatus::Suspect | AnalysisStatus::Regressed) {
                    return Some(step);
                }
                (canary, stable) = ((0, 0), (0, 0));
                look += interval;
            }
        }
    }
    None
}
