//! A subset of the admin API of Unleash 7.5.1: flags with a state per environment, and the log of who changed them when.
//!
//! It has one project, [`PROJECT`]. Clients take a change up one after the other, as they ask for it: within [`TAKE_UP`].

mod answer;
mod refusal;
mod server;
mod state;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use state::State;

/// The project of all flags.
pub const PROJECT: &str = "default";
/// The token of an administrator.
pub const ADMIN_TOKEN: &str = "*:*.simulator-admin";
/// The token of alice, who may turn flags.
pub const ALICE_TOKEN: &str = "user:simulator-alice";
/// The token of somebody who may only read.
pub const VIEWER_TOKEN: &str = "user:simulator-viewer";
/// How long it takes until the last client has asked again, in scenario time.
pub const TAKE_UP: Duration = Duration::from_secs(10);

/// A simulated Unleash. Clones share its flags.
#[derive(Clone, Debug)]
pub struct Unleash(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    environments: Vec<String>,
    clock: Clock,
}

/// A flag as it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFlag {
    pub name: String,
    /// Such as `release`.
    pub kind: String,
    pub by: String,
    pub at: Timestamp,
}

impl Unleash {
    /// Has these environments, and no flag.
    #[must_use]
    pub fn new(environments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::with_clock(environments, Clock::new(1.0))
    }

    pub(super) fn with_clock(environments: impl IntoIterator<Item = impl Into<String>>, clock: Clock) -> Self {
        let environments = environments.into_iter().map(Into::into).collect();
        Self(Arc::new(Shared { state: Mutex::default(), environments, clock }))
    }

    /// Makes a flag, off everywhere. One of the same name stays as it is.
    pub fn create(&self, flag: NewFlag) {
        self.0.state().create(flag, &self.0.environments);
    }

    /// Turns a flag on or off, as somebody does by Unleash's own screen. What is not there stays so.
    pub fn turn(&self, flag: &str, environment: &str, on: bool, by: &str) {
        self.turn_at(flag, environment, on, (by, self.0.clock.now()));
    }

    pub(super) fn turn_at(&self, flag: &str, environment: &str, on: bool, (by, at): (&str, Timestamp)) {
        let take_up = self.0.clock.scale(TAKE_UP);
        let mut state = self.0.state();
        // Names of a scenario are checked when it is read.
        let _ = state.turn((flag, environment), on, (by, at), take_up);
    }

    /// Returns the share of users that get a flag now, 0 to 1.
    #[must_use]
    pub fn reach(&self, flag: &str, environment: &str) -> f64 {
        let now = self.0.clock.now();
        self.0.state().reach((flag, environment), now, self.0.clock.scale(TAKE_UP))
    }

    /// Serves on a free port of 127.0.0.1 until shut down; returns the address.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn serve(&self, shutdown: &CancellationToken) -> io::Result<SocketAddr> {
        server::serve(Arc::clone(&self.0), shutdown.clone()).await
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
