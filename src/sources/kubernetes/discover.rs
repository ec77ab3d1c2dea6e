//! Which workloads there are in a namespace.

use std::time::Duration;

use kube::Api;
use kube::api::ListParams;

use super::ReadClient;
use super::raw::{Raw, Reduced, resource};
use crate::domain::deployment::Deployment;
use crate::domain::ids::{WorkloadId, WorkloadKind};
use crate::domain::rollout::Rollout;

/// How long a list may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Returns the Rollouts of a namespace and the Deployments that no Rollout references.
///
/// A cluster without Argo Rollouts simply has no Rollouts.
///
/// # Errors
/// Why the API server did not list them, in words.
pub async fn workloads(client: &ReadClient, namespace: &str) -> Result<Vec<WorkloadId>, String> {
    let rollouts = list::<Rollout>(client, namespace, "argoproj.io", "v1alpha1", "Rollout");
    let deployments = list::<Deployment>(client, namespace, "apps", "v1", "Deployment");
    let (rollouts, deployments) = tokio::try_join!(rollouts, deployments)?;
    let referenced: Vec<&str> = rollouts
        .iter()
        .filter_map(|rollout| rollout.spec.workload_ref.as_ref())
        .map(|owner| owner.name.as_str())
        .collect();
    let mut found: Vec<WorkloadId> = rollouts.iter().map(Rollout::id).collect();
    found.extend(
        deployments
            .iter()
            .filter(|deployment| !referenced.contains(&deployment.meta.name.as_str()))
            .map(|deployment| WorkloadId::new(WorkloadKind::Deployment, deployment.meta.name.clone())),
    );
    Ok(found)
}

/// Lists one kind; a kind that the API server does not know has no objects.
async fn list<T: Reduced>(
    client: &ReadClient,
    namespace: &str,
    group: &str,
    version: &str,
    kind: &str,
) -> Result<Vec<T>, String> {
    let api: Api<Raw<T>> = Api::namespaced_with(client.kube.clone(), namespace, &resource(group, version, kind));
    match tokio::time::timeout(DEADLINE, api.list(&ListParams::default())).await {
        Ok(Ok(list)) => Ok(list.items.into_iter().filter_map(|raw| raw.kept).collect()),
        Ok(Err(kube::Error::Api(status))) if status.is_not_found() => Ok(Vec::new()),
        // Rights are asked before existence: 403 may also mean that the kind is not installed.
        Ok(Err(kube::Error::Api(status))) if status.is_forbidden() && !is_installed(client, group, version).await => {
            Ok(Vec::new())
        }
        Ok(Err(error)) => Err(format!("cannot list {kind}s in {namespace}: {}", client.explain(&error))),
        Err(_) => Err(format!("cannot list {kind}s in {namespace}: no answer in {} s", DEADLINE.as_secs())),
    }
}

async fn is_installed(client: &ReadClient, group: &str, version: &str) -> bool {
    let asked =
        tokio::time::timeout(DEADLINE, client.kube.list_api_group_resources(&format!("{group}/{version}"))).await;
    !matches!(asked, Ok(Err(kube::Error::Api(status))) if status.is_not_found())
}
