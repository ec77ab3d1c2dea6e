//! The analysis on the past: the counters of a rollout that is over, looked at as they would have been then.

use std::time::Duration;

use jiff::Timestamp;

use super::asking::{self, NoCounters};
use crate::domain::facts::counters::{Counters, Question, Samples, Seen, SeriesSeen, question};
use crate::domain::facts::ids::WorkloadId;
use crate::domain::facts::signals::Tracks;
use crate::sources::prometheus::Questions;
use analysis::{CanaryAnalyzer, Look, Report, Rules};

/// How much of the past is fetched ahead at once, in milliseconds.
const PREFETCH_MS: i64 = 15 * 60_000;
/// Less than this is not worth fetching ahead, in milliseconds.
const MIN_PREFETCH_MS: i64 = 60_000;

/// What is looked at again.
#[derive(Clone, Debug)]
pub struct Period {
    pub workload: WorkloadId,
    pub tracks: Tracks,
    /// When the first look is made.
    pub from: Timestamp,
    /// When the last one is made.
    pub to: Timestamp,
    /// From one look to the next.
    pub every: Duration,
}

/// Looks at a period again and tells each look, when it would have been made, and what the analysis would have reported.
///
/// Which pods were ready then no one knows any more: whether all of the canary were scraped is determined by their targets alone.
///
/// # Errors
/// Why the counters cannot be had.
pub async fn replay(
    questions: &Questions,
    period: &Period,
    rules: &Rules,
    told: impl FnMut(Timestamp, &Look, Report),
) -> Result<(), NoCounters> {
    fetching(PREFETCH_MS, questions, period, rules, told).await
}

/// The same, fetching so many milliseconds ahead; 0 asks for each look on its own, as on the day.
pub(in crate::sources::prometheus) async fn fetching(
    ahead: i64,
    questions: &Questions,
    period: &Period,
    rules: &Rules,
    mut told: impl FnMut(Timestamp, &Look, Report),
) -> Result<(), NoCounters> {
    let step = i64::try_from(period.every.as_millis()).unwrap_or(i64::MAX).max(1);
    let (mut counters, mut judge) = (Counters::new(period.tracks.clone()), CanaryAnalyzer::new(rules.clone()));
    let mut history = FetchedHistory { ahead, from: i64::MAX, to: i64::MIN, series: Vec::new() };
    let mut now = period.from.as_millisecond();
    while now <= period.to.as_millisecond() {
        let due = Question::due(&counters, now);
        let series = history.answer(questions, period, due).await?;
        counters.learn_interval(&series);
        let seen = Seen { at: due.at.min(now.saturating_sub(question::lag(&counters))), series, pods: None };
        let at = Timestamp::from_millisecond(now).unwrap_or(period.to);
        for look in counters.take(&seen, step, questions.queries.replica_label()) {
            judge.take(&look);
            told(at, &look, judge.report());
        }
        now = now.saturating_add(step);
    }
    Ok(())
}

/// A stretch of the past that was fetched.
struct FetchedHistory {
    /// How much to fetch ahead.
    ahead: i64,
    from: i64,
    to: i64,
    series: Vec<SeriesSeen>,
}

impl FetchedHistory {
    /// Returns what the server would have answered then.
    async fn answer(
        &mut self,
        questions: &Questions,
        period: &Period,
        question: Question,
    ) -> Result<Vec<SeriesSeen>, NoCounters> {
        let from = question.at.saturating_sub(question.range);
        if from < self.from || question.at > self.to {
            self.fetch(questions, period, from, question.at).await?;
        }
        Ok(self.series.iter().filter_map(|series| cut(series, from, question.at)).collect())
    }

    /// Fetches ahead; less of it where that is too much for the server.
    async fn fetch(&mut self, questions: &Questions, period: &Period, from: i64, at: i64) -> Result<(), NoCounters> {
        loop {
            let to = at.saturating_add(self.ahead).min(period.to.as_millisecond()).max(at);
            let end = Timestamp::from_millisecond(to).unwrap_or(period.to);
            let length = Duration::from_millis((to - from).unsigned_abs());
            match asking::series(questions, &period.workload, &period.tracks, end, length).await {
                Ok(series) => {
                    (self.from, self.to, self.series) = (from, to, series);
                    return Ok(());
                }
                Err(why) if why.may_be_too_much() && to > at => {
                    self.ahead = if self.ahead / 2 < MIN_PREFETCH_MS { 0 } else { self.ahead / 2 };
                }
                Err(why) => return Err(why),
            }
        }
    }
}

/// Returns the part of a series after `from`, up to `at`; `None` where nothing of it is left.
fn cut(series: &SeriesSeen, from: i64, at: i64) -> Option<SeriesSeen> {
    fn part<T: Clone>(samples: &[(i64, T)], from: i64, at: i64) -> Vec<(i64, T)> {
        samples.iter().filter(|(time, _)| *time > from && *time <= at).cloned().collect()
    }
    let samples = match &series.samples {
        Samples::Numbers(numbers) => Samples::Numbers(part(numbers, from, at)),
        Samples::Histograms(histograms) => Samples::Histograms(part(histograms, from, at)),
    };
    let is_empty = samples.times().next().is_none();
    (!is_empty).then(|| SeriesSeen { track: series.track, role: series.role, labels: series.labels.clone(), samples })
}
