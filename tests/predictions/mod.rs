//! Predictions kept (law 10): for every strategy, state and verb, what a plan says will happen against what the API server
//! then holds of workloads, ReplicaSets, Services and Ingresses. What is refused has to be refused for a reason that this
//! table knows by itself.
//!
//! ```sh
//! cargo test --test real -- predictions::simulator::                     # a row of each state; the rest with --include-ignored
//! eval "$(tests/cluster/up)"; cargo test --test real -- --include-ignored predictions::real::
//! ```

mod expected;
mod generated;
mod oracle;
mod prediction;
mod state;
mod strategy;
pub mod way_back;

use std::time::Duration;

use libtest_mimic::{Completion, Trial};
use release_cockpit::domain::record::action::Verb;
use support::{Checked, TestNamespace};

use crate::contract::cockpit::{Cockpit, Opening, lines};
use crate::contract::servers::Servers;
use crate::suite::Suite;
use expected::{Expected, expected};
use prediction::Prediction;
use state::State;
use strategy::Strategy;

const ROW_TIMEOUT: Duration = Duration::from_secs(300);
const MAX_CONCURRENT_ROWS: usize = 6;

const VERBS: [Verb; 8] = [
    Verb::Promote,
    Verb::PromoteFull,
    Verb::Pause,
    Verb::Resume,
    Verb::Abort,
    Verb::Retry,
    Verb::Rollback,
    Verb::Restart,
];

pub fn suite() -> Suite {
    let mut cases = vec![generated::case()];
    for servers in Servers::ALL {
        let has_router = |strategy: &Strategy| servers == Servers::Real || strategy.is_simulated();
        for strategy in Strategy::ALL.into_iter().filter(has_router) {
            for state in State::ALL.into_iter().filter(|state| state.fits(strategy)) {
                let name = format!("predictions::{}::{}::{}", servers.as_str(), strategy.as_str(), state.as_str());
                let is_short = is_in_short_form(servers, strategy, state);
                let row = Trial::ignorable_test(name, move || run(servers, strategy, state));
                cases.push(row.with_ignored_flag(!is_short));
            }
        }
    }
    Suite { max_concurrent: MAX_CONCURRENT_ROWS, cases }
}

/// Whether a row runs with all other tests. On the real servers, the fullest state of each strategy. The simulator costs more:
/// there, every state of the two strategies that most use, and that state of those that differ most.
fn is_in_short_form(servers: Servers, strategy: Strategy, state: State) -> bool {
    use Strategy::{
        AutoPromotion, BlueGreen, Canary, EndlessExperiment, Experiment, InconclusiveBackground, PostAnalysis,
    };
    let is_full = matches!(state, State::PausedAtStep | State::InStep);
    match servers {
        Servers::Simulator if matches!(strategy, Canary | BlueGreen | PostAnalysis) => true,
        Servers::Simulator => {
            is_full && matches!(strategy, AutoPromotion | InconclusiveBackground | Experiment | EndlessExperiment)
        }
        Servers::Real => is_full,
    }
}

fn run(servers: Servers, strategy: Strategy, state: State) -> Checked<Completion> {
    if let Some(reason) = servers.missing() {
        return Ok(Completion::ignored_with(reason));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let row = async {
        let mut wrong = Vec::new();
        let mut beginning = Some(Cell::begin(servers, strategy, state).await?);
        for verb in VERBS {
            let cell = match beginning.take() {
                Some(cell) => cell,
                None => Cell::begin(servers, strategy, state).await?,
            };
            match cell.try_verb(verb).await {
                // Nothing was sent: the next verb finds what this one found.
                Ok(Some(unchanged)) => beginning = Some(unchanged),
                Ok(None) => {}
                Err(why) => wrong.push(format!("{verb}: {}", why.message().unwrap_or("failed"))),
            }
        }
        if let Some(cell) = beginning {
            cell.namespace.delete().await;
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
    };
    let ended: Result<Checked, _> = runtime.block_on(async { tokio::time::timeout(ROW_TIMEOUT, Box::pin(row)).await });
    ended.map_err(|_| format!("it did not end within {ROW_TIMEOUT:?}"))??;
    Ok(Completion::Completed)
}

/// One verb in one state of one strategy.
struct Cell {
    namespace: TestNamespace,
    cockpit: Cockpit,
    strategy: Strategy,
    state: State,
}

impl Cell {
    async fn begin(servers: Servers, strategy: Strategy, state: State) -> Checked<Self> {
        let case = format!("{}-{}", strategy.as_str(), state.as_str());
        let namespace = TestNamespace::create(servers.start().await?, &case).await?;
        let workload = if strategy.is_rollout() { "rollout/api" } else { "deployment/api" };
        let mut cockpit = Cockpit::open(&namespace, Opening::of(workload)?).await?;
        state.bring_about(&namespace, strategy, &mut cockpit).await?;
        let object = namespace.get(strategy.kind(), "api").await?;
        let version = object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        // What a plan rests on is the latest that there is.
        let is_latest = move |view: &crate::contract::cockpit::View<'_>| {
            let seen = view.snapshot.object.meta().resource_version.parse::<u64>();
            seen.ok() >= version.parse::<u64>().ok()
        };
        cockpit.until("the latest", is_latest).await?;
        Ok(Self { namespace, cockpit, strategy, state })
    }

    /// Returns itself where the verb is refused and nothing was sent.
    async fn try_verb(mut self, verb: Verb) -> Checked<Option<Self>> {
        let wanted = expected(self.strategy, self.state, verb);
        match (self.cockpit.plan(verb), wanted) {
            (Err(refusals), Expected::Refused(why)) => {
                let said = lines(&refusals);
                if said.contains(why) {
                    return Ok(Some(self));
                }
                let error = format!("it is refused, but does not say {why:?}: {said}");
                self.namespace.delete().await;
                Err(error.into())
            }
            (Ok(_), Expected::Unfinished) => Ok(Some(self)),
            (Err(refusals), Expected::Offered | Expected::Unfinished) => {
                self.namespace.delete().await;
                Err(format!("it is refused: {}", lines(&refusals)).into())
            }
            (Ok(plan), Expected::Refused(why)) => {
                let error = format!("it is offered ({}), though {why}", plan.record().headline);
                self.namespace.delete().await;
                Err(error.into())
            }
            (Ok(plan), Expected::Offered) => {
                let prediction = Prediction::of(plan.record());
                let before = oracle::look(&self.namespace, self.strategy).await?;
                let ended = match self.cockpit.carry_out(plan).await {
                    Ok(_) => prediction.check(&self.namespace, self.strategy, &before).await,
                    Err(failed) => Err(failed),
                };
                self.namespace.delete().await;
                ended.map(|()| None)
            }
        }
    }
}
