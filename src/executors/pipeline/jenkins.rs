//! Builds of Jenkins.

use jiff::Timestamp;

use super::elsewhere::{NotReady, Provider};
use crate::domain::facts::jenkins_build::JenkinsRun;
use crate::domain::facts::pipeline::{JenkinsCall, PipelineCall};
use crate::platform::jenkins_builds::JenkinsBuilds;
use crate::platform::rest_api::RestError;

impl Provider for JenkinsBuilds {
    type Call = JenkinsCall;
    type Run = JenkinsRun;

    fn call(call: &PipelineCall) -> Option<&JenkinsCall> {
        if let PipelineCall::Jenkins(call) = call { Some(call) } else { None }
    }

    fn is_for(&self, call: &JenkinsCall) -> bool {
        Self::is_for(self, call)
    }

    fn names(call: &JenkinsCall) -> (String, String) {
        (call.job.clone(), call.job.clone())
    }

    async fn ready(&self, call: &JenkinsCall) -> Result<Option<u64>, NotReady> {
        let job = self.job().await?;
        job.unfit(call.parameters.keys()).map_or(Ok(None), |why| Err(NotReady::Unfit(why)))
    }

    async fn begin(&self, call: &JenkinsCall, _: Option<u64>) -> Result<Option<JenkinsRun>, RestError> {
        let item = self.build(&call.parameters).await?;
        let state = "waits".to_owned();
        Ok(item.map(|item| JenkinsRun { item, build: None, url: String::new(), state }))
    }

    fn is_refusal(error: &RestError) -> bool {
        error.is_refusal_or_conflict()
    }

    fn describe(run: &JenkinsRun) -> String {
        run.describe()
    }

    async fn look(
        &self,
        _: &JenkinsCall,
        (_, run): (Timestamp, Option<&JenkinsRun>),
    ) -> Result<(Option<JenkinsRun>, Option<String>), RestError> {
        let Some(run) = run else { return Ok((None, None)) };
        let now = Self::look(self, run).await?;
        let said = now.describe();
        Ok((Some(now), Some(said)))
    }
}
