//! GitLab: all pipelines of a commit.

use super::*;

fn pipeline(id: u64, status: &str) -> Value {
    json!({
        "id": id, "iid": 11, "project_id": 1, "sha": SHA, "ref": "main", "status": status, "source": "push",
        "created_at": "2016-08-11T11:28:34.085Z", "updated_at": "2016-08-11T11:32:35.169Z",
        "web_url": format!("https://gitlab.example/shop/payments/pipelines/{id}"), "name": "Build pipeline",
    })
}

fn gitlab_job(name: &str, status: &str, allow_failure: bool) -> Value {
    json!({
        "id": 7, "name": name, "stage": "test", "status": status, "allow_failure": allow_failure,
        "web_url": "https://gitlab.example/shop/payments/-/jobs/7", "pipeline": {"id": 47, "sha": SHA},
    })
}

#[tokio::test]
async fn gitlab_rest_api_answers_are_read() {
    let jobs = vec![
        gitlab_job("build", "success", false),
        gitlab_job("test", "failed", false),
        gitlab_job("lint", "failed", true),
        gitlab_job("deploy", "manual", false),
    ];
    for (status, checks, found, summary) in [
        ("success", vec![], CheckOutcome::Passed, "1 check passed for ce587453ce"),
        ("failed", vec![], CheckOutcome::Failed, "1 check failed for ce587453ce: test"),
        ("canceled", vec![], CheckOutcome::Failed, "1 check failed for ce587453ce: test"),
        ("running", vec![], CheckOutcome::Blind, "still running for ce587453ce: pipeline 47"),
        ("waiting_for_callback", vec![], CheckOutcome::Blind, "still running for ce587453ce: pipeline 47"),
        ("manual", vec![], CheckOutcome::Blind, "waits to be started by a person for ce587453ce: pipeline 47"),
        ("skipped", vec![], CheckOutcome::Blind, "all was skipped for ce587453ce: pipeline 47"),
        ("running", vec!["build"], CheckOutcome::Passed, "1 check passed for ce587453ce"),
        ("success", vec!["build", "lint"], CheckOutcome::Failed, "1 check failed for ce587453ce: lint"),
    ] {
        let base = "/api/v4/projects/shop%2Fteam%2Fpayments";
        let answers: Answers = [
            (format!("{base}/pipelines"), (200, json!([pipeline(47, status)]))),
            (format!("{base}/pipelines/47/jobs"), (200, json!(jobs))),
            (format!("{base}/repository/commits/{}", &SHA[..8]), (200, json!({"id": SHA, "short_id": &SHA[..8]}))),
        ]
        .into();
        let (url, seen) = serve(answers).await;
        let asking = asked(Provider::GitLab, url, "shop/team/payments", &checks);
        let evidence = look_at(&asking, SHA).await;
        assert_eq!((evidence.found, evidence.summary.as_str()), (found, summary), "{status}");
        assert!(
            seen.lock().unwrap()[0].ends_with(&format!("sha={SHA}&order_by=id&sort=desc&per_page=100&page=1 s3cret"))
        );
        // An abbreviated hash is looked up first.
        assert_eq!(look_at(&asking, &SHA[..8]).await.found, found);
    }
    let base = "/api/v4/projects/42/pipelines";
    let (url, _) = serve([(base.to_owned(), (200, json!([])))].into()).await;
    let evidence = look_at(&asked(Provider::GitLab, url, "42", &[]), SHA).await;
    assert_eq!(evidence.summary, "nothing ran for ce587453ce: has its pipeline started?");
}

#[tokio::test]
async fn every_gitlab_pipeline_of_the_commit_counts() {
    let of = |id, status: &str, source: &str, reference: &str| {
        let mut pipeline = pipeline(id, status);
        pipeline["source"] = json!(source);
        pipeline["ref"] = json!(reference);
        pipeline
    };
    for (pipelines, checks, found, summary) in [
        (
            // A schedule does not hide the push.
            vec![of(2, "success", "schedule", "main"), of(1, "failed", "push", "main")],
            vec![],
            CheckOutcome::Failed,
            "1 check failed for ce587453ce: pipeline 1",
        ),
        (
            vec![
                of(3, "success", "schedule", "main"),
                of(2, "failed", "schedule", "main"),
                of(1, "success", "push", "main"),
            ],
            vec![],
            CheckOutcome::Passed,
            "2 checks passed for ce587453ce",
        ),
        (
            vec![of(2, "failed", "push", "v1.5.0"), of(1, "success", "push", "main")],
            vec![],
            CheckOutcome::Failed,
            "1 check failed for ce587453ce: pipeline 2",
        ),
        (
            vec![
                of(2, "running", "merge_request_event", "refs/merge-requests/7/head"),
                of(1, "success", "push", "main"),
            ],
            vec![],
            CheckOutcome::Blind,
            "still running for ce587453ce: pipeline 2",
        ),
        (
            // The schedule skips what the push ran.
            vec![of(2, "success", "schedule", "main"), of(1, "success", "push", "main")],
            vec!["build"],
            CheckOutcome::Passed,
            "1 check passed for ce587453ce",
        ),
    ] {
        let base = "/api/v4/projects/42/pipelines";
        let answers: Answers = [
            (base.to_owned(), (200, json!(pipelines))),
            (
                format!("{base}/1/jobs"),
                (200, if checks.is_empty() { json!([]) } else { json!([gitlab_job("build", "success", false)]) }),
            ),
            (
                format!("{base}/2/jobs"),
                (200, if checks.is_empty() { json!([]) } else { json!([gitlab_job("build", "skipped", false)]) }),
            ),
        ]
        .into();
        let (url, _) = serve(answers).await;
        let evidence = look_at(&asked(Provider::GitLab, url, "42", &checks), SHA).await;
        assert_eq!((evidence.found, evidence.summary.as_str()), (found, summary));
    }
}
