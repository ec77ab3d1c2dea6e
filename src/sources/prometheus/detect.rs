//! Finds out which presets fit what a Prometheus holds.

use super::client::PrometheusClient;
use super::presets;
use super::translate;
use super::trouble::QueryError;
use crate::config::Preset;

/// The presets whose metric has series in the namespace, the more telling ones first.
pub async fn presets(client: &PrometheusClient, namespace: &str) -> Result<Vec<Preset>, QueryError> {
    let mut found = Vec::new();
    for preset in presets::BY_WORTH {
        let metric = presets::metric(preset);
        // Only names that Kubernetes allows stay as they are.
        let namespace: String = namespace.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let promql =
            format!("count({metric}{{namespace=\"{namespace}\"}} or {metric}{{exported_namespace=\"{namespace}\"}})");
        let count = translate::number(Ok(client.query(&promql).await?));
        if count.is_some_and(|count| count > 0.0) {
            found.push(preset);
        }
    }
    Ok(found)
}
