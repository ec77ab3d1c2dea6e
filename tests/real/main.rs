//! What runs on real servers, or on servers that answer as they do: the contract, faults between the program and its
//! servers, exact counts, and alerts. Where a server is not there, its cases say so and pass.
//!
//! ```sh
//! eval "$(tests/cluster/up)"                  # else what needs a cluster is ignored
//! cargo test --test real [NAME] [-- --list]   # e.g. faults::, contract::simulator::, two_people
//! ```

mod alerts;
mod contract;
mod counts;
mod faults;
mod flags;
#[path = "../journeys/mod.rs"]
mod journeys;
#[path = "../predictions/mod.rs"]
mod predictions;
mod registry;
mod suite;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    if let Some(code) = contract::child::Order::carry_out_if_given() {
        return code;
    }
    let [journeys_on_simulator, journeys] = journeys::suites();
    let suites = [
        alerts::suite(),
        contract::suite(),
        counts::suite(),
        faults::suite(),
        flags::suite(),
        flags::command::suite(),
        flags::flagd::suite(),
        flags::flagd_file::suite(),
        flags::launchdarkly::suite(),
        flags::table::suite(),
        journeys_on_simulator,
        journeys,
        predictions::suite(),
        predictions::way_back::suite(),
        registry::suite(),
    ];
    suite::run(suites, &Arguments::from_args())
}

/// The program under test, in a home of its own.
fn cockpit() -> support::Program {
    support::Program::new(env!("CARGO_BIN_EXE_cockpit"))
}
