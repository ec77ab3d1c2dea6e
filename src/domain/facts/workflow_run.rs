//! What GitHub says of the runs of a workflow (REST API 2022-11-28, "Workflows" and "Workflow runs").

use serde_json::Value;

/// A run of a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowRun {
    pub id: u64,
    /// Its page.
    pub url: String,
    /// `queued`, `in_progress`, `completed` and others; empty where only its number is told.
    pub status: String,
    /// How it has ended: `success`, `failure` and others.
    pub conclusion: Option<String>,
}

impl WorkflowRun {
    /// Says how it stands.
    #[must_use]
    pub fn describe(&self) -> String {
        let state = self.conclusion.as_deref().unwrap_or(&self.status).replace('_', " ");
        let state = if state.is_empty() { "begun" } else { &state };
        let at = if self.url.is_empty() { String::new() } else { format!(": {}", self.url) };
        format!("run {} {state}{at}", self.id)
    }
}

/// Reads what beginning a workflow answers, where it tells the run.
#[must_use]
pub fn begun(answer: &Value) -> Option<WorkflowRun> {
    Some(WorkflowRun {
        id: answer["workflow_run_id"].as_u64()?,
        url: answer["html_url"].as_str().unwrap_or_default().to_owned(),
        status: String::new(),
        conclusion: None,
    })
}

/// Reads a list of runs; one that cannot be read is left out: they are shown, and decide nothing.
#[must_use]
pub fn runs(answer: &Value) -> Option<Vec<WorkflowRun>> {
    Some(answer["workflow_runs"].as_array()?.iter().filter_map(run).collect())
}

/// Reads a run.
#[must_use]
pub fn run(answer: &Value) -> Option<WorkflowRun> {
    Some(WorkflowRun {
        id: answer["id"].as_u64()?,
        url: answer["html_url"].as_str()?.to_owned(),
        status: answer["status"].as_str().unwrap_or_default().to_owned(),
        conclusion: answer["conclusion"].as_str().map(ToOwned::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_is_read_as_the_api_says_it() {
        let answer =
            json!({"workflow_run_id": 7, "run_url": "https://api.github.com/x", "html_url": "https://github.com/x"});
        assert_eq!(begun(&answer).unwrap().describe(), "run 7 begun: https://github.com/x");
        assert_eq!(begun(&json!({})), None);
        assert_eq!(begun(&json!({"workflow_run_id": 7})).unwrap().describe(), "run 7 begun");
        let list = json!({"total_count": 2, "workflow_runs": [
            {"id": 9, "html_url": "https://github.com/9", "status": "in_progress", "conclusion": null},
            {"id": 8, "html_url": "https://github.com/8", "status": "completed", "conclusion": "failure"},
            {"id": "odd"},
        ]});
        let said: Vec<String> = runs(&list).unwrap().iter().map(WorkflowRun::describe).collect();
        assert_eq!(said, ["run 9 in progress: https://github.com/9", "run 8 failure: https://github.com/8"]);
        assert_eq!(runs(&json!([])), None);
    }
}
