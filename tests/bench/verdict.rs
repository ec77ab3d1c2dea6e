//! The analysis against what people use today: false alarms, time to see a regression, and what breaks it.
//!
//! ```sh
//! cargo bench --bench verdict                      # 200 rollouts for each cell: under a minute
//! cargo bench --bench verdict -- --runs 1000       # what src/analysis/README.md shows
//! cargo bench --bench verdict -- --full            # 5,000 healthy and 2,000 regressed rollouts for each cell
//! cargo bench --bench verdict -- errors speed      # parts by name: errors, late, broken, latency, margin, healthy, plan, speed
//! ```
//!
//! Rollouts are drawn from a seed: the same figures every time. The rules of Kayenta, Argo Rollouts and Flagger are our
//! re-implementations, with the thresholds of their documented examples.

#![expect(clippy::expect_used, reason = "a bench that cannot go on has nothing to report")]

#[path = "verdict/goals.rs"]
mod goals;
#[path = "verdict/kayenta.rs"]
mod kayenta;
#[path = "verdict/lindon_malek.rs"]
mod lindon_malek;
#[path = "verdict/margin.rs"]
mod margin;
#[path = "verdict/oracle.rs"]
mod oracle;
#[path = "verdict/ours.rs"]
mod ours;
#[path = "verdict/plan.rs"]
mod plan;
#[path = "verdict/quantile.rs"]
mod quantile;
#[path = "verdict/race.rs"]
mod race;
#[path = "verdict/speed.rs"]
mod speed;
#[path = "verdict/tables.rs"]
mod tables;
#[path = "verdict/thresholds.rs"]
mod thresholds;
#[path = "verdict/world.rs"]
mod world;
#[path = "verdict/z_test.rs"]
mod z_test;

use goals::Goals;

/// How many rollouts are drawn for each cell.
#[derive(Clone, Copy, Debug)]
pub struct Runs {
    pub healthy: u32,
    pub regressed: u32,
}

/// A part: its name, and what it prints and finds.
type Part = (&'static str, fn(Runs, &mut Goals));

const PARTS: [Part; 8] = [
    ("errors", tables::errors),
    ("late", tables::late),
    ("broken", tables::broken),
    ("latency", tables::latency),
    ("margin", margin::run),
    ("healthy", tables::healthy),
    ("plan", plan::run),
    ("speed", speed::run),
];

fn main() {
    let mut runs = Runs { healthy: 200, regressed: 200 };
    let mut wanted = Vec::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            // `cargo bench` adds it.
            "--bench" => {}
            "--full" => runs = Runs { healthy: 5000, regressed: 2000 },
            "--runs" => {
                let count = words.next().and_then(|count| count.parse().ok()).expect("--runs wants a number");
                runs = Runs { healthy: count, regressed: count };
            }
            part if PARTS.iter().any(|(name, _)| *name == part) => wanted.push(word),
            _ => {
                eprintln!("there is no part `{word}`; there are {}", PARTS.map(|(name, _)| name).join(", "));
                std::process::exit(2);
            }
        }
    }
    println!(
        "{} healthy and {} regressed rollouts for each cell, 240 scrapes of 15 s, 5 % canary unless said otherwise.",
        runs.healthy, runs.regressed
    );
    let mut goals = Goals::default();
    for (name, run) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|one| one == name) {
            eprintln!("{name} …");
            run(runs, &mut goals);
        }
    }
    goals.print();
}
