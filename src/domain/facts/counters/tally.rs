//! The state of counting for one workload's tracks, and the way from answers to looks.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::birth::{self, FirstSight};
use super::cursor::{Cursor, Gained};
use super::identity::Key;
use super::latency::{Latencies, Layout};
use super::lines::{FollowedSeries, Lines};
use super::seen::{AnswerClass, PodReadiness, Role, Seen, SeriesSeen};
use super::slices;
use super::trouble::CounterProblem;
use crate::domain::facts::ids::Track;
use crate::domain::facts::signals::Tracks;
use analysis::{Counts, Look, PodCounts, Scrape, Statuses};

/// Counters of a pod that go backwards twice within this time are not to be trusted: it crashes again and again, or two
/// pods answer under one name. In milliseconds.
pub const CRASH_LOOP_MS: i64 = 10 * 60_000;

/// How long a series is remembered that has no samples, and how long a pause is bridged. In milliseconds.
pub const SERIES_RETENTION_MS: i64 = 60 * 60_000;

/// How many series are followed.
pub const MAX_SERIES: usize = 50_000;

/// Time between two scrapes as long as none is known. In milliseconds.
const DEFAULT_INTERVAL_MS: i64 = 15_000;

/// How far the counters of a workload's tracks have been counted. To be kept over a restart: then nothing is forgotten and
/// nothing counted twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counters {
    tracks: Tracks,
    /// When the first answer came.
    began: Option<i64>,
    /// What happened before is not about this comparison, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_before: Option<i64>,
    /// The first scrape of any target that was seen.
    watched: Option<i64>,
    /// Up to when slices have been handed out.
    until: Option<i64>,
    /// Time between two scrapes, once it is known.
    interval: Option<i64>,
    /// Samples up to here that are no counts have been told of.
    told: i64,
    targets: BTreeMap<Key, Target>,
    cursors: BTreeMap<Key, Cursor>,
    /// When pods of the canary became ready for the first time; `None` where that is not known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    ready: BTreeMap<String, Option<i64>>,
}

/// What is remembered of a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Target {
    scraped: i64,
    /// When its counters went backwards last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reset: Option<i64>,
}

#[derive(Debug, Default)]
struct Slice {
    counts: [Counts; 2],
    latencies: [Latencies; 2],
    pods: BTreeMap<String, PodCounts>,
}

impl Counters {
    /// Begins for the tracks of a rollout.
    #[must_use]
    pub fn new(tracks: Tracks) -> Self {
        Self {
            tracks,
            began: None,
            not_before: None,
            watched: None,
            until: None,
            interval: None,
            told: i64::MIN,
            targets: BTreeMap::new(),
            cursors: BTreeMap::new(),
            ready: BTreeMap::new(),
        }
    }

    #[must_use]
    pub fn tracks(&self) -> &Tracks {
        &self.tracks
    }

    /// Leaves out what happened before this, in milliseconds by the server's clock; the first call holds. Pods of a canary are new with
    /// it; those that answer users with a flag and users without it were there before.
    pub fn leave_out_before(&mut self, at: i64) {
        if self.began.is_none() {
            self.not_before.get_or_insert(at);
        }
    }

    /// Time between two scrapes, in milliseconds: the usual one as long as none is known.
    #[must_use]
    pub fn interval(&self) -> i64 {
        self.interval.unwrap_or(DEFAULT_INTERVAL_MS)
    }

    /// Returns whether the time between two scrapes is known.
    #[must_use]
    pub fn knows_interval(&self) -> bool {
        self.interval.is_some()
    }

    /// Learns the time between two scrapes, that of the track which is scraped less often: how long to wait for late
    /// samples follows from it.
    pub fn learn_interval(&mut self, series: &[SeriesSeen]) {
        let of = |track| {
            let times =
                series.iter().filter(|series| series.track == track).map(|series| series.samples.times().collect());
            slices::interval(times.collect::<Vec<Vec<i64>>>().iter().map(Vec::as_slice))
        };
        self.interval = of(Track::Stable).max(of(Track::Canary)).or(self.interval);
    }

    /// From when on samples are wanted; `None` before the first answer.
    #[must_use]
    pub fn since(&self) -> Option<i64> {
        self.until.or(self.began)
    }

    /// Takes in the answers of one look. Returns what happened since the last one, in slices of about `step`
    /// milliseconds or one scrape, whichever is longer; nothing where no slice is complete yet. After trouble the state
    /// stays where it was, so that a later look has what this one could not tell.
    pub fn take(&mut self, seen: &Seen, step: i64, replica_label: Option<&str>) -> Vec<Look> {
        if self.since().is_some_and(|since| seen.at.saturating_sub(since) > SERIES_RETENTION_MS) {
            // What happened in so long a pause is unknown.
            let not_before = self.not_before;
            *self = Self { not_before, ..Self::new(std::mem::take(&mut self.tracks)) };
        }
        self.learn_interval(&seen.series);
        let lines = Lines::sort(seen, &self.tracks, replica_label, self.interval(), &self.cursors);
        let checked = self.check(seen, &lines);
        self.register(seen, &lines);
        match checked {
            Ok(()) => self.slice(seen, step, &lines),
            Err(trouble) => {
                if let (CounterProblem::Empty(_), None) = (&trouble, self.until) {
                    // There is nothing to compare with yet: what stable does meanwhile is of no use.
                    self.skip(seen.at, &lines);
                }
                vec![missing(seen.at, &trouble)]
            }
        }
    }

    /// Finds what forbids to count.
    fn check(&mut self, seen: &Seen, lines: &Lines) -> Result<(), CounterProblem> {
        let fresh = seen.at.saturating_sub(self.interval().saturating_mul(3));
        if lines.lines.len() > MAX_SERIES {
            return Err(CounterProblem::TooMany(lines.lines.len()));
        }
        for track in [Track::Canary, Track::Stable] {
            if lines.requests(track).next().is_none() {
                let unknown = lines.lines.iter().any(|line| line.track == track && line.role == Role::Unknown);
                return Err(if unknown { CounterProblem::NoOutcome(track) } else { CounterProblem::Empty(track) });
            }
            let newest = lines.requests(track).filter_map(|line| line.samples.times().last()).max();
            let age = newest.map_or(self.interval() * 3, |newest| seen.at.saturating_sub(newest));
            if newest.is_none_or(|newest| newest < fresh) && self.bad(lines).is_none() {
                return Err(CounterProblem::Stale { track, age });
            }
        }
        if let Some((at, trouble)) = self.bad(lines) {
            self.told = at;
            return Err(trouble);
        }
        self.scraped(seen, lines, fresh)
    }

    /// Returns the latest sample that is no count and has not been told of.
    fn bad(&self, lines: &Lines) -> Option<(i64, CounterProblem)> {
        let all = lines.lines.iter().flat_map(|line| line.bad.iter().map(move |(at, value)| (*at, line.track, *value)));
        let (at, track, value) = all.filter(|(at, ..)| *at > self.told).max_by_key(|(at, ..)| *at)?;
        Some((at, CounterProblem::NotACount { track, value: value.to_string() }))
    }

    /// Checks that all of the canary's pods are scraped, where pods can be distinguished.
    fn scraped(&self, seen: &Seen, lines: &Lines, fresh: i64) -> Result<(), CounterProblem> {
        let of_canary = || lines.targets.values().filter(|presence| presence.canary && presence.pod.is_some());
        let counting: BTreeSet<_> =
            of_canary().filter(|presence| presence.counts).map(|presence| &presence.pod).collect();
        let mut pods: BTreeMap<&str, bool> = BTreeMap::new();
        for presence in of_canary() {
            let Some(pod) = presence.pod.as_deref() else { continue };
            if counting.contains(&presence.pod) && !presence.counts {
                // Another port of the same pod says nothing of the one that counts.
                continue;
            }
            let is_fresh = |times: &[i64]| times.last().is_some_and(|time| *time >= fresh);
            if is_fresh(&presence.scraped) || is_fresh(&presence.down) {
                let last = |times: &[i64]| times.last().copied();
                *pods.entry(pod).or_default() |= last(&presence.scraped) >= last(&presence.down);
            }
        }
        if pods.is_empty() {
            return Ok(());
        }
        let (expected, scraped) = match &seen.pods {
            Some(known) => {
                // A pod that has just begun is scraped a little later.
                let late = seen.at.saturating_sub(self.interval().saturating_mul(2));
                let ready = known.iter().filter(|pod| pod.readiness != PodReadiness::Starting);
                let expected: Vec<_> = ready.filter(|pod| pod.created.is_none_or(|at| at <= late)).collect();
                let scraped = expected.iter().filter(|pod| pods.get(pod.name.as_str()) == Some(&true)).count();
                (expected.len(), scraped)
            }
            None => (pods.len(), pods.values().filter(|scraped| **scraped).count()),
        };
        if scraped < expected { Err(CounterProblem::Unscraped { scraped, expected }) } else { Ok(()) }
    }

    /// Decides for each series that is seen for the first time from where it counts.
    fn register(&mut self, seen: &Seen, lines: &Lines) {
        let created = |pod: Option<&str>| {
            let known = seen.pods.iter().flatten().find(|known| Some(known.name.as_str()) == pod)?;
            known.created
        };
        for pod in seen.pods.iter().flatten() {
            match pod.readiness {
                PodReadiness::Starting => {}
                PodReadiness::Since(at) => _ = self.ready.entry(pod.name.clone()).or_insert(Some(at)),
                PodReadiness::Ready => _ = self.ready.entry(pod.name.clone()).or_insert(None),
            }
        }
        let first = lines.targets.values().filter_map(|presence| presence.scraped.first()).min().copied();
        self.watched = self.watched.or(first);
        for line in &lines.lines {
            if let Some(cursor) = self.cursors.get_mut(&line.key) {
                cursor.follow(&line.target, &line.replica);
                continue;
            }
            let presence = lines.targets.get(&line.target);
            let is_new = birth::is_new(FirstSight {
                first: line.samples.times().next().unwrap_or(i64::MIN),
                scraped: presence.map_or(&[], |presence| &presence.scraped),
                down: presence.map_or(&[], |presence| &presence.down),
                known: self.targets.get(&line.target).map(|target| target.scraped),
                created: created(line.pod.as_deref()),
                watched: self.watched,
                interval: self.interval(),
            });
            if let Some(cursor) = Cursor::begin(&line.samples, line.target.clone(), line.replica.clone(), is_new) {
                self.cursors.insert(line.key.clone(), cursor);
            }
        }
        for (key, presence) in &lines.targets {
            let Some(newest) = presence.scraped.last() else { continue };
            let target = self.targets.entry(key.clone()).or_insert(Target { scraped: *newest, reset: None });
            target.scraped = target.scraped.max(*newest);
        }
        self.began.get_or_insert(seen.at);
        let forgotten = seen.at.saturating_sub(SERIES_RETENTION_MS);
        self.targets.retain(|_, target| target.scraped > forgotten);
        let targets = &self.targets;
        self.cursors.retain(|_, cursor| targets.contains_key(cursor.target()));
    }

    /// Counts up to the last slice that is complete.
    fn slice(&mut self, seen: &Seen, step: i64, lines: &Lines) -> Vec<Look> {
        let at = seen.at;
        let times = [Track::Stable, Track::Canary].map(|track| lines.times(track));
        let start = || {
            let first = times.iter().filter_map(|times| times.first()).max()?;
            Some((first - self.interval()).max(self.not_before.unwrap_or(i64::MIN)))
        };
        let Some(from) = self.until.or_else(start) else { return Vec::new() };
        let is_start = self.until.is_none();
        let ends = slices::ends(from, at, step.max(self.interval()), &times);
        let Some(until) = ends.last().copied() else { return Vec::new() };
        let layout = Layout::common(&lines.lines);
        let mut slices: Vec<Slice> = ends.iter().map(|_| Slice::default()).collect();
        let (ready, interval) = (self.ready.clone(), self.interval());
        let starting: BTreeSet<&str> = seen
            .pods
            .iter()
            .flatten()
            .filter(|pod| pod.readiness == PodReadiness::Starting && !ready.contains_key(&pod.name))
            .map(|pod| pod.name.as_str())
            .collect();
        // What a pod answered before it was ready was probes: no user asked.
        let is_users = |line: &FollowedSeries, at: i64| {
            let Some(pod) = line.pod.as_deref().filter(|_| line.track == Track::Canary) else { return true };
            !starting.contains(pod) && ready.get(pod).copied().flatten().is_none_or(|since| at - interval >= since)
        };
        let restless = self.count(until, lines, |line, at, gained| {
            if line.is_duplicate || !is_users(line, at) {
                return;
            }
            // What came late belongs to the first slice; what was before the start has nothing to be compared with.
            let slice = slices.get_mut(ends.partition_point(|end| *end < at));
            if let Some(slice) = slice.filter(|_| !is_start || at > from) {
                slice.add(line, gained);
            }
        });
        self.until = Some(until);
        match restless {
            Some(trouble) => vec![missing(at, &trouble)],
            None => slices.into_iter().zip(ends).map(|(slice, end)| slice.finish(end, &layout)).collect(),
        }
    }

    fn skip(&mut self, until: i64, lines: &Lines) {
        let _ = self.count(until, lines, |_, _, _| {});
    }

    /// Moves the cursors up to a time and tells what each sample added. Returns the trouble if counters of a target went
    /// backwards too often.
    fn count(
        &mut self,
        until: i64,
        lines: &Lines,
        mut add: impl FnMut(&FollowedSeries, i64, &Gained),
    ) -> Option<CounterProblem> {
        let mut resets: BTreeMap<&Key, Vec<i64>> = BTreeMap::new();
        for line in &lines.lines {
            if let Some(cursor) = self.cursors.get(&line.key) {
                let found = cursor.resets(&line.samples, until);
                if !found.is_empty() {
                    resets.entry(&line.target).or_default().extend(found);
                }
            }
        }
        for resets in resets.values_mut() {
            resets.sort_unstable();
            resets.dedup();
        }
        for line in &lines.lines {
            if let Some(cursor) = self.cursors.get_mut(&line.key) {
                // One that an earlier look saw matters too, for a series that comes back only now.
                let earlier = self.targets.get(&line.target).and_then(|target| target.reset);
                let restarts: Vec<i64> =
                    resets.get(&line.target).into_iter().flatten().copied().chain(earlier).collect();
                for (at, gained) in cursor.count(&line.samples, until, &restarts) {
                    add(line, at, &gained);
                }
            }
        }
        let restless: Vec<&Key> =
            resets.iter().filter(|(key, times)| self.is_restless(key, times)).map(|(key, _)| *key).collect();
        for (key, times) in &resets {
            if let Some(target) = self.targets.get_mut(*key) {
                target.reset = times.last().copied().max(target.reset);
            }
        }
        let line = lines.lines.iter().find(|line| restless.contains(&&line.target))?;
        Some(CounterProblem::Restless { pod: line.pod.clone().unwrap_or_else(|| line.track.as_str().to_owned()) })
    }

    /// Returns whether two resets of a target are close to each other.
    fn is_restless(&self, key: &Key, times: &[i64]) -> bool {
        let before = self.targets.get(key).and_then(|target| target.reset);
        let mut all = before.into_iter().chain(times.iter().copied());
        let mut last = all.next();
        all.any(|time| last.replace(time).is_some_and(|last| time - last < CRASH_LOOP_MS))
    }
}

impl Slice {
    fn add(&mut self, line: &FollowedSeries, gained: &Gained) {
        let track = usize::from(line.track == Track::Canary);
        let (Some(counts), Some(latencies)) = (self.counts.get_mut(track), self.latencies.get_mut(track)) else {
            return;
        };
        let Gained::Count(count) = gained else { return latencies.add(line.role, gained) };
        let (requests, errors) = match line.role {
            Role::Answered(answer) => {
                add_status(counts, answer, *count);
                (*count, 0)
            }
            Role::Failed => (*count, *count),
            Role::FailedAgain => (0, *count),
            Role::Bucket(_) => return latencies.add(line.role, gained),
            Role::Unknown | Role::Native(_) | Role::Up => return,
        };
        counts.requests = counts.requests.saturating_add(requests);
        counts.errors = counts.errors.saturating_add(errors);
        if let Some(pod) = line.pod.as_ref().filter(|_| line.track == Track::Stable) {
            let pod = self.pods.entry(pod.clone()).or_default();
            pod.requests = pod.requests.saturating_add(requests);
            pod.errors = pod.errors.saturating_add(errors);
        }
    }

    fn finish(self, end: i64, layout: &Layout) -> Look {
        let [mut stable, mut canary] = self.counts;
        let [slow_stable, slow_canary] = self.latencies;
        if stable.statuses.is_some() || canary.statuses.is_some() {
            // The one that has none had no such requests: their metric is the same.
            for counts in [&mut stable, &mut canary] {
                counts.statuses.get_or_insert_default();
            }
        }
        (stable.buckets, canary.buckets) = (layout.buckets(&slow_stable), layout.buckets(&slow_canary));
        for counts in [&mut stable, &mut canary] {
            // Errors counted apart may be seen a moment before the requests that they belong to.
            counts.requests = counts.requests.max(counts.errors);
        }
        let stable_pods =
            self.pods.into_values().map(|pod| PodCounts { requests: pod.requests.max(pod.errors), ..pod });
        Look::Scrape(Scrape { t: seconds(end), canary, stable, stable_pods: stable_pods.collect() })
    }
}

fn add_status(counts: &mut Counts, answer: AnswerClass, count: u64) {
    if answer == AnswerClass::Unknown {
        return;
    }
    let statuses: &mut Statuses = counts.statuses.get_or_insert_default();
    match answer {
        AnswerClass::Redirect => statuses.redirects = statuses.redirects.saturating_add(count),
        AnswerClass::Rejected => statuses.rejected = statuses.rejected.saturating_add(count),
        AnswerClass::Served | AnswerClass::Unknown => {}
    }
}

fn seconds(at: i64) -> f64 {
    at as f64 / 1000.0
}

#[must_use]
pub fn missing(at: i64, why: &impl ToString) -> Look {
    Look::Missing { t: seconds(at), why: why.to_string() }
}
