//! Where sources leave what they have to say: the latest wins for state, a bounded queue for what must not be lost.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::domain::facts::freshness::SourceKind;
use crate::domain::facts::ids::{EnvName, WorkloadKey};
use crate::domain::world::feed::Feed;

/// How many events, histories and samples wait at most; the oldest event goes first.
const MAX_QUEUED_FEEDS: usize = 4096;

/// What a state feed is about: a newer one replaces an older one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    // First: everything else is about workloads that it names.
    Discovered(EnvName),
    Cluster(EnvName),
    Link(EnvName, SourceKind),
    Access(EnvName),
    Workload(WorkloadKey),
    Log(WorkloadKey),
    /// The environment, and the provider there.
    Flags(EnvName, String),
    // After the flags that it is about.
    /// The environment, the provider there, and the flag.
    FlagUsers(EnvName, String, String),
    /// The environment, and the registry.
    Registry(EnvName, String),
}

#[derive(Debug, Default)]
struct Waiting {
    latest: BTreeMap<Subject, Feed>,
    queue: VecDeque<Feed>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
pub struct Inbox {
    shared: Arc<Shared>,
}

/// The writing end; cheap to clone.
#[derive(Clone, Debug)]
pub struct Outlet {
    shared: Arc<Shared>,
}

impl Inbox {
    #[must_use]
    pub fn outlet(&self) -> Outlet {
        Outlet { shared: Arc::clone(&self.shared) }
    }

    /// Waits until something is there.
    pub async fn arrived(&self) {
        self.shared.arrived.notified().await;
    }

    /// Takes everything that waits. The lock is held for a pointer swap only.
    #[must_use]
    pub fn drain(&self) -> Vec<Feed> {
        let waiting = std::mem::take(&mut *self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        // State first: samples and events are about workloads that it names.
        waiting.latest.into_values().chain(waiting.queue).collect()
    }
}

impl Outlet {
    /// Leaves something to read. Never waits.
    pub fn send(&self, feed: Feed) {
        let subject = match &feed {
            Feed::Workload { target, .. } => Some(Subject::Workload(target.clone())),
            Feed::Discovered { env, .. } => Some(Subject::Discovered(env.clone())),
            Feed::Link { env, source, .. } => Some(Subject::Link(env.clone(), *source)),
            Feed::Access { env, .. } => Some(Subject::Access(env.clone())),
            Feed::Cluster { env, .. } => Some(Subject::Cluster(env.clone())),
            Feed::Log { target, .. } => Some(Subject::Log(target.clone())),
            Feed::Flags { env, provider, .. } => Some(Subject::Flags(env.clone(), provider.clone())),
            Feed::FlagCompared { env, provider, flag, .. } => {
                Some(Subject::FlagUsers(env.clone(), provider.clone(), flag.clone()))
            }
            Feed::Registry { env, host, .. } => Some(Subject::Registry(env.clone(), host.clone())),
            Feed::Event { .. }
            | Feed::History { .. }
            | Feed::Sample { .. }
            | Feed::Counted { .. }
            | Feed::CheckBegun { .. }
            | Feed::Checked { .. }
            | Feed::Changes { .. }
            | Feed::Repository { .. }
            | Feed::Ledger(_)
            | Feed::Record { .. } => None,
        };
        let mut waiting = self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(subject) = subject {
            waiting.latest.insert(subject, feed);
        } else {
            if waiting.queue.len() == MAX_QUEUED_FEEDS {
                waiting.queue.pop_front();
            }
            waiting.queue.push_back(feed);
        }
        drop(waiting);
        self.shared.arrived.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::freshness::Link;

    #[tokio::test]
    async fn latest_state_wins_for_a_slow_reader() {
        let inbox = Inbox::default();
        let outlet = inbox.outlet();
        for link in [Link::Up, Link::Down("gone".to_owned())] {
            outlet.send(Feed::Link { env: EnvName::new("a"), source: SourceKind::Kubernetes, link, at: None });
        }
        inbox.arrived().await;
        let feeds = inbox.drain();
        assert_eq!(feeds.len(), 1);
        assert!(matches!(&feeds[0], Feed::Link { link: Link::Down(_), .. }));
        assert!(inbox.drain().is_empty());
    }
}
