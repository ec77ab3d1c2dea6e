//! Manual jobs and pipelines of GitLab.

use jiff::Timestamp;

use super::elsewhere::{NotReady, Provider};
use crate::domain::facts::gitlab_job::GitlabRun;
use crate::domain::facts::pipeline::{GitlabCall, PipelineCall};
use crate::platform::gitlab_pipelines::{GitlabPipelines, NoJob};
use crate::platform::rest_api::RestError;

impl Provider for GitlabPipelines {
    type Call = GitlabCall;
    type Run = GitlabRun;

    fn call(call: &PipelineCall) -> Option<&GitlabCall> {
        if let PipelineCall::Gitlab(call) = call { Some(call) } else { None }
    }

    fn is_for(&self, call: &GitlabCall) -> bool {
        Self::is_for(self, call)
    }

    fn names(call: &GitlabCall) -> (String, String) {
        (call.name(), call.short_name().to_owned())
    }

    /// GitLab would run a job again that was played: that it still waits is looked at right before.
    async fn ready(&self, call: &GitlabCall) -> Result<Option<u64>, NotReady> {
        let Some(name) = &call.job else { return Ok(None) };
        match self.job(call, name).await {
            Ok(job) => Ok(Some(job.id)),
            Err(NoJob::Unread(error)) => Err(NotReady::Unread(error)),
            Err(NoJob::Unfit(why)) => Err(NotReady::Unfit(why)),
        }
    }

    async fn begin(&self, call: &GitlabCall, chosen: Option<u64>) -> Result<Option<GitlabRun>, RestError> {
        match (&call.job, chosen) {
            (None, _) => Self::begin(self, call).await,
            (Some(_), Some(id)) => self.play(call, id).await,
            (Some(_), None) => Err(RestError::NotSent("no job was chosen".to_owned())),
        }
    }

    fn is_refusal(error: &RestError) -> bool {
        error.is_refusal_or_conflict()
    }

    fn describe(run: &GitlabRun) -> String {
        run.describe()
    }

    async fn look(
        &self,
        _: &GitlabCall,
        (_, run): (Timestamp, Option<&GitlabRun>),
    ) -> Result<(Option<GitlabRun>, Option<String>), RestError> {
        let Some(run) = run else { return Ok((None, None)) };
        let now = Self::look(self, run).await?;
        let said = now.describe();
        Ok((Some(now), Some(said)))
    }
}
