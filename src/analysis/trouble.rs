//! Why a sample allows no comparison: missing data is never healthy.

use super::histogram::Shared;
use super::scrape::{Counts, Scrape};

/// Why a scrape cannot be counted at all; `None` where it can.
pub(super) fn contradiction(scrape: &Scrape, last: Option<f64>) -> Option<String> {
    if !scrape.t.is_finite() || last.is_some_and(|last| scrape.t < last) {
        return Some("sample timestamps went backwards".to_owned());
    }
    let wrong = |counts: &Counts| counts.errors > counts.requests;
    for (track, counts) in [("the canary", &scrape.canary), ("stable", &scrape.stable)] {
        if wrong(counts) {
            return Some(format!("{track} has more errors than requests"));
        }
    }
    None
}

/// Why a scrape that was counted allows no comparison; `None` where it does. `shared` are the latencies of both.
pub(super) fn why_not_comparable(scrape: &Scrape, shared: Option<&Shared>) -> Option<String> {
    match (scrape.canary.requests, scrape.stable.requests) {
        (0, 0) => return Some("no requests on either track: nothing to compare".to_owned()),
        (0, _) => return Some("the canary got no requests: nothing to compare".to_owned()),
        (_, 0) => return Some("stable got no requests: nothing to compare".to_owned()),
        _ => {}
    }
    let histograms = !scrape.canary.buckets.is_empty() || !scrape.stable.buckets.is_empty();
    (histograms && shared.is_none()).then(|| "the latency buckets of canary and stable share no bound".to_owned())
}
