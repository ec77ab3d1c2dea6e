//! `[record]`: what people state, where others read it.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::problem::Problem;
use super::reader::{At, Reader, Table};
use super::section::{Field, Kind, Section};
use super::trust::NOT_TRUSTED;
use crate::domain::record::allowed_signers::AllowedSigners;
use crate::domain::record::proof::Keys;

/// A longer file is none of keys, in bytes.
const MAX_SIGNERS_BYTES: u64 = 1 << 20;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordConfig {
    /// Whose SSH keys prove who said something.
    pub allowed_signers: Option<SignersFile>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignersFile {
    pub path: PathBuf,
    /// Where the config names it: a byte, and its line and column once those are known.
    pub(super) at: usize,
    pub(super) position: (usize, usize),
    /// The config is not trusted: the file is not read, and nothing is proven.
    pub is_withheld: bool,
}

pub(super) const SECTION: Section = Section {
    header: "[record]",
    help: "What people state, where others read it: sign-offs, acknowledgements, rejections.",
    needed: &[],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[Field::new(
    "allowed_signers",
    Kind::Text,
    "OpenSSH allowed_signers: a GO or acknowledgement counts only when signed with a key of its author.",
)];

pub(super) fn read(reader: &mut Reader, table: &Table<'_>, into: &mut RecordConfig) {
    let Some(text) = reader.text(table, "allowed_signers") else { return };
    let At { at, .. } = text;
    let path = reader.path_of(&text, "allowed_signers");
    into.allowed_signers = path.map(|path| SignersFile { path, at, position: (1, 1), is_withheld: false });
}

impl RecordConfig {
    /// Returns whose keys are whose, where that is configured. What cannot be read proves nothing.
    #[must_use]
    pub fn keys(&self) -> Option<Keys> {
        self.allowed_signers.as_ref().map(|file| Keys::new(file.read()))
    }

    /// Returns what is wrong with the file, a line each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.problems().into_iter().map(|problem| format!("[record] {}: {}", problem.what, problem.help)).collect()
    }

    /// Returns what is wrong with the file. It is no error of the config: without it no promotion passes a sign-off, and
    /// what goes backward works.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let Some(file) = self.allowed_signers.as_ref().filter(|file| !file.is_withheld) else { return Vec::new() };
        let path = file.path.display();
        let (line, column) = file.position;
        let problem = |what: String, help: &str| Problem { line, column, what, help: help.to_owned() };
        match file.read() {
            Ok(signers) => {
                let lines = signers.problems.iter();
                lines.map(|why| problem(format!("{path}, {why}"), "the keys of that line count for nobody")).collect()
            }
            Err(why) => vec![problem(
                format!("`allowed_signers`: {why}"),
                "name a file whose lines are NAME KEYTYPE KEY, as ssh-keygen(1) says; until then no GO and no \
                 acknowledgement counts",
            )],
        }
    }
}

impl SignersFile {
    /// Reads the file.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn read(&self) -> Result<AllowedSigners, String> {
        if self.is_withheld {
            return Err(NOT_TRUSTED.to_owned());
        }
        let text = text(&self.path).map_err(|why| format!("cannot read {}: {why}", self.path.display()))?;
        Ok(AllowedSigners::parse(&text, &TimeZone::system()))
    }
}

fn text(path: &Path) -> Result<String, String> {
    // A pipe would hold up whoever opens it.
    if !fs::metadata(path).map_err(|error| error.to_string())?.is_file() {
        return Err("it is no file".to_owned());
    }
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_SIGNERS_BYTES + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > MAX_SIGNERS_BYTES { Err("it is longer than 1 MiB".to_owned()) } else { Ok(text) }
}
