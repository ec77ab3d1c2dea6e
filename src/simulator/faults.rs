//! Faults between a client and an API server, switched on and off at run time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// 429 with a `Retry-After` of so many seconds.
    TooManyRequests {
        /// Value of the header, in seconds.
        retry_after: u64,
    },
    /// 500.
    InternalError,
    /// 503.
    Unavailable,
    /// The request is taken and never answered; open watches fall silent.
    Hang,
    /// The connection is reset; open watches in the middle.
    Cut,
    /// 410: a watch ends with an `Expired` error event.
    Gone,
    /// 401, whatever the token.
    ExpiredToken,
    /// The answer comes this much later.
    Delay(Duration),
    /// The write is done, and then the connection is cut before the answer: the outcome is unknown to the client.
    CutAfterWrite,
}

/// A fault and the requests that it applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub fault: Fault,
    /// Only requests with this HTTP method.
    pub method: Option<String>,
    /// Only requests whose path and query contain this.
    pub path: Option<String>,
    /// Only so many requests, then the rule ends.
    pub times: Option<u32>,
}

impl Rule {
    /// Returns a rule for every request.
    #[must_use]
    pub fn all(fault: Fault) -> Self {
        Self { fault, method: None, path: None, times: None }
    }

    /// Limits the rule to one HTTP method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Limits the rule to requests whose path and query contain `part`.
    #[must_use]
    pub fn path(mut self, part: &str) -> Self {
        self.path = Some(part.to_owned());
        self
    }

    /// Limits the rule to the next `times` requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    fn matches(&self, method: &str, target: &str) -> bool {
        self.method.as_deref().is_none_or(|m| m == method)
            && self.path.as_deref().is_none_or(|p| target.contains(p))
            && self.times != Some(0)
    }
}

impl From<Fault> for Rule {
    fn from(fault: Fault) -> Self {
        Self::all(fault)
    }
}

/// Identifies a rule, to remove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleId(u64);

#[derive(Debug, Default)]
struct State {
    rules: Vec<(RuleId, Rule)>,
    connections: CancellationToken,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    ids: AtomicU64,
    /// Counts changes of the rules, for open watches.
    changed: watch::Sender<u64>,
    /// Whether the server is down.
    down: watch::Sender<bool>,
}

/// A clonable handle to the faults of one server.
#[derive(Debug, Clone)]
pub struct Faults {
    shared: Arc<Shared>,
}

impl Default for Faults {
    fn default() -> Self {
        Self::new()
    }
}

impl Faults {
    /// Returns a handle with nothing switched on.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                ids: AtomicU64::new(1),
                changed: watch::Sender::new(0),
                down: watch::Sender::new(false),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Switches a fault on, for all requests or by a rule. The first rule that strikes decides.
    pub fn add(&self, rule: impl Into<Rule>) {
        let _ = self.hold(rule);
    }

    /// Switches a fault on and names it, to be taken away by [`Self::remove`].
    #[must_use]
    pub fn hold(&self, rule: impl Into<Rule>) -> RuleId {
        let id = RuleId(self.shared.ids.fetch_add(1, Ordering::Relaxed));
        self.lock().rules.push((id, rule.into()));
        self.shared.changed.send_modify(|n| *n += 1);
        id
    }

    pub fn remove(&self, id: RuleId) {
        self.lock().rules.retain(|(other, _)| *other != id);
        self.shared.changed.send_modify(|n| *n += 1);
    }

    /// Takes every rule away and ends an outage.
    pub fn clear(&self) {
        self.lock().rules.clear();
        self.shared.changed.send_modify(|n| *n += 1);
        self.end_outage();
    }

    /// Cuts every open connection once.
    pub fn cut_connections(&self) {
        std::mem::take(&mut self.lock().connections).cancel();
    }

    /// Takes the server away, or brings it back.
    pub fn set_outage(&self, down: bool) {
        if down {
            self.begin_outage();
        } else {
            self.end_outage();
        }
    }

    /// Takes the server away: open connections are cut, new ones refused, until [`Self::end_outage`].
    pub fn begin_outage(&self) {
        self.shared.down.send_replace(true);
        self.cut_connections();
    }

    pub fn end_outage(&self) {
        self.shared.down.send_if_modified(std::mem::take);
    }

    /// Takes the server away for a time. Must be called within a tokio runtime.
    pub fn outage(&self, duration: Duration) {
        self.begin_outage();
        let faults = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(duration).await;
            faults.end_outage();
        });
    }

    /// Returns whether the server is down.
    #[must_use]
    pub fn is_down(&self) -> bool {
        *self.shared.down.borrow()
    }

    /// Returns the fault of a request, and counts it against the rule's times.
    pub(crate) fn take_fault(&self, method: &str, target: &str) -> Option<Fault> {
        let mut state = self.lock();
        let (_, rule) = state.rules.iter_mut().find(|(_, rule)| rule.matches(method, target))?;
        if let Some(times) = &mut rule.times {
            *times -= 1;
        }
        Some(rule.fault.clone())
    }

    /// Returns the fault of an open watch, without counting.
    pub(crate) fn fault_of_open_watch(&self, method: &str, target: &str) -> Option<Fault> {
        let state = self.lock();
        let (_, rule) = state.rules.iter().find(|(_, rule)| rule.matches(method, target))?;
        Some(rule.fault.clone())
    }

    /// Returns a receiver that wakes when rules change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changed.subscribe()
    }

    /// Returns a receiver that tells whether the server is down.
    pub(crate) fn outages(&self) -> watch::Receiver<bool> {
        self.shared.down.subscribe()
    }

    /// Returns the token that cuts the connections opened from now on.
    pub(crate) fn connection(&self) -> CancellationToken {
        self.lock().connections.child_token()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_match_their_requests_and_expire() {
        let faults = Faults::new();
        faults.add(Rule::all(Fault::InternalError).method("PATCH").path("/rollouts/").times(1));
        assert_eq!(faults.take_fault("GET", "/apis/x/rollouts/web"), None);
        assert_eq!(faults.take_fault("PATCH", "/apis/x/deployments/web"), None);
        assert_eq!(faults.take_fault("PATCH", "/apis/x/rollouts/web"), Some(Fault::InternalError));
        assert_eq!(faults.take_fault("PATCH", "/apis/x/rollouts/web"), None);
    }

    #[test]
    fn clearing_removes_all_rules() {
        let faults = Faults::new();
        let connection = faults.connection();
        faults.begin_outage();
        faults.add(Fault::Hang);
        assert!(connection.is_cancelled());
        assert!(!faults.connection().is_cancelled());
        faults.clear();
        assert!(!faults.is_down());
        assert_eq!(faults.take_fault("GET", "/"), None);
    }
}
