//! By commands, without the screen: the program against the simulator of another process.

mod lane;

use serde_json::Value;

use super::journey::Journey;

#[test]
fn canary() {
    let journey = Journey::start("canary");
    journey.until("prod-eu", "paused and well", |env| {
        env["verdict"] == "go" && env["workloads"][0]["message"] == "CanaryPauseStep"
    });
    journey.expect(0, &["plan", "prod-eu"], "until promoted: no end; ×5 in 9 of 10 cases");
    journey.expect(0, &["plan", "prod-eu", "--rps", "1500", "--errors", "0.1%"], "assuming 1,500 requests/s");
    // Protected: --yes alone is not enough.
    journey.expect(3, &["promote", "prod-eu", "--yes"], "--confirm prod-eu");
    // Until there was enough traffic it is refused.
    journey.until_run(&["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], 0);
    journey.expect(0, &["wait", "prod-eu", "--for=healthy", "--timeout", "3m"], "Healthy");
    journey.stable_is("prod-eu", "1.5.0");
    journey.expect(3, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], "no rollout in progress");
    journey.journal_holds(&["requested: promote 20 → 40 %", "done"]);
}

/// The same artifact goes on, environment by environment.
#[test]
fn release_into_the_next_environment() {
    let journey = Journey::start("canary");
    let release = ["release", "prod-us", "--yes", "--confirm", "prod-us"];
    journey.until("prod-eu", "a pause", |env| env["workloads"][0]["message"] == "CanaryPauseStep");
    journey.expect(3, &release, "prod-eu has nothing released to go on with");
    journey.until_run(&["promote", "prod-eu", "--full", "--yes", "--confirm", "prod-eu"], 0);
    // Protected: --yes alone is not enough.
    journey.until_says(&["release", "prod-us", "--yes"], 3, "--confirm prod-us");
    journey.expect(0, &release, "done:");
    let env = journey.environment("prod-us");
    let image = env["workloads"][0]["canary"]["images"][0].as_str().unwrap_or_default().to_owned();
    assert!(image.contains(":1.5.0@sha256:"), "{env:#}");
    journey.expect(0, &release, "1.5.0 is going out here already");
    journey.expect(0, &["rollback", "prod-us", "--yes"], "done");
    journey.stable_is("prod-us", "1.4.2");
    journey.expect(3, &release, "1.5.0 is rejected");
    journey.journal_holds(&["requested: release 1.5.0", "done", "requested: roll back to 1.4.2"]);
}

#[test]
fn error_spike() {
    let journey = Journey::start("error-spike");
    journey.until("prod-eu", "a verdict of no-go", |env| env["verdict"] == "no-go");
    journey.expect(3, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], "canary");
    journey.expect(0, &["rollback", "prod-eu", "--yes"], "done");
    journey.expect(0, &["wait", "prod-eu", "--for=healthy", "--timeout", "3m"], "Healthy");
    journey.stable_is("prod-eu", "1.4.2");
    // What was given up is not gone back to by default.
    let (_, said) = journey.run(&["rollback", "prod-eu", "--yes"]);
    assert!(!said.contains("roll back to 1.5.0"), "{said}");
    // Further back: the state names the step that was taken last.
    journey.expect(0, &["rollback", "prod-eu", "--to", "1.4.1", "--yes"], "done");
    journey.stable_is("prod-eu", "1.4.1");
    journey.expect(0, &["status"], "rolled back 1.4.2 → 1.4.1 by alice");
}

#[test]
fn slow_latency() {
    let journey = Journey::start("slow-latency");
    journey.until("prod-eu", "a verdict of no-go for latency", |env| {
        env["verdict"] == "no-go" && env["reasons"].to_string().contains("latency is worse than stable")
    });
    journey.expect(3, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], "p99");
    journey.expect(0, &["abort", "prod-eu", "--yes"], "RolloutAborted");
    journey.expect(0, &["wait", "prod-eu", "--for=degraded"], "Degraded");
    journey.expect(3, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], "aborted");
    // What the analysis proved to be worse does not go out again, from no machine and with no config.
    let retry = ["retry", "prod-eu", "--yes", "--confirm", "prod-eu"];
    journey.expect(3, &retry, "1.5.0 regressed, by the analysis of alice");
    let (code, said) = journey.run_elsewhere(&retry);
    assert!(code == 3 && said.contains("1.5.0 regressed, by the analysis of alice"), "{code}\n{said}");
    let (code, said) = journey.run_without_config(&["retry", "--yes"]);
    assert!(code == 3 && said.contains("1.5.0 regressed, by the analysis of alice"), "{code}\n{said}");
}

#[test]
fn an_aborted_update_is_retried() {
    let journey = Journey::start("canary");
    journey.until("prod-eu", "a pause", |env| env["workloads"][0]["message"] == "CanaryPauseStep");
    journey.expect(0, &["abort", "prod-eu", "--yes"], "RolloutAborted");
    journey.expect(0, &["wait", "prod-eu", "--for=degraded"], "Degraded");
    journey.expect(3, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], "aborted");
    // What was aborted is rejected: where names are typed, sending it out again is a promotion.
    journey.expect(3, &["retry", "prod-eu", "--yes"], "--confirm prod-eu");
    journey.expect(0, &["retry", "prod-eu", "--yes", "--confirm", "prod-eu"], "done");
}

/// Error rate and latency are as before, and one request in eight finds nothing.
#[test]
fn not_found() {
    let journey = Journey::start("not-found");
    journey.until("prod-eu", "a verdict of no-go for statuses", |env| {
        env["verdict"] == "no-go" && env["reasons"].to_string().contains("more rejected requests (4xx)")
    });
    let promote = ["promote", "prod-eu", "--yes", "--confirm", "prod-eu"];
    journey.expect(3, &promote, "more rejected requests (4xx): canary 1");
    // Every window on this machine gives that answer at once; one that has counted nothing says so, and never GO.
    let mut screen = journey.screen();
    screen.wait_text("more rejected requests (4xx)");
    journey.expect(3, &["gate", "prod-eu"], "more rejected requests (4xx)");
    screen.send("q");
    let (code, said) = journey.run_elsewhere(&["gate", "prod-eu"]);
    assert!((code == 4 && said.contains("collecting")) || code == 3, "{code}: {said}");
    journey.expect(0, &["rollback", "prod-eu", "--yes"], "done");
    journey.stable_is("prod-eu", "1.4.2");
}

#[test]
fn crash_loop() {
    let journey = Journey::start("crash-loop");
    journey.until("prod-eu", "why it does not move", |env| {
        env["workloads"][0]["why"].to_string().contains("CrashLoopBackOff")
    });
    journey.expect(0, &["wait", "prod-eu", "--for=degraded", "--timeout", "3m"], "Degraded");
    journey.expect(0, &["rollback", "prod-eu", "--yes"], "done");
    journey.expect(0, &["wait", "prod-eu", "--for=healthy", "--timeout", "3m"], "Healthy");
}

#[test]
fn metrics_outage() {
    let journey = Journey::start("metrics-outage");
    journey.until("prod-eu", "a canary that waits", |env| env["workloads"][0]["message"] == "CanaryPauseStep");
    let said = journey.until_run(&["plan", "prod-eu"], 4);
    assert!(said.contains("BLIND: no data"), "{said}");
    journey.expect(4, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], "no data");
    journey.expect(0, &["pause", "prod-eu", "--yes"], "done");
    // Going on would bring more of the new version to users, whatever the verb is called.
    journey.expect(4, &["resume", "prod-eu", "--yes", "--confirm", "prod-eu"], "no data");
    journey.expect(0, &["rollback", "prod-eu", "--yes"], "done");
}

#[test]
fn api_outage() {
    let journey = Journey::start("api-outage");
    let said = journey.until_run(&["status"], 1);
    assert!(said.contains("prod-eu"), "{said}");
    journey.until("prod-eu", "the server back", |env| env["workloads"][0]["phase"] == "Paused");
    journey.expect(0, &["rollback", "prod-eu", "--yes"], "done");
}

#[test]
fn blue_green() {
    let journey = Journey::start("blue-green");
    journey.until("prod-eu", "a preview that waits", |env| {
        env["verdict"] == "go" && env["workloads"][0]["message"] == "BlueGreenPause"
    });
    journey.expect(0, &["plan", "prod-eu"], "has no steps to judge");
    journey.expect(0, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], "done");
    journey.expect(0, &["wait", "prod-eu", "--for=healthy", "--timeout", "3m"], "Healthy");
    journey.stable_is("prod-eu", "1.5.0");
}

#[test]
fn deployment() {
    let journey = Journey::start("deployment");
    journey.until("prod-eu", "a roll under way", |env| env["workloads"][0]["phase"] == "Progressing");
    journey.expect(0, &["pause", "prod-eu", "--yes"], "done");
    journey.expect(3, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], "no steps");
    journey.expect(0, &["rollback", "prod-eu", "--yes"], "done");
    journey.expect(0, &["wait", "prod-eu", "--for=healthy", "--timeout", "3m"], "Healthy");
    journey.stable_is("prod-eu", "1.4.2");
}

/// Argo CD owns the manifest, and would put the bad version back within seconds.
#[test]
fn argo_cd() {
    let journey = Journey::start("argo-cd");
    let automated = |application: &Value| application["spec"]["syncPolicy"]["automated"].clone();
    let before = journey.application("prod-eu");
    journey.expect(0, &["owner", "prod-eu"], "self-heal on");
    journey.expect(0, &["owner", "staging"], "no mark of Argo CD, Flux or Helm");
    // What fails users there goes no further.
    journey.until("prod-eu", "a verdict of no-go", |env| env["verdict"] == "no-go");
    let release = ["release", "prod-us", "--yes", "--confirm", "prod-us"];
    journey.expect(3, &release, "1.5.0 is NO-GO in prod-eu");
    journey.expect(0, &["rollback", "prod-eu", "--yes"], "suspended by alice");
    journey.stable_is("prod-eu", "1.4.2");
    assert!(automated(&journey.application("prod-eu")).is_null());
    // Git says the bad version still.
    journey.expect(3, &["owner", "prod-eu", "--resume", "--yes"], "does not match the cluster");
    assert!(automated(&journey.application("prod-eu")).is_null());
    journey.commit("prod-eu", "registry.example/payments-api:1.4.2");
    journey.expect(0, &["owner", "prod-eu", "--resume", "--wait", "60s", "--yes"], "done: self-heal on");
    assert_eq!(automated(&journey.application("prod-eu")), automated(&before));
    journey.expect(0, &["owner", "prod-eu", "--resume", "--yes"], "nothing to do");
    journey.stable_is("prod-eu", "1.4.2");
    journey.expect(0, &["owner", "prod-eu", "--suspend", "--yes"], "done: suspended by alice");
    journey.expect(0, &["status", "-o", "json"], "\"automation\": \"suspended\"");
    journey.journal_holds(&[
        "requested: roll back to 1.4.2",
        "requested: resume Argo CD",
        "requested: suspend Argo CD",
    ]);
}

/// The checklist is gone through, a gate turns red on the way: promotion stops there, and the rollback goes through.
#[test]
fn go_no_go() {
    let journey = Journey::start("go-no-go");
    let promote = ["promote", "prod-eu", "--yes", "--confirm", "prod-eu"];
    journey.expect(3, &["gate", "prod-eu"], "pager: not acknowledged");
    journey.expect(3, &promote, "pager: not acknowledged");
    journey.expect(0, &["ack", "prod-eu", "pager", "--note", "bo is on call"], "alice acknowledged pager");
    journey.expect(
        0,
        &["sign", "prod-eu", "no-go", "--role", "sre", "--note", "the dashboard is down"],
        "NO-GO as sre",
    );
    journey.expect(3, &promote, "the dashboard is down");
    // The same namespace of the same cluster by another name, as another person, without those checks.
    let elsewhere = |verb: &'static str| ["--context", "bob", "-n", "payments", verb, "--yes"];
    journey.expect(3, &elsewhere("gate")[..5], "alice signed NO-GO as sre: “the dashboard is down”");
    journey.expect(3, &elsewhere("promote"), "alice signed NO-GO as sre");
    // Its author is not there: somebody else in that role takes it back, by name.
    let as_bob = |more: &[&'static str]| -> Vec<&str> {
        let go =
            ["--context", "bob", "-n", "payments", "sign", "bob", "go", "--role", "sre", "--note", "it is up again"];
        go.into_iter().chain(more.iter().copied()).collect()
    };
    journey.expect(0, &as_bob(&[]), "bob signed GO as sre");
    journey.expect(3, &promote, "alice signed NO-GO as sre");
    journey.expect(3, &as_bob(&["--takes-back", "carol"]), "no NO-GO of carol as sre stands in bob");
    journey.expect(0, &as_bob(&["--takes-back", "alice"]), "bob signed GO as sre, taking back the NO-GO of alice");
    let (_, said) = journey.run(&["gate", "prod-eu"]);
    assert!(!said.contains("alice signed NO-GO") && said.contains("void: taken back by bob"), "{said}");
    for role in ["sre", "product"] {
        journey.expect(0, &["sign", "prod-eu", "go", "--role", role, "--note", "seen"], "signed GO");
    }
    journey.until_run(&["gate", "prod-eu"], 0);
    journey.until_run(&promote, 0);
    // At 40 % it begins to fail.
    journey.until_says(&["gate", "prod-eu"], 3, "blocked by: errors: ");
    journey.expect(3, &promote, "errors: ");
    journey.expect(0, &["rollback", "prod-eu", "--yes"], "done");
    journey.expect(0, &["wait", "prod-eu", "--for=healthy", "--timeout", "3m"], "Healthy");
    journey.stable_is("prod-eu", "1.4.2");
    journey.journal_holds(&[
        "acknowledged pager",
        "signed NO-GO as sre",
        "signed GO as sre, taking back the NO-GO of alice",
        "signed GO as product",
        "promote 20",
        "roll back",
    ]);
}

/// A captain stops the line; nobody promotes, with whatever config, and rollbacks go on.
#[test]
fn stop_the_line() {
    let journey = Journey::start("canary");
    journey.until_run(&["gate", "prod-eu"], 0);
    journey.expect(2, &["freeze", "prod-eu", "--until", "teatime", "--note", "x"], "such as 14:00 (today)");
    journey.expect(3, &["freeze", "prod-eu", "--until", "2020-01-01T00:00:00Z", "--note", "x"], "that time is over");
    journey.expect(0, &["freeze", "prod-eu", "--until", "2h", "--note", "incident 4711"], "alice froze prod-eu until");
    let frozen = "by alice: “incident 4711”: `cockpit unfreeze prod-eu` ends it";
    journey.expect(3, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], frozen);
    let (code, said) = journey.run_elsewhere(&["gate", "prod-eu"]);
    assert!(code == 3 && said.contains(frozen), "{code}\n{said}");
    let (code, said) = journey.run_without_config(&["promote", "--full", "--yes"]);
    assert!(code == 3 && said.contains("by alice: “incident 4711”"), "{code}\n{said}");
    journey.expect(0, &["pause", "prod-eu", "--yes"], "done");
    journey.expect(3, &["resume", "prod-eu", "--yes", "--confirm", "prod-eu"], frozen);
    let (code, said) = journey.run_elsewhere(&["unfreeze", "prod-eu", "--note", "it is over"]);
    assert!(code == 0 && said.contains("ended the freeze of prod-eu: “it is over”"), "{code}\n{said}");
    let (_, said) = journey.run(&["gate", "prod-eu"]);
    assert!(!said.contains("frozen"), "{said}");
    journey.expect(3, &["unfreeze", "prod-eu", "--note", "again"], "prod-eu is not frozen");
    journey.expect(0, &["freeze", "prod-eu", "--note", "the database moves"], "until somebody ends it");
    journey.expect(0, &["rollback", "prod-eu", "--yes"], "done");
    journey.stable_is("prod-eu", "1.4.2");
}

/// What alice's config asks for is asked of everybody who promotes here, with another config or with none.
#[test]
fn gates_of_the_team() {
    let journey = Journey::start("go-no-go");
    let (_, said) = journey.run_without_config(&["gate"]);
    assert!(!said.contains("this config lacks"), "{said}");
    journey.expect(0, &["ack", "prod-eu", "pager", "--note", "bo is on call"], "alice acknowledged pager");
    for role in ["sre", "product"] {
        journey.expect(0, &["sign", "prod-eu", "go", "--role", role, "--note", "seen"], "signed GO");
    }
    journey.until_run(&["gate", "prod-eu"], 0);
    let lacks =
        "this config lacks gate errors, gate pager, sign-off product, sign-off sre, staging before it, metrics (";
    for command in [&["gate"][..], &["promote", "--yes"], &["promote", "--full", "--yes"]] {
        let (code, said) = journey.run_without_config(command);
        assert!(code == 4 && said.contains(lacks), "{command:?} ends with {code}\n{said}");
    }
    // Nobody drops a gate by the way, nor by a config that no file holds.
    let (code, said) = journey.run_without_config(&["require", "prod-eu", "--confirm", "prod-eu"]);
    assert!(code == 3 && said.contains("no config that you chose or trust"), "{code}\n{said}");
    let fewer = journey.without_sign_offs();
    let run = |arguments: &[&str], wanted: i32, says: &str| {
        let run = fewer.run(arguments);
        assert!(
            run.code() == wanted && run.said().contains(says),
            "{arguments:?} ends with {}\n{}",
            run.code(),
            run.said()
        );
    };
    run(&["gate", "prod-eu"], 4, "this config lacks sign-off product, sign-off sre, for prod-eu (recorded by alice");
    run(&["require", "prod-eu"], 3, "this drops sign-off product, sign-off sre in prod-eu: add `--confirm prod-eu`");
    run(&["require", "prod-eu", "--confirm", "prod-eu"], 0, "no longer for sign-off product, sign-off sre");
    let said = fewer.run(&["gate", "prod-eu"]).said();
    assert!(!said.contains("this config lacks"), "{said}");
    // The team is told.
    journey.expect(0, &["gate", "prod-eu"], "decided at");
    // Whoever asks for more than that is not stopped by it.
    journey.until_run(&["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], 0);
    let (code, said) = journey.run_without_config(&["rollback", "--yes"]);
    assert!(code == 0, "{said}");
    journey.stable_is("prod-eu", "1.4.2");
}

#[test]
fn read_only_builds_no_writer() {
    let journey = Journey::start("canary");
    journey.expect(3, &["--read-only", "rollback", "prod-eu", "--yes"], "read-only");
    journey.expect(3, &["--read-only", "abort", "prod-eu", "--yes"], "read-only");
}

#[test]
fn wrong_names_are_reported_with_known_ones() {
    let journey = Journey::start("canary");
    journey.expect(2, &["abort", "stagin", "--yes"], "did you mean `staging`");
    journey.expect(2, &["abort", "--yes"], "staging");
    journey.expect(2, &["--context", "nowhere", "status"], "nowhere");
    journey.expect(2, &["rollback", "prod-eu", "--to", "99", "--yes"], "no revision, version or image");
}
