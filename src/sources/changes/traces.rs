//! What a revision in a cluster says of where it comes from: labels and annotations of its ReplicaSet.

use std::time::Duration;

use k8s_openapi::api::apps::v1::ReplicaSet;
use kube::Api;

use crate::domain::facts::workload::Revision;
use crate::sources::git::{Git, Origin, Traces, commit_of};
use crate::sources::kubernetes::ReadClient;

/// How long one answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Tells which commit a revision of a cluster was built from: see [`commit_of`].
///
/// # Errors
/// Why it cannot be known, in words.
pub async fn origin(
    git: &Git,
    cluster: Option<&(ReadClient, String)>,
    revision: &Revision,
    tag_prefix: &str,
) -> Result<Origin, String> {
    let traces = traces(cluster, revision).await?;
    commit_of(git, &traces, tag_prefix).await.map_err(|error| error.to_string())
}

/// Returns what tells the commit of a revision. Without a cluster, images and version have to do.
///
/// # Errors
/// Why the API server does not tell, in words.
pub async fn traces(cluster: Option<&(ReadClient, String)>, revision: &Revision) -> Result<Traces, String> {
    let mut traces = Traces { images: revision.images.clone(), version: revision.version(), ..Traces::default() };
    let Some((client, namespace)) = cluster.filter(|_| !revision.replicaset.is_empty()) else { return Ok(traces) };
    let api: Api<ReplicaSet> = Api::namespaced(client.kube.clone(), namespace);
    let name = &revision.replicaset;
    let found = match tokio::time::timeout(REQUEST_TIMEOUT, api.get_opt(name)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            return Err(format!("cannot read replicaset/{name} in {namespace}: {}", client.explain(&error)));
        }
        Err(_) => {
            return Err(format!(
                "cannot read replicaset/{name} in {namespace}: no answer in {} s",
                REQUEST_TIMEOUT.as_secs()
            ));
        }
    };
    let Some(set) = found else { return Ok(traces) };
    // What the template says is about the artifact; what the ReplicaSet says may be about how it was rolled out.
    let template = set.spec.and_then(|spec| spec.template).and_then(|template| template.metadata);
    for meta in [Some(set.metadata), template].into_iter().flatten() {
        traces.labels.extend(meta.labels.into_iter().flatten());
        traces.labels.extend(meta.annotations.into_iter().flatten());
    }
    Ok(traces)
}
