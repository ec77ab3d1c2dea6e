//! Workflows that promote an environment: who we are to GitHub.

use std::sync::Arc;

use super::pull_requests::authority;
use crate::config::EnvConfig;
use crate::domain::facts::pipeline::PipelineCall;
use crate::executors::pipeline::ConnectWorkflows;
use crate::platform::Redactor;
use crate::platform::workflows::Workflows;

/// Returns what makes a client with the token as it is then; `None` where no workflow promotes the environment.
pub(super) fn connect(env: &EnvConfig, redactor: Redactor) -> Option<ConnectWorkflows> {
    let access = env.pipeline.as_ref()?.github.clone()?;
    let PipelineCall::Workflow(call) = &env.settings.promote.pipeline.as_ref()?.call else { return None };
    let place = (call.url.clone(), call.repository.clone());
    Some(Arc::new(move || {
        let (access, place, redactor) = (access.clone(), place.clone(), redactor.clone());
        Box::pin(async move {
            let token = access.token.reveal(&redactor).await.map_err(|error| error.to_string())?;
            let ca = authority(access.ca_file.as_deref()).await?;
            Workflows::new(place, ca.as_deref(), token.expose(), redactor)
        })
    }))
}
