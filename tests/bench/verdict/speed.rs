//! How many scrapes a second `cockpit judge` reads, analyses and answers.

use std::fmt::Write as _;
use std::process::Stdio;
use std::time::Instant;

use support::Program;

use crate::Runs;
use crate::goals::Goals;
use crate::world::{Draw, INTERVAL_SECONDS, Plain};

/// Lines that are analysed, and how often; the best time is told.
const LINES: u32 = 400_000;
const ROUNDS: u32 = 3;

/// What it must reach, on one core.
const MIN_LINES_PER_SECOND: f64 = 250_000.0;

pub fn run(_: Runs, goals: &mut Goals) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("scrapes.jsonl");
    let (world, mut draw, mut lines) = (Plain::healthy(50.0, 0.001), Draw::new(7), String::new());
    for at in 0..LINES {
        let sample = world.scrape(at, &mut draw);
        let _ = writeln!(
            lines,
            r#"{{"t":{},"canary":{{"requests":{},"errors":{}}},"stable":{{"requests":{},"errors":{}}}}}"#,
            (at + 1) * INTERVAL_SECONDS,
            sample.canary.0,
            sample.canary.1,
            sample.stable.0,
            sample.stable.1
        );
    }
    std::fs::write(&path, lines).expect("the scrapes are written");
    let program = Program::new(env!("CARGO_BIN_EXE_cockpit"));
    let path = path.display().to_string();
    let one = || {
        let began = Instant::now();
        let done = program.command(&["judge", &path]).stdout(Stdio::null()).status();
        done.expect("cockpit judge runs");
        began.elapsed()
    };
    let best = (0..ROUNDS).map(|_| one()).min().unwrap_or_default();
    let rate = f64::from(LINES) / best.as_secs_f64();
    goals.add(
        "cockpit judge does 250,000 scrapes a second on one core",
        format!("{rate:.0} a second"),
        rate >= MIN_LINES_PER_SECOND,
    );
}
