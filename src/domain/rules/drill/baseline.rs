//! How Argo's analysis and a person with a dashboard would have handled the same failure.
//!
//! Where the operator came first, the traffic to the new revision is taken to continue as it was in its last half minute.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::record::{DrillRecord, Moment};

/// Share of requests that must succeed.
const MIN_SUCCESS_SHARE: f64 = 0.99;
/// Failed measurements that Argo's analysis tolerates; the next one aborts.
const FAILURE_LIMIT: u32 = 3;
/// From one look to the next: the interval of the analysis, and how often a person looks at a dashboard.
const LOOK_INTERVAL: SignedDuration = SignedDuration::from_mins(1);
/// Window of the rate on the dashboard.
const DASHBOARD_WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// From what is seen to a rollback by kubectl.
const TYPING_TIME: SignedDuration = SignedDuration::from_secs(30);
/// How long after the onset is looked.
const HORIZON_AFTER_ONSET: SignedDuration = SignedDuration::from_mins(30);
/// Over how long traffic is averaged that continues.
const TRAFFIC_WINDOW: SignedDuration = SignedDuration::from_secs(30);

/// What is assumed of Argo's analysis.
pub const ARGO: &str =
    "Argo analysis: success rate of the canary's pods over 1 min below 99 %, each minute, failureLimit 3";
/// What is assumed of a person.
pub const PERSON: &str = "kubectl and a dashboard: checked once a minute at the canary's 5-minute error rate, above 1 % rolled back 30 s later";

/// How it would have gone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Baseline {
    /// From the onset to when the failure is noticed, in seconds; `None` where it never is.
    pub noticed_seconds: Option<f64>,
    /// From the onset to when stable serves again, in seconds.
    pub safe_seconds: Option<f64>,
    /// Requests that failed until then; within half an hour where no one notices.
    pub errors: u64,
    /// All requests to the failing revision until then, likewise.
    pub requests: u64,
}

/// Requests to the new revision, or so many a second.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    /// Those that pods answered, and count.
    answered: f64,
    /// Those of them that failed.
    errors: f64,
    /// All, those that no pod answered too.
    asked: f64,
    failed: f64,
}

impl Sums {
    fn of<'m>(moments: impl Iterator<Item = &'m Moment>) -> Self {
        let one = |moment: &Moment| Self {
            answered: moment.canary.requests as f64,
            errors: moment.canary.errors as f64,
            asked: moment.asked() as f64,
            failed: moment.failed() as f64,
        };
        moments.fold(Self::default(), |sums, moment| sums.plus(one(moment)))
    }

    fn plus(self, other: Self) -> Self {
        Self {
            answered: self.answered + other.answered,
            errors: self.errors + other.errors,
            asked: self.asked + other.asked,
            failed: self.failed + other.failed,
        }
    }

    fn times(self, factor: f64) -> Self {
        Self {
            answered: self.answered * factor,
            errors: self.errors * factor,
            asked: self.asked * factor,
            failed: self.failed * factor,
        }
    }
}

/// The traffic of a drill as it would have gone on.
struct ProjectedTraffic<'a> {
    moments: &'a [Moment],
    onset: Timestamp,
    /// When the traffic that was measured ends.
    until: Timestamp,
    /// From then on, by second.
    trend: Sums,
}

/// Returns how Argo's analysis would have done; `None` where nothing failed.
#[must_use]
pub fn argo(record: &DrillRecord) -> Option<Baseline> {
    let course = ProjectedTraffic::of(record)?;
    let mut failed = 0;
    let noticed = course.looks(record.first_request()?).find(|at| {
        failed += u32::from(course.share(*at, LOOK_INTERVAL).is_some_and(|share| 1.0 - share < MIN_SUCCESS_SHARE));
        failed > FAILURE_LIMIT
    });
    Some(course.baseline(noticed, SignedDuration::ZERO))
}

/// Returns how a person with a dashboard would have done; `None` where nothing failed.
#[must_use]
pub fn person(record: &DrillRecord) -> Option<Baseline> {
    let course = ProjectedTraffic::of(record)?;
    let sees =
        |at: &Timestamp| course.share(*at, DASHBOARD_WINDOW).is_some_and(|share| share > 1.0 - MIN_SUCCESS_SHARE);
    let noticed = course.looks(record.first_request()?).find(|at| *at >= course.onset && sees(at));
    Some(course.baseline(noticed, TYPING_TIME))
}

impl<'a> ProjectedTraffic<'a> {
    fn of(record: &'a DrillRecord) -> Option<Self> {
        let onset = record.onset()?;
        let last = record.moments.iter().rposition(|moment| moment.asked() > 0)?;
        let moments = record.moments.get(..=last)?;
        let until = moments.last()?.at;
        let begin = onset.max(until - TRAFFIC_WINDOW);
        let recent = || moments.iter().filter(|moment| moment.at >= begin);
        let seconds: f64 = recent().map(|moment| moment.seconds).sum();
        let trend = if seconds > 0.0 { Sums::of(recent()).times(1.0 / seconds) } else { Sums::default() };
        Some(Self { moments, onset, until, trend })
    }

    /// Returns the times of looks from the first requests on.
    fn looks(&self, first_request: Timestamp) -> impl Iterator<Item = Timestamp> {
        let end = self.onset + HORIZON_AFTER_ONSET;
        std::iter::successors(first_request.checked_add(LOOK_INTERVAL).ok(), |at| at.checked_add(LOOK_INTERVAL).ok())
            .take_while(move |at| *at <= end)
    }

    /// Returns what came after `from` and up to `to`.
    fn sums(&self, from: Timestamp, to: Timestamp) -> Sums {
        let measured = Sums::of(self.moments.iter().filter(|moment| moment.at > from && moment.at <= to));
        let beyond = to.duration_since(self.until.max(from)).as_secs_f64().max(0.0);
        measured.plus(self.trend.times(beyond))
    }

    /// Returns the share of errors in a window, as the pods count them; `None` without requests.
    fn share(&self, at: Timestamp, window: SignedDuration) -> Option<f64> {
        let sums = self.sums(at - window, at);
        (sums.answered >= 1.0).then(|| sums.errors / sums.answered)
    }

    fn baseline(&self, noticed: Option<Timestamp>, delay: SignedDuration) -> Baseline {
        let since = |at: Timestamp| at.duration_since(self.onset).as_secs_f64().max(0.0);
        let safe = noticed.map(|at| at + delay);
        let begin = self.onset - SignedDuration::from_millis(1);
        let borne = self.sums(begin, safe.unwrap_or(self.onset + HORIZON_AFTER_ONSET));
        Baseline {
            noticed_seconds: noticed.map(since),
            safe_seconds: safe.map(since),
            errors: borne.failed.round() as u64,
            requests: borne.asked.round() as u64,
        }
    }
}
