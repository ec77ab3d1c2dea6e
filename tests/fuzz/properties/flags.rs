//! What providers of feature flags answer: LaunchDarkly, Unleash, a document of flagd, the list of a command, rows of a table;
//! statements; and flags in the code of a release.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use release_cockpit::domain::facts::changes::code::{CodeSearch, Finder, OwnCall, group_of};
use release_cockpit::domain::facts::flag::flagd::Document;
use release_cockpit::domain::facts::flag::statement::{Dialect, Parameter, ParameterValue, Statement};
use release_cockpit::domain::facts::flag::{Flag, FlagState, Share, Turn, command, launchdarkly, table, unleash};
use release_cockpit::domain::facts::text::is_unsafe;
use serde_json::Value;

/// Both are in the seeds.
const PROJECT: &str = "shop";
const ENVIRONMENT: &str = "production";

pub fn check(data: &[u8]) {
    match data.split_first() {
        Some((b'L', rest)) => of_launchdarkly(rest),
        Some((b'U', rest)) => of_unleash(rest),
        Some((b'D', rest)) => of_flagd(rest),
        Some((b'C', rest)) => of_command(rest),
        Some((b'T', rest)) => of_table(rest),
        Some((b'S', rest)) => of_statement(rest),
        Some((b'P', rest)) => of_patch(rest),
        Some((b'R', rest)) => of_pattern(rest),
        _ => {}
    }
}

fn flags(all: &[Flag]) {
    for flag in all {
        assert!(!matches!(flag.state, FlagState::Percent(0 | 100..)), "{flag:?}");
        assert!(flag.changes.len() <= Flag::MAX_CHANGES, "{flag:?}");
    }
}

/// What is found stands in the patch, on a line that came.
fn in_patch(finder: &Finder, patch: &str) {
    let Ok(found) = finder.find(patch) else { return };
    let lines: Vec<&str> = patch.split('\n').filter(|line| line.starts_with('+')).collect();
    let all = found.clone().settle(|_, _| true);
    for flag in all.calls() {
        assert!((1..=256).contains(&flag.name.len()) && flag.name.trim() == flag.name, "{flag:?}");
        assert!(!flag.name.chars().any(is_unsafe), "{flag:?}");
        assert!(lines.iter().any(|line| line.contains(&flag.name)), "{flag:?}");
        assert_eq!(all.named(&flag.name), Some(flag));
    }
    // Files that do not use the SDKs have no calls of them, and the same names.
    let none = found.settle(|_, _| false);
    assert_eq!(none.calls().count(), 0);
    assert!(all.calls().all(|flag| none.named(&flag.name).is_some()));
}

fn of_patch(bytes: &[u8]) {
    static FINDER: LazyLock<Finder> = LazyLock::new(|| Finder::new(&CodeSearch::default()).unwrap());
    in_patch(&FINDER, &String::from_utf8_lossy(bytes));
}

/// A pattern of the user's own, and below it the lines of a file.
fn of_pattern(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Some((pattern, lines)) = text.split_once('\n') else { return };
    if group_of(pattern).is_err() {
        return;
    }
    let call = OwnCall { files: vec!["**/*.x".to_owned()], pattern: pattern.to_owned() };
    let search = CodeSearch { sdks: false, calls: vec![call], ..CodeSearch::default() };
    let count = lines.split('\n').count();
    let came = format!("+{}\n", lines.replace('\n', "\n+"));
    let found = Finder::new(&search).unwrap().find(&format!("+++ b/a.x\n@@ -0,0 +1,{count} @@\n{came}"));
    for flag in found.unwrap_or_default().settle(|_, _| true).calls() {
        let line = lines.split('\n').nth(flag.line as usize - 1).unwrap();
        assert!(flag.name.split('\n').next().is_some_and(|first| line.contains(first)), "{flag:?}");
    }
}

fn of_launchdarkly(bytes: &[u8]) {
    let Ok(answer) = serde_json::from_slice::<Value>(bytes) else { return };
    let changes = launchdarkly::changes(&answer, PROJECT, ENVIRONMENT);
    for all in changes.values() {
        assert!(all.is_sorted_by(|a, b| a.at >= b.at), "{all:?}");
    }
    let Some(page) = launchdarkly::page(&answer, ENVIRONMENT) else { return };
    assert!(page.flags.len() <= page.listed);
    flags(&page.flags);
    for mut flag in page.flags {
        let before = flag.clone();
        let logged = changes.get(&flag.name).map(Vec::as_slice).unwrap_or_default();
        launchdarkly::note(&mut flag, Some(&before), logged);
        flags(std::slice::from_ref(&flag));
    }
    for item in answer["items"].as_array().into_iter().flatten() {
        // What is off already, and would stay so, is not turned on.
        if let (Ok(_), Some(flag)) =
            (launchdarkly::changes_to(item, ENVIRONMENT, Turn::On), launchdarkly::flag(item, ENVIRONMENT))
        {
            assert!(item["environments"][ENVIRONMENT]["on"] != true || flag.state != FlagState::Off, "{item}");
        }
    }
}

fn of_table(bytes: &[u8]) {
    let Ok(rows) = serde_json::from_slice::<Vec<Value>>(bytes) else { return };
    let Ok(list) = table::list(&rows) else { return };
    flags(&list);
    let names: BTreeSet<&str> = list.iter().map(|flag| flag.name.as_str()).collect();
    assert_eq!((names.len(), list.len()), (rows.len(), rows.len()));
    assert!(list.iter().all(|flag| flag.version.is_some()));
}

/// What becomes a parameter is gone from the text, and all else stays as it was.
fn of_statement(bytes: &[u8]) {
    let Ok(sql) = std::str::from_utf8(bytes) else { return };
    let Ok(statement) = Statement::parse(sql, Dialect::Postgres) else { return };
    let share = Share::try_from(7).unwrap();
    let values = statement.values("{flag}", "{environment}", Turn::Share(share));
    let number = |of: &ParameterValue| values.iter().position(|value| value == of).map_or(0, |at| at + 1);
    let mut back = statement.text().to_owned();
    for parameter in [Parameter::Flag, Parameter::Environment, Parameter::Percent] {
        let written = format!("{{{}}}", parameter.as_str());
        let value = match parameter {
            Parameter::Percent => ParameterValue::Number(7),
            _ => ParameterValue::Text(written.clone()),
        };
        assert_eq!(statement.has(parameter), number(&value) > 0);
        if statement.has(parameter) {
            back = back.replace(&format!("${}", number(&value)), &written);
        }
    }
    assert!(sql.trim().starts_with(&back) || sql.contains('$'), "{sql:?}: {statement:?}");
}

fn of_unleash(bytes: &[u8]) {
    let Ok(answer) = serde_json::from_slice::<Value>(bytes) else { return };
    let strategies = unleash::strategies(&answer);
    let _ = (unleash::owners(&answer), unleash::feature(&answer, ENVIRONMENT));
    let _ = unleash::GradualRollout::of(&answer, ENVIRONMENT);
    let _ = (unleash::changes(&answer, ENVIRONMENT), unleash::list(&answer, ENVIRONMENT, strategies.as_ref()));
}

/// What is turned off serves nobody, or the default in the code, and the rest of the document is as before.
fn of_flagd(bytes: &[u8]) {
    let Ok(text) = String::from_utf8(bytes.to_vec()) else { return };
    let Ok(document) = Document::parse(text) else { return };
    let all = document.flags();
    flags(&all);
    for flag in all.iter().take(4) {
        for turn in [Turn::Off, Turn::Share(Share::try_from(7).unwrap()), Turn::Share(Share::ALL)] {
            let Ok(Some(text)) = document.turned(&flag.name, turn) else { continue };
            let turned = Document::parse(text).unwrap();
            let state = turned.flag(&flag.name).map(|flag| flag.state);
            assert!(state.is_some_and(|state| turn.is_reached(state)), "{} to {turn}: {state:?}", flag.name);
            let others = |document: &Document| -> Vec<Flag> {
                document.flags().into_iter().filter(|other| other.name != flag.name).collect()
            };
            assert_eq!(others(&turned), others(&document));
        }
    }
}

fn of_command(bytes: &[u8]) {
    match command::list(bytes) {
        Ok(all) => {
            flags(&all);
            let names: BTreeSet<&str> = all.iter().map(|flag| flag.name.as_str()).collect();
            assert_eq!(names.len(), all.len());
        }
        Err(why) => assert!(!why.is_empty()),
    }
}
