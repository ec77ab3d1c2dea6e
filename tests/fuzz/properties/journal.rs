//! Journal files: whatever stands there is read, or refused and left alone; what is written after it is read back.

use std::cell::OnceCell;
use std::path::Path;

use release_cockpit::cli::journal::text;
use release_cockpit::domain::record::journal::{Entry, GENESIS, Line, hex, open_intents};
use release_cockpit::executors::Journal;
use release_cockpit::executors::journal::{file_name, read, whole_lines};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::runtime::Runtime;

use super::bytes::Bytes;
use super::{evidence, safe};

const RELEASE: &str = "api 1";

thread_local! {
    static RUNTIME: OnceCell<Runtime> = const { OnceCell::new() };
}

pub fn check(data: &[u8]) {
    match data.split_first() {
        Some((b'C', rest)) => chained(&mut Bytes(rest)),
        Some((_, rest)) => drop(any(rest)),
        None => {}
    }
}

/// A journal as a program would have written these entries, one in each line.
fn chain(entries: &[u8]) -> Vec<u8> {
    let (mut out, mut prev, mut n) = (Vec::new(), GENESIS.to_owned(), 0);
    for entry in entries.split(|byte| *byte == b'\n') {
        let Ok(entry) = serde_json::from_slice::<Value>(entry) else { continue };
        n += 1;
        let mut line = json!({"n": n, "at": "2026-11-21T09:00:00Z", "prev": prev, "entry": entry});
        prev = hex(&Sha256::digest(line.to_string().as_bytes()));
        line["hash"] = json!(prev);
        out.extend_from_slice(line.to_string().as_bytes());
        out.push(b'\n');
    }
    out
}

/// A whole chain, and then one byte of it is another: either that is noticed, or it says the same as before.
fn chained(bytes: &mut Bytes<'_>) {
    let (at, with) = (bytes.as_str(), bytes.byte());
    let mut journal = chain(bytes.rest());
    let before = any(&journal);
    if journal.is_empty() || with == 0 {
        return;
    }
    let at = usize::from(at) % journal.len();
    journal[at] ^= with;
    if let (Some(before), Some(after)) = (before, any(&journal)) {
        assert!(before.starts_with(&after), "a changed byte at {at} was not noticed");
    }
}

/// Returns the lines where they hold together.
fn any(bytes: &[u8]) -> Option<Vec<Line>> {
    let folder = tempfile::tempdir_in(evidence::memory()).unwrap();
    let path = folder.path().join(file_name(RELEASE));
    std::fs::write(&path, bytes).unwrap();
    let was = read(&path);
    let note = Entry::Note { who: "test".to_owned(), text: "after".to_owned() };
    let journal = Journal::new(folder.path(), None);
    let appended = RUNTIME.with(|runtime| {
        let new = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.get_or_init(new).block_on(journal.append(RELEASE, note))
    });
    let Ok(was) = was else {
        // It is evidence: nothing of it is changed.
        assert!(appended.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        return None;
    };
    let wrote = appended.unwrap();
    let now = read(&path).unwrap();
    assert!(now.torn.is_empty());
    assert_eq!(now.lines[..was.lines.len()], was.lines, "what was there is there");
    assert_eq!(now.lines.last(), wrote.last(), "what was written is there");
    let whole = bytes.len() - was.torn.len();
    assert!(whole_lines(&path).unwrap().starts_with(&bytes[..whole]));
    assert_eq!(aside(folder.path()), was.torn, "a torn line is kept");
    for line in text(&now.lines, &jiff::tz::TimeZone::UTC) {
        assert!(!line.contains('\n'), "{line:?}");
        safe::lines(&line);
    }
    let _ = open_intents(&now.lines);
    Some(was.lines)
}

/// Returns what was put aside.
fn aside(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let torn = files.filter(|path| path.to_string_lossy().contains("torn-"));
    torn.flat_map(|path| std::fs::read(path).unwrap()).collect()
}
