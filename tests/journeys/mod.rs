//! Journeys: a release as people carry it, and back, with the program itself, by key and by command. How each one ended
//! is told by what the API server holds of workloads, ReplicaSets, Services and Ingresses, never by the program's word.
//!
//! ```sh
//! cargo test --test real -- journeys::simulator::
//! eval "$(tests/cluster/up)"; cargo test --test real -- journeys::real::
//! ```

mod bed;
mod by_git;
pub mod by_hand;
mod by_pipeline;
mod by_pull_request;
mod git_ops;
mod oracle;
mod release;

use std::time::Duration;

use libtest_mimic::{Completion, Trial};
use support::{Checked, TestNamespace};

use crate::contract::servers::Servers;
use crate::suite::Suite;
use bed::{Bed, How, Strategy};
use release::Journey;

const JOURNEY_TIMEOUT: Duration = Duration::from_secs(240);
const MAX_CONCURRENT_JOURNEYS: usize = 6;
/// On the simulator they wait, and cost little.
const MAX_CONCURRENT_ON_SIMULATOR: usize = 10;

/// Returns those on the simulator and those on the real servers.
pub fn suites() -> [Suite; 2] {
    let mut cases = Vec::new();
    for servers in Servers::ALL {
        for journey in Journey::ALL {
            for strategy in Strategy::ALL.into_iter().filter(|strategy| journey.fits(*strategy)) {
                for how in journey.ways() {
                    let name = format!(
                        "journeys::{}::{}::{}::{}",
                        servers.as_str(),
                        strategy.as_str(),
                        journey.as_str(),
                        how.as_str()
                    );
                    cases.push(Trial::ignorable_test(name, move || run(servers, journey, strategy, *how)));
                }
            }
        }
    }
    cases.extend(git_ops::cases());
    cases.extend(by_git::cases());
    cases.extend(by_pull_request::cases());
    cases.extend(by_pipeline::cases());
    let is_on_simulator = |case: &Trial| case.name().contains("::simulator::");
    let (simulated, real) = cases.into_iter().partition(is_on_simulator);
    [
        Suite { max_concurrent: MAX_CONCURRENT_ON_SIMULATOR, cases: simulated },
        Suite { max_concurrent: MAX_CONCURRENT_JOURNEYS, cases: real },
    ]
}

fn run(servers: Servers, journey: Journey, strategy: Strategy, how: How) -> Checked<Completion> {
    if let Some(reason) = servers.missing() {
        return Ok(Completion::ignored_with(reason));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let case = format!("{}-{}", strategy.as_str(), journey.as_str());
        let namespace = TestNamespace::create(servers.start().await?, &case).await?;
        let bed = Bed::new(&namespace, strategy, how);
        let ended = tokio::time::timeout(JOURNEY_TIMEOUT, journey.carry_out(&bed)).await;
        namespace.delete().await;
        ended.map_err(|_| format!("it did not end within {JOURNEY_TIMEOUT:?}"))??;
        Ok(Completion::Completed)
    })
}
