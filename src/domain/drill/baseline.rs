//! How the same failure would have been dealt with by what people have without cockpit.
//!
//! Where the operator came first, the traffic to the new revision is taken to go on as it was in its last half minute.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::flight::{Flight, Moment};

/// Share of requests that must succeed.
const SUCCESS: f64 = 0.99;
/// Failed measurements that Argo's analysis tolerates; the next one aborts.
const LIMIT: u32 = 3;
/// From one look to the next: the interval of the analysis, and how often a person looks at a dashboard.
const EVERY: SignedDuration = SignedDuration::from_mins(1);
/// Window of the rate on the dashboard.
const PANEL: SignedDuration = SignedDuration::from_mins(5);
/// From what is seen to a rollback by kubectl.
const TYPING: SignedDuration = SignedDuration::from_secs(30);
/// How long after the onset is looked.
const HORIZON: SignedDuration = SignedDuration::from_mins(30);
/// Over how long traffic is averaged that goes on.
const TREND: SignedDuration = SignedDuration::from_secs(30);

/// What is assumed of Argo's analysis.
pub const ARGO: &str =
    "Argo analysis: success rate of the canary's pods over 1 min below 99 %, each minute, failureLimit 3";
/// What is assumed of a person.
pub const PERSON: &str = "kubectl and a dashboard: looks once a minute at the canary's 5-minute error rate, sees more than 1 %, rolls back 30 s later";

/// How it would have gone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Baseline {
    /// From the onset to when the failure is noticed, in seconds; `None` where it never is.
    pub noticed_seconds: Option<f64>,
    /// From the onset to when stable serves again, in seconds.
    pub safe_seconds: Option<f64>,
    /// Requests that failed until then; within half an hour where nobody notices.
    pub errors: u64,
}

/// The traffic of a drill as it would have gone on.
struct Course<'a> {
    moments: &'a [Moment],
    onset: Timestamp,
    /// When the traffic that was measured ends.
    until: Timestamp,
    /// From then on, by second: requests and errors that pods count, and requests that fail.
    trend: [f64; 3],
}

/// Returns how Argo's analysis would have done; `None` where nothing failed.
#[must_use]
pub fn argo(flight: &Flight) -> Option<Baseline> {
    let course = Course::of(flight)?;
    let mut failed = 0;
    let noticed = course.looks(flight.takeoff()?).find(|at| {
        failed += u32::from(course.share(*at, EVERY).is_some_and(|share| 1.0 - share < SUCCESS));
        failed > LIMIT
    });
    Some(course.baseline(noticed, SignedDuration::ZERO))
}

/// Returns how a person with a dashboard would have done; `None` where nothing failed.
#[must_use]
pub fn person(flight: &Flight) -> Option<Baseline> {
    let course = Course::of(flight)?;
    let sees = |at: &Timestamp| course.share(*at, PANEL).is_some_and(|share| share > 1.0 - SUCCESS);
    let noticed = course.looks(flight.takeoff()?).find(|at| *at >= course.onset && sees(at));
    Some(course.baseline(noticed, TYPING))
}

impl<'a> Course<'a> {
    fn of(flight: &'a Flight) -> Option<Self> {
        let onset = flight.onset()?;
        let last = flight.moments.iter().rposition(|moment| moment.asked() > 0)?;
        let moments = flight.moments.get(..=last)?;
        let until = moments.last()?.at;
        let begin = onset.max(until - TREND);
        let recent = moments.iter().filter(|moment| moment.at >= begin);
        let [seconds, requests, errors, failed] = recent.fold([0.0; 4], |[a, b, c, d], moment| {
            let Moment { seconds, canary, .. } = moment;
            [a + seconds, b + canary.requests as f64, c + canary.errors as f64, d + moment.failed() as f64]
        });
        let trend = [requests, errors, failed].map(|sum| if seconds > 0.0 { sum / seconds } else { 0.0 });
        Some(Self { moments, onset, until, trend })
    }

    /// Returns the times of looks from the first requests on.
    fn looks(&self, takeoff: Timestamp) -> impl Iterator<Item = Timestamp> {
        let end = self.onset + HORIZON;
        std::iter::successors(takeoff.checked_add(EVERY).ok(), |at| at.checked_add(EVERY).ok())
            .take_while(move |at| *at <= end)
    }

    /// Returns requests and errors that pods counted, and requests that failed, after `from` and up to `to`.
    fn sums(&self, from: Timestamp, to: Timestamp) -> [f64; 3] {
        let measured = self.moments.iter().filter(|moment| moment.at > from && moment.at <= to);
        let sums = measured.fold([0.0; 3], |[a, b, c], moment| {
            let Moment { canary, .. } = moment;
            [a + canary.requests as f64, b + canary.errors as f64, c + moment.failed() as f64]
        });
        let beyond = to.duration_since(self.until.max(from)).as_secs_f64().max(0.0);
        let [a, b, c] = sums;
        let [x, y, z] = self.trend;
        [a + x * beyond, b + y * beyond, c + z * beyond]
    }

    /// Returns the share of errors in a window, as the pods count them; `None` without requests.
    fn share(&self, at: Timestamp, window: SignedDuration) -> Option<f64> {
        let [requests, errors, _] = self.sums(at - window, at);
        (requests >= 1.0).then(|| errors / requests)
    }

    fn baseline(&self, noticed: Option<Timestamp>, delay: SignedDuration) -> Baseline {
        let since = |at: Timestamp| at.duration_since(self.onset).as_secs_f64().max(0.0);
        let safe = noticed.map(|at| at + delay);
        let [_, _, failed] =
            self.sums(self.onset - SignedDuration::from_millis(1), safe.unwrap_or(self.onset + HORIZON));
        Baseline { noticed_seconds: noticed.map(since), safe_seconds: safe.map(since), errors: failed.round() as u64 }
    }
}
