//! lane: a shorter way for one artifact is opened, closed, and listed.

use color_eyre::eyre::{OptionExt as _, Result};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::act::name_typed;
use super::checklist::{Reach, about, named, settle, state, unread_record};
use super::driver::Driver;
use super::{chosen, complain, print};
use crate::cli::args::{LaneClose, LaneCommand, LaneOpen, Output};
use crate::cli::output::json_pretty;
use crate::cli::{Exit, lane};
use crate::domain::facts::freshness::SourceKind;
use crate::domain::facts::ids::EnvName;
use crate::domain::world::{Environment, World};

pub(super) async fn run(driver: &mut Driver, what: &LaneCommand) -> Result<Exit> {
    match what {
        LaneCommand::Open(what) => open(driver, what).await,
        LaneCommand::Close(what) => close(driver, what).await,
        LaneCommand::List { env, output } => list(driver, env.as_deref(), *output).await,
    }
}

async fn open(driver: &mut Driver, what: &LaneOpen) -> Result<Exit> {
    let key = match chosen(driver, Some(&what.target)).await? {
        Ok(key) => key,
        Err(exit) => return Ok(exit),
    };
    let until = what.until.moment(Timestamp::now(), &TimeZone::system());
    let until = until.ok_or_eyre("the calendar has no such time")?;
    if !about(driver, &key.env).await? {
        return Ok(Exit::Blind);
    }
    settle(driver, &key.env).await?;
    if let Some(exit) = unread_record(driver, &key.env) {
        return Ok(exit);
    }
    let question = match driver.core.lane_question(&key, &what.lane, until, &what.note) {
        Ok(question) => question,
        Err(why) => return state(driver, &key.env, Err(why), "opened", Reach::SharedOnly).await,
    };
    print(&lane::question(&question))?;
    if !name_typed(driver, key.env.as_str(), what.confirm.as_deref(), false).await? {
        return Ok(Exit::NoGo);
    }
    driver.refresh();
    let noticed = driver.core.noticed;
    let stated = driver.core.open_asked_lane(&key, &question.lane).map(|(_, effects)| effects);
    let new = driver.core.noticed - noticed;
    for notice in driver.core.notices.iter().rev().take(new).rev() {
        complain(driver.redactor(), &notice.text);
    }
    state(driver, &key.env, stated, "opened", Reach::SharedOnly).await
}

async fn close(driver: &mut Driver, what: &LaneClose) -> Result<Exit> {
    let key = match chosen(driver, Some(&what.target)).await? {
        Ok(key) => key,
        Err(exit) => return Ok(exit),
    };
    if !about(driver, &key.env).await? {
        return Ok(Exit::Blind);
    }
    let ends = match driver.core.close_lane(&key, &what.note) {
        Ok((_, ends)) => ends,
        // Whether one is open is told by the record.
        Err(why) => {
            return match unread_record(driver, &key.env) {
                Some(blind) => Ok(blind),
                None => state(driver, &key.env, Err(why), "closed", Reach::Everybody).await,
            };
        }
    };
    let mut exit = Exit::Done;
    // Where more than one is open, each has an end of its own.
    for end in ends {
        let one = state(driver, &key.env, Ok(vec![end]), "closed", Reach::Everybody).await?;
        if one != Exit::Done {
            exit = one;
        }
    }
    Ok(exit)
}

async fn list(driver: &mut Driver, env: Option<&str>, output: Output) -> Result<Exit> {
    let chosen: Vec<EnvName> = match env {
        Some(_) => match named(driver, env) {
            Ok(env) => vec![env],
            Err(exit) => return Ok(exit),
        },
        None => driver.world().chosen().map(|env| env.name().clone()).collect(),
    };
    let of = |world: &World| -> Vec<EnvName> {
        let envs = chosen.iter().filter_map(|name| world.environment(name));
        envs.flat_map(|env| world.rests_on(env)).collect()
    };
    // What is owed is told by the environments that were left out.
    let is_known = |env: &Environment| {
        env.is_down(SourceKind::Kubernetes) || env.looked_at() && env.record.is_some() && env.cluster.is_some()
    };
    driver
        .first_look(
            |name| chosen.contains(name),
            |core| {
                let mut asked = of(&core.world).into_iter();
                !core.journal.unread && asked.all(|name| core.world.environment(&name).is_none_or(is_known))
            },
        )
        .await?;
    driver.refresh();
    let (world, now) = (driver.world(), driver.core.now);
    let envs: Vec<&Environment> = chosen.iter().filter_map(|name| world.environment(name)).collect();
    print(&match output {
        Output::Text => lane::text(world, &envs, now),
        Output::Json => json_pretty(&lane::json(world, &envs, now)) + "\n",
    })?;
    let mut exit = Exit::Done;
    for env in &chosen {
        if let Some(blind) = unread_record(driver, env) {
            exit = blind;
        }
    }
    Ok(exit)
}
