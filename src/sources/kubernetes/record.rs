//! Reads the shared record: what people said to checklists, and the heads of journals.

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;

use super::{KubernetesSource, ReadClient};
use crate::domain::record::anchor::{self, Anchor};
use crate::domain::record::shared::{NAME, read};
use crate::domain::world::feed::Feed;

/// How often to look: people sign rarely, and want to see it soon.
const POLL_INTERVAL: Duration = Duration::from_secs(10);
/// How long an answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the anchors of journals in a namespace, with their keys.
///
/// # Errors
/// Why they are not known.
pub async fn anchors(client: &ReadClient, namespace: &str) -> Result<Vec<(String, Anchor)>, String> {
    let api: Api<ConfigMap> = Api::namespaced(client.kube.clone(), namespace);
    match tokio::time::timeout(REQUEST_TIMEOUT, api.get_opt(NAME)).await {
        Ok(Ok(found)) => Ok(anchor::read(&found.and_then(|map| map.data).unwrap_or_default())),
        Ok(Err(error)) => Err(client.explain(&error)),
        Err(_) => Err(format!("no answer in {} s", REQUEST_TIMEOUT.as_secs())),
    }
}

/// Looks again and again, and at once when a look is asked for.
pub(super) async fn run(source: KubernetesSource) {
    let api: Api<ConfigMap> = Api::namespaced(source.client.kube.clone(), &source.namespace);
    loop {
        let look = tokio::time::timeout(REQUEST_TIMEOUT, api.get_opt(NAME)).await;
        let known = match look {
            Ok(Ok(found)) => {
                let data = found.and_then(|map| map.data).unwrap_or_default();
                source.outlet.send(Feed::Ledger(Box::new(read(&source.env, &data, jiff::Timestamp::now()))));
                Ok(())
            }
            Ok(Err(error)) => Err(source.client.explain(&error)),
            Err(_) => Err(format!("no answer in {} s", REQUEST_TIMEOUT.as_secs())),
        };
        source.outlet.send(Feed::Record { env: source.env.clone(), known });
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            () = source.refresh.notified() => {}
        }
    }
}
