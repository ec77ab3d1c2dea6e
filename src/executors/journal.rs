//! The journals: one file per release. A thread of its own writes them, so that no one waits for a disk who need not.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::time::timeout;

pub(super) use super::journal_file::hashes;
pub use super::journal_file::{Contents, JournalError, copy_new, read, whole_lines};
use super::journal_writer::{Task, Writer};
use crate::domain::record::action::{ActionId, PlanRecord};
use crate::domain::record::anchor::{Anchor, Place};
use crate::domain::record::journal::{Entry, JournalState, Line, open_intents};
use crate::platform::private_files::{file_stem, open_private};

/// How long the disk may take for what must not be held up by it; then the entry is written as soon as it can be.
const KEEP_TIMEOUT: Duration = Duration::from_millis(200);

/// How long the disk may take for what is not sent before it is written.
const APPEND_TIMEOUT: Duration = Duration::from_secs(10);

/// All journals of a state folder; cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal {
    writer: Writer,
    dir: PathBuf,
    settings: Option<String>,
}

/// What became of an entry that is written as soon as it can be.
#[derive(Debug, Default)]
pub struct Written {
    /// Lines that are on disk.
    pub lines: Vec<Line>,
    /// Lines to come, where the disk takes its time.
    pub late: Option<oneshot::Receiver<Result<Vec<Line>, JournalError>>>,
}

impl Journal {
    /// Makes the journals of a folder, which is made with the first entry. `config` is the hash of the config in force.
    #[must_use]
    pub fn new(dir: &Path, config: Option<String>) -> Self {
        Self { writer: Writer::start(dir.to_owned(), config), dir: dir.to_owned(), settings: None }
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
    /// Why it could not be written, or that the disk does not answer. The entry is not kept.
    pub async fn append(&self, release: &str, entry: Entry) -> Result<Vec<Line>, JournalError> {
        let task = Task::Append { entry: Box::new(entry), at: Timestamp::now(), keep: false };
        self.in_time(release, task).await
    }

    /// Appends an entry, and does not wait longer for the disk than a stop may: it is written as soon as it can be.
    pub async fn append_or_keep(&self, release: &str, entry: Entry) -> Written {
        let task = Task::Append { entry: Box::new(entry), at: Timestamp::now(), keep: true };
        let mut job = self.writer.send(release, task);
        let wait = if self.writer.is_slow() { Duration::ZERO } else { KEEP_TIMEOUT };
        match timeout(wait, &mut job.reply).await {
            Ok(Ok(written)) => Written { lines: written.unwrap_or_default(), late: None },
            Ok(Err(_)) => Written::default(),
            Err(_) => {
                self.writer.note_slow();
                Written { lines: Vec::new(), late: Some(job.reply) }
            }
        }
    }

    /// Tries whether a release's journal can be written, and writes what waits in memory.
    pub async fn probe(&self, release: &str) -> Vec<Line> {
        self.in_time(release, Task::Probe).await.unwrap_or_default()
    }

    async fn in_time(&self, release: &str, task: Task) -> Result<Vec<Line>, JournalError> {
        let mut job = self.writer.send(release, task);
        let error = |error| JournalError::Io { path: self.dir.clone(), error };
        match timeout(APPEND_TIMEOUT, &mut job.reply).await {
            Ok(Ok(written)) => written,
            Ok(Err(_)) => Err(error(std::io::Error::other("the thread that writes it has ended"))),
            Err(_) => {
                job.give_up();
                self.writer.note_slow();
                Err(error(std::io::Error::new(std::io::ErrorKind::TimedOut, "the disk does not answer")))
            }
        }
    }

    /// Returns the anchor of a release's journal at a line that was just written to it. Nothing is read for it.
    #[must_use]
    pub fn anchor(&self, release: &str, head: &Line, author: String) -> Option<Anchor> {
        let (place, first) = self.writer.identity(release)?;
        Some(Anchor {
            release: release.to_owned(),
            author,
            machine: place.machine,
            folder: place.folder,
            first,
            lines: head.n,
            hash: head.hash.clone(),
            at: head.at,
        })
    }

    /// Waits until a slow disk has written everything, but not for long: what it still lacks then is not recorded.
    pub async fn at_rest(&self) -> JournalState {
        const MAX_DISK_WAIT: Duration = Duration::from_secs(2);
        const INTERVAL: Duration = Duration::from_millis(20);
        let written = async {
            while self.writer.is_slow() {
                tokio::time::sleep(INTERVAL).await;
            }
        };
        let _ = tokio::time::timeout(MAX_DISK_WAIT, written).await;
        self.state()
    }

    #[must_use]
    pub fn state(&self) -> JournalState {
        self.writer.state()
    }

    /// Takes the mark that an action of this process is in progress in a release's journal; it is released when dropped,
    /// or when the process ends, however it ends. Where the disk takes its time there is none.
    pub async fn mark_in_flight(&self, release: &str) -> Option<File> {
        let path = self.in_flight_path(release);
        let (mark, marked) = oneshot::channel();
        std::thread::spawn(move || {
            let file = open_mark(&path).filter(|file| file.lock_shared().is_ok());
            let _ = mark.send(file);
        });
        timeout(KEEP_TIMEOUT, marked).await.ok()?.ok()?
    }

    /// Takes the mark of something that must not be begun twice on this machine; it is released when dropped, or when the
    /// process ends, however it ends.
    ///
    /// # Errors
    /// Why it cannot be had: somebody else has it, or the disk does not tell.
    pub async fn mark_alone(&self, what: &str) -> Result<File, String> {
        let path = self.dir.join(format!("{}.lock", file_stem(what)));
        let (mark, marked) = oneshot::channel();
        std::thread::spawn(move || {
            let no_file = || "the folder of the journal cannot be written".to_owned();
            let taken = open_mark(&path).ok_or_else(no_file).and_then(|file| match file.try_lock() {
                Ok(()) => Ok(file),
                Err(TryLockError::WouldBlock) => Err("another process here has it in progress".to_owned()),
                Err(TryLockError::Error(error)) => Err(error.to_string()),
            });
            let _ = mark.send(taken);
        });
        let taken = timeout(APPEND_TIMEOUT, marked).await;
        taken.ok().and_then(Result::ok).unwrap_or_else(|| Err("the disk does not answer".to_owned()))
    }

    /// Returns the intents without an outcome in a release's journal, as they are on disk now.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn open_intents(&self, release: &str) -> Result<Vec<(ActionId, PlanRecord)>, String> {
        let path = self.dir.join(file_name(release));
        let read = tokio::task::spawn_blocking(move || match path.try_exists() {
            Ok(false) => Ok(Vec::new()),
            _ => read(&path).map(|contents| open_intents(&contents.lines)).map_err(|error| error.to_string()),
        });
        read.await.map_err(|error| error.to_string())?
    }

    /// Returns whether some living process has an action in progress in a release's journal.
    #[must_use]
    pub fn is_in_flight(&self, release: &str) -> bool {
        open_mark(&self.in_flight_path(release)).is_some_and(|file| file.try_lock().is_err())
    }

    fn in_flight_path(&self, release: &str) -> PathBuf {
        self.dir.join(file_name(release)).with_extension("lock")
    }
}

fn open_mark(path: &Path) -> Option<File> {
    open_private(path, OpenOptions::new().write(true).create(true).truncate(false)).ok()
}

/// Returns the file name of a release's journal: readable, safe, and different for different releases.
#[must_use]
pub fn file_name(release: &str) -> String {
    format!("{}.jsonl", file_stem(release))
}

/// Returns where the journals of a folder are kept, for their anchors.
#[must_use]
pub fn place(folder: &Path) -> Place {
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    Place::new(machine, folder.as_os_str().as_bytes())
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
        assert!(journal.append_or_keep("r 1", note("a rollback")).await.lines.is_empty());
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
    async fn journals_of_many_releases_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::new(dir.path(), None);
        for round in 0..2 {
            for release in 0..10 {
                journal.append(&format!("r {release}"), note(&format!("round {round}"))).await.unwrap();
            }
        }
        for path in list(dir.path()).unwrap() {
            let kinds: Vec<_> = read(&path).unwrap().lines.iter().map(|line| line.entry.as_str()).collect();
            assert_eq!(kinds, ["opened", "note", "note"]);
        }
    }

    #[tokio::test]
    async fn a_mark_is_seen_by_others_until_it_is_let_go() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::new(dir.path(), None);
        let mark = journal.mark_in_flight("r 1").await.unwrap();
        assert!(journal.is_in_flight("r 1"));
        drop(mark);
        assert!(!journal.is_in_flight("r 1"));
    }

    #[tokio::test]
    async fn a_lock_that_somebody_holds_delays_no_stop_and_loses_no_entry() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::new(dir.path(), None);
        journal.append("r 1", note("on")).await.unwrap();
        let held = File::open(dir.path().join(file_name("r 1"))).unwrap();
        held.lock().unwrap();
        // Would wait for ever if it waited for the lock.
        let first = journal.append_or_keep("r 1", note("an abort")).await;
        let second = journal.append_or_keep("r 1", note("its outcome")).await;
        assert!(first.lines.is_empty() && second.lines.is_empty());
        let state = journal.state();
        assert_eq!((state.broken.as_deref(), state.unwritten), (Some("the disk does not answer"), 2));
        held.unlock().unwrap();
        for late in [first.late, second.late] {
            assert_eq!(late.unwrap().await.unwrap().unwrap().len(), 1);
        }
        assert_eq!(journal.state(), JournalState::default());
        let contents = read(&dir.path().join(file_name("r 1"))).unwrap();
        assert_eq!(contents.lines.len(), 4, "opened, and three notes");
    }
}
