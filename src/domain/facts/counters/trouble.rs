//! Why a query round yields no counts.

use jiff::SignedDuration;

use crate::domain::facts::ids::Track;
use crate::domain::facts::text;

/// Why a look brought no counts. None of these is ever read as zero.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CounterProblem {
    #[error("no request counter for the {}", .0.as_str())]
    Empty(Track),
    #[error("the counters of {} have no label for errors", .0.as_str())]
    NoOutcome(Track),
    /// NaN, an infinity, or a negative number.
    #[error("a counter of {} reads {value}", .track.as_str())]
    NotACount { track: Track, value: String },
    /// The newest sample is too old.
    #[error("the newest sample of {} is {} old", .track.as_str(), text::duration(SignedDuration::from_millis(*.age)))]
    Stale {
        track: Track,
        /// How old, in milliseconds.
        age: i64,
    },
    /// Not all pods of the canary are scraped.
    #[error("{scraped} of {expected} pods of canary are scraped")]
    Unscraped { scraped: usize, expected: usize },
    /// Counters went backwards twice in a short time.
    #[error("the counters of {pod} went backwards twice within {} minutes", super::tally::CRASH_LOOP_MS / 60_000)]
    Restless { pod: String },
    /// More series than are kept in mind.
    #[error("{0} series, more than are followed: narrow them with `labels` or own `[prometheus.counters]`")]
    TooMany(usize),
}
