//! Kubernetes events about a release.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::facts::text::plain_words;

/// What was warned of longer ago says nothing of now: what fails is said again at least this often.
const WARNING_AGE: SignedDuration = SignedDuration::from_mins(10);

/// What is kept of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeEvent {
    /// Unique identity of the event object: a repeated event updates the same one.
    pub uid: String,
    pub at: Timestamp,
    /// Whether its type is `Warning`.
    pub warning: bool,
    pub reason: String,
    pub message: String,
    /// Kind of the object it is about.
    pub kind: String,
    /// Name of the object it is about.
    pub name: String,
    pub count: u32,
}

/// Returns the last warning about a pod that its status does not tell as well.
#[must_use]
pub fn pod_warning(events: &[KubeEvent], now: Timestamp) -> Option<String> {
    const IN_STATUS: [&str; 2] = ["BackOff", "FailedScheduling"];
    let tells = |event: &&KubeEvent| {
        event.warning && !IN_STATUS.contains(&event.reason.as_str()) && now.duration_since(event.at) < WARNING_AGE
    };
    let last = events.iter().filter(tells).max_by_key(|event| event.at)?;
    let message = plain_words(&last.message);
    // A probe that failed says so itself.
    Some(if last.reason == "Unhealthy" { message } else { format!("{}: {message}", last.reason) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_warning_that_the_status_does_not_tell_counts() {
        let now = Timestamp::UNIX_EPOCH;
        let event = |seconds_ago: i64, warning, reason: &str, message: &str| KubeEvent {
            uid: reason.to_owned(),
            at: now - SignedDuration::from_secs(seconds_ago),
            warning,
            reason: reason.to_owned(),
            message: message.to_owned(),
            kind: "Pod".to_owned(),
            name: "web".to_owned(),
            count: 1,
        };
        let mount = event(30, true, "FailedMount", "configmap \"web\" not found");
        let probe = event(20, true, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503\n");
        let others = [
            event(5, true, "BackOff", "back-off"),
            event(3, false, "Pulled", "pulled"),
            event(900, true, "Old", "old"),
        ];
        assert_eq!(pod_warning(&others, now), None);
        let all: Vec<_> = [mount.clone()].into_iter().chain(others).collect();
        assert_eq!(pod_warning(&all, now).as_deref(), Some("FailedMount: configmap \"web\" not found"));
        let told = pod_warning(&[mount, probe], now);
        assert_eq!(told.as_deref(), Some("Readiness probe failed: HTTP probe failed with statuscode: 503"));
    }
}
