//! What users got of the version that goes out, scrape by scrape: the truth that measurements are held against.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::prometheus::Metrics;
use super::traffic::Flow;

/// How many moments are kept: more than eight hours of them.
const MAX_MOMENTS: usize = 15_000;

/// What users got of the version that goes out, between two scrapes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Served {
    /// When the later scrape was.
    pub at: Timestamp,
    /// How long after the earlier one, in seconds.
    pub seconds: f64,
    /// Requests that its pods answered.
    pub requests: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// Requests that were sent to it while none of its pods was ready.
    pub lost: u64,
    /// Whether users feel something else than at its beginning.
    pub changed: bool,
}

/// Writes down what users get in one environment.
#[derive(Debug)]
pub struct TrafficLedger {
    environment: String,
    image: String,
    /// What each pod had answered at the last scrape.
    counted: HashMap<String, [u64; 2]>,
    served: Arc<Mutex<Vec<Served>>>,
}

impl TrafficLedger {
    /// Follows an image in an environment.
    pub fn new(environment: &str, image: &str) -> Self {
        let served = Arc::default();
        Self { environment: environment.to_owned(), image: image.to_owned(), counted: HashMap::new(), served }
    }

    /// Returns what is written, which continues to grow.
    pub fn served(&self) -> Arc<Mutex<Vec<Served>>> {
        Arc::clone(&self.served)
    }

    /// Returns whether it follows an environment.
    pub fn follows(&self, environment: &str) -> bool {
        self.environment == environment
    }

    /// Writes down what the flows of its environment brought since the last scrape.
    pub fn note(&mut self, at: Timestamp, interval: Duration, flows: &[Flow], metrics: &Metrics) {
        let seconds = interval.as_secs_f64();
        let mut served = Served { at, seconds, requests: 0, errors: 0, lost: 0, changed: false };
        let mut counted = HashMap::new();
        for flow in flows.iter().filter(|flow| flow.image == self.image) {
            served.changed |= flow.changed;
            served.lost += (flow.lost_per_second * seconds).round() as u64;
            for pod in &flow.pods {
                let Some(now) = metrics.answered(&self.environment, &flow.namespace, pod) else { continue };
                let before = self.counted.get(pod).copied().unwrap_or_default();
                // A pod that came back counts from zero.
                let gained = [0, 1].map(|one: usize| now[one].checked_sub(before[one]).unwrap_or(now[one]));
                served.requests += gained[0] + gained[1];
                served.errors += gained[1];
                counted.insert(pod.clone(), now);
            }
        }
        self.counted = counted;
        let mut all = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MAX_MOMENTS {
            all.push(served);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prometheus::PodLoad;
    use crate::scenario::behaviour::Service;
    use jiff::SignedDuration;

    fn flow(image: &str, pods: &[&str], lost_per_second: f64, changed: bool) -> Flow {
        Flow {
            namespace: "shop".to_owned(),
            hash: "7f".to_owned(),
            pods: pods.iter().map(|pod| (*pod).to_owned()).collect(),
            requests_per_pod: 100.0,
            service: Service::default(),
            flagged: None,
            image: image.to_owned(),
            lost_per_second,
            changed,
        }
    }

    fn load(pod: &str) -> PodLoad {
        PodLoad::web("prod", pod, 100.0, 0.2)
    }

    #[test]
    fn ledger_records_counter_gains_of_the_followed_image() {
        let metrics = Metrics::new(3);
        let mut ledger = TrafficLedger::new("prod", "web:2");
        let (begin, two) = (Timestamp::UNIX_EPOCH, Duration::from_secs(2));
        let mut scrape = |n: i64, pods: &[&str], flows: &[Flow]| {
            let at = begin + SignedDuration::from_secs(2 * n);
            let loads: Vec<PodLoad> = pods.iter().map(|pod| load(pod)).collect();
            metrics.scrape(at, two, &loads);
            ledger.note(at, two, flows, &metrics);
        };
        let old = || flow("web:1", &["old"], 0.0, false);
        scrape(1, &["old", "a"], &[old(), flow("web:2", &["a"], 0.0, false)]);
        scrape(2, &["old", "a", "b"], &[old(), flow("web:2", &["a", "b"], 0.0, true)]);
        let last = ["a", "b"].map(|pod| metrics.answered("prod", "shop", pod).unwrap());
        scrape(3, &["old"], &[old(), flow("web:2", &[], 50.0, true)]);
        // It came back, and counts from zero.
        scrape(4, &["old", "a"], &[old(), flow("web:2", &["a"], 0.0, true)]);
        let again = metrics.answered("prod", "shop", "a").unwrap();
        let served = ledger.served().lock().unwrap().clone();
        let sum = |of: fn(&Served) -> u64, part: &[Served]| part.iter().map(of).sum::<u64>();
        assert_eq!(sum(|s| s.errors, &served[..2]), last[0][1] + last[1][1]);
        assert_eq!(sum(|s| s.requests, &served[..2]), last.iter().flatten().sum::<u64>());
        assert_eq!((served[2].requests, served[2].lost), (0, 100));
        assert_eq!(served[3].requests, again.iter().sum::<u64>());
        assert_eq!(served.iter().map(|s| s.changed).collect::<Vec<_>>(), [false, true, true, true]);
    }
}
