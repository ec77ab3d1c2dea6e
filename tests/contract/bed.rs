//! The beds: where the contract is tried. Each maker gives a bed, or says why there is none.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use kube::config::{KubeConfigOptions, Kubeconfig};
use simulator::faults::Faults;
use simulator::{Options, Scenario, Simulator};
use tokio::process::Command;

use crate::Checked;

/// A kind of bed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// The embedded simulator, a fresh one for each trial.
    Simulator,
    /// Real servers, brought up by `tests/cluster/up`.
    Real,
}

/// One trial at a time where the API server goes away; all others side by side.
static TURN: RwLock<()> = RwLock::new(());

/// Keeps others from taking the API server away, or from needing it.
#[expect(dead_code, reason = "held, not read")]
pub enum Turn {
    /// Side by side with others.
    Shared(RwLockReadGuard<'static, ()>),
    /// Nothing is shared.
    Free,
    /// Alone.
    Alone(RwLockWriteGuard<'static, ()>),
}

impl Maker {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Simulator, Self::Real];

    /// Returns the word that trials are named with.
    pub fn word(self) -> &'static str {
        match self {
            Self::Simulator => "simulator",
            Self::Real => "real",
        }
    }

    /// Returns why there is no such bed here, if so.
    pub fn missing(self) -> Option<&'static str> {
        match self {
            Self::Real if std::env::var_os("COCKPIT_CLUSTER").is_none() => {
                Some("no cluster: eval \"$(tests/cluster/up)\" brings one up")
            }
            Self::Real | Self::Simulator => None,
        }
    }

    /// Waits for its turn.
    pub fn turn(self, alone: bool) -> Turn {
        match self {
            // A trial that failed has poisoned nothing: the lock guards no data.
            Self::Real if alone => Turn::Alone(TURN.write().unwrap_or_else(std::sync::PoisonError::into_inner)),
            // Each trial on the simulator has one of its own.
            Self::Simulator => Turn::Free,
            Self::Real => Turn::Shared(TURN.read().unwrap_or_else(std::sync::PoisonError::into_inner)),
        }
    }

    /// Makes a bed. It must be called in a runtime.
    pub async fn make(self) -> Checked<Bed> {
        match self {
            Self::Simulator => {
                let simulator = Simulator::start(&Scenario::parse("contract", EMPTY)?, Options::default()).await?;
                let home = tempfile::tempdir()?;
                let kubeconfig = home.path().join("kubeconfig");
                simulator.write_kubeconfig(&kubeconfig)?;
                // The tools of the real bed look at the simulator too, where they are there.
                let tools = std::env::var_os("COCKPIT_CLUSTER").map(PathBuf::from);
                let tools = tools.and_then(|run| Some(run.parent()?.join("bin")));
                Ok(Bed { kubeconfig, tools, server: Server::Simulator { simulator: Box::new(simulator), _home: home } })
            }
            Self::Real => {
                let run = PathBuf::from(std::env::var_os("COCKPIT_CLUSTER").ok_or("COCKPIT_CLUSTER is not set")?);
                let kubeconfig = run.join("kubeconfig");
                let dir = run.parent().ok_or("COCKPIT_CLUSTER has no parent")?.to_owned();
                Ok(Bed { kubeconfig, tools: Some(dir.join("bin")), server: Server::Real { dir } })
            }
        }
    }
}

/// A simulated cluster with nothing in it.
const EMPTY: &str = r#"
title = "Nothing"
story = "An empty cluster."

[workload]
kind = "deployment"
name = "bystander"
replicas = 1

[[environments]]
name = "bed"
context = "bed"
namespace = "bystander"
history = [{ image = "registry.example/bystander:1.0.0", age = "1d" }]
"#;

enum Server {
    Simulator { simulator: Box<Simulator>, _home: tempfile::TempDir },
    Real { dir: PathBuf },
}

/// A place with an API server and the controllers that a release needs.
pub struct Bed {
    kubeconfig: PathBuf,
    tools: Option<PathBuf>,
    server: Server,
}

impl Bed {
    /// Returns the kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Returns what a client needs to be `who`.
    pub async fn config(&self, who: &str) -> Checked<kube::Config> {
        let options = KubeConfigOptions { context: Some(who.to_owned()), ..KubeConfigOptions::default() };
        let mut config =
            kube::Config::from_custom_kubeconfig(Kubeconfig::read_from(&self.kubeconfig)?, &options).await?;
        config.default_retry = false;
        Ok(config)
    }

    /// Returns the path of `kubectl` or `kubectl-argo-rollouts`, where they are.
    pub fn tool(&self, name: &str) -> Option<PathBuf> {
        self.tools.as_ref().map(|dir| dir.join(name)).filter(|path| path.exists())
    }

    /// Takes bob's right to patch a resource, where rights are not told by objects; returns whether they are not.
    pub fn deny_bob(&self, resource: &str) -> Checked<bool> {
        match &self.server {
            Server::Simulator { simulator, .. } => {
                let cluster = simulator.cluster("bed").ok_or("there is no cluster `bed`")?;
                cluster.access().deny("bob", "patch", resource);
                Ok(true)
            }
            Server::Real { .. } => Ok(false),
        }
    }

    /// Takes the API server away.
    pub async fn take_away(&self) -> Checked {
        match &self.server {
            Server::Simulator { simulator, .. } => faults(simulator)?.begin_outage(),
            Server::Real { dir } => restart_apiserver(dir, "stop").await?,
        }
        Ok(())
    }

    /// Brings the API server back, and waits until it is ready.
    pub async fn bring_back(&self) -> Checked {
        match &self.server {
            Server::Simulator { simulator, .. } => faults(simulator)?.end_outage(),
            Server::Real { dir } => restart_apiserver(dir, "start").await?,
        }
        Ok(())
    }
}

fn faults(simulator: &Simulator) -> Checked<&Faults> {
    Ok(simulator.faults("bed").ok_or("there is no cluster `bed`")?)
}

async fn restart_apiserver(dir: &Path, what: &str) -> Checked {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/restart-apiserver");
    // Descriptors must not be inherited: the server outlives this process.
    let status = Command::new(script)
        .arg(what)
        .env("COCKPIT_CLUSTER_DIR", dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await?;
    if status.success() { Ok(()) } else { Err(format!("restart-apiserver {what}: {status}").into()) }
}
