//! owner: what owns a workload's manifest; its automation is suspended and given back.

use std::time::Duration;

use color_eyre::eyre::Result;

use super::act::{confirmed, is_owner_read, refused};
use super::driver::Driver;
use super::{FIRST_DATA_TIMEOUT, chosen, complain, print};
use crate::cli::args::{Action, Output, OwnerArgs};
use crate::cli::output::json_pretty;
use crate::cli::{Exit, owner};
use crate::core::Core;
use crate::domain::facts::freshness::SourceKind;
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::facts::text::sanitize;
use crate::domain::record::action::Verb;
use crate::domain::rules::action::Plan;
use crate::domain::rules::refusal::Refusal;

pub(super) async fn run(driver: &mut Driver, what: &OwnerArgs) -> Result<Exit> {
    let key = match chosen(driver, what.target.as_deref()).await? {
        Ok(key) => key,
        Err(exit) => return Ok(exit),
    };
    let is_read = |core: &Core| {
        let is_down = core.world.environment(&key.env).is_some_and(|env| env.is_down(SourceKind::Kubernetes));
        let is_seen = core.world.find(&key).is_some_and(|(_, workload)| workload.snapshot.is_some());
        is_down || is_seen && is_owner_read(core, &key)
    };
    driver.first_look(|env| *env == key.env, is_read).await?;
    driver.refresh();
    if what.revert {
        return revert(driver, &key, what).await;
    }
    match (what.suspend, what.resume) {
        (true, _) => change(driver, &key, Verb::SuspendAutomation, what).await,
        (_, true) => {
            if let Some(wait) = what.wait {
                let is_ready = |core: &Core| core.plan_owner(&key, Verb::ResumeAutomation).is_ok();
                driver.until(wait, is_ready).await?;
            }
            change(driver, &key, Verb::ResumeAutomation, what).await
        }
        _ => show(driver, &key, what.output),
    }
}

fn show(driver: &Driver, key: &WorkloadKey, output: Output) -> Result<Exit> {
    let Some(snapshot) = driver.world().find(key).and_then(|(_, workload)| workload.snapshot.as_ref()) else {
        complain(driver.redactor(), &format!("{key} is not seen: what owns it is not known"));
        return Ok(Exit::Error);
    };
    let now = driver.core.now;
    let owned = snapshot.owned.as_ref();
    print(&match output {
        Output::Json => json_pretty(&owned.map_or(serde_json::Value::Null, owner::json)) + "\n",
        Output::Text => owner::text(key, owned, now),
    })?;
    let is_known = owned.is_none_or(|owned| owned.is_active().is_some());
    Ok(if is_known { Exit::Done } else { Exit::Blind })
}

async fn change(driver: &mut Driver, key: &WorkloadKey, verb: Verb, what: &OwnerArgs) -> Result<Exit> {
    if verb == Verb::ResumeAutomation {
        driver.until(FIRST_DATA_TIMEOUT, |core| !core.journal.unread).await?;
    }
    let planned = driver.core.plan_owner(key, verb);
    carry_out(driver, key, (verb, planned), what).await
}

/// Commits in git what a rollback went back to.
async fn revert(driver: &mut Driver, key: &WorkloadKey, what: &OwnerArgs) -> Result<Exit> {
    // What was rejected is in the journals, and in what others share.
    let is_known = |core: &Core| {
        let env = core.world.environment(&key.env);
        !core.journal.unread && env.is_some_and(|env| env.record.is_some())
    };
    driver.until(FIRST_DATA_TIMEOUT, is_known).await?;
    let planned = driver.core.plan(key, Verb::Revert, None);
    carry_out(driver, key, (Verb::Revert, planned), what).await
}

async fn carry_out(
    driver: &mut Driver,
    key: &WorkloadKey,
    (verb, planned): (Verb, std::result::Result<Plan, Vec<Refusal>>),
    what: &OwnerArgs,
) -> Result<Exit> {
    let plan = match planned {
        Ok(plan) => plan,
        Err(refusals) => return Ok(refused(driver.redactor(), key, verb, &refusals)),
    };
    let asked =
        Action { target: None, yes: what.yes, confirm: None, lane: None, timeout: Duration::ZERO, no_wait: false };
    if !confirmed(driver, &plan, &asked).await? {
        return Ok(Exit::NoGo);
    }
    let headline = plan.record().headline.clone();
    let (outcome, _) = driver.perform(plan, Duration::ZERO).await?;
    let line = format!("{key}: {headline}: {}\n", sanitize(&outcome.describe()));
    if outcome.is_done() {
        print(&line)?;
        return Ok(Exit::Done);
    }
    complain(driver.redactor(), line.trim_end());
    Ok(Exit::of_outcome(&outcome))
}
