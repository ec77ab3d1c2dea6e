//! Deployments of GitHub that wait to be approved.

use jiff::Timestamp;

use super::elsewhere::{NotReady, Provider};
use crate::domain::facts::pipeline::{ApprovalCall, PipelineCall};
use crate::domain::facts::workflow_run::WorkflowRun;
use crate::platform::deployment_approvals::DeploymentApprovals;
use crate::platform::rest_api::RestError;

impl Provider for DeploymentApprovals {
    type Call = ApprovalCall;
    type Run = WorkflowRun;

    fn call(call: &PipelineCall) -> Option<&ApprovalCall> {
        if let PipelineCall::Approval(call) = call { Some(call) } else { None }
    }

    fn is_for(&self, call: &ApprovalCall) -> bool {
        Self::is_for(self, call)
    }

    fn names(call: &ApprovalCall) -> (String, String) {
        (call.name(), call.short_name())
    }

    async fn ready(&self, call: &ApprovalCall) -> Result<Option<u64>, NotReady> {
        self.waiting(call).await?.map(|run| Some(run.id)).map_err(NotReady::Unfit)
    }

    async fn begin(&self, call: &ApprovalCall, chosen: Option<u64>) -> Result<Option<WorkflowRun>, RestError> {
        let id = chosen.ok_or_else(|| RestError::NotSent("no run was chosen".to_owned()))?;
        self.approve(call, id).await.map(Some)
    }

    fn is_refusal(error: &RestError) -> bool {
        error.is_refusal()
    }

    fn describe(run: &WorkflowRun) -> String {
        run.describe()
    }

    async fn look(
        &self,
        _: &ApprovalCall,
        (_, run): (Timestamp, Option<&WorkflowRun>),
    ) -> Result<(Option<WorkflowRun>, Option<String>), RestError> {
        let Some(run) = run else { return Ok((None, None)) };
        let now = Self::look(self, run.id).await?;
        let said = now.describe();
        Ok((Some(now), Some(said)))
    }
}
