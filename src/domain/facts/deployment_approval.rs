//! What GitHub says of runs that wait until a deployment is approved (REST API 2022-11-28, "Workflow runs"), and which is meant.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::text::rfc3339_seconds;

/// Runs that are named where none can be approved.
const MAX_NAMED: usize = 3;
/// Longest timer of an environment, in minutes: GitHub allows 30 days.
const MAX_TIMER_MINUTES: i64 = 30 * 24 * 60;

/// A run of a workflow, as a list of runs has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitRun {
    pub id: u64,
    /// Its page.
    pub url: String,
    /// Its commit, in full.
    pub sha: String,
    /// The file of its workflow, without the folder.
    pub workflow: String,
    /// The number of its workflow.
    pub workflow_id: u64,
    /// What began it: `push`, `workflow_dispatch` and others.
    pub event: String,
    /// `waiting`, `in_progress`, `completed` and others.
    pub status: String,
}

impl CommitRun {
    /// Whether it may wait for an approval, and deploys its commit.
    #[must_use]
    pub fn may_be_approved(&self) -> bool {
        self.status != "completed" && !self.is_of_pull_request() && !self.is_of_other_run()
    }

    /// Whether it goes on from another run, of whatever commit: its own is the last one of the default branch then.
    fn is_of_other_run(&self) -> bool {
        self.event == "workflow_run"
    }

    /// Whether it builds what a pull request would be merged to: its commit is the last one of the branch only.
    fn is_of_pull_request(&self) -> bool {
        self.event.starts_with("pull_request")
    }

    fn is_of(&self, workflow: &str) -> bool {
        let file = workflow.rsplit('/').next().unwrap_or(workflow);
        self.workflow == file || self.workflow_id.to_string() == workflow
    }

    fn name(&self) -> String {
        format!("run {} ({}, {})", self.id, self.workflow, self.event)
    }

    /// Says why it is not approved, where it does not wait for that.
    fn describe(&self) -> String {
        let name = self.name();
        if self.is_of_pull_request() {
            format!("{name} builds a pull request, and not the commit: {}", self.url)
        } else if self.is_of_other_run() {
            format!("{name} goes on from another run, and may deploy another commit: {}", self.url)
        } else {
            format!("{name} is `{}`: {}", self.status, self.url)
        }
    }
}

/// A deployment to an environment of GitHub that a run waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingDeployment {
    pub environment_id: u64,
    pub environment: String,
    /// Whether whoever asks may approve it.
    pub may_approve: bool,
    /// How long it waits in any case, in minutes.
    pub timer_minutes: u64,
    /// When that began.
    pub timer_since: Option<Timestamp>,
    /// Users and teams who may approve it.
    pub reviewers: Vec<String>,
}

impl PendingDeployment {
    /// Returns why it cannot be approved now, in words that end a sentence; `None` where it can.
    #[must_use]
    pub fn hindrance(&self, run: u64, now: Timestamp) -> Option<String> {
        let environment = &self.environment;
        if !self.may_approve {
            let waits = format!("run {run} waits for `{environment}`, and the user of the token may not approve that");
            return Some(if self.reviewers.is_empty() {
                format!("{waits}: it names no reviewers, so something else has to let it go on")
            } else {
                format!("{waits}; use a token of a reviewer: {}", self.reviewers.join(", "))
            });
        }
        if self.timer_minutes == 0 {
            return None;
        }
        let minutes = i64::try_from(self.timer_minutes).unwrap_or(MAX_TIMER_MINUTES).min(MAX_TIMER_MINUTES);
        let until = self.timer_since.and_then(|since| since.checked_add(SignedDuration::from_mins(minutes)).ok());
        match until {
            Some(until) if until <= now => None,
            Some(until) => {
                let until = rfc3339_seconds(until);
                Some(format!("run {run} waits for the timer of `{environment}` until {until}; release it after that"))
            }
            None => Some(format!(
                "run {run} waits for the timer of `{environment}`: {minutes} minutes, which have not begun; release it after that"
            )),
        }
    }
}

/// Reads a list of runs; `None` where one of them cannot be read: it might be the one.
#[must_use]
pub fn runs(answer: &Value) -> Option<Vec<CommitRun>> {
    let read = |run: &Value| {
        // `.github/workflows/deploy.yml`, and perhaps `@main`.
        let path = run["path"].as_str().unwrap_or_default();
        let path = path.split('@').next().unwrap_or(path);
        Some(CommitRun {
            id: run["id"].as_u64()?,
            url: run["html_url"].as_str().unwrap_or_default().to_owned(),
            sha: run["head_sha"].as_str()?.to_owned(),
            workflow: path.rsplit('/').next().unwrap_or(path).to_owned(),
            workflow_id: run["workflow_id"].as_u64()?,
            event: run["event"].as_str()?.to_owned(),
            status: run["status"].as_str().unwrap_or_default().to_owned(),
        })
    };
    answer["workflow_runs"].as_array()?.iter().map(read).collect()
}

/// Returns those runs of a list that are of the commit, and of the workflow where one is named.
#[must_use]
pub fn of_commit(mut all: Vec<CommitRun>, commit: &str, workflow: Option<&str>) -> Vec<CommitRun> {
    // What the server was asked for is not taken for what it answers.
    all.retain(|run| run.sha.eq_ignore_ascii_case(commit) && workflow.is_none_or(|workflow| run.is_of(workflow)));
    all
}

/// Reads the deployments that a run waits for; `None` where one of them cannot be read: it might be the one.
#[must_use]
pub fn pending(answer: &Value) -> Option<Vec<PendingDeployment>> {
    let reviewer = |one: &Value| {
        let user = one["reviewer"]["login"].as_str().map(ToOwned::to_owned);
        user.or_else(|| Some(format!("team {}", one["reviewer"]["slug"].as_str()?)))
    };
    let read = |one: &Value| {
        let reviewers = one["reviewers"].as_array().map(Vec::as_slice).unwrap_or_default();
        Some(PendingDeployment {
            environment_id: one["environment"]["id"].as_u64()?,
            environment: one["environment"]["name"].as_str()?.to_owned(),
            may_approve: one["current_user_can_approve"].as_bool()?,
            timer_minutes: one["wait_timer"].as_u64()?,
            timer_since: one["wait_timer_started_at"].as_str().and_then(|text| text.parse().ok()),
            reviewers: reviewers.iter().filter_map(reviewer).collect(),
        })
    };
    answer.as_array()?.iter().map(read).collect()
}

/// Returns the deployment to an environment. GitHub tells no two environments apart by case.
#[must_use]
pub fn to_environment(all: Vec<PendingDeployment>, environment: &str) -> Option<PendingDeployment> {
    // Where several jobs of a run wait for it, the one that may not be approved counts.
    let found = all.into_iter().filter(|one| one.environment.eq_ignore_ascii_case(environment));
    found.min_by_key(|one| one.may_approve)
}

/// Returns the run whose deployment may be approved: `all` are those of the commit, `waiting` those that wait for the
/// environment.
///
/// # Errors
/// Why none may be: in words that end a sentence.
pub fn approvable(
    (environment, of): (&str, &str),
    all: &[CommitRun],
    mut waiting: Vec<(CommitRun, PendingDeployment)>,
    now: Timestamp,
) -> Result<CommitRun, String> {
    let Some((run, pending)) = waiting.pop() else {
        if all.is_empty() {
            return Err(format!("there is no run of {of}: see `repository` and `workflow` of `promote`"));
        }
        let mut each: Vec<String> = all.iter().take(MAX_NAMED).map(CommitRun::describe).collect();
        if all.len() > MAX_NAMED {
            each.push(format!("{} more", all.len() - MAX_NAMED));
        }
        let each = each.join(", ");
        return Err(format!(
            "no run of {of} waits for an approval of `{environment}`: {each}; run it anew where it has to"
        ));
    };
    if !waiting.is_empty() {
        waiting.push((run, pending));
        let each = waiting.iter().map(|(run, _)| run.name()).collect::<Vec<_>>().join(", ");
        return Err(format!(
            "several runs of {of} wait for `{environment}`: {each}; say which by `workflow` of `promote`, or cancel the others"
        ));
    }
    match pending.hindrance(run.id, now) {
        Some(why) => Err(format!("{why}: {}", run.url)),
        None => Ok(run),
    }
}

/// Whether the reviews of a run have an approval of the environment with this comment; one that cannot be read is none.
#[must_use]
pub fn is_approved(answer: &Value, environment: &str, comment: &str) -> bool {
    let is_it = |one: &Value| one["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(environment));
    answer.as_array().into_iter().flatten().any(|review| {
        review["state"] == "approved"
            && review["comment"].as_str().is_some_and(|said| said.trim() == comment.trim())
            && review["environments"].as_array().is_some_and(|all| all.iter().any(is_it))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SHA: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b";

    fn run(id: u64, workflow: &str, event: &str, status: &str) -> CommitRun {
        let list = json!({"total_count": 1, "workflow_runs": [{
            "id": id, "html_url": format!("https://github.com/{id}"), "head_sha": SHA, "event": event, "status": status,
            "path": format!(".github/workflows/{workflow}@main"), "workflow_id": 7, "conclusion": null,
        }]});
        runs(&list).unwrap().remove(0)
    }

    fn waits(may_approve: bool, timer: u64, since: Option<&str>) -> PendingDeployment {
        let list = json!([{
            "environment": {"id": 161_088_068, "name": "Production"}, "wait_timer": timer, "wait_timer_started_at": since,
            "current_user_can_approve": may_approve,
            "reviewers": [{"type": "User", "reviewer": {"login": "ada"}}, {"type": "Team", "reviewer": {"slug": "sre"}}],
        }]);
        to_environment(pending(&list).unwrap(), "production").unwrap()
    }

    fn now() -> Timestamp {
        "2026-11-30T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn answers_are_read_as_the_api_says_them() {
        let one = run(71, "deploy.yml", "push", "waiting");
        assert_eq!((one.workflow.as_str(), one.sha.as_str(), one.may_be_approved()), ("deploy.yml", SHA, true));
        assert_eq!(runs(&json!({"workflow_runs": [{"id": 71}]})), None);
        assert_eq!(runs(&json!({"message": "Not Found"})), None);
        let waits = waits(true, 0, None);
        assert_eq!(
            (waits.environment_id, waits.reviewers),
            (161_088_068, vec!["ada".to_owned(), "team sre".to_owned()])
        );
        assert_eq!(pending(&json!([{"environment": {"name": "production"}}])), None);
        assert_eq!(pending(&json!([])), Some(Vec::new()));
        let reviews =
            json!([{"state": "approved", "comment": "go ", "environments": [{"id": 1, "name": "production"}]}]);
        assert!(is_approved(&reviews, "Production", "go"));
        assert!(!is_approved(&reviews, "production", "of somebody else") && !is_approved(&reviews, "staging", "go"));
        let rejected = json!([{"state": "rejected", "comment": "go", "environments": [{"name": "production"}]}]);
        assert!(!is_approved(&rejected, "production", "go"));
    }

    #[test]
    fn runs_of_another_commit_or_workflow_are_not_approved() {
        let all = || vec![run(71, "deploy.yml", "push", "waiting"), run(72, "ci.yml", "push", "waiting")];
        let ids =
            |commit: &str, workflow| of_commit(all(), commit, workflow).iter().map(|one| one.id).collect::<Vec<_>>();
        assert_eq!(ids(&SHA.to_uppercase(), None), [71, 72]);
        assert_eq!(ids(SHA, Some("ci.yml")), [72]);
        assert_eq!(ids(SHA, Some(".github/workflows/deploy.yml")), [71]);
        assert_eq!(ids(SHA, Some("7")), [71, 72]);
        assert!(ids(SHA, Some("deploy")).is_empty() && ids("aa", None).is_empty());
    }

    #[test]
    fn only_a_deployment_that_is_the_only_one_is_approved() {
        let deploy = || run(71, "deploy.yml", "push", "waiting");
        let said = |all: &[CommitRun], waiting| approvable(("production", "commit 9f86d081"), all, waiting, now());
        let fits = || (deploy(), waits(true, 0, None));
        assert_eq!(said(&[deploy()], vec![fits()]), Ok(deploy()));
        let is_over = (deploy(), waits(true, 30, Some("2026-11-30T11:30:00Z")));
        assert_eq!(said(&[deploy()], vec![is_over]), Ok(deploy()));
        let one = || vec![deploy()];
        let ended = vec![run(71, "deploy.yml", "push", "completed"), run(72, "ci.yml", "pull_request", "waiting")];
        let other = || (run(72, "ci.yml", "push", "waiting"), waits(true, 0, None));
        let waiting = |pending| vec![(deploy(), pending)];
        for (all, waiting, why) in [
            (Vec::new(), Vec::new(), "there is no run of commit 9f86d081"),
            (ended.clone(), Vec::new(), "run 71 (deploy.yml, push) is `completed`: https://github.com/71, run 72 "),
            (ended, Vec::new(), "run 72 (ci.yml, pull_request) builds a pull request, and not the commit"),
            (one(), vec![fits(), other()], "run 71 (deploy.yml, push), run 72 (ci.yml, push); say which by `workflow`"),
            (one(), waiting(waits(false, 0, None)), "use a token of a reviewer: ada, team sre: https://github.com/71"),
            (one(), waiting(waits(true, 30, Some("2026-11-30T11:31:00Z"))), "until 2026-11-30T12:01:00Z"),
            (one(), waiting(waits(true, u64::MAX, None)), "43200 minutes, which have not begun"),
        ] {
            let error = said(&all, waiting).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        let nobody = PendingDeployment { reviewers: Vec::new(), ..waits(false, 0, None) };
        assert!(nobody.hindrance(71, now()).unwrap().contains("it names no reviewers"));
    }

    #[test]
    fn of_several_jobs_the_one_that_may_not_be_approved_counts() {
        let several = vec![waits(true, 0, None), waits(false, 0, None)];
        assert!(!to_environment(several, "PRODUCTION").unwrap().may_approve);
        assert_eq!(to_environment(vec![waits(true, 0, None)], "staging"), None);
    }
}
