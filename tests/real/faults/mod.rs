//! Faults: the program on a terminal, real servers, and between them whatever can go wrong. `table.rs` says what is
//! promised.

mod alone;
mod api;
mod clock;
mod metrics;
mod setup;
mod table;

use libtest_mimic::{Completion, Trial};
use support::Checked;
use support::cluster::RealCluster;

use crate::suite::{Suite, Turns};

const MAX_CONCURRENT_CASES: usize = 12;

pub fn suite() -> Suite {
    let turns = Turns::default();
    let mut cases = Vec::new();
    for row in table::API_SERVER {
        cases.push(case(&format!("api_server::{}", row.name), false, &turns, move || api::run(row)));
    }
    for (name, fault, says) in table::OF_PROMETHEUS {
        cases.push(case(&format!("prometheus::{name}"), false, &turns, move || metrics::run(name, *fault, says)));
    }
    for (name, run) in [("forwards", clock::forwards as fn() -> Checked), ("back", clock::back)] {
        let name = format!("clock::{name}");
        cases.push(match clock::library() {
            Some(_) => case(&name, false, &turns, run),
            None => ignored(&name, "no libfaketime: apt-get install faketime"),
        });
    }
    // They take a server away from all others: they run alone, and come last.
    cases.push(case("alone::prometheus_killed", true, &turns, alone::prometheus_killed));
    cases.push(case("alone::apiserver_killed", true, &turns, alone::apiserver_killed));
    cases.push(case("alone::etcd_stopped", true, &turns, alone::etcd_stopped));
    Suite { max_concurrent: MAX_CONCURRENT_CASES, cases }
}

/// A case on the real servers, which it may need alone.
fn case(name: &str, alone: bool, turns: &Turns, run: impl Fn() -> Checked + Send + 'static) -> Trial {
    let turns = turns.clone();
    Trial::ignorable_test(format!("faults::{name}"), move || {
        if let Some(reason) = RealCluster::missing() {
            return Ok(Completion::ignored_with(reason));
        }
        let _turn = turns.wait(alone);
        run().map(|()| Completion::Completed)
    })
}

fn ignored(name: &str, reason: &'static str) -> Trial {
    Trial::ignorable_test(format!("faults::{name}"), move || Ok(Completion::ignored_with(reason)))
}
