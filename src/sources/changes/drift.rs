//! What differs between the workloads here and those of the environment before, as both API servers have them.

use std::time::Duration;

use kube::api::{Api, DynamicObject};
use serde_json::Value;

use crate::domain::facts::changes::Difference;
use crate::domain::facts::changes::drift::{Aspect, Shape, compare};
use crate::domain::facts::ids::{EnvName, WorkloadId, WorkloadKind};
use crate::platform::kube_client::api_resource;
use crate::sources::checks::{CheckInput, Tools};
use crate::sources::kubernetes::ReadClient;

/// How long one answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Compares the workloads here with those of the environment before. Secrets are named, never read.
///
/// # Errors
/// Why there is no telling, in words.
pub async fn drift(scene: &CheckInput, tools: &Tools) -> Result<Vec<Difference>, String> {
    let here = scene.env.as_ref().map_or("here", EnvName::as_str);
    let Some(before) = scene.previous.as_ref().map(EnvName::as_str) else {
        return Err(format!("{here} is the first environment: there is no previous one to compare with"));
    };
    let ours = tools.cluster.as_ref().ok_or_else(|| format!("{here} cannot be reached"))?;
    let theirs = tools.previous.as_ref().ok_or_else(|| format!("{before} cannot be reached"))?;
    let mut found = Vec::new();
    for id in &scene.workloads {
        let (our, their) = tokio::join!(shape(ours, id), twin(theirs, id));
        let our = our.map_err(|why| format!("{here}: {why}"))?;
        let their = their.map_err(|why| format!("{before}: {why}"))?;
        match (our, their) {
            (Some(our), Some(their)) => found.extend(compare(&id.to_string(), &our, &their, (here, before))),
            (None, None) => {}
            (our, _) => {
                let (has, lacks) = if our.is_some() { (here, before) } else { (before, here) };
                found.push(Difference {
                    workload: id.to_string(),
                    aspect: Aspect::Workload,
                    container: None,
                    name: id.name.clone(),
                    words: format!("only in {has}, not in {lacks}"),
                });
            }
        }
    }
    Ok(found)
}

/// Returns the workload of this name: of the same kind, else of the other one.
async fn twin(cluster: &(ReadClient, String), id: &WorkloadId) -> Result<Option<Shape>, String> {
    if let Some(shape) = shape(cluster, id).await? {
        return Ok(Some(shape));
    }
    let other = match id.kind {
        WorkloadKind::Deployment => WorkloadKind::Rollout,
        WorkloadKind::Rollout => WorkloadKind::Deployment,
    };
    // A cluster without Argo Rollouts may refuse to answer about them: then there is none.
    Ok(shape(cluster, &WorkloadId::new(other, id.name.clone())).await.unwrap_or_default())
}

/// Returns a workload as it is compared; `None` where there is no such one.
async fn shape(cluster: &(ReadClient, String), id: &WorkloadId) -> Result<Option<Shape>, String> {
    let Some(object) = get(cluster, id.kind, &id.name).await? else { return Ok(None) };
    let spec = &object.data["spec"];
    let replicas = spec["replicas"].as_i64();
    let mut pod = spec["template"]["spec"].clone();
    if let (true, Some(owner)) = (pod.is_null(), referenced(spec)) {
        let owner = get(cluster, WorkloadKind::Deployment, owner)
            .await?
            .ok_or_else(|| format!("{id} takes its template from deployment/{owner}, which does not exist"))?;
        pod = owner.data["spec"]["template"]["spec"].clone();
    }
    Ok(Some(Shape { replicas, pod }))
}

/// Name of the Deployment that a Rollout takes its template from.
fn referenced(spec: &Value) -> Option<&str> {
    spec["workloadRef"]["name"].as_str()
}

async fn get(
    (client, namespace): &(ReadClient, String),
    kind: WorkloadKind,
    name: &str,
) -> Result<Option<DynamicObject>, String> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.kube.clone(), namespace, &api_resource(kind.resource()));
    let what = || format!("cannot read {}/{name} in {namespace}", kind.as_str());
    match tokio::time::timeout(REQUEST_TIMEOUT, api.get_opt(name)).await {
        Ok(Ok(object)) => Ok(object),
        Ok(Err(error)) => Err(format!("{}: {}", what(), client.explain(&error))),
        Err(_) => Err(format!("{}: no answer in {} s", what(), REQUEST_TIMEOUT.as_secs())),
    }
}
