//! `[flags_in_code]`: how feature flags are found in the code that a release changes.

use super::reader::{At, Reader, Table, Value};
use super::section::{Field, Kind, Section, keys};
use crate::domain::facts::changes::code::{CodeSearch, OwnCall, group_of};

/// Most calls of one's own, and most patterns of files.
const MAX_PATTERNS: usize = 50;
/// Longest regular expression, in characters.
const MAX_PATTERN_CHARS: usize = 1_000;

pub(super) const SECTION: Section = Section {
    header: "[flags_in_code]",
    help: "Feature flags of a release are found in the code that it changes; `false` looks at no code.",
    needed: &[],
    groups: &[FIELDS],
};

const CALLS: Section = Section {
    header: "[[flags_in_code.calls]]",
    help: "A call of your own that asks for a flag.",
    needed: &["files", "pattern"],
    groups: &[&[
        Field::new("files", Kind::TextList, "Patterns of the files that have it, relative to the git repository."),
        Field::new("pattern", Kind::Text, "A regular expression; its first group is the name of the flag."),
    ]],
};

keys! {
    CodeSearch = CodeSearch::default();
    sdks: flag, "Look for the calls of the SDKs of Unleash, LaunchDarkly and OpenFeature.";
    skip: by_hand(Kind::TextList, "[]"), "Patterns of files that are not looked at, besides vendored and generated files and tests.";
    calls: by_hand(Kind::Tables(&CALLS)), "Calls of your own that ask for a flag.";
}

/// Reads it, where it is there and not `false`.
pub(super) fn read(reader: &mut Reader, file: &Table<'_>) -> CodeSearch {
    let mut search = CodeSearch { is_on: !file.is_off("flags_in_code"), ..CodeSearch::default() };
    let Some(table) = (if search.is_on { reader.table(file, "flags_in_code") } else { None }) else { return search };
    read_keys(reader, &table, &mut search);
    if let Some(list) = reader.list(&table, "skip", "write for example [\"legacy/**\"]") {
        search.skip = patterns(reader, list.iter(), "skip");
        bounded(reader, (&table, "skip"), search.skip.len());
    }
    let calls = reader.tables(&table, "calls");
    bounded(reader, (&table, "calls"), calls.len());
    search.calls = calls.iter().filter_map(|table| call(reader, table)).collect();
    search
}

fn bounded(reader: &mut Reader, (table, key): (&Table<'_>, &str), count: usize) {
    if count > MAX_PATTERNS {
        reader.note(table.key_at(key), format!("`{key}` has {count} entries, and may have {MAX_PATTERNS}"), "");
    }
}

fn call(reader: &mut Reader, table: &Table<'_>) -> Option<OwnCall> {
    for key in ["files", "pattern"].into_iter().filter(|key| table.get(key).is_none()) {
        let help = "write for example files = [\"**/*.ts\"] and pattern = 'flagOn\\(\"([^\"]+)\"'";
        reader.note(table.at, format!("this call has no `{key}`"), help);
    }
    let list = reader.list(table, "files", "write for example [\"**/*.ts\"]");
    let files = patterns(reader, list.into_iter().flat_map(|list| list.iter()), "files");
    if list.is_some_and(|list| list.is_empty()) {
        reader.note(table.key_at("files"), "`files` is empty", "name the files, for example [\"**/*.ts\"]");
    }
    bounded(reader, (table, "files"), files.len());
    let pattern = reader.text(table, "pattern")?;
    let pattern = regex(reader, pattern)?;
    Some(OwnCall { files, pattern })
}

/// Reads a regular expression with a group.
fn regex(reader: &mut Reader, At { value, at }: At<String>) -> Option<String> {
    let chars = value.chars().count();
    if chars > MAX_PATTERN_CHARS {
        reader.note(at, format!("`pattern` has {chars} characters, and may have {MAX_PATTERN_CHARS}"), "");
        return None;
    }
    match group_of(&value) {
        Ok(_) => Some(value),
        Err(why) => {
            let help = "a regular expression whose first group is the name of the flag, e.g. 'flagOn\\(\"([^\"]+)\"'";
            reader.note(at, format!("`{value}` is no `pattern`: {why}"), help);
            None
        }
    }
}

/// Reads patterns of files.
fn patterns<'a>(reader: &mut Reader, items: impl Iterator<Item = Value<'a>>, key: &str) -> Vec<String> {
    let mut patterns = Vec::new();
    for item in items {
        let Some(At { value, at }) = reader.text_of(item, key) else { continue };
        let is_inside = !value.starts_with('/') && !value.split('/').any(|part| part == "..");
        match glob::Pattern::new(&value) {
            Ok(_) if is_inside && !value.contains(char::is_control) => patterns.push(value),
            Ok(_) => {
                let help = "relative to the git repository, without `..`, for example \"src/**/*.ts\"";
                reader.note(at, format!("`{value}` is no file of a repository"), help);
            }
            Err(error) => {
                let help = "`*` matches a part of a name, `**` any folders";
                reader.note(at, format!("`{value}` is no pattern: {}", error.msg), help);
            }
        }
    }
    patterns
}
