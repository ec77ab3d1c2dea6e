//! How long a rollback takes: what every screen says beforehand, against when the earlier version serves everybody by the
//! objects of the API server. Pods of both versions take their time to get ready.
//!
//! ```sh
//! eval "$(tests/cluster/up)"; cargo test --test real -- --include-ignored way_back::real::
//! ```

use std::time::Duration;

use jiff::Timestamp;
use libtest_mimic::{Completion, Trial};
use release_cockpit::domain::record::action::Verb;
use release_cockpit::domain::rules::action::{RollbackEstimate, rollback_estimate};
use support::check::WAIT_TIMEOUT;
use support::{Checked, TestNamespace};
use tokio::time::{Instant, sleep};

use super::oracle::look;
use super::state::State;
use super::strategy::Strategy;
use crate::contract::cockpit::{Cockpit, Opening};
use crate::contract::servers::Servers;
use crate::suite::Suite;

/// How long pods take to get ready.
const READY_AFTER_SECONDS: [u32; 2] = [6, 9];
/// Agreement that is promised, as a share of what was said.
pub const TOLERANCE: f64 = 0.2;
/// Times of pods are told in whole seconds, and controllers and routers take a moment to notice each change.
pub const RESOLUTION_SECONDS: f64 = 3.5;
/// They wait, and cost little.
const MAX_CONCURRENT_CASES: usize = 10;

pub fn suite() -> Suite {
    let mut cases = Vec::new();
    for servers in Servers::ALL {
        for strategy in Strategy::ALL.into_iter().filter(|strategy| !strategy.has_analysis() && strategy.is_simulated())
        {
            for state in [State::PausedAtStep, State::Released].into_iter().filter(|state| state.fits(strategy)) {
                for seconds in READY_AFTER_SECONDS {
                    let (on, of) = (servers.as_str(), strategy.as_str());
                    let name = format!("way_back::{on}::{of}::{}::after_{seconds}_s", state.as_str());
                    let case = Trial::ignorable_test(name, move || run(servers, strategy, state, seconds));
                    cases.push(case.with_ignored_flag(true));
                }
            }
        }
    }
    Suite { max_concurrent: MAX_CONCURRENT_CASES, cases }
}

fn run(servers: Servers, strategy: Strategy, state: State, seconds: u32) -> Checked<Completion> {
    if let Some(reason) = servers.missing() {
        return Ok(Completion::ignored_with(reason));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let case = format!("way-back-{}-{}-{seconds}", strategy.as_str(), state.as_str());
        let namespace = TestNamespace::create(servers.start().await?, &case).await?;
        let ended = roll_back(&namespace, strategy, state, seconds).await;
        namespace.delete().await;
        ended
    })?;
    Ok(Completion::Completed)
}

async fn roll_back(namespace: &TestNamespace, strategy: Strategy, state: State, seconds: u32) -> Checked {
    let workload = if strategy.is_rollout() { "rollout/api" } else { "deployment/api" };
    let mut cockpit = Cockpit::open(namespace, Opening::of(workload)?).await?;
    state.bring_about_slowly(namespace, strategy, &mut cockpit, seconds).await?;
    cockpit.until("1.1.0", |view| view.goes_out() == "1.1.0" && view.status.replicas.ready > 0).await?;
    let said = said(&cockpit)?;
    let began = Instant::now();
    let served = async || -> Checked<f64> {
        while !look(namespace, strategy).await?.serves("1.0.0") {
            if began.elapsed() > WAIT_TIMEOUT * 2 {
                return Err("1.0.0 never served everybody".into());
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(began.elapsed().as_secs_f64())
    };
    let (acted, served) = tokio::join!(cockpit.act(Verb::Rollback), served());
    acted?;
    let took = served?;
    println!("way back {} {} {seconds} s: said {said:.0} s, took {took:.1} s", strategy.as_str(), state.as_str());
    if (took - said).abs() <= TOLERANCE * said + RESOLUTION_SECONDS {
        return Ok(());
    }
    Err(format!("it was said to take {said:.0} s, and took {took:.1} s").into())
}

/// Seconds that a rollback takes, as it is said now.
fn said(cockpit: &Cockpit) -> Checked<f64> {
    let world = &cockpit.world;
    let (env, workload) =
        world.environments.iter().find_map(|env| Some((env, env.workloads.first()?))).ok_or("there is no workload")?;
    match rollback_estimate(world, env, workload, Timestamp::now()) {
        Some(RollbackEstimate::To(to)) if to.missing_pods == 0 => Ok(0.0),
        Some(RollbackEstimate::To(to)) => {
            to.takes.map(|takes| takes.as_secs_f64()).ok_or_else(|| "it says no time".to_owned().into())
        }
        other => Err(format!("it says nothing of a rollback: {other:?}").into()),
    }
}
