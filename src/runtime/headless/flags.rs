//! flags: the feature flags of an environment are listed, and turned off and on.

mod list;

use std::collections::BTreeSet;
use std::time::Duration;

use color_eyre::eyre::Result;
use jiff::Timestamp;

use super::act::{agreed, refused, unwritten};
use super::driver::Driver;
use super::{FIRST_DATA_TIMEOUT, complain, print};
use crate::cli::Exit;
use crate::cli::args::{Action, FlagTurnArgs, FlagsCommand, Output};
use crate::cli::lint_flags::{self, LintReport};
use crate::cli::output::json_pretty;
use crate::core::Core;
use crate::domain::facts::direction::Direction;
use crate::domain::facts::flag::rollout::divides;
use crate::domain::facts::flag::{FlagKey, Turn};
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::text::sanitize;
use crate::domain::record::action::Target;
use crate::domain::record::checklist::{BuiltinCheck, Check, How};
use crate::domain::rules::action::flag::{named, verb_of};
use crate::domain::rules::flag_lint::{self, FlagsUnknown};
use crate::domain::world::{Environment, World};

/// How long turning off waits for what its provider lists: long enough to say which flag is meant.
const OFF_CONTEXT_TIMEOUT: Duration = Duration::from_millis(700);

pub(super) async fn run(driver: &mut Driver, what: &FlagsCommand) -> Result<Exit> {
    match what {
        FlagsCommand::List { env, all, output } => list::run(driver, env.as_deref(), *all, *output).await,
        FlagsCommand::Lint { env, all, output } => lint(driver, env.as_deref(), *all, *output).await,
        FlagsCommand::Off(what) => turn_to(driver, what, Turn::Off).await,
        FlagsCommand::On(what) => turn_to(driver, what, Turn::On).await,
        FlagsCommand::Set { what, share } => turn_to(driver, what, Turn::Share(*share)).await,
    }
}

/// Returns the environment of this name, or says that there is none.
fn environment(driver: &Driver, name: &str) -> Option<EnvName> {
    let all: Vec<&str> = driver.world().environments.iter().map(|env| env.name().as_str()).collect();
    if all.contains(&name) {
        return Some(EnvName::new(name));
    }
    complain(driver.redactor(), &format!("there is no environment `{name}`: there are {}", all.join(", ")));
    None
}

/// Whether each provider of an environment has answered, or failed to.
fn is_heard(core: &Core, env: &EnvName) -> bool {
    let env = core.world.environment(env);
    env.is_some_and(|env| env.flags.iter().all(|source| source.heard.link != Link::Never))
}

/// Returns an environment, and those that are watched and the same one at one of its providers.
fn shared_with(world: &World, env: &EnvName) -> BTreeSet<EnvName> {
    let flags = world.environment(env).map(|env| env.flags.as_slice()).unwrap_or_default();
    let others = flags.iter().flat_map(|source| source.settings.shared_with.clone());
    others.filter(|other| world.environment(other).is_some()).chain([env.clone()]).collect()
}

/// Whether the users of each flag that goes to more of them step by step were compared, as far as some have it and some do not.
fn are_compared(core: &Core, env: &EnvName) -> bool {
    let Some(env) = core.world.environment(env).filter(|env| env.settings.has_metrics) else { return true };
    env.flags.iter().all(|source| {
        source.rollouts.iter().all(|rollout| {
            let flag = source.flag(&rollout.settings.flag);
            rollout.compared().is_some() || !flag.is_some_and(|flag| divides(flag.state))
        })
    })
}

/// How long is waited for the commits and the code of the release, which name flags.
const COMMITS_TIMEOUT: Duration = Duration::from_secs(10);

async fn lint(driver: &mut Driver, name: Option<&str>, all: bool, output: Output) -> Result<Exit> {
    let names = match name {
        Some(name) => match environment(driver, name) {
            Some(name) => vec![name],
            None => return Ok(Exit::Usage),
        },
        None => driver.world().environments.iter().map(|env| env.name().clone()).collect(),
    };
    driver.until(FIRST_DATA_TIMEOUT, |core| names.iter().all(|name| are_heard(core, name))).await?;
    driver.until(COMMITS_TIMEOUT, |core| names.iter().all(|name| commits_are_read(core, name))).await?;
    driver.refresh();
    let (world, now) = (driver.world(), driver.core.now);
    let reports: Vec<LintReport<'_>> = names
        .iter()
        .filter_map(|name| world.environment(name))
        .filter(|env| name.is_some() || !env.flags.is_empty())
        .map(|env| LintReport {
            env: env.name(),
            flags: flag_lint::lint(world, env, all, now),
            unknown: unknown(world, env, now),
        })
        .collect();
    print(&match output {
        Output::Json => json_pretty(&lint_flags::json(&reports)) + "\n",
        Output::Text => lint_flags::text(&reports),
    })?;
    Ok(lint_flags::exit(&reports))
}

/// Whether it is known which flags the commits of the release name, or that they cannot name any.
fn commits_are_read(core: &Core, env: &EnvName) -> bool {
    let Some(env) = core.world.environment(env) else { return true };
    !matches!(unknown(&core.world, env, core.now), Some(FlagsUnknown::NotRead))
}

fn unknown(world: &World, env: &Environment, now: Timestamp) -> Option<FlagsUnknown> {
    let candidate = world.candidate(env).map(|candidate| candidate.key);
    flag_lint::unknown(world, (env, candidate.as_deref()), &flag_lint::rules_of(env), now)
}

/// Waits for what a check of flags looks at, where an environment has one, and the analysis of a canary: its providers, those of the
/// environment before, and the commits of the release.
pub(super) async fn settle_check(driver: &mut Driver, env: &EnvName) -> Result<()> {
    let is_flags = |check: &Check| matches!(check.spec.how, How::BuiltinCheck(BuiltinCheck::Flags(_)));
    let Some(known) = driver.world().environment(env) else { return Ok(()) };
    let is_checked = known.checks.iter().any(is_flags);
    let is_analysed = known.workloads.iter().any(|workload| workload.opinion().is_some());
    if !is_checked && (known.flags.is_empty() || !is_analysed) {
        return Ok(());
    }
    let heard = |core: &Core| if is_checked { are_heard(core, env) } else { is_heard(core, env) };
    driver.until(FIRST_DATA_TIMEOUT, heard).await?;
    driver.until(COMMITS_TIMEOUT, |core| commits_are_read(core, env)).await?;
    // What the analysis is told of them comes a moment later.
    driver.until(FIRST_DATA_TIMEOUT, |core| core.world.environment(env).is_none_or(Environment::looked_at)).await?;
    Ok(())
}

/// The same of an environment and the one before it.
fn are_heard(core: &Core, env: &EnvName) -> bool {
    let before = core.world.environment(env).and_then(|env| core.world.previous(env));
    is_heard(core, env) && before.is_none_or(|before| is_heard(core, before.name()))
}

async fn turn_to(driver: &mut Driver, what: &FlagTurnArgs, turn: Turn) -> Result<Exit> {
    let Some(env) = environment(driver, &what.env) else { return Ok(Exit::Usage) };
    // Whether fewer users get a share is known once it is listed.
    let first_look = if turn == Turn::Off { OFF_CONTEXT_TIMEOUT } else { FIRST_DATA_TIMEOUT };
    driver.until(first_look, |core| is_heard(core, &env)).await?;
    driver.refresh();
    let is_backward = takes_from(driver, &env, &what.flag, turn);
    let verb = verb_of(turn, if is_backward { Direction::Backward } else { Direction::Forward });
    if !is_backward {
        prepare_on(driver, &env).await?;
        driver.refresh();
    }
    let key = match driver.world().environment(&env).map(|known| named(known, &what.flag)) {
        Some(Ok(key)) => key,
        Some(Err(refusal)) => return Ok(refused(driver.redactor(), &what.flag, verb, &[refusal])),
        None => return Ok(Exit::Usage),
    };
    if !is_backward {
        // Those that are the same one at the provider are asked, too.
        let shared = shared_with(driver.world(), &env);
        driver.until(FIRST_DATA_TIMEOUT, |core| shared.iter().all(|env| are_compared(core, env))).await?;
        settle_open(driver, &key).await?;
    }
    let plan = match driver.core.plan_flag(&key, turn) {
        Ok(plan) => plan,
        Err(refusals) => return Ok(refused(driver.redactor(), &what.flag, verb, &refusals)),
    };
    let (yes, confirm) = (what.yes, what.confirm.clone());
    let asked = Action { target: None, yes, confirm, lane: None, timeout: Duration::ZERO, no_wait: false };
    let Some(plan) = agreed(driver, plan, &asked).await? else {
        return Ok(Exit::NoGo);
    };
    let headline = plan.record().headline.clone();
    let (outcome, _) = driver.perform(plan, Duration::ZERO).await?;
    let line = sanitize(&format!("{env}: {headline}: {}", outcome.describe())).into_owned();
    if outcome.is_done() {
        print(&format!("{line}\n"))?;
    } else {
        complain(driver.redactor(), &line);
    }
    said_if_unwritten(driver).await?;
    Ok(if outcome.is_done() { Exit::Done } else { Exit::of_outcome(&outcome) })
}

/// Whether a flag is only taken from users, as far as its list says.
fn takes_from(driver: &Driver, env: &EnvName, name: &str, turn: Turn) -> bool {
    let env = driver.world().environment(env);
    let state = env.and_then(|env| {
        let key = named(env, name).ok()?;
        Some(env.flag_source(&key.provider)?.flag(&key.flag)?.state)
    });
    state.map_or(turn == Turn::Off, |state| turn.takes_from(state))
}

/// Waits until what was left open on a flag is settled: an off that is in doubt may still be carried out. Another off waits for
/// nothing.
async fn settle_open(driver: &mut Driver, key: &FlagKey) -> Result<()> {
    let target = Target::Flag(key.clone());
    if let Some(open) = driver.core.in_flight.get(&target) {
        complain(driver.redactor(), &format!("settling what was left open: {}", open.record.headline));
    }
    while driver.core.in_flight.contains_key(&target) {
        driver.next().await?;
    }
    driver.refresh();
    Ok(())
}

/// Looks at everything that turning on rests on, as for a promotion.
async fn prepare_on(driver: &mut Driver, env: &EnvName) -> Result<()> {
    // Those that are the same one at the provider are asked, too.
    let shared = shared_with(driver.world(), env);
    driver
        .until(FIRST_DATA_TIMEOUT, |core| !core.journal.unread && shared.iter().all(|env| is_heard(core, env)))
        .await?;
    for asked in &shared {
        super::checklist::settle(driver, asked).await?;
    }
    // A promotion needs a journal that can be written; whether it can is known after trying.
    let (dispatcher, release) = (driver.session().dispatcher.clone(), format!("flags {env}"));
    driver.meanwhile(async move { dispatcher.probe(&release).await }).await
}

async fn said_if_unwritten(driver: &mut Driver) -> Result<()> {
    let state = driver.journal_at_rest().await?;
    if let Some(why) = state.broken {
        complain(driver.redactor(), &unwritten(state.unwritten, &why));
    }
    Ok(())
}
