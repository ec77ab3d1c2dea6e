//! Reads the shared record of what people said to checklists.

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;

use super::KubernetesSource;
use crate::domain::record::shared::{NAME, read};
use crate::domain::world::feed::Feed;

/// How often to look: people sign rarely, and want to see it soon.
const POLL_INTERVAL: Duration = Duration::from_secs(10);
/// How long an answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

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
