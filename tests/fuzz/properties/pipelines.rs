//! What servers that run pipelines answer: GitHub and GitLab. None of it may choose another job.

use release_cockpit::domain::facts::{gitlab_job, workflow_run};
use serde_json::Value;

pub fn check(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let Ok(answer) = serde_json::from_slice::<Value>(rest) else { return };
    match kind {
        b'H' => drop((workflow_run::begun(&answer), workflow_run::runs(&answer))),
        b'P' => of_pipelines(&answer),
        b'G' => of_jobs(&answer),
        _ => {}
    }
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
