//! The journals: one file per release. Blocking work runs apart, so that no one waits for a disk who need not.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::journal_file::JournalFile;
pub use super::journal_file::{Contents, JournalError, copy_new, read, whole_lines};
use crate::domain::record::journal::{Entry, JournalState, Line};
use crate::platform::private_files::{file_stem, open_private, private_dir};

/// So many journals are kept open at once: there is a release or two at a time.
const MAX_OPEN_JOURNALS: usize = 4;

/// All journals of a state folder; cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal {
    inner: Arc<Mutex<Inner>>,
    dir: PathBuf,
    settings: Option<String>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    config: Option<String>,
    open: BTreeMap<String, JournalFile>,
    unwritten: Vec<(String, Timestamp, Entry)>,
    broken: Option<String>,
}

impl Journal {
    /// Makes the journals of a folder, which is made with the first entry. `config` is the hash of the config in force.
    #[must_use]
    pub fn new(dir: &Path, config: Option<String>) -> Self {
        let inner = Inner { dir: dir.to_owned(), config, open: BTreeMap::new(), unwritten: Vec::new(), broken: None };
        Self { inner: Arc::new(Mutex::new(inner)), dir: dir.to_owned(), settings: None }
    }

    /// Sets what every intent says of the settings in force.
    #[must_use]
    pub fn under(self, settings: Option<String>) -> Self {
        Self { settings, ..self }
    }

    /// Returns what every intent says of the settings in force.
    #[must_use]
    pub fn settings(&self) -> Option<String> {
        self.settings.clone()
    }

    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Appends an entry to a release's journal and waits until it is on disk. What waits in memory goes first.
    ///
    /// # Errors
    /// Why it could not be written. The entry is not kept.
    pub async fn append(&self, release: &str, entry: Entry) -> Result<Vec<Line>, JournalError> {
        let (inner, release) = (Arc::clone(&self.inner), release.to_owned());
        let at = Timestamp::now();
        let appended = tokio::task::spawn_blocking(move || {
            inner.lock().unwrap_or_else(PoisonError::into_inner).append(&release, at, entry)
        });
        appended.await.unwrap_or_else(|panic| {
            Err(JournalError::Io { path: self.dir.clone(), error: std::io::Error::other(panic) })
        })
    }

    /// Appends an entry, or keeps it in memory until it can be written: for what must not be held up by a disk.
    pub async fn append_or_keep(&self, release: &str, entry: Entry) -> Vec<Line> {
        match self.append(release, entry.clone()).await {
            Ok(lines) => lines,
            Err(error) => {
                let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
                tracing::error!(%error, "journal entry kept in memory");
                inner.unwritten.push((release.to_owned(), Timestamp::now(), entry));
                Vec::new()
            }
        }
    }

    /// Tries whether a release's journal can be written, and writes what waits in memory.
    pub async fn probe(&self, release: &str) -> Vec<Line> {
        let (inner, release) = (Arc::clone(&self.inner), release.to_owned());
        tokio::task::spawn_blocking(move || inner.lock().unwrap_or_else(PoisonError::into_inner).probe(&release))
            .await
            .unwrap_or_default()
    }

    #[must_use]
    pub fn state(&self) -> JournalState {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        JournalState { broken: inner.broken.clone(), unwritten: inner.unwritten.len() }
    }

    /// Takes the mark that an action of this process is in progress in a release's journal; it is released when dropped,
    /// or when the process ends, however it ends.
    #[must_use]
    pub fn mark_in_flight(&self, release: &str) -> Option<File> {
        let file = self.in_flight_file(release)?;
        file.lock_shared().ok()?;
        Some(file)
    }

    /// Returns whether some living process has an action in progress in a release's journal.
    #[must_use]
    pub fn is_in_flight(&self, release: &str) -> bool {
        self.in_flight_file(release).is_some_and(|file| file.try_lock().is_err())
    }

    fn in_flight_file(&self, release: &str) -> Option<File> {
        let path = self.dir.join(file_name(release)).with_extension("lock");
        open_private(&path, OpenOptions::new().write(true).create(true).truncate(false)).ok()
    }
}

impl Inner {
    fn append(&mut self, release: &str, at: Timestamp, entry: Entry) -> Result<Vec<Line>, JournalError> {
        let mut lines = Vec::new();
        let written = self.flush(&mut lines).and_then(|()| self.write(release, at, entry, &mut lines));
        self.broken = written.as_ref().err().map(ToString::to_string);
        written.map(|()| lines)
    }

    fn probe(&mut self, release: &str) -> Vec<Line> {
        let mut lines = Vec::new();
        let path = self.dir.join(file_name(release));
        let tried = self.flush(&mut lines).and_then(|()| {
            // A journal is begun with its first entry, not by looking whether it could be.
            if path.exists() { self.journal(release, &mut lines).map(|_| ()) } else { try_folder(&self.dir) }
        });
        self.broken = tried.err().map(|error| error.to_string());
        lines
    }

    /// Writes what waits in memory, in order.
    fn flush(&mut self, lines: &mut Vec<Line>) -> Result<(), JournalError> {
        while let Some((release, at, entry)) = self.unwritten.first().cloned() {
            self.write(&release, at, entry, lines)?;
            self.unwritten.remove(0);
        }
        Ok(())
    }

    fn write(&mut self, release: &str, at: Timestamp, entry: Entry, lines: &mut Vec<Line>) -> Result<(), JournalError> {
        let written = self.journal(release, lines)?.append(at, entry);
        if written.is_err() {
            // The file may be gone or replaced: it is reopened next time.
            self.open.remove(release);
        }
        lines.push(written?);
        Ok(())
    }

    fn journal(&mut self, release: &str, lines: &mut Vec<Line>) -> Result<&mut JournalFile, JournalError> {
        if !self.open.contains_key(release) {
            private_dir(&self.dir)
                .map_err(|error| JournalError::Io { path: self.dir.clone(), error: std::io::Error::other(error) })?;
            let path = self.dir.join(file_name(release));
            let (mut file, known) = JournalFile::open(&path)?;
            // Its first line may have been truncated by a crash, and moved aside just now.
            if !known.iter().any(|line| matches!(line.entry, Entry::Opened { .. })) {
                let opened = Entry::Opened {
                    release: release.to_owned(),
                    program: env!("CARGO_PKG_VERSION").to_owned(),
                    config: self.config.clone(),
                };
                lines.push(file.append(Timestamp::now(), opened)?);
            }
            // A cockpit that is watched for weeks sees many releases. What is needed again is opened again.
            if self.open.len() >= MAX_OPEN_JOURNALS {
                self.open.clear();
            }
            self.open.insert(release.to_owned(), file);
        }
        let path = self.dir.join(file_name(release));
        self.open.get_mut(release).ok_or_else(|| JournalError::Io { path, error: std::io::Error::other("not open") })
    }
}

/// Tries whether a file can be made in a folder.
fn try_folder(dir: &Path) -> Result<(), JournalError> {
    private_dir(dir).map_err(|error| JournalError::Io { path: dir.to_owned(), error: std::io::Error::other(error) })?;
    let path = dir.join(format!(".probe-{}", std::process::id()));
    let made = open_private(&path, OpenOptions::new().write(true).create_new(true));
    let _ = std::fs::remove_file(&path);
    made.map(|_| ()).map_err(|error| JournalError::Io { path: dir.to_owned(), error })
}

/// Returns the file name of a release's journal: readable, safe, and different for different releases.
#[must_use]
pub fn file_name(release: &str) -> String {
    format!("{}.jsonl", file_stem(release))
}

/// Returns the journals of a folder, the one written last first.
///
/// # Errors
/// What the disk says of the folder.
pub fn list(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            let at = path.symlink_metadata().and_then(|meta| meta.modified()).ok();
            found.push((at, path));
        }
    }
    found.sort_by(|a, b| b.cmp(a));
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(text: &str) -> Entry {
        Entry::Note { who: "test".to_owned(), text: text.to_owned() }
    }

    #[tokio::test]
    async fn what_could_not_be_written_is_kept_and_written_later() {
        let dir = tempfile::tempdir().unwrap();
        // A file where the folder should be.
        let gone = dir.path().join("gone");
        std::fs::write(&gone, "").unwrap();
        let journal = Journal::new(&gone, None);
        assert!(journal.append("r 1", note("a promotion")).await.is_err());
        assert!(journal.append_or_keep("r 1", note("a rollback")).await.is_empty());
        let state = journal.state();
        assert!(state.broken.is_some());
        assert_eq!(state.unwritten, 1);
        std::fs::remove_file(&gone).unwrap();
        let lines = journal.append("r 1", note("later")).await.unwrap();
        assert_eq!(journal.state(), JournalState::default());
        // Opened, the rollback that waited, and the new one; the promotion was refused and is not there.
        let texts: Vec<_> = lines
            .iter()
            .filter_map(|line| match &line.entry {
                Entry::Note { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(texts, ["a rollback", "later"]);
    }

    #[tokio::test]
    async fn journal_with_a_truncated_first_line_still_names_its_release() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(file_name("r 1"));
        std::fs::write(&path, r#"{"n":1,"at":"2026"#).unwrap();
        Journal::new(dir.path(), None).append("r 1", note("on")).await.unwrap();
        let kinds: Vec<_> = read(&path).unwrap().lines.iter().map(|line| line.entry.as_str()).collect();
        assert_eq!(kinds, ["note", "opened", "note"]);
    }

    #[tokio::test]
    async fn many_releases_keep_few_files_open_and_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::new(dir.path(), None);
        for round in 0..2 {
            for release in 0..10 {
                journal.append(&format!("r {release}"), note(&format!("round {round}"))).await.unwrap();
            }
        }
        assert!(journal.inner.lock().unwrap().open.len() <= MAX_OPEN_JOURNALS);
        for path in list(dir.path()).unwrap() {
            let kinds: Vec<_> = read(&path).unwrap().lines.iter().map(|line| line.entry.as_str()).collect();
            assert_eq!(kinds, ["opened", "note", "note"]);
        }
    }

    #[tokio::test]
    async fn a_mark_is_seen_by_others_until_it_is_let_go() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::new(dir.path(), None);
        let mark = journal.mark_in_flight("r 1").unwrap();
        assert!(journal.is_in_flight("r 1"));
        drop(mark);
        assert!(!journal.is_in_flight("r 1"));
    }
}
