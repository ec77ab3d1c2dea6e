//! `cockpit demo`: the screen on the embedded simulator, or the simulator alone.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use color_eyre::eyre::{Result, WrapErr, eyre};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::cli::Exit;
use crate::cli::args::{Demo, Global};
use crate::config::Config;
use crate::config::paths::Variables;
use crate::simulator::{Options, Scenario, Simulator};

/// The scenario that is shown when none is named.
const DEFAULT: &str = "canary";

/// Runs the demo.
pub(super) async fn run(global: &Global, demo: &Demo) -> Result<Exit> {
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
        Err(error) => return Ok(super::headless::usage(&error)),
    };
    let simulator = Simulator::start(&scenario, Options { speed: demo.speed, ..Options::default() })
        .await
        .wrap_err("the simulator does not start")?;
    let folder = tempfile::Builder::new().prefix("release-cockpit-demo-").tempdir().wrap_err("no temporary folder")?;
    let kubeconfig = folder.path().join("kubeconfig");
    simulator.write_kubeconfig(&kubeconfig).wrap_err("cannot write the simulator's kubeconfig")?;
    let file = folder.path().join("cockpit.toml");
    let service = match repository(folder.path()).await {
        Some(repository) => {
            format!("[service]\nrepository = {}\n\n", toml::Value::from(&*repository.to_string_lossy()))
        }
        None => String::new(),
    };
    std::fs::write(&file, service + &simulator.config_toml()).wrap_err("cannot write the simulator's config")?;
    if demo.serve {
        return serve(&simulator, &kubeconfig, &file).await;
    }
    // The real config and the real cluster stay out of it: only how the screen looks is taken from the flags.
    let variables = Variables {
        kubeconfig: Some(kubeconfig.into_os_string()),
        prometheus_url: None,
        state_home: Some(folder.path().join("state")),
        ..Variables::of_process()
    };
    let mut flags = global.flags();
    flags.config = Some(file);
    flags.contexts.clear();
    let config = Config::load(&flags, &variables).map_err(|error| eyre!("the simulator's own config: {error}"))?;
    let _log = super::telemetry::to_file(&variables, config.log).wrap_err("cannot begin the log file")?;
    super::tui::run(config, &variables, Some(name.to_owned())).await
}

/// The history of the service that is played, as `git fast-import` reads it.
const HISTORY: &[u8] = include_bytes!("../../assets/demo.fast-import");

/// Makes the git repository of the service that is played; `None` where there is no git.
async fn repository(folder: &Path) -> Option<PathBuf> {
    let path = folder.join("payments-api.git");
    let git = || {
        let mut git = Command::new("git");
        // Nothing of the user's own settings or repository.
        git.env_clear().env("HOME", folder);
        if let Some(path) = std::env::var_os("PATH") {
            git.env("PATH", path);
        }
        git.stdout(Stdio::null()).stderr(Stdio::null());
        git
    };
    let made = git().args(["init", "-q", "--bare"]).arg(&path).stdin(Stdio::null()).status().await.ok()?;
    let mut import = git().arg("-C").arg(&path).args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn().ok()?;
    // Dropped at the end of the statement: git then knows that this is all.
    import.stdin.take()?.write_all(HISTORY).await.ok()?;
    let filled = import.wait().await.ok()?;
    (made.success() && filled.success()).then_some(path)
}

/// Prints where the simulator is and runs until interrupted.
async fn serve(simulator: &Simulator, kubeconfig: &Path, config: &Path) -> Result<Exit> {
    // The config tells the environments' metrics apart by their label; its line is a comment to `eval`.
    let lines = format!(
        "export KUBECONFIG={}\nexport PROMETHEUS_URL={}\n# cockpit --config {}\n",
        kubeconfig.display(),
        simulator.prometheus_url(),
        config.display()
    );
    let mut out = std::io::stdout();
    out.write_all(lines.as_bytes()).and_then(|()| out.flush()).wrap_err("cannot write to standard output")?;
    let mut signals = super::signals::Signals::listen().wrap_err("cannot listen to signals")?;
    signals.next().await;
    Ok(Exit::Done)
}
