//! Workflows of GitHub.

use std::time::Duration;

use jiff::Timestamp;

use super::elsewhere::{NotReady, Provider};
use crate::domain::facts::pipeline::{PipelineCall, WorkflowCall};
use crate::domain::facts::workflow_run::WorkflowRun;
use crate::platform::rest_api::RestError;
use crate::platform::workflows::Workflows;

/// How far the clock here may be ahead of GitHub's.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(30);

impl Provider for Workflows {
    type Call = WorkflowCall;
    type Run = WorkflowRun;

    fn call(call: &PipelineCall) -> Option<&WorkflowCall> {
        if let PipelineCall::Workflow(call) = call { Some(call) } else { None }
    }

    fn is_for(&self, call: &WorkflowCall) -> bool {
        Self::is_for(self, call)
    }

    fn names(call: &WorkflowCall) -> (String, String) {
        (format!("{} of {}", call.workflow, call.repository), call.workflow.clone())
    }

    async fn ready(&self, _: &WorkflowCall) -> Result<Option<u64>, NotReady> {
        Ok(None)
    }

    async fn begin(&self, call: &WorkflowCall, _: Option<u64>) -> Result<Option<WorkflowRun>, RestError> {
        Self::begin(self, call).await
    }

    fn is_refusal(error: &RestError) -> bool {
        error.is_refusal()
    }

    fn describe(run: &WorkflowRun) -> String {
        run.describe()
    }

    /// GitHub may not tell which run it was: then it is looked for among those of others.
    async fn look(
        &self,
        call: &WorkflowCall,
        (at, run): (Timestamp, Option<&WorkflowRun>),
    ) -> Result<(Option<WorkflowRun>, Option<String>), RestError> {
        let found = self.runs_since(call, at - MAX_CLOCK_SKEW).await?;
        let said = match (run, found.as_slice()) {
            (Some(own), found) => found.iter().find(|run| run.id == own.id).map(WorkflowRun::describe),
            (None, []) => None,
            (None, [one]) => Some(format!("perhaps {}", one.describe())),
            (None, several) => Some(format!("one of {} runs since then", several.len())),
        };
        Ok((None, said))
    }
}
