//! Absolute thresholds on the canary's own numbers, as Argo Rollouts and Flagger judge them.

use std::collections::VecDeque;

use crate::quantile::quantile;
use crate::race::Method;
use crate::world::{INTERVAL_SECONDS, Sample};

/// What must hold of the last window.
#[derive(Clone, Copy, Debug)]
pub enum Must {
    /// At least this share of requests succeeds.
    Succeed(f64),
    /// The 99th percentile is below this, in seconds, as Prometheus computes it.
    P99(f64),
}

/// Measures once each window; goes off at so many failures, which good measurements do not take back.
pub struct Threshold {
    name: &'static str,
    must: Must,
    window: usize,
    /// Failures that are too many.
    failures: u32,
    failed: u32,
    scrapes: usize,
    last: VecDeque<Sample>,
}

impl Threshold {
    fn boxed(name: &'static str, must: Must, minutes: usize, failures: u32) -> Box<dyn Method> {
        let window = minutes * 60 / INTERVAL_SECONDS as usize;
        Box::new(Self { name, must, window, failures, failed: 0, scrapes: 0, last: VecDeque::new() })
    }

    fn holds(&self) -> bool {
        match self.must {
            Must::Succeed(share) => {
                let sum = self.last.iter().fold((0, 0), |sum, one| (sum.0 + one.canary.0, sum.1 + one.canary.1));
                // Neither tool is asked to assess a window without requests here.
                sum.0 == 0 || 1.0 - sum.1 as f64 / sum.0 as f64 >= share
            }
            Must::P99(seconds) => {
                let buckets = self.last.iter().filter_map(|sample| sample.latency.as_ref()).map(|both| &both[0]);
                let sums = buckets.fold(Vec::new(), |sums: Vec<u64>, counts| {
                    let sum = |(at, count): (usize, &u64)| count + sums.get(at).copied().unwrap_or(0);
                    counts.iter().enumerate().map(sum).collect()
                });
                quantile(0.99, &sums) < seconds
            }
        }
    }
}

pub const ARGO_95: &str = "Argo success >= .95, 5m, failureLimit 3";
pub const ARGO_99: &str = "Argo success >= .99, 1m, failureLimit 3";
pub const FLAGGER: &str = "Flagger success >= 99 %, 1m, threshold 5";

/// The documented examples on error shares.
pub fn of_errors() -> Vec<Box<dyn Method>> {
    vec![
        Threshold::boxed(ARGO_95, Must::Succeed(0.95), 5, 4),
        Threshold::boxed(ARGO_99, Must::Succeed(0.99), 1, 4),
        Threshold::boxed(FLAGGER, Must::Succeed(0.99), 1, 5),
    ]
}

/// The documented examples on latency.
pub fn of_latency() -> Vec<Box<dyn Method>> {
    vec![
        Threshold::boxed("Argo p99 < 500 ms, 1m, failureLimit 3", Must::P99(0.5), 1, 4),
        Threshold::boxed("Flagger p99 < 500 ms, 1m, threshold 5", Must::P99(0.5), 1, 5),
    ]
}

impl Method for Threshold {
    fn names(&self) -> Vec<String> {
        vec![self.name.to_owned()]
    }

    fn look(&mut self, sample: &Sample, alarms: &mut Vec<bool>) {
        self.scrapes += 1;
        self.last.push_back(sample.clone());
        if self.last.len() > self.window {
            self.last.pop_front();
        }
        if self.scrapes.is_multiple_of(self.window) && !self.holds() {
            self.failed += 1;
        }
        alarms.push(self.failed >= self.failures);
    }
}
