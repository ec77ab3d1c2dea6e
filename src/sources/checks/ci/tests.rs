//! Against servers that answer as the REST APIs are documented.

use std::collections::HashMap;

use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

use super::*;
use crate::config::Secret;
use crate::domain::record::checklist::CheckOutcome;
use crate::sources::checks::Built;

const SHA: &str = "ce587453ced02b1526dfb4cb910479d431683101";

type Answers = HashMap<String, (u16, Value)>;

/// Answers by path and page; notes the headers of each request.
async fn serve(answers: Answers) -> (reqwest::Url, Arc<Mutex<Vec<String>>>) {
    type Shared = (Arc<Answers>, Arc<Mutex<Vec<String>>>);
    async fn answer(
        State((answers, seen)): State<Shared>,
        Query(query): Query<HashMap<String, String>>,
        request: Request,
    ) -> Response {
        let page = query.get("page").or(query.get("page-token")).map_or(String::new(), |page| format!("?page={page}"));
        let path = request.uri().path().to_owned();
        let secrets: Vec<String> = ["authorization", "private-token", "circle-token"]
            .iter()
            .filter_map(|name| Some(request.headers().get(*name)?.to_str().unwrap().to_owned()))
            .collect();
        seen.lock().unwrap().push(format!("{} {}", request.uri(), secrets.join(",")));
        let found = answers.get(&format!("{path}{page}")).or_else(|| answers.get(&path));
        match found {
            Some((status, json)) => (StatusCode::from_u16(*status).unwrap(), Json(json.clone())).into_response(),
            None => (StatusCode::NOT_FOUND, Json(json!({"message": "Not Found"}))).into_response(),
        }
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let state = (Arc::new(answers), seen.clone());
    let router = Router::new().fallback(any(answer)).with_state(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, seen)
}

fn asked(provider: Provider, url: reqwest::Url, project: &str, checks: &[&str]) -> Ci {
    let token = Some(Secret::Command(vec!["printf".into(), "s3cret".into()]));
    let checks = checks.iter().map(|name| (*name).to_owned()).collect();
    Ci { provider, url, project: project.to_owned(), user: Some("ada".into()), token, checks }
}

async fn look_at(asked: &Ci, commit: &str) -> Evidence {
    let scene = CheckInput {
        version: "1.5.0".into(),
        commit: Some(Built { commit: commit.to_owned(), told_by: "a label".to_owned() }),
        ..CheckInput::default()
    };
    let evidence = look(asked, &scene, &Tools::default()).await;
    assert!(!format!("{evidence:?}").contains("s3cret"));
    evidence
}

fn check_run(name: &str, status: &str, conclusion: Option<&str>) -> Value {
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

fn github(runs: &[Value]) -> Answers {
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
        let wanted =
            format!("/repos/shop/payments/commits/{SHA}/check-runs?filter=latest&per_page=100&page=1 Bearer s3cret");
        let status =
            format!("/repos/shop/payments/commits/{SHA}/status?filter=latest&per_page=100&page=1 Bearer s3cret");
        assert_eq!(*seen, [wanted, status]);
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
async fn refusals_and_other_commits_are_blind_with_a_reason() {
    let path = format!("/repos/shop/payments/commits/{SHA}/check-runs");
    let mut other = check_run("build", "completed", Some("success"));
    other["head_sha"] = json!("0000000000000000000000000000000000000000");
    for (status, json, words) in [
        (401, json!({"message": "Bad credentials"}), "denies access (401: Bad credentials): check `project`"),
        (404, json!({"message": "Not Found"}), "is not there (404: Not Found)"),
        (403, json!({"message": "API rate limit exceeded"}), "denies access (403: API rate limit exceeded)"),
        (500, json!(null), "cannot answer now (500)"),
        (200, json!([1]), "JSON of another shape"),
        (200, json!({"total_count": "1", "check_runs": []}), "JSON of another shape"),
        (200, json!({"total_count": 1, "check_runs": [other]}), "GitHub answers for another commit"),
        (301, json!({"message": "Moved Permanently"}), "redirects to"),
    ] {
        let (url, _) = serve([(path.clone(), (status, json))].into()).await;
        let evidence = look_at(&asked(Provider::GitHub, url, "shop/payments", &[]), SHA).await;
        assert_eq!(evidence.found, CheckOutcome::Blind);
        assert!(evidence.summary.contains(words), "{}", evidence.summary);
    }
}

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

#[test]
fn unknown_words_of_ci_servers_are_never_green() {
    use proptest::prelude::*;
    proptest!(|(word in "[a-z_]{1,12}")| {
        prop_assume!(!matches!(word.as_str(), "success" | "neutral"));
        prop_assert_ne!(circleci::outcome(&word), Outcome::Passed);
        prop_assert_ne!(gitlab::outcome(&word), Outcome::Passed);
        prop_assert_ne!(github::outcome("completed", Some(&word)), Outcome::Passed);
        prop_assert_ne!(github::outcome(&word, None), Outcome::Passed);
        prop_assert_ne!(github::outcome_of_status(&word), Outcome::Passed);
        prop_assert_ne!(jenkins::outcome(&word), Outcome::Passed);
    });
}

#[tokio::test]
async fn branches_of_a_jenkins_multibranch_pipeline_are_read() {
    let path = "/job/shop/job/payments/api/json".to_owned();
    let branch = |name: &str, builds: Vec<Value>| json!({"_class": "x", "name": name, "builds": builds});
    let jobs = json!([
        branch("main", vec![build(12, SHA, Some("SUCCESS"))]),
        branch("release", vec![build(3, SHA, Some("FAILURE")), build(2, SHA, Some("SUCCESS"))]),
    ]);
    let (url, _) = serve([(path.clone(), (200, json!({"_class": "x", "jobs": jobs})))].into()).await;
    let evidence = look_at(&asked(Provider::Jenkins, url, "shop/payments", &[]), SHA).await;
    assert_eq!(evidence.summary, "1 check failed for ce587453ce: shop/payments/release #3");
    let (url, _) = serve([(path, (200, json!({"_class": "x"})))].into()).await;
    let evidence = look_at(&asked(Provider::Jenkins, url, "shop/payments", &[]), SHA).await;
    assert_eq!(evidence.found, CheckOutcome::Blind);
    assert!(evidence.summary.contains("is no job with builds"), "{}", evidence.summary);
}

fn build(number: u64, hash: &str, result: Option<&str>) -> Value {
    json!({
        "_class": "org.jenkinsci.plugins.workflow.job.WorkflowRun",
        "actions": [
            {"_class": "hudson.model.CauseAction"},
            {},
            {"_class": "hudson.plugins.git.util.BuildData", "lastBuiltRevision": {"SHA1": hash}},
        ],
        "building": result.is_none(), "number": number, "result": result,
        "url": format!("https://jenkins.example/job/shop/job/payments/{number}/"),
    })
}

#[tokio::test]
async fn jenkins_json_api_answers_are_read() {
    let other = "8de25a8d6b0b6a3b0e3c1a7a9c5d3e2f1a0b9c8d";
    let fails = build(13, other, Some("FAILURE"));
    for (builds, found, summary) in [
        (vec![build(12, SHA, Some("SUCCESS")), fails.clone()], CheckOutcome::Passed, "1 check passed for ce587453ce"),
        (
            vec![build(12, SHA, Some("UNSTABLE"))],
            CheckOutcome::Failed,
            "1 check failed for ce587453ce: shop/payments #12",
        ),
        (
            vec![build(14, SHA, Some("SUCCESS")), build(12, SHA, Some("FAILURE"))],
            CheckOutcome::Passed,
            "1 check passed for ce587453ce",
        ),
        (
            vec![build(14, SHA, None), build(12, SHA, Some("SUCCESS"))],
            CheckOutcome::Blind,
            "still running for ce587453ce: shop/payments #14",
        ),
        (vec![fails], CheckOutcome::Blind, "nothing ran for ce587453ce: has its pipeline started?"),
    ] {
        let path = "/job/shop/job/payments/api/json".to_owned();
        let (url, seen) = serve([(path, (200, json!({"_class": "x", "builds": builds})))].into()).await;
        let evidence = look_at(&asked(Provider::Jenkins, url, "shop/payments", &[]), SHA).await;
        assert_eq!((evidence.found, evidence.summary.as_str()), (found, summary));
        assert!(seen.lock().unwrap()[0].ends_with("Basic YWRhOnMzY3JldA=="), "{seen:?}");
    }
}

#[tokio::test]
async fn missing_commit_is_blind_and_names_a_remedy() {
    let nowhere = "http://127.0.0.1:1/".parse().unwrap();
    let asking = asked(Provider::GitHub, nowhere, "shop/payments", &[]);
    let scene = CheckInput { version: "1.5.0".into(), ..CheckInput::default() };
    let evidence = look(&asking, &scene, &Tools::default()).await;
    assert_eq!(evidence.found, CheckOutcome::Blind);
    assert!(evidence.summary.contains("org.opencontainers.image.revision"), "{}", evidence.summary);
    for commit in ["main", "ce5874", "../../user"] {
        assert!(look_at(&asking, commit).await.summary.contains("is not a commit hash"));
    }
    assert!(look_at(&asking, SHA).await.summary.starts_with("cannot reach http://127.0.0.1:1/repos"));
}
