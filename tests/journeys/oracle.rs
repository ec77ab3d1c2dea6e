//! Who is served, told from the objects of the API server alone.

use serde_json::Value;
use support::Checked;
use support::check::WAIT_TIMEOUT;
use support::manifests::is_version;
use tokio::time::{Instant, sleep};

use super::bed::{Bed, Strategy};

impl Bed<'_> {
    /// Waits until a version serves everybody, and nothing else does.
    pub async fn serves(&self, version: &str) -> Checked {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            let Err(why) = self.serves_now(version).await? else { return Ok(()) };
            if Instant::now() >= deadline {
                return Err(format!("{version} does not serve everybody: {why}").into());
            }
            sleep(std::time::Duration::from_millis(100)).await;
        }
    }

    /// Whether a version serves everybody now, or why not.
    pub async fn serves_now(&self, version: &str) -> Checked<Result<(), String>> {
        let object = self.namespace.get(self.kind(), "api").await?;
        let sets = self.namespace.list("ReplicaSet", "app=api").await?;
        let of_version: Vec<&Value> = sets
            .iter()
            .filter(|rs| is_version(&rs["spec"]["template"]["spec"]["containers"][0]["image"], "api", version))
            .collect();
        Ok(match self.strategy {
            Strategy::Deployment => is_rolled_out(&object, version),
            Strategy::BlueGreen => {
                let service = self.namespace.get("Service", "api-active").await?;
                let selected = &service["spec"]["selector"]["rollouts-pod-template-hash"];
                let hash = |rs: &&&Value| rs["metadata"]["labels"]["rollouts-pod-template-hash"] == *selected;
                of_version.iter().find(hash).map_or(Err(format!("the service selects {selected}")), |rs| is_ready(rs))
            }
            Strategy::Canary | Strategy::WorkloadRef => only_pods(&sets, version),
            Strategy::Routed => match self.namespace.get("Ingress", "api-api-canary").await {
                Ok(ingress) => {
                    let weight = &ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight"];
                    if *weight == "0" {
                        Self::is_stable(&object, &of_version)
                    } else {
                        Err(format!("canary weight {weight}"))
                    }
                }
                Err(_) => Self::is_stable(&object, &of_version),
            },
        })
    }

    fn is_stable(object: &Value, of_version: &[&Value]) -> Result<(), String> {
        let stable = &object["status"]["stableRS"];
        let hash = |rs: &&&Value| rs["metadata"]["labels"]["rollouts-pod-template-hash"] == *stable;
        of_version.iter().find(hash).map_or(Err(format!("stable is {stable}")), |rs| is_ready(rs))
    }
}

fn is_ready(rs: &Value) -> Result<(), String> {
    let (wanted, ready) = (rs["spec"]["replicas"].as_u64(), rs["status"]["readyReplicas"].as_u64());
    if ready.unwrap_or(0) > 0 && ready >= wanted {
        Ok(())
    } else {
        Err(format!("{ready:?} of {wanted:?} pods are ready"))
    }
}

/// Without a router every ready pod is served from: there is no other.
fn only_pods(sets: &[Value], version: &str) -> Result<(), String> {
    let mut served = false;
    for rs in sets {
        let ready = rs["status"]["readyReplicas"].as_u64().unwrap_or(0);
        let image_of = &rs["spec"]["template"]["spec"]["containers"][0]["image"];
        if is_version(image_of, "api", version) {
            served |= ready > 0;
        } else if ready > 0 {
            return Err(format!("{ready} pods of {image_of} are ready"));
        }
    }
    if served { Ok(()) } else { Err("no pod of it is ready".to_owned()) }
}

/// As `kubectl rollout status` tells it.
fn is_rolled_out(object: &Value, version: &str) -> Result<(), String> {
    let status = &object["status"];
    let count = |field: &str| status[field].as_u64().unwrap_or(0);
    let wanted = object["spec"]["replicas"].as_u64().unwrap_or(1);
    let image_of = &object["spec"]["template"]["spec"]["containers"][0]["image"];
    if !is_version(image_of, "api", version) {
        return Err(format!("the manifest says {image_of}"));
    }
    if status["observedGeneration"] != object["metadata"]["generation"] {
        return Err("the controller has not seen it".to_owned());
    }
    let all = count("updatedReplicas") == wanted && count("replicas") == wanted && count("availableReplicas") == wanted;
    if all { Ok(()) } else { Err(status.to_string()) }
}
