//! `cockpit plan`: what each step of a rollout can detect.

use color_eyre::eyre::{Result, WrapErr};

use super::driver::Driver;
use super::{chosen, complain, print};
use crate::cli::args::{Output, PlanArgs};
use crate::cli::output::json_pretty;
use crate::cli::plan::{Said, StepPlan, json, text};
use crate::cli::{Exit, target};
use crate::domain::facts::freshness::SourceKind;
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::workload::rollout::Split;
use crate::domain::rules::forecast::{self, Assumed};
use crate::domain::world::{Environment, WorkloadState};
use analysis::{Rules, Traffic};

/// Looks once, and prints the forecast.
pub(super) async fn run(driver: &mut Driver, what: &PlanArgs) -> Result<Exit> {
    let named = target::named(&driver.core.world, what.target.as_deref());
    let matters = |env: &EnvName| named.contains(env);
    let assumed = Assumed { per_second: what.rps, errors: what.errors };
    // What is stated by hand is not waited for.
    let is_stated = assumed.per_second.is_some() && assumed.errors.is_some();
    let is_measured = |env: &Environment| {
        let is_asked = env.settings.has_metrics && !env.is_down(SourceKind::Prometheus);
        is_stated || !is_asked || env.workloads.iter().all(|one| one.missing || one.signals.at.is_some())
    };
    let is_enough = |env: &Environment| env.is_down(SourceKind::Kubernetes) || env.is_seen() && is_measured(env);
    driver
        .first_look(matters, |core| core.world.environments.iter().filter(|env| matters(env.name())).all(is_enough))
        .await?;
    driver.refresh();
    let target = match chosen(driver, what.target.as_deref()).await? {
        Ok(target) => target,
        Err(exit) => return Ok(exit),
    };
    let Some((env, workload)) = driver.core.world.find(&target) else { return Ok(Exit::Usage) };
    if workload.snapshot.is_none() {
        let why = env.kubernetes().link.why().map(ToOwned::to_owned);
        let missing = || format!("{} does not exist in namespace {}", workload.id, env.settings.namespace);
        complain(driver.redactor(), &format!("{}: {}", env.name(), why.unwrap_or_else(missing)));
        return Ok(Exit::Error);
    }
    let said = said(env, workload, assumed, driver.core.now).await?;
    let exit = if matches!(said, Said::Blind(_)) { Exit::Blind } else { Exit::Done };
    let plan = StepPlan { target, said };
    print(&match what.output {
        Output::Text => text(&plan),
        Output::Json => json_pretty(&json(&plan)) + "\n",
    })?;
    Ok(exit)
}

async fn said(env: &Environment, workload: &WorkloadState, assumed: Assumed, now: jiff::Timestamp) -> Result<Said> {
    let rollout = match forecast::canary(workload) {
        Ok(rollout) => rollout,
        Err(why) => return Ok(Said::NoSteps(why)),
    };
    let traffic = match forecast::traffic(workload, env.settings.has_metrics, assumed, now) {
        Ok(traffic) => traffic,
        Err(why) => return Ok(Said::Blind(why)),
    };
    let rules = forecast::paced(&env.settings.rules, workload);
    let (steps, split) = (forecast::stretches(rollout), Split::of(rollout));
    // A second or two of arithmetic: the loop goes on meanwhile.
    let computed = tokio::task::spawn_blocking(move || forecasted(&steps, split, rules, traffic, assumed));
    computed.await.wrap_err("the forecast failed")
}

fn forecasted(steps: &[forecast::Stretch], split: Split, rules: Rules, traffic: Traffic, assumed: Assumed) -> Said {
    let alternative = forecast::alternative(steps, split, &rules, &traffic).map(|other| {
        let steps = forecast::forecast(&other.stretches, &rules, &traffic);
        (other, steps)
    });
    let steps = forecast::forecast(steps, &rules, &traffic);
    Said::Forecast { traffic, assumed, rules: Box::new(rules), steps, alternative }
}
