//! GitHub: check runs and commit statuses.

use super::*;

pub(super) fn check_run(name: &str, status: &str, conclusion: Option<&str>) -> Value {
    json!({
        "id": 4, "head_sha": SHA, "node_id": "MDg6Q2hlY2tSdW40", "external_id": "",
        "url": "https://api.github.com/repos/github/hello-world/check-runs/4",
        "html_url": format!("https://github.com/github/hello-world/runs/{name}"),
        "details_url": "https://example.com", "status": status, "conclusion": conclusion,
        "started_at": "2018-05-04T01:14:52Z", "completed_at": "2018-05-04T01:14:52Z",
        "output": {"title": "Mighty Readme report", "summary": "", "text": "", "annotations_count": 2},
        "name": name, "check_suite": {"id": 5}, "app": {"id": 1, "slug": "octoapp"}, "pull_requests": [],
    })
}

pub(super) fn github(runs: &[Value]) -> Answers {
    let path = |hash: &str| format!("/repos/shop/payments/commits/{hash}/check-runs");
    let page = (200, json!({"total_count": runs.len(), "check_runs": runs}));
    [(path(SHA), page.clone()), (path(&SHA[..7]), page), statuses(SHA, &[])].into()
}

fn status(context: &str, state: &str) -> Value {
    json!({
        "url": format!("https://api.github.com/repos/shop/payments/statuses/{SHA}"), "id": 1, "node_id": "x",
        "state": state, "description": "words", "target_url": "https://ci.example/42", "context": context,
        "created_at": "2026-07-20T01:19:13Z", "updated_at": "2026-07-20T01:19:13Z", "avatar_url": null,
    })
}

fn statuses(hash: &str, statuses: &[Value]) -> (String, (u16, Value)) {
    let state = if statuses.is_empty() { "pending" } else { "success" };
    let answer = json!({
        "state": state, "statuses": statuses, "sha": SHA, "total_count": statuses.len(),
        "repository": {"id": 1, "full_name": "shop/payments"}, "commit_url": "x", "url": "x",
    });
    (format!("/repos/shop/payments/commits/{hash}/status"), (200, answer))
}

#[tokio::test]
async fn github_commit_statuses_count_beside_check_runs() {
    let build = check_run("build", "completed", Some("success"));
    for (list, checks, found, summary) in [
        (
            vec![status("ci/other: test", "failure")],
            vec![],
            CheckOutcome::Failed,
            "1 check failed for ce587453ce: ci/other: test",
        ),
        (vec![status("ci/other", "error")], vec![], CheckOutcome::Failed, "1 check failed for ce587453ce: ci/other"),
        (vec![status("ci/other", "pending")], vec![], CheckOutcome::Blind, "still running for ce587453ce: ci/other"),
        (vec![status("ci/other", "success")], vec![], CheckOutcome::Passed, "2 checks passed for ce587453ce"),
        (vec![status("ci/other", "paused")], vec![], CheckOutcome::Failed, "1 check failed for ce587453ce: ci/other"),
        (vec![status("bot", "failure")], vec!["build"], CheckOutcome::Passed, "1 check passed for ce587453ce"),
        (vec![status("ci/other", "success")], vec!["ci/other"], CheckOutcome::Passed, "1 check passed for ce587453ce"),
    ] {
        let mut answers = github(std::slice::from_ref(&build));
        answers.extend([statuses(SHA, &list)]);
        let (url, _) = serve(answers).await;
        let evidence = look_at(&asked(Provider::GitHub, url, "shop/payments", &checks), SHA).await;
        assert_eq!((evidence.found, evidence.summary.as_str()), (found, summary));
    }
    // The red one stands on the second page.
    let list: Vec<Value> =
        (0..101).map(|i| status(&format!("c{i}"), if i < 100 { "success" } else { "failure" })).collect();
    let (path, _) = statuses(SHA, &[]);
    let page = |list: &[Value]| (200, json!({"state": "failure", "total_count": 101, "statuses": list}));
    let mut answers = github(&[build]);
    answers.remove(&path);
    answers.insert(format!("{path}?page=1"), page(&list[..100]));
    answers.insert(format!("{path}?page=2"), page(&list[100..]));
    let (url, _) = serve(answers).await;
    let evidence = look_at(&asked(Provider::GitHub, url, "shop/payments", &[]), SHA).await;
    assert_eq!(evidence.summary, "1 check failed for ce587453ce: c100");
    // A token that may not read them leaves it open.
    let (url, _) = serve(
        [
            (
                format!("/repos/shop/payments/commits/{SHA}/check-runs"),
                (200, json!({"total_count": 0, "check_runs": []})),
            ),
            (path, (403, json!({"message": "Resource not accessible by integration"}))),
        ]
        .into(),
    )
    .await;
    let evidence = look_at(&asked(Provider::GitHub, url, "shop/payments", &[]), SHA).await;
    assert_eq!(evidence.found, CheckOutcome::Blind);
    assert!(evidence.summary.contains("it needs to read Commit statuses"), "{}", evidence.summary);
    // What is red needs no more.
    let failed = json!({"total_count": 1, "check_runs": [check_run("test", "completed", Some("failure"))]});
    let (url, _) = serve([(format!("/repos/shop/payments/commits/{SHA}/check-runs"), (200, failed))].into()).await;
    let evidence = look_at(&asked(Provider::GitHub, url, "shop/payments", &[]), SHA).await;
    assert_eq!(evidence.summary, "1 check failed for ce587453ce: test");
    let (url, _) = serve([statuses(SHA, &[status("ci/other", "failure")])].into()).await;
    let evidence = look_at(&asked(Provider::GitHub, url, "shop/payments", &[]), SHA).await;
    assert_eq!(evidence.summary, "1 check failed for ce587453ce: ci/other");
}

#[tokio::test]
async fn github_rest_api_answers_are_read() {
    let done = |name: &str, conclusion: &str| check_run(name, "completed", Some(conclusion));
    let running = check_run("test", "in_progress", None);
    for (runs, checks, found, summary) in [
        (
            vec![done("build", "success"), done("lint", "neutral")],
            vec![],
            CheckOutcome::Passed,
            "2 checks passed for ce587453ce",
        ),
        (
            vec![done("build", "success"), done("old", "skipped")],
            vec![],
            CheckOutcome::Passed,
            "1 check passed for ce587453ce, 1 skipped",
        ),
        (
            vec![done("build", "success"), done("test", "failure")],
            vec![],
            CheckOutcome::Failed,
            "1 check failed for ce587453ce: test",
        ),
        (
            vec![done("build", "timed_out"), running.clone()],
            vec![],
            CheckOutcome::Failed,
            "1 check failed for ce587453ce: build",
        ),
        (
            vec![done("build", "success"), running.clone()],
            vec![],
            CheckOutcome::Blind,
            "still running for ce587453ce: test",
        ),
        (vec![done("build", "success"), running], vec!["build"], CheckOutcome::Passed, "1 check passed for ce587453ce"),
        (
            vec![done("bots", "failure"), done("build", "success")],
            vec!["build"],
            CheckOutcome::Passed,
            "1 check passed for ce587453ce",
        ),
        (
            vec![done("build", "success")],
            vec!["build", "test"],
            CheckOutcome::Blind,
            "there is no test for ce587453ce: it did not run, or has another name",
        ),
        (
            vec![done("build", "skipped")],
            vec!["build"],
            CheckOutcome::Blind,
            "skipped for ce587453ce: build, which `checks` names",
        ),
        (vec![], vec![], CheckOutcome::Blind, "nothing ran for ce587453ce: has its pipeline started?"),
    ] {
        let (url, seen) = serve(github(&runs)).await;
        let evidence = look_at(&asked(Provider::GitHub, url, "shop/payments", &checks), SHA).await;
        assert_eq!((evidence.found, evidence.summary.as_str()), (found, summary));
        let seen = seen.lock().unwrap();
        let at = |part: &str| {
            format!("/repos/shop/payments/commits/{SHA}/{part}?filter=latest&per_page=100&page=1 Bearer s3cret")
        };
        assert_eq!(seen[..2], [at("check-runs"), at("status")]);
        assert!(seen[2..].iter().all(|request| *request == at("check-suites")), "{seen:?}");
    }
}

#[tokio::test]
async fn github_pages_and_abbreviated_hashes_are_read() {
    let runs: Vec<Value> = (0..130).map(|i| check_run(&format!("c{i}"), "completed", Some("success"))).collect();
    let path = format!("/repos/shop/payments/commits/{}/check-runs", &SHA[..7]);
    let page = |runs: &[Value]| (200, json!({"total_count": 130, "check_runs": runs}));
    let answers: Answers = [
        (format!("{path}?page=1"), page(&runs[..100])),
        (format!("{path}?page=2"), page(&runs[100..])),
        statuses(&SHA[..7], &[]),
    ]
    .into();
    let (url, _) = serve(answers).await;
    let asking = asked(Provider::GitHub, url, "shop/payments", &[]);
    assert_eq!(look_at(&asking, &SHA[..7]).await.summary, "130 checks passed for ce58745");
    // What does not come counts as not seen.
    let (url, _) = serve([(path, page(&[]))].into()).await;
    let evidence = look_at(&asked(Provider::GitHub, url, "shop/payments", &[]), &SHA[..7]).await;
    assert_eq!(evidence.summary, "GitHub lists only 0 of the check runs of ce58745");
}

#[tokio::test]
async fn github_workflows_without_check_runs_count() {
    let suite = |app: &str, runs: u64, status: &str, conclusion: Option<&str>| {
        json!({
            "id": 7, "head_sha": SHA, "head_branch": "main", "status": status, "conclusion": conclusion,
            "latest_check_runs_count": runs, "app": {"id": 15368, "slug": app, "name": app},
        })
    };
    let lint = || suite("github-actions", 1, "completed", Some("success"));
    for (suites, checks, found, summary) in [
        (
            // The file of a workflow is broken.
            vec![lint(), suite("github-actions", 0, "completed", Some("startup_failure"))],
            vec![],
            CheckOutcome::Failed,
            "1 check failed for ce587453ce: check suite 7 of github-actions",
        ),
        (
            vec![lint(), suite("github-actions", 0, "completed", Some("action_required"))],
            vec![],
            CheckOutcome::Failed,
            "1 check failed for ce587453ce: check suite 7 of github-actions",
        ),
        (
            // The job that needs the first one has no check run yet.
            vec![suite("github-actions", 1, "in_progress", None)],
            vec![],
            CheckOutcome::Blind,
            "still running for ce587453ce: check suite 7 of github-actions",
        ),
        (
            vec![lint(), suite("github-actions", 0, "queued", None)],
            vec![],
            CheckOutcome::Blind,
            "still running for ce587453ce: check suite 7 of github-actions",
        ),
        (
            // An app that is installed and never runs anything.
            vec![lint(), suite("dependabot", 0, "queued", None), suite("codecov", 0, "completed", Some("skipped"))],
            vec![],
            CheckOutcome::Passed,
            "1 check passed for ce587453ce",
        ),
        (
            vec![suite("github-actions", 0, "completed", Some("startup_failure"))],
            vec!["lint"],
            CheckOutcome::Passed,
            "1 check passed for ce587453ce",
        ),
    ] {
        let mut answers = github(&[check_run("lint", "completed", Some("success"))]);
        let path = format!("/repos/shop/payments/commits/{SHA}/check-suites");
        answers.insert(path, (200, json!({"total_count": suites.len(), "check_suites": suites})));
        let (url, _) = serve(answers).await;
        let evidence = look_at(&asked(Provider::GitHub, url, "shop/payments", &checks), SHA).await;
        assert_eq!((evidence.found, evidence.summary.as_str()), (found, summary));
    }
}
