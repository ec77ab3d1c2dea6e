//! What goes on while a simulation runs: metrics are scraped, the update goes out, troubles come and go.

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
use super::ledger::Ledger;
use super::prometheus::{Metrics, Outage, PodLoad};
use super::scenario::{Environment, Happening, Trouble, Update};
use super::stage::send_out;
use super::traffic::{Flow, Traffic};

/// Between two scrapes.
pub const SCRAPE_EVERY: Duration = Duration::from_secs(2);
/// Between two scrapes of the past.
const PAST_STEP: SignedDuration = SignedDuration::from_secs(10);
/// How much of the past is filled in.
const PAST: SignedDuration = SignedDuration::from_mins(30);
/// Traffic swells and falls by this share …
const SWELL: f64 = 0.08;
/// … once in this time.
const SWELL_SECONDS: f64 = 420.0;

/// One environment with its users.
pub struct Scene {
    pub cluster: Cluster,
    pub traffic: Arc<Mutex<Traffic>>,
}

impl Scene {
    fn flows(&self) -> Vec<Flow> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner).observe(self.cluster.store())
    }
}

fn loads(cluster: &str, flows: &[Flow], at: Timestamp) -> Vec<PodLoad> {
    let swell = 1.0 + SWELL * (at.as_second() as f64 / SWELL_SECONDS * TAU).sin();
    flows
        .iter()
        .flat_map(|flow| {
            flow.pods.iter().map(move |pod| PodLoad {
                cluster: cluster.to_owned(),
                namespace: flow.namespace.clone(),
                pod: pod.clone(),
                requests_per_second: flow.requests_per_pod * swell,
                error_ratio: flow.service.error_ratio,
                median_seconds: flow.service.median_seconds,
                sigma: flow.service.sigma,
                cpu_cores: 0.02 + flow.service.cores_per_request * flow.requests_per_pod * swell,
            })
        })
        .collect()
}

/// Fills in the past for the pods that there are.
pub fn fill_past(scenes: &[Scene], metrics: &Metrics) {
    let now = Timestamp::now();
    let flows: Vec<_> = scenes
        .iter()
        .map(|scene| {
            let created: HashMap<String, Timestamp> = scene
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
            (scene.cluster.environment.clone(), scene.flows(), created)
        })
        .collect();
    let mut at = now - PAST;
    while at < now {
        let mut all = Vec::new();
        for (cluster, flows, created) in &flows {
            let mut loads = loads(cluster, flows, at);
            loads.retain(|load| created.get(&load.pod).is_some_and(|since| *since < at));
            all.extend(loads);
        }
        metrics.scrape(at, PAST_STEP.unsigned_abs(), &all);
        at += PAST_STEP;
    }
}

/// Scrapes all clusters until shut down, and lets pods that fail say so in their logs.
pub async fn scrape(scenes: Vec<Scene>, metrics: Metrics, mut ledger: Ledger, shutdown: CancellationToken) {
    let mut last = Timestamp::now();
    let mut ticks = tokio::time::interval(SCRAPE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let now = Timestamp::now();
        let interval = Duration::try_from(now.duration_since(last)).unwrap_or(SCRAPE_EVERY);
        last = now;
        let mut all = Vec::new();
        let mut followed = Vec::new();
        for scene in &scenes {
            let flows = scene.flows();
            complain(scene, &flows);
            all.extend(loads(&scene.cluster.environment, &flows, now));
            if ledger.follows(&scene.cluster.environment) {
                followed = flows;
            }
        }
        metrics.scrape(now, interval, &all);
        ledger.note(now, interval, &followed, &metrics);
    }
}

/// Prints a line about errors where users see more than a few.
fn complain(scene: &Scene, flows: &[Flow]) {
    for flow in flows.iter().filter(|flow| flow.service.error_ratio >= 0.02 && flow.requests_per_pod > 0.0) {
        for pod in &flow.pods {
            let key = Key::new(Kind::Pod, &flow.namespace, pod);
            if let Some(pod) = scene.cluster.store().get(&key) {
                let count = (flow.requests_per_pod * flow.service.error_ratio * SCRAPE_EVERY.as_secs_f64()).ceil();
                let line = format!(
                    "level=error msg=\"request failed\" status=500 count={count} error=\"timeout waiting for a connection from the pool\""
                );
                scene.cluster.server.logs.print(object::uid(&pod), &line);
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
    // Somebody may have deleted it in the meantime.
    let _ = cluster.store().update(&key, Part::Main, &Author::update("ci-deploy"), |old| {
        let mut new = old.clone();
        send_out(&mut new, &update.image, update.change_cause.as_deref());
        Ok(new)
    });
}

/// What troubles act on.
#[derive(Clone)]
pub struct Props {
    pub clusters: Vec<Cluster>,
    pub metrics: Metrics,
    pub metrics_down: Vec<Arc<AtomicBool>>,
    pub clock: Clock,
}

/// Lets one trouble come and go.
pub async fn trouble(happening: Happening, props: Props) {
    tokio::time::sleep(props.clock.scale(happening.at)).await;
    let lasts = props.clock.scale(happening.lasts);
    let faults: Vec<_> = happening
        .environments
        .iter()
        .filter_map(|index| props.clusters.get(*index))
        .map(|cluster| cluster.faults().clone())
        .collect();
    match happening.what {
        Trouble::ApiOutage => {
            for fault in &faults {
                fault.begin_outage();
            }
            tokio::time::sleep(lasts).await;
            for fault in &faults {
                fault.end_outage();
            }
        }
        Trouble::Api(rule) => {
            let ids: Vec<_> = faults.iter().map(|fault| fault.hold(rule.clone())).collect();
            tokio::time::sleep(lasts).await;
            for (fault, id) in faults.iter().zip(ids) {
                fault.remove(id);
            }
        }
        Trouble::Metrics(outage) => {
            props.metrics.set_outage(outage);
            for down in &props.metrics_down {
                down.store(true, Ordering::Relaxed);
            }
            tokio::time::sleep(lasts).await;
            props.metrics.set_outage(Outage::None);
            for down in &props.metrics_down {
                down.store(false, Ordering::Relaxed);
            }
        }
    }
}
