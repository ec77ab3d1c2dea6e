//! Jenkins: builds of a job or of a multibranch pipeline.

use super::*;

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
