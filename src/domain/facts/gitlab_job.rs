//! What GitLab says of pipelines and their jobs (REST API v4, "Pipelines" and "Jobs"), and which manual job is meant.

use serde_json::Value;

/// A pipeline of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitlabPipeline {
    pub id: u64,
    /// The branch or tag that it runs for.
    pub git_ref: String,
    /// Its commit, in full.
    pub sha: String,
}

/// A job of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitlabJob {
    pub name: String,
    pub run: GitlabRun,
    /// Who played it, or whose pipeline it is of.
    pub by: Option<String>,
}

/// A job or a pipeline that was begun, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitlabRun {
    pub kind: RunKind,
    pub id: u64,
    /// Its page.
    pub url: String,
    /// `manual`, `pending`, `running`, `success`, `failed` and others.
    pub status: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunKind {
    Job,
    Pipeline,
}

impl RunKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Pipeline => "pipeline",
        }
    }
}

impl GitlabRun {
    /// Says how it stands.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("{} {} {}: {}", self.kind.as_str(), self.id, self.status.replace('_', " "), self.url)
    }
}

/// Reads a list of pipelines; `None` where one of them cannot be read: it might be the one.
#[must_use]
pub fn pipelines(answer: &Value) -> Option<Vec<GitlabPipeline>> {
    let read = |pipeline: &Value| {
        Some(GitlabPipeline {
            id: pipeline["id"].as_u64()?,
            git_ref: pipeline["ref"].as_str()?.to_owned(),
            sha: pipeline["sha"].as_str()?.to_owned(),
        })
    };
    answer.as_array()?.iter().map(read).collect()
}

/// Reads a list of jobs; `None` where one of them cannot be read: it might be the one.
#[must_use]
pub fn jobs(answer: &Value) -> Option<Vec<GitlabJob>> {
    answer.as_array()?.iter().map(job).collect()
}

/// Reads a job.
#[must_use]
pub fn job(answer: &Value) -> Option<GitlabJob> {
    let by = answer["user"]["username"].as_str().map(ToOwned::to_owned);
    Some(GitlabJob { name: answer["name"].as_str()?.to_owned(), run: run(RunKind::Job, answer)?, by })
}

/// Reads a job or a pipeline for what it says of its run.
#[must_use]
pub fn run(kind: RunKind, answer: &Value) -> Option<GitlabRun> {
    Some(GitlabRun {
        kind,
        id: answer["id"].as_u64()?,
        url: answer["web_url"].as_str().unwrap_or_default().to_owned(),
        status: answer["status"].as_str()?.to_owned(),
    })
}

/// Returns those pipelines of a list, the latest first, whose jobs are to be looked at: those of the commit where it is
/// known, and of them those of `git_ref` where there are such; else those of `git_ref`.
#[must_use]
pub fn of_interest(mut all: Vec<GitlabPipeline>, commit: Option<&str>, git_ref: Option<&str>) -> Vec<GitlabPipeline> {
    // What the server was asked for is not taken for what it answers.
    if let Some(commit) = commit {
        all.retain(|pipeline| pipeline.sha.eq_ignore_ascii_case(commit));
    }
    if let Some(git_ref) = git_ref {
        let is_of = |pipeline: &GitlabPipeline| pipeline.git_ref == git_ref;
        if commit.is_none() || all.iter().any(is_of) {
            all.retain(is_of);
        }
    }
    all.sort_by_key(|pipeline| std::cmp::Reverse(pipeline.id));
    all
}

/// Returns the job that may be played, of those of that name in the latest pipeline of each branch and tag.
///
/// # Errors
/// Why none may be: in words that end a sentence.
pub fn playable(name: &str, place: &str, mut found: Vec<(GitlabPipeline, GitlabJob)>) -> Result<GitlabRun, String> {
    let Some((pipeline, job)) = found.pop() else {
        return Err(format!("there is no job `{name}` in {place}: see `job` and `ref` of `promote`"));
    };
    if !found.is_empty() {
        found.push((pipeline, job));
        let each = found.iter().map(|(pipeline, job)| format!("{} (job {})", pipeline.git_ref, job.run.id));
        let each = each.collect::<Vec<_>>().join(", ");
        return Err(format!("several jobs are called `{name}`: of {each}; say which by `ref` of `promote`"));
    }
    let GitlabRun { id, url, status, .. } = &job.run;
    match status.as_str() {
        "manual" => Ok(job.run),
        "created" | "waiting_for_resource" | "preparing" | "waiting_for_callback" | "scheduled" | "skipped" => {
            Err(format!("job {id} cannot be played as it is `{status}`, and not `manual`: {url}"))
        }
        _ => {
            let by = job.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
            Err(format!("job {id} was played already{by}, and is `{status}`: {url}; run its pipeline anew"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pipeline(id: u64, git_ref: &str, sha: &str) -> GitlabPipeline {
        GitlabPipeline { id, git_ref: git_ref.to_owned(), sha: sha.to_owned() }
    }

    fn job_of(id: u64, status: &str) -> GitlabJob {
        job(&json!({
            "id": id, "name": "deploy-prod", "status": status, "web_url": format!("https://gitlab.example/-/jobs/{id}"),
            "user": {"username": "ada"},
        }))
        .unwrap()
    }

    #[test]
    fn answers_are_read_as_the_api_says_them() {
        let list = json!([{"id": 47, "ref": "main", "sha": "a91957a8", "status": "pending"}]);
        assert_eq!(pipelines(&list), Some(vec![pipeline(47, "main", "a91957a8")]));
        assert_eq!(pipelines(&json!([{"id": 47}])), None);
        assert_eq!(pipelines(&json!({"message": "404 Project Not Found"})), None);
        let said = job_of(7, "waiting_for_resource");
        assert_eq!(said.run.describe(), "job 7 waiting for resource: https://gitlab.example/-/jobs/7");
        assert_eq!(jobs(&json!([{"id": 7, "name": "deploy-prod"}])), None);
        let begun = json!({"id": 61, "status": "pending", "web_url": "https://gitlab.example/-/pipelines/61"});
        let begun = run(RunKind::Pipeline, &begun).unwrap();
        assert_eq!(begun.describe(), "pipeline 61 pending: https://gitlab.example/-/pipelines/61");
    }

    #[test]
    fn pipelines_of_another_commit_or_branch_are_not_looked_at() {
        let all = || vec![pipeline(1, "main", "aa"), pipeline(3, "v2", "aa"), pipeline(2, "main", "bb")];
        let ids = |commit, git_ref| of_interest(all(), commit, git_ref).iter().map(|one| one.id).collect::<Vec<_>>();
        assert_eq!(ids(Some("AA"), None), [3, 1]);
        assert_eq!(ids(Some("aa"), Some("main")), [1]);
        // A commit that was built on another branch is still its commit.
        assert_eq!(ids(Some("aa"), Some("hotfix")), [3, 1]);
        assert_eq!(ids(None, Some("main")), [2, 1]);
        assert!(ids(None, Some("hotfix")).is_empty() && ids(Some("cc"), Some("main")).is_empty());
    }

    #[test]
    fn only_a_manual_job_that_is_the_only_one_is_played() {
        let one = |status: &str| vec![(pipeline(1, "main", "aa"), job_of(7, status))];
        let said = |found| playable("deploy-prod", "the pipeline of aa", found);
        assert_eq!(said(one("manual")), Ok(job_of(7, "manual").run));
        for (found, why) in [
            (Vec::new(), "there is no job `deploy-prod` in the pipeline of aa"),
            (one("created"), "job 7 cannot be played as it is `created`"),
            (one("skipped"), "job 7 cannot be played as it is `skipped`"),
            (one("running"), "job 7 was played already by ada, and is `running`: https://gitlab.example/-/jobs/7"),
            (one("success"), "job 7 was played already by ada, and is `success`"),
            (one("something-new"), "job 7 was played already"),
            (
                [one("manual"), vec![(pipeline(2, "v2", "aa"), job_of(9, "manual"))]].concat(),
                "main (job 7), v2 (job 9)",
            ),
        ] {
            let error = said(found).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
