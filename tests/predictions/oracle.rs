//! Who is served, and what is asked for, told from the objects of the API server alone.

use std::collections::BTreeMap;

use serde_json::Value;
use support::{Checked, TestNamespace};

use super::strategy::Strategy;

/// What the API server holds at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Share of the users per version, in percent, rounded.
    pub shares: BTreeMap<String, u64>,
    pub object: Value,
    /// When its pods were made.
    pub pods: Vec<String>,
}

impl Look {
    /// Whether a version serves everybody.
    pub fn serves(&self, version: &str) -> bool {
        self.shares.len() == 1 && self.shares.get(version) == Some(&100)
    }

    /// Whether the controller has nothing to do until a person or a clock says something.
    pub fn rests(&self) -> bool {
        let status = &self.object["status"];
        let paused = status["pauseConditions"].as_array().is_some_and(|pauses| !pauses.is_empty());
        paused && status["phase"] == "Paused" || status["phase"] == "Healthy"
    }
}

/// Looks at everything.
pub async fn look(namespace: &TestNamespace, strategy: Strategy) -> Checked<Look> {
    let object = namespace.get(strategy.kind(), "api").await?;
    let sets = namespace.list("ReplicaSet", "app=api").await?;
    let pods = namespace.list("Pod", "app=api").await?;
    let by_hash = |hash: &Value| {
        let found = sets.iter().find(|rs| rs["metadata"]["labels"]["rollouts-pod-template-hash"] == *hash);
        found.filter(|rs| ready(rs) > 0).map(version)
    };
    let mut parts: BTreeMap<String, u64> = BTreeMap::new();
    if strategy.is_blue_green() {
        let service = namespace.get("Service", "api-active").await?;
        let selected = by_hash(&service["spec"]["selector"]["rollouts-pod-template-hash"]);
        parts.extend(selected.map(|version| (version, 100)));
    } else if strategy.is_routed() {
        let canary = canary_weight(namespace).await;
        let (stable, current) = (&object["status"]["stableRS"], &object["status"]["currentPodHash"]);
        for (hash, part) in [(stable, 100 - canary), (current, canary)] {
            if part > 0 {
                *parts.entry(by_hash(hash).unwrap_or_else(|| "nobody".to_owned())).or_default() += part;
            }
        }
    } else {
        for rs in sets.iter().filter(|rs| ready(rs) > 0) {
            *parts.entry(version(rs)).or_default() += ready(rs);
        }
    }
    let all: u64 = parts.values().sum();
    let shares = parts.into_iter().map(|(version, part)| (version, (part * 200 / all.max(1)).div_ceil(2))).collect();
    let of_experiments: Vec<&Value> = sets.iter().filter(|rs| owner(rs)["kind"] == "Experiment").collect();
    // A restart is for the pods of the workload itself.
    let is_own = |pod: &&Value| {
        let of = &owner(pod)["name"];
        pod["metadata"]["deletionTimestamp"].is_null() && of_experiments.iter().all(|rs| rs["metadata"]["name"] != *of)
    };
    let made = |pod: &Value| pod["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned();
    Ok(Look { shares, object, pods: pods.iter().filter(is_own).map(made).collect() })
}

async fn canary_weight(namespace: &TestNamespace) -> u64 {
    let Ok(ingress) = namespace.get("Ingress", "api-api-canary").await else { return 0 };
    let weight = &ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight"];
    weight.as_str().and_then(|weight| weight.parse().ok()).unwrap_or(0)
}

fn ready(rs: &Value) -> u64 {
    rs["status"]["readyReplicas"].as_u64().unwrap_or(0)
}

fn version(rs: &Value) -> String {
    let image = rs["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
    image.rsplit(':').next().unwrap_or_default().to_owned()
}

fn owner(object: &Value) -> &Value {
    &object["metadata"]["ownerReferences"][0]
}
