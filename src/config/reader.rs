//! Reads a TOML document table by table, noting everything that is wrong with it.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::section::{Kind, Section, Word, duration_text, words_of};
use crate::domain::facts::step::parse_pause;
use crate::domain::facts::suggest::nearest;

/// Something found in the file, and where.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) at: usize,
}

/// A value of the document.
pub(super) type Value<'a> = &'a Spanned<DeValue<'a>>;

/// A table of the document whose keys are all known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    map: &'a DeTable<'a>,
    pub(super) at: usize,
    pub(super) section: &'static Section,
}

/// One thing that is wrong, at a byte of the text.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) at: usize,
    pub(super) what: String,
    pub(super) help: String,
}

/// Reads values and notes what is wrong with them.
#[derive(Debug)]
pub(super) struct Reader {
    /// Everything that is wrong so far.
    pub(super) notes: Vec<Note>,
    /// Folder that relative paths start from.
    pub(super) folder: PathBuf,
    /// What `~/` means.
    pub(super) home: Option<PathBuf>,
}

impl<'a> Table<'a> {
    /// Returns the value of a key.
    pub(super) fn get(&self, key: &str) -> Option<Value<'a>> {
        debug_assert!(self.section.field(key).is_some(), "{key} is a key of {}", self.section.header);
        self.map.get(key)
    }

    /// Returns whether a key is turned off with `false`.
    pub(super) fn is_off(&self, key: &str) -> bool {
        matches!(self.get(key).map(Spanned::get_ref), Some(DeValue::Boolean(false)))
    }

    /// Returns what a key may hold, where that is a table.
    fn section_of(&self, key: &str) -> Option<&'static Section> {
        match self.section.field(key)?.kind {
            Kind::Table(section) | Kind::TableOrOff(section) | Kind::Tables(section) => Some(section),
            _ => None,
        }
    }

    /// Returns where a key stands.
    pub(super) fn key_at(&self, key: &str) -> usize {
        self.map.get_key_value(key).map_or(self.at, |(key, _)| key.span().start)
    }
}

/// Names the type of a value.
fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(true) => "true",
        DeValue::Boolean(false) => "false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn listed<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// What to write where percent stand in place of a share of one.
fn share_of(value: &DeValue<'_>, min: f64, max: f64) -> String {
    let percent: Option<f64> = match value {
        DeValue::Integer(integer) => integer.as_str().parse().ok(),
        DeValue::Float(float) => float.as_str().parse().ok(),
        _ => None,
    };
    // Dividing leaves digits at the end that nobody wrote.
    let share = percent.map(|percent| (percent * 1e8).round() / 1e10).filter(|share| (min..=max).contains(share));
    match (percent, share) {
        (Some(percent), Some(share)) => format!("it is a share of one: {percent} % is {share}"),
        _ => "it is a share of one: 1 % is 0.01".to_owned(),
    }
}

impl Reader {
    /// Notes that something is wrong.
    pub(super) fn note(&mut self, at: usize, what: impl Into<String>, help: impl Into<String>) {
        self.notes.push(Note { at, what: what.into(), help: help.into() });
    }

    /// Notes that a word is none of those there are.
    pub(super) fn note_unknown(&mut self, at: usize, what: String, word: &str, known: &[&str]) {
        let near = nearest(word, known.iter().copied());
        let guess = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        self.note(at, what, format!("{guess}there are {}", listed(known.iter().copied())));
    }

    fn note_type(&mut self, at: usize, key: &str, found: &DeValue<'_>, wanted: &str) {
        self.note(at, format!("`{key}` is {}, and must be {wanted}", type_of(found)), "");
    }

    /// Opens a table, noting the keys that it must not hold.
    pub(super) fn open<'a>(&mut self, map: &'a DeTable<'a>, at: usize, section: &'static Section) -> Table<'a> {
        let known: Vec<&str> = section.fields().map(|field| field.key).collect();
        for (key, _) in map {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let what = format!("unknown key `{name}` in {}", section.header);
                self.note_unknown(key.span().start, what, name, &known);
            }
        }
        Table { map, at, section }
    }

    pub(super) fn table<'a>(&mut self, of: &Table<'a>, key: &str) -> Option<Table<'a>> {
        let (value, section) = (of.get(key)?, of.section_of(key)?);
        match value.get_ref() {
            DeValue::Table(map) => Some(self.open(map, value.span().start, section)),
            other => {
                self.note_type(value.span().start, key, other, "a table");
                None
            }
        }
    }

    /// Reads a table, where there is one, over what holds so far.
    pub(super) fn over<T>(
        &mut self,
        of: &Table<'_>,
        key: &str,
        into: &mut T,
        read: impl FnOnce(&mut Self, &Table<'_>, &mut T),
    ) {
        if let Some(table) = self.table(of, key) {
            read(self, &table, into);
        }
    }

    /// Reads a list of tables.
    pub(super) fn tables<'a>(&mut self, of: &Table<'a>, key: &str) -> Vec<Table<'a>> {
        let (Some(value), Some(section)) = (of.get(key), of.section_of(key)) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            let what = format!("`{key}` is {}, and must be a list of tables", type_of(value.get_ref()));
            self.note(value.span().start, what, format!("write [[{key}]], with two brackets"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::Table(map) => tables.push(self.open(map, item.span().start, section)),
                other => self.note_type(item.span().start, key, other, "a list of tables"),
            }
        }
        tables
    }

    /// Reads text that is not empty.
    pub(super) fn text(&mut self, of: &Table<'_>, key: &str) -> Option<At<String>> {
        let value = of.get(key)?;
        self.text_of(value, key)
    }

    /// Reads a value as text that is not empty.
    pub(super) fn text_of(&mut self, value: Value<'_>, key: &str) -> Option<At<String>> {
        let at = value.span().start;
        match value.get_ref() {
            DeValue::String(text) if text.trim().is_empty() => {
                self.note(at, format!("`{key}` is empty"), "leave the key out, or give it a value");
                None
            }
            DeValue::String(text) => Some(At { value: text.to_string(), at }),
            other => {
                self.note_type(at, key, other, "text in quotes");
                None
            }
        }
    }

    /// Reads `true` or `false`.
    pub(super) fn flag(&mut self, of: &Table<'_>, key: &str) -> Option<bool> {
        let value = of.get(key)?;
        if let DeValue::Boolean(flag) = value.get_ref() {
            return Some(*flag);
        }
        self.note_type(value.span().start, key, value.get_ref(), "true or false");
        None
    }

    /// Reads one of some words.
    pub(super) fn word<W: Word>(&mut self, of: &Table<'_>, key: &str) -> Option<W> {
        let At { value, at } = self.text(of, key)?;
        let found = W::VALUES.iter().find(|known| known.as_str() == value);
        if found.is_none() {
            self.note_unknown(at, format!("`{key}` cannot be `{value}`"), &value, &words_of::<W>());
        }
        found.copied()
    }

    /// Reads a time such as `"1m30s"`, in the bounds of its key.
    pub(super) fn time(&mut self, of: &Table<'_>, key: &str) -> Option<SignedDuration> {
        let value = of.get(key)?;
        let (Kind::Time(min, max) | Kind::TimeOrOff(min, max)) = of.section.field(key)?.kind else {
            debug_assert!(false, "`{key}` must be a time");
            return None;
        };
        let at = value.span().start;
        let example = "write it with its unit, such as \"500ms\", \"30s\" or \"1m30s\"";
        let DeValue::String(text) = value.get_ref() else {
            self.note(at, format!("`{key}` is {}, and must be a time", type_of(value.get_ref())), example);
            return None;
        };
        let time = parse_pause(text).filter(|_| text.ends_with(|c: char| c.is_ascii_alphabetic()));
        match time {
            Some(time) if (min..=max).contains(&time) => Some(time),
            Some(_) => {
                let (min, max) = (duration_text(min), duration_text(max));
                self.note(at, format!("`{key}` is {text}, and must be from {min} to {max}"), "");
                None
            }
            None => {
                self.note(at, format!("`{key}` cannot be `{text}`: it is a time"), example);
                None
            }
        }
    }

    /// Reads a number, in the bounds of its key.
    pub(super) fn number(&mut self, of: &Table<'_>, key: &str) -> Option<f64> {
        let value = of.get(key)?;
        let kind = of.section.field(key)?.kind;
        let (Kind::Number(min, max) | Kind::NumberOrOff(min, max)) = kind else {
            debug_assert!(false, "`{key}` must be a number");
            return None;
        };
        let or_off = if matches!(kind, Kind::NumberOrOff(..)) { ", or false" } else { "" };
        let at = value.span().start;
        let number = match value.get_ref() {
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|n| n as f64),
            DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
            other => {
                self.note_type(at, key, other, "a number");
                return None;
            }
        };
        let number = number.filter(|number| *number >= min && number.is_finite());
        let number = number.filter(|number| max.is_none_or(|max| *number <= max));
        if number.is_none() {
            let bounds = match max {
                Some(max) => format!("from {min} to {max}"),
                None => format!("{min} or more"),
            };
            let help =
                max.filter(|max| *max <= 1.0).map_or_else(String::new, |max| share_of(value.get_ref(), min, max));
            self.note(at, format!("`{key}` must be {bounds}{or_off}"), help);
        }
        number
    }

    pub(super) fn list<'a>(&mut self, of: &Table<'a>, key: &str, help: &str) -> Option<&'a DeArray<'a>> {
        let value = of.get(key)?;
        self.list_of(value, key, help)
    }

    /// Reads a value as a list.
    pub(super) fn list_of<'a>(&mut self, value: Value<'a>, key: &str, help: &str) -> Option<&'a DeArray<'a>> {
        match value.get_ref() {
            DeValue::Array(list) => Some(list),
            other => {
                self.note(value.span().start, format!("`{key}` is {}, and must be a list", type_of(other)), help);
                None
            }
        }
    }

    /// Reads a table whose keys are free.
    pub(super) fn entries<'a>(&mut self, of: &Table<'a>, key: &str) -> Vec<(At<&'a str>, Value<'a>)> {
        let Some(value) = of.get(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Table(map) => map
                .iter()
                .map(|(name, value)| (At { value: name.get_ref().as_ref(), at: name.span().start }, value))
                .collect(),
            other => {
                self.note_type(value.span().start, key, other, "a table");
                Vec::new()
            }
        }
    }

    /// Reads a path: relative to the config file, `~/` at home.
    pub(super) fn path(&mut self, of: &Table<'_>, key: &str) -> Option<PathBuf> {
        let text = self.text(of, key)?;
        self.path_of(&text, key)
    }

    /// Makes a path of text.
    pub(super) fn path_of(&mut self, text: &At<String>, key: &str) -> Option<PathBuf> {
        let Some(rest) = text.value.strip_prefix("~/") else { return Some(self.folder.join(Path::new(&text.value))) };
        if self.home.is_none() {
            self.note(text.at, format!("`{key}` starts with ~/, and HOME is not set"), "write the whole path");
        }
        Some(self.home.as_ref()?.join(rest))
    }
}
