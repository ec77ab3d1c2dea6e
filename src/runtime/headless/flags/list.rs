//! flags list: the flags of one environment, or what each flag is in all of them.

use color_eyre::eyre::Result;

use super::super::driver::Driver;
use super::super::{FIRST_DATA_TIMEOUT, print};
use super::{COMMITS_TIMEOUT, are_compared, commits_are_read, environment, is_heard, unknown};
use crate::cli::args::Output;
use crate::cli::flag_environments::{self, Asked};
use crate::cli::output::json_pretty;
use crate::cli::{Exit, flags};
use crate::core::Core;
use crate::domain::facts::ids::EnvName;

pub(super) async fn run(driver: &mut Driver, name: Option<&str>, all: bool, output: Output) -> Result<Exit> {
    match name {
        Some(name) => of_environment(driver, name, all, output).await,
        None => of_all(driver, all, output).await,
    }
}

async fn of_environment(driver: &mut Driver, name: &str, all: bool, output: Output) -> Result<Exit> {
    let Some(name) = environment(driver, name) else { return Ok(Exit::Usage) };
    driver.until(FIRST_DATA_TIMEOUT, |core| is_heard(core, &name)).await?;
    driver.until(COMMITS_TIMEOUT, |core| commits_are_read(core, &name) && are_compared(core, &name)).await?;
    if output == Output::Json {
        driver.until(FIRST_DATA_TIMEOUT, |core| with_flags(core).iter().all(|name| is_heard(core, name))).await?;
    }
    driver.refresh();
    let (world, now) = (driver.world(), driver.core.now);
    let Some(env) = world.environment(&name) else { return Ok(Exit::Usage) };
    let (chosen, unknown) = (flags::chosen(env, all), unknown(world, env, now));
    print(&match output {
        Output::Json => json_pretty(&flags::json(world, env, &chosen, unknown.as_ref(), now)) + "\n",
        Output::Text => flags::text(env, &chosen, unknown.as_ref(), now),
    })?;
    Ok(if flags::is_complete(env, now) { Exit::Done } else { Exit::Blind })
}

async fn of_all(driver: &mut Driver, all: bool, output: Output) -> Result<Exit> {
    let names = with_flags(&driver.core);
    driver.until(FIRST_DATA_TIMEOUT, |core| names.iter().all(|name| is_heard(core, name))).await?;
    driver.until(COMMITS_TIMEOUT, |core| names.iter().all(|name| commits_are_read(core, name))).await?;
    driver.refresh();
    let (world, now) = (driver.world(), driver.core.now);
    let environments = names.iter().filter_map(|name| world.environment(name));
    let asked: Vec<Asked<'_>> = environments.map(|env| (env, unknown(world, env, now))).collect();
    let rows = flag_environments::chosen(&asked, all);
    print(&match output {
        Output::Json => json_pretty(&flag_environments::json(world, &asked, &rows, now)) + "\n",
        Output::Text => flag_environments::text(world, &asked, &rows, now),
    })?;
    let is_complete = !asked.is_empty() && asked.iter().all(|(env, _)| flags::is_complete(env, now));
    Ok(if is_complete { Exit::Done } else { Exit::Blind })
}

/// Returns the environments that have providers of flags.
fn with_flags(core: &Core) -> Vec<EnvName> {
    let environments = core.world.environments.iter().filter(|env| !env.flags.is_empty());
    environments.map(|env| env.name().clone()).collect()
}
