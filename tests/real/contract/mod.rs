//! The contract: what the cockpit must see and do, tried on every kind of servers through the product's own code.

mod cases;
pub mod child;
pub mod cockpit;
mod oracle;
mod picture;
pub mod servers;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use libtest_mimic::{Completion, Trial};
use support::{Checked, TestNamespace};

use crate::suite::{Suite, Turns};
use servers::Servers;

/// One case of the contract.
#[derive(Clone, Copy)]
pub struct Case {
    /// Name, e.g. `canary::promote_to_the_end`.
    pub name: &'static str,
    /// Whether the API server goes away in it.
    pub alone: bool,
    /// Whether it sets what requests to its pods are like: the exporter of the real servers can.
    pub traffic: bool,
    /// Whether it is about PodDisruptionBudgets, which the simulator does not know.
    pub budgets: bool,
    /// What it does in a namespace of its own.
    pub run: for<'a> fn(&'a TestNamespace) -> Pin<Box<dyn Future<Output = Checked> + 'a>>,
}

/// Ends a case that hangs. Every wait in a case has a timeout of its own, which says more.
const CASE_TIMEOUT: Duration = Duration::from_secs(300);
const MAX_CONCURRENT_CASES: usize = 8;

pub fn suite() -> Suite {
    let mut cases: Vec<Case> = cases::all();
    // Those that need the servers alone wait for all others: they come last.
    cases.sort_by_key(|case| case.alone);
    let turns = Turns::default();
    let cases = Servers::ALL
        .into_iter()
        .flat_map(|servers| cases.iter().map(move |case| (servers, *case)))
        .map(|(servers, case)| {
            let (name, turns) = (format!("contract::{}::{}", servers.as_str(), case.name), turns.clone());
            Trial::ignorable_test(name, move || run(servers, case, &turns))
        })
        .collect();
    Suite { max_concurrent: MAX_CONCURRENT_CASES, cases }
}

fn run(servers: Servers, case: Case, turns: &Turns) -> Checked<Completion> {
    if let Some(reason) = servers.missing() {
        return Ok(Completion::ignored_with(reason));
    }
    if case.traffic && servers != Servers::Real {
        return Ok(Completion::ignored_with("its traffic follows a scenario: see tests/it/journeys"));
    }
    if case.budgets && servers != Servers::Real {
        return Ok(Completion::ignored_with("the simulator knows no PodDisruptionBudgets"));
    }
    // Each case on the simulator has one of its own.
    let _turn = (servers == Servers::Real).then(|| turns.wait(case.alone));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let namespace = TestNamespace::create(servers.start().await?, case.name).await?;
        let ended = tokio::time::timeout(CASE_TIMEOUT, (case.run)(&namespace)).await;
        if case.alone {
            // Whatever became of the case: others need the server.
            namespace.cluster.api_server.start().await?;
        }
        namespace.delete().await;
        ended.map_err(|_| format!("it did not end within {CASE_TIMEOUT:?}"))??;
        Ok(Completion::Completed)
    })
}
