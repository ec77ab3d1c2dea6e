//! The head of each journal is anchored in the shared record, and `log verify` finds a journal that does not fit it.

use std::fs;
use std::path::PathBuf;

use release_cockpit::domain::record::anchor::ANNOTATION;
use release_cockpit::domain::record::journal::{Entry, Line};
use release_cockpit::executors::journal;
use serde_json::Value;
use simulator::faults::{Fault, Rule};

use super::program::{Home, Simulated};

const RECORD: &str = "release-cockpit";

fn journal_of(home: &Home) -> PathBuf {
    journal::list(home.path("state/release-cockpit/journals").as_ref()).unwrap().remove(0)
}

/// Every anchor in the shared record of an environment, by key.
fn anchors(simulated: &Simulated, env: &str) -> Vec<(String, Value)> {
    let record = simulated.simulator.cluster(env).unwrap().get("configmaps", RECORD).unwrap_or_default();
    let data = record["data"].as_object().cloned().unwrap_or_default();
    let anchors = data.into_iter().filter(|(key, _)| key.starts_with("journal."));
    anchors.map(|(key, value)| (key, serde_json::from_str(value.as_str().unwrap()).unwrap())).collect()
}

/// The line at which the only journal is anchored, from 1.
fn anchored_line(anchors: &[(String, Value)]) -> usize {
    usize::try_from(anchors[0].1["lines"].as_u64().unwrap()).unwrap()
}

#[track_caller]
fn expect(home: &Home, code: i32, arguments: &[&str], says: &str) {
    let run = home.run(arguments);
    assert_eq!(run.code(), code, "{arguments:?}\n{}", run.said());
    assert!(run.said().contains(says), "{arguments:?} does not say {says:?}\n{}", run.said());
}

/// A canary that was paused, with the journal of it.
fn paused() -> Simulated {
    let simulated = Simulated::new("canary", &[]);
    expect(&simulated.home, 0, &["pause", "prod-eu", "--yes"], "done");
    simulated
}

/// Makes a chain anew over other entries.
fn rehashed(path: &PathBuf, change: impl Fn(&mut Value)) {
    let mut lines: Vec<Line> = Vec::new();
    for line in journal::read(path).unwrap().lines {
        let mut entry = serde_json::to_value(&line.entry).unwrap();
        change(&mut entry);
        lines.push(Line::after(lines.last(), line.at, serde_json::from_value(entry).unwrap()));
    }
    let text: String = lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect();
    fs::write(path, text).unwrap();
}

#[test]
fn each_outcome_replaces_the_anchor_of_its_journal() {
    let simulated = paused();
    let first = anchors(&simulated, "prod-eu");
    assert_eq!(first.len(), 1);
    assert!(first[0].1["author"].as_str().unwrap().starts_with("alice"));
    let (lines, head) = (journal::read(&journal_of(&simulated.home)).unwrap().lines, anchored_line(&first));
    assert!(matches!(lines[head - 1].entry, Entry::Outcome { .. }));
    assert_eq!(first[0].1["hash"], *lines[head - 1].hash);
    let says = format!(" lines, unbroken; fits the shared record of prod-eu up to line {head}");
    expect(&simulated.home, 0, &["log", "verify"], &says);
    expect(&simulated.home, 0, &["abort", "prod-eu", "--yes"], "done");
    let second = anchors(&simulated, "prod-eu");
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].0, first[0].0);
    assert!(anchored_line(&second) > head);
    expect(&simulated.home, 0, &["log", "verify"], "fits the shared record of prod-eu");
}

#[test]
fn a_cut_tail_is_found_and_stays_found_after_the_next_action() {
    let simulated = paused();
    let path = journal_of(&simulated.home);
    let text = fs::read_to_string(&path).unwrap();
    let kept = anchored_line(&anchors(&simulated, "prod-eu")) - 1;
    fs::write(&path, text.split_inclusive('\n').take(kept).collect::<String>()).unwrap();
    expect(&simulated.home, 1, &["log", "verify"], "its end was cut off");
    let anchored = anchors(&simulated, "prod-eu");
    expect(&simulated.home, 0, &["abort", "prod-eu", "--yes"], "done");
    assert_eq!(anchors(&simulated, "prod-eu"), anchored);
    expect(&simulated.home, 1, &["log", "verify"], "the lines up to there were changed and hashed anew");
}

#[test]
fn a_chain_made_anew_is_found() {
    let simulated = paused();
    let path = journal_of(&simulated.home);
    rehashed(&path, |entry| {
        if let Some(operator) = entry.get_mut("operator") {
            *operator = "mallory".into();
        }
    });
    assert!(journal::read(&path).is_ok());
    expect(&simulated.home, 1, &["log", "verify"], "the lines up to there were changed and hashed anew");
    // From its first line on it is another journal.
    rehashed(&path, |entry| {
        if let Some(program) = entry.get_mut("program") {
            *program = "0.0.0".into();
        }
    });
    expect(&simulated.home, 1, &["log", "verify"], "or the journal was made anew");
}

#[test]
fn a_missing_journal_is_found() {
    let simulated = paused();
    let path = journal_of(&simulated.home);
    let release = anchors(&simulated, "prod-eu")[0].1["release"].as_str().unwrap().to_owned();
    fs::remove_file(&path).unwrap();
    let says = format!("the journal of `{release}` is missing: the shared record of prod-eu has its line");
    expect(&simulated.home, 1, &["log", "verify"], &says);
    expect(&simulated.home, 1, &["log", "verify", &release], &says);
}

#[test]
fn without_a_cluster_it_says_what_was_not_compared() {
    let simulated = paused();
    simulated.simulator.faults("prod-eu").unwrap().begin_outage();
    expect(&simulated.home, 0, &["log", "verify"], "unbroken; not compared with the shared record: ");
    let run = simulated.home.run(&["log", "verify"]);
    assert!(run.out().contains("prod-eu: connection refused"), "{}", run.said());
    fs::remove_file(simulated.home.path("kubeconfig")).unwrap();
    expect(&simulated.home, 0, &["log", "verify"], "unbroken; not compared with the shared record: no cluster: ");
}

#[test]
fn a_record_that_cannot_be_written_changes_no_stop() {
    let simulated = Simulated::new("canary", &[]);
    let faults = simulated.simulator.faults("prod-eu").unwrap();
    faults.add(Rule::all(Fault::Hang).path("/configmaps"));
    expect(&simulated.home, 0, &["abort", "prod-eu", "--yes"], "done");
    assert!(anchors(&simulated, "prod-eu").is_empty());
    faults.clear();
    expect(&simulated.home, 0, &["log", "verify"], "not compared with the shared record: ");
}

#[test]
fn what_only_looks_writes_no_anchor() {
    let simulated = Simulated::new("canary", &[]);
    expect(&simulated.home, 3, &["pause", "prod-eu", "--yes", "--read-only"], "read-only");
    expect(&simulated.home, 0, &["log", "verify", "--read-only"], "");
    let writes = simulated.simulator.cluster("prod-eu").unwrap().writes();
    assert!(writes.iter().all(|write| !write.path.contains("configmaps")), "{writes:?}");
}

#[test]
fn an_anchor_counts_for_no_gate_and_says_nothing_raw() {
    let simulated = paused();
    let anchored = anchors(&simulated, "prod-eu").remove(0);
    let mut forged = anchored.1;
    forged["lines"] = 9_999.into();
    forged["author"] = "eve\n/home: 3 lines, unbroken\u{1b}[2J\u{202e}".into();
    let data = serde_json::json!({"data": {anchored.0: forged.to_string()}});
    simulated.simulator.cluster("prod-eu").unwrap().patch("configmaps", RECORD, &data).unwrap();
    let run = simulated.home.run(&["log", "verify"]);
    assert_eq!(run.code(), 1, "{}", run.said());
    let said = run.said();
    assert!(!said.contains(['\u{1b}', '\u{202e}']) && !said.contains("\n/home"), "{said:?}");
}

/// The only workload of an environment, as the API server has it.
fn rollout(simulated: &Simulated) -> Value {
    simulated.simulator.cluster("prod-eu").unwrap().get("rollouts", "payments-api").unwrap()
}

#[test]
fn the_request_notes_the_intent_in_the_object_and_not_in_its_template() {
    let simulated = paused();
    let rollout = rollout(&simulated);
    let anchor: Value = serde_json::from_str(rollout["metadata"]["annotations"][ANNOTATION].as_str().unwrap()).unwrap();
    let lines = journal::read(&journal_of(&simulated.home)).unwrap().lines;
    let noted = &lines[usize::try_from(anchor["lines"].as_u64().unwrap()).unwrap() - 1];
    assert!(matches!(noted.entry, Entry::Intent { .. }));
    assert_eq!((&anchor["hash"], &anchor["first"]), (&noted.hash.clone().into(), &lines[0].hash.clone().into()));
    assert!(!rollout["spec"].to_string().contains(ANNOTATION));
    let says = format!("; fits the annotation of rollout/payments-api of prod-eu up to line {}", noted.n);
    expect(&simulated.home, 0, &["log", "verify"], &says);
}

#[test]
fn the_annotation_finds_what_was_cut_off_though_the_record_is_gone() {
    let simulated = paused();
    let path = journal_of(&simulated.home);
    let lines = journal::read(&path).unwrap().lines;
    let intent = lines.iter().position(|line| matches!(line.entry, Entry::Intent { .. })).unwrap();
    for (key, _) in anchors(&simulated, "prod-eu") {
        let gone = serde_json::json!({"data": {key: null}});
        simulated.simulator.cluster("prod-eu").unwrap().patch("configmaps", RECORD, &gone).unwrap();
    }
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.split_inclusive('\n').take(intent).collect::<String>()).unwrap();
    let says = format!("but the annotation of rollout/payments-api of prod-eu has line {}", intent + 1);
    expect(&simulated.home, 1, &["log", "verify"], &says);
    fs::write(&path, text).unwrap();
    rehashed(&path, |entry| {
        if let Some(operator) = entry.get_mut("operator") {
            *operator = "mallory".into();
        }
    });
    expect(&simulated.home, 1, &["log", "verify"], "remove the annotation release-cockpit/journal from rollout/");
}
