//! Where the rooms are tied together: sessions, the loop behind the screen, the terminal, signals, headless commands.

#[cfg(feature = "demo")]
mod demo;
mod engine;
mod environment;
mod flags;
mod frame_writer;
mod headless;
mod input;
mod log_file;
mod log_queue;
mod pacing;
mod pipelines;
mod pull_requests;
mod quiet;
pub mod recording;
mod registry;
pub mod report;
mod session;
mod signals;
mod tap;
mod telemetry;
mod terminal;
mod tui;

use color_eyre::eyre::{Result, WrapErr};

use crate::cli::{Args, Command, Exit};
use crate::config::Config;
use crate::platform::{Redactor, Variables, tls};

/// Runs what the command line asks for.
///
/// # Errors
/// What went wrong, with what to do about it.
pub async fn run(args: Args, redactor: &Redactor) -> Result<Exit> {
    match &args.command {
        Some(Command::Completions { shell }) => return headless::completions(*shell),
        Some(Command::Man) => return headless::man(),
        Some(Command::Config(what)) => return headless::config::run(&args.global, what, redactor),
        Some(Command::Trust(what)) => return headless::trust::run(&args.global, what, redactor).await,
        Some(Command::Judge(what)) => return headless::judge::run(what, redactor),
        #[cfg(feature = "demo")]
        Some(Command::Demo(demo)) => return Box::pin(demo::run(&args.global, demo, redactor)).await,
        #[cfg(feature = "demo")]
        Some(Command::Drill(drill)) => return Box::pin(demo::drill::run(&args.global, drill, redactor)).await,
        _ => {}
    }
    if !matches!(args.command, Some(Command::Log(_))) {
        // No one waits for it: what needs it waits on its own.
        drop(tokio::task::spawn_blocking(tls::warm_up));
    }
    let variables = Variables::of_process();
    let flags = args.global.flags();
    let config = match Config::load(&flags, &variables) {
        Ok(config) => config,
        Err(error) => return Ok(headless::usage(redactor, &error)),
    };
    match &args.command {
        Some(Command::Log(log)) => headless::log::run(&config, &variables, redactor, log).await,
        None => {
            let _log =
                telemetry::to_file(&variables, config.log.level, redactor).wrap_err("cannot begin the log file")?;
            tui::run(config, &variables, redactor, None, None, args.global.record.as_deref()).await
        }
        Some(Command::Backtest(what)) => {
            telemetry::to_stderr(args.global.log_level, redactor);
            headless::backtest::run(config, &variables, redactor, what).await
        }
        Some(command) => {
            telemetry::to_stderr(args.global.log_level, redactor);
            Box::pin(headless::run(config, &variables, redactor, command)).await
        }
    }
}
