//! What servers that run pipelines answer: GitHub, GitLab and Jenkins. None of it may choose another job or
//! run, or lead elsewhere.

use jiff::Timestamp;
use release_cockpit::domain::facts::{deployment_approval, gitlab_job, jenkins_build, workflow_run};
use serde_json::Value;

pub fn check(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    if *kind == b'Q' {
        of_location(&String::from_utf8_lossy(rest));
    }
    let Ok(answer) = serde_json::from_slice::<Value>(rest) else { return };
    match kind {
        b'H' => drop((workflow_run::begun(&answer), workflow_run::runs(&answer), workflow_run::run(&answer))),
        b'R' => of_runs(&answer),
        b'D' => of_deployments(&answer),
        b'P' => of_pipelines(&answer),
        b'G' => of_jobs(&answer),
        b'J' => of_jenkins(&answer),
        _ => {}
    }
}

/// Of an address nothing is taken but a number at its end.
fn of_location(location: &str) {
    let Some(item) = jenkins_build::queue_item(location) else { return };
    let path = location.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    assert!(path.rsplit('/').next().is_some_and(|last| last.parse() == Ok(item)), "{location}");
}

/// Only runs of the commit and of the workflow are asked what they wait for.
fn of_runs(answer: &Value) {
    let Some(all) = deployment_approval::runs(answer) else { return };
    let Some(first) = all.first().cloned() else { return };
    let of_commit = deployment_approval::of_commit(all.clone(), &first.sha, None);
    assert!(of_commit.iter().all(|one| one.sha.eq_ignore_ascii_case(&first.sha)), "{of_commit:?}");
    let of_workflow = deployment_approval::of_commit(all, &first.sha, Some(&first.workflow));
    assert!(of_workflow.contains(&first), "{of_workflow:?}");
}

/// Nothing is approved but what waits alone, for that environment, and may be approved now.
fn of_deployments(answer: &Value) {
    let _ = deployment_approval::is_approved(answer, "production", "go");
    let Some(all) = deployment_approval::pending(answer) else { return };
    let now = Timestamp::UNIX_EPOCH;
    let Some(pending) = deployment_approval::to_environment(all, "production") else { return };
    assert!(pending.environment.eq_ignore_ascii_case("production"), "{pending:?}");
    let run = deployment_approval::CommitRun {
        id: 71,
        url: String::new(),
        sha: "aa".to_owned(),
        workflow: "deploy.yml".to_owned(),
        workflow_id: 5,
        event: "push".to_owned(),
        status: "waiting".to_owned(),
    };
    let approvable = |waiting| {
        deployment_approval::approvable(("production", "commit aa"), std::slice::from_ref(&run), waiting, now).is_ok()
    };
    let is_over = pending.timer_minutes == 0 || pending.timer_since.is_some_and(|since| since < now);
    assert!(!approvable(vec![(run.clone(), pending.clone())]) || (pending.may_approve && is_over), "{pending:?}");
    assert!(!approvable(vec![(run.clone(), pending.clone()), (run.clone(), pending)]), "two wait");
}

/// Only pipelines of the commit, or of the branch, are looked at: the latest first.
fn of_pipelines(answer: &Value) {
    let Some(all) = gitlab_job::pipelines(answer) else { return };
    let (first, last) = (all.first().cloned(), all.last().cloned());
    let (Some(first), Some(last)) = (first, last) else { return };
    let of_commit = gitlab_job::of_interest(all.clone(), Some(&first.sha), Some(&last.git_ref));
    assert!(of_commit.iter().all(|one| one.sha.eq_ignore_ascii_case(&first.sha)), "{of_commit:?}");
    let of_branch = gitlab_job::of_interest(all, None, Some(&last.git_ref));
    assert!(of_branch.iter().all(|one| one.git_ref == last.git_ref), "{of_branch:?}");
    assert!(!of_commit.is_empty() && !of_branch.is_empty());
    for found in [of_commit, of_branch] {
        assert!(found.is_sorted_by_key(|one| std::cmp::Reverse(one.id)), "{found:?}");
    }
}

/// Nothing is played but a job that waits for somebody to play it, where there is no other.
fn of_jobs(answer: &Value) {
    let Some(all) = gitlab_job::jobs(answer) else { return };
    let pipeline = gitlab_job::GitlabPipeline { id: 1, git_ref: "main".to_owned(), sha: "aa".to_owned() };
    let found: Vec<_> = all.iter().map(|job| (pipeline.clone(), job.clone())).collect();
    let played = gitlab_job::playable("deploy", "the latest pipeline of main", found);
    let may_be_played = matches!(all.as_slice(), [job] if job.run.status == "manual");
    assert_eq!(played.is_ok(), may_be_played, "{played:?}");
}

/// A job is built only where it has all that it is to be told.
fn of_jenkins(answer: &Value) {
    drop((jenkins_build::queued(1, answer), jenkins_build::build(1, answer), jenkins_build::refusal(answer)));
    let Some(job) = jenkins_build::job(answer) else { return };
    let told = "IMAGE".to_owned();
    let is_fit = job.unfit(std::iter::once(&told)).is_none();
    assert_eq!(is_fit, job.is_buildable && job.parameters.contains(&told), "{job:?}");
}
