//! The counts of the analysis on a real Prometheus that scrapes a real exporter: exact whatever happens on the way.
//!
//! It needs `apt-get install prometheus`; without, its cases are ignored.

mod cases;
mod cockpit;
mod exporter;
mod flag_changes;
mod scraped;
mod users;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use libtest_mimic::{Completion, Trial};
use support::Checked;
use support::process::is_installed;
use support::prometheus::PROGRAMS;

use crate::suite::Suite;

pub type Case = fn() -> Pin<Box<dyn Future<Output = Checked>>>;

/// Ends a case that hangs. Every wait in a case has a timeout of its own, which says more.
const CASE_TIMEOUT: Duration = Duration::from_secs(180);

pub fn suite() -> Suite {
    let trial = |(name, case): &(&'static str, Case)| {
        let case = *case;
        Trial::ignorable_test(format!("counts::{name}"), move || run(case))
    };
    Suite { max_concurrent: cases::ALL.len(), cases: cases::ALL.iter().map(trial).collect() }
}

fn run(case: Case) -> Checked<Completion> {
    if !PROGRAMS.into_iter().all(is_installed) {
        return Ok(Completion::ignored_with("no prometheus"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let ended = tokio::time::timeout(CASE_TIMEOUT, case()).await;
        ended.map_err(|_| format!("it did not end within {CASE_TIMEOUT:?}"))??;
        Ok(Completion::Completed)
    })
}
