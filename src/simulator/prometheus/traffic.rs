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
    /// Users who get a flag, who are counted apart; the figures above are those of the others then.
    pub flagged: Option<FlaggedLoad>,
}

/// What users feel who get a flag.
#[derive(Clone, Debug, PartialEq)]
pub struct FlaggedLoad {
    /// The label that tells them apart: `on` for them, `off` for the others.
    pub label: String,
    /// Their share of the requests, from 0 to 1.
    pub share: f64,
    /// The share of them that fail, from 0 to 1.
    pub error_ratio: f64,
    /// The median latency in seconds.
    pub median_seconds: f64,
    pub sigma: f64,
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
            flagged: None,
        }
    }

    /// Returns whom the pod answers: each kind of users by the value of the label that tells it apart, where one does.
    fn users(&self) -> Vec<(Option<(&str, &str)>, Users)> {
        let all = Users {
            requests: finite(self.requests_per_second),
            failing: finite(self.error_ratio).min(1.0),
            missing: finite(self.not_found_ratio).min(1.0),
            median_seconds: self.median_seconds,
            sigma: self.sigma,
        };
        let Some(flagged) = &self.flagged else { return vec![(None, all)] };
        let share = finite(flagged.share).min(1.0);
        let with = Users {
            requests: all.requests * share,
            failing: finite(flagged.error_ratio).min(1.0),
            median_seconds: flagged.median_seconds,
            sigma: flagged.sigma,
            ..all
        };
        let without = Users { requests: all.requests * (1.0 - share), ..all };
        vec![(Some((&flagged.label, "off")), without), (Some((&flagged.label, "on")), with)]
    }
}

/// Users of one kind: how many requests per second they make, and what becomes of them.
#[derive(Clone, Copy, Debug)]
struct Users {
    requests: f64,
    failing: f64,
    missing: f64,
    median_seconds: f64,
    sigma: f64,
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
    /// What each kind of users was answered, by the value of their label.
    answers: Vec<(String, Answers)>,
    cpu: f64,
    cpu_series: SeriesId,
    up: SeriesId,
}

/// What users were answered.
#[derive(Debug)]
struct Answers {
    base: Labels,
    answered: u64,
    not_found: u64,
    failed: u64,
    buckets: [u64; BUCKET_COUNT],
    seconds: f64,
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
}

impl Traffic {
    pub fn new(seed: u64) -> Self {
        Self { seed, scrape: 0, last: None, pods: HashMap::new() }
    }

    /// Returns what a pod has answered well, and what not.
    pub fn answered(&self, key: [&str; 3]) -> Option<[u64; 2]> {
        let pod = self.pods.get(&key.map(ToOwned::to_owned))?;
        let all = pod.answers.iter().map(|(_, answers)| answers);
        Some(all.fold([0, 0], |[well, failed], answers| [well + answers.answered, failed + answers.failed]))
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
                pod.serve(load, interval.as_secs_f64(), store);
                pod.record(store, at);
            }
        }
        let scrape = self.scrape;
        self.pods.retain(|_, pod| {
            let stays = pod.seen == scrape;
            if !stays {
                for id in pod.series() {
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
        let (cpu_series, up) = (
            store.series(&named("container_cpu_usage_seconds_total").with("container", "app")),
            store.series(&named("up")),
        );
        let stream = format!("{}/{}/{}", load.cluster, load.namespace, load.pod);
        Self { random: Random::new(seed, &stream), seen: 0, base, answers: Vec::new(), cpu: 0.0, cpu_series, up }
    }

    /// Draws what an interval brought.
    fn serve(&mut self, load: &PodLoad, seconds: f64, store: &mut Store) {
        for (label, users) in load.users() {
            let value = label.map_or("", |(_, value)| value);
            let known = self.answers.iter().position(|(known, _)| known == value);
            // Counters of users who get a flag are born with the first of them.
            if known.is_none() && label.is_some() && users.requests <= 0.0 {
                continue;
            }
            let at = known.unwrap_or_else(|| {
                let base = label.map_or_else(|| self.base.clone(), |(name, value)| self.base.with(name, value));
                self.answers.push((value.to_owned(), Answers::new(base, store)));
                self.answers.len() - 1
            });
            self.answers[at].1.serve(&mut self.random, users, seconds);
        }
        let wobble = 0.95 + 0.1 * self.random.unit();
        self.cpu += finite(load.cpu_cores) * seconds * wobble;
    }

    fn record(&mut self, store: &mut Store, at: i64) {
        for (_, answers) in &mut self.answers {
            answers.record(store, at);
        }
        store.append(self.cpu_series, at, self.cpu);
        store.append(self.up, at, 1.0);
    }

    fn series(&self) -> impl Iterator<Item = SeriesId> {
        self.answers.iter().flat_map(|(_, answers)| answers.series.all()).chain([self.cpu_series, self.up])
    }
}

impl Answers {
    fn new(base: Labels, store: &mut Store) -> Self {
        let named = |name: &str| base.with(NAME, name);
        let bucket = named("http_request_duration_seconds_bucket");
        let series = Series {
            answered: store.series(&named("http_requests_total").with("code", "200")),
            not_found: None,
            failed: None,
            buckets: std::array::from_fn(|index| {
                let le = BOUNDS.get(index).map_or_else(|| "+Inf".to_owned(), f64::to_string);
                store.series(&bucket.with("le", &le))
            }),
            sum: store.series(&named("http_request_duration_seconds_sum")),
            count: store.series(&named("http_request_duration_seconds_count")),
        };
        Self { base, answered: 0, not_found: 0, failed: 0, buckets: [0; BUCKET_COUNT], seconds: 0.0, series }
    }

    /// Requests arrive as a Poisson process, so those of each bucket and outcome are independent Poisson counts: the same law as
    /// a binomial draw of errors and a multinomial draw of latencies.
    fn serve(&mut self, random: &mut Random, users: Users, seconds: f64) {
        let Users { failing, missing, .. } = users;
        let requests = users.requests * seconds;
        for (bucket, share) in latency::shares(users.median_seconds, users.sigma).iter().enumerate() {
            let expected = requests * share.chance;
            let failed = random.poisson(expected * failing);
            let answered = random.poisson(expected * (1.0 - failing) * (1.0 - missing));
            let not_found = if missing > 0.0 { random.poisson(expected * (1.0 - failing) * missing) } else { 0 };
            self.failed += failed;
            self.answered += answered;
            self.not_found += not_found;
            let all = failed + answered + not_found;
            self.buckets[bucket] += all;
            self.seconds += all as f64 * share.mean;
        }
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
    }
}

impl Series {
    fn all(&self) -> impl Iterator<Item = SeriesId> {
        let single = [self.answered, self.sum, self.count];
        self.buckets.iter().copied().chain(single).chain(self.not_found).chain(self.failed)
    }
}

/// The value, or zero where it is negative or not a number.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value.max(0.0) } else { 0.0 }
}
