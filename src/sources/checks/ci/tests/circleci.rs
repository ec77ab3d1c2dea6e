//! CircleCI: pipelines and their workflows.

use super::*;

fn circle_pipeline(id: &str, number: u64, hash: &str, trigger: &str, state: &str) -> Value {
    json!({
        "id": id, "number": number, "project_slug": "gh/shop/payments", "state": state, "errors": [],
        "created_at": "2026-07-20T01:19:13Z", "updated_at": "2026-07-20T01:19:13Z",
        "trigger": {"type": trigger, "received_at": "2026-07-20T01:19:13Z", "actor": {"login": "ada", "avatar_url": null}},
        "vcs": {
            "provider_name": "GitHub", "origin_repository_url": "https://github.com/shop/payments", "branch": "main",
            "target_repository_url": "https://github.com/shop/payments", "revision": hash,
        },
    })
}

fn workflow(name: &str, status: &str, created_at: &str) -> Value {
    json!({
        "pipeline_id": "p1", "id": format!("w-{name}"), "name": name, "project_slug": "gh/shop/payments",
        "status": status, "started_by": "ada", "pipeline_number": 7, "created_at": created_at, "stopped_at": null,
    })
}

#[tokio::test]
async fn circleci_api_answers_are_read() {
    let other = "8de25a8d6b0b6a3b0e3c1a7a9c5d3e2f1a0b9c8d";
    let list = |items: Vec<Value>, next: Option<&str>| (200, json!({"items": items, "next_page_token": next}));
    let early = "2026-07-20T01:00:00Z";
    let late = "2026-07-20T02:00:00Z";
    for (push, schedule, checks, found, summary) in [
        (
            vec![workflow("build", "success", early), workflow("nightly", "not_run", early)],
            vec![],
            vec![],
            CheckOutcome::Passed,
            "1 check passed for ce587453ce, 2 skipped",
        ),
        (
            vec![workflow("build", "failed", early)],
            vec![workflow("nightly", "success", late)],
            vec![],
            CheckOutcome::Failed,
            "1 check failed for ce587453ce: build",
        ),
        (
            // Run again after it failed.
            vec![workflow("build", "success", late), workflow("build", "failed", early)],
            vec![workflow("nightly", "success", late)],
            vec![],
            CheckOutcome::Passed,
            "2 checks passed for ce587453ce",
        ),
        (
            vec![workflow("build", "success", early), workflow("deploy", "on_hold", early)],
            vec![workflow("nightly", "success", late)],
            vec![],
            CheckOutcome::Blind,
            "waits to be started by a person for ce587453ce: deploy",
        ),
        (
            vec![workflow("build", "success", early), workflow("deploy", "on_hold", early)],
            vec![workflow("nightly", "failing", late)],
            vec!["build"],
            CheckOutcome::Passed,
            "1 check passed for ce587453ce",
        ),
        (
            vec![workflow("build", "canceled", early)],
            vec![workflow("nightly", "running", late)],
            vec![],
            CheckOutcome::Failed,
            "1 check failed for ce587453ce: build",
        ),
    ] {
        let pipelines = "/api/v2/project/gh/shop/payments/pipeline";
        let answers: Answers = [
            // The push stands on the second page, behind the schedule of the same commit.
            (
                pipelines.to_owned(),
                list(
                    vec![
                        circle_pipeline("p3", 9, other, "webhook", "created"),
                        circle_pipeline("p2", 8, SHA, "scheduled_pipeline", "created"),
                    ],
                    Some("more"),
                ),
            ),
            (format!("{pipelines}?page=more"), list(vec![circle_pipeline("p1", 7, SHA, "webhook", "created")], None)),
            ("/api/v2/pipeline/p1/workflow".to_owned(), list(push, None)),
            ("/api/v2/pipeline/p2/workflow".to_owned(), list(schedule, None)),
        ]
        .into();
        let (url, seen) = serve(answers).await;
        let asking = asked(Provider::CircleCi, url, "gh/shop/payments", &checks);
        let evidence = look_at(&asking, SHA).await;
        assert_eq!((evidence.found, evidence.summary.as_str()), (found, summary));
        assert!(seen.lock().unwrap()[0].ends_with("/pipeline s3cret"), "{seen:?}");
        assert_eq!(look_at(&asking, &SHA[..7]).await.found, found);
    }
    let pipelines = "/api/v2/project/gh/shop/payments/pipeline".to_owned();
    let mut broken = circle_pipeline("p1", 7, SHA, "webhook", "errored");
    broken["errors"] = json!([{"type": "config", "message": "Unclosed tag on line 3"}]);
    let none = ("/api/v2/pipeline/p1/workflow".to_owned(), list(vec![], None));
    let (url, _) = serve([(pipelines.clone(), list(vec![broken], None)), none].into()).await;
    let evidence = look_at(&asked(Provider::CircleCi, url, "gh/shop/payments", &[]), SHA).await;
    assert_eq!(evidence.summary, "1 check failed for ce587453ce: pipeline 7");
    assert!(evidence.lines[0].contains("Unclosed tag"), "{:?}", evidence.lines);
    let (url, _) =
        serve([(pipelines, list(vec![circle_pipeline("p3", 9, other, "webhook", "created")], None))].into()).await;
    let evidence = look_at(&asked(Provider::CircleCi, url, "gh/shop/payments", &[]), SHA).await;
    assert_eq!(evidence.summary, "nothing ran for ce587453ce: has its pipeline started?");
}

#[tokio::test]
async fn a_circleci_pipeline_hides_no_other_workflow_of_its_cause() {
    let list = |items: Vec<Value>, next: Option<&str>| (200, json!({"items": items, "next_page_token": next}));
    let pipelines = "/api/v2/project/gh/shop/payments/pipeline".to_owned();
    for kind in ["webhook", "api", "scheduled_pipeline"] {
        let both = vec![circle_pipeline("p2", 8, SHA, kind, "created"), circle_pipeline("p1", 7, SHA, kind, "created")];
        let answers: Answers = [
            (pipelines.clone(), list(both, None)),
            (
                "/api/v2/pipeline/p1/workflow".to_owned(),
                list(vec![workflow("e2e", "failed", "2026-07-20T01:00:00Z")], None),
            ),
            (
                "/api/v2/pipeline/p2/workflow".to_owned(),
                list(vec![workflow("lint", "success", "2026-07-20T02:00:00Z")], None),
            ),
        ]
        .into();
        let (url, _) = serve(answers).await;
        let evidence = look_at(&asked(Provider::CircleCi, url, "gh/shop/payments", &[]), SHA).await;
        assert_eq!(
            (evidence.found, evidence.summary.as_str()),
            (CheckOutcome::Failed, "1 check failed for ce587453ce: e2e")
        );
    }
}

#[tokio::test]
async fn a_list_of_circleci_that_does_not_reach_back_to_the_push_is_blind() {
    let list = |items: Vec<Value>, next: Option<&str>| (200, json!({"items": items, "next_page_token": next}));
    let pipelines = "/api/v2/project/gh/shop/payments/pipeline".to_owned();
    let green = (
        "/api/v2/pipeline/p1/workflow".to_owned(),
        list(vec![workflow("lint", "success", "2026-07-20T01:00:00Z")], None),
    );
    for (kind, found) in [("scheduled_pipeline", CheckOutcome::Blind), ("webhook", CheckOutcome::Passed)] {
        let of_commit = (pipelines.clone(), list(vec![circle_pipeline("p1", 7, SHA, kind, "created")], Some("more")));
        let more = (format!("{pipelines}?page=more"), list(vec![], Some("more")));
        let (url, _) = serve([of_commit, more, green.clone()].into()).await;
        let evidence = look_at(&asked(Provider::CircleCi, url, "gh/shop/payments", &[]), SHA).await;
        assert_eq!(evidence.found, found, "{}", evidence.summary);
    }
}
