//! What a demo runs in: simulated servers, and a folder in the place of the user's home.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use color_eyre::eyre::{Result, WrapErr, eyre};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::cli::args::Global;
use crate::config::Config;
use crate::platform::Variables;
use simulator::{Options, Scenario, Simulator};

/// A simulation with its files. Gone when dropped.
pub(super) struct Sandbox {
    pub(super) simulator: Simulator,
    /// The kubeconfig that leads to them.
    pub(super) kubeconfig: PathBuf,
    pub(super) file: PathBuf,
    folder: tempfile::TempDir,
}

impl Sandbox {
    /// Starts the servers and writes the files.
    pub(super) async fn prepare(scenario: &Scenario, options: Options) -> Result<Self> {
        let simulator = Simulator::start(scenario, options).await.wrap_err("the simulator does not start")?;
        let folder =
            tempfile::Builder::new().prefix("release-cockpit-demo-").tempdir().wrap_err("no temporary folder")?;
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
        Ok(Self { simulator, kubeconfig, file, folder })
    }

    /// Reads the config. The real one and the real cluster stay out of it: only how the screen looks is taken from the
    /// flags.
    pub(super) fn config(&self, global: &Global) -> Result<(Config, Variables)> {
        let variables = Variables {
            kubeconfig: Some(self.kubeconfig.clone().into_os_string()),
            prometheus_url: None,
            state_home: Some(self.folder.path().join("state")),
            ..Variables::of_process()
        };
        let mut flags = global.flags();
        flags.config = Some(self.file.clone());
        flags.contexts.clear();
        let config = Config::load(&flags, &variables).map_err(|error| eyre!("the simulator's own config: {error}"))?;
        Ok((config, variables))
    }
}

/// The history of the demo service, as `git fast-import` reads it.
const HISTORY: &[u8] = include_bytes!("history.fast-import");

/// Makes the git repository of the demo service; `None` where there is no git.
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
