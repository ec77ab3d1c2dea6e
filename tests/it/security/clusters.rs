//! The same names in another cluster are another environment: what was said and sent in one is nothing in the other.

use std::fs;

use release_cockpit::domain::record::journal::Entry;
use release_cockpit::executors::journal;

use super::program::{Home, Simulated};

/// Two clusters whose environments, contexts and namespaces are called the same, and a home that both share.
fn two_clusters(scenario: &str) -> (Simulated, Simulated) {
    let one = Simulated::new(scenario, &[]);
    let other = Simulated::in_home(one.home.clone(), scenario, 8);
    (one, other)
}

#[track_caller]
fn expect(home: &Home, code: i32, arguments: &[&str], says: &str) {
    let run = home.run(arguments);
    assert_eq!(run.code(), code, "{arguments:?}\n{}", run.said());
    assert!(run.said().contains(says), "{arguments:?} does not say {says:?}\n{}", run.said());
}

/// Asks for a sign-off in every environment.
fn with_sign_offs(simulated: &Simulated) {
    simulated.point_here();
    let config = simulated.home.read("cockpit.toml") + "\n[sign_offs]\nroles = { sre = 1 }\n";
    simulated.home.write("cockpit.toml", &config);
}

/// The statements in the shared record of an environment.
fn shared(simulated: &Simulated, env: &str) -> String {
    let record = simulated.simulator.cluster(env).unwrap().get("configmaps", "release-cockpit");
    record.map_or_else(String::new, |record| record["data"].to_string())
}

/// Cuts the outcome of the last action off the only journal, as a crash before it does.
fn forget_outcome(home: &Home) {
    let path = journal::list(home.path("state/release-cockpit/journals").as_ref()).unwrap().remove(0);
    let lines = journal::read(&path).unwrap().lines;
    let outcome = lines.iter().position(|line| matches!(line.entry, Entry::Outcome { .. })).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.split_inclusive('\n').take(outcome).collect::<String>()).unwrap();
}

fn outcomes(home: &Home) -> usize {
    let paths = journal::list(home.path("state/release-cockpit/journals").as_ref()).unwrap();
    let lines = paths.iter().flat_map(|path| journal::read(path).unwrap().lines);
    lines.filter(|line| matches!(line.entry, Entry::Outcome { .. })).count()
}

#[test]
fn a_go_of_one_cluster_is_none_in_another_of_the_same_name() {
    let (one, other) = two_clusters("canary");
    with_sign_offs(&one);
    expect(&one.home, 0, &["sign", "prod-eu", "--role", "sre", "go", "--note", "eu only"], "signed GO");
    assert!(one.home.said(&["gate", "prod-eu"]).contains("1/1 GO"));
    with_sign_offs(&other);
    expect(&other.home, 3, &["gate", "prod-eu"], "sign-off sre: 0 of 1");
    // What it says here once more is not what was said there.
    expect(&other.home, 0, &["sign", "prod-eu", "--role", "sre", "go", "--note", "us too"], "signed GO");
    assert!(other.home.said(&["gate", "prod-eu"]).contains("1/1 GO"));
    let shared = shared(&other, "prod-eu");
    assert!(shared.contains("us too") && !shared.contains("eu only"), "{shared}");
}

#[test]
fn an_open_intent_is_settled_in_its_own_cluster_only() {
    let (one, other) = two_clusters("canary");
    expect(&one.home, 0, &["pause", "prod-eu", "--yes"], "done");
    forget_outcome(&one.home);
    other.point_here();
    expect(&other.home, 3, &["retry", "prod-eu", "--yes"], "was sent to another cluster");
    expect(&other.home, 0, &["pause", "prod-eu", "--yes"], "done");
    assert_eq!(outcomes(&other.home), 1, "that of the second pause");
    one.point_here();
    expect(&one.home, 3, &["retry", "prod-eu", "--yes"], "cannot retry");
    assert_eq!(outcomes(&one.home), 2);
}

#[test]
fn without_the_right_to_read_namespaces_nothing_is_refused() {
    let simulated = Simulated::new("canary", &[]);
    with_sign_offs(&simulated);
    simulated.simulator.cluster("prod-eu").unwrap().access().deny("alice", "get", "namespaces");
    expect(&simulated.home, 0, &["sign", "prod-eu", "--role", "sre", "go", "--note", "seen"], "signed GO");
    assert!(simulated.home.said(&["gate", "prod-eu"]).contains("1/1 GO"));
    expect(&simulated.home, 0, &["abort", "prod-eu", "--yes"], "done");
}

#[test]
fn namespaces_that_do_not_answer_hold_up_no_stop() {
    use simulator::faults::{Fault, Rule};
    let simulated = Simulated::new("canary", &[]);
    let faults = simulated.simulator.faults("prod-eu").unwrap();
    faults.add(Rule::all(Fault::Hang).path("/api/v1/namespaces/kube-system"));
    expect(&simulated.home, 0, &["abort", "prod-eu", "--yes"], "done");
}
