//! Which workloads there are in a namespace.

use std::collections::BTreeSet;
use std::time::Duration;

use kube::Api;
use kube::api::ListParams;
use serde_json::Value;

use super::ReadClient;
use super::raw::Raw;
use crate::domain::facts::ids::{WorkloadId, WorkloadKind};
use crate::domain::facts::workload::Object;
use crate::domain::facts::workload::kind::Resource;
use crate::domain::facts::workload::rollout::TemplateRef;
use crate::platform::kube_client::api_resource;

/// How long a list may take.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// Returns the workloads of a namespace, leaving out those whose template another one takes. A kind that may not be
/// listed hides no other.
///
/// A cluster without Argo Rollouts simply has no Rollouts.
///
/// # Errors
/// Why the API server did not list them, in words.
pub async fn workloads(client: &ReadClient, namespace: &str) -> Result<Vec<WorkloadId>, String> {
    let lists = WorkloadKind::ALL.map(|kind| list(client, namespace, kind));
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for listed in futures::future::join_all(lists).await {
        match listed {
            Ok(objects) => found.extend(objects),
            Err(Unlisted { why, forbidden: true }) => failed.push(why),
            Err(Unlisted { why, .. }) => return Err(why),
        }
    }
    if found.is_empty() && !failed.is_empty() {
        return Err(failed.join("; "));
    }
    for why in failed {
        tracing::warn!(why, "workloads of one kind are not seen");
    }
    let owners: Vec<TemplateRef> =
        found.iter().filter_map(|object| object.workload().template_owner().cloned()).collect();
    let referenced = |id: &WorkloadId| owners.iter().any(|owner| owner.kind == id.kind.kind() && owner.name == id.name);
    Ok(found.iter().map(Object::id).filter(|id| !referenced(id)).collect())
}

/// Returns the names of everything in a namespace that may be a workload: cheap enough to be asked for again and again.
/// Of what cannot be listed there are none.
pub async fn names(client: &ReadClient, namespace: &str) -> BTreeSet<WorkloadId> {
    let of = |kind: WorkloadKind| async move {
        let resource = api_resource(kind.resource());
        let api: Api<Raw<Value>> = Api::namespaced_with(client.kube.clone(), namespace, &resource);
        let listed = tokio::time::timeout(LIST_TIMEOUT, api.list_metadata(&ListParams::default())).await;
        let items = listed.ok().and_then(Result::ok).map(|list| list.items).unwrap_or_default();
        items.into_iter().filter_map(move |item| Some(WorkloadId::new(kind, item.metadata.name?))).collect::<Vec<_>>()
    };
    futures::future::join_all(WorkloadKind::ALL.map(of)).await.into_iter().flatten().collect()
}

/// Why a kind was not listed.
struct Unlisted {
    why: String,
    /// Whether the operator may not.
    forbidden: bool,
}

/// Lists one kind; a kind that the API server does not know has no objects.
async fn list(client: &ReadClient, namespace: &str, kind: WorkloadKind) -> Result<Vec<Object>, Unlisted> {
    let resource = kind.resource();
    let api: Api<Raw<Value>> = Api::namespaced_with(client.kube.clone(), namespace, &api_resource(resource));
    let what = || format!("cannot list {} in {namespace}", resource.plural);
    match tokio::time::timeout(LIST_TIMEOUT, api.list(&ListParams::default())).await {
        Ok(Ok(list)) => {
            let kept = list.items.into_iter().filter_map(|raw| raw.kept);
            Ok(kept.map(|value| Object::reduce(kind, &value)).collect())
        }
        Ok(Err(kube::Error::Api(status))) if is_not_there(&status) => Ok(Vec::new()),
        // Rights are asked before existence: 403 may also mean that the kind is not installed.
        Ok(Err(kube::Error::Api(status))) if status.is_forbidden() && !is_installed(client, resource).await => {
            Ok(Vec::new())
        }
        Ok(Err(error)) => Err(Unlisted {
            why: format!("{}: {}", what(), client.explain(&error)),
            forbidden: matches!(&error, kube::Error::Api(status) if status.is_forbidden()),
        }),
        Err(_) => {
            let why = format!("{}: no answer in {} s", what(), LIST_TIMEOUT.as_secs());
            Err(Unlisted { why, forbidden: false })
        }
    }
}

/// Whether an answer says that there is no such kind: API servers say so in plain text, without a reason.
fn is_not_there(status: &kube::core::Status) -> bool {
    status.code == 404 || status.is_not_found()
}

async fn is_installed(client: &ReadClient, resource: Resource) -> bool {
    let group = format!("{}/{}", resource.group, resource.version);
    let asked = tokio::time::timeout(LIST_TIMEOUT, client.kube.list_api_group_resources(&group)).await;
    !matches!(asked, Ok(Err(kube::Error::Api(status))) if is_not_there(&status))
}
