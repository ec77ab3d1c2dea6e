//! Brings the latency histograms of both tracks to bounds that all of them have.

use std::collections::{BTreeMap, BTreeSet};

use super::cursor::Gained;
use super::histogram::{Histogram, upper};
use super::identity::Key;
use super::lines::FollowedSeries;
use super::seen::{Role, Samples};
use crate::domain::facts::ids::Track;
use analysis::Bucket;

/// Native buckets end from about a millisecond, 2^-10 s …
const MIN_BOUND_SECONDS: f64 = 1.0 / 1024.0;
/// … to about a minute.
const MAX_BOUND_SECONDS: f64 = 64.0;

/// The bounds that the histograms of both tracks have in common.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Layout {
    /// None: latencies cannot be compared.
    Nothing,
    /// Upper bounds in seconds, ascending, the last infinite.
    Classic(Vec<f64>),
    /// The resolution of native histograms, and how many of their units make a second.
    Native {
        schema: i32,
        /// Units in a second.
        unit: u32,
    },
}

/// The latencies of one track in one slice.
#[derive(Clone, Debug, Default)]
pub(super) struct Latencies {
    /// Requests that took at most so long, by the bits of the bound: bounds are positive, so that bits sort like numbers.
    classic: BTreeMap<u64, u64>,
    native: Histogram,
}

impl Layout {
    /// Finds it. Bounds that one series of a track lacks are left out: below a bound that all have, counts add up exactly.
    pub fn common(lines: &[FollowedSeries]) -> Self {
        let mut bounds: BTreeMap<(&Key, bool), BTreeSet<u64>> = BTreeMap::new();
        let (mut schema, mut unit, mut natives) = (super::histogram::MAX_SCHEMA, 1, [false; 2]);
        for line in lines {
            let canary = line.track == Track::Canary;
            match (line.role, &line.samples) {
                (Role::Bucket(le), _) => {
                    bounds.entry((&line.parent, canary)).or_default().insert(le.to_bits());
                }
                (Role::Native(of), Samples::Histograms(histograms)) => {
                    unit = of;
                    schema =
                        histograms.iter().map(|(_, histogram)| histogram.schema).min().unwrap_or(schema).min(schema);
                    if let Some(seen) = natives.get_mut(usize::from(canary)) {
                        *seen = true;
                    }
                }
                _ => {}
            }
        }
        let has = |canary| bounds.keys().any(|(_, of)| *of == canary);
        if has(true) && has(false) {
            let common = bounds.into_values().reduce(|a, b| &a & &b).unwrap_or_default();
            let common: Vec<f64> = common.into_iter().map(f64::from_bits).collect();
            let ends = common.last().is_some_and(|last| last.is_infinite());
            return if ends && common.len() > 1 { Self::Classic(common) } else { Self::Nothing };
        }
        if natives == [true; 2] { Self::Native { schema, unit } } else { Self::Nothing }
    }

    /// Returns each bucket's own requests.
    pub fn buckets(&self, latencies: &Latencies) -> Vec<Bucket> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Classic(bounds) => {
                let up_to = |le: &f64| latencies.classic.get(&le.to_bits()).copied().unwrap_or_default();
                own(bounds.iter().map(|le| (*le, up_to(le))))
            }
            Self::Native { schema, unit } => {
                let histogram = latencies.native.coarser(*schema);
                let unit = f64::from(*unit);
                let k = |seconds: f64| ((seconds * unit).log2() * f64::from(*schema).exp2()).round() as i32;
                let grid = (k(MIN_BOUND_SECONDS)..=k(MAX_BOUND_SECONDS))
                    .map(|k| (upper(k, *schema) / unit, histogram.up_to(k).floor() as u64));
                own(grid.chain([(f64::INFINITY, histogram.count.floor() as u64)]))
            }
        }
    }
}

/// From how many took at most so long to each bucket's own. Where a library counts a request in one bucket after the
/// other, a scrape in between may see fewer below the larger bound: then the larger number holds.
fn own(up_to: impl Iterator<Item = (f64, u64)>) -> Vec<Bucket> {
    let mut below = 0;
    let own = up_to.map(|(le, up_to)| {
        let count = up_to.saturating_sub(below);
        below = below.max(up_to);
        Bucket { le, count }
    });
    own.collect()
}

impl Latencies {
    /// Adds what a sample brought.
    pub fn add(&mut self, role: Role, gained: &Gained) {
        match (role, gained) {
            (Role::Bucket(le), Gained::Count(count)) => {
                let all = self.classic.entry(le.to_bits()).or_default();
                *all = all.saturating_add(*count);
            }
            (Role::Native(_), Gained::Latencies(histogram)) => self.native.add(histogram),
            _ => {}
        }
    }
}
