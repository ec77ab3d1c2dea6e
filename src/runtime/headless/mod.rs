//! Commands without a screen: the same core and engine, with an "until" and printing.

mod act;
pub(super) mod backtest;
mod changes;
mod checklist;
pub(super) mod config;
mod driver;
mod flags;
mod freeze;
mod init;
pub(super) mod judge;
mod lane;
pub(super) mod log;
mod owner;
mod plan;
mod preflight;
mod status;
mod tag;
pub(super) mod trust;
mod verify;
mod wait;

use std::io::Write as _;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr};

use super::engine::{Engine, Observations};
use super::report::redact_and_sanitize;
use super::signals::{ShutdownRequest, Signals};
use crate::cli::args::{FlagsCommand, LaneCommand};
use crate::cli::{Command, Exit, target};
use crate::config::Config;
use crate::domain::facts::ids::{EnvName, WorkloadKey};
use crate::domain::facts::text::sanitize_lines;
use crate::platform::kubeconfig::Cluster;
use crate::platform::login::{LOGIN_TIMEOUT, LoginError};
use crate::platform::{Redactor, Variables};
use driver::Driver;

/// How long a first look at everything may take.
const FIRST_DATA_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs a command that needs the outside.
pub(super) async fn run(config: Config, variables: &Variables, redactor: &Redactor, command: &Command) -> Result<Exit> {
    let mut signals = Signals::listen().wrap_err("cannot listen to signals")?;
    if let Command::Init(what) = command {
        return tokio::select! {
            ended = init::run(config, variables, redactor, what) => ended,
            ShutdownRequest::End(_) = signals.next() => Ok(Exit::Interrupted),
        };
    }
    warn_of_distrust(&config, redactor);
    let origin = config.origin.as_ref().map(|origin| origin.path.display().to_string());
    let asked = config.clone();
    let observations = match command {
        Command::Status(_)
        | Command::Flags(FlagsCommand::List { .. } | FlagsCommand::Lint { .. })
        | Command::Lane(LaneCommand::List { .. })
        | Command::Changes(_)
        | Command::Plan(_)
        | Command::Preflight(_) => Observations::Dropped,
        _ => Observations::Recorded,
    };
    let (engine, core) = match Engine::open(config, variables, redactor, observations, None).await {
        Ok(opened) => opened,
        Err(error) => return Ok(usage(redactor, &error)),
    };
    let mut driver = Driver::start(engine, core);
    let work = async {
        match command {
            Command::Status(what) => status::run(&mut driver, what).await,
            Command::Changes(what) => changes::run(&mut driver, &asked, variables, what).await,
            Command::Plan(what) => plan::run(&mut driver, what).await,
            Command::Wait(what) => wait::run(&mut driver, what).await,
            Command::Preflight(what) => preflight::run(&mut driver, what, origin).await,
            Command::Gate(what) => checklist::gate(&mut driver, what).await,
            Command::Check(what) => checklist::check(&mut driver, what).await,
            Command::Ack(what) => checklist::ack(&mut driver, what).await,
            Command::Sign(what) => checklist::sign(&mut driver, what).await,
            Command::Require(what) => checklist::require(&mut driver, what).await,
            Command::Freeze(what) => freeze::freeze(&mut driver, what).await,
            Command::Flags(what) => flags::run(&mut driver, what).await,
            Command::Owner(what) => owner::run(&mut driver, what).await,
            Command::Tag(what) => tag::run(&mut driver, what).await,
            Command::Unfreeze(what) => freeze::unfreeze(&mut driver, what).await,
            Command::Lane(what) => lane::run(&mut driver, what).await,
            command => act::run(&mut driver, command).await,
        }
    };
    let ended = tokio::select! {
        ended = work => ended,
        ShutdownRequest::End(_) = signals.next() => Ok(Exit::Interrupted),
    };
    driver.end().await;
    ended
}

/// Logs in where a cluster wants it, and passes on what the login says; what fails is told by the first request.
async fn log_in(cluster: &Cluster, redactor: &Redactor) {
    let Some(login) = &cluster.login else { return };
    let logged_in = login.credential(LOGIN_TIMEOUT);
    tokio::pin!(logged_in);
    let mut told = None;
    loop {
        tokio::select! {
            _ = &mut logged_in => return,
            says = login.hindrance_after(told.as_ref()) => {
                if let Some(LoginError::Waiting(words)) = says.as_ref().filter(|_| told != says) {
                    if !words.is_empty() {
                        complain(redactor, &format!("{}: {words}", cluster.context));
                    }
                }
                told = says;
            }
        }
    }
}

/// Says once what of a config is not used.
fn warn_of_distrust(config: &Config, redactor: &Redactor) {
    if let Some(what) = config.distrusted() {
        complain(redactor, &what);
    }
    for what in config.record.warnings() {
        complain(redactor, &what);
    }
}

/// Says on standard error what is wrong with the command line or the config.
pub(super) fn usage(redactor: &Redactor, error: &dyn std::error::Error) -> Exit {
    complain(redactor, &error.to_string());
    Exit::Usage
}

/// Returns the workload that a command is about; where there is none it has been said why, and how the command ends.
async fn chosen(driver: &mut Driver, words: Option<&str>) -> Result<std::result::Result<WorkloadKey, Exit>> {
    // Names are derived from what is configured; what is discovered has to be seen first.
    let named = target::named(driver.world(), words);
    let matters = |env: &EnvName| named.contains(env);
    driver
        .first_look(matters, |core| {
            let mut all = core.world.environments.iter().filter(|env| matters(env.name()));
            all.all(|env| !env.workloads.is_empty() || env.looked_at())
        })
        .await?;
    if let Some(why) = target::out_of_reach(driver.world(), &named) {
        complain(driver.redactor(), &why);
        return Ok(Err(Exit::Error));
    }
    Ok(target::resolve(driver.world(), words).map_err(|error| usage(driver.redactor(), &error)))
}

/// Says something on standard error, where nothing of it moves a cursor or is secret ([law 7](crate#laws)).
fn complain(redactor: &Redactor, text: &str) {
    let safe = redact_and_sanitize(text, redactor);
    // A further line is not to be taken for one of ours.
    let safe = safe.trim_end().replace('\n', "\n  ");
    // No one is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "cockpit: {safe}");
}

/// Prints to standard output, where nothing of it moves a cursor; a reader that has gone away (`| head`) is no error.
///
/// What is printed was made safe where it was worded; this is the last place, for what was forgotten.
pub(super) fn print(text: &str) -> Result<()> {
    print_raw(sanitize_lines(text).as_bytes())
}

/// Prints bytes as they are: ours, or what another program is to read.
pub(super) fn print_raw(bytes: &[u8]) -> Result<()> {
    match std::io::stdout().write_all(bytes).and_then(|()| std::io::stdout().flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.wrap_err("cannot write to standard output"),
    }
}

pub(super) fn completions(shell: clap_complete::Shell) -> Result<Exit> {
    print_raw(&crate::cli::print::completions(shell))?;
    Ok(Exit::Done)
}

pub(super) fn man() -> Result<Exit> {
    let page = crate::cli::print::man().wrap_err("cannot write the man page")?;
    print_raw(&page)?;
    Ok(Exit::Done)
}
