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

impl Look {
    /// Whether nothing changes until a person says something.
    pub fn waits_for_person(&self) -> bool {
        let step = self.object["status"]["currentStepIndex"].as_u64().and_then(|step| usize::try_from(step).ok());
        let pause = &self.object["spec"]["strategy"]["canary"]["steps"][step.unwrap_or(usize::MAX)]["pause"];
        self.rests()
            && pause["duration"].is_null()
            && self.object["spec"]["strategy"]["blueGreen"]["autoPromotionSeconds"].is_null()
    }
}

/// The objects that tell it.
#[derive(Default)]
pub struct Objects {
    pub workload: Value,
    pub sets: Vec<Value>,
    pub pods: Vec<Value>,
    /// The Service `api-active`, for a blue-green Rollout.
    pub active: Value,
    /// The Ingress that holds the canary's weight, for a canary with a router; nothing while it gets no requests.
    pub canary_ingress: Value,
}

/// Looks at everything.
pub async fn look(namespace: &TestNamespace, strategy: Strategy) -> Checked<Look> {
    let (mut active, mut canary_ingress) = (Value::Null, Value::Null);
    if strategy.is_blue_green() {
        active = namespace.get("Service", "api-active").await?;
    }
    if strategy.is_routed() {
        let name = if strategy.is_simulated() { "api-api-canary" } else { "api" };
        canary_ingress = namespace.get("Ingress", name).await.unwrap_or_default();
    }
    Ok(Look::of(Objects {
        workload: namespace.get(strategy.kind(), "api").await?,
        sets: namespace.list("ReplicaSet", "app=api").await?,
        pods: namespace.list("Pod", "app=api").await?,
        active,
        canary_ingress,
    }))
}

impl Look {
    pub fn of(objects: Objects) -> Self {
        let Objects { workload: object, sets, pods, active, canary_ingress } = objects;
        let strategy = &object["spec"]["strategy"];
        let by_hash = |hash: &Value| {
            let found = sets.iter().find(|rs| rs["metadata"]["labels"]["rollouts-pod-template-hash"] == *hash);
            found.filter(|rs| ready(rs) > 0).map(version)
        };
        let mut parts: BTreeMap<String, u64> = BTreeMap::new();
        if strategy["blueGreen"].is_object() {
            let selected = by_hash(&active["spec"]["selector"]["rollouts-pod-template-hash"]);
            parts.extend(selected.map(|version| (version, 100)));
        } else if strategy["canary"]["trafficRouting"].is_object() {
            let canary = canary_weight(&canary_ingress);
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
        let shares =
            parts.into_iter().map(|(version, part)| (version, (part * 200 / all.max(1)).div_ceil(2))).collect();
        let of_experiments: Vec<&Value> = sets.iter().filter(|rs| owner(rs)["kind"] == "Experiment").collect();
        // A restart is for the pods of the workload itself.
        let is_own = |pod: &&Value| {
            let of = &owner(pod)["name"];
            pod["metadata"]["deletionTimestamp"].is_null()
                && of_experiments.iter().all(|rs| rs["metadata"]["name"] != *of)
        };
        let made = |pod: &Value| pod["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned();
        let pods = pods.iter().filter(is_own).map(made).collect();
        Self { shares, object, pods }
    }
}

fn canary_weight(ingress: &Value) -> u64 {
    let annotations = &ingress["metadata"]["annotations"];
    if let Some(action) = annotations["alb.ingress.kubernetes.io/actions.api-stable"].as_str() {
        let action: Value = serde_json::from_str(action).unwrap_or_default();
        let mut groups = action["ForwardConfig"]["TargetGroups"].as_array().into_iter().flatten();
        let canary = groups.find(|group| group["ServiceName"] == "api-canary");
        return canary.and_then(|canary| canary["Weight"].as_u64()).unwrap_or(0);
    }
    let weight = &annotations["nginx.ingress.kubernetes.io/canary-weight"];
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
