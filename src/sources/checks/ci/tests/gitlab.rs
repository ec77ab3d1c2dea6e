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
            // Whether the second one ran what failed is not known.
            CheckOutcome::Failed,
            "1 check failed for ce587453ce: pipeline 2",
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

#[tokio::test]
async fn a_gitlab_schedule_hides_no_other_schedule_of_its_branch() {
    let of = |id: u64, status: &str, source: &str, name: Option<&str>| {
        let mut pipeline = pipeline(id, status);
        (pipeline["source"], pipeline["ref"], pipeline["name"]) = (json!(source), json!("main"), json!(name));
        pipeline
    };
    let base = "/api/v4/projects/42/pipelines";
    let jobs = |id: u64, jobs: &[Value]| (format!("{base}/{id}/jobs"), (200, json!(jobs)));
    let e2e = |status: &str| gitlab_job("e2e", status, false);
    for (pipelines, of_later, found, summary) in [
        (
            [of(2, "success", "schedule", Some("docs")), of(1, "failed", "schedule", Some("e2e"))],
            vec![gitlab_job("docs", "success", false)],
            CheckOutcome::Failed,
            "1 check failed for ce587453ce: e2e",
        ),
        (
            [of(2, "success", "schedule", None), of(1, "failed", "schedule", None)],
            vec![gitlab_job("docs", "success", false)],
            CheckOutcome::Failed,
            "1 check failed for ce587453ce: e2e",
        ),
        (
            // The same schedule, the next night.
            [of(2, "success", "schedule", None), of(1, "failed", "schedule", None)],
            vec![e2e("success")],
            CheckOutcome::Passed,
            "1 check passed for ce587453ce",
        ),
        (
            [of(2, "success", "push", None), of(1, "failed", "push", None)],
            vec![e2e("success")],
            CheckOutcome::Passed,
            "1 check passed for ce587453ce",
        ),
    ] {
        let answers: Answers =
            [(base.to_owned(), (200, json!(pipelines))), jobs(1, &[e2e("failed")]), jobs(2, &of_later)].into();
        let (url, _) = serve(answers).await;
        let evidence = look_at(&asked(Provider::GitLab, url, "42", &[]), SHA).await;
        assert_eq!((evidence.found, evidence.summary.as_str()), (found, summary));
    }
}

#[tokio::test]
async fn gitlab_pipelines_that_a_pipeline_starts_count() {
    let base = "/api/v4/projects/42/pipelines";
    let bridge = |status: &str, allow_failure: bool| {
        json!({
            "id": 7, "name": "deploy-tests", "status": "success", "allow_failure": allow_failure,
            "downstream_pipeline": {"id": 9, "sha": SHA, "ref": "main", "status": status, "web_url": "https://x/9"},
        })
    };
    for (bridges, checks, found, summary) in [
        (vec![bridge("failed", false)], vec![], CheckOutcome::Failed, "1 check failed for ce587453ce: deploy-tests"),
        (vec![bridge("running", false)], vec![], CheckOutcome::Blind, "still running for ce587453ce: deploy-tests"),
        (vec![bridge("failed", true)], vec![], CheckOutcome::Passed, "1 check passed for ce587453ce"),
        (vec![bridge("success", false)], vec![], CheckOutcome::Passed, "1 check passed for ce587453ce"),
        (
            vec![bridge("failed", false)],
            vec!["deploy-tests"],
            CheckOutcome::Failed,
            "1 check failed for ce587453ce: deploy-tests",
        ),
    ] {
        let answers: Answers = [
            (base.to_owned(), (200, json!([pipeline(1, "success")]))),
            (format!("{base}/1/jobs"), (200, json!([gitlab_job("build", "success", false)]))),
            (format!("{base}/1/bridges"), (200, json!(bridges))),
        ]
        .into();
        let (url, _) = serve(answers).await;
        let evidence = look_at(&asked(Provider::GitLab, url, "42", &checks), SHA).await;
        assert_eq!((evidence.found, evidence.summary.as_str()), (found, summary));
    }
}
