//! A Deployment as JSON, reduced to what is kept of it.

use serde_json::Value;

use super::super::pod_replacement::{RollingUpdate, min_ready_seconds};
use super::{Deployment, DeploymentStatus};
use crate::domain::facts::reduce::{conditions, containers, count, fingerprint, maybe_count, meta, selector};

#[must_use]
pub fn reduce(value: &Value) -> Deployment {
    let (spec, status) = (&value["spec"], &value["status"]);
    Deployment {
        meta: meta(value),
        replicas: maybe_count(&spec["replicas"]),
        paused: spec["paused"] == true,
        recreate: spec["strategy"]["type"] == "Recreate",
        rolling_update: RollingUpdate::parse(&spec["strategy"]["rollingUpdate"]),
        min_ready_seconds: min_ready_seconds(spec),
        selector: selector(&spec["selector"]),
        containers: containers(&spec["template"]["spec"]["containers"]),
        init_containers: containers(&spec["template"]["spec"]["initContainers"]),
        template: fingerprint(&spec["template"]),
        restarted_at: spec["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
            .as_str()
            .map(ToOwned::to_owned),
        status: DeploymentStatus {
            observed_generation: status["observedGeneration"].as_i64().unwrap_or(0),
            replicas: count(&status["replicas"]),
            updated: count(&status["updatedReplicas"]),
            ready: count(&status["readyReplicas"]),
            available: count(&status["availableReplicas"]),
            conditions: conditions(status),
        },
    }
}
