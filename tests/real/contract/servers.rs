//! The servers on which the contract is tried.

use std::path::PathBuf;

use futures::future::BoxFuture;
use simulator::faults::Faults;
use simulator::{Options, Scenario, Simulator};
use support::Checked;
use support::cluster::{ApiServer, RealCluster, TestCluster};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Servers {
    /// The embedded simulator, a fresh one for each case.
    Simulator,
    /// Real servers, brought up by `tests/cluster/up`.
    Real,
}

impl Servers {
    pub const ALL: [Self; 2] = [Self::Simulator, Self::Real];

    /// The word in the names of cases.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Simulator => "simulator",
            Self::Real => "real",
        }
    }

    /// Why there are none here, if so.
    pub fn missing(self) -> Option<&'static str> {
        match self {
            Self::Simulator => None,
            Self::Real => RealCluster::missing(),
        }
    }

    /// A cluster to test on. It must be called in a runtime.
    pub async fn start(self) -> Checked<TestCluster> {
        match self {
            Self::Simulator => SimulatedServer::start().await,
            Self::Real => Ok(RealCluster::find()?.cluster()),
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

struct SimulatedServer {
    simulator: Simulator,
    _home: tempfile::TempDir,
}

impl SimulatedServer {
    async fn start() -> Checked<TestCluster> {
        let simulator = Simulator::start(&Scenario::parse("contract", EMPTY)?, Options::default()).await?;
        let home = tempfile::tempdir()?;
        let kubeconfig: PathBuf = home.path().join("kubeconfig");
        simulator.write_kubeconfig(&kubeconfig)?;
        // The tools of the real cluster look at the simulator too, where they are there.
        let tools = RealCluster::find().ok().map(|real| real.tools());
        Ok(TestCluster::new(kubeconfig, tools, Box::new(Self { simulator, _home: home })))
    }

    fn faults(&self) -> Checked<&Faults> {
        Ok(self.simulator.faults("bed").ok_or("there is no cluster `bed`")?)
    }
}

impl ApiServer for SimulatedServer {
    fn stop(&self) -> BoxFuture<'_, Checked> {
        Box::pin(async { self.faults().map(Faults::begin_outage) })
    }

    fn start(&self) -> BoxFuture<'_, Checked> {
        Box::pin(async { self.faults().map(Faults::end_outage) })
    }

    fn deny_bob(&self, resource: &str) -> Checked<bool> {
        let cluster = self.simulator.cluster("bed").ok_or("there is no cluster `bed`")?;
        cluster.access().deny("bob", "patch", resource);
        Ok(true)
    }
}
