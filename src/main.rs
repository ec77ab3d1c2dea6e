//! The `cockpit` binary.

use std::process::ExitCode;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr as _};
use release_cockpit::cli::Args;
use release_cockpit::runtime::{self, report};

/// How long tasks may take to end when everything else has.
const LEAVE: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            report::failed(&error);
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    report::install()?;
    let args = match Args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(error) => report::misused(&error),
    };
    // The screen is drawn on this thread; sources work on the others, so that decoding never delays a key.
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .wrap_err("cannot start the runtime")?;
    let ended = tokio.block_on(runtime::run(args));
    tokio.shutdown_timeout(LEAVE);
    Ok(ExitCode::from(ended?.code()))
}
