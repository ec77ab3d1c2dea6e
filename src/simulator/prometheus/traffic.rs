//! The pods' counters: advanced by draws from the load, and written to the store at each scrape.

use std::collections::HashMap;
use std::time::Duration;

use super::labels::{Labels, NAME};
use super::latency::{self, BOUNDS, BUCKET_COUNT};
use super::random::Random;
use super::samples::STALE;
use super::store::{SeriesId, Store};

/// What one pod does between two scrapes.
#[derive(Clone, Debug, PartialEq)]
pub struct PodLoad {
    /// The cluster's name, a label of every series.
    pub cluster: String,
    pub namespace: String,
    pub pod: String,
    /// Requests per second that reach the pod; nothing below zero is counted.
    pub requests_per_second: f64,
    /// The share of them that fail with code 500, from 0 to 1.
    pub error_ratio: f64,
    /// The share of the others that are answered with code 404, from 0 to 1.
    pub not_found_ratio: f64,
    /// The median latency in seconds.
    pub median_seconds: f64,
    /// The spread of the logarithm of the latency; 0.5 makes the p99 3.2 times the median.
    pub sigma: f64,
    /// The cores the pod keeps busy.
    pub cpu_cores: f64,
}

impl PodLoad {
    /// A pod of the namespace `shop` that answers like a web service: half of all within 80 ms, a hundredth later than
    /// 256 ms. `requests` come per second; `error_ratio` goes from 0 to 1.
    #[must_use]
    pub fn web(cluster: &str, pod: &str, requests: f64, error_ratio: f64) -> Self {
        Self {
            cluster: cluster.to_owned(),
            namespace: "shop".to_owned(),
            pod: pod.to_owned(),
            requests_per_second: requests,
            error_ratio,
            not_found_ratio: 0.0,
            median_seconds: 0.08,
            sigma: 0.5,
            cpu_cores: 0.3,
        }
    }
}

/// The counters of all pods that are being scraped.
#[derive(Debug)]
pub struct Traffic {
    seed: u64,
    scrape: u64,
    last: Option<i64>,
    pods: HashMap<[String; 3], Pod>,
}

#[derive(Debug)]
struct Pod {
    random: Random,
    /// The scrape that saw it last.
    seen: u64,
    base: Labels,
    answered: u64,
    not_found: u64,
    failed: u64,
    buckets: [u64; BUCKET_COUNT],
    seconds: f64,
    cpu: f64,
    series: Series,
}

#[derive(Debug)]
struct Series {
    answered: SeriesId,
    /// Born with the first such request, as in a real client library.
    not_found: Option<SeriesId>,
    failed: Option<SeriesId>,
    buckets: [SeriesId; BUCKET_COUNT],
    sum: SeriesId,
    count: SeriesId,
    cpu: SeriesId,
    up: SeriesId,
}

impl Traffic {
    pub fn new(seed: u64) -> Self {
        Self { seed, scrape: 0, last: None, pods: HashMap::new() }
    }

    /// Returns what a pod has answered well, and what not.
    pub fn answered(&self, key: [&str; 3]) -> Option<[u64; 2]> {
        self.pods.get(&key.map(ToOwned::to_owned)).map(|pod| [pod.answered, pod.failed])
    }

    /// Advances every pod by one interval and appends a sample to each series; `at` is in milliseconds. Pods that are
    /// not in the list any more end with a staleness marker. A scrape not later than the last is ignored.
    pub fn scrape(&mut self, store: &mut Store, at: i64, interval: Duration, loads: &[PodLoad]) {
        if self.last.is_some_and(|last| at <= last) {
            return;
        }
        self.last = Some(at);
        self.scrape += 1;
        for load in loads {
            let key = [&load.cluster, &load.namespace, &load.pod].map(Clone::clone);
            let pod = self.pods.entry(key).or_insert_with(|| Pod::new(self.seed, load, store));
            // A pod that is listed twice is scraped once.
            if pod.seen != self.scrape {
                pod.seen = self.scrape;
                pod.serve(load, interval.as_secs_f64());
                pod.record(store, at);
            }
        }
        let scrape = self.scrape;
        self.pods.retain(|_, pod| {
            let stays = pod.seen == scrape;
            if !stays {
                for id in pod.series.all() {
                    store.append(id, at, STALE);
                }
            }
            stays
        });
    }
}

impl Pod {
    fn new(seed: u64, load: &PodLoad, store: &mut Store) -> Self {
        let base = Labels::new([
            ("cluster", load.cluster.as_str()),
            ("namespace", load.namespace.as_str()),
            ("pod", load.pod.as_str()),
        ]);
        let named = |name: &str| base.with(NAME, name);
        let requests = named("http_requests_total");
        let bucket = named("http_request_duration_seconds_bucket");
        let series = Series {
            answered: store.series(&requests.with("code", "200")),
            not_found: None,
            failed: None,
            buckets: std::array::from_fn(|index| {
                let le = BOUNDS.get(index).map_or_else(|| "+Inf".to_owned(), f64::to_string);
                store.series(&bucket.with("le", &le))
            }),
            sum: store.series(&named("http_request_duration_seconds_sum")),
            count: store.series(&named("http_request_duration_seconds_count")),
            cpu: store.series(&named("container_cpu_usage_seconds_total").with("container", "app")),
            up: store.series(&named("up")),
        };
        let stream = format!("{}/{}/{}", load.cluster, load.namespace, load.pod);
        Self {
            random: Random::new(seed, &stream),
            seen: 0,
            base,
            answered: 0,
            not_found: 0,
            failed: 0,
            buckets: [0; BUCKET_COUNT],
            seconds: 0.0,
            cpu: 0.0,
            series,
        }
    }

    /// Draws what an interval brought. Requests arrive as a Poisson process, so those of each bucket and outcome are
    /// independent Poisson counts: the same law as a binomial draw of errors and a multinomial draw of latencies.
    fn serve(&mut self, load: &PodLoad, seconds: f64) {
        let requests = finite(load.requests_per_second) * seconds;
        let failing = finite(load.error_ratio).min(1.0);
        let missing = finite(load.not_found_ratio).min(1.0);
        for (bucket, share) in latency::shares(load.median_seconds, load.sigma).iter().enumerate() {
            let expected = requests * share.chance;
            let failed = self.random.poisson(expected * failing);
            let answered = self.random.poisson(expected * (1.0 - failing) * (1.0 - missing));
            let not_found = if missing > 0.0 { self.random.poisson(expected * (1.0 - failing) * missing) } else { 0 };
            self.failed += failed;
            self.answered += answered;
            self.not_found += not_found;
            let all = failed + answered + not_found;
            self.buckets[bucket] += all;
            self.seconds += all as f64 * share.mean;
        }
        let wobble = 0.95 + 0.1 * self.random.unit();
        self.cpu += finite(load.cpu_cores) * seconds * wobble;
    }

    fn record(&mut self, store: &mut Store, at: i64) {
        let born = [("404", self.not_found, &mut self.series.not_found), ("500", self.failed, &mut self.series.failed)];
        for (code, count, series) in born {
            if count > 0 {
                let labels = || self.base.with(NAME, "http_requests_total").with("code", code);
                let id = *series.get_or_insert_with(|| store.series(&labels()));
                store.append(id, at, count as f64);
            }
        }
        store.append(self.series.answered, at, self.answered as f64);
        let mut cumulative = 0;
        for (id, count) in self.series.buckets.iter().zip(self.buckets) {
            cumulative += count;
            store.append(*id, at, cumulative as f64);
        }
        store.append(self.series.sum, at, self.seconds);
        store.append(self.series.count, at, cumulative as f64);
        store.append(self.series.cpu, at, self.cpu);
        store.append(self.series.up, at, 1.0);
    }
}

impl Series {
    fn all(&self) -> impl Iterator<Item = SeriesId> {
        let single = [self.answered, self.sum, self.count, self.cpu, self.up];
        self.buckets.iter().copied().chain(single).chain(self.not_found).chain(self.failed)
    }
}

/// The value, or zero where it is negative or not a number.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value.max(0.0) } else { 0.0 }
}
