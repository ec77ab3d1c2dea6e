//! Distinguishes series, targets, pods and duplicates by their labels.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::seen::Role;
use crate::domain::facts::ids::Track;

/// Labels that tell which of several Prometheus servers, all of which scrape the same targets, a series is from.
pub const REPLICA_LABELS: [&str; 3] = ["__replica__", "prometheus_replica", "replica"];

/// Labels that tell a target.
const TARGET_LABELS: [&str; 5] = ["cluster", "namespace", "job", "instance", "pod"];

/// Labels that discovery gives a target besides, by which two targets of one pod differ that are the same port: a
/// ServiceMonitor that matches several Services of it makes one of each.
const DISCOVERY_LABELS: [&str; 4] = ["job", "service", "endpoint", "container"];

/// Labels that hold the name of a pod, the likeliest first.
const POD_LABELS: [&str; 4] = ["pod", "kubernetes_pod_name", "k8s_pod_name", "pod_name"];

/// Half a SHA-256 of what identifies something, in hex: states stay small however long labels are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let half = hash.finalize().iter().take(16).fold(0_u128, |half, byte| half << 8 | u128::from(*byte));
        Self(format!("{half:032x}"))
    }
}

/// Returns the key of a series: the same whichever server it comes from, and however a bound is written.
#[must_use]
pub fn series(track: Track, role: Role, labels: &BTreeMap<String, String>, replica_label: Option<&str>) -> Key {
    let role = match role {
        Role::Bucket(le) => format!("le {le}"),
        Role::FailedAgain => "again".to_owned(),
        // By whichever label errors are identified: the series is the same.
        Role::Answered(_) | Role::Failed | Role::Unknown => "requests".to_owned(),
        Role::Native(_) => "native".to_owned(),
        Role::Up => "up".to_owned(),
    };
    let kept = labels.iter().filter(|(name, _)| !is_replica(name, replica_label) && *name != "le");
    Key::of([track.as_str(), &role].into_iter().chain(kept.flat_map(|(name, value)| [name.as_str(), value.as_str()])))
}

/// Returns what a series has in common with the same one of another target of the same port of a pod, and the job that it is
/// from; `None` where no label tells the port or the pod.
#[must_use]
pub fn exposed(
    track: Track,
    role: Role,
    labels: &BTreeMap<String, String>,
    replica_label: Option<&str>,
) -> Option<(Key, String)> {
    let port_of_pod = labels.contains_key("instance") && labels.contains_key("pod");
    let job = labels.get("job").filter(|_| port_of_pod)?.clone();
    let mut kept = labels.clone();
    kept.retain(|name, _| !DISCOVERY_LABELS.contains(&name.as_str()));
    Some((series(track, role, &kept, replica_label), job))
}

/// Returns the key of the target that exposes a series, as one server sees it.
#[must_use]
pub fn target(labels: &BTreeMap<String, String>, replica_label: Option<&str>) -> Key {
    let told = TARGET_LABELS.into_iter().map(|name| labels.get(name).map_or("", String::as_str));
    Key::of(told.chain([replica(labels, replica_label).as_str()]))
}

/// Returns which server a series is from; empty where no label tells.
#[must_use]
pub fn replica(labels: &BTreeMap<String, String>, replica_label: Option<&str>) -> String {
    let told = labels.iter().filter(|(name, _)| is_replica(name, replica_label));
    told.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join("/")
}

fn is_replica(name: &str, configured: Option<&str>) -> bool {
    REPLICA_LABELS.contains(&name) || configured == Some(name)
}

/// Returns the pod of a ReplicaSet that a series is about; `None` where no label names one.
#[must_use]
pub fn pod<'a>(labels: &'a BTreeMap<String, String>, replicaset: &str) -> Option<&'a str> {
    let ours = |value: &&String| {
        let rest = value.strip_prefix(replicaset).and_then(|rest| rest.strip_prefix('-'));
        rest.is_some_and(|rest| !rest.is_empty() && !rest.contains('-'))
    };
    let usual = POD_LABELS.iter().find_map(|name| labels.get(*name).filter(ours));
    usual.or_else(|| labels.values().find(ours)).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn series_identity_ignores_server_and_spelling_of_bounds() {
        let key = |pairs: &[(&str, &str)], le| series(Track::Canary, Role::Bucket(le), &labels(pairs), Some("ha"));
        let one = key(&[("pod", "a"), ("le", "1")], 1.0);
        assert_eq!(one, key(&[("pod", "a"), ("le", "1.0"), ("prometheus_replica", "b"), ("ha", "x")], 1.0));
        assert_ne!(one, key(&[("pod", "a"), ("le", "2")], 2.0));
        assert_ne!(one, key(&[("pod", "b"), ("le", "1")], 1.0));
        assert_ne!(target(&labels(&[("replica", "a")]), None), target(&labels(&[("replica", "b")]), None));
    }

    #[test]
    fn pod_belongs_to_exactly_its_replicaset() {
        let of = |pairs: &[(&str, &str)]| pod(&labels(pairs), "web-5d").map(ToOwned::to_owned);
        assert_eq!(of(&[("pod", "web-5d-x1")]), Some("web-5d-x1".to_owned()));
        assert_eq!(of(&[("pod", "scraper"), ("backend", "web-5d-x1")]), Some("web-5d-x1".to_owned()));
        assert_eq!(of(&[("pod", "web-5d-7f-x1")]), None, "a ReplicaSet with a longer name");
        assert_eq!(of(&[("pod", "web-5d-")]), None);
    }
}
