//! One whole flight per scenario, headless: the program against the simulator of another process.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod ground;

use ground::Flight;

#[test]
fn canary() {
    let flight = Flight::begin("canary");
    flight.until("prod-eu", "paused and well", |env| {
        env["verdict"] == "go" && env["workloads"][0]["message"] == "CanaryPauseStep"
    });
    // Protected: --yes alone is not enough.
    flight.expect(3, &["promote", "prod-eu", "--yes"], "--confirm prod-eu");
    flight.expect(0, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], "done");
    flight.expect(0, &["wait", "prod-eu", "--for=healthy", "--timeout", "3m"], "Healthy");
    flight.stable_is("prod-eu", "1.5.0");
    flight.expect(3, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], "nothing is under way");
    flight.journal_holds(&["asked: promote 20 → 40 %", "done"]);
}

#[test]
fn error_spike() {
    let flight = Flight::begin("error-spike");
    flight.until("prod-eu", "a verdict of no-go", |env| env["verdict"] == "no-go");
    flight.expect(3, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], "canary");
    flight.expect(0, &["rollback", "prod-eu", "--yes"], "done");
    flight.expect(0, &["wait", "prod-eu", "--for=healthy", "--timeout", "3m"], "Healthy");
    flight.stable_is("prod-eu", "1.4.2");
    // What was given up is not gone back to by default.
    let (_, said) = flight.run(&["rollback", "prod-eu", "--yes"]);
    assert!(!said.contains("roll back to 1.5.0"), "{said}");
}

#[test]
fn slow_latency() {
    let flight = Flight::begin("slow-latency");
    flight.until("prod-eu", "a verdict of no-go for latency", |env| {
        env["verdict"] == "no-go" && env["reasons"].to_string().contains("p99")
    });
    flight.expect(3, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], "p99");
    flight.expect(0, &["abort", "prod-eu", "--yes"], "RolloutAborted");
    flight.expect(0, &["wait", "prod-eu", "--for=degraded"], "Degraded");
    flight.expect(3, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], "aborted");
    flight.expect(0, &["retry", "prod-eu", "--yes"], "done");
}

#[test]
fn crash_loop() {
    let flight = Flight::begin("crash-loop");
    flight.until("prod-eu", "why it does not move", |env| {
        env["workloads"][0]["why"].to_string().contains("CrashLoopBackOff")
    });
    flight.expect(0, &["wait", "prod-eu", "--for=degraded", "--timeout", "3m"], "Degraded");
    flight.expect(0, &["rollback", "prod-eu", "--yes"], "done");
    flight.expect(0, &["wait", "prod-eu", "--for=healthy", "--timeout", "3m"], "Healthy");
}

#[test]
fn metrics_outage() {
    let flight = Flight::begin("metrics-outage");
    flight.until("prod-eu", "a verdict of blind", |env| {
        env["verdict"] == "blind" && env["workloads"][0]["message"] == "CanaryPauseStep"
    });
    flight.expect(4, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], "no data");
    flight.expect(0, &["pause", "prod-eu", "--yes"], "done");
    flight.expect(0, &["resume", "prod-eu", "--yes"], "done");
    flight.expect(0, &["rollback", "prod-eu", "--yes"], "done");
}

#[test]
fn api_outage() {
    let flight = Flight::begin("api-outage");
    let said = flight.until_run(&["status"], 1);
    assert!(said.contains("prod-eu"), "{said}");
    flight.until("prod-eu", "the server back", |env| env["workloads"][0]["phase"] == "Paused");
    flight.expect(0, &["rollback", "prod-eu", "--yes"], "done");
}

#[test]
fn blue_green() {
    let flight = Flight::begin("blue-green");
    flight.until("prod-eu", "a preview that waits", |env| {
        env["verdict"] == "go" && env["workloads"][0]["message"] == "BlueGreenPause"
    });
    flight.expect(0, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], "done");
    flight.expect(0, &["wait", "prod-eu", "--for=healthy", "--timeout", "3m"], "Healthy");
    flight.stable_is("prod-eu", "1.5.0");
}

#[test]
fn deployment() {
    let flight = Flight::begin("deployment");
    flight.until("prod-eu", "a roll under way", |env| env["workloads"][0]["phase"] == "Progressing");
    flight.expect(0, &["pause", "prod-eu", "--yes"], "done");
    flight.expect(3, &["promote", "prod-eu", "--yes", "--confirm", "prod-eu"], "no steps");
    flight.expect(0, &["rollback", "prod-eu", "--yes"], "done");
    flight.expect(0, &["wait", "prod-eu", "--for=healthy", "--timeout", "3m"], "Healthy");
    flight.stable_is("prod-eu", "1.4.2");
}

/// The checklist is gone through, a gate turns red on the way: promotion stops there, and the rollback goes through.
#[test]
fn go_no_go() {
    let flight = Flight::begin("go-no-go");
    let promote = ["promote", "prod-eu", "--yes", "--confirm", "prod-eu"];
    flight.expect(3, &["gate", "prod-eu"], "pager: nobody acknowledged it");
    flight.expect(3, &promote, "pager: nobody acknowledged it");
    flight.expect(0, &["ack", "prod-eu", "pager", "--note", "bo is on call"], "alice acknowledged pager");
    flight.expect(0, &["sign", "prod-eu", "no-go", "--role", "sre", "--note", "the dashboard is down"], "NO-GO as sre");
    flight.expect(3, &promote, "the dashboard is down");
    for role in ["sre", "product"] {
        flight.expect(0, &["sign", "prod-eu", "go", "--role", role, "--note", "seen"], "signed GO");
    }
    flight.until_run(&["gate", "prod-eu"], 0);
    flight.expect(0, &promote, "done");
    // At 40 % it begins to fail.
    flight.until_says(&["gate", "prod-eu"], 3, "in the way: errors: ");
    flight.expect(3, &promote, "errors: ");
    flight.expect(0, &["rollback", "prod-eu", "--yes"], "done");
    flight.expect(0, &["wait", "prod-eu", "--for=healthy", "--timeout", "3m"], "Healthy");
    flight.stable_is("prod-eu", "1.4.2");
    flight.journal_holds(&[
        "acknowledged pager",
        "signed NO-GO as sre",
        "signed GO as product",
        "promote 20",
        "roll back",
    ]);
}

#[test]
fn read_only_builds_no_writer() {
    let flight = Flight::begin("canary");
    flight.expect(3, &["--read-only", "rollback", "prod-eu", "--yes"], "read-only");
    flight.expect(3, &["--read-only", "abort", "prod-eu", "--yes"], "read-only");
}

#[test]
fn names_that_are_wrong_are_named_with_what_there_is() {
    let flight = Flight::begin("canary");
    flight.expect(2, &["abort", "stagin", "--yes"], "did you mean `staging`");
    flight.expect(2, &["abort", "--yes"], "staging");
    flight.expect(2, &["--context", "nowhere", "status"], "nowhere");
    flight.expect(3, &["rollback", "prod-eu", "--to", "99", "--yes"], "no revision 99");
}
