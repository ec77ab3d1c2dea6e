//! `cockpit demo` and `cockpit drill`: the screen on the embedded simulator, or the simulator alone.

pub(super) mod drill;
mod drill_observer;
mod sandbox;

use std::io::Write as _;

use color_eyre::eyre::{Result, WrapErr};

use crate::cli::Exit;
use crate::cli::args::{Demo, Global};
use crate::platform::Redactor;
use sandbox::Sandbox;
use simulator::{Options, Scenario};

/// The scenario that is shown when none is named.
const DEFAULT: &str = "canary";

pub(super) async fn run(global: &Global, demo: &Demo, redactor: &Redactor) -> Result<Exit> {
    if demo.list {
        let list = Scenario::list().iter().fold(String::new(), |all, (name, title)| {
            format!(
                "{all}{name:<16} {title}
"
            )
        });
        std::io::stdout().write_all(list.as_bytes()).wrap_err("cannot write to standard output")?;
        return Ok(Exit::Done);
    }
    let name = demo.scenario.as_deref().unwrap_or(DEFAULT);
    let scenario = match Scenario::load(name) {
        Ok(scenario) => scenario,
        Err(error) => return Ok(super::headless::usage(redactor, &error)),
    };
    let sandbox = Sandbox::prepare(&scenario, Options { speed: demo.speed, ..Options::default() }).await?;
    if demo.serve {
        return serve(&sandbox).await;
    }
    let (config, variables) = sandbox.config(global)?;
    let _log =
        super::telemetry::to_file(&variables, config.log.level, redactor).wrap_err("cannot begin the log file")?;
    super::tui::run(config, &variables, redactor, Some(name.to_owned()), None, global.record.as_deref()).await
}

/// Prints where the simulator is and runs until interrupted.
async fn serve(sandbox: &Sandbox) -> Result<Exit> {
    // The config tells the environments' metrics apart by their label; its line is a comment to `eval`.
    let lines = format!(
        "export KUBECONFIG={}\nexport PROMETHEUS_URL={}\n# cockpit --config {}\n",
        sandbox.kubeconfig.display(),
        sandbox.simulator.prometheus_url(),
        sandbox.file.display()
    );
    let mut out = std::io::stdout();
    out.write_all(lines.as_bytes()).and_then(|()| out.flush()).wrap_err("cannot write to standard output")?;
    let mut signals = super::signals::Signals::listen().wrap_err("cannot listen to signals")?;
    signals.next().await;
    Ok(Exit::Done)
}
