//! Faults: the program on a terminal, real servers, and between them whatever can go wrong. `table.rs` says what is
//! promised.
//!
//! ```sh
//! eval "$(tests/cluster/up)"       # else all trials are ignored
//! cargo test --test faults [NAME] [-- --list]
//! ```

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod alone;
mod api;
mod authority;
#[path = "../contract/bed.rs"]
#[expect(dead_code, reason = "as in the contract, which uses the rest")]
mod bed;
mod clock;
mod fault;
#[path = "../contract/manifests.rs"]
#[expect(dead_code, reason = "as in the contract, which uses the rest")]
mod manifests;
mod metrics;
mod process;
mod proxy;
#[path = "../terminal/pty.rs"]
#[expect(dead_code, reason = "as in the tests of the terminal, which use the rest")]
mod pty;
mod relay;
mod scene;
#[path = "../contract/stage.rs"]
#[expect(dead_code, reason = "as in the contract, which uses the rest")]
mod stage;
mod table;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use bed::Maker;

/// What a check gives: a failure says in words what is not as it must be.
pub type Checked<T = ()> = Result<T, Failed>;

/// Trials wait most of the time.
const SIDE_BY_SIDE: usize = 12;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(SIDE_BY_SIDE);
    let mut trials = Vec::new();
    for row in table::API_SERVER {
        trials.push(trial(format!("api_server::{}", row.name), false, move || api::play(row)));
    }
    for (name, fault, says) in table::OF_PROMETHEUS {
        trials.push(trial(format!("prometheus::{name}"), false, move || metrics::play(name, *fault, says)));
    }
    for (name, play) in [("forwards", clock::forwards as fn() -> Checked), ("back", clock::back)] {
        trials.push(match clock::library() {
            Some(_) => trial(format!("clock::{name}"), false, play),
            None => ignored(format!("clock::{name}"), "no libfaketime: apt-get install faketime"),
        });
    }
    // Those that need the bed alone wait for all others: they come last.
    trials.push(trial("alone::prometheus_killed".to_owned(), true, alone::prometheus_killed));
    trials.push(trial("alone::apiserver_killed".to_owned(), true, alone::apiserver_killed));
    trials.push(trial("alone::etcd_stopped".to_owned(), true, alone::etcd_stopped));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A trial on the real bed; one that takes a server away from all others runs alone.
fn trial(name: String, alone: bool, play: impl Fn() -> Checked + Send + 'static) -> Trial {
    Trial::ignorable_test(name, move || {
        if let Some(reason) = Maker::Real.missing() {
            return Ok(Completion::ignored_with(reason));
        }
        let _turn = Maker::Real.turn(alone);
        play().map(|()| Completion::Completed)
    })
}

fn ignored(name: String, reason: &'static str) -> Trial {
    Trial::ignorable_test(name, move || Ok(Completion::ignored_with(reason)))
}
