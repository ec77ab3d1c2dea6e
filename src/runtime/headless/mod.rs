//! Commands without a screen. What a key can do, a command can do, through the same core and the same door.

mod act;
pub(super) mod backtest;
mod changes;
mod checklist;
pub(super) mod config;
mod init;
pub(super) mod judge;
pub(super) mod log;
mod preflight;
mod status;
mod wait;

use std::io::Write as _;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr};
use jiff::Timestamp;
use tokio::time::Instant;

use super::report::tame;
use super::session::Session;
use super::signals::{Asked, Signals};
use crate::cli::{Command, Exit};
use crate::config::Config;
use crate::domain::feed::Feed;
use crate::domain::freshness::{Link, SourceKind};
use crate::domain::text::visible_lines;
use crate::domain::world::{Environment, WorkloadState, World};
use crate::platform::{Redactor, Variables};

/// How long a first look at everything may take.
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// Runs a command that needs a session.
pub(super) async fn run(config: Config, variables: &Variables, redactor: &Redactor, command: &Command) -> Result<Exit> {
    if let Command::Init(what) = command {
        return init::run(config, variables, redactor, what).await;
    }
    let origin = config.origin.as_ref().map(|origin| origin.path.display().to_string());
    let asked = config.clone();
    let mut session = match Session::open(config, variables, redactor).await {
        Ok(session) => session,
        Err(error) => return Ok(usage(redactor, &error)),
    };
    session.start();
    let mut signals = Signals::listen().wrap_err("cannot listen to signals")?;
    let work = async {
        match command {
            Command::Status(what) => status::run(&mut session, what).await,
            Command::Changes(what) => changes::run(&mut session, &asked, variables, what).await,
            Command::Wait(what) => wait::run(&mut session, what).await,
            Command::Preflight(what) => preflight::run(&mut session, what, origin).await,
            Command::Gate(what) => checklist::gate(&mut session, what).await,
            Command::Check(what) => checklist::check(&mut session, what).await,
            Command::Ack(what) => checklist::ack(&mut session, what).await,
            Command::Sign(what) => checklist::sign(&mut session, what).await,
            command => act::run(&mut session, command).await,
        }
    };
    let ended = tokio::select! {
        ended = work => ended,
        Asked::End(_) = signals.next() => Ok(Exit::Interrupted),
    };
    session.end().await;
    ended
}

/// Says on standard error what is wrong with the command line or the config.
pub(super) fn usage(redactor: &Redactor, error: &dyn std::error::Error) -> Exit {
    complain(redactor, &error.to_string());
    Exit::Usage
}

/// Says something on standard error, where nothing of it moves a cursor or is secret (law 7).
fn complain(redactor: &Redactor, text: &str) {
    let safe = tame(text, redactor);
    // A further line is not to be taken for one of ours.
    let safe = safe.trim_end().replace('\n', "\n  ");
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "cockpit: {safe}");
}

/// Prints to standard output, where nothing of it moves a cursor; a reader that has gone away (`| head`) is no error.
///
/// What is printed was made safe where it was worded; this is the last door, for what was forgotten.
pub(super) fn print(text: &str) -> Result<()> {
    print_raw(visible_lines(text).as_bytes())
}

/// Prints bytes as they are: ours, or what another program is to read.
pub(super) fn print_raw(bytes: &[u8]) -> Result<()> {
    match std::io::stdout().write_all(bytes).and_then(|()| std::io::stdout().flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.wrap_err("cannot write to standard output"),
    }
}

/// Prints a completion script.
pub(super) fn completions(shell: clap_complete::Shell) -> Result<Exit> {
    print_raw(&crate::cli::print::completions(shell))?;
    Ok(Exit::Done)
}

/// Prints the man page.
pub(super) fn man() -> Result<Exit> {
    let page = crate::cli::print::man().wrap_err("cannot write the man page")?;
    print_raw(&page)?;
    Ok(Exit::Done)
}

/// Takes in what sources say until `enough` holds, or time is over; returns whether it holds.
async fn look_until(session: &mut Session, within: Duration, enough: impl Fn(&World) -> bool) -> bool {
    let until = Instant::now() + within;
    loop {
        if enough(&session.world) {
            return true;
        }
        tokio::select! {
            () = session.inbox.arrived() => take_in(session),
            () = tokio::time::sleep_until(until) => return enough(&session.world),
        }
    }
}

/// Takes in what waits.
fn take_in(session: &mut Session) {
    let now = Timestamp::now();
    for feed in session.inbox.drain() {
        if let Feed::Access { env, access } = &feed {
            session.door.learn(env, access);
        }
        session.world.take(feed, now);
    }
    session.world.rejudge(now);
    session.ask(&session.world);
}

/// Whether the judge has spoken where there is something to judge.
fn judged(workload: &WorkloadState) -> bool {
    let both = workload.status.as_ref().is_some_and(|status| status.canary.is_some() && status.stable.is_some());
    !both || workload.opinion().is_some()
}

/// Whether everything that can be known of an environment at a first look is known, or known to be out of reach.
fn looked_at(env: &Environment) -> bool {
    let down = |kind| env.links.get(&kind).is_some_and(|heard| matches!(heard.link, Link::Down(_)));
    if down(SourceKind::Kubernetes) {
        return true;
    }
    let seen =
        !env.workloads.is_empty() && env.workloads.iter().all(|workload| workload.missing || workload.status.is_some());
    let measured = !env.settings.has_metrics
        || down(SourceKind::Prometheus)
        || env.workloads.iter().all(|workload| workload.missing || (workload.signals.at.is_some() && judged(workload)));
    seen && measured && env.kubernetes().at.is_some()
}
