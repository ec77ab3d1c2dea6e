//! Suites of cases: one after the other, because each wants the machine in its own way.

use std::process::ExitCode;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Trial};
use support::Checked;

pub struct Suite {
    /// How many of them at a time. They wait most of the time.
    pub max_concurrent: usize,
    pub cases: Vec<Trial>,
}

/// A case of its own runtime, which fails where it does not end within `limit`.
pub fn case<F>(name: String, limit: Duration, run: impl FnOnce() -> F + Send + 'static) -> Trial
where
    F: Future<Output = Checked<Completion>>,
{
    Trial::ignorable_test(name, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let ended = runtime.block_on(async { tokio::time::timeout(limit, run()).await });
        ended.map_err(|_| format!("it did not end within {limit:?}"))?
    })
}

/// Runs what is asked for; fails where any case fails.
pub fn run(suites: impl IntoIterator<Item = Suite>, arguments: &Arguments) -> ExitCode {
    let mut suites: Vec<Suite> = suites.into_iter().collect();
    // A suite in which nothing is asked for has nothing to say.
    let is_wanted = |suite: &Suite| suite.cases.iter().any(|case| matches(case.name(), arguments));
    if suites.iter().any(is_wanted) {
        suites.retain(is_wanted);
    }
    let mut failed = false;
    for suite in suites {
        let mut own = arguments.clone();
        own.test_threads.get_or_insert(suite.max_concurrent);
        failed |= libtest_mimic::run(&own, suite.cases).has_failed();
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Whether the filters of the command line let a case through.
fn matches(name: &str, arguments: &Arguments) -> bool {
    let fits = |filter: &String| if arguments.exact { name == filter } else { name.contains(filter.as_str()) };
    arguments.filter.as_ref().is_none_or(fits) && !arguments.skip.iter().any(fits)
}

/// Cases side by side, but one at a time where a server goes away that all others need.
#[derive(Clone, Default)]
pub struct Turns(Arc<RwLock<()>>);

/// Keeps others from taking a server away, or from needing it.
#[expect(dead_code, reason = "held, not read")]
pub enum Turn<'a> {
    Shared(RwLockReadGuard<'a, ()>),
    Alone(RwLockWriteGuard<'a, ()>),
}

impl Turns {
    /// Waits for its turn. A case that failed has poisoned nothing: the lock guards no data.
    pub fn wait(&self, alone: bool) -> Turn<'_> {
        if alone {
            Turn::Alone(self.0.write().unwrap_or_else(PoisonError::into_inner))
        } else {
            Turn::Shared(self.0.read().unwrap_or_else(PoisonError::into_inner))
        }
    }
}
