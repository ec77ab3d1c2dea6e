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

/// A build with its parameters, as `ParametersAction` writes them.
fn with(build: Value, parameters: &Value) -> Value {
    let mut build = build;
    let action = json!({"_class": "hudson.model.ParametersAction", "parameters": parameters});
    build["actions"].as_array_mut().unwrap().insert(0, action);
    build
}

fn text(name: &str, value: &str) -> Value {
    json!({"_class": "hudson.model.StringParameterValue", "name": name, "value": value})
}

async fn look_at_builds(builds: Vec<Value>, parameters: &[(&str, &str)]) -> Evidence {
    let path = "/job/shop/job/payments/api/json".to_owned();
    let (url, seen) = serve([(path, (200, json!({"_class": "x", "builds": builds})))].into()).await;
    let mut asked = asked(Provider::Jenkins, url, "shop/payments", &[]);
    asked.parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let evidence = look_at(&asked, SHA).await;
    let query = seen.lock().unwrap()[0].clone();
    assert!(query.contains("parameters%5B*%5D") && query.contains("runs%5B"), "{query}");
    evidence
}

#[tokio::test]
async fn builds_with_other_parameters_hide_no_red_one() {
    let other = "8de25a8d6b0b6a3b0e3c1a7a9c5d3e2f1a0b9c8d";
    let flag = |value: bool| json!({"_class": "hudson.model.BooleanParameterValue", "name": "FAST", "value": value});
    let password = json!({"_class": "hudson.model.PasswordParameterValue", "name": "LOGIN"});
    let on = |number, hash, result, target: &str| {
        with(
            build(number, hash, result),
            &json!([text("TARGET", target), flag(true), text("API_TOKEN", "s3cret"), password]),
        )
    };
    let red_on_arm = vec![on(14, SHA, Some("SUCCESS"), "amd64"), on(12, SHA, Some("FAILURE"), "arm64")];
    for (builds, parameters, found, summary) in [
        (
            red_on_arm.clone(),
            &[][..],
            CheckOutcome::Failed,
            "1 check failed for ce587453ce: shop/payments #12 (TARGET=arm64)",
        ),
        (red_on_arm.clone(), &[("TARGET", "amd64")], CheckOutcome::Passed, "1 check passed for ce587453ce"),
        (red_on_arm.clone(), &[("FAST", "true")], CheckOutcome::Passed, "1 check passed for ce587453ce"),
        (
            red_on_arm.clone(),
            &[("TARGET", "s390x")],
            CheckOutcome::Blind,
            "no build of shop/payments for ce587453ce has TARGET=s390x",
        ),
        (
            [vec![on(15, SHA, Some("SUCCESS"), "arm64")], red_on_arm.clone()].concat(),
            &[],
            CheckOutcome::Passed,
            "2 checks passed for ce587453ce",
        ),
        (
            [vec![on(15, other, Some("SUCCESS"), "arm64")], red_on_arm].concat(),
            &[],
            CheckOutcome::Failed,
            "1 check failed for ce587453ce: shop/payments #12 (TARGET=arm64)",
        ),
        // The first build of a pipeline knows no parameters yet.
        (
            vec![on(2, SHA, Some("SUCCESS"), "amd64"), build(1, SHA, Some("FAILURE"))],
            &[],
            CheckOutcome::Passed,
            "1 check passed for ce587453ce",
        ),
        (
            vec![on(2, SHA, None, "arm64"), on(1, SHA, Some("SUCCESS"), "amd64")],
            &[],
            CheckOutcome::Blind,
            "still running for ce587453ce: shop/payments #2 (TARGET=arm64)",
        ),
    ] {
        let evidence = look_at_builds(builds, parameters).await;
        assert_eq!((evidence.found, evidence.summary.as_str()), (found, summary));
    }
}

#[tokio::test]
async fn two_checkouts_in_a_build_are_both_read() {
    let mut two = with(build(7, "8de25a8d6b0b6a3b0e3c1a7a9c5d3e2f1a0b9c8d", Some("FAILURE")), &json!([]));
    let own = json!({"_class": "hudson.plugins.git.util.BuildData", "lastBuiltRevision": {"SHA1": SHA}});
    two["actions"].as_array_mut().unwrap().push(own);
    assert_eq!(look_at_builds(vec![two], &[]).await.found, CheckOutcome::Failed);
}

#[tokio::test]
async fn red_combination_of_a_matrix_stays_red_when_another_is_rebuilt() {
    let other = "8de25a8d6b0b6a3b0e3c1a7a9c5d3e2f1a0b9c8d";
    let run = |combination: &str, number: u64, hash: &str, result: &str| {
        let mut run = build(number, hash, Some(result));
        run["_class"] = json!("hudson.matrix.MatrixRun");
        run["url"] = json!(format!("https://jenkins.example/job/shop/job/payments/{combination}/{number}/"));
        run
    };
    let matrix = |number: u64, result: &str, runs: Vec<Value>| {
        let mut whole = build(number, SHA, Some(result));
        whole["_class"] = json!("hudson.matrix.MatrixBuild");
        whole["runs"] = json!(runs);
        whole
    };
    let first = matrix(12, "FAILURE", vec![run("jdk=17", 12, SHA, "FAILURE"), run("jdk=21", 12, SHA, "FAILURE")]);
    // Build 13 ran one combination again; its own result is that of this one.
    let partial = |earlier: Value| matrix(13, "SUCCESS", vec![earlier, run("jdk=21", 13, SHA, "SUCCESS")]);
    let evidence = look_at_builds(vec![partial(run("jdk=17", 12, SHA, "FAILURE")), first.clone()], &[]).await;
    assert_eq!(evidence.summary, "1 check failed for ce587453ce: shop/payments jdk=17 #12");
    // What ran for another commit is no longer part of the matrix.
    let evidence = look_at_builds(vec![partial(run("jdk=17", 9, other, "FAILURE")), first.clone()], &[]).await;
    assert_eq!(evidence.summary, "1 check passed for ce587453ce");
    let mut without_checkout = run("jdk=17", 12, SHA, "FAILURE");
    without_checkout["actions"] = json!([{}]);
    let evidence = look_at_builds(vec![partial(without_checkout), first], &[]).await;
    assert_eq!(evidence.found, CheckOutcome::Failed);
}
