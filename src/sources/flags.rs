//! Watches feature flags: asks a provider again and again, and says how it answers.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::inbox::Outlet;
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::EnvName;
use crate::domain::world::feed::Feed;
use crate::platform::flags::{Known, ListsFlags};

/// How often it is asked: less than after which what is shown counts as late.
const INTERVAL: Duration = Duration::from_secs(8);
/// The longest time until a provider that does not answer is asked again.
const MAX_INTERVAL: Duration = Duration::from_secs(60);

/// What watching the flags of a provider needs.
pub struct FlagsSource<P> {
    pub env: EnvName,
    /// Its name in the config.
    pub provider: String,
    pub client: P,
    pub outlet: Outlet,
    /// Asks for a look now.
    pub refresh: Arc<Notify>,
    pub cancel: CancellationToken,
}

impl<P: ListsFlags + 'static> FlagsSource<P> {
    /// Starts it as a task.
    pub fn spawn(self, tasks: &TaskTracker) {
        let cancel = self.cancel.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = self.run() => {}
            }
        });
    }

    async fn run(self) {
        let (mut known, mut wait) = (Known::default(), INTERVAL);
        loop {
            // As old as its first request.
            let asked_at = Timestamp::now();
            let (link, at) = match self.client.list(&mut known).await {
                Ok(now) => {
                    // What did not change is not made anew.
                    if *known.flags != now {
                        known.flags = Arc::new(now);
                    }
                    wait = INTERVAL;
                    (Link::Up, Some(asked_at))
                }
                Err(error) => {
                    wait = (wait * 2).min(MAX_INTERVAL);
                    (Link::Down(error.to_string()), None)
                }
            };
            let (env, provider) = (self.env.clone(), self.provider.clone());
            self.outlet.send(Feed::Flags { env, provider, link, at, flags: Arc::clone(&known.flags) });
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.refresh.notified() => {}
            }
        }
    }
}
