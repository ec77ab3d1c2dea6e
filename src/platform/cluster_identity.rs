//! Reads which cluster and namespace a client talks to, by the UIDs of namespaces.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;

use super::kube_client::cause;
use super::redact::Redactor;
use crate::domain::facts::cluster::ClusterIdentity;

/// The namespace that every cluster has from its first moment on, and never loses.
const OLDEST: &str = "kube-system";

/// Reads the identity of a cluster and a namespace in it. What may not be read stays unknown.
///
/// # Errors
/// Why there was no answer within `patience`.
pub async fn read_identity(
    client: &kube::Client,
    namespace: &str,
    patience: Duration,
    redactor: &Redactor,
) -> Result<ClusterIdentity, String> {
    let api: Api<Namespace> = Api::all(client.clone());
    let both = async { tokio::try_join!(uid(&api, OLDEST), uid(&api, namespace)) };
    match tokio::time::timeout(patience, both).await {
        Ok(Ok((cluster, namespace_uid))) => {
            Ok(ClusterIdentity { cluster, namespace: namespace.to_owned(), namespace_uid })
        }
        Ok(Err(error)) => Err(cause(&error, redactor)),
        Err(_) => Err(format!("no answer in {} s", patience.as_secs())),
    }
}

async fn uid(api: &Api<Namespace>, name: &str) -> kube::Result<Option<String>> {
    match api.get(name).await {
        Ok(found) => Ok(found.metadata.uid),
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => Ok(None),
        Err(error) => Err(error),
    }
}
