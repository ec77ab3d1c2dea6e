//! Migrations, judged by what running them did: `evidence/sql/corpus` has statements, and a table of what became of the
//! old version's queries after each of them on a real database.
use std::fs;
use std::path::Path;

use release_cockpit::domain::facts::changes::Migration;
use release_cockpit::domain::facts::changes::migration::{Class, MigrationState};

/// What running a migration showed.
struct Case {
    sql: String,
    verdict: String,
    rewritten: Vec<String>,
    lock: String,
    broken: String,
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence/sql/corpus").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// FNV-1a, as `run.py` computes it: a statement that was edited since it ran has no verdict.
fn sum(text: &str) -> String {
    let step = |value: u32, byte: u8| (value ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    format!("{:08x}", text.bytes().fold(0x811c_9dc5, step))
}

/// The cases of a dialect: one a line, and a line that begins with two spaces goes on with the one above.
fn cases(dialect: &str) -> Vec<Case> {
    let mut texts: Vec<String> = Vec::new();
    for line in read(&format!("{dialect}.sql")).lines() {
        match texts.last_mut() {
            Some(text) if line.starts_with("  ") => *text = format!("{text}\n{line}"),
            _ if line.trim().is_empty() || line.starts_with("--#") => {}
            _ => texts.push(line.to_owned()),
        }
    }
    let table = read(&format!("{dialect}.tsv"));
    assert_eq!(table.lines().count(), texts.len(), "{dialect}: run it anew");
    let verdicts = table.lines().map(|line| {
        let mut parts = line.split('\t').map(ToOwned::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        [next(), next(), next(), next(), next()]
    });
    let join = |(sql, [known, verdict, rewritten, lock, broken]): (String, [String; 5])| {
        assert_eq!(sum(&sql), known, "{dialect}: run anew: {sql}");
        let rewritten = rewritten.split(',').filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect();
        Case { sql, verdict, rewritten, lock, broken }
    };
    texts.into_iter().zip(verdicts).map(join).collect()
}

fn judged(folder: &str, sql: &str) -> Migration {
    Migration::read(&format!("{folder}/V1__a.sql"), sql, MigrationState::New, &[])
}

fn shown(migration: &Migration) -> String {
    let statements: Vec<String> = migration.statements.iter().map(|found| found.why.to_string()).collect();
    let unread = migration.unread.as_ref().map_or("", |unread| unread.why.as_str());
    format!("{} {}{unread}", migration.class().as_str(), statements.join("; "))
}

/// No statement that broke the old version is called compatible, and few that did not are called incompatible.
fn held_to_what_running_showed(dialect: &str, least: usize, most_contract: usize, most_unclear: usize) {
    let cases = cases(dialect);
    assert!(cases.len() >= least, "{} cases", cases.len());
    assert!(cases.iter().all(|case| matches!(case.verdict.as_str(), "works" | "breaks")), "{dialect}: one was refused");
    let mut wrong = Vec::new();
    let (mut contract, mut unclear) = (Vec::new(), Vec::new());
    for case in &cases {
        for folder in [dialect, "db"] {
            let migration = judged(folder, &case.sql);
            let told = format!("{folder}: {} [{}] {}", case.sql, case.broken, shown(&migration));
            match (case.verdict.as_str(), migration.class()) {
                ("breaks", Class::Expand) => wrong.push(told),
                ("works", Class::Contract) if folder == dialect => contract.push(told),
                ("works", Class::Unclear) if folder == dialect => unclear.push(told),
                _ => {}
            }
        }
    }
    println!("{dialect}: {} contract, {} unclear", contract.len(), unclear.len());
    println!("{dialect}: works, and is said to break:\n{}\n\nunclear:\n{}", contract.join("\n"), unclear.join("\n"));
    assert!(wrong.is_empty(), "{} are said to be compatible, and broke:\n{}", wrong.len(), wrong.join("\n"));
    assert!(
        contract.len() <= most_contract,
        "{} work, and are said to break:\n{}",
        contract.len(),
        contract.join("\n")
    );
    assert!(unclear.len() <= most_unclear, "{} work, and are unclear:\n{}", unclear.len(), unclear.join("\n"));
}

#[test]
fn what_broke_on_postgres_is_never_called_compatible() {
    held_to_what_running_showed("postgres", 150, 29, 114);
}

#[test]
fn what_broke_on_sqlite_is_never_called_compatible() {
    held_to_what_running_showed("sqlite", 150, 8, 48);
}

#[test]
fn rewrites_and_locks_that_last_are_told() {
    let mut silent = Vec::new();
    for case in cases("postgres").iter().filter(|case| case.verdict == "works" || case.verdict == "breaks") {
        let migration = judged("postgres", &case.sql);
        if migration.class() != Class::Expand {
            continue;
        }
        let told = |words: &str| migration.statements.iter().any(|found| found.why.contains(words));
        if !case.rewritten.is_empty() && !told("rewrites the table") {
            silent.push(format!("rewrites {}: {}", case.rewritten.join(", "), case.sql));
        }
        if case.lock == "Share" && !told("writes may wait") && !told("rewrites the table") {
            silent.push(format!("locks out writes: {}", case.sql));
        }
    }
    assert!(silent.is_empty(), "{}:\n{}", silent.len(), silent.join("\n"));
}
