//! Real servers on loopback behind the real clients: a Kubernetes API subset, a Prometheus API subset, an Unleash API subset.
//!
//! ```no_run
//! # async fn demo() -> Result<(), release_cockpit_simulator::SimulatorError> {
//! use release_cockpit_simulator::{Options, Scenario, Simulator};
//! let simulator = Simulator::start(&Scenario::load("canary")?, Options::default()).await?;
//! simulator.write_kubeconfig("kubeconfig".as_ref())?;
//! println!("export PROMETHEUS_URL={}", simulator.prometheus_url());
//! # Ok(()) }
//! ```
//!
//! - [`Scenario`] is what is simulated; [`Simulator`] runs it; [`Cluster`] is one of its clusters, with helpers for tests.
//! - [`StoppedCluster`] is a cluster alone, without a server, whose time is moved by hand.
//! - [`faults`] can be switched on and off.
//! - `kubernetes` is the API server: objects, watches, patches, rights. It does not know what a Rollout means.
//! - `controllers` does: what the controllers of a real cluster do.
//! - [`prometheus`] keeps and answers metrics; `traffic` models requests, errors and latency.
//! - [`unleash`] keeps feature flags, which traffic depends on.

mod clock;
mod cluster;
mod controllers;
mod error;
pub mod faults;
mod kubeconfig;
mod kubernetes;
mod ledger;
pub mod prometheus;
mod scenario;
mod setup;
mod stopped;
mod timeline;
mod traffic;
pub mod unleash;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use cluster::Cluster;
pub use error::SimulatorError;
pub use kubernetes::Recorded;
pub use kubernetes::access::{Access, Role, User};
pub use ledger::Served;
pub use scenario::{DrillFault, Scenario};
pub use stopped::{Sent, StoppedCluster};

use clock::Clock;
use faults::Faults;
use ledger::TrafficLedger;
use prometheus::{Metrics, Outage, PrometheusServer};
use timeline::{Targets, UsedCluster};
use traffic::FlagEffects;
use unleash::{NewFlag, Unleash};

/// How a scenario is run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// How many times as fast as real time.
    pub speed: f64,
    /// What names, uids and metrics follow from.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { speed: 1.0, seed: 7 }
    }
}

/// A running simulation. It ends when this is dropped.
#[derive(Debug)]
pub struct Simulator {
    scenario: Scenario,
    clusters: Vec<Cluster>,
    current: usize,
    metrics: Metrics,
    prometheus: PrometheusServer,
    unleash: Unleash,
    /// Where flags are served; `None` where the scenario has none.
    unleash_url: Option<String>,
    served: Arc<Mutex<Vec<Served>>>,
    shutdown: CancellationToken,
    // Dropping the set aborts what is left of the tasks.
    _tasks: JoinSet<()>,
}

impl Simulator {
    /// Prepares the clusters and starts. Must be called within a tokio runtime.
    pub async fn start(scenario: &Scenario, options: Options) -> Result<Self, SimulatorError> {
        let shutdown = CancellationToken::new();
        let metrics = Metrics::new(options.seed);
        let prometheus = metrics.serve().await.map_err(SimulatorError::Listen)?;
        let clock = Clock::new(options.speed);
        let unleash = flags_of(scenario, &clock);
        let mut unleash_url = None;
        if !scenario.flags.is_empty() {
            let address = unleash.serve(&shutdown).await.map_err(SimulatorError::Listen)?;
            unleash_url = Some(format!("http://{address}"));
        }
        let mut tasks = JoinSet::new();
        let mut used = Vec::new();
        let mut clusters = Vec::new();
        let mut metrics_down = Vec::new();
        for (index, environment) in scenario.environments.iter().enumerate() {
            let seed = options.seed.wrapping_mul(1_000_003).wrapping_add(index as u64);
            let (environment, speed) = (environment.clone(), options.speed);
            let flags = effects_in(scenario, &environment.name, &unleash);
            let prepared = aside(move || setup::prepare(&environment, flags, speed, seed)).await??;
            let environment = &scenario.environments[index];
            let address = kubernetes::serve(&prepared.server, &shutdown).map_err(SimulatorError::Listen)?;
            let cluster = Cluster {
                environment: environment.name.clone(),
                context: environment.context.clone(),
                namespace: environment.namespace.clone(),
                protected: environment.protected,
                workloads: environment.workloads.clone(),
                url: format!("http://{address}"),
                server: prepared.server,
            };
            metrics_down.push(prepared.controllers.metrics_down());
            tasks.spawn(prepared.controllers.run(shutdown.clone()));
            used.push(UsedCluster { cluster: cluster.clone(), traffic: prepared.traffic });
            clusters.push(cluster);
        }
        let filled = metrics.clone();
        let used = aside(move || {
            timeline::fill_past(&used, &filled);
            used
        })
        .await?;
        let current = scenario.environments.iter().position(|e| e.update.is_some()).unwrap_or(0);
        let followed = scenario.environments.get(current);
        let image = followed.and_then(|e| e.update.as_ref()).map_or("", |update| update.image.as_str());
        let ledger = TrafficLedger::new(followed.map_or("", |e| e.name.as_str()), image);
        let served = ledger.served();
        tasks.spawn(timeline::scrape(used, metrics.clone(), ledger, shutdown.clone()));
        for (cluster, environment) in clusters.iter().zip(&scenario.environments) {
            if let Some(update) = environment.update.clone() {
                tasks.spawn(timeline::update(cluster.clone(), environment.clone(), update, clock.clone()));
            }
        }
        let targets = Targets {
            clusters: clusters.clone(),
            metrics: metrics.clone(),
            metrics_down,
            unleash: unleash.clone(),
            clock,
        };
        for event in scenario.timeline.clone() {
            tasks.spawn(timeline::event(event, targets.clone()));
        }
        let scenario = scenario.clone();
        Ok(Self {
            scenario,
            clusters,
            current,
            metrics,
            prometheus,
            unleash,
            unleash_url,
            served,
            shutdown,
            _tasks: tasks,
        })
    }

    /// Returns what is being simulated.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Returns the clusters, in promotion order.
    #[must_use]
    pub fn clusters(&self) -> &[Cluster] {
        &self.clusters
    }

    /// Returns the cluster of an environment.
    #[must_use]
    pub fn cluster(&self, environment: &str) -> Option<&Cluster> {
        self.clusters.iter().find(|cluster| cluster.environment == environment)
    }

    /// Returns the switches for faults of an environment's API server.
    #[must_use]
    pub fn faults(&self, environment: &str) -> Option<&Faults> {
        self.cluster(environment).map(Cluster::faults)
    }

    /// Makes Prometheus fail, or with [`Outage::None`] work again.
    pub fn set_metrics_outage(&self, outage: Outage) {
        self.metrics.set_outage(outage);
    }

    /// Sends an image out in an environment: `set_image("prod-eu", "rollout/payments-api", "…:1.6.0")`.
    pub fn set_image(&self, environment: &str, workload: &str, image: &str) -> Result<(), SimulatorError> {
        let cluster = self.cluster(environment).ok_or_else(|| SimulatorError::Refused {
            cluster: environment.to_owned(),
            why: "there is no such environment".to_owned(),
        })?;
        cluster.set_image(workload, image)
    }

    /// Returns the environment in which something goes out.
    #[must_use]
    pub fn current(&self) -> Option<&Cluster> {
        self.clusters.get(self.current)
    }

    /// Returns what users got of the version that goes out there, scrape by scrape; it continues to grow.
    #[must_use]
    pub fn served(&self) -> Arc<Mutex<Vec<Served>>> {
        Arc::clone(&self.served)
    }

    /// Returns the address of Prometheus.
    #[must_use]
    pub fn prometheus_url(&self) -> String {
        self.prometheus.url()
    }

    /// Returns the feature flags, to look at and to turn.
    #[must_use]
    pub fn unleash(&self) -> &Unleash {
        &self.unleash
    }

    /// Returns a kubeconfig: one context for each environment, as alice, who may change things; and in the cluster of
    /// the current context one for each of `admin`, `alice`, `bob`, `viewer`, `nobody` and `expired`.
    #[must_use]
    pub fn kubeconfig_yaml(&self) -> String {
        kubeconfig::kubeconfig(&self.clusters, self.current)
    }

    /// Writes the kubeconfig so that only its owner can read it.
    pub fn write_kubeconfig(&self, path: &Path) -> Result<(), SimulatorError> {
        kubeconfig::write_private(path, &self.kubeconfig_yaml())
    }

    /// Returns the cockpit's config for this simulation.
    #[must_use]
    pub fn config_toml(&self) -> String {
        let mut text = kubeconfig::cockpit_config(&self.clusters, &self.prometheus.url());
        if let Some(url) = &self.unleash_url {
            text += &kubeconfig::flags_config(url, self.scenario.flags.iter().map(|flag| flag.name.as_str()));
        }
        text + "\n" + &self.scenario.config
    }
}

/// Makes the flags of a scenario, with a past.
fn flags_of(scenario: &Scenario, clock: &Clock) -> Unleash {
    let unleash = Unleash::with_clock(scenario.environments.iter().map(|env| env.name.clone()), clock.clone());
    let ago = |age: Duration| clock.now().checked_sub(age).unwrap_or(Timestamp::UNIX_EPOCH);
    for flag in &scenario.flags {
        let (name, kind, by) = (flag.name.clone(), flag.kind.clone(), flag.by.clone());
        unleash.create(NewFlag { name, kind, by, at: ago(flag.age) });
        for on in &flag.on {
            unleash.turn_at(&flag.name, &on.environment, true, (&on.by, ago(on.age)));
        }
    }
    unleash
}

fn effects_in(scenario: &Scenario, environment: &str, unleash: &Unleash) -> FlagEffects {
    let of = |flag: &scenario::flags::Flag| {
        flag.effects.iter().map(|effect| (flag.name.clone(), effect.clone())).collect::<Vec<_>>()
    };
    let effects = scenario.flags.iter().flat_map(of).collect();
    let counted = scenario.flags.iter().find_map(|flag| Some((flag.name.clone(), flag.label.clone()?)));
    FlagEffects { unleash: unleash.clone(), environment: environment.to_owned(), effects, counted }
}

/// Does work that takes its time where it holds no one up.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SimulatorError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => SimulatorError::Interrupted,
    })
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

#[cfg(test)]
mod tests;
