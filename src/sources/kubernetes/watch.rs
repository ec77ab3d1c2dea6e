//! A watch that always comes back.

use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use kube::Api;
use kube::runtime::watcher::{self, Event, watcher};
use tokio::time::Instant;

use super::client::{explain_status, trouble};
use super::health::WatchProblem;
use super::raw::{Raw, Reduced};
use crate::platform::Redactor;

/// Longest wait between two tries: short enough that an outage's end is seen at once, long enough to be no burden.
const MAX_BACK_OFF: Duration = Duration::from_secs(3);
const MIN_BACK_OFF: Duration = Duration::from_millis(250);
/// How long after a failure answers count as a recovery: a server may answer and fail in turn.
const BACK_OFF_RESET_AFTER: Duration = Duration::from_secs(6);
/// A watch on a dead connection is noticed after this and five seconds; the heartbeat notices sooner.
const WATCH_TIMEOUT_SECONDS: u32 = 60;

/// Selects what a watch sees, and how it goes on after an error.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub labels: Option<String>,
    pub fields: Option<String>,
    /// Lists anew after an error. A watch that only resumes says nothing until something changes: for whoever keeps the
    /// error until the object is heard of, it would never be over.
    pub relists: bool,
}

impl Selection {
    fn config(&self) -> watcher::Config {
        let mut config = watcher::Config::default().timeout(WATCH_TIMEOUT_SECONDS);
        if let Some(labels) = &self.labels {
            config = config.labels(labels);
        }
        if let Some(fields) = &self.fields {
            config = config.fields(fields);
        }
        config
    }
}

/// Watches for ever: errors come through in words, and the watch is restarted after a growing wait.
///
/// A watch that is told that its version is gone (410) lists again; that is how the API server works, and no trouble. One
/// whose start is answered so would never list again on its own: it is recreated.
pub fn watch<T: Reduced>(
    api: Api<Raw<T>>,
    selection: Selection,
    redactor: Redactor,
) -> BoxStream<'static, Result<Event<Raw<T>>, WatchProblem>> {
    let relists = selection.relists;
    let make = move || watcher(api.clone(), selection.config()).boxed();
    let state = State { inner: make(), make, relists, waits: Waits::default(), pending: None, redactor };
    stream::unfold(state, State::next).boxed()
}

struct State<S, F> {
    inner: S,
    make: F,
    relists: bool,
    waits: Waits,
    pending: Option<Duration>,
    redactor: Redactor,
}

/// The waits between tries: each longer than the one before, until all has been calm for a while.
#[derive(Debug, Default)]
struct Waits {
    failures: u32,
    last: Option<Instant>,
}

impl Waits {
    fn failed(&mut self, now: Instant) -> Duration {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) > BACK_OFF_RESET_AFTER) {
            self.failures = 0;
        }
        self.last = Some(now);
        let wait = MIN_BACK_OFF.saturating_mul(1 << self.failures.min(16)).min(MAX_BACK_OFF);
        self.failures = self.failures.saturating_add(1);
        wait
    }
}

impl<T, S, F> State<S, F>
where
    T: Reduced,
    S: Stream<Item = watcher::Result<Event<Raw<T>>>> + Unpin,
    F: Fn() -> S,
{
    async fn next(mut self) -> Option<(Result<Event<Raw<T>>, WatchProblem>, Self)> {
        loop {
            if let Some(wait) = self.pending.take() {
                tokio::time::sleep(wait).await;
            }
            let said = self.inner.next().await;
            let trouble = match said {
                Some(Ok(event)) => return Some((Ok(event), self)),
                Some(Err(error)) if is_gone(&error) => None,
                Some(Err(error)) => {
                    if self.relists {
                        self.inner = (self.make)();
                    }
                    Some(trouble_of(&error, &self.redactor))
                }
                None => {
                    self.inner = (self.make)();
                    Some(WatchProblem::new("the watch ended", true))
                }
            };
            self.pending = Some(jittered(self.waits.failed(Instant::now())));
            let Some(trouble) = trouble else {
                self.inner = (self.make)();
                continue;
            };
            return Some((Err(trouble), self));
        }
    }
}

fn is_gone(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => status.code == 410,
        _ => false,
    }
}

/// Spreads retries of many watches over time, without a random number generator: by the clock's own noise.
fn jittered(wait: Duration) -> Duration {
    let noise = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    wait.mul_f64(0.75 + f64::from(noise % 1000) / 2000.0)
}

fn trouble_of(error: &watcher::Error, redactor: &Redactor) -> WatchProblem {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => trouble(error, redactor),
        watcher::Error::WatchError(status) => WatchProblem::new(explain_status(status, redactor), true),
        watcher::Error::NoResourceVersion => WatchProblem::new("the API server's answer has no resourceVersion", true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_when_alternating_and_resets_after_calm() {
        let (mut waits, mut now) = (Waits::default(), Instant::now());
        let mut seen = Vec::new();
        for _ in 0..6 {
            let wait = waits.failed(now);
            seen.push(wait.as_millis());
            // It answers after the wait, and fails again soon.
            now += wait + Duration::from_millis(100);
        }
        assert_eq!(seen, [250, 500, 1000, 2000, 3000, 3000]);
        assert_eq!(waits.failed(now + BACK_OFF_RESET_AFTER + Duration::from_secs(1)), MIN_BACK_OFF);
    }

    /// After an error kube-runtime resumes where it was, and an object that does not change is not heard of again.
    #[tokio::test]
    async fn watch_that_relists_says_what_is_there_after_an_error() {
        let object = || serde_json::from_value::<Raw<serde_json::Value>>(serde_json::json!({"metadata": {}})).unwrap();
        let failed = || {
            let status = kube::core::Status::failure("no", "InternalError").with_code(500).boxed();
            watcher::Error::WatchFailed(kube::Error::Api(status))
        };
        for (relists, wanted) in [(true, 8), (false, 4)] {
            let make = move || {
                let said = [Ok(Event::Init), Ok(Event::InitApply(object())), Ok(Event::InitDone), Err(failed())];
                // Nothing changes afterwards.
                stream::iter(said).chain(stream::pending()).boxed()
            };
            let redactor = Redactor::default();
            let state = State { inner: make(), make, relists, waits: Waits::default(), pending: None, redactor };
            let mut events = stream::unfold(state, State::next).boxed();
            let mut seen = Vec::new();
            while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(2), events.next()).await {
                seen.push(event.is_ok());
                if seen.len() == 8 {
                    break;
                }
            }
            let expected: Vec<bool> = (1..=wanted).map(|at| at % 4 != 0).collect();
            assert_eq!(seen, expected, "relists: {relists}");
        }
    }

    #[test]
    fn gone_version_is_no_error_and_other_refusals_are() {
        let status = |code| kube::core::Status::failure("no", "Expired").with_code(code).boxed();
        assert!(is_gone(&watcher::Error::WatchError(status(410))));
        assert!(is_gone(&watcher::Error::WatchStartFailed(kube::Error::Api(status(410)))));
        assert!(!is_gone(&watcher::Error::WatchError(status(500))));
        assert!(!is_gone(&watcher::Error::InitialListFailed(kube::Error::Api(status(410)))));
    }
}
