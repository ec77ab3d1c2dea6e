//! What happens while a simulation runs: metrics are scraped, the update goes out, faults begin and end.

use std::collections::HashMap;
use std::f64::consts::TAU;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::cluster::Cluster;
use super::kubernetes::managed_fields::Author;
use super::kubernetes::object;
use super::kubernetes::resources::Kind;
use super::kubernetes::store::{Key, Part};
use super::ledger::TrafficLedger;
use super::prometheus::{FlaggedLoad, Metrics, Outage, PodLoad};
use super::scenario::{Environment, EventKind, ScenarioEvent, Update};
use super::setup::send_out;
use super::traffic::{Flow, Traffic};
use super::unleash::Unleash;

pub const SCRAPE_INTERVAL: Duration = Duration::from_secs(2);
/// Between two scrapes of the past.
const HISTORY_STEP: SignedDuration = SignedDuration::from_secs(10);
/// How much of the past is filled in.
const HISTORY_LENGTH: SignedDuration = SignedDuration::from_mins(30);
/// Traffic swells and falls by this share …
const TRAFFIC_WAVE_SHARE: f64 = 0.08;
/// … once in this time.
const TRAFFIC_WAVE_SECONDS: f64 = 420.0;

/// The cluster of one environment, and who uses it.
pub struct UsedCluster {
    pub cluster: Cluster,
    pub traffic: Arc<Mutex<Traffic>>,
}

impl UsedCluster {
    fn flows(&self) -> Vec<Flow> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner).observe(self.cluster.store())
    }
}

fn loads(cluster: &str, flows: &[Flow], at: Timestamp) -> Vec<PodLoad> {
    let swell = 1.0 + TRAFFIC_WAVE_SHARE * (at.as_second() as f64 / TRAFFIC_WAVE_SECONDS * TAU).sin();
    flows
        .iter()
        .flat_map(|flow| {
            let of_all = flow.flagged.as_ref().map_or(flow.service, |users| users.without);
            let flagged = flow.flagged.as_ref().map(|users| FlaggedLoad {
                label: users.label.clone(),
                share: users.share,
                error_ratio: users.with.error_ratio,
                median_seconds: users.with.median_seconds,
                sigma: users.with.sigma,
            });
            flow.pods.iter().map(move |pod| PodLoad {
                cluster: cluster.to_owned(),
                namespace: flow.namespace.clone(),
                pod: pod.clone(),
                requests_per_second: flow.requests_per_pod * swell,
                error_ratio: of_all.error_ratio,
                not_found_ratio: of_all.not_found_ratio,
                median_seconds: of_all.median_seconds,
                sigma: of_all.sigma,
                cpu_cores: 0.02 + flow.service.cores_per_request * flow.requests_per_pod * swell,
                flagged: flagged.clone(),
            })
        })
        .collect()
}

/// Fills in the past for the pods that there are.
pub fn fill_past(used: &[UsedCluster], metrics: &Metrics) {
    let now = Timestamp::now();
    let flows: Vec<_> = used
        .iter()
        .map(|used| {
            let created: HashMap<String, Timestamp> = used
                .cluster
                .store()
                .list(Kind::Pod, None)
                .1
                .iter()
                .filter_map(|pod| {
                    let at = object::time(pod, "/metadata/creationTimestamp")?;
                    Some((object::name(pod).to_owned(), at))
                })
                .collect();
            (used.cluster.environment.clone(), used.flows(), created)
        })
        .collect();
    let mut at = now - HISTORY_LENGTH;
    while at < now {
        let mut all = Vec::new();
        for (cluster, flows, created) in &flows {
            let mut loads = loads(cluster, flows, at);
            loads.retain(|load| created.get(&load.pod).is_some_and(|since| *since < at));
            all.extend(loads);
        }
        metrics.scrape(at, HISTORY_STEP.unsigned_abs(), &all);
        at += HISTORY_STEP;
    }
}

/// Scrapes all clusters until shut down, and lets pods that fail say so in their logs.
pub async fn scrape(used: Vec<UsedCluster>, metrics: Metrics, mut ledger: TrafficLedger, shutdown: CancellationToken) {
    let mut last = Timestamp::now();
    let mut ticks = tokio::time::interval(SCRAPE_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let now = Timestamp::now();
        let interval = Duration::try_from(now.duration_since(last)).unwrap_or(SCRAPE_INTERVAL);
        last = now;
        let mut all = Vec::new();
        let mut followed = Vec::new();
        for one in &used {
            let flows = one.flows();
            complain(one, &flows);
            all.extend(loads(&one.cluster.environment, &flows, now));
            if ledger.follows(&one.cluster.environment) {
                followed = flows;
            }
        }
        metrics.scrape(now, interval, &all);
        ledger.note(now, interval, &followed, &metrics);
    }
}

/// Prints a line about errors where users see more than a few.
fn complain(used: &UsedCluster, flows: &[Flow]) {
    for flow in flows.iter().filter(|flow| flow.service.error_ratio >= 0.02 && flow.requests_per_pod > 0.0) {
        for pod in &flow.pods {
            let key = Key::new(Kind::Pod, &flow.namespace, pod);
            if let Some(pod) = used.cluster.store().get(&key) {
                let count = (flow.requests_per_pod * flow.service.error_ratio * SCRAPE_INTERVAL.as_secs_f64()).ceil();
                let line = format!(
                    "level=error msg=\"request failed\" status=500 count={count} error=\"timeout waiting for a connection from the pool\""
                );
                used.cluster.server.logs.print(object::uid(&pod), &line);
            }
        }
    }
}

/// Sends the scenario's update out at its time.
pub async fn update(cluster: Cluster, environment: Environment, update: Update, clock: Clock) {
    tokio::time::sleep(clock.scale(update.after)).await;
    let Some(workload) = &environment.workload else { return };
    let Some(kind) = Kind::by_type(object::text(workload, "/apiVersion"), object::text(workload, "/kind")) else {
        return;
    };
    let key = Key::new(kind, &environment.namespace, object::name(workload));
    // Someone may have deleted it in the meantime.
    let _ = cluster.store().update(&key, Part::Main, &Author::update("ci-deploy"), |old| {
        let mut new = old.clone();
        send_out(&mut new, &update.image, update.change_cause.as_deref());
        Ok(new)
    });
}

/// What the events of a scenario act on.
#[derive(Clone)]
pub struct Targets {
    pub clusters: Vec<Cluster>,
    pub metrics: Metrics,
    pub metrics_down: Vec<Arc<AtomicBool>>,
    pub unleash: Unleash,
    pub clock: Clock,
}

/// Lets one fault begin and end, or somebody turn a flag.
pub async fn event(event: ScenarioEvent, targets: Targets) {
    tokio::time::sleep(targets.clock.scale(event.at)).await;
    let lasts = targets.clock.scale(event.lasts);
    let faults: Vec<_> = event
        .environments
        .iter()
        .filter_map(|index| targets.clusters.get(*index))
        .map(|cluster| cluster.faults().clone())
        .collect();
    match event.kind {
        EventKind::Flag { name, on, by } => {
            for cluster in event.environments.iter().filter_map(|index| targets.clusters.get(*index)) {
                targets.unleash.turn(&name, &cluster.environment, on, &by);
            }
        }
        EventKind::ApiOutage => {
            for fault in &faults {
                fault.begin_outage();
            }
            tokio::time::sleep(lasts).await;
            for fault in &faults {
                fault.end_outage();
            }
        }
        EventKind::Api(rule) => {
            let ids: Vec<_> = faults.iter().map(|fault| fault.hold(rule.clone())).collect();
            tokio::time::sleep(lasts).await;
            for (fault, id) in faults.iter().zip(ids) {
                fault.remove(id);
            }
        }
        EventKind::Metrics(outage) => {
            targets.metrics.set_outage(outage);
            for down in &targets.metrics_down {
                down.store(true, Ordering::Relaxed);
            }
            tokio::time::sleep(lasts).await;
            targets.metrics.set_outage(Outage::None);
            for down in &targets.metrics_down {
                down.store(false, Ordering::Relaxed);
            }
        }
    }
}
