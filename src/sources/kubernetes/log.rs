//! The end of a failing pod's log.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod as KubePod;
use kube::Api;
use kube::api::LogParams;

use super::ReadClient;
use crate::domain::facts::pod::Pod;

/// How many lines are kept.
const MAX_LINES: i64 = 50;
/// How long the answer may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes asked for at most: a line may be endless.
const MAX_BYTES: i64 = 64 * 1024;

/// Returns the last lines of the pod's failing container, of its previous instance when it was restarted.
///
/// # Errors
/// Why there are none, in words.
pub async fn tail(client: &ReadClient, namespace: &str, pod: &Pod) -> Result<Vec<String>, String> {
    let api: Api<KubePod> = Api::namespaced(client.kube.clone(), namespace);
    let params = LogParams {
        container: pod.failing_container.clone(),
        tail_lines: Some(MAX_LINES),
        limit_bytes: Some(MAX_BYTES),
        previous: pod.restarted,
        ..LogParams::default()
    };
    match tokio::time::timeout(REQUEST_TIMEOUT, api.logs(&pod.name, &params)).await {
        Ok(Ok(text)) if text.trim().is_empty() => Err("the log is empty".to_owned()),
        Ok(Ok(text)) => Ok(text.lines().map(ToOwned::to_owned).collect()),
        Ok(Err(error)) => Err(client.explain(&error)),
        Err(_) => Err(format!("no answer in {} s", REQUEST_TIMEOUT.as_secs())),
    }
}
