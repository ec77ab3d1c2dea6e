//! The series of one look, put in order: one line per series whichever server it came from, bad samples aside.

use std::collections::BTreeMap;

use super::cursor::Cursor;
use super::identity::{self, Key};
use super::seen::{MAX_COUNTER, Role, Samples, Seen, SeriesSeen};
use crate::domain::facts::ids::Track;
use crate::domain::facts::signals::Tracks;

/// A series as it is followed.
#[derive(Clone, Debug)]
pub(super) struct FollowedSeries {
    pub key: Key,
    pub target: Key,
    pub pod: Option<String>,
    pub replica: String,
    pub track: Track,
    pub role: Role,
    /// What it is a bucket of, where it is one.
    pub parent: Key,
    /// What it shares with the same series of another target of the port, and its job.
    exposed: Option<(Key, String)>,
    /// Another target of the same port of the pod counts the same requests, and is the one that counts.
    pub is_duplicate: bool,
    /// Those that count, oldest first, none twice.
    pub samples: Samples,
    /// Times and values of those that cannot be counts.
    pub bad: Vec<(i64, f64)>,
}

/// What is known of a target from this look.
#[derive(Clone, Debug, Default)]
pub(super) struct Presence {
    /// When it was scraped, ascending.
    pub scraped: Vec<i64>,
    /// When it was there but did not answer, ascending.
    pub down: Vec<i64>,
    pub pod: Option<String>,
    pub canary: bool,
    /// It has counters, and not only an answer to the scrape.
    pub counts: bool,
}

#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Counters: one line per key.
    pub lines: Vec<FollowedSeries>,
    pub targets: BTreeMap<Key, Presence>,
}

impl Lines {
    /// Puts a look in order. Of several servers that scraped the same series one is followed, and kept as long as it
    /// has samples: their clocks differ, and two interleaved counters look like resets.
    pub fn sort(
        seen: &Seen,
        tracks: &Tracks,
        replica_label: Option<&str>,
        interval: i64,
        cursors: &BTreeMap<Key, Cursor>,
    ) -> Self {
        let mut sorted = Self::default();
        let mut alike: BTreeMap<Key, Vec<FollowedSeries>> = BTreeMap::new();
        for series in &seen.series {
            let line = line(series, seen.at, tracks, replica_label);
            sorted.note(&line);
            if !matches!(line.role, Role::Up) {
                alike.entry(line.key.clone()).or_default().push(line);
            }
        }
        for presence in sorted.targets.values_mut() {
            presence.scraped.sort_unstable();
            presence.scraped.dedup();
        }
        sorted.lines =
            alike.into_iter().filter_map(|(key, lines)| choose(lines, cursors.get(&key), interval)).collect();
        mark_duplicates(&mut sorted.lines, seen.at.saturating_sub(3 * interval));
        sorted
    }

    fn note(&mut self, line: &FollowedSeries) {
        let presence = self.targets.entry(line.target.clone()).or_default();
        presence.canary |= line.track == Track::Canary;
        presence.counts |= line.role != Role::Up;
        presence.pod = presence.pod.take().or_else(|| line.pod.clone());
        match (&line.samples, line.role) {
            (Samples::Numbers(numbers), Role::Up) => {
                for (at, value) in numbers {
                    if *value > 0.0 { presence.scraped.push(*at) } else { presence.down.push(*at) }
                }
            }
            (samples, _) => presence.scraped.extend(samples.times().chain(line.bad.iter().map(|(at, _)| *at))),
        }
    }

    /// Returns the lines of a track that count requests.
    pub fn requests(&self, track: Track) -> impl Iterator<Item = &FollowedSeries> {
        self.lines.iter().filter(move |line| line.track == track && line.role.counts_requests())
    }

    /// Returns when the requests of a track were sampled, ascending.
    pub fn times(&self, track: Track) -> Vec<i64> {
        let mut times: Vec<i64> = self.requests(track).flat_map(|line| line.samples.times()).collect();
        times.sort_unstable();
        times.dedup();
        times
    }
}

/// Marks what another target of the same port counts as well. The first job by its name that has samples since `fresh` counts;
/// the others are followed, so that one of them can take its place.
fn mark_duplicates(lines: &mut [FollowedSeries], fresh: i64) {
    let mut chosen: BTreeMap<Key, String> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.samples.times().last().is_some_and(|newest| newest >= fresh)) {
        let Some((key, job)) = &line.exposed else { continue };
        let first = chosen.entry(key.clone()).or_insert_with(|| job.clone());
        if job < first {
            first.clone_from(job);
        }
    }
    for line in lines {
        let first = line.exposed.as_ref().and_then(|(key, job)| Some((chosen.get(key)?, job)));
        line.is_duplicate = first.is_some_and(|(first, job)| first != job);
    }
}

fn line(series: &SeriesSeen, at: i64, tracks: &Tracks, replica_label: Option<&str>) -> FollowedSeries {
    let replicaset = match series.track {
        Track::Stable => tracks.stable.as_deref(),
        Track::Canary => tracks.canary.as_deref(),
    };
    let mut bad = Vec::new();
    let samples = match &series.samples {
        Samples::Numbers(numbers) => {
            let (good, wrong): (Vec<_>, Vec<_>) =
                numbers.iter().filter(|(t, _)| *t <= at).partition(|(_, value)| (0.0..=MAX_COUNTER).contains(value));
            bad = wrong;
            Samples::Numbers(in_order(good))
        }
        Samples::Histograms(all) => {
            Samples::Histograms(in_order(all.iter().filter(|(t, _)| *t <= at).cloned().collect()))
        }
    };
    FollowedSeries {
        key: identity::series(series.track, series.role, &series.labels, replica_label),
        target: identity::target(&series.labels, replica_label),
        pod: replicaset.and_then(|name| identity::pod(&series.labels, name)).map(ToOwned::to_owned),
        replica: identity::replica(&series.labels, replica_label),
        track: series.track,
        role: series.role,
        parent: identity::series(series.track, Role::Unknown, &series.labels, replica_label),
        exposed: identity::exposed(series.track, series.role, &series.labels, replica_label),
        is_duplicate: false,
        samples,
        bad,
    }
}

fn in_order<T>(mut samples: Vec<(i64, T)>) -> Vec<(i64, T)> {
    samples.sort_by_key(|(at, _)| *at);
    samples.dedup_by_key(|(at, _)| *at);
    samples
}

/// Chooses which of the servers to follow for a series.
fn choose(lines: Vec<FollowedSeries>, cursor: Option<&Cursor>, interval: i64) -> Option<FollowedSeries> {
    let lines = joined(lines);
    let newest = |line: &FollowedSeries| line.samples.times().last().unwrap_or(i64::MIN);
    let latest = lines.iter().map(newest).max()?;
    let followed = cursor.map(Cursor::replica);
    let stays = |line: &FollowedSeries| {
        followed == Some(line.replica.as_str()) && newest(line) >= latest.saturating_sub(3 * interval)
    };
    let chosen = lines.iter().position(stays).or_else(|| {
        let count = |line: &FollowedSeries| line.samples.times().count();
        let best = lines.iter().map(count).max()?;
        lines.iter().position(|line| count(line) == best)
    })?;
    let mut line = lines.into_iter().nth(chosen)?;
    if let Some(cursor) = cursor.filter(|cursor| cursor.replica() != line.replica) {
        // The clocks of the two may differ: what is near where the other one ended may be from before it.
        line.samples = after(line.samples, cursor.at() + interval);
    }
    Some(line)
}

/// Joins series that differ only in how a bound is written.
fn joined(mut lines: Vec<FollowedSeries>) -> Vec<FollowedSeries> {
    lines.sort_by(|a, b| a.replica.cmp(&b.replica));
    lines.dedup_by(|later, earlier| {
        let same = later.replica == earlier.replica;
        if same {
            earlier.bad.append(&mut later.bad);
            if let (Samples::Numbers(into), Samples::Numbers(from)) = (&mut earlier.samples, &mut later.samples) {
                into.append(from);
                *into = in_order(std::mem::take(into));
            }
        }
        same
    });
    lines
}

fn after(samples: Samples, at: i64) -> Samples {
    match samples {
        Samples::Numbers(mut numbers) => {
            numbers.retain(|(t, _)| *t > at);
            Samples::Numbers(numbers)
        }
        Samples::Histograms(mut histograms) => {
            histograms.retain(|(t, _)| *t > at);
            Samples::Histograms(histograms)
        }
    }
}
