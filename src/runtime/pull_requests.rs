//! Pull requests of one environment: who we are to their provider.

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
            let ca = match &config.ca_file {
                Some(path) => {
                    let read = tokio::fs::read(path).await;
                    Some(read.map_err(|error| format!("{}: {error}", path.display()))?)
                }
                None => None,
            };
            PullRequests::new(config.place, ca.as_deref(), token.expose(), redactor)
        })
    })
}
