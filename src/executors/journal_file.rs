//! One journal file: append-only JSON lines, each bound to the one before, fsynced.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::domain::record::journal::{Entry, Line};
use crate::failpoints::{failpoint, failpoint_after};
use crate::platform::private_files::open_private;

/// What is wrong with a journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    /// A line is no journal line, or does not fit the one before.
    #[error("{path}, line {line}: {why}; move the file aside to begin a new one, it is evidence")]
    Broken {
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        why: String,
    },
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> JournalError + '_ {
    |error| JournalError::Io { path: path.to_owned(), error }
}

/// What a journal file holds.
#[derive(Debug, Default)]
pub struct Contents {
    pub lines: Vec<Line>,
    /// Bytes after the last line end: a line that was truncated by a crash.
    pub torn: Vec<u8>,
}

/// Reads and checks a journal.
///
/// # Errors
/// The first line that does not fit.
pub fn read(path: &Path) -> Result<Contents, JournalError> {
    let mut bytes = Vec::new();
    open_to_read(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(io_at(path))?;
    parse(path, &bytes)
}

/// Returns the bytes of a journal's whole lines.
///
/// # Errors
/// The disk's.
pub fn whole_lines(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_to_read(path)?.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    bytes.truncate(whole);
    Ok(bytes)
}

/// Returns the hashes of two lines of a journal, the first one and the `n`th, as they stand there.
///
/// # Errors
/// The disk's.
pub fn hashes(path: &Path, n: u64) -> io::Result<[Option<String>; 2]> {
    #[derive(serde::Deserialize)]
    struct Hashed {
        hash: String,
    }
    let hash = |line: &str| serde_json::from_str(line).ok().map(|Hashed { hash }| hash);
    let mut hashes = [None, None];
    for (number, line) in (1..=n).zip(io::BufReader::new(open_to_read(path)?).lines()) {
        let line = line?;
        if number == 1 {
            hashes[0] = hash(&line);
        }
        if number == n {
            hashes[1] = hash(&line);
        }
    }
    Ok(hashes)
}

/// Writes a file of ours that must not be there yet.
///
/// # Errors
/// The disk's, or that something is there.
pub fn copy_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = open_private(path, OpenOptions::new().write(true).create_new(true))?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn open_to_read(path: &Path) -> io::Result<File> {
    open_private(path, OpenOptions::new().read(true))
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Contents, JournalError> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let mut contents = Contents { lines: Vec::new(), torn: bytes[whole..].to_vec() };
    for (index, text) in bytes[..whole].split(|byte| *byte == b'\n').filter(|text| !text.is_empty()).enumerate() {
        let broken = |why: String| JournalError::Broken { path: path.to_owned(), line: index + 1, why };
        let line = Line::read(text, contents.lines.last()).map_err(broken)?;
        contents.lines.push(line);
    }
    Ok(contents)
}

#[derive(Debug)]
pub struct JournalFile {
    path: PathBuf,
    file: File,
    last: Option<Line>,
    /// Hash of the first line.
    first: Option<String>,
    length: u64,
}

impl JournalFile {
    /// Opens or begins a journal. A truncated last line is moved aside beside it, and a note says so.
    ///
    /// # Errors
    /// The disk's, or a line that does not fit.
    pub fn open(path: &Path) -> Result<(Self, Vec<Line>), JournalError> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let file = open_private(path, &mut options).map_err(io_at(path))?;
        failpoint(format_args!("journal.file-made"));
        // Empty: it was made just now, or before a crash that came at this very place.
        if file.metadata().map_err(io_at(path))?.len() == 0 {
            sync_folder(path).map_err(io_at(path))?;
        }
        let mut journal = Self { path: path.to_owned(), file, last: None, first: None, length: 0 };
        journal.file.lock().map_err(io_at(path))?;
        let opened = journal.catch_up();
        let _ = journal.file.unlock();
        let lines = opened?;
        Ok((journal, lines))
    }

    pub fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }

    /// Appends an entry and waits until it is on disk. Other processes may append to the same journal.
    ///
    /// # Errors
    /// The disk's, or a line of another process that does not fit.
    pub fn append(&mut self, at: Timestamp, entry: Entry) -> Result<Line, JournalError> {
        self.file.lock().map_err(io_at(&self.path))?;
        failpoint(format_args!("journal.locked"));
        let appended = self.append_locked(at, entry);
        let _ = self.file.unlock();
        appended
    }

    fn append_locked(&mut self, at: Timestamp, entry: Entry) -> Result<Line, JournalError> {
        let length = self.file.metadata().map_err(io_at(&self.path))?.len();
        if length != self.length {
            self.catch_up()?;
        }
        let line = Line::after(self.last.as_ref(), at, entry);
        self.write(&line)?;
        Ok(line)
    }

    fn write(&mut self, line: &Line) -> Result<(), JournalError> {
        let mut bytes = serde_json::to_vec(line).map_err(|error| io_at(&self.path)(io::Error::other(error)))?;
        bytes.push(b'\n');
        let kind = line.entry.as_str();
        failpoint(format_args!("journal.{kind}.before-write"));
        failpoint_after(format_args!("journal.{kind}.half-a-line"), || {
            let _ = (&self.file).write_all(bytes.split_at(bytes.len() / 2).0);
        });
        let written = self.file.write_all(&bytes).and_then(|()| {
            failpoint(format_args!("journal.{kind}.before-sync"));
            self.file.sync_data()
        });
        if let Err(error) = written {
            // A half-written line would make the next one unreadable.
            let _ = self.file.set_len(self.length);
            return Err(io_at(&self.path)(error));
        }
        failpoint(format_args!("journal.{kind}.after-sync"));
        self.length += bytes.len() as u64;
        self.first.get_or_insert_with(|| line.hash.clone());
        self.last = Some(line.clone());
        Ok(())
    }

    /// Reads what is there; under the lock.
    fn catch_up(&mut self) -> Result<Vec<Line>, JournalError> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(0)).map_err(io_at(&self.path))?;
        self.file.read_to_end(&mut bytes).map_err(io_at(&self.path))?;
        let mut contents = parse(&self.path, &bytes)?;
        self.length = (bytes.len() - contents.torn.len()) as u64;
        self.last = contents.lines.last().cloned();
        self.first = contents.lines.first().map(|line| line.hash.clone());
        if !contents.torn.is_empty() {
            contents.lines.push(self.put_aside(&contents.torn)?);
        }
        Ok(contents.lines)
    }

    /// Moves a truncated line aside: nothing is lost, and the journal continues.
    fn put_aside(&mut self, torn: &[u8]) -> Result<Line, JournalError> {
        let now = Timestamp::now();
        let aside = self.path.with_extension(format!("torn-{}", now.as_millisecond()));
        failpoint(format_args!("journal.aside.before-copy"));
        copy_new(&aside, torn).map_err(io_at(&aside))?;
        failpoint(format_args!("journal.aside.before-cut"));
        self.file.set_len(self.length).map_err(io_at(&self.path))?;
        failpoint(format_args!("journal.aside.after-cut"));
        let text = format!("a truncated last line ({} bytes) was moved to {}", torn.len(), aside.display());
        let line = Line::after(self.last.as_ref(), now, Entry::Note { who: "release-cockpit".to_owned(), text });
        self.write(&line)?;
        Ok(line)
    }
}

/// Makes a new file's name survive a crash.
fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(text: &str) -> Entry {
        Entry::Note { who: "test".to_owned(), text: text.to_owned() }
    }

    fn filled() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        let (mut journal, lines) = JournalFile::open(&path).unwrap();
        assert!(lines.is_empty());
        for text in ["one", "two", "three"] {
            journal.append(Timestamp::now(), note(text)).unwrap();
        }
        (dir, path)
    }

    #[test]
    fn journal_is_read_back_with_an_intact_chain() {
        let (_dir, path) = filled();
        let contents = read(&path).unwrap();
        assert_eq!(contents.lines.iter().map(|line| line.n).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(contents.torn.is_empty());
    }

    #[test]
    fn the_hashes_of_two_lines_are_found() {
        let (_dir, path) = filled();
        let lines = read(&path).unwrap().lines;
        let hash = |index: usize| Some(lines[index].hash.clone());
        assert_eq!(hashes(&path, 3).unwrap(), [hash(0), hash(2)]);
        assert_eq!(hashes(&path, 1).unwrap(), [hash(0), hash(0)]);
        assert_eq!(hashes(&path, 4).unwrap(), [hash(0), None]);
    }

    #[test]
    fn two_writers_make_one_chain() {
        let (_dir, path) = filled();
        let (mut a, _) = JournalFile::open(&path).unwrap();
        let (mut b, _) = JournalFile::open(&path).unwrap();
        a.append(Timestamp::now(), note("a")).unwrap();
        b.append(Timestamp::now(), note("b")).unwrap();
        a.append(Timestamp::now(), note("c")).unwrap();
        assert_eq!(read(&path).unwrap().lines.len(), 6);
    }

    #[test]
    fn truncated_line_is_moved_aside_and_the_journal_continues() {
        let (dir, path) = filled();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(br#"{"n":4,"at":"2026"#).unwrap();
        let (mut journal, lines) = JournalFile::open(&path).unwrap();
        assert_eq!(lines.len(), 4);
        journal.append(Timestamp::now(), note("on")).unwrap();
        assert_eq!(read(&path).unwrap().lines.len(), 5);
        let aside: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(aside.iter().any(|name| name.to_string_lossy().contains("torn-")), "{aside:?}");
    }

    #[test]
    fn a_changed_line_is_named() {
        let (_dir, path) = filled();
        let text = std::fs::read_to_string(&path).unwrap().replace("two", "TWO");
        std::fs::write(&path, text).unwrap();
        let error = JournalFile::open(&path).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn a_removed_line_is_noticed() {
        let (_dir, path) = filled();
        let text = std::fs::read_to_string(&path).unwrap();
        let kept: Vec<_> = text.lines().enumerate().filter(|(index, _)| *index != 1).map(|(_, line)| line).collect();
        std::fs::write(&path, kept.join("\n") + "\n").unwrap();
        assert!(matches!(read(&path), Err(JournalError::Broken { line: 2, .. })));
    }

    #[test]
    fn a_link_is_not_followed() {
        let (dir, path) = filled();
        let link = dir.path().join("b.jsonl");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(JournalFile::open(&link), Err(JournalError::Io { .. })));
    }

    #[test]
    fn journal_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let (_dir, path) = filled();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
