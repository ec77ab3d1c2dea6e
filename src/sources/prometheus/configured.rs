//! From the config to the questions of an environment.

use std::sync::Arc;

use super::client::PrometheusClient;
use super::look::Questions;
use super::queries::Queries;
use crate::config::Prometheus;
use crate::platform::Redactor;

/// Makes the questions that an environment's config asks for; reads its secrets, asks nothing yet.
///
/// # Errors
/// Which secret, certificate or query is not to be had, in words.
pub async fn questions(configured: &Prometheus, namespace: &str, redactor: &Redactor) -> Result<Questions, String> {
    let client = PrometheusClient::new(configured, redactor).await.map_err(|error| error.to_string())?;
    let queries = Queries::new(configured, namespace).map_err(|error| error.to_string())?;
    Ok(Questions { client, queries: Arc::new(queries), settings: Arc::new(configured.clone()) })
}
