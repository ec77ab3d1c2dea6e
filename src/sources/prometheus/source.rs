//! The task of an environment: looks at every interval, and fetches history when what it looks at changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::counts::counting::{CountedLook, Counting, Pace};
use super::look::{History, Questions, SignalsLook, without_answers};
use super::translate::Readings;
use super::trouble::QueryError;
use crate::domain::facts::counters::KnownCanary;
use crate::domain::facts::flag::of_release::ReleaseFlags;
use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey};
use crate::domain::facts::series::Series;
use crate::domain::facts::signals::{NoData, Sample, Signals, Tracks};
use crate::domain::world::feed::Feed;
use crate::sources::inbox::Outlet;

/// The longest pause between two attempts on a server that does not answer.
const MAX_BACK_OFF: Duration = Duration::from_secs(30);

/// What the metrics of one environment need.
#[derive(Clone, Debug)]
pub struct PrometheusSource {
    pub env: EnvName,
    /// What to ask, and whom.
    pub questions: Questions,
    pub interval: Duration,
    /// How much history to fetch.
    pub history: Duration,
    /// Where to leave what is seen.
    pub outlet: Outlet,
    /// Which ReplicaSets are stable and canary, per workload.
    pub tracks: watch::Receiver<BTreeMap<WorkloadId, Tracks>>,
    /// What there is to hold the canary's counts against, per workload.
    pub canaries: watch::Receiver<BTreeMap<WorkloadId, KnownCanary>>,
    /// How the flags of the release are: where one changes, so does the canary.
    pub flags: watch::Receiver<Arc<ReleaseFlags>>,
    /// How the counts of the analysis are gathered.
    pub pace: Pace,
    /// Asks for a look now.
    pub refresh: Arc<Notify>,
    pub cancel: CancellationToken,
}

impl PrometheusSource {
    /// How often to look unless configured otherwise.
    pub const INTERVAL: Duration = Duration::from_secs(10);
    /// How much history to fetch unless configured otherwise: an hour.
    pub const HISTORY: Duration = Duration::from_secs(60 * 60);

    pub fn spawn(self, tasks: &TaskTracker) {
        let cancel = self.cancel.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = Watch::run_of(self) => {}
            }
        });
    }
}

/// The history of a workload as it was fetched, and the number of the attempt.
type Fetched = (WorkloadId, u64, Result<History, QueryError>);

struct Watch {
    source: PrometheusSource,
    /// Whether the server refused us, so that secrets are to be read again.
    refused: bool,
    known: BTreeMap<WorkloadId, Tracks>,
    /// Workloads whose history is to be fetched once the server answers.
    wanted: BTreeSet<WorkloadId>,
    /// Looks made since the history of a workload became wanted.
    since: BTreeMap<WorkloadId, Vec<Arc<Sample>>>,
    fetching: JoinSet<Fetched>,
    /// The latest attempt to fetch the history of a workload; what an earlier one brings is out of date.
    attempts: BTreeMap<WorkloadId, u64>,
    attempt: u64,
    backoff: Backoff,
    counting: Counting,
}

/// Lets ticks pass after failures: none after the first, then one, three, seven, up to [`MAX_BACK_OFF`].
#[derive(Debug, Default)]
struct Backoff {
    failures: u32,
    ticks_left: u32,
    /// Why the last look failed.
    why: String,
}

impl Backoff {
    fn failed(&mut self, why: String, interval: Duration) {
        let longest = MAX_BACK_OFF.as_millis() / interval.as_millis().max(1);
        let pause = (1_u32 << self.failures.min(16)) - 1;
        self.ticks_left = pause.min(u32::try_from(longest).unwrap_or(u32::MAX));
        self.failures += 1;
        self.why = why;
    }

    /// Says whether this tick is to pass.
    fn passes(&mut self) -> bool {
        let passes = self.ticks_left > 0;
        self.ticks_left = self.ticks_left.saturating_sub(1);
        passes
    }
}

impl Watch {
    async fn run_of(source: PrometheusSource) {
        let counting = Counting::new(source.env.to_string(), source.pace.clone()).await;
        Self::new(source, counting).run().await;
    }

    fn new(source: PrometheusSource, counting: Counting) -> Self {
        Self {
            source,
            refused: false,
            known: BTreeMap::new(),
            wanted: BTreeSet::new(),
            since: BTreeMap::new(),
            fetching: JoinSet::new(),
            attempts: BTreeMap::new(),
            attempt: 0,
            backoff: Backoff::default(),
            counting,
        }
    }

    async fn run(mut self) {
        let mut ticks = tokio::time::interval(self.source.interval.max(Duration::from_millis(100)));
        // Looks stay on the beat of the first one; those that a slow server made us miss are not caught up.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut counts = tokio::time::interval(self.source.pace.every.max(Duration::from_millis(100)));
        counts.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut tracks, mut flags) = (self.source.tracks.clone(), self.source.flags.clone());
        let refresh = Arc::clone(&self.source.refresh);
        let (mut told, mut flags_told) = (true, true);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    self.retrack();
                    if self.backoff.passes() {
                        self.repeat_failure();
                    } else {
                        self.look(self.known.clone()).await;
                    }
                }
                _ = counts.tick() => self.count().await,
                changed = tracks.changed(), if told => {
                    told = changed.is_ok();
                    let news = self.retrack();
                    // Whoever asks once, as `cockpit gate` does, is gone before the beat.
                    if news.values().any(|tracks| tracks.stable.is_some() && tracks.canary.is_some()) {
                        counts.reset_immediately();
                    }
                    if self.backoff.failures == 0 && !news.is_empty() {
                        self.look(news).await;
                    }
                }
                changed = flags.changed(), if flags_told => {
                    flags_told = changed.is_ok();
                    let latest = Arc::clone(&flags.borrow_and_update());
                    let looks = self.counting.take_flags(latest).await;
                    self.tell(looks);
                }
                () = refresh.notified() => {
                    self.look(self.known.clone()).await;
                }
                Some(fetched) = self.fetching.join_next() => {
                    if let Ok(fetched) = fetched {
                        self.take_history(fetched);
                    }
                }
            }
        }
    }

    /// Takes over the tracks as they are now, and starts afresh for each workload where they changed: numbers of
    /// another ReplicaSet must not stand under the same name. Returns what changed.
    fn retrack(&mut self) -> BTreeMap<WorkloadId, Tracks> {
        let latest = self.source.tracks.borrow().clone();
        let mut news = latest.clone();
        news.retain(|id, tracks| self.known.get(id) != Some(tracks));
        for (workload, tracks) in &news {
            self.wanted.insert(workload.clone());
            self.since.insert(workload.clone(), Vec::new());
            self.attempts.remove(workload);
            let signals = self.signals(tracks, BTreeMap::new());
            self.send_history(workload, signals);
        }
        self.wanted.retain(|id| latest.contains_key(id));
        self.since.retain(|id, _| latest.contains_key(id));
        self.attempts.retain(|id, _| latest.contains_key(id));
        self.known = latest;
        news
    }

    async fn look(&mut self, workloads: BTreeMap<WorkloadId, Tracks>) {
        let at = Timestamp::now();
        if self.refused {
            if let Err(error) = self.source.questions.renew().await {
                self.backoff.failed(error.to_string(), self.source.interval);
                self.repeat_failure();
                return;
            }
            self.refused = false;
        }
        let SignalsLook { readings, link } = self.source.questions.look(&workloads).await;
        if link.is_ok() && self.backoff.failures > 1 {
            // The server may have gone on counting while it could not be reached.
            self.wanted.extend(self.known.keys().cloned());
            self.since = self.known.keys().map(|id| (id.clone(), Vec::new())).collect();
        }
        match &link {
            Ok(()) => self.send_link(Link::Up, Some(Timestamp::now())),
            Err(error) => self.send_link(Link::Down(error.to_string()), None),
        }
        for (workload, readings) in readings {
            // Tracks that moved while the server was thinking are queried again.
            let still = self.source.tracks.borrow().get(&workload) == workloads.get(&workload);
            if still {
                self.send_sample(&workload, at, readings);
            }
        }
        match link {
            Ok(()) => {
                self.backoff = Backoff::default();
                self.fetch_histories();
            }
            Err(error) => {
                // What was missed until the server answers again is left to the history.
                self.since.values_mut().for_each(Vec::clear);
                self.refused = matches!(error, QueryError::Denied { .. });
                self.backoff.failed(error.to_string(), self.source.interval);
            }
        }
    }

    async fn count(&mut self) {
        let told = if self.backoff.failures > 0 {
            self.counting.missed(&self.known, &self.backoff.why)
        } else {
            let canaries = self.source.canaries.borrow().clone();
            self.counting.look(&self.source.questions, &self.known, &canaries).await
        };
        self.tell(told);
    }

    fn tell(&self, told: Vec<CountedLook>) {
        let latest = self.source.tracks.borrow().clone();
        for CountedLook { workload, tracks, look, report, flags } in told {
            // Tracks that moved while the server was thinking are another rollout.
            if latest.get(&workload) == Some(&tracks) {
                let target = self.target(&workload);
                self.source.outlet.send(Feed::Counted {
                    target,
                    tracks,
                    look: look.map(Arc::new),
                    report: Arc::new(report),
                    flags: Some(flags),
                });
            }
        }
    }

    /// Says again why there is no data, so that the chart has a gap and the reason stays on the screen.
    fn repeat_failure(&self) {
        let at = Timestamp::now();
        self.send_link(Link::Down(self.backoff.why.clone()), None);
        for (workload, tracks) in &self.known {
            let mut readings = without_answers(tracks);
            for reading in readings.values_mut().filter(|reading| **reading == Err(NoData::NotConfigured)) {
                *reading = Err(NoData::Failed(self.backoff.why.clone()));
            }
            let target = self.target(workload);
            self.source.outlet.send(Feed::Sample { target, sample: Arc::new(Sample { at, readings }) });
        }
    }

    fn send_sample(&mut self, workload: &WorkloadId, at: Timestamp, readings: Readings) {
        let sample = Arc::new(Sample { at, readings });
        if let Some(since) = self.since.get_mut(workload) {
            if since.len() == Series::CAPACITY {
                since.remove(0);
            }
            since.push(Arc::clone(&sample));
        }
        self.source.outlet.send(Feed::Sample { target: self.target(workload), sample });
    }

    /// Starts to fetch what history is wanted.
    fn fetch_histories(&mut self) {
        for workload in std::mem::take(&mut self.wanted) {
            let Some(tracks) = self.known.get(&workload).cloned() else { continue };
            let before = self.since.get(&workload).and_then(|since| since.first()).map(|sample| sample.at);
            let questions = self.source.questions.clone();
            let (span, interval) = (self.source.history, self.source.interval);
            self.attempt += 1;
            let attempt = self.attempt;
            self.attempts.insert(workload.clone(), attempt);
            self.fetching.spawn(async move {
                let history = questions.history(&workload, &tracks, span, interval, before).await;
                (workload, attempt, history)
            });
        }
    }

    fn take_history(&mut self, (workload, attempt, history): Fetched) {
        if self.attempts.get(&workload) != Some(&attempt) {
            return;
        }
        let Some(tracks) = self.known.get(&workload).cloned() else { return };
        match history {
            Ok(history) => {
                let mut signals = self.signals(&tracks, history);
                for sample in self.since.remove(&workload).unwrap_or_default() {
                    signals.take(&sample);
                }
                self.send_history(&workload, signals);
            }
            // The next look that succeeds tries again.
            Err(_) => {
                self.wanted.insert(workload);
            }
        }
    }

    fn signals(&self, tracks: &Tracks, history: History) -> Signals {
        Signals {
            tracks: tracks.clone(),
            history,
            interval: SignedDuration::try_from(self.source.interval).ok(),
            ..Signals::default()
        }
    }

    fn send_history(&self, workload: &WorkloadId, signals: Signals) {
        self.source.outlet.send(Feed::History { target: self.target(workload), signals: Arc::new(signals) });
    }

    fn send_link(&self, link: Link, at: Option<Timestamp>) {
        let env = self.source.env.clone();
        self.source.outlet.send(Feed::Link { env, source: SourceKind::Prometheus, link, at });
    }

    fn target(&self, workload: &WorkloadId) -> WorkloadKey {
        WorkloadKey { env: self.source.env.clone(), workload: workload.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_up_to_thirty_seconds() {
        let interval = Duration::from_secs(5);
        let mut backoff = Backoff::default();
        let mut passed = Vec::new();
        for _ in 0..6 {
            backoff.failed("gone".to_owned(), interval);
            passed.push(std::iter::from_fn(|| backoff.passes().then_some(())).count());
        }
        assert_eq!(passed, [0, 1, 3, 6, 6, 6]);
    }
}
