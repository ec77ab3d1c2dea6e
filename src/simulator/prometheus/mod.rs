//! A Prometheus on loopback: the part of its HTTP API that people query, over generated traffic.
//!
//! ```no_run
//! # async fn demo() -> std::io::Result<()> {
//! use release_cockpit_simulator::prometheus::{Metrics, PodLoad};
//! let metrics = Metrics::new(7);
//! let pod = PodLoad::web("staging", "payments-5d-x2x4z", 40.0, 0.001);
//! metrics.scrape(jiff::Timestamp::now(), std::time::Duration::from_secs(5), &[pod]);
//! let server = metrics.serve().await?;
//! println!("export PROMETHEUS_URL={}", server.url());
//! # Ok(()) }
//! ```
//!
//! Series, each with the labels `cluster`, `namespace` and `pod`:
//!
//! | series | further labels | unit |
//! |---|---|---|
//! | `http_requests_total` | `code`: `200`, and `404` and `500` from the first such answer on | requests |
//! | `http_request_duration_seconds_bucket`, `_sum`, `_count` | `le` on the buckets: OpenTelemetry's bounds | requests; seconds |
//! | `container_cpu_usage_seconds_total` | `container`: `app` | core seconds |
//! | `up` | | 1 |
//!
//! Two hours are kept. What no time is given for is evaluated now, or at the newest sample if that is later (a
//! simulation may run faster than the clock on the wall).

mod answer;
mod api;
mod import;
mod labels;
mod latency;
mod outage;
mod params;
mod pattern;
mod promql;
mod random;
mod samples;
mod server;
mod store;
#[cfg(test)]
mod tests;
mod traffic;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

pub use outage::Outage;
pub use server::PrometheusServer;
pub use traffic::{FlaggedLoad, PodLoad};

use store::Store;
use traffic::Traffic;

/// The metrics of all pods of a simulation. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    outage: watch::Sender<Outage>,
}

#[derive(Debug)]
struct State {
    traffic: Traffic,
    store: Store,
}

impl Metrics {
    /// Starts without any series. The same seed and the same scrapes give the same samples; each pod draws from a
    /// stream of its own, so that one more pod does not change the others.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State { traffic: Traffic::new(seed), store: Store::default() }),
            outage: watch::Sender::new(Outage::None),
        }))
    }

    /// Lets every pod serve for `interval` and takes one sample of each series at `at`.
    ///
    /// One call carries all pods of all clusters: the series of a pod that an earlier call had and this one has not
    /// end with a staleness marker, and a pod that comes back begins again at zero. A call with a time not after the
    /// last one is ignored. Past times are welcome, as long as they come in order: that is how a chart gets a history.
    pub fn scrape(&self, at: Timestamp, interval: Duration, pods: &[PodLoad]) {
        let State { traffic, store } = &mut *self.0.state();
        traffic.scrape(store, at.as_millisecond(), interval, pods);
    }

    /// Returns how many requests a pod has answered well since it began, and how many not; `None` for one that is not
    /// scraped.
    #[must_use]
    pub fn answered(&self, cluster: &str, namespace: &str, pod: &str) -> Option<[u64; 2]> {
        self.0.state().traffic.answered([cluster, namespace, pod])
    }

    /// Switches a failure of the server on, or with [`Outage::None`] off again. Scrapes continue meanwhile.
    pub fn set_outage(&self, outage: Outage) {
        self.0.outage.send_replace(outage);
    }

    /// Starts a server on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn serve(&self) -> std::io::Result<PrometheusServer> {
        server::serve(Arc::clone(&self.0)).await
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves at worst one scrape half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
