//! What came of the trials: a line each, and a table of the places.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use support::Checked;

use crate::trial::Deaths;

pub struct Row {
    /// Which words of the command line run it again.
    pub repeat: String,
    pub case: &'static str,
    pub deaths: Deaths,
    /// How it was settled, or what is not as it must be.
    pub settled: Checked<String>,
    pub took: Duration,
}

#[derive(Default)]
pub struct Report {
    rows: Mutex<Vec<Row>>,
    failures: Mutex<Vec<String>>,
}

fn place(deaths: &Deaths) -> String {
    deaths.then.as_ref().map_or_else(|| deaths.first.clone(), |then| format!("{}, then {then}", deaths.first))
}

impl Report {
    /// Adds a trial and prints its line.
    pub fn add(&self, row: Row) {
        let place = place(&row.deaths);
        let settled = match &row.settled {
            Ok(settled) => settled.clone(),
            Err(failure) => format!("FAILED: {}", failure.message().unwrap_or_default()),
        };
        println!("{:12}  {:30}  {place}  {settled}  ({:.1} s)", row.repeat, row.case, row.took.as_secs_f32());
        if row.settled.is_err() {
            let then = row.deaths.then.as_ref().map_or_else(String::new, |then| format!(" --then {then}"));
            let repeat = format!(
                "cargo test --features failpoints --test crash -- {} --at {}{then}",
                row.repeat, row.deaths.first
            );
            self.failures
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(format!("{}, {place}: {settled}\n  {repeat}", row.case));
        }
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
    }

    /// Adds a failure outside of any trial.
    pub fn fail(&self, what: &str, failure: &libtest_mimic::Failed) {
        let text = format!("{what}: {}", failure.message().unwrap_or_default());
        println!("{text}");
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// Prints the table: how often the program died at each place, and how that was settled.
    pub fn end(self) -> ExitCode {
        let rows = self.rows.into_inner().unwrap_or_else(PoisonError::into_inner);
        let failures = self.failures.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut table: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for row in &rows {
            let name = row.deaths.first.rsplit_once(':').map_or(row.deaths.first.as_str(), |(name, _)| name);
            let settled = row.settled.as_ref().map_or("FAILED", String::as_str);
            *table.entry(name).or_default().entry(settled).or_default() += 1;
        }
        println!("\n{:32} {:>4}  settled", "place", "runs");
        for (name, settled) in &table {
            let how: Vec<_> = settled.iter().map(|(how, times)| format!("{how} ×{times}")).collect();
            println!("{name:32} {:>4}  {}", settled.values().sum::<usize>(), how.join(" · "));
        }
        let twice = rows.iter().filter(|row| row.deaths.then.is_some()).count();
        println!(
            "\n{} trials, {twice} of them with a second death while settling; {} failed",
            rows.len(),
            failures.len()
        );
        for failure in &failures {
            println!("\n{failure}");
        }
        if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
