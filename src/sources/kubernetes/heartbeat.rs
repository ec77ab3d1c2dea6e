//! The heartbeat: a cheap question every few seconds, so that the age on the screen is the truth even when nothing
//! changes, and a dead link or a deaf watch is noticed before any watch times out.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use kube::Api;

use super::KubernetesSource;
use super::health::WatchProblem;
use super::raw::Raw;
use crate::domain::facts::ids::WorkloadId;
use crate::domain::facts::object::Meta;
use crate::platform::kube_client::api_resource;

const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(3);
/// How long an answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// The resourceVersion that the workload has now, `None` if it does not exist; or why there is no answer.
pub(super) type Beat = Result<Option<String>, WatchProblem>;

/// Asks for the workload again and again.
pub(super) fn beats(source: &KubernetesSource, workload: &WorkloadId) -> BoxStream<'static, Beat> {
    let resource = api_resource(workload.kind.resource());
    let api: Api<Raw<Meta>> = Api::namespaced_with(source.client.kube.clone(), &source.namespace, &resource);
    let (client, name) = (source.client.clone(), workload.name.clone());
    stream::unfold(true, move |first| {
        let (api, client, name) = (api.clone(), client.clone(), name.clone());
        async move {
            if !first {
                tokio::time::sleep(HEARTBEAT_INTERVAL).await;
            }
            let beat = match tokio::time::timeout(REQUEST_TIMEOUT, api.get_opt(&name)).await {
                Ok(Ok(found)) => Ok(found.and_then(|raw| raw.kept).map(|meta| meta.resource_version)),
                Ok(Err(error)) => Err(client.trouble(&error)),
                Err(_) => Err(WatchProblem::new(format!("no answer in {} s", REQUEST_TIMEOUT.as_secs()), false)),
            };
            Some((beat, false))
        }
    })
    .boxed()
}
