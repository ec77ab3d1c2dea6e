//! Settings of all kinds that read report files.

use std::path::PathBuf;

use glob::Pattern;
use jiff::SignedDuration;

use super::template::{self, CheckPlaceholder, Template};
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

/// A path, or a pattern of paths with `*`, `?`, `[…]` and `**`, in which the release may have to fill something in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilePattern {
    /// As it is written, for messages.
    written: Template,
    /// Where it starts from: the config's folder, home, or nothing for what is absolute. No pattern, whatever its name.
    folder: PathBuf,
    /// The path or pattern from there.
    rest: Template,
}

/// A pattern with all placeholders filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilledPattern {
    /// For messages.
    pub written: String,
    /// Whether version or commit stand in it: what lies there is about that release.
    pub names_candidate: bool,
    /// Where it starts from.
    pub folder: PathBuf,
    /// The path from there.
    rest: String,
    /// The pattern from there.
    pattern: String,
}

impl FilePattern {
    /// Puts values in place of the placeholders. A value stands for itself, and never for another folder.
    ///
    /// # Errors
    /// A value is unknown, or no part of a path.
    pub fn filled(&self, value: impl Fn(CheckPlaceholder) -> Result<String, String>) -> Result<FilledPattern, String> {
        let part = |open: CheckPlaceholder| {
            let value = value(open)?;
            if is_part_of_a_path(&value) {
                return Ok(value);
            }
            Err(format!("{{{{{}}}}} is `{value}`, which cannot stand in a path", open.name()))
        };
        Ok(FilledPattern {
            written: self.written.fill(part)?,
            names_candidate: [CheckPlaceholder::Version, CheckPlaceholder::Commit]
                .into_iter()
                .any(|open| self.written.has(open)),
            folder: self.folder.clone(),
            rest: self.rest.fill(part)?,
            pattern: self.rest.fill(|open| part(open).map(|value| Pattern::escape(&value)))?,
        })
    }
}

/// Returns whether a value from outside stays where it is put: it leads to no other folder, and has no end of its own.
fn is_part_of_a_path(value: &str) -> bool {
    !value.contains(['/', '\\']) && !value.contains("..") && value != "." && !value.contains(char::is_control)
}

impl FilledPattern {
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
            (_, true) => self.pattern.clone(),
            (folder, false) => format!("{}/{}", Pattern::escape(folder), self.pattern),
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
        "Paths or patterns with `*`, `?` and `**`, relative to the config file. Each has to match something. Placeholders: \
         {{env}}, {{namespace}}, {{service}}, {{version}}, {{commit}}.",
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
    if let Err(error) = Pattern::new(&text.value) {
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
    let written = template::read(reader, text, key)?;
    if written.has(CheckPlaceholder::Workload) {
        let what = format!("in `{key}`: `{{{{workload}}}}` stands for several, and a report is one");
        reader.note(text.at, what, "`{{service}}` is the name of the service");
        return None;
    }
    let (folder, rest) = match text.value.strip_prefix("~/") {
        Some(rest) => (reader.home.clone()?, template::read(reader, &At { value: rest.to_owned(), at: text.at }, key)?),
        None if text.value.starts_with('/') => (PathBuf::new(), written.clone()),
        None => (reader.folder.clone(), written.clone()),
    };
    Some(FilePattern { written, folder, rest })
}

#[cfg(test)]
mod tests {
    use super::{CheckPlaceholder, FilePattern, FilledPattern};
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

    fn filled(pattern: &FilePattern, value: &str) -> Result<FilledPattern, String> {
        pattern.filled(|open| Ok(if open == CheckPlaceholder::Version { value.to_owned() } else { "ada".to_owned() }))
    }

    #[test]
    fn placeholders_stand_for_one_part_of_a_path() {
        let read = files("files = ['out/{{version}}/*.xml', '~/{{service}}-{{ version }}.xml']").unwrap();
        let glob = |at: usize, value: &str| filled(&read.patterns[at], value).map(|filled| filled.glob());
        assert_eq!(glob(0, "1.6.0").unwrap(), "/work/a[[]b[]]/out/1.6.0/*.xml");
        assert_eq!(glob(1, "1.6.0").unwrap(), "/home/ada/ada-1.6.0.xml");
        // A value is no pattern.
        assert_eq!(glob(0, "*[a]?").unwrap(), "/work/a[[]b[]]/out/[*][[]a[]][?]/*.xml");
        let names = |toml: &str| filled(&files(toml).unwrap().patterns[0], "1").unwrap().names_candidate;
        assert!(names("files = ['{{version}}/a.xml']") && names("files = ['~/a-{{commit}}.xml']"));
        assert!(!names("files = ['{{service}}/{{env}}.xml']"));
        let path = filled(&read.patterns[0], "*").unwrap().path();
        assert_eq!(path.to_str(), Some("/work/a[b]/out/*/*.xml"));
        for hostile in ["..", "../../etc", "a/b", "/etc", "a\\b", ".", "a\nb", "a\0"] {
            let why = glob(0, hostile).unwrap_err();
            assert_eq!(why, format!("{{{{version}}}} is `{hostile}`, which cannot stand in a path"));
        }
    }

    #[test]
    fn patterns_start_from_the_folder_of_the_config_which_is_no_pattern() {
        let read = files("files = ['out/*.xml', '~/r.xml', '/srv/**/r.xml'], max_age = '3h'").unwrap();
        let globs: Vec<String> = read.patterns.iter().map(|pattern| filled(pattern, "1.6.0").unwrap().glob()).collect();
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
            ("files = ['{{versoin}}/a']", "there is no placeholder"),
            ("files = ['{{workload}}/a']", "stands for several"),
        ] {
            let error = files(toml).unwrap_err();
            assert!(error.contains(words), "{toml}: {error}");
        }
    }
}
