//! Asks for the raw counters of a workload's tracks at one moment.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};

use super::outcome;
use super::selectors::{Counted, What};
use crate::domain::facts::counters::{AnswerClass, Role, Samples, SeriesSeen};
use crate::domain::facts::ids::WorkloadId;
use crate::domain::facts::signals::Tracks;
use crate::domain::facts::text;
use crate::sources::prometheus::Questions;
use crate::sources::prometheus::answer::{Answer, Data, Run};
use crate::sources::prometheus::trouble::QueryError;

/// How many questions are in progress at once.
const MAX_CONCURRENT_QUERIES: usize = 4;

/// Why there are no counters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCounters {
    /// The server could not be asked, or has no answer.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// It answered from part of its data only.
    #[error("partial data: {0}")]
    Partial(String),
    /// It answered with something else than samples over time.
    #[error("a selector of counters gave no samples over time")]
    NoSamples,
    /// The config does not say what to count.
    #[error("{0}")]
    NotConfigured(&'static str),
    /// The clocks differ by more than the lag that is left for late samples.
    #[error("clocks differ: the one here is {} {} that of Prometheus; set them by NTP", text::duration(SignedDuration::from_millis(.ahead.abs())), if *.ahead > 0 { "ahead of" } else { "behind" })]
    Skew {
        /// By how many milliseconds ours is ahead.
        ahead: i64,
    },
}

impl NoCounters {
    /// Says whether a shorter answer might do: the server is there, but has trouble with this question.
    #[must_use]
    pub fn may_be_too_much(&self) -> bool {
        matches!(
            self,
            Self::Query(QueryError::Rejected { .. } | QueryError::Malformed { .. } | QueryError::TimedOut { .. })
        )
    }
}

/// Returns the series of both tracks with their samples in the `range` that ends at `at`, by the server's clock.
///
/// # Errors
/// The first thing that is wrong with any of the answers: part of them would be taken for all.
pub async fn series(
    questions: &Questions,
    workload: &WorkloadId,
    tracks: &Tracks,
    at: Timestamp,
    range: Duration,
) -> Result<Vec<SeriesSeen>, NoCounters> {
    let asked = questions.queries.counters(workload, tracks).map_err(NoCounters::NotConfigured)?;
    let seconds = range.as_millis().div_ceil(1000);
    let answers = futures::stream::iter(asked).map(|counted| async move {
        let promql = format!("{}[{seconds}s]", counted.selector);
        let answer = questions.client.query_at(&promql, at).await?;
        read(&counted, answer)
    });
    let series: Vec<Vec<SeriesSeen>> = answers.buffer_unordered(MAX_CONCURRENT_QUERIES).try_collect().await?;
    Ok(series.into_iter().flatten().collect())
}

fn read(counted: &Counted, answer: Answer) -> Result<Vec<SeriesSeen>, NoCounters> {
    if let Some(warning) = answer.warnings.first() {
        return Err(NoCounters::Partial(warning.clone()));
    }
    let Data::Matrix(runs) = answer.data else { return Err(NoCounters::NoSamples) };
    Ok(runs.into_iter().flat_map(|run| split(counted, run)).collect())
}

/// A series may change from numbers to native histograms; each kind is followed on its own.
fn split(counted: &Counted, run: Run) -> Vec<SeriesSeen> {
    let numbers: Vec<_> = run.values.iter().map(|point| (point.at.as_millisecond(), point.value)).collect();
    let histograms: Vec<_> = run.histograms.into_iter().map(|(at, one)| (at.as_millisecond(), one)).collect();
    let mut series = Vec::new();
    let mut add = |role: Option<Role>, samples: Samples| {
        if let Some(role) = role {
            series.push(SeriesSeen { track: counted.track, role, labels: run.metric.clone(), samples });
        }
    };
    if !numbers.is_empty() {
        add(of_numbers(counted.what, &run.metric), Samples::Numbers(numbers));
    }
    if !histograms.is_empty() {
        let unit = if let What::Latency(unit) = counted.what { Some(Role::Native(unit)) } else { None };
        add(unit, Samples::Histograms(histograms));
    }
    series
}

fn of_numbers(what: What, labels: &BTreeMap<String, String>) -> Option<Role> {
    match what {
        What::Requests(preset) => Some(outcome::role(preset, labels)),
        What::AllRequests => Some(Role::Answered(AnswerClass::Unknown)),
        What::Errors => Some(Role::FailedAgain),
        // Without a bound it is no bucket: a summary goes by the same name.
        What::Latency(unit) => bound(labels.get("le")?).map(|le| Role::Bucket(le / f64::from(unit))),
        What::Up => Some(Role::Up),
    }
}

/// Reads the bound of a bucket: `0.1`, `1e-1` and `+Inf` are the spellings there are.
fn bound(text: &str) -> Option<f64> {
    let le = if matches!(text, "+Inf" | "Inf") { f64::INFINITY } else { text.parse().ok()? };
    (le >= 0.0).then_some(le)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_in_any_spelling() {
        for (text, le) in [("0.1", Some(0.1)), ("1e-1", Some(0.1)), ("+Inf", Some(f64::INFINITY)), ("1.0", Some(1.0))] {
            assert_eq!(bound(text), le);
        }
        assert_eq!(bound("NaN"), None);
        assert_eq!(bound("-1"), None);
        assert_eq!(bound("fast"), None);
    }
}
