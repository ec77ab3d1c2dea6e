//! Watches feature flags: asks a provider again and again, and says how it answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::inbox::Outlet;
use super::prometheus::flag_users::DividedFlags;
use crate::domain::facts::flag::rollout::FlagRollout;
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::EnvName;
use crate::domain::world::feed::Feed;
use crate::platform::flags::{Known, ListsFlags};

/// How often it is asked: less than after which what is shown counts as late, also where an answer takes some seconds.
const INTERVAL: Duration = Duration::from_secs(8);
/// The shortest time between an answer and the next question.
const MIN_PAUSE: Duration = Duration::from_secs(2);
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
    /// Changes when we turned a flag: the list is read anew then. `None` where we turn none.
    pub sent: Option<watch::Receiver<u64>>,
    /// Flags of it that go to more users step by step, and whom to tell whether they divide users.
    pub rollouts: (Vec<FlagRollout>, watch::Sender<DividedFlags>),
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

    async fn run(mut self) {
        let (mut known, mut wait) = (Known::default(), INTERVAL);
        loop {
            // As old as its first request.
            let (asked_at, asked) = (Timestamp::now(), Instant::now());
            let pause;
            let (link, at) = match self.client.list(&mut known).await {
                Ok(now) => {
                    // What did not change is not made anew.
                    if *known.flags != now {
                        known.flags = Arc::new(now);
                    }
                    wait = INTERVAL;
                    pause = INTERVAL.saturating_sub(asked.elapsed()).max(MIN_PAUSE);
                    (Link::Up, Some(known.as_of.take().unwrap_or(asked_at)))
                }
                Err(error) => {
                    wait = (wait * 2).min(MAX_INTERVAL);
                    pause = wait;
                    (Link::Down(error.to_string()), None)
                }
            };
            let (env, provider) = (self.env.clone(), self.provider.clone());
            self.outlet.send(Feed::Flags { env, provider, link, at, flags: Arc::clone(&known.flags) });
            if at.is_some() {
                // After the list: what is found of a flag is dropped where it is not known that some users have it.
                let (rollouts, divided) = &self.rollouts;
                divided.send_if_modified(|all| all.take(&self.provider, rollouts, &known.flags));
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.refresh.notified() => {}
                () = changed(&mut self.sent) => {}
            }
        }
    }
}

/// Waits until we turn a flag.
async fn changed(sent: &mut Option<watch::Receiver<u64>>) {
    if let Some(receiver) = sent
        && receiver.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use futures::future::BoxFuture;

    use super::*;
    use crate::domain::facts::flag::Flag;
    use crate::platform::flags::FlagError;
    use crate::sources::inbox::Inbox;

    struct Nothing;

    impl ListsFlags for Nothing {
        fn list<'a>(&'a self, _: &'a mut Known) -> BoxFuture<'a, Result<Vec<Flag>, FlagError>> {
            Box::pin(async { Ok(Vec::new()) })
        }
    }

    /// What is shown would contradict the action's outcome until then.
    #[tokio::test]
    async fn a_list_is_read_anew_as_soon_as_we_turned_a_flag() {
        let (inbox, tasks) = (Inbox::default(), TaskTracker::new());
        let sent = watch::Sender::new(0);
        let source = FlagsSource {
            env: EnvName::new("prod"),
            provider: "shop".to_owned(),
            client: Nothing,
            outlet: inbox.outlet(),
            refresh: Arc::new(Notify::new()),
            sent: Some(sent.subscribe()),
            rollouts: (Vec::new(), watch::Sender::default()),
            cancel: CancellationToken::new(),
        };
        let cancel = source.cancel.clone();
        source.spawn(&tasks);
        let began = Instant::now();
        for turn in 0..3 {
            inbox.arrived().await;
            assert_eq!(inbox.drain().len(), 1, "{turn}");
            sent.send_modify(|sent| *sent += 1);
        }
        assert!(began.elapsed() < INTERVAL, "it was read when it was due");
        cancel.cancel();
        tasks.close();
        tasks.wait().await;
    }
}
