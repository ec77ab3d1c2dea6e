//! The health of one environment's link, put together from its watches and the heartbeat.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::{EnvName, WorkloadId};
use crate::domain::world::feed::Feed;
use crate::sources::inbox::Outlet;

/// Why a part could not be heard of.
#[derive(Clone, Debug)]
pub struct WatchProblem {
    pub why: String,
    /// Whether the API server answered (and said no), as opposed to not being reached.
    pub answered: bool,
    /// Why the API server will go on saying no.
    pub denial: Option<Denial>,
    /// Whether it waits for a login.
    pub is_login: bool,
}

/// An answer that trying again does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The operator may not (403).
    Forbidden,
    /// There is no such resource (404).
    Missing,
}

impl WatchProblem {
    /// Returns whether the API server said that the operator may not.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.denial == Some(Denial::Forbidden)
    }

    /// A problem that has nothing to do with rights or a login.
    #[must_use]
    pub fn new(why: impl Into<String>, answered: bool) -> Self {
        Self { why: why.into(), answered, denial: None, is_login: false }
    }

    fn link(&self) -> Link {
        let why = self.why.clone();
        if self.is_login { Link::LoggingIn(why) } else { Link::Down(why) }
    }
}

/// A part that fails for good says so at least this often; one that is silent for longer works again.
/// By the steady clock: the other one may be set.
const RECOVERED_AFTER: Duration = Duration::from_secs(5);

/// The link is up while nothing that it needs is in trouble.
#[derive(Clone, Debug)]
pub struct Health {
    env: EnvName,
    outlet: Outlet,
    troubles: Arc<Mutex<BTreeMap<String, (Instant, WatchProblem)>>>,
}

impl Health {
    /// Makes the health of an environment.
    #[must_use]
    pub fn new(env: EnvName, outlet: Outlet) -> Self {
        Self { env, outlet, troubles: Arc::default() }
    }

    /// Takes note that `part` (a watch) was heard of, or why not.
    pub fn report(&self, part: &str, heard: Result<(), WatchProblem>) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match heard {
            Ok(()) => troubles.remove(part),
            Err(trouble) => troubles.insert(part.to_owned(), (Instant::now(), trouble)),
        };
        self.tell(&troubles);
    }

    /// Takes note that a workload's heartbeat was answered, or why not. A watch that comes back says nothing until
    /// something changes, so an answer here ends the troubles of watches that did not reach the server, and old ones.
    pub fn beat(&self, workload: &WorkloadId, heard: Result<(), WatchProblem>) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let own = format!("{workload} heartbeat");
        match heard {
            Ok(()) => troubles.retain(|part, (at, trouble)| {
                *part != own && trouble.answered && now.saturating_duration_since(*at) <= RECOVERED_AFTER
            }),
            Err(trouble) => {
                troubles.insert(own, (now, trouble));
            }
        }
        self.tell(&troubles);
    }

    fn tell(&self, troubles: &BTreeMap<String, (Instant, WatchProblem)>) {
        let link = troubles.values().next().map_or(Link::Up, |(_, trouble)| trouble.link());
        // While a part is in trouble the state is not confirmed, whatever the others say.
        let at = link.is_up().then(Timestamp::now);
        self.outlet.send(Feed::Link { env: self.env.clone(), source: SourceKind::Kubernetes, link, at });
    }
}
