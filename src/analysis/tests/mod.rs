//! The analyzer as a whole.

mod changed;
mod detection;
mod enumeration;
mod properties;
mod statuses;

use super::*;

/// A scrape without latencies.
pub(super) fn scrape(t: f64, canary: (u64, u64), stable: (u64, u64)) -> Look {
    let counts = |(requests, errors)| Counts { requests, errors, ..Counts::default() };
    Look::Scrape(Scrape { t, canary: counts(canary), stable: counts(stable), stable_pods: Vec::new() })
}

/// A scrape without errors, with latencies on four bounds.
pub(super) fn latencies(t: f64, canary: [u64; 4], stable: [u64; 4]) -> Look {
    let counts = |counts: [u64; 4]| Counts {
        requests: counts.iter().sum(),
        errors: 0,
        buckets: [0.1, 0.25, 0.5, f64::INFINITY]
            .into_iter()
            .zip(counts)
            .map(|(le, count)| Bucket { le, count })
            .collect(),
        ..Counts::default()
    };
    Look::Scrape(Scrape { t, canary: counts(canary), stable: counts(stable), stable_pods: Vec::new() })
}

/// Takes in samples 15 s apart.
pub(super) fn after(rules: Rules, scrapes: u32, look: impl Fn(f64, u32) -> Look) -> CanaryAnalyzer {
    let mut judge = CanaryAnalyzer::new(rules);
    for at in 0..scrapes {
        judge.take(&look(f64::from(at + 1) * 15.0, at));
    }
    judge
}

/// A session that was recorded holds looks with the last bucket, which has no bound.
#[test]
fn written_looks_are_read_again() {
    let look = latencies(15.0, [1, 2, 3, 4], [0, 0, 1, 0]);
    let written = serde_json::to_string(&look).unwrap();
    assert_eq!(serde_json::from_str::<Look>(&written).unwrap(), look);
}
