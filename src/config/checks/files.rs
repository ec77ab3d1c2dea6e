//! Settings of all kinds that read report files.

use std::path::PathBuf;

use glob::Pattern;
use jiff::SignedDuration;

use crate::config::reader::{At, Reader, Table};
use crate::config::section::{Field, Kind, days, secs};

/// Files that a tool has written, and how old they may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Where they lie. Each of them has to match something.
    pub patterns: Vec<FilePattern>,
    /// Older files say nothing; `None` where any age will do.
    pub max_age: Option<SignedDuration>,
}

/// A path, or a pattern of paths with `*`, `?`, `[…]` and `**`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilePattern {
    /// As it is written, for messages.
    pub written: String,
    /// Where it starts from: the config's folder, home, or nothing for what is absolute. No pattern, whatever its name.
    pub folder: PathBuf,
    /// The path or pattern from there.
    pub rest: String,
}

impl FilePattern {
    /// Returns it as a path of its own.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.rest)
    }

    /// Returns it as a pattern.
    #[must_use]
    pub fn glob(&self) -> String {
        let folder = self.folder.to_string_lossy();
        let folder = folder.trim_end_matches('/');
        match (folder, self.folder.as_os_str().is_empty()) {
            (_, true) => self.rest.clone(),
            (folder, false) => format!("{}/{}", Pattern::escape(folder), self.rest),
        }
    }
}

/// The key of their age.
pub(super) const MAX_AGE: Field = Field::new("max_age", Kind::Time(secs(1), days(365)), "Older files are ignored.");

/// The keys of files and their age.
pub(super) const FIELDS: &[Field] = &[
    Field::new(
        "files",
        Kind::TextList,
        "Paths or patterns with `*`, `?` and `**`, relative to the config file. Each has to match something.",
    ),
    MAX_AGE,
];

/// Reads `files` and `max_age`; `None` where there are no files, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<Files> {
    let help = "write for example files = [\"build/reports/*.xml\"]";
    let max_age = reader.time(table, "max_age");
    if table.get("files").is_none() {
        reader.note(table.at, format!("{} has no `files` to read", table.section.header), help);
        return None;
    }
    let list = reader.list(table, "files", help)?;
    if list.is_empty() {
        reader.note(table.key_at("files"), "`files` is empty: there would be nothing to read", help);
        return None;
    }
    let texts: Vec<At<String>> = list.iter().filter_map(|item| reader.text_of(item, "files")).collect();
    let patterns: Vec<FilePattern> = texts.iter().filter_map(|text| pattern(reader, text)).collect();
    (patterns.len() == list.len()).then_some(Files { patterns, max_age })
}

/// Makes a pattern of text.
fn pattern(reader: &mut Reader, text: &At<String>) -> Option<FilePattern> {
    let pattern = start(reader, text, "files")?;
    if let Err(error) = Pattern::new(&pattern.rest) {
        let what = format!("`{}` is no pattern: {}", text.value, error.msg);
        reader.note(text.at, what, "`*`, `?`, `[abc]` and `**` work; `**` only between slashes");
        return None;
    }
    Some(pattern)
}

/// Reads the path of one file.
pub(super) fn one(reader: &mut Reader, table: &Table<'_>, key: &str) -> Option<FilePattern> {
    let text = reader.text(table, key)?;
    start(reader, &text, key)
}

/// Tells where a path starts from.
fn start(reader: &mut Reader, text: &At<String>, key: &str) -> Option<FilePattern> {
    // Notes where there is no home.
    reader.path_of(text, key)?;
    let written = text.value.clone();
    let (folder, rest) = match written.strip_prefix("~/") {
        Some(rest) => (reader.home.clone()?, rest.to_owned()),
        None if written.starts_with('/') => (PathBuf::new(), written.clone()),
        None => (reader.folder.clone(), written.clone()),
    };
    Some(FilePattern { written, folder, rest })
}

#[cfg(test)]
mod tests {
    use crate::config::checks::CheckKind;
    use crate::config::{Config, ConfigBase};

    fn files(toml: &str) -> Result<super::Files, String> {
        let place = ConfigBase { folder: "/work/a[b]".into(), home: Some("/home/ada".into()), prometheus: None };
        let config = Config::parse(&format!("[[checks]]\nid = 'x'\njunit = {{ {toml} }}"), &place);
        let config = config.map_err(|problems| format!("{problems:?}"))?;
        match config.defaults.checks[0].kind.clone() {
            Some(CheckKind::Junit(junit)) => Ok(junit.files),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn patterns_start_from_the_folder_of_the_config_which_is_no_pattern() {
        let read = files("files = ['out/*.xml', '~/r.xml', '/srv/**/r.xml'], max_age = '3h'").unwrap();
        let globs: Vec<String> = read.patterns.iter().map(super::FilePattern::glob).collect();
        assert_eq!(globs, ["/work/a[[]b[]]/out/*.xml", "/home/ada/r.xml", "/srv/**/r.xml"]);
        assert_eq!(read.max_age.map(|age| age.as_hours()), Some(3));
    }

    #[test]
    fn what_is_no_pattern_is_noted() {
        for (toml, words) in [
            ("", "has no `files` to read"),
            ("files = []", "is empty"),
            ("files = ['a/**b']", "is no pattern"),
            ("files = ['[']", "is no pattern"),
            ("files = [3]", "must be text"),
            ("files = ['a'], max_age = '0s'", "must be from"),
        ] {
            let error = files(toml).unwrap_err();
            assert!(error.contains(words), "{toml}: {error}");
        }
    }
}
