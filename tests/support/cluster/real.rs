//! The real servers that `tests/cluster/up` brings up.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use futures::future::BoxFuture;
use tokio::process::Command;

use super::{ApiServer, TestCluster};
use crate::check::Checked;

const RUN_FOLDER: &str = "COCKPIT_CLUSTER";

/// Where the real servers run.
#[derive(Clone, Debug)]
pub struct RealCluster {
    /// Process ids, logs and kubeconfig.
    run: PathBuf,
    /// Beside it: programs.
    folder: PathBuf,
}

impl RealCluster {
    /// Why there is none, if so.
    pub fn missing() -> Option<&'static str> {
        std::env::var_os(RUN_FOLDER).is_none().then_some("no cluster: eval \"$(tests/cluster/up)\" brings one up")
    }

    /// Finds it by the variables that `tests/cluster/up` prints.
    pub fn find() -> Checked<Self> {
        let run = PathBuf::from(std::env::var_os(RUN_FOLDER).ok_or("COCKPIT_CLUSTER is not set")?);
        let folder = run.parent().ok_or("COCKPIT_CLUSTER has no parent")?.to_owned();
        Ok(Self { run, folder })
    }

    /// The cluster as tests use it.
    pub fn cluster(&self) -> TestCluster {
        TestCluster::new(self.kubeconfig(), Some(self.tools()), Box::new(self.clone()))
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.run.join("kubeconfig")
    }

    /// The folder of `kubectl` and `kubectl-argo-rollouts`.
    pub fn tools(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// What the API server writes down of each write, if it does.
    pub fn audit_log(&self) -> PathBuf {
        self.run.join("audit.log")
    }

    /// Sends a signal, e.g. `KILL`, to a server, e.g. `etcd`.
    pub fn signal(&self, server: &str, signal: &str) -> Checked {
        let pid = std::fs::read_to_string(self.run.join(format!("{server}.pid")))?;
        let sent = std::process::Command::new("kill").args(["-s", signal, pid.trim()]).status()?;
        if sent.success() { Ok(()) } else { Err(format!("{server} takes no {signal}").into()) }
    }

    /// Runs a script of `tests/cluster`. What it starts outlives this process: no descriptor is inherited.
    pub async fn run_script(&self, script: &str, arguments: &[&str]) -> Checked {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cluster").join(script);
        let status = Command::new(path)
            .args(arguments)
            .env("COCKPIT_CLUSTER_DIR", &self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await?;
        if status.success() { Ok(()) } else { Err(format!("{script} {arguments:?}: {status}").into()) }
    }
}

impl ApiServer for RealCluster {
    fn stop(&self) -> BoxFuture<'_, Checked> {
        Box::pin(self.run_script("restart-apiserver", &["stop"]))
    }

    fn start(&self) -> BoxFuture<'_, Checked> {
        Box::pin(self.run_script("restart-apiserver", &["start"]))
    }
}
