//! Pull requests of one environment: who we are to their provider.

use std::path::Path;
use std::sync::Arc;

use crate::config::PullRequestConfig;
use crate::executors::git::ConnectPullRequests;
use crate::platform::Redactor;
use crate::platform::pull_requests::PullRequests;

/// Returns what makes a client with the token as it is then.
pub(super) fn connect(config: PullRequestConfig, redactor: Redactor) -> ConnectPullRequests {
    Arc::new(move || {
        let (config, redactor) = (config.clone(), redactor.clone());
        Box::pin(async move {
            let token = config.token.reveal(&redactor).await.map_err(|error| error.to_string())?;
            let ca = authority(config.ca_file.as_deref()).await?;
            PullRequests::new(config.place, ca.as_deref(), token.expose(), redactor)
        })
    })
}

/// Reads a certificate authority, where there is one.
pub(super) async fn authority(path: Option<&Path>) -> Result<Option<Vec<u8>>, String> {
    let Some(path) = path else { return Ok(None) };
    let read = tokio::fs::read(path).await;
    read.map(Some).map_err(|error| format!("{}: {error}", path.display()))
}
