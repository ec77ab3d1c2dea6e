//! Deployments.

use serde_json::Value;

use super::{conditions, containers, count, maybe_count, meta, selector, template::fingerprint};
use crate::domain::deployment::{Deployment, DeploymentStatus};

/// Reduces a Deployment.
#[must_use]
pub fn deployment(value: &Value) -> Deployment {
    let (spec, status) = (&value["spec"], &value["status"]);
    Deployment {
        meta: meta(value),
        replicas: maybe_count(&spec["replicas"]),
        paused: spec["paused"] == true,
        recreate: spec["strategy"]["type"] == "Recreate",
        selector: selector(&spec["selector"]),
        containers: containers(&spec["template"]),
        template: fingerprint(&spec["template"]),
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
