//! Liquibase's formatted SQL: a file holds many change sets, and grows. Each is run once, by author, id and path.
//!
//! Source: Liquibase `AbstractFormattedChangeLogParser` (what a line is), `AbstractSQLChange` (what a checksum is of) and
//! `ValidatingVisitor` (which change it refuses).

use std::ops::Range;

use super::{Migration, MigrationState, files};

/// A file and its text.
pub type Source = (String, String);

/// What is known of a file in formatted SQL.
#[derive(Debug)]
struct ChangeLog<'a> {
    file: &'a str,
    text: &'a str,
    sets: Vec<ChangeSet<'a>>,
}

#[derive(Debug)]
struct ChangeSet<'a> {
    author: &'a str,
    id: &'a str,
    path: SetPath<'a>,
    /// Its lines in the file, from 0.
    lines: Range<usize>,
    /// What its checksum is of: the SQL without any white space.
    content: String,
    /// `runOnChange` or `runAlways`: it may change.
    is_repeatable: bool,
    /// `validCheckSum: ANY`: a change is accepted, and is not run where it ran before.
    accepts_any: bool,
    /// What has to hold for it to be run, as [`CONDITIONS`] names it; `None` where nothing has to.
    conditions: Vec<Option<String>>,
}

/// Attributes that say where a change set is run: each by its names, the one that counts first.
const CONDITIONS: [&[&str]; 4] = [&["contextfilter:", "context:"], &["labels:"], &["dbms:"], &["ignore:"]];

/// The third part of what Liquibase knows a change set by.
#[derive(Clone, Copy, Debug, PartialEq)]
enum SetPath<'a> {
    /// `logicalFilePath`, which begins at the class path.
    Logical(&'a str),
    /// The file, from the repository's folder.
    File(&'a str),
}

impl SetPath<'_> {
    fn is(self, other: Self) -> bool {
        let is_below = |file: &str, path: &str| {
            file.strip_suffix(path).is_some_and(|folder| folder.is_empty() || folder.ends_with('/'))
        };
        match (self, other) {
            (Self::Logical(path), Self::File(file)) | (Self::File(file), Self::Logical(path)) => is_below(file, path),
            (one, two) => one == two,
        }
    }
}

/// What became of a change set.
enum Found {
    /// As it was, or accepted as it is: nothing is run.
    Same,
    New,
    Changed,
    /// It was in another file: Liquibase does not know it again.
    Moved,
}

/// Returns whether a text is formatted SQL with change sets.
#[must_use]
pub fn has_change_sets(text: &str) -> bool {
    parse("", text).is_some()
}

/// Returns the migrations of files that came, changed or went: what was not there before. Of a file that went there is
/// none: databases that ran it stay as they are, and Liquibase says nothing of it.
#[must_use]
pub fn migrations(before: &[Source], after: &[Source]) -> Vec<Migration> {
    let before: Vec<ChangeLog> = before.iter().filter_map(|(file, text)| parse(file, text)).collect();
    let after: Vec<ChangeLog> = after.iter().filter_map(|(file, text)| parse(file, text)).collect();
    after.iter().flat_map(|log| of_log(log, &before, &after)).collect()
}

/// What may be run together is one migration; what was changed or moved is named one by one.
fn of_log(log: &ChangeLog, before: &[ChangeLog], after: &[ChangeLog]) -> Vec<Migration> {
    let (mut new, mut repeatable, mut migrations) = (Vec::new(), Vec::new(), Vec::new());
    for set in &log.sets {
        let state = match found(set, before, after) {
            Found::Same => continue,
            Found::New | Found::Changed if set.is_repeatable => {
                repeatable.push(set);
                continue;
            }
            Found::New => {
                new.push(set);
                continue;
            }
            Found::Changed => MigrationState::Changed,
            Found::Moved => MigrationState::Moved,
        };
        let change_set = Some(format!("{}:{}", set.author, set.id));
        migrations.push(Migration { change_set, ..log.migration(&[set], state) });
    }
    if !repeatable.is_empty() {
        let migration = log.migration(&repeatable, MigrationState::New);
        migrations.push(Migration { repeatable: true, ..migration });
    }
    if !new.is_empty() {
        migrations.push(log.migration(&new, MigrationState::New));
    }
    migrations
}

fn found(set: &ChangeSet, before: &[ChangeLog], after: &[ChangeLog]) -> Found {
    let mut known: Vec<&ChangeSet> = sets(before).filter(|old| old.is(set)).collect();
    if known.is_empty() {
        known = sets(before).filter(|old| old.moved_as(set, after)).collect();
    }
    if !known.is_empty() {
        let is_same = known.iter().any(|old| old.content == set.content);
        if !is_same && (!set.accepts_any || set.is_repeatable) {
            return Found::Changed;
        }
        // Where it was left out until now, it is run with this release.
        return if known.iter().any(|old| set.may_run_beyond(old)) { Found::New } else { Found::Same };
    }
    let is_alike = |old: &&ChangeSet| old.author == set.author && old.id == set.id && old.content == set.content;
    let is_moved = sets(before).filter(is_alike).any(|old| !sets(after).any(|other| other.is(old)));
    if is_moved { Found::Moved } else { Found::New }
}

fn sets<'a>(logs: &'a [ChangeLog<'a>]) -> impl Iterator<Item = &'a ChangeSet<'a>> {
    logs.iter().flat_map(|log| &log.sets)
}

impl ChangeSet<'_> {
    /// Whether Liquibase takes both for the same one.
    fn is(&self, other: &ChangeSet) -> bool {
        self.author == other.author && self.id == other.id && self.path.is(other.path)
    }

    /// Whether its file was moved, and is where it was on the class path: Liquibase takes it for the same one. A file that
    /// is still there was copied, for another service.
    fn moved_as(&self, other: &ChangeSet, after: &[ChangeLog]) -> bool {
        let (SetPath::File(from), SetPath::File(to)) = (self.path, other.path) else { return false };
        let is_alike = self.author == other.author && self.id == other.id && class_path(from) == class_path(to);
        is_alike && !after.iter().any(|log| log.file == from)
    }

    /// Whether it may be run where it was not before. What was run everywhere has been run.
    fn may_run_beyond(&self, old: &ChangeSet) -> bool {
        old.conditions.iter().zip(&self.conditions).any(|(old, new)| old.is_some() && old != new)
    }
}

/// Returns a file's path as the class path has it: what follows the folder `resources`, as Maven and Gradle have it.
fn class_path(file: &str) -> &str {
    const FOLDER: &str = "resources/";
    let is_folder = |at: &usize| file[..*at].is_empty() || file[..*at].ends_with('/');
    let last = file.rmatch_indices(FOLDER).map(|(at, _)| at).find(is_folder);
    last.map_or(file, |at| &file[at + FOLDER.len()..])
}

impl ChangeLog<'_> {
    /// Makes a migration of some of its change sets: the others are blanked out, and lines stay where they are.
    fn migration(&self, sets: &[&ChangeSet], state: MigrationState) -> Migration {
        let mut is_header = true;
        let mut text = String::with_capacity(self.text.len());
        for (at, line) in self.text.split_inclusive('\n').enumerate() {
            let is_kept = is_header || sets.iter().any(|set| set.lines.contains(&at));
            is_header &= line.trim().is_empty();
            text.push_str(if is_kept { line } else { "\n" });
        }
        // Its rollbacks stand in the file itself.
        Migration::read(self.file, &text, state, &[])
    }
}

/// Takes a file apart; `None` where it is no formatted SQL, or has no change set.
fn parse<'a>(file: &'a str, text: &'a str) -> Option<ChangeLog<'a>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !files::is_liquibase(text) {
        return None;
    }
    let lines: Vec<&str> = text.lines().collect();
    let header = lines.iter().find(|line| !line.trim().is_empty())?;
    let path = logical_path(header).unwrap_or(SetPath::File(file));
    let properties: Vec<Property> = lines.iter().filter_map(|line| property(line)).collect();
    let mut sets: Vec<ChangeSet> = Vec::new();
    let mut ignored = Ignored::default();
    let mut is_rollback = false;
    for (at, line) in lines.iter().enumerate() {
        if ignored.takes(line) {
            continue;
        }
        if let Some(set) = change_set(line, path, at) {
            is_rollback = false;
            sets.push(set);
            continue;
        }
        let Some(set) = sets.last_mut() else { continue };
        set.lines.end = at + 1;
        if is_rollback || begins_rollback(line) {
            is_rollback = !line.trim_end().ends_with("*/");
            continue;
        }
        match directive(line) {
            Some(Directive::ValidCheckSum(sum)) => set.accepts_any |= is_any(sum),
            Some(_) => {}
            None => set.content.extend(line.chars().filter(|char| !matches!(char, ' ' | '\t' | '\r'))),
        }
    }
    for set in sets.iter_mut().filter(|set| set.content.contains("${")) {
        add_values(&mut set.content, &properties);
    }
    (!sets.is_empty()).then_some(ChangeLog { file, text, sets })
}

/// `--changeset AUTHOR:ID ATTRIBUTES`; author and id may stand in double quotes.
fn change_set<'a>(line: &'a str, path: SetPath<'a>, at: usize) -> Option<ChangeSet<'a>> {
    let rest = after_word(comment(line)?, "changeset")?;
    let rest = Some(rest.trim_start()).filter(|trimmed| trimmed.len() < rest.len())?;
    let (author, rest) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').and_then(|(author, rest)| Some((author, rest.strip_prefix(':')?)))?,
        None => rest.split_once(':')?,
    };
    let rest = rest.trim_start();
    let id = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?.0,
        None => rest.split_whitespace().next()?,
    };
    let is_true = |name: &str| attribute(line, name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    Some(ChangeSet {
        author: author.trim(),
        id,
        path: logical_path(line).unwrap_or(path),
        lines: at..at + 1,
        content: String::new(),
        is_repeatable: is_true("runonchange:") || is_true("runalways:"),
        accepts_any: false,
        conditions: CONDITIONS.iter().map(|names| condition(line, names)).collect(),
    })
}

/// What one kind of condition asks for. `ignore:false` asks for nothing.
fn condition(line: &str, names: &[&str]) -> Option<String> {
    let value = names.iter().find_map(|name| {
        let at = line.to_ascii_lowercase().rfind(name)? + name.len();
        let rest = line[at..].trim_start();
        match rest.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => rest.split_whitespace().next(),
        }
    })?;
    let value = squeezed(value).to_ascii_lowercase();
    let is_given = !value.is_empty() && (names != ["ignore:"] || value != "false");
    is_given.then_some(value)
}

/// A property of the change log: a name, and what stands for it in what is run.
struct Property {
    /// `${NAME}` in lower case: Liquibase compares so.
    used_as: String,
    /// NAME=VALUE without white space, and where it holds.
    text: String,
}

/// `--property name:NAME value:VALUE`, and where that holds.
fn property(line: &str) -> Option<Property> {
    if directive(line) != Some(Directive::Property) {
        return None;
    }
    let (name, value) = (property_part(line, "name:")?, property_part(line, "value:")?);
    let name = name.to_ascii_lowercase();
    let places = ["context:", "contextfilter:", "labels:", "dbms:"];
    let places = places.iter().filter_map(|place| Some(format!(";{place}{}", property_part(line, place)?)));
    Some(Property { used_as: format!("${{{name}}}"), text: format!("{name}={value}{}", places.collect::<String>()) })
}

/// What a part of a property says, up to the next part, without white space.
fn property_part(line: &str, part: &str) -> Option<String> {
    const PARTS: [&str; 7] = ["name:", "value:", "context:", "contextfilter:", "labels:", "dbms:", "global:"];
    let lower = line.to_ascii_lowercase();
    // Parts begin a word: a value may have such letters in it.
    let begins = |part: &str, from: usize| {
        let found = lower.match_indices(part).map(|(at, _)| at).filter(move |at| *at >= from);
        let bytes = lower.as_bytes();
        found.filter(|at| at.checked_sub(1).is_none_or(|before| bytes[before].is_ascii_whitespace())).min()
    };
    let from = begins(part, 0)? + part.len();
    let to = PARTS.iter().filter_map(|next| begins(next, from)).min().unwrap_or(line.len());
    Some(squeezed(&line[from..to]))
}

/// Adds the properties that a change set uses to its content, for their values stand in what is run; a value may use
/// another one. What it does not use makes it no other one.
fn add_values(content: &mut String, properties: &[Property]) {
    let mut left: Vec<&Property> = properties.iter().collect();
    loop {
        let lower = content.to_ascii_lowercase();
        let (used, unused): (Vec<_>, Vec<_>) = left.into_iter().partition(|property| lower.contains(&property.used_as));
        if used.is_empty() {
            return;
        }
        content.extend(used.iter().map(|property| property.text.as_str()));
        left = unused;
    }
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Lines between `--ignoreLines:start` and `--ignoreLines:end`, or as many as it says.
#[derive(Default)]
struct Ignored {
    to_end: bool,
    count: u64,
}

impl Ignored {
    /// Whether a line is not read.
    fn takes(&mut self, line: &str) -> bool {
        let value = comment(line).and_then(|text| after_word(text, "ignorelines:"));
        if self.to_end {
            self.to_end = value.is_none_or(|value| !value.trim().eq_ignore_ascii_case("end"));
            return true;
        }
        if self.count > 0 {
            self.count -= 1;
            return true;
        }
        let Some(value) = value.map(str::trim) else { return false };
        self.to_end = value.eq_ignore_ascii_case("start");
        self.count = value.parse().unwrap_or_default();
        true
    }
}

/// A comment that says something to Liquibase, and is no part of the SQL.
#[derive(PartialEq)]
enum Directive<'a> {
    Property,
    ValidCheckSum(&'a str),
    Other,
}

fn directive(line: &str) -> Option<Directive<'_>> {
    let text = comment(line)?;
    if after_word(text, "property").is_some_and(|rest| rest.starts_with(char::is_whitespace)) {
        return Some(Directive::Property);
    }
    if let Some(sum) = after_word(text, "validchecksum") {
        return Some(Directive::ValidCheckSum(sum.trim_start_matches(':').trim()));
    }
    let others = ["comment ", "comment:", "rollback ", "preconditions", "precondition-"];
    others.iter().any(|word| after_word(text, word).is_some()).then_some(Directive::Other)
}

/// `any`, `all` and `*`, with or without the version of the checksum.
fn is_any(sum: &str) -> bool {
    ["any", "all", "*"].contains(&sum.strip_prefix("1:").unwrap_or(sum).to_ascii_lowercase().as_str())
}

fn begins_rollback(line: &str) -> bool {
    let text = line.trim_start().strip_prefix("/*").map(|text| text.split_whitespace().collect::<Vec<_>>());
    matches!(text.as_deref(), Some([tool, word, ..])
        if tool.eq_ignore_ascii_case("liquibase") && word.trim_end_matches("*/").eq_ignore_ascii_case("rollback"))
}

/// The text of a comment line.
fn comment(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("--").map(str::trim_start)
}

/// What comes after a word in lower case that stands at the beginning, in any case.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (begin, rest) = text.split_at_checked(word.len())?;
    begin.eq_ignore_ascii_case(word).then_some(rest)
}

fn logical_path(line: &str) -> Option<SetPath<'_>> {
    attribute(line, "logicalfilepath:").map(SetPath::Logical)
}

/// The value of an attribute, which counts where it stands last.
fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let at = line.to_ascii_lowercase().rfind(name)? + name.len();
    line[at..].split_whitespace().next().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
