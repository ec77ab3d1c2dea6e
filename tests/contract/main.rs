//! The contract: what the cockpit must see and do, tried on every bed through the product's own code.
//!
//! ```sh
//! eval "$(tests/cluster/up)"       # else the trials on real servers are ignored
//! cargo test --test contract [NAME] [-- --list]
//! ```

mod bed;
mod cases;
mod child;
mod cockpit;
mod manifests;
mod oracle;
mod picture;
#[path = "../terminal/pty.rs"]
#[expect(dead_code, clippy::expect_used, reason = "as in the tests of the terminal, which use the rest")]
mod pty;
mod stage;
mod wire;

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use bed::Maker;
use stage::Stage;

/// What a check gives: a failure says in words what is not as it must be.
pub type Checked<T = ()> = Result<T, Failed>;

/// One case of the contract.
#[derive(Clone, Copy)]
pub struct Case {
    /// Name, e.g. `canary::promote_to_the_end`.
    pub name: &'static str,
    /// Whether the API server goes away in it.
    pub alone: bool,
    /// Whether it sets what requests to its pods are like: the exporter of the real bed can.
    pub traffic: bool,
    /// What it does on a stage of its own.
    pub play: for<'a> fn(&'a Stage) -> Pin<Box<dyn Future<Output = Checked> + 'a>>,
}

/// Ends a case that hangs. Every wait in a case has a deadline of its own, which says more.
const CURTAIN: Duration = Duration::from_secs(300);
/// Trials wait most of the time.
const SIDE_BY_SIDE: usize = 8;

fn main() -> ExitCode {
    if let Some(code) = child::Order::carry_out_if_given() {
        return code;
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(SIDE_BY_SIDE);
    let mut cases: Vec<Case> = cases::all();
    // Those that need the bed alone wait for all others: they come last.
    cases.sort_by_key(|case| case.alone);
    let trials = Maker::ALL
        .into_iter()
        .flat_map(|maker| cases.iter().map(move |case| (maker, *case)))
        .map(|(maker, case)| {
            Trial::ignorable_test(format!("{}::{}", maker.word(), case.name), move || play(maker, case))
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn play(maker: Maker, case: Case) -> Checked<Completion> {
    if let Some(reason) = maker.missing() {
        return Ok(Completion::ignored_with(reason));
    }
    if case.traffic && maker != Maker::Real {
        return Ok(Completion::ignored_with("its traffic follows a scenario: see tests/terminal/flight.rs"));
    }
    let _turn = maker.turn(case.alone);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stage = Stage::raise(maker.make().await?, case.name).await?;
        let played = tokio::time::timeout(CURTAIN, (case.play)(&stage)).await;
        if case.alone {
            // Whatever became of the case: others need the server.
            stage.bed.bring_back().await?;
        }
        stage.strike().await;
        played.map_err(|_| format!("it did not end within {CURTAIN:?}"))??;
        Ok(Completion::Completed)
    })
}
