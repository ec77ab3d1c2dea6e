//! What servers that run pipelines answer: GitHub, GitLab and Jenkins. None of it may choose another job, or lead elsewhere.

use release_cockpit::domain::facts::{gitlab_job, jenkins_build, workflow_run};
use serde_json::Value;

pub fn check(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    if *kind == b'Q' {
        of_location(&String::from_utf8_lossy(rest));
    }
    let Ok(answer) = serde_json::from_slice::<Value>(rest) else { return };
    match kind {
        b'H' => drop((workflow_run::begun(&answer), workflow_run::runs(&answer))),
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
