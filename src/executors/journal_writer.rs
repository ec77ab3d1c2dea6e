//! The thread that writes the journals, one entry after the other: a lock that somebody holds, or a slow disk, holds up
//! nothing but it.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::journal::{file_name, place};
use super::journal_file::{JournalError, JournalFile};
use crate::domain::record::anchor::Place;
use crate::domain::record::journal::{Entry, JournalState, Line};
use crate::platform::private_files::{open_private, private_dir};

/// So many journals are kept open at once: there is a release or two at a time.
const MAX_OPEN_JOURNALS: usize = 4;

pub(super) enum Task {
    Append {
        entry: Box<Entry>,
        at: Timestamp,
        /// Whether the entry is kept in memory where it cannot be written.
        keep: bool,
    },
    /// Tries whether the journal can be written, and writes what waits in memory.
    Probe,
}

/// A task that was handed over.
pub(super) struct Job {
    pub reply: oneshot::Receiver<Result<Vec<Line>, JournalError>>,
    given_up: Arc<AtomicBool>,
}

impl Job {
    /// Takes the task back, unless it has begun.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }
}

struct Handed {
    release: String,
    task: Task,
    reply: oneshot::Sender<Result<Vec<Line>, JournalError>>,
    given_up: Arc<AtomicBool>,
}

/// The way to the thread; it ends with the last of these.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Handed>,
    progress: Arc<Mutex<Progress>>,
}

#[derive(Debug, Default)]
struct Progress {
    state: JournalState,
    /// Tasks that were handed over and are not done.
    pending: usize,
    /// Of those, entries to be kept.
    queued: usize,
    /// Whether somebody has waited in vain.
    slow: bool,
    /// Where the journals are kept, once one was written.
    place: Option<Place>,
    /// Hash of the first line of each journal that was written to.
    firsts: BTreeMap<String, String>,
}

impl Writer {
    pub fn start(dir: PathBuf, config: Option<String>) -> Self {
        let (queue, handed) = mpsc::channel();
        let progress = Arc::<Mutex<Progress>>::default();
        let journals = Journals { dir, config, open: BTreeMap::new(), unwritten: Vec::new(), broken: None };
        let shared = Arc::clone(&progress);
        let thread = std::thread::Builder::new().name("journal".to_owned());
        if let Err(error) = thread.spawn(move || work(journals, &handed, &shared)) {
            tracing::error!(%error, "the journal has no thread");
        }
        Self { queue, progress }
    }

    pub fn send(&self, release: &str, task: Task) -> Job {
        let (reply, answer) = oneshot::channel();
        let given_up = Arc::<AtomicBool>::default();
        let keeps = matches!(task, Task::Append { keep: true, .. });
        let mut progress = self.progress();
        progress.pending += 1;
        progress.queued += usize::from(keeps);
        drop(progress);
        // Without a thread nobody answers, which is told by the reply.
        let _ = self.queue.send(Handed { release: release.to_owned(), task, reply, given_up: Arc::clone(&given_up) });
        Job { reply: answer, given_up }
    }

    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn note_slow(&self) {
        let mut progress = self.progress();
        progress.slow = progress.pending > 0;
    }

    pub fn is_slow(&self) -> bool {
        self.progress().slow
    }

    /// Returns where the journal of a release is kept, and the hash of its first line; `None` before anything is written.
    pub fn identity(&self, release: &str) -> Option<(Place, String)> {
        let progress = self.progress();
        progress.place.clone().zip(progress.firsts.get(release).cloned())
    }

    pub fn state(&self) -> JournalState {
        let progress = self.progress();
        let mut state = progress.state.clone();
        if progress.slow {
            state.broken.get_or_insert_with(|| "the disk does not answer".to_owned());
            state.unwritten += progress.queued;
        }
        state
    }
}

fn work(mut journals: Journals, handed: &mpsc::Receiver<Handed>, progress: &Mutex<Progress>) {
    while let Ok(Handed { release, task, reply, given_up }) = handed.recv() {
        let (kept, written) = match task {
            _ if given_up.load(Ordering::Relaxed) => (0, Ok(Vec::new())),
            Task::Append { entry, at, keep: true } => (1, Ok(journals.append_or_keep(&release, at, *entry))),
            Task::Append { entry, at, keep: false } => (0, journals.append(&release, at, *entry)),
            Task::Probe => (0, Ok(journals.probe(&release))),
        };
        let first = journals.open.get(&release).and_then(JournalFile::first).map(str::to_owned);
        let found = first.is_some().then(|| place(&journals.dir));
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = first {
            progress.place = found;
            progress.firsts.insert(release, first);
        }
        progress.pending -= 1;
        progress.queued -= kept;
        progress.slow &= progress.pending > 0;
        progress.state = JournalState { broken: journals.broken.clone(), unwritten: journals.unwritten.len() };
        drop(progress);
        let _ = reply.send(written);
    }
}

#[derive(Debug)]
struct Journals {
    dir: PathBuf,
    config: Option<String>,
    open: BTreeMap<String, JournalFile>,
    unwritten: Vec<(String, Timestamp, Entry)>,
    broken: Option<String>,
}

impl Journals {
    fn append(&mut self, release: &str, at: Timestamp, entry: Entry) -> Result<Vec<Line>, JournalError> {
        let mut lines = Vec::new();
        let written = self.flush(&mut lines).and_then(|()| self.write(release, at, entry, &mut lines));
        self.broken = written.as_ref().err().map(ToString::to_string);
        written.map(|()| lines)
    }

    fn append_or_keep(&mut self, release: &str, at: Timestamp, entry: Entry) -> Vec<Line> {
        self.append(release, at, entry.clone()).unwrap_or_else(|error| {
            tracing::error!(%error, "journal entry kept in memory");
            self.unwritten.push((release.to_owned(), at, entry));
            Vec::new()
        })
    }

    fn probe(&mut self, release: &str) -> Vec<Line> {
        let mut lines = Vec::new();
        let path = self.dir.join(file_name(release));
        let tried = self.flush(&mut lines).and_then(|()| {
            // A journal is begun with its first entry, not by looking whether it could be.
            if path.exists() {
                self.journal(release, Timestamp::now(), &mut lines).map(|_| ())
            } else {
                try_folder(&self.dir)
            }
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
        let written = self.journal(release, at, lines)?.append(at, entry);
        if written.is_err() {
            // The file may be gone or replaced: it is reopened next time.
            self.open.remove(release);
        }
        lines.push(written?);
        Ok(())
    }

    /// Returns the journal of a release, which is opened no later than its first entry, made at `at`.
    fn journal(
        &mut self,
        release: &str,
        at: Timestamp,
        lines: &mut Vec<Line>,
    ) -> Result<&mut JournalFile, JournalError> {
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
                lines.push(file.append(at, opened)?);
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
