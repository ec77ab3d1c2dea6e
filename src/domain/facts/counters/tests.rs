//! Counting as a whole: whatever comes between two looks, each request is counted once.

mod once;
mod refusals;
mod shapes;

use std::collections::BTreeMap;

use super::{AnswerClass, Counters, Role, Samples, Seen, SeriesSeen};
use crate::domain::facts::ids::Track;
use crate::domain::facts::signals::Tracks;
use analysis::{Look, Scrape, Statuses};

const SCRAPE_MS: i64 = 15_000;

fn tracks() -> Tracks {
    Tracks { stable: Some("web-5d".to_owned()), canary: Some("web-7f".to_owned()) }
}

fn counters() -> Counters {
    Counters::new(tracks())
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A series of a pod; the pod's name tells the track. Samples are `(scrape, value)`.
fn series(pod: &str, code: &str, samples: &[(i64, f64)]) -> SeriesSeen {
    let role = match code.as_bytes().first() {
        Some(b'5') => Role::Failed,
        Some(b'4') => Role::Answered(AnswerClass::Rejected),
        Some(b'3') => Role::Answered(AnswerClass::Redirect),
        _ => Role::Answered(AnswerClass::Served),
    };
    of(pod, role, &[("code", code)], samples)
}

fn of(pod: &str, role: Role, more: &[(&str, &str)], samples: &[(i64, f64)]) -> SeriesSeen {
    let track = if pod.starts_with("web-7f-") { Track::Canary } else { Track::Stable };
    let mut labels = labels(&[("pod", pod), ("job", "web"), ("instance", pod)]);
    labels.extend(self::labels(more));
    let samples = samples.iter().map(|(scrape, value)| (scrape * SCRAPE_MS, *value)).collect();
    SeriesSeen { track, role, labels, samples: Samples::Numbers(samples) }
}

/// The answers at a scrape: what is younger has not come yet.
fn seen(scrape: i64, series: &[SeriesSeen]) -> Seen {
    Seen { at: scrape * SCRAPE_MS, series: series.to_vec(), pods: None }
}

fn take(counters: &mut Counters, seen: &Seen) -> Vec<Look> {
    counters.take(seen, SCRAPE_MS, None)
}

fn scrapes(looks: Vec<Look>) -> Vec<Scrape> {
    let scrape = |look| match look {
        Look::Scrape(scrape) => scrape,
        other => panic!("{other:?}"),
    };
    looks.into_iter().map(scrape).collect()
}

/// Requests and errors of canary, then of stable, over all looks; trouble counts nothing.
fn totals(looks: &[Look]) -> [u64; 4] {
    let mut totals = [0; 4];
    for look in looks {
        if let Look::Scrape(scrape) = look {
            let of = [scrape.canary.requests, scrape.canary.errors, scrape.stable.requests, scrape.stable.errors];
            totals.iter_mut().zip(of).for_each(|(total, of)| *total += of);
        }
    }
    totals
}

/// Why the only look brought nothing.
fn why(looks: &[Look]) -> &str {
    match looks {
        [Look::Missing { why, .. }] => why,
        other => panic!("{other:?}"),
    }
}
