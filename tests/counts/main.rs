//! The judge's counts on a real Prometheus that scrapes a real exporter: exact whatever happens on the way.
//!
//! ```sh
//! apt-get install prometheus      # else the trials are ignored
//! cargo test --test counts [NAME]
//! ```

mod cases;
mod cockpit;
mod exporter;
mod prometheus;
mod proxy;

use std::future::Future;
use std::pin::Pin;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// What a check gives: a failure says in words what is not as it must be.
pub type Checked<T = ()> = Result<T, Failed>;

/// A case.
pub type Play = fn() -> Pin<Box<dyn Future<Output = Checked>>>;

/// Ends a case that hangs. Every wait in a case has a deadline of its own, which says more.
const CURTAIN: Duration = Duration::from_secs(180);

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They wait most of the time.
    arguments.test_threads.get_or_insert(cases::ALL.len());
    let trials = cases::ALL.iter().map(|(name, case)| Trial::ignorable_test(*name, move || play(*case))).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn play(case: Play) -> Checked<Completion> {
    if !["prometheus", "promtool"].into_iter().all(installed) {
        return Ok(Completion::ignored_with("no prometheus"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        tokio::time::timeout(CURTAIN, case()).await.map_err(|_| format!("it did not end within {CURTAIN:?}"))??;
        Ok(Completion::Completed)
    })
}

fn installed(program: &str) -> bool {
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Asks again until there is an answer.
///
/// # Errors
/// What did not come.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> Checked<T> {
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    for _ in 0..600 {
        ticks.tick().await;
        if let Some(found) = ask().await {
            return Ok(found);
        }
    }
    Err(format!("{what} never came").into())
}
