//! Migrations, judged by what running them did: `evidence/sql/corpus` has statements, and a table of what became of the
//! old version's queries after each of them on a real database.
use std::cmp::Ordering;
use std::fs;
use std::path::Path;

use release_cockpit::domain::facts::changes::Migration;
use release_cockpit::domain::facts::changes::migration::{Class, MigrationState};

/// What running a migration showed.
#[derive(Clone)]
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

/// The migrations of a dialect: one a line, and a line that begins with two spaces goes on with the one above.
fn texts(dialect: &str) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for line in read(&format!("{dialect}.sql")).lines() {
        match texts.last_mut() {
            Some(text) if line.starts_with("  ") => *text = format!("{text}\n{line}"),
            _ if line.trim().is_empty() || line.starts_with("--#") => {}
            _ => texts.push(line.to_owned()),
        }
    }
    texts
}

/// What running the migrations of a dialect showed.
fn cases(dialect: &str) -> Vec<Case> {
    let texts = texts(dialect);
    // What one of MySQL and MariaDB refuses, the other may take; what breaks on one of them breaks.
    let tables: &[&str] = if dialect == "mysql" { &["mysql", "mariadb"] } else { &[dialect] };
    let tables: Vec<Vec<Case>> = tables.iter().map(|table| ran(table, &texts)).collect();
    let gravest = |number: usize| {
        let found = tables.iter().filter_map(|table| table.get(number));
        found.max_by_key(|case| ["refused", "works", "breaks"].iter().position(|verdict| *verdict == case.verdict))
    };
    (0..texts.len()).filter_map(gravest).cloned().collect()
}

/// What a table says of the cases.
fn ran(name: &str, texts: &[String]) -> Vec<Case> {
    let table = read(&format!("{name}.tsv"));
    assert_eq!(table.lines().count(), texts.len(), "{name}: run it anew");
    let join = |(sql, line): (&String, &str)| {
        let mut parts = line.split('\t').map(ToOwned::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        let [known, verdict, rewritten, lock, broken] = [next(), next(), next(), next(), next()];
        assert_eq!(sum(sql), known, "{name}: run anew: {sql}");
        let rewritten = rewritten.split(',').filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect();
        Case { sql: sql.clone(), verdict, rewritten, lock, broken }
    };
    texts.iter().zip(table.lines()).map(join).collect()
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
    for case in &cases {
        assert!(
            matches!(case.verdict.as_str(), "works" | "breaks"),
            "{dialect}: refused: {} {}",
            case.sql,
            case.broken
        );
    }
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
    held_to_what_running_showed("postgres", 150, 27, 114);
}

#[test]
fn what_broke_on_sqlite_is_never_called_compatible() {
    held_to_what_running_showed("sqlite", 150, 7, 48);
}

#[test]
fn what_broke_on_mysql_or_mariadb_is_never_called_compatible() {
    held_to_what_running_showed("mysql", 400, 35, 77);
}

/// What of a table's locks and rewrites is not told.
fn untold(name: &str, dialect: &str) -> Vec<String> {
    let mut silent = Vec::new();
    for case in ran(name, &texts(dialect)).iter().filter(|case| case.verdict != "refused") {
        let migration = judged(dialect, &case.sql);
        if migration.class() != Class::Expand {
            continue;
        }
        let told = |words: &str| migration.statements.iter().any(|found| found.why.contains(words));
        // InnoDB rewrites many a table while it is read and written.
        if dialect == "postgres" && !case.rewritten.is_empty() && !told("rewrites the table") {
            silent.push(format!("{name}: rewrites {}: {}", case.rewritten.join(", "), case.sql));
        }
        if case.lock == "Share" && !told("writes may wait") && !told("rewrites the table") {
            silent.push(format!("{name}: locks out writes: {}", case.sql));
        }
    }
    silent
}

#[test]
fn rewrites_and_locks_that_last_are_told() {
    let silent = [("postgres", "postgres"), ("mysql", "mysql"), ("mariadb", "mysql")]
        .map(|(name, dialect)| untold(name, dialect))
        .concat();
    assert!(silent.is_empty(), "{}:\n{}", silent.len(), silent.join("\n"));
}

/// Migrations with their ways down, and what became of the database when both had run.
fn ways_down() -> Vec<(String, String, String)> {
    let texts = texts("ways-down");
    let table = read("ways-down.tsv");
    assert_eq!(table.lines().count() * 2, texts.len(), "run down.py anew");
    let pairs = texts.chunks_exact(2).zip(table.lines()).map(|(pair, line)| {
        let (up, down) = (pair[0].clone(), pair[1].trim_start_matches('<').trim().to_owned());
        let mut parts = line.split('\t').map(ToOwned::to_owned);
        assert_eq!(parts.next(), Some(sum(&format!("{up}\n{down}"))), "run down.py anew: {up}");
        (up, down, parts.next().unwrap_or_default())
    });
    pairs.collect()
}

#[test]
fn what_did_not_go_back_is_never_called_reversible() {
    let rank = |verdict: &str| ["back", "rows", "stays"].iter().position(|known| *known == verdict);
    let (mut wrong, mut doubted) = (Vec::new(), Vec::new());
    for (up, down, verdict) in ways_down() {
        for folder in ["postgres", "db"] {
            let files = [format!("{folder}/V1__a.sql"), format!("{folder}/U1__a.sql")];
            let migration = Migration::read(&files[0], &up, MigrationState::New, &files).with_down(&up, &down);
            let said = match (migration.has_way_down(), migration.loses_data()) {
                (false, _) => "stays",
                (true, true) => "rows",
                (true, false) => "back",
            };
            let told = format!("{folder}: {verdict}, said {said}: {up} < {down}: {:?}", migration.left_behind);
            match rank(said).cmp(&rank(&verdict)) {
                Ordering::Less => wrong.push(told),
                Ordering::Equal => {}
                Ordering::Greater => doubted.push(told),
            }
        }
    }
    // Whether a number fits another type depends on which it was.
    assert!(doubted.len() <= 2, "{}:\n{}", doubted.len(), doubted.join("\n"));
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
