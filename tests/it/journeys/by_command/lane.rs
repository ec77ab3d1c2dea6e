//! A lane for a hotfix, by commands: judged by exit codes, what the API servers have, and the journal.

use support::Program;

use crate::journeys::journey::Journey;

const ROLES: &str = "
[sign_offs]
roles = { sre = 1 }
";

const HOTFIX: &str = "
[[lanes]]
name = 'hotfix'
environments = ['staging', 'prod-us']
gates = ['artifact']
sign_offs = { sre = 1 }
";

#[track_caller]
fn expect_of(program: &Program, code: i32, arguments: &[&str], says: &str) {
    let run = program.run(arguments);
    assert!(run.code() == code && run.said().contains(says), "{arguments:?} ends with {}\n{}", run.code(), run.said());
}

/// What staging has released goes into prod-us past prod-eu, where it is still going out: allowed by a decision, opened by
/// alice, signed by bob, and by no config alone.
#[test]
fn a_hotfix_passes_an_environment() {
    let ours = format!("{ROLES}{HOTFIX}");
    let journey = Journey::start_with("canary", &ours);
    let (bob, bob_without) = (journey.as_bob(&ours), journey.as_bob(ROLES));
    let open =
        ["lane", "open", "prod-us", "hotfix", "--until", "2h", "--note", "incident 4711", "--confirm", "prod-us"];
    let release = ["release", "prod-us", "--yes", "--confirm", "prod-us"];
    let by_lane = ["release", "prod-us", "--yes", "--confirm", "prod-us", "--lane", "hotfix"];
    let promote = ["promote", "prod-us", "--full", "--yes", "--confirm", "prod-us", "--lane", "hotfix"];
    let sign = ["sign", "prod-us", "go", "--role", "sre"];
    let templates = || ["staging", "prod-eu", "prod-us"].map(|context| journey.template_images(context));
    let before = templates();
    journey.until("prod-eu", "a pause", |env| env["workloads"][0]["message"] == "CanaryPauseStep");

    // The config alone allows nothing.
    journey.expect(3, &open, "nobody has decided that prod-us allows the lane hotfix");
    journey.expect(
        3,
        &["require", "prod-us"],
        "this allows the lane hotfix in prod-us, from staging: it leaves out prod-eu",
    );
    journey.expect(3, &open, "nobody has decided");
    journey.expect(0, &["require", "prod-us", "--confirm", "prod-us"], "it allows the lane hotfix from staging");
    expect_of(
        &bob_without,
        3,
        &["gate", "prod-us"],
        "that the lane hotfix is allowed from staging; this config has no such lane",
    );

    journey.expect(3, &["lane", "open", "prod-us", "hotfix", "--until", "2020-01-01T00:00:00Z", "--note", "x"], "over");
    journey.expect(3, &["lane", "open", "prod-us", "hotfix", "--until", "5h", "--note", "x"], "for at most 4h");
    journey.expect(3, &["lane", "open", "prod-us", "other", "--until", "1h", "--note", "x"], "there are hotfix");
    journey.expect(3, &["lane", "close", "prod-us", "--note", "x"], "no lane is open in prod-us");
    let (code, said) = journey.run(&open[..open.len() - 2]);
    let shown = [
        "prod-us: open the lane hotfix for payments-api 1.5.0",
        "as staging runs it",
        "prod-eu: 1.5.0 is still going out",
    ];
    assert!(code == 3 && shown.iter().all(|part| said.contains(part)), "{code}\n{said}");
    assert!(said.contains("other than alice") && said.contains("add `--confirm prod-us`"), "{said}");
    journey.expect(0, &["lane", "list"], "no lane was opened");
    journey.expect(0, &open, "alice opened the lane hotfix in prod-us for payments-api 1.5.0");
    journey.expect(0, &["lane", "list", "prod-us"], "hotfix  payments-api 1.5.0  open until");

    // Two people, in the lane, by its name.
    journey.expect(3, &by_lane, "sre");
    journey.expect(3, &sign, "alice opened the lane: another person signs");
    expect_of(&bob_without, 0, &sign, "bob signed GO as sre");
    expect_of(&bob_without, 0, &["lane", "list"], "not used here: this config has no such lane");
    expect_of(&bob_without, 3, &release, "prod-eu has nothing released to go on with");
    journey.expect(3, &by_lane, "sre");
    expect_of(&bob, 0, &sign, "prod-eu: 1.5.0 is still going out there");
    journey.until_run(&["gate", "prod-us", "--lane", "hotfix"], 0);
    journey.expect(3, &["gate", "prod-us"], "1.5.0 goes by the lane hotfix: add `--lane hotfix`");
    journey.expect(3, &["gate", "prod-us", "--lane", "other"], "--lane is `other`");
    journey.expect(0, &["gate", "prod-us", "--lane", "hotfix", "-o", "junit"], "left out by the lane hotfix");
    journey.expect(3, &release, "it goes by the lane hotfix: add `--lane hotfix`");
    assert_eq!(templates(), before);
    journey.expect(0, &by_lane, "done:");
    let now = templates();
    let image = now[2].join(" ");
    assert!(image.starts_with("registry.example/payments-api:1.5.0@sha256:") && now[..2] == before[..2], "{now:?}");

    // Closed midway: every gate is asked, and nothing goes back.
    journey.until("prod-us", "a pause", |env| env["workloads"][0]["message"] == "CanaryPauseStep");
    journey.expect(0, &["lane", "close", "prod-us", "--note", "it is out"], "alice closed the lane hotfix in prod-us");
    journey.expect(3, &["lane", "close", "prod-us", "--note", "it is out"], "no lane is open in prod-us");
    journey.expect(3, &promote, "prod-eu");
    journey.expect(0, &["status"], "1.5.0 goes on by all gates, or when it is opened again");
    // The GO of the first opening is none of the second.
    journey.expect(0, &open, "alice opened the lane hotfix");
    journey.expect(3, &promote, "sre");
    expect_of(&bob, 0, &sign, "bob signed GO as sre");
    let without_lane = &promote[..promote.len() - 2];
    journey.until_says(without_lane, 3, "it goes by the lane hotfix: add `--lane hotfix`");
    journey.until_run(&promote, 0);
    journey.expect(0, &["wait", "prod-us", "--for=healthy", "--timeout", "3m"], "Healthy");
    assert_eq!(templates(), now);

    // What came by it has not been through prod-eu yet.
    let lane = &journey.environment("prod-us")["lane"];
    assert!(lane["state"] == "open" && lane["still_to_go_through"] == serde_json::json!(["prod-eu"]), "{lane:#}");
    expect_of(&bob_without, 0, &["lane", "list"], "1.5.0 has not been through prod-eu yet");
    journey.expect(0, &["rollback", "prod-us", "--yes"], "done");
    journey.stable_is("prod-us", "1.4.2");
    assert_eq!(templates()[2], before[2]);
    journey.journal_holds(&[
        "alice decided: ",
        "alice opened the lane hotfix",
        "alice requested: release 1.5.0 by the lane hotfix",
        "alice closed the lane hotfix",
        "alice opened the lane hotfix",
        "in the lane hotfix",
        "roll back",
    ]);
}
