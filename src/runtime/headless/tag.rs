//! tag: lets the tag of an environment name in registries what serves everybody there.

use std::time::Duration;

use color_eyre::eyre::Result;

use super::act::{agreed, refused, settle_open, unwritten};
use super::driver::Driver;
use super::{FIRST_DATA_TIMEOUT, chosen, complain, print};
use crate::cli::Exit;
use crate::cli::args::{Action, TagArgs};
use crate::core::Core;
use crate::domain::facts::text::sanitize;
use crate::domain::record::action::{Outcome, Target, Verb};
use crate::domain::rules::action::tag::tag_of;
use crate::domain::world::Environment;

pub(super) async fn run(driver: &mut Driver, what: &TagArgs) -> Result<Exit> {
    let key = match chosen(driver, what.target.as_deref()).await? {
        Ok(key) => key,
        Err(exit) => return Ok(exit),
    };
    driver.until(FIRST_DATA_TIMEOUT, |core| !core.journal.unread).await?;
    if let Some(tag) = tag_of(driver.world(), &key).map(Target::Tag) {
        // Nothing is sent before it is known what came of it last.
        while driver.core.in_flight.contains_key(&tag) {
            driver.next().await?;
        }
    }
    settle_open(driver, &key, |_| true).await?;
    let is_known = |core: &Core| {
        let is_known = |env: &Environment| env.looked_at() && env.cluster.is_some() && env.record.is_some();
        core.world.environment(&key.env).is_none_or(is_known)
    };
    driver.first_look(|env| *env == key.env, is_known).await?;
    super::checklist::settle(driver, &key.env).await?;
    super::checklist::settle_after(driver, &key.env).await?;
    let (dispatcher, release) = (driver.session().dispatcher.clone(), key.workload.name.clone());
    driver.meanwhile(async move { dispatcher.probe(&release).await }).await?;
    driver.refresh();
    let plan = match driver.core.plan_tag(&key) {
        Ok(plan) => plan,
        Err(refusals) => return Ok(refused(driver.redactor(), &key, Verb::MoveTag, &refusals)),
    };
    let asked =
        Action { target: None, yes: what.yes, confirm: None, lane: None, timeout: Duration::ZERO, no_wait: false };
    let Some(plan) = agreed(driver, plan, &asked).await? else {
        return Ok(Exit::NoGo);
    };
    let headline = plan.record().headline.clone();
    let (outcome, _) = driver.perform(plan, Duration::ZERO).await?;
    let line = format!("{}: {headline}: {}\n", key.env, sanitize(&outcome.describe()));
    let state = driver.journal_at_rest().await?;
    if let Some(why) = state.broken {
        complain(driver.redactor(), &unwritten(state.unwritten, &why));
    }
    if outcome.is_done() {
        print(&line)?;
        return Ok(Exit::Done);
    }
    complain(driver.redactor(), line.trim_end());
    Ok(match outcome {
        // It was due, and the registry did not take it.
        Outcome::Refused { .. } => Exit::Error,
        outcome => Exit::of_outcome(&outcome),
    })
}
