//! A watch that always comes back.

use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use kube::Api;
use kube::runtime::watcher::{self, Event, watcher};

use super::client::{explain_status, trouble};
use super::health::Trouble;
use super::raw::{Raw, Reduced};

/// Longest wait between two tries: short enough that an outage's end is seen at once, long enough to be no burden.
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// First wait.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// A watch on a dead connection is noticed after this and five seconds; the heartbeat notices sooner.
const WATCH_SECONDS: u32 = 60;

/// Selects what a watch sees.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Label selector.
    pub labels: Option<String>,
    /// Field selector.
    pub fields: Option<String>,
}

impl Selection {
    fn config(&self) -> watcher::Config {
        let mut config = watcher::Config::default().timeout(WATCH_SECONDS);
        if let Some(labels) = &self.labels {
            config = config.labels(labels);
        }
        if let Some(fields) = &self.fields {
            config = config.fields(fields);
        }
        config
    }
}

/// Watches for ever: errors come through in words, and the watch is begun anew after a growing wait.
///
/// A watch whose start is answered with 410 would never list again by itself, so it is made anew then.
pub fn watch<T: Reduced>(api: Api<Raw<T>>, selection: Selection) -> BoxStream<'static, Result<Event<Raw<T>>, Trouble>> {
    let make = move || watcher(api.clone(), selection.config()).boxed();
    let state = State { inner: make(), make, wait: FIRST_WAIT, pending: None };
    stream::unfold(state, State::next).boxed()
}

struct State<S, F> {
    inner: S,
    make: F,
    wait: Duration,
    pending: Option<Duration>,
}

impl<T, S, F> State<S, F>
where
    T: Reduced,
    S: Stream<Item = watcher::Result<Event<Raw<T>>>> + Unpin,
    F: Fn() -> S,
{
    async fn next(mut self) -> Option<(Result<Event<Raw<T>>, Trouble>, Self)> {
        if let Some(wait) = self.pending.take() {
            tokio::time::sleep(wait).await;
        }
        match self.inner.next().await {
            Some(Ok(event)) => {
                self.wait = FIRST_WAIT;
                Some((Ok(event), self))
            }
            Some(Err(error)) => {
                self.pending = Some(jittered(self.wait));
                self.wait = (self.wait * 2).min(LONGEST_WAIT);
                if is_gone(&error) {
                    self.inner = (self.make)();
                }
                Some((Err(trouble_of(&error)), self))
            }
            None => {
                self.pending = Some(jittered(self.wait));
                self.inner = (self.make)();
                Some((Err(Trouble { why: "the watch ended".to_owned(), answered: true }), self))
            }
        }
    }
}

fn is_gone(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 410)
}

/// Spreads retries of many watches over time, without a random number generator: by the clock's own noise.
fn jittered(wait: Duration) -> Duration {
    let noise = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    wait.mul_f64(0.75 + f64::from(noise % 1000) / 2000.0)
}

fn trouble_of(error: &watcher::Error) -> Trouble {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => trouble(error),
        watcher::Error::WatchError(status) => Trouble { why: explain_status(status), answered: true },
        watcher::Error::NoResourceVersion => {
            Trouble { why: "the API server's answer has no resourceVersion".to_owned(), answered: true }
        }
    }
}
