//! The law of the rooms: who may import whom, read from the `use` lines; and no file grows without bound.

use std::path::{Path, PathBuf};

/// Each room with the rooms that it may name.
const MAY_SEE: [(&str, &[&str]); 12] = [
    ("domain", &["domain"]),
    ("core", &["core", "domain"]),
    ("keys", &["keys", "domain"]),
    ("app", &["app", "core", "domain", "keys"]),
    ("view", &["view", "app", "core", "domain", "keys"]),
    ("platform", &["platform", "domain", "failpoints"]),
    ("config", &["config", "domain", "keys", "platform"]),
    ("cli", &["cli", "config", "core", "domain", "keys"]),
    ("sources", &["sources", "domain", "config", "platform", "failpoints"]),
    ("executors", &["executors", "domain", "platform", "failpoints"]),
    ("failpoints", &["failpoints"]),
    (
        "runtime",
        &["runtime", "executors", "app", "cli", "config", "core", "domain", "keys", "platform", "sources", "view"],
    ),
];

/// The floors of `domain`, from the lowest up: each may name itself and those below it.
const FLOORS: [&str; 4] = ["facts", "record", "world", "rules"];

/// Crates that do I/O, read a clock or draw: the pure rooms do without them.
const IMPURE: [&str; 11] = [
    "tokio",
    "reqwest",
    "kube",
    "axum",
    "crossterm",
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::thread",
    "tracing",
];
/// Rooms that are pure, and what they may use of the above all the same.
const PURE: [&str; 5] = ["domain", "core", "keys", "app", "view"];

/// What only tests see may see what it needs.
fn is_test(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| {
        stem == "tests" || stem.to_string_lossy().ends_with("_tests") || stem == "testing" || stem == "fixtures"
    }) || path.components().any(|part| part.as_os_str() == "tests")
}

fn files(room: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test(&path) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room), &mut found);
    found
}

/// The lines of code, without comments and what only tests see.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    without_test_modules(&text)
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Takes out `#[cfg(test)] mod … { … }`, wherever it stands: rustfmt puts its end in the column of its beginning.
fn without_test_modules(text: &str) -> String {
    let mut kept = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let inline = lines.peek().is_some_and(|next| next.contains("mod ") && next.ends_with('{'));
        if line.trim() != "#[cfg(test)]" || !inline {
            kept.push(line);
            continue;
        }
        let end = format!("{}}}", line.split('#').next().unwrap_or_default());
        for inside in lines.by_ref() {
            if inside == end {
                break;
            }
        }
    }
    kept.join("\n")
}

#[test]
fn every_room_is_known() {
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap() {
        let path = entry.unwrap().path();
        // A package of its own: the compiler holds its law.
        if path.is_dir() && !path.join("Cargo.toml").exists() {
            let room = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(MAY_SEE.iter().any(|(known, _)| *known == room), "src/{room} is no room of the table");
        }
    }
}

#[test]
fn no_room_sees_what_it_must_not() {
    let mut wrong = Vec::new();
    for (room, may_see) in MAY_SEE {
        for path in files(room) {
            for seen in code(&path).split("crate::").skip(1) {
                let other: String = seen.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                if MAY_SEE.iter().any(|(known, _)| *known == other) && !may_see.contains(&other.as_str()) {
                    wrong.push(format!("{}: {room} names {other}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_floor_of_the_domain_sees_one_above_it() {
    let mut wrong = Vec::new();
    for (height, floor) in FLOORS.iter().enumerate() {
        for path in files(&format!("domain/{floor}")) {
            let code = code(&path);
            for above in &FLOORS[height + 1..] {
                let named = [format!("crate::domain::{above}"), format!("super::{above}::")];
                if named.iter().any(|name| code.contains(name)) {
                    wrong.push(format!("{}: {floor} names {above}", path.display()));
                }
            }
        }
    }
    let folders = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain")).unwrap();
    for path in folders.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(FLOORS.contains(&name.as_str()), "src/domain/{name} is no floor");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_rooms_do_no_io() {
    let mut wrong = Vec::new();
    for room in PURE {
        for path in files(room) {
            let code = code(&path);
            for name in IMPURE {
                if code.contains(&format!("use {name}"))
                    || code.contains(&format!("{name}::")) && !name.contains("kube")
                {
                    wrong.push(format!("{}: {name}", path.display()));
                }
            }
            for clock in ["Timestamp::now", "Instant::now", "SystemTime::now"] {
                if code.contains(clock) {
                    wrong.push(format!("{}: {clock}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
