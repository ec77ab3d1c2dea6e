//! The smallest regression that matters: what is within it blocks nobody, and what is twice as large is seen.

use crate::Runs;
use crate::goals::Goals;
use crate::ours::{self, REGRESSED_WITHIN, SUSPECT_WITHIN};
use crate::race::{Outcome, race};
use crate::tables::{Table, at_most};
use crate::world::{Latencies, Plain, Rejecting, Slow};

/// Requests a second, of which the canary gets 5 %.
const RATE: f64 = 500.0;

const SAME: Slow = Slow { rate: RATE, factor: 1.0, hangs: 0.0, pod: 0.0 };

fn errors(table: &mut Table, runs: u32, seed: u64, (name, stable, canary): (&str, f64, f64)) {
    let world = Plain { stable, canary, ..Plain::healthy(RATE, stable) };
    table.add(name, race(runs, seed, 0, ours::margins, |_| move |at, draw: &mut _| world.scrape(at, draw)));
}

fn statuses(table: &mut Table, runs: u32, seed: u64, (name, stable, canary): (&str, f64, f64)) {
    let world = Rejecting { rate: RATE, stable, canary };
    table.add(name, race(runs, seed, 0, ours::margins, |_| move |_, draw: &mut _| world.scrape(draw)));
}

fn latency(table: &mut Table, runs: u32, seed: u64, name: &str, slow: Slow) {
    let outcomes = race(runs, seed, 0, ours::margins, move |draw| {
        let world = Latencies::new(slow, draw);
        move |_, draw: &mut _| world.scrape(draw)
    });
    table.add(name, outcomes);
}

/// What the margin does (G): errors 1.25 times and 0.05 points, latency 15 %.
pub fn run(runs: Runs, goals: &mut Goals) {
    let mut within = Table::new("G. Within the margin: % of rollouts in which it goes off within an hour");
    for (seed, case) in (80..).zip([
        ("1 % errors x1.2", 0.01, 0.012),
        ("0.1 % x1.4", 0.001, 0.0014),
        ("0.01 % x5", 0.0001, 0.0005),
        ("none, 0.04 %", 0.0, 0.0004),
    ]) {
        errors(&mut within, runs.healthy, seed, case);
    }
    latency(&mut within, runs.healthy, 85, "latency +10 %", Slow { factor: 1.1, ..SAME });
    latency(&mut within, runs.healthy, 86, "pod +-5 %", Slow { pod: 0.05, ..SAME });
    for (seed, case) in
        (87..).zip([("2 % 4xx, same", 0.02, 0.02), ("2 % 4xx + 0.5 points", 0.02, 0.025), ("10 % 4xx x1.2", 0.1, 0.12)])
    {
        statuses(&mut within, runs.healthy, seed, case);
    }
    within.print(|outcome: &Outcome| format!("{:.1}", outcome.percent()));
    let mut beyond =
        Table::new("G'. Twice the margin and more: % seen within an hour / median s / median canary requests");
    for (seed, case) in (90..).zip([
        ("1 % errors x1.5", 0.01, 0.015),
        ("0.1 % x2", 0.001, 0.002),
        ("0.1 % x5", 0.001, 0.005),
        ("0.01 % + 0.1 points", 0.0001, 0.0011),
        ("1 % + 5 points", 0.01, 0.06),
    ]) {
        errors(&mut beyond, runs.regressed, seed, case);
    }
    for (seed, factor) in [(95, 1.3), (96, 1.5), (97, 2.0)] {
        let name = format!("latency +{:.0} %", (factor - 1.0) * 100.0);
        latency(&mut beyond, runs.regressed, seed, &name, Slow { factor, ..SAME });
    }
    latency(&mut beyond, runs.regressed, 98, "2 % of requests +1 s", Slow { hangs: 0.02, ..SAME });
    for (seed, case) in (100..).zip([
        ("1 % 4xx + 2 points", 0.01, 0.03),
        ("5 % 4xx x2", 0.05, 0.1),
        ("1 % 4xx + 10 points", 0.01, 0.11),
    ]) {
        statuses(&mut beyond, runs.regressed, seed, case);
    }
    beyond.print(Outcome::show);
    let worst = within.worst(SUSPECT_WITHIN).max(within.worst(REGRESSED_WITHIN));
    let allowed = at_most(0.05, runs.healthy);
    goals.add(
        "G8 within the margin it blocks nobody in 95 % of hours",
        format!("worst {worst:.1} % (chance allows {allowed:.1})"),
        worst <= allowed,
    );
}
