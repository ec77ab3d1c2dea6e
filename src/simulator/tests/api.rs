//! Requests and answers, with the words that a real kube-apiserver 1.34 gave.

use serde_json::{Value, json};

use super::{Client, Lines, ROLLOUTS, start};

fn web() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "app", "image": "web:1"}]},
            },
            "strategy": {"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}},
        },
    })
}

const WEB: &str = "/apis/argoproj.io/v1alpha1/namespaces/staging/rollouts/web";
const LIST: &str = "/apis/argoproj.io/v1alpha1/namespaces/staging/rollouts";

#[tokio::test]
async fn refusals_match_a_real_server() {
    let simulator = start("empty", 1.0).await;
    let cluster = &simulator.clusters()[0];
    let alice = Client::new(cluster, "alice-token");
    assert_eq!(alice.post(LIST, web()).await.0, 201);

    let (code, body) = alice.post(LIST, web()).await;
    assert_eq!(code, 409);
    assert_eq!(body["message"], "rollouts.argoproj.io \"web\" already exists");

    let (code, body) = alice.merge(WEB, json!({"metadata": {"resourceVersion": "7"}, "spec": {"paused": true}})).await;
    assert_eq!(code, 409);
    assert_eq!(
        body,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "Operation cannot be fulfilled on rollouts.argoproj.io \"web\": the object has been modified; \
                        please apply your changes to the latest version and try again",
            "reason": "Conflict",
            "details": {"name": "web", "group": "argoproj.io", "kind": "rollouts"},
            "code": 409,
        })
    );

    let (code, body) = alice.patch(WEB, "strategic-merge-patch+json", json!({"spec": {"paused": true}})).await;
    assert_eq!(code, 415);
    assert_eq!(
        body["message"],
        "the body of the request was in an unknown format - accepted media types include: \
         application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    );

    let test = json!([{"op": "test", "path": "/metadata/resourceVersion", "value": "2"}]);
    let (code, body) = alice.patch(WEB, "json-patch+json", test).await;
    assert_eq!(code, 422);
    assert_eq!(body["message"], "the server rejected our request due to an error in our request");

    let run = "/apis/argoproj.io/v1alpha1/namespaces/staging/analysisruns/x/status";
    let (code, body) = alice.merge(run, json!({})).await;
    assert_eq!((code, &body["message"]), (404, &json!("analysisruns.argoproj.io \"x\" not found")));

    let viewer = Client::new(cluster, "viewer-token");
    let (code, body) = viewer.merge(&format!("{WEB}/status"), json!({"status": {"abort": true}})).await;
    assert_eq!(code, 403);
    assert_eq!(
        body["message"],
        "rollouts.argoproj.io \"web\" is forbidden: User \"viewer\" cannot patch resource \"rollouts/status\" in API \
         group \"argoproj.io\" in the namespace \"staging\""
    );

    let expired = Client::new(cluster, "expired-token");
    let (code, body) = expired.get(LIST).await;
    assert_eq!((code, &body["reason"], &body["message"]), (401, &json!("Unauthorized"), &json!("Unauthorized")));

    let (code, body) = alice.get("/apis/flagger.app/v1beta1/namespaces/staging/canaries").await;
    assert_eq!((code, &body["details"]["group"]), (403, &json!("flagger.app")));
    let admin = Client::new(cluster, "admin-token");
    let (code, body) = admin.get("/apis/flagger.app/v1beta1/namespaces/staging/canaries").await;
    assert_eq!((code, body), (404, json!("404 page not found\n")));
}

#[tokio::test]
async fn applying_what_others_own_is_a_conflict_until_forced() {
    let simulator = start("empty", 1.0).await;
    let alice = Client::new(&simulator.clusters()[0], "alice-token");
    let path = "/api/v1/namespaces/staging/configmaps/journal";
    let body = |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "journal"}, "data": {"a": value}});
    let apply = "apply-patch+yaml";
    let (code, created) = alice.patch(&format!("{path}?fieldManager=cockpit"), apply, body("1")).await;
    assert_eq!(code, 201);
    assert_eq!(created["metadata"]["managedFields"][0]["fieldsV1"], json!({"f:data": {"f:a": {}}}));
    let (code, refused) = alice.patch(&format!("{path}?fieldManager=other"), apply, body("2")).await;
    assert_eq!(code, 409);
    assert_eq!(refused["message"], "Apply failed with 1 conflict: conflict with \"cockpit\": .data.a");
    assert_eq!(refused["details"]["causes"][0]["reason"], "FieldManagerConflict");
    let (code, _) = alice.patch(&format!("{path}?fieldManager=other&force=true"), apply, body("2")).await;
    assert_eq!(code, 200);
    let (code, _) = alice.patch(&format!("{path}?fieldManager=other"), apply, body("3")).await;
    assert_eq!(code, 200, "own fields are free");
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let simulator = start("canary", 1.0).await;
    let cluster = simulator.cluster("prod-us").unwrap();
    let alice = Client::new(cluster, "alice-token");
    let path = format!("{ROLLOUTS}/payments-api");
    let (code, answered) = alice.merge(&format!("{path}?dryRun=All"), json!({"spec": {"paused": true}})).await;
    assert_eq!((code, &answered["spec"]["paused"]), (200, &json!(true)));
    assert_eq!(cluster.get("rollout", "payments-api").unwrap()["spec"].get("paused"), None);
}

#[tokio::test]
async fn lists_are_paged_and_in_the_requested_form() {
    let simulator = start("canary", 1.0).await;
    let alice = Client::new(simulator.cluster("prod-us").unwrap(), "alice-token");
    let pods = "/api/v1/namespaces/payments/pods";
    let (_, first) = alice.get(&format!("{pods}?limit=5&labelSelector=app%3Dpayments-api")).await;
    assert_eq!(first["items"].as_array().unwrap().len(), 5);
    assert_eq!(first["metadata"]["remainingItemCount"], 7);
    assert!(first["items"][0].get("kind").is_none(), "as items of built-in kinds");
    let next = first["metadata"]["continue"].as_str().unwrap();
    let (_, second) = alice.get(&format!("{pods}?limit=50&continue={next}")).await;
    assert_eq!(second["items"].as_array().unwrap().len(), 7);
    let (code, gone) = alice.get(&format!("{pods}?continue=nonsense")).await;
    assert_eq!((code, &gone["reason"]), (410, &json!("Expired")));

    let form =
        |accept: &'static str| super::answer(alice.request(reqwest::Method::GET, ROLLOUTS).header("accept", accept));
    let (_, table) = form("application/json;as=Table;v=v1;g=meta.k8s.io,application/json").await;
    let titles: Vec<&str> =
        table["columnDefinitions"].as_array().unwrap().iter().filter_map(|c| c["name"].as_str()).collect();
    assert_eq!(titles, ["Name", "Desired", "Current", "Up-to-date", "Available", "Age"]);
    assert_eq!(table["rows"][0]["cells"], json!(["payments-api", 12, 12, 12, 12, "15d"]));
    let (_, metadata) = form("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1").await;
    assert_eq!(metadata["kind"], "PartialObjectMetadataList");
    assert!(metadata["items"][0].get("spec").is_none());
}

#[tokio::test]
async fn watches_start_at_a_version_and_report_every_change() {
    let simulator = start("empty", 1.0).await;
    let cluster = &simulator.clusters()[0];
    let alice = Client::new(cluster, "alice-token");
    alice.post(LIST, web()).await;
    let open = |query: &str| {
        let request = alice.request(reqwest::Method::GET, &format!("{LIST}?watch=true&{query}"));
        async { Lines::of(request.send().await.unwrap()) }
    };
    let mut watch = open("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true").await;
    assert_eq!(watch.next().await.unwrap().unwrap()["type"], "ADDED");
    let mut event = watch.next().await.unwrap().unwrap();
    while event["type"] == "MODIFIED" {
        event = watch.next().await.unwrap().unwrap();
    }
    assert_eq!(event["type"], "BOOKMARK");
    assert_eq!(event["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    alice.merge(WEB, json!({"metadata": {"labels": {"team": "shop"}}})).await;
    while event["object"]["metadata"]["labels"]["team"] != "shop" {
        event = watch.next().await.unwrap().unwrap();
    }
    assert_eq!(event["type"], "MODIFIED");

    let mut selected = open("labelSelector=team%3Dshop").await;
    assert_eq!(selected.next().await.unwrap().unwrap()["type"], "ADDED");
    alice.merge(WEB, json!({"metadata": {"labels": null}})).await;
    let mut kinds = Vec::new();
    while kinds.last() != Some(&json!("DELETED")) {
        kinds.push(selected.next().await.unwrap().unwrap()["type"].clone());
    }

    let version = event["object"]["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    cluster.compact();
    let mut old = open(&format!("resourceVersion={version}")).await;
    let error = old.next().await.unwrap().unwrap();
    assert_eq!((&error["type"], &error["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert!(old.next().await.unwrap().is_none(), "and ends");
    let mut short = open("timeoutSeconds=1&resourceVersion=999999999").await;
    assert!(short.next().await.unwrap().is_none());
}

#[tokio::test]
async fn kube_client_works() {
    use kube::api::{Api, DynamicObject, Patch, PatchParams};
    use kube::core::{ApiResource, GroupVersionKind};
    use kube::runtime::{WatchStreamExt, watcher};

    let simulator = start("canary", 1.0).await;
    let yaml = simulator.kubeconfig_yaml();
    let kubeconfig = kube::config::Kubeconfig::from_yaml(&yaml).unwrap();
    let options = kube::config::KubeConfigOptions { context: Some("prod-eu".to_owned()), ..Default::default() };
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
    assert_eq!(config.default_namespace, "payments");
    let client = kube::Client::try_from(config).unwrap();
    assert_eq!(client.apiserver_version().await.unwrap().git_version, "v1.34.1");
    let discovery = kube::Discovery::new(client.clone()).run_aggregated().await.unwrap();
    assert!(discovery.has_group("argoproj.io"));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Rollout"));
    let api: Api<DynamicObject> = Api::default_namespaced_with(client, &resource);
    let mut stream = std::pin::pin!(watcher(api.clone(), watcher::Config::default()).applied_objects());
    let paused = |object: &DynamicObject| object.data["status"]["message"] == "CanaryPauseStep";
    loop {
        let object = futures::StreamExt::next(&mut stream).await.unwrap().unwrap();
        if paused(&object) {
            break;
        }
    }
    let patch = Patch::Merge(json!({"status": {"pauseConditions": null}}));
    api.patch_status("payments-api", &PatchParams::default(), &patch).await.unwrap();
    loop {
        let object = futures::StreamExt::next(&mut stream).await.unwrap().unwrap();
        if object.data["status"]["currentStepIndex"] == 3 {
            break;
        }
    }
    let writes = simulator.cluster("prod-eu").unwrap().writes();
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].path, format!("{ROLLOUTS}/payments-api/status"));
    assert_eq!(writes[0].content_type, "application/merge-patch+json");
    assert_eq!(writes[0].json(), json!({"status": {"pauseConditions": null}}));
    assert_eq!(writes[0].status, 200);
}

#[tokio::test]
async fn reviews_answer_by_rights() {
    let simulator = start("empty", 1.0).await;
    let cluster = &simulator.clusters()[0];
    let ask = |token: &'static str, subresource: &'static str| async move {
        let body = json!({"spec": {"resourceAttributes": {
            "namespace": "staging", "verb": "patch", "group": "argoproj.io", "resource": "rollouts",
            "subresource": subresource,
        }}});
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let (code, answer) = Client::new(cluster, token).post(path, body).await;
        assert_eq!(code, 201);
        answer["status"]["allowed"] == true
    };
    assert!(ask("alice-token", "status").await);
    assert!(!ask("viewer-token", "status").await);
    cluster.access().deny("alice", "patch", "rollouts/status");
    assert!(!ask("alice-token", "status").await);
    assert!(ask("alice-token", "").await);
    let (_, who) =
        Client::new(cluster, "bob-token").post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json!({})).await;
    assert_eq!(who["status"]["userInfo"]["username"], "bob");
    assert!(cluster.writes().is_empty(), "asking is not writing");
}
