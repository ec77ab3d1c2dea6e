//! Pipelines on a server that promote an environment: who we are to their provider.

use std::sync::Arc;

use super::pull_requests::authority;
use crate::config::{EnvConfig, PipelineAccess};
use crate::domain::facts::pipeline::PipelineCall;
use crate::executors::pipeline::{Connect, ConnectPipelines};
use crate::platform::Redactor;
use crate::platform::deployment_approvals::DeploymentApprovals;
use crate::platform::gitlab_pipelines::GitlabPipelines;
use crate::platform::jenkins_builds::JenkinsBuilds;
use crate::platform::workflows::Workflows;

/// Returns what makes a client with the token as it is then; `None` where nothing on a server promotes the environment.
pub(super) fn connect(env: &EnvConfig, redactor: Redactor) -> Option<ConnectPipelines> {
    let access = env.pipeline.as_ref()?.access.clone()?;
    match &env.settings.promote.pipeline.as_ref()?.call {
        PipelineCall::Command(_) => None,
        PipelineCall::Workflow(call) => {
            let place = (call.url.clone(), call.repository.clone());
            Some(ConnectPipelines::Workflows(with(access, redactor, place, Workflows::new)))
        }
        PipelineCall::Approval(call) => {
            let place = (call.url.clone(), call.repository.clone());
            Some(ConnectPipelines::Approvals(with(access, redactor, place, DeploymentApprovals::new)))
        }
        PipelineCall::Gitlab(call) => {
            let place = (call.url.clone(), call.project.clone());
            Some(ConnectPipelines::Gitlab(with(access, redactor, place, GitlabPipelines::new)))
        }
        PipelineCall::Jenkins(call) => {
            let place = (call.url.clone(), call.job.clone(), access.user.clone()?);
            Some(ConnectPipelines::Jenkins(with(access, redactor, place, JenkinsBuilds::new)))
        }
    }
}

/// What makes a client of its place, of what to trust besides, and of a token.
type New<T, C> = fn(T, Option<&[u8]>, &str, Redactor) -> Result<C, String>;

fn with<T, C>(access: PipelineAccess, redactor: Redactor, place: T, new: New<T, C>) -> Connect<C>
where
    T: Clone + Send + Sync + 'static,
    C: 'static,
{
    Arc::new(move || {
        let (access, place, redactor) = (access.clone(), place.clone(), redactor.clone());
        Box::pin(async move {
            let token = access.token.reveal(&redactor).await.map_err(|error| error.to_string())?;
            let ca = authority(access.ca_file.as_deref()).await?;
            new(place, ca.as_deref(), token.expose(), redactor)
        })
    })
}
