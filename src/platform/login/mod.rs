//! Logins of a kubeconfig: credential plugins (`users[].user.exec`), run once for all clients of a user entry.
//!
//! The library would run the command on a thread of the runtime, with our keyboard and our screen. Here it has neither, a
//! time limit, and nothing waits for it but the requests that need its credential, for a while.

mod plugin;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::config::ExecConfig;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Redactor;
use crate::domain::facts::freshness::LOGGING_IN;
use plugin::Plugin;

/// How long a login may take: people look for their phone.
pub const LOGIN_TIMEOUT: Duration = Duration::from_secs(180);
/// Waits between two tries of a login that fails, doubled each time.
const MIN_BACK_OFF: Duration = Duration::from_secs(5);
const MAX_BACK_OFF: Duration = Duration::from_secs(60);
/// A credential is renewed so long before it expires.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_secs(60);
/// One that expires sooner is used at least so long: a command that prints old ones must not be run without pause.
const MIN_USE: SignedDuration = SignedDuration::from_secs(10);
/// A credential that was refused after so long was good once: the next login is no repetition of a failure.
const GOOD_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// What a login gave.
#[derive(Clone)]
pub struct Credential {
    pub(super) token: Option<String>,
    /// Client certificate and key, PEM.
    pub(super) identity: Option<(String, String)>,
    expires: Option<Timestamp>,
    obtained: Timestamp,
}

impl Credential {
    fn is_due(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| now >= (expires - RENEW_BEFORE).max(self.obtained + MIN_USE))
    }

    fn is_valid(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Why a request has no credential, in words that may be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The command runs; what it says.
    #[error("{LOGGING_IN}{}", after_colon(.0))]
    Waiting(String),
    #[error("{0}")]
    Failed(String),
}

fn after_colon(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

/// The login of one user entry. Clones are the same login.
#[derive(Clone)]
pub struct Login(Arc<Shared>);

struct Shared {
    /// Name of the user entry.
    user: String,
    plugin: Plugin,
    state: watch::Sender<State>,
}

#[derive(Clone, Debug, Default)]
struct State {
    credential: Option<Arc<Credential>>,
    /// What the command says, while it runs.
    running: Option<String>,
    /// Why the last run gave nothing.
    failed: Option<String>,
    /// How many runs failed one after another.
    failures: u32,
    /// Not to be run before.
    not_before: Option<Instant>,
}

impl State {
    /// The credential, if it is still of use.
    fn usable(&self, now: Timestamp) -> Option<&Arc<Credential>> {
        self.credential.as_ref().filter(|credential| credential.is_valid(now) || !credential.is_due(now))
    }

    fn error(&self, user: &str) -> Option<LoginError> {
        match (&self.running, &self.failed) {
            (Some(words), _) => Some(LoginError::Waiting(words.clone())),
            (None, Some(why)) => Some(LoginError::Failed(format!("login of user `{user}` failed: {why}"))),
            (None, None) => None,
        }
    }

    fn fail(&mut self, why: String) {
        let wait = MIN_BACK_OFF.saturating_mul(1 << self.failures.min(8)).min(MAX_BACK_OFF);
        self.failures = self.failures.saturating_add(1);
        self.failed = Some(why);
        self.not_before = Some(Instant::now() + wait);
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Login").field(&self.0.user).finish()
    }
}

impl Login {
    /// Makes the login of a user entry; nothing is run yet.
    #[must_use]
    pub fn new(user: &str, exec: ExecConfig, redactor: &Redactor) -> Self {
        Self::within(user, exec, redactor, LOGIN_TIMEOUT)
    }

    fn within(user: &str, exec: ExecConfig, redactor: &Redactor, timeout: Duration) -> Self {
        let plugin = Plugin { exec, timeout, redactor: redactor.clone() };
        Self(Arc::new(Shared { user: user.to_owned(), plugin, state: watch::Sender::default() }))
    }

    #[cfg(test)]
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Returns the credential; logs in where there is none, and waits for that so long.
    ///
    /// # Errors
    /// What it waits for, or why there is none.
    pub async fn credential(&self, patience: Duration) -> Result<Arc<Credential>, LoginError> {
        let until = Instant::now() + patience;
        let mut state = self.0.state.subscribe();
        loop {
            let now = Timestamp::now();
            let seen = state.borrow_and_update().clone();
            let due = seen.credential.as_ref().is_none_or(|credential| credential.is_due(now));
            if due && seen.running.is_none() && seen.not_before.is_none_or(|at| Instant::now() >= at) {
                self.begin();
            }
            if let Some(credential) = seen.usable(now) {
                return Ok(Arc::clone(credential));
            }
            if let (None, Some(_), Some(at)) = (&seen.running, &seen.failed, seen.not_before) {
                if Instant::now() < at {
                    return Err(seen.error(&self.0.user).unwrap_or(LoginError::Waiting(String::new())));
                }
            }
            if tokio::time::timeout_at(until, state.changed()).await.is_err() {
                let seen = state.borrow().clone();
                return Err(seen.error(&self.0.user).unwrap_or(LoginError::Waiting(String::new())));
            }
        }
    }

    /// Takes note that the API server did not accept a credential (401): the next request logs in again.
    pub fn refused(&self, credential: &Arc<Credential>) {
        let now = Timestamp::now();
        self.0.state.send_if_modified(|state| {
            let is_ours = state.credential.as_ref().is_some_and(|known| Arc::ptr_eq(known, credential));
            if is_ours {
                state.credential = None;
                if now.duration_since(credential.obtained) < GOOD_AFTER {
                    state.fail("the API server does not accept what it gave (401 Unauthorized)".to_owned());
                } else {
                    state.failures = 0;
                }
            }
            is_ours
        });
    }

    /// Logs in at once where the last try failed, however long ago.
    pub fn try_again(&self) {
        let failed = self.0.state.send_if_modified(|state| {
            state.not_before = None;
            state.failures = 0;
            state.failed.is_some() && state.running.is_none()
        });
        if failed {
            self.begin();
        }
    }

    /// Returns what keeps requests from being sent now.
    #[must_use]
    pub fn hindrance(&self) -> Option<LoginError> {
        let state = self.0.state.borrow();
        if state.usable(Timestamp::now()).is_some() { None } else { state.error(&self.0.user) }
    }

    /// Waits until what hinders requests is something else than this; returns it.
    pub async fn hindrance_after(&self, known: Option<&LoginError>) -> Option<LoginError> {
        let mut state = self.0.state.subscribe();
        loop {
            state.mark_unchanged();
            let hindrance = self.hindrance();
            if hindrance.as_ref() != known {
                return hindrance;
            }
            // The sender lives as long as this login.
            let _ = state.changed().await;
        }
    }

    /// Runs the command, unless it runs.
    fn begin(&self) {
        let begins = self.0.state.send_if_modified(|state| {
            let begins = state.running.is_none();
            if begins {
                state.running = Some(String::new());
            }
            begins
        });
        if begins {
            let login = self.clone();
            tokio::spawn(async move { login.run().await });
        }
    }

    async fn run(&self) {
        let state = &self.0.state;
        let say = |words: String| state.send_modify(|state| state.running = Some(words));
        let given = self.0.plugin.run(say).await;
        state.send_modify(|state| {
            state.running = None;
            match given {
                Ok(credential) => {
                    state.credential = Some(Arc::new(credential));
                    (state.failed, state.not_before) = (None, None);
                }
                Err(why) => state.fail(why),
            }
        });
    }
}
