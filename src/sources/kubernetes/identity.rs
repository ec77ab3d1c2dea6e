//! Which cluster and namespace stand behind the name of an environment, by the UIDs of namespaces.

use std::time::Duration;

use super::KubernetesSource;
use crate::domain::world::feed::Feed;
use crate::platform::cluster_identity::read_identity;

/// How long an answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Where no answer came.
const RETRY_INTERVAL: Duration = Duration::from_secs(3);

/// Asks until there is an answer; that it may not be read is one.
pub(super) async fn run(source: KubernetesSource) {
    let client = &source.client;
    loop {
        match read_identity(&client.kube, &source.namespace, REQUEST_TIMEOUT, client.redactor()).await {
            Ok(identity) => {
                source.outlet.send(Feed::Cluster { env: source.env.clone(), identity: identity.clone() });
                source.identity.send_replace(Some(identity));
                return;
            }
            Err(why) => tracing::debug!(env = %source.env, why, "which cluster it is, is not known yet"),
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}
