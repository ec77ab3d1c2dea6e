//! The log's file: one a day, for its owner only; and lines that hold nothing but text.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::facts::text::sanitize;
use crate::platform::Redactor;
use crate::platform::private_files::open_private;

/// Days of log files that are kept.
const MAX_LOG_FILES: usize = 5;

/// Writes each event as one line: what it quotes can neither begin another line, nor move a cursor, nor be secret.
pub(super) struct OneLine<W> {
    pub(super) to: W,
    pub(super) redactor: Redactor,
}

impl<W: Write> Write for OneLine<W> {
    /// Takes a whole event: the subscriber formats it before it writes.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let text = self.redactor.redact(text.trim_end_matches('\n'));
        self.to.write_all(format!("{}\n", sanitize(&text)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The file of the day.
pub(super) struct LogFile {
    folder: PathBuf,
    day: Date,
    file: File,
}

impl LogFile {
    /// Opens the file of today.
    ///
    /// # Errors
    /// The disk's, or that something else is there.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let day = today();
        Ok(Self { folder: folder.to_owned(), day, file: open(folder, day)? })
    }
}

/// The day in UTC: the same for all who write here.
fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

fn open(folder: &Path, day: Date) -> io::Result<File> {
    let file = open_private(&folder.join(format!("cockpit.{day}.log")), OpenOptions::new().append(true).create(true))?;
    forget(folder);
    Ok(file)
}

/// Removes all but the latest files; what cannot be removed stays.
fn forget(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_ours = |name: &String| name.strip_prefix("cockpit.").is_some_and(|rest| rest.strip_suffix(".log").is_some());
    let mut names: Vec<String> = names.filter(is_ours).collect();
    names.sort_unstable();
    for name in names.iter().rev().skip(MAX_LOG_FILES) {
        let _ = fs::remove_file(folder.join(name));
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let today = today();
        if today != self.day {
            self.file = open(&self.folder, today)?;
            self.day = today;
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn an_event_is_one_line_of_text() {
        let mut out = Vec::new();
        OneLine { to: &mut out, redactor: Redactor::default() }
            .write_all(b"ERROR a\n2026 INFO forged\x1b[2J Bearer abc123def456\n")
            .unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "ERROR a\\n2026 INFO forged\\e[2J Bearer •••\n");
    }

    #[test]
    fn the_file_is_for_its_owner_only_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        for day in 1..=9 {
            fs::write(folder.path().join(format!("cockpit.2020-01-0{day}.log")), "").unwrap();
        }
        fs::write(folder.path().join("other.log"), "").unwrap();
        LogFile::open(folder.path()).unwrap().write_all(b"x").unwrap();
        let name = folder.path().join(format!("cockpit.{}.log", today()));
        assert_eq!(fs::metadata(name).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), MAX_LOG_FILES + 1);
        assert!(folder.path().join("cockpit.2020-01-09.log").exists());
    }

    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "").unwrap();
        symlink(&elsewhere, folder.path().join(format!("cockpit.{}.log", today()))).unwrap();
        assert!(LogFile::open(folder.path()).is_err());
    }
}
