//! The log: to a file while the screen is up, to standard error for headless commands. Never to the screen.

use color_eyre::eyre::Result;
use tracing_subscriber::EnvFilter;

use super::log_file::{LogFile, OneLine};
use super::log_queue::{self, LogGuard};
use crate::config::LogLevel;
use crate::platform::private_files::private_dir;
use crate::platform::{Redactor, Variables};

/// What is logged: our own words at the chosen level, the libraries' warnings. `RUST_LOG` says otherwise.
fn filter(level: LogLevel) -> EnvFilter {
    let own = format!("error,release_cockpit={}", level.as_str());
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(own))
}

/// Logs to a file of the day in the state folder. Without a state folder there is no log; the journal says so louder.
pub(super) fn to_file(variables: &Variables, level: LogLevel, redactor: &Redactor) -> Result<Option<LogGuard>> {
    let Ok(state) = variables.state_dir() else { return Ok(None) };
    let folder = state.join("log");
    if private_dir(&state).and_then(|()| private_dir(&folder)).is_err() {
        return Ok(None);
    }
    let to = LogFile::open(&folder)?;
    let (writer, guard) = log_queue::start(OneLine { to, redactor: redactor.clone() })?;
    tracing_subscriber::fmt().with_env_filter(filter(level)).with_ansi(false).with_writer(writer).init();
    Ok(Some(guard))
}

/// Logs to standard error, if asked for: what a command has to say it says itself.
pub(super) fn to_stderr(asked: Option<LogLevel>, redactor: &Redactor) {
    if asked.is_none() && std::env::var_os("RUST_LOG").is_none() {
        return;
    }
    let level = asked.unwrap_or_default();
    // Colours would be control characters like those that a text may hold.
    let redactor = redactor.clone();
    let writer = move || OneLine { to: std::io::stderr(), redactor: redactor.clone() };
    let logger = tracing_subscriber::fmt().with_env_filter(filter(level)).with_ansi(false).with_writer(writer);
    // A second call, as in tests, changes nothing.
    let _ = logger.try_init();
}
