//! Workloads that differ, and how the differences are reported.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn shape(pod: Value) -> Shape {
    Shape { replicas: Some(3), pod }
}

fn lines(here: &Shape, before: &Shape) -> Vec<String> {
    compare("rollout/api", here, before, ("prod-eu", "staging")).iter().map(Difference::line).collect()
}

fn pod() -> Value {
    json!({
        "containers": [{
            "name": "api", "image": "api:1",
            "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "URL", "value": "s3cret"},
                {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "api-key", "key": "k"}}}],
            "envFrom": [{"configMapRef": {"name": "api-config"}}],
            "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}},
            "readinessProbe": {"httpGet": {"path": "/ready"}},
            "ports": [{"containerPort": 8080}],
        }],
        "volumes": [{"name": "c", "configMap": {"name": "files"}}, {"name": "s", "secret": {"secretName": "tls"}},
            {"name": "p", "projected": {"sources": [{"configMap": {"name": "more"}}, {"secret": {"name": "token"}}]}}],
    })
}

#[test]
fn equal_objects_and_other_images_are_no_drift() {
    let mut other = pod();
    other["containers"][0]["image"] = json!("api:2");
    other["containers"][0]["resources"]["requests"] = json!({"cpu": 0.5, "memory": "1024Mi"});
    assert_eq!(lines(&shape(pod()), &shape(other)), [""; 0]);
    let unsaid = Shape { replicas: None, pod: pod() };
    assert_eq!(lines(&unsaid, &Shape { replicas: Some(1), pod: pod() }), [""; 0]);
}

#[test]
fn drift_is_named_without_values_of_variables() {
    let mut before = pod();
    before["containers"][0]["env"] = json!([
        {"name": "LOG_LEVEL", "value": "debug"}, {"name": "EXTRA", "value": "hidden"},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "other-key", "key": "k"}}}]);
    before["containers"][0]["resources"] = json!({"requests": {"cpu": "250m"}, "limits": {"cpu": "1"}});
    before["containers"][0]["readinessProbe"] = json!({"httpGet": {"path": "/health"}});
    before["containers"][0]["ports"] = json!([{"containerPort": 8080}, {"containerPort": 53, "protocol": "UDP"}]);
    before["volumes"] = json!([]);
    before["initContainers"] = json!([{"name": "wait"}]);
    let found = lines(&shape(pod()), &Shape { replicas: Some(1), pod: before });
    assert!(!found.iter().any(|line| line.contains("s3cret") || line.contains("debug") || line.contains("hidden")));
    assert_eq!(
        found,
        [
            "rollout/api replicas: 3 in prod-eu, 1 in staging",
            "rollout/api container:wait: only in staging, not in prod-eu",
            "rollout/api env:EXTRA of container api: only in staging, not in prod-eu",
            "rollout/api env:KEY of container api: differs between prod-eu and staging",
            "rollout/api env:LOG_LEVEL of container api: differs between prod-eu and staging",
            "rollout/api env:URL of container api: only in prod-eu, not in staging",
            "rollout/api resources:limits.cpu of container api: only in staging, not in prod-eu",
            "rollout/api resources:requests.cpu of container api: 500m in prod-eu, 250m in staging",
            "rollout/api resources:requests.memory of container api: only in prod-eu, not in staging",
            "rollout/api probe:readiness of container api: differs between prod-eu and staging",
            "rollout/api port:53/UDP of container api: only in staging, not in prod-eu",
            "rollout/api configmap:files: only in prod-eu, not in staging",
            "rollout/api configmap:more: only in prod-eu, not in staging",
            "rollout/api secret:api-key: only in prod-eu, not in staging",
            "rollout/api secret:other-key: only in staging, not in prod-eu",
            "rollout/api secret:tls: only in prod-eu, not in staging",
            "rollout/api secret:token: only in prod-eu, not in staging",
        ]
    );
}

#[test]
fn allowed_drift_is_ignored() {
    let difference = Difference {
        workload: "rollout/api".to_owned(),
        aspect: Aspect::Env,
        container: Some("api".to_owned()),
        name: "LOG_LEVEL".to_owned(),
        words: String::new(),
    };
    for (text, fits) in [
        ("env", true),
        ("env:*", true),
        ("env:LOG_LEVEL", true),
        ("env:LOG_*", true),
        ("env:api/LOG_LEVEL", true),
        ("env:api/*", true),
        ("env:web/*", false),
        ("env:LOG", false),
        ("env:", false),
        ("resources:*", false),
    ] {
        assert_eq!(difference.is_allowed(&[Allowed::parse(text).unwrap()]), fits, "{text}");
    }
    assert_eq!(Allowed::parse("envs:A"), Err("envs"));
    assert!(!difference.is_allowed(&[]));
}

#[test]
fn wildcard_patterns_match() {
    for (pattern, text, fits) in [
        ("", "", true),
        ("a", "a", true),
        ("a", "ab", false),
        ("*", "", true),
        ("a*b*c", "aXbYc", true),
        ("a*b*c", "abc", true),
        ("a*b*c", "acb", false),
        ("*a", "ba", true),
        ("a*a", "a", false),
        ("**", "x", true),
    ] {
        assert_eq!(wildcard(pattern, text), fits, "{pattern} {text}");
    }
}

proptest! {
    #[test]
    fn a_workload_never_differs_from_itself(replicas in any::<Option<i64>>(), env in "[a-z]{0,8}") {
        let mut pod = pod();
        pod["containers"][0]["env"] = json!([{"name": env, "value": "x"}]);
        let shape = Shape { replicas, pod };
        prop_assert_eq!(compare("a", &shape, &shape, ("x", "y")), []);
    }

    #[test]
    fn odd_objects_are_compared_without_panic(text in "[a-z{}\\[\\]\":,0-9]{0,40}", amount in any::<String>()) {
        let odd: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        let pod = json!({"containers": odd, "volumes": [odd, {"projected": odd}], "initContainers": [{"name": "a", "env": odd}]});
        let _ = compare("a", &shape(pod), &Shape::default(), ("x", "y"));
        let _ = quantity(&amount);
    }
}
