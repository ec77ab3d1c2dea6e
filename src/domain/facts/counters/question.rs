//! Which samples are queried.

use super::tally::Counters;

/// The shortest range that is asked for, in milliseconds.
const MIN_RANGE_MS: i64 = 90_000;
/// How far back is asked for at most, after a pause, in milliseconds. What is older is counted as one lump.
const MAX_RANGE_MS: i64 = 15 * 60_000;
/// How many scrapes to wait for late samples.
const LATE_SCRAPES: i64 = 2;

/// The samples that a look asks for: those of the `range` that ends at `at`, in milliseconds by the server's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    pub at: i64,
    pub range: i64,
    /// The shortest range that does.
    pub shortest: i64,
}

impl Question {
    /// Returns the question that is due at a time. How long to wait for late samples follows from the first answer.
    #[must_use]
    pub fn due(counters: &Counters, now: i64) -> Self {
        let interval = counters.interval();
        let at = if counters.knows_interval() { now.saturating_sub(lag(counters)) } else { now };
        let shortest = MIN_RANGE_MS.max(interval.saturating_mul(4));
        let reach = counters.since().map_or(0, |since| at.saturating_sub(since) + 2 * interval).min(MAX_RANGE_MS);
        Self { at, range: shortest.max(reach), shortest }
    }

    /// Returns the same with the shortest range, for a server to which a longer one is too much.
    #[must_use]
    pub fn narrow(self) -> Self {
        Self { range: self.shortest, ..self }
    }
}

/// Returns how long late samples are waited for, in milliseconds.
#[must_use]
pub fn lag(counters: &Counters) -> i64 {
    counters.interval().saturating_mul(LATE_SCRAPES)
}
