//! How the pods of one revision take the place of another's: what a rollout without steps, or a rollback, takes.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::facts::reduce::{count, maybe_count};

/// A number of pods, or a share of them: an `intOrString` such as `2` or `25%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PodCount {
    Count(u32),
    Percent(u32),
}

impl PodCount {
    fn parse(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => match text.strip_suffix('%') {
                Some(percent) => percent.trim().parse().ok().map(Self::Percent),
                None => text.parse().ok().map(Self::Count),
            },
            other => maybe_count(other).map(Self::Count),
        }
    }

    fn of(self, replicas: u32, round_up: bool) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => {
                let parts = u64::from(percent) * u64::from(replicas);
                let pods = if round_up { parts.div_ceil(100) } else { parts / 100 };
                u32::try_from(pods).unwrap_or(u32::MAX)
            }
        }
    }
}

/// What a manifest says about replacing pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollingUpdate {
    max_surge: PodCount,
    max_unavailable: PodCount,
}

impl Default for RollingUpdate {
    /// The default of Kubernetes and of Argo Rollouts.
    fn default() -> Self {
        Self { max_surge: PodCount::Percent(25), max_unavailable: PodCount::Percent(25) }
    }
}

impl RollingUpdate {
    /// Reads `maxSurge` and `maxUnavailable`.
    #[must_use]
    pub fn parse(value: &Value) -> Self {
        let default = Self::default();
        Self {
            max_surge: PodCount::parse(&value["maxSurge"]).unwrap_or(default.max_surge),
            max_unavailable: PodCount::parse(&value["maxUnavailable"]).unwrap_or(default.max_unavailable),
        }
    }

    /// Returns how many pods of the new revision come up at a time; at least one (`pkg/controller/deployment/util`,
    /// `ResolveFenceposts`).
    #[must_use]
    pub fn pods_at_a_time(self, replicas: u32) -> u32 {
        let (surge, unavailable) = (self.max_surge.of(replicas, true), self.max_unavailable.of(replicas, false));
        surge.saturating_add(unavailable).max(1)
    }

    /// Returns whether there may be more pods than wanted.
    #[must_use]
    pub fn surges(self, replicas: u32) -> bool {
        self.max_surge.of(replicas, true) > 0
    }

    /// Returns how many pods may be missing meanwhile.
    #[must_use]
    pub fn may_lack(self, replicas: u32) -> u32 {
        self.max_unavailable.of(replicas, false).min(replicas)
    }
}

/// How many pods come up at a time, how long each has to be ready, and how long those of before are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodReplacement {
    /// `None`: all of them, before the first user is moved.
    pub pods_at_a_time: Option<u32>,
    /// How many pods may be missing while the others go: as soon as no more are, one revision serves alone.
    pub may_lack: u32,
    /// Whether the pods of before are gone first, so that nobody is served meanwhile.
    pub is_outage: bool,
    /// `spec.minReadySeconds`.
    pub min_ready: SignedDuration,
    /// How long the pods of the revision before stay after the last user was moved.
    pub kept: SignedDuration,
}

/// Returns `spec.minReadySeconds`.
pub(super) fn min_ready_seconds(spec: &Value) -> u32 {
    count(&spec["minReadySeconds"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pods_at_a_time_are_rounded_like_the_controller_rounds_them() {
        let at_a_time = |value: Value, replicas| RollingUpdate::parse(&value).pods_at_a_time(replicas);
        assert_eq!(at_a_time(json!({}), 10), 3 + 2);
        assert_eq!(at_a_time(json!({"maxSurge": "50%", "maxUnavailable": 0}), 3), 2);
        assert_eq!(at_a_time(json!({"maxSurge": 0, "maxUnavailable": "10%"}), 4), 1);
        assert_eq!(at_a_time(json!({"maxSurge": "1"}), 1), 1);
        assert_eq!(at_a_time(json!({"maxSurge": "many", "maxUnavailable": true}), 4), 2);
        let may_lack = |value: Value, replicas| RollingUpdate::parse(&value).may_lack(replicas);
        assert_eq!([may_lack(json!({}), 10), may_lack(json!({"maxUnavailable": "100%"}), 4)], [2, 4]);
    }
}
