//! Metrics for pods that have no process.
//!
//! The pods of the test bed are objects without containers behind them. This program watches those that carry the
//! label `cockpit.test/metrics=true`, pretends that requests reach each of them while it is ready, and serves the
//! counters that a real application would serve. Tests set rate, error ratio and latency through the control API
//! described in `tests/cluster/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use clap::Parser;
use color_eyre::eyre::{Result, WrapErr};
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Config};
use serde::{Deserialize, Serialize};

const LABEL: &str = "cockpit.test/metrics=true";
/// Upper bounds of the latency histogram in seconds; `+Inf` follows.
const BUCKETS: [f64; 15] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0];
/// Spread of the latency: with 0.4 the 99th percentile is about 2.5 times the median.
const LATENCY_SIGMA: f64 = 0.4;
const CPU_IDLE: f64 = 0.01;
const CPU_PER_REQUEST: f64 = 0.002;
/// A longer silence between two scrapes (a suspended machine) is not made up for.
const MAX_STEP: Duration = Duration::from_secs(60);

#[derive(Parser)]
struct Args {
    /// Where to serve `/metrics` and the control API.
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    kubeconfig: std::path::PathBuf,
    #[arg(long)]
    context: Option<String>,
    /// The same seed and the same pod names give the same sequence of requests.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What the requests to one pod are like.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Traffic {
    rps: f64,
    error_ratio: f64,
    /// Of the requests that do not fail, the share that is answered 404.
    not_found_ratio: f64,
    latency_ms: f64,
}

impl Default for Traffic {
    fn default() -> Self {
        Self { rps: 10.0, error_ratio: 0.001, not_found_ratio: 0.0, latency_ms: 80.0 }
    }
}

impl Traffic {
    fn check(self) -> Result<Self, &'static str> {
        if !(0.0..=100_000.0).contains(&self.rps) {
            Err("rps must lie between 0 and 100000")
        } else if !(0.0..=1.0).contains(&self.error_ratio) {
            Err("error_ratio must lie between 0 and 1")
        } else if !(0.0..=1.0).contains(&self.not_found_ratio) {
            Err("not_found_ratio must lie between 0 and 1")
        } else if !(self.latency_ms > 0.0 && self.latency_ms.is_finite()) {
            Err("latency_ms must be positive")
        } else {
            Ok(self)
        }
    }
}

/// `SplitMix64`: small, and good enough for traffic.
struct Random(u64);

impl Random {
    fn for_pod(seed: u64, pod: &PodKey) -> Self {
        // FNV-1a over "namespace/name", so that a pod's sequence does not depend on its neighbours.
        let name = pod.0.bytes().chain([b'/']).chain(pod.1.bytes());
        let hash =
            name.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(hash ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Uniform in the open interval (0, 1).
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((z >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Standard normal, by Box and Muller.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.unit().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// Namespace and name; in a rule, namespace and prefix.
type PodKey = (String, String);

/// A ready pod: the names of its containers, and what they have served.
type Served = (Vec<String>, Counters);

struct Counters {
    random: Random,
    /// Part of a request that the next step completes.
    carry: f64,
    ok: u64,
    not_found: u64,
    failed: u64,
    /// Requests per bucket, not cumulated; the last is `+Inf`.
    buckets: [u64; BUCKETS.len() + 1],
    seconds: f64,
    cpu: f64,
}

impl Counters {
    fn new(random: Random) -> Self {
        Self {
            random,
            carry: 0.0,
            ok: 0,
            not_found: 0,
            failed: 0,
            buckets: [0; BUCKETS.len() + 1],
            seconds: 0.0,
            cpu: 0.0,
        }
    }

    fn advance(&mut self, traffic: Traffic, seconds: f64) {
        let due = self.carry + traffic.rps * seconds;
        let requests = due.floor();
        self.carry = due - requests;
        for _ in 0..requests as u64 {
            if self.random.unit() < traffic.error_ratio {
                self.failed += 1;
            } else if traffic.not_found_ratio > 0.0 && self.random.unit() < traffic.not_found_ratio {
                self.not_found += 1;
            } else {
                self.ok += 1;
            }
            let latency = traffic.latency_ms / 1000.0 * (LATENCY_SIGMA * self.random.normal()).exp();
            self.buckets[BUCKETS.partition_point(|bound| *bound < latency)] += 1;
            self.seconds += latency;
        }
        self.cpu += CPU_IDLE * seconds + CPU_PER_REQUEST * requests;
    }
}

struct Simulation {
    seed: u64,
    clock: Instant,
    pods: BTreeMap<PodKey, Served>,
    rules: BTreeMap<PodKey, Traffic>,
    outage: bool,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        Self { seed, clock: Instant::now(), pods: BTreeMap::new(), rules: BTreeMap::new(), outage: false }
    }

    fn traffic(rules: &BTreeMap<PodKey, Traffic>, (namespace, name): &PodKey) -> Traffic {
        rules
            .iter()
            .filter(|((ns, prefix), _)| ns == namespace && name.starts_with(prefix.as_str()))
            .max_by_key(|((_, prefix), _)| prefix.len())
            .map_or_else(Traffic::default, |(_, traffic)| *traffic)
    }

    /// Lets the time since the last call happen. Runs before anything changes, so that a rule holds from the moment
    /// it is set and a new pod starts at zero.
    fn advance(&mut self) {
        let now = Instant::now();
        let seconds = now.duration_since(self.clock).min(MAX_STEP).as_secs_f64();
        self.clock = now;
        for (key, (_, counters)) in &mut self.pods {
            counters.advance(Self::traffic(&self.rules, key), seconds);
        }
    }

    fn set_pod(&mut self, key: PodKey, containers: Option<Vec<String>>) {
        self.advance();
        match containers {
            Some(containers) => {
                let random = Random::for_pod(self.seed, &key);
                self.pods.entry(key).or_insert_with(|| (containers, Counters::new(random)));
            }
            None => drop(self.pods.remove(&key)),
        }
    }

    fn keep_only(&mut self, seen: &BTreeSet<PodKey>) {
        self.advance();
        self.pods.retain(|key, _| seen.contains(key));
    }

    fn render(&self) -> String {
        let mut text = String::with_capacity(4096 + self.pods.len() * 2048);
        // Writing to a String cannot fail.
        let _ = self.write_metrics(&mut text);
        text
    }

    fn write_metrics(&self, text: &mut String) -> std::fmt::Result {
        let name = "http_requests_total";
        writeln!(text, "# TYPE {name} counter")?;
        for ((namespace, pod), (_, counters)) in &self.pods {
            for (code, value) in [("200", counters.ok), ("404", counters.not_found), ("500", counters.failed)] {
                writeln!(text, r#"{name}{{namespace="{namespace}",pod="{pod}",code="{code}"}} {value}"#)?;
            }
        }
        let name = "http_request_duration_seconds";
        writeln!(text, "# TYPE {name} histogram")?;
        for ((namespace, pod), (_, counters)) in &self.pods {
            let labels = format!(r#"namespace="{namespace}",pod="{pod}""#);
            let mut count = 0;
            for (index, value) in counters.buckets.iter().enumerate() {
                count += value;
                match BUCKETS.get(index) {
                    Some(bound) => {
                        writeln!(text, r#"{name}_bucket{{{labels},le="{bound}"}} {count}"#)?;
                    }
                    None => writeln!(text, r#"{name}_bucket{{{labels},le="+Inf"}} {count}"#)?,
                }
            }
            writeln!(text, "{name}_sum{{{labels}}} {}", counters.seconds)?;
            writeln!(text, "{name}_count{{{labels}}} {count}")?;
        }
        let name = "container_cpu_usage_seconds_total";
        writeln!(text, "# TYPE {name} counter")?;
        for ((namespace, pod), (containers, counters)) in &self.pods {
            // The first container serves; the others idle beside it.
            for (index, container) in containers.iter().enumerate() {
                let cpu = if index == 0 { counters.cpu } else { 0.0 };
                writeln!(text, r#"{name}{{namespace="{namespace}",pod="{pod}",container="{container}"}} {cpu}"#)?;
            }
        }
        Ok(())
    }
}

type Shared = Arc<Mutex<Simulation>>;

fn lock(shared: &Shared) -> MutexGuard<'_, Simulation> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Containers of a pod that serves, `None` for one that does not.
fn serving(pod: &Pod) -> Option<Vec<String>> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let ready = conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let spec = pod.spec.as_ref().filter(|_| ready && pod.metadata.deletion_timestamp.is_none())?;
    Some(spec.containers.iter().map(|container| container.name.clone()).collect())
}

fn key(pod: &Pod) -> PodKey {
    (pod.metadata.namespace.clone().unwrap_or_default(), pod.metadata.name.clone().unwrap_or_default())
}

/// Follows the labelled pods for ever. Any error starts over with a list after a second: the bed's API server is
/// stopped and started by tests, and traffic goes on meanwhile.
async fn follow(client: Client, shared: Shared) {
    loop {
        let mut events = std::pin::pin!(watcher::watcher(
            Api::<Pod>::all(client.clone()),
            watcher::Config::default().labels(LABEL).timeout(60),
        ));
        let mut seen = BTreeSet::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => seen.clear(),
                Ok(Event::InitApply(pod)) => {
                    seen.insert(key(&pod));
                    lock(&shared).set_pod(key(&pod), serving(&pod));
                }
                Ok(Event::InitDone) => lock(&shared).keep_only(&seen),
                Ok(Event::Apply(pod)) => lock(&shared).set_pod(key(&pod), serving(&pod)),
                Ok(Event::Delete(pod)) => lock(&shared).set_pod(key(&pod), None),
                Err(error) => {
                    eprintln!("watching pods: {error}");
                    break;
                }
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn metrics(State(shared): State<Shared>) -> Response {
    let mut simulation = lock(&shared);
    simulation.advance();
    if simulation.outage {
        return (StatusCode::INTERNAL_SERVER_ERROR, "outage switched on\n").into_response();
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], simulation.render()).into_response()
}

#[derive(Serialize)]
struct Rule {
    namespace: String,
    pod_prefix: String,
    #[serde(flatten)]
    traffic: Traffic,
}

async fn list_traffic(State(shared): State<Shared>) -> Json<Vec<Rule>> {
    let rules = lock(&shared).rules.clone();
    let rule = |((namespace, pod_prefix), traffic)| Rule { namespace, pod_prefix, traffic };
    Json(rules.into_iter().map(rule).collect())
}

async fn put_traffic(
    State(shared): State<Shared>,
    Path(target): Path<PodKey>,
    Json(traffic): Json<Traffic>,
) -> Response {
    match traffic.check() {
        Ok(traffic) => {
            let mut simulation = lock(&shared);
            simulation.advance();
            simulation.rules.insert(target, traffic);
            Json(traffic).into_response()
        }
        Err(reason) => (StatusCode::UNPROCESSABLE_ENTITY, reason).into_response(),
    }
}

async fn delete_traffic(State(shared): State<Shared>, Path(target): Path<PodKey>) -> StatusCode {
    let mut simulation = lock(&shared);
    simulation.advance();
    simulation.rules.remove(&target);
    StatusCode::NO_CONTENT
}

async fn clear_traffic(State(shared): State<Shared>) -> StatusCode {
    let mut simulation = lock(&shared);
    simulation.advance();
    simulation.rules.clear();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outage {
    on: bool,
}

async fn put_outage(State(shared): State<Shared>, Json(outage): Json<Outage>) -> StatusCode {
    lock(&shared).outage = outage.on;
    StatusCode::NO_CONTENT
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let kubeconfig = Kubeconfig::read_from(&args.kubeconfig).wrap_err("reading the kubeconfig")?;
    let options = KubeConfigOptions { context: args.context, ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    config.default_retry = false;
    let client = Client::try_from(config)?;

    let shared = Arc::new(Mutex::new(Simulation::new(args.seed)));
    tokio::spawn(follow(client, shared.clone()));

    let app = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/metrics", get(metrics))
        .route("/traffic", get(list_traffic).delete(clear_traffic))
        .route("/traffic/{namespace}/{pod_prefix}", put(put_traffic).delete(delete_traffic))
        .route("/outage", put(put_outage))
        .with_state(shared);
    let listener =
        tokio::net::TcpListener::bind(args.listen).await.wrap_err_with(|| format!("listening on {}", args.listen))?;
    axum::serve(listener, app).await.wrap_err("serving")
}
