//! Finds and reads the files that other tools have written: bounded, and with words for all that can be wrong.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use glob::MatchOptions;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;

use super::kept::Stamp;
use super::reading::{Cancelled, ReadContext};
use super::wording::Wording as _;
use super::{encoding, web};
use crate::config::checks::files::{FilePattern, Files, FilledPattern};
use crate::domain::facts::text::{duration, rfc3339_seconds};
use crate::platform::Redactor;

/// Most files that are read for one check.
const MAX_FILES: usize = 20_000;
/// A file may be this much younger than now: clocks of different machines differ.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// A file that was found.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub stamp: Stamp,
    /// What it is called in messages: from the config's folder on.
    pub name: String,
    /// How long ago it was written.
    pub age: SignedDuration,
    /// Whether its path names the candidate, by version or commit.
    names_candidate: bool,
    redactor: Redactor,
}

/// Finds all files that are asked for. A pattern may match nothing only by mistake. `in_folder` is the pattern that a
/// folder stands for, if it may stand for one.
pub(super) fn find(files: &Files, in_folder: Option<&str>, reading: &ReadContext) -> Result<Vec<Report>, String> {
    let mut found: Vec<Report> = Vec::new();
    for pattern in &files.patterns {
        let (before, pattern) = (found.len(), filled(pattern, reading)?);
        for path in paths(&pattern, in_folder, reading)? {
            found.push(report(path, &pattern, &reading.redactor)?.of_age(files.max_age)?);
            if found.len() > MAX_FILES {
                return Err(format!("more than {MAX_FILES} files match: narrow `files`"));
            }
        }
        if found.len() == before {
            return Err(nothing(&pattern, &reading.redactor));
        }
    }
    // Of two patterns that find one file, that which names the candidate says more.
    found.sort_by(|a, b| a.stamp.path.cmp(&b.stamp.path).then(b.names_candidate.cmp(&a.names_candidate)));
    found.dedup_by(|a, b| a.stamp.path == b.stamp.path);
    Ok(found)
}

/// Finds the one file that is asked for.
pub(super) fn find_one(
    file: &FilePattern,
    max_age: Option<SignedDuration>,
    reading: &ReadContext,
) -> Result<Report, String> {
    let file = &filled(file, reading)?;
    let path = file.path();
    match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(nothing(file, &reading.redactor)),
        _ => report(path, file, &reading.redactor)?.of_age(max_age),
    }
}

fn filled(pattern: &FilePattern, reading: &ReadContext) -> Result<FilledPattern, String> {
    pattern.filled(|open| web::text(open, None, &reading.scene)).map_err(|why| reading.redactor.one_line(&why))
}

fn nothing(pattern: &FilledPattern, redactor: &Redactor) -> String {
    let name = redactor.cut(&pattern.written, 100);
    let folder = pattern.folder.display();
    if pattern.folder.as_os_str().is_empty() {
        format!("no file {name}: has it been written, and is the path right?")
    } else {
        format!("no file {name} in {folder}: has it been written, and is the path right?")
    }
}

fn paths(pattern: &FilledPattern, in_folder: Option<&str>, reading: &ReadContext) -> Result<Vec<PathBuf>, String> {
    let redactor = &reading.redactor;
    let exact = pattern.path();
    let glob = match (exact.metadata(), in_folder) {
        (Ok(found), Some(within)) if found.is_dir() => {
            format!("{}/{within}", glob::Pattern::escape(exact.to_string_lossy().trim_end_matches('/')))
        }
        (Ok(_), _) => return Ok(vec![exact]),
        (Err(error), _) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(format!("{}: cannot be reached: {error}", redactor.cut(&pattern.written, 100)));
        }
        (Err(_), _) => pattern.glob(),
    };
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    let matches = glob::glob_with(&glob, options)
        .map_err(|error| format!("{}: is no pattern: {}", redactor.cut(&pattern.written, 100), error.msg))?;
    let mut found = Vec::new();
    for path in matches {
        if reading.stop.is_on() {
            return Err("the check was cancelled".to_owned());
        }
        let path = path.map_err(|error| format!("{}: cannot be read: {}", error.path().display(), error.error()))?;
        found.push(path);
        if found.len() > MAX_FILES {
            break;
        }
    }
    Ok(found)
}

fn report(path: PathBuf, pattern: &FilledPattern, redactor: &Redactor) -> Result<Report, String> {
    let name = path.strip_prefix(&pattern.folder).unwrap_or(&path);
    let name = redactor.cut(&name.display().to_string(), 200);
    let about = fs::metadata(&path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    if about.is_dir() {
        return Err(format!("{name}: is a folder where a file should be: name the files in it, such as {name}/*"));
    }
    // A pipe or a device could keep us for ever.
    if !about.is_file() {
        return Err(format!("{name}: is no plain file, and is not read"));
    }
    let written = about.modified().map_err(|error| format!("{name}: its age is unknown: {error}"))?;
    let written = Timestamp::try_from(written).map_err(|error| format!("{name}: its age is unknown: {error}"))?;
    let age = Timestamp::now().duration_since(written);
    let changed = (about.ctime(), about.ctime_nsec());
    let stamp = Stamp { path, written, bytes: about.len(), inode: about.ino(), changed };
    Ok(Report { stamp, name, age, names_candidate: pattern.names_candidate, redactor: redactor.clone() })
}

impl Report {
    /// Returns it if it is no older than that.
    fn of_age(self, max_age: Option<SignedDuration>) -> Result<Self, String> {
        if let Some(max) = max_age.filter(|max| self.age > *max) {
            let (age, max) = (duration(self.age), duration(max));
            return Err(self.wrong(format!("report is {age} old, and {max} is the most: have it written again")));
        }
        if self.age < -MAX_CLOCK_SKEW {
            return Err(self.wrong("is dated in the future: check the clocks"));
        }
        Ok(self)
    }

    /// Says when it was written.
    pub fn written(&self) -> String {
        format!("written {}", rfc3339_seconds(self.stamp.written))
    }

    /// Returns when it was written, where that has to tell whether it is about what comes in. Where its path does, it may be
    /// older than the commit: some tools commit the release after the tests.
    pub fn dated(&self) -> Option<Timestamp> {
        (!self.names_candidate).then_some(self.stamp.written)
    }

    /// Refuses it where it is older than what comes in.
    pub fn of_candidate(&self, reading: &ReadContext) -> Result<&Self, String> {
        reading.incoming.not_older(self.dated()).map(|()| self).map_err(|why| self.wrong(why))
    }

    pub fn open(&self, reading: &ReadContext) -> Result<Text<File>, String> {
        let file = File::open(&self.stamp.path).map_err(|error| self.wrong(format!("cannot be opened: {error}")))?;
        Ok(Text::new(file, reading.stop.clone()))
    }

    /// Opens it as text in the encoding that it begins with: a mark, or the declaration of XML. Without either it is UTF-8.
    pub fn open_encoded(&self, reading: &ReadContext) -> Result<impl Read + use<>, String> {
        let file = File::open(&self.stamp.path).map_err(|error| self.wrong(format!("cannot be opened: {error}")))?;
        let text = encoding::decoded(file).map_err(|error| self.wrong(error.to_string()))?;
        Ok(Text::new(text, reading.stop.clone()))
    }

    /// Says what is wrong with it.
    pub fn wrong(&self, what: impl AsRef<str>) -> String {
        format!("{}: {}", self.name, self.redactor.one_line(what.as_ref()))
    }

    /// Reads it whole as JSON, if it has no more than so many bytes.
    pub fn json<T: DeserializeOwned>(&self, most: u64, reading: &ReadContext) -> Result<T, String> {
        let text = self.text(most, reading)?;
        serde_json::from_str(&text).map_err(|error| self.wrong(plain(&error)))
    }

    /// Reads it whole as text, if it has no more than so many bytes and is not empty.
    pub fn text(&self, most: u64, reading: &ReadContext) -> Result<String, String> {
        let mut text = String::new();
        let read = self.open(reading)?.take(most + 1).read_to_string(&mut text);
        // What is cut off in the middle of a character was too long, not broken.
        if text.len() as u64 > most || Path::metadata(&self.stamp.path).is_ok_and(|about| about.len() > most) {
            return Err(self.wrong(format!("is longer than {} MiB, and is not read", most >> 20)));
        }
        read.map_err(|error| self.wrong(error.to_string()))?;
        if let Some(rest) = text.strip_prefix('\u{feff}') {
            text = rest.to_owned();
        }
        if text.trim().is_empty() {
            return Err(self.wrong("is empty: the tool that writes it did not get far"));
        }
        Ok(text)
    }
}

/// Says what is wrong with JSON, in words of our own.
pub(super) fn plain(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let place = if line > 0 { format!(", at line {line}, column {column}") } else { String::new() };
    if error.is_eof() {
        return format!("the JSON breaks off{place}");
    }
    if error.is_syntax() {
        return format!("is no JSON{place}");
    }
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    let kind = |what: &str| {
        let known = [
            ("string", "text"),
            ("integer", "a number"),
            ("floating point", "a number"),
            ("i64", "a number"),
            ("u64", "a number"),
            ("u32", "a number"),
            ("boolean", "true or false"),
            ("a boolean", "true or false"),
            ("null", "null"),
            ("a string", "text"),
            ("sequence", "a list"),
            ("a sequence", "a list"),
            ("map", "an object"),
            ("a map", "an object"),
            ("struct", "an object"),
        ];
        let found = known.iter().find(|(word, _)| what == *word || what.starts_with(&format!("{word} ")));
        found.map_or("something else", |(_, label)| label)
    };
    if let Some(field) = words.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return format!("is not the report that it should be: it has no `{field}`{place}");
    }
    if let Some((found, wanted)) = words.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    {
        let (found, wanted) = (kind(found), kind(wanted));
        return format!("is not the report that it should be: it has {found} where {wanted} belongs{place}");
    }
    format!("is not the report that it should be{place}")
}

/// Reads text: fails at what is not UTF-8, at NUL bytes, and once no one waits any more.
pub(super) struct Text<R> {
    from: R,
    stop: Cancelled,
    /// Bytes of a character that is not complete yet.
    open: Vec<u8>,
    read: u64,
}

impl<R> Text<R> {
    pub fn new(from: R, stop: Cancelled) -> Self {
        Self { from, stop, open: Vec::new(), read: 0 }
    }

    /// Checks the next bytes; those of a character that is not complete are kept for the next time.
    fn check(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.read == 0 && self.open.is_empty() && matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
            return Err(io::Error::other("is UTF-16, and only UTF-8 is read: have it written as UTF-8"));
        }
        if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
            let at = self.read + self.open.len() as u64 + at as u64;
            return Err(io::Error::other(format!("has a NUL at byte {at}: it is no text, or UTF-16")));
        }
        let mut joined = std::mem::take(&mut self.open);
        joined.extend_from_slice(bytes);
        match std::str::from_utf8(&joined) {
            Ok(_) => self.read += joined.len() as u64,
            Err(error) => {
                let fine = error.valid_up_to();
                self.read += fine as u64;
                if error.error_len().is_some() {
                    let what = format!("is not UTF-8 at byte {}: have it written as UTF-8", self.read);
                    return Err(io::Error::other(what));
                }
                self.open = joined.split_off(fine);
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_on() {
            return Err(io::Error::other("the check was cancelled"));
        }
        let count = self.from.read(buffer)?;
        if count == 0 && !buffer.is_empty() && !self.open.is_empty() {
            return Err(io::Error::other("breaks off in the middle of a character"));
        }
        self.check(&buffer[..count])?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, String> {
        // One byte at a time: characters come in pieces.
        struct Slow<'a>(&'a [u8]);
        impl Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let count = self.0.len().min(1).min(buffer.len());
                buffer[..count].copy_from_slice(&self.0[..count]);
                self.0 = &self.0[count..];
                Ok(count)
            }
        }
        let mut text = String::new();
        let mut slow = Text::new(Slow(bytes), Cancelled::default());
        slow.read_to_string(&mut text).map(|_| text).map_err(|error| error.to_string())
    }

    #[test]
    fn only_utf_8_is_accepted() {
        assert_eq!(read("aä漢🎉".as_bytes()).unwrap(), "aä漢🎉");
        assert_eq!(read(b"M\xfcller").unwrap_err(), "is not UTF-8 at byte 1: have it written as UTF-8");
        assert!(read(b"<\0a\0").unwrap_err().contains("NUL at byte 1"));
        assert!(read(&"漢".as_bytes()[..2]).unwrap_err().contains("middle of a character"));
    }
}
