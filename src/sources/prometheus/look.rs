//! Asks all questions about some workloads at once: the latest values, or their history.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::answer::{Answer, Data};
use super::client::PrometheusClient;
use super::queries::{About, Queries, TRACKS, replicaset};
use super::translate::{self, Grid, Readings};
use super::trouble::{QueryError, SetupError};
use crate::config::Prometheus;
use crate::domain::facts::flag::rollout::FlagRollout;
use crate::domain::facts::ids::{Track, WorkloadId};
use crate::domain::facts::series::Series;
use crate::domain::facts::signals::{NoData, Signal, Tracks};
use crate::domain::record::journal::hex;

/// How many questions are in progress at once.
const MAX_CONCURRENT_QUERIES: usize = 8;

/// Whom to ask, and what. [`super::configured::questions`] makes them.
#[derive(Clone, Debug)]
pub struct Questions {
    pub client: PrometheusClient,
    pub queries: Arc<Queries>,
    /// How to reach the server: to read its secrets again.
    pub(super) settings: Arc<Prometheus>,
}

#[derive(Debug)]
pub struct SignalsLook {
    /// The readings of each workload.
    pub readings: BTreeMap<WorkloadId, Readings>,
    /// Whether the server answered; what and why if not.
    pub link: Result<(), QueryError>,
}

/// The history of a workload by track and signal.
pub type History = BTreeMap<(Track, Signal), Series>;

impl Questions {
    /// Reads the secrets again, for a token may have been renewed.
    pub async fn renew(&mut self) -> Result<(), SetupError> {
        self.client = self.client.renewed(&self.settings).await?;
        Ok(())
    }

    /// Tells apart what is counted: the server, and every selector. What was counted by others is no evidence.
    #[must_use]
    pub fn identity(&self) -> String {
        let selectors = Sha256::digest(format!("{:?}", self.queries).as_bytes());
        format!("{} {}", self.settings.url, hex(&selectors))
    }

    /// Returns those that compare users with a flag and users without it.
    #[must_use]
    pub fn of_users(&self, rollout: &FlagRollout) -> Self {
        Self { queries: Arc::new(self.queries.of_users(rollout)), ..self.clone() }
    }

    /// Asks for the latest values of workloads.
    pub async fn look(&self, workloads: &BTreeMap<WorkloadId, Tracks>) -> SignalsLook {
        let attempt = Attempt::default();
        let mut asked = Vec::new();
        for (workload, tracks) in workloads {
            for (about, promql) in self.queries.about(workload, tracks) {
                let (workload, attempt) = (workload.clone(), &attempt);
                asked.push(async move { (workload, about, attempt.ask(self.client.query(&promql)).await) });
            }
        }
        let answers: Vec<_> = futures::stream::iter(asked).buffer_unordered(MAX_CONCURRENT_QUERIES).collect().await;
        if answers.is_empty() {
            // Nothing to ask yet: whether the server answers is worth knowing all the same.
            let _ = attempt.ask(self.client.query("time()")).await;
        }
        let mut readings: BTreeMap<_, _> =
            workloads.iter().map(|(workload, tracks)| (workload.clone(), without_answers(tracks))).collect();
        let mut ages: BTreeMap<WorkloadId, BTreeMap<Track, f64>> = BTreeMap::new();
        for (workload, about, answer) in answers {
            match about {
                About::Signal(track, signal) => {
                    let reading = translate::reading(signal, answer);
                    readings.entry(workload).or_default().insert((track, signal), reading);
                }
                About::Age(track) => {
                    if let Some(age) = translate::number(answer) {
                        ages.entry(workload).or_default().insert(track, age);
                    }
                }
            }
        }
        for (workload, readings) in &mut readings {
            let ages = ages.remove(workload).unwrap_or_default();
            translate::relate(readings, &self.queries, &ages);
        }
        SignalsLook { readings, link: attempt.link() }
    }

    /// Asks for the history of a workload over a span that ends now. Points at or after `before` (our clock) are left
    /// out: the looks made since then have them.
    pub async fn history(
        &self,
        workload: &WorkloadId,
        tracks: &Tracks,
        span: Duration,
        interval: Duration,
        before: Option<Timestamp>,
    ) -> Result<History, QueryError> {
        let grid = self.grid(span, interval).await?;
        let attempt = Attempt::default();
        let mut asked = Vec::new();
        for (about, promql) in self.queries.about(workload, tracks) {
            let About::Signal(track, signal) = about else { continue };
            let attempt = &attempt;
            asked.push(async move {
                let question = self.client.query_range(&promql, grid.start, grid.end(), grid.step);
                ((track, signal), translate::points(attempt.ask(question).await))
            });
        }
        let answers: BTreeMap<_, _> =
            futures::stream::iter(asked).buffer_unordered(MAX_CONCURRENT_QUERIES / 2).collect().await;
        attempt.link()?;
        let traffic = |track: Track, at: Timestamp| {
            let rps = answers.get(&(track, Signal::Rps)).and_then(|points| points.as_ref().ok());
            rps.is_some_and(|points| points.iter().any(|point| point.at == at && point.value > 0.0))
        };
        let laid = answers.iter().filter_map(|((track, signal), points)| {
            let points = points.as_ref().ok()?;
            let zero = self.queries.is_zero_if_empty(*signal);
            let absent = |at| zero && points.iter().all(|point| point.at != at) && traffic(*track, at);
            Some(((*track, *signal), translate::series(*signal, points, &grid, before, absent)))
        });
        Ok(laid.collect())
    }

    /// The moments to ask for, by the server's clock.
    async fn grid(&self, span: Duration, interval: Duration) -> Result<Grid, QueryError> {
        let answer = self.client.query("time()").await?;
        let ours = Timestamp::now();
        let theirs = match answer.data {
            Data::Scalar(point) => point.at,
            _ => ours,
        };
        // Whole seconds, so that the times that come back are exactly those of the grid.
        let shortest = interval.max(span / Series::CAPACITY as u32);
        let step = Duration::from_secs(shortest.as_millis().div_ceil(1000).max(1) as u64);
        let steps = i32::try_from(span.as_secs() / step.as_secs()).unwrap_or(i32::MAX);
        let length = SignedDuration::try_from(step * steps.unsigned_abs()).unwrap_or(SignedDuration::ZERO);
        let start = theirs.saturating_sub(length).unwrap_or(theirs);
        Ok(Grid { start, step, steps, ahead: theirs.duration_since(ours) })
    }
}

/// The readings before any answer: what is not asked for has its reason.
pub(super) fn without_answers(tracks: &Tracks) -> Readings {
    let mut readings = Readings::new();
    for track in TRACKS {
        let reason = if replicaset(tracks, track).is_some() { NoData::NotConfigured } else { NoData::NoTrack };
        for signal in Signal::ALL {
            readings.insert((track, signal), Err(reason.clone()));
        }
    }
    readings
}

/// What many questions at once tell of the server. Once it is found to be away, the questions that are left are not
/// asked: on a server that hangs each would cost a whole deadline.
#[derive(Debug, Default)]
struct Attempt(Mutex<QueryRound>);

#[derive(Debug, Default)]
struct QueryRound {
    answered: bool,
    trouble: Option<QueryError>,
}

impl Attempt {
    async fn ask(&self, question: impl Future<Output = Result<Answer, QueryError>>) -> Result<Answer, QueryError> {
        if let Some(trouble) = self.away() {
            return Err(trouble);
        }
        let answer = question.await;
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &answer {
            Err(error) if error.is_link() => seen.trouble = seen.trouble.take().or_else(|| Some(error.clone())),
            _ => seen.answered = true,
        }
        answer
    }

    fn away(&self) -> Option<QueryError> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.trouble.clone().filter(|_| !seen.answered)
    }

    fn link(&self) -> Result<(), QueryError> {
        self.away().map_or(Ok(()), Err)
    }
}
