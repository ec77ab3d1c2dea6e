//! `cockpit judge` as a person runs it: lines in, lines out, exit codes.
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};

use serde_json::Value;
use support::Program;

use crate::cockpit;

fn start(program: &Program, words: &[&str]) -> Child {
    let mut command = program.clone().arg("judge").command(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Returns the exit code, the answers, and what went to standard error.
fn judge(words: &[&str], lines: &str) -> (i32, Vec<Value>, String) {
    let program = cockpit();
    let mut child = start(&program, words);
    // A child that refuses its options does not read.
    let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
    let done = child.wait_with_output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let answers = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (done.status.code().unwrap(), answers, String::from_utf8(done.stderr).unwrap())
}

fn scrape(t: u32, canary: (u32, u32), stable: (u32, u32)) -> String {
    let counts = |(requests, errors)| format!(r#"{{"requests":{requests},"errors":{errors}}}"#);
    format!("{{\"t\":{t},\"canary\":{},\"stable\":{}}}\n", counts(canary), counts(stable))
}

fn verdicts(answers: &[Value]) -> Vec<&str> {
    answers.iter().map(|answer| answer["verdict"].as_str().unwrap()).collect()
}

#[test]
fn a_rollout_from_the_first_scrape_to_the_rollback() {
    let lines: String = (1..=6).map(|at| scrape(at * 15, (375, 20), (7125, 70))).collect();
    let (code, answers, errors) = judge(&[], &lines);
    assert_eq!((code, errors.as_str(), answers.len()), (3, "", 6));
    assert_eq!(verdicts(&answers)[0], "suspect");
    assert_eq!(verdicts(&answers)[5], "regressed");
    let last = &answers[5];
    assert_eq!((last["t"].as_u64(), last["tier"].as_str()), (Some(90), Some("guarded")));
    assert!(last["e"]["guarded"].as_f64().unwrap() >= 100.0);
    assert!((last["ratio"]["estimate"].as_f64().unwrap() - 5.43).abs() < 0.01);
    assert!(last["ratio"]["low"].as_f64().unwrap() > 1.0);
    assert!(last["reasons"][0].as_str().unwrap().starts_with("error rate: canary 5.33 %, stable 0.98 % (5.4×; "));
}

#[test]
fn a_healthy_rollout_ends_with_0_and_an_undecided_one_with_4() {
    let lines: String = (1..=20).map(|at| scrape(at * 15, (38, 0), (712, 1))).collect();
    let (code, answers, _) = judge(&[], &lines);
    assert_eq!((code, verdicts(&answers)[19]), (0, "healthy"));
    assert!(answers[1]["needs"]["x2_seconds"].as_f64().unwrap() > answers[1]["needs"]["x5_seconds"].as_f64().unwrap());
    let (code, answers, _) = judge(&["--healthy-below", "0.1%"], &lines);
    assert_eq!((code, verdicts(&answers)[19]), (4, "undecided"));
    assert_eq!(judge(&[], "").0, 4);
}

#[test]
fn missing_data_is_answered_and_reset_starts_over() {
    let mut lines = scrape(15, (38, 9), (712, 1)) + "{\"t\":30,\"missing\":true}\n\n{\"reset\":true}\n";
    lines += &scrape(15, (38, 0), (712, 1));
    let (code, answers, _) = judge(&[], &lines);
    assert_eq!(verdicts(&answers), ["suspect", "no-data", "undecided"]);
    assert_eq!(answers[0]["e"], answers[1]["e"]);
    assert_eq!(code, 4);
}

#[test]
fn bad_line_ends_it_after_answering_the_lines_before() {
    let lines = scrape(15, (38, 0), (712, 1)) + &scrape(30, (38, 39), (712, 1)) + &scrape(45, (38, 0), (712, 1));
    let (code, answers, errors) = judge(&[], &lines);
    assert_eq!((code, answers.len()), (1, 1));
    assert_eq!(errors, "cockpit: line 2: `canary` has more errors than requests: 39 of 38\n");
}

#[test]
fn invalid_options_are_usage_errors() {
    for (words, says) in [
        (&["--alpha", "0"][..], "alpha is 0"),
        (&["--alpha", "20%", "--alpha-warn", "10%"], "alpha_warn is 0.1: it must be from alpha"),
        (&["--tolerance", "0.5"], "tolerance is 0.5"),
        (&["--slow", "fast"], "0.5s=1%"),
        (&["--slo", "100%"], "slo is 1"),
    ] {
        let (code, answers, errors) = judge(words, "");
        assert_eq!((code, answers.len()), (2, 0), "{words:?}");
        assert!(errors.contains(says), "{words:?}: {errors}");
    }
    let (code, _, errors) = judge(&["/nowhere/scrapes.jsonl"], "");
    assert!(code == 1 && errors.contains("/nowhere/scrapes.jsonl"), "{errors}");
}

#[test]
fn each_line_is_answered_at_once() {
    let program = cockpit();
    let mut child = start(&program, &["-"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for at in 1..4 {
        stdin.write_all(scrape(at * 15, (38, 0), (712, 1)).as_bytes()).unwrap();
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("{{\"t\":{},", at * 15)), "{answer}");
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(4));
}
