use super::*;
use behaviour::{ContainerOutcome, Onset};

#[test]
fn every_built_in_scenario_is_valid() {
    let listed = Scenario::list();
    assert_eq!(listed.len(), BUILT_IN.len());
    assert_eq!(listed[0].0, "canary", "the default comes first");
    for (name, title) in listed {
        assert!(!title.is_empty() && title.len() <= 72, "{name}: {title}");
        let scenario = Scenario::load(&name).unwrap();
        assert!(!scenario.story.is_empty(), "{name}");
        let names: Vec<_> = scenario.environments.iter().map(|e| e.name.as_str()).collect();
        assert_eq!(names, ["staging", "prod-eu", "prod-us"], "{name}");
        assert!(!scenario.environments[0].protected && scenario.environments[1].protected, "{name}");
    }
    assert!(Scenario::load("empty").unwrap().environments[0].workload.is_none());
}

#[test]
fn an_unknown_scenario_names_the_known_ones() {
    let error = Scenario::load("canari").unwrap_err().to_string();
    assert!(error.contains("\"canari\"") && error.contains("error-spike"), "{error}");
}

fn parse(more: &str) -> Result<Scenario, String> {
    let text = format!(
        r#"
title = "t"
[workload]
kind = "canary"
name = "web"
replicas = 2
[[environments]]
name = "staging"
context = "c"
namespace = "n"
history = [{{ image = "web:1", age = "1h" }}]
{more}
"#
    );
    Scenario::parse("test", &text).map_err(|error| error.to_string())
}

#[test]
fn invalid_scenario_is_explained() {
    for (more, words) in [
        ("nonsense = 1", "nonsense"),
        ("requests_per_second = -1.0", "must not be negative"),
        ("[[images]]\nimage = \"web:2\"\nerror_ratio = 2.0", "from 0 to 1"),
        ("[[images]]\nimage = \"web:2\"\nstart_up = \"soon\"", "\"soon\" is not a duration"),
        ("[[images]]\nimage = \"web:2\"\nenvironments = [\"prod\"]", "no environment \"prod\""),
        ("[[images]]\nimage = \"web:2\"\nchanges = [{ error_ratio = 0.1 }]", "at_weight or after"),
        ("[[timeline]]\nat = \"1s\"\nfor = \"1s\"\napi = \"418\"", "not \"418\""),
        ("[[timeline]]\nat = \"1s\"\nfor = \"1s\"", "one of api, metrics and flag"),
        ("[[timeline]]\nat = \"1s\"\nflag = \"new\"\nturn = \"on\"\nby = \"ada\"", "no flag \"new\""),
        ("[[timeline]]\nat = \"1s\"\nfor = \"1s\"\nflag = \"new\"", "a flag does not"),
        ("update = { image = \"web:2\", after = \"-1s\" }", "is not a duration"),
    ] {
        let error = parse(more).unwrap_err();
        assert!(error.contains(words), "{more}: {error}");
        assert!(error.contains("\"test\""), "{error}");
    }
}

#[test]
fn images_and_timeline_are_read() {
    let scenario = parse(
        r#"
[[images]]
image = "web:2"
fate = "crashes"
exit_code = 3
median = "50ms"
changes = [{ at_weight = 25.0, ramp = "1m", error_ratio = 0.1 }, { after = "2m", median = "1s" }]
[[timeline]]
at = "2m"
for = "30s"
api = "slow 200ms"
path = "/rollouts"
[[timeline]]
at = "1m"
for = "30s"
metrics = "html"
"#,
    )
    .unwrap();
    let behaviour = &scenario.environments[0].images["web:2"];
    assert_eq!(behaviour.fate, ContainerOutcome::Crashes { exit_code: 3, after: Duration::from_secs(1) });
    assert_eq!(behaviour.changes[0].onset, Onset::AtWeight(25.0));
    assert!((behaviour.changes[1].to.error_ratio - 0.1).abs() < 1e-9, "changes build on each other");
    assert_eq!(scenario.timeline[0].at, Duration::from_secs(60));
    assert!(matches!(scenario.timeline[0].kind, EventKind::Metrics(Outage::Html)));
}
