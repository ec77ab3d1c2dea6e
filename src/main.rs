//! The `cockpit` binary.

use std::process::ExitCode;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr as _};
use release_cockpit::cli::Args;
use release_cockpit::platform::Redactor;
use release_cockpit::runtime::{self, report};

/// How long tasks may take to end when everything else has.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let redactor = Redactor::default();
    match run(&redactor) {
        Ok(code) => code,
        Err(error) => {
            report::failed(&error, &redactor);
            ExitCode::FAILURE
        }
    }
}

fn run(redactor: &Redactor) -> Result<ExitCode> {
    report::install(redactor)?;
    let args = match Args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(error) => report::misused(&error, redactor),
    };
    // The screen is drawn on this thread; sources work on the others, so that decoding never delays a key.
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .wrap_err("cannot start the runtime")?;
    let ended = tokio.block_on(runtime::run(args, redactor));
    tokio.shutdown_timeout(SHUTDOWN_TIMEOUT);
    Ok(ExitCode::from(ended?.code()))
}
