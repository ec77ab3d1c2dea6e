//! `[keys]`: the keys in force.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::reader::{At, Reader, Table, Value};
use crate::keys::{Chord, Keymap, KeymapError};

/// Keys of one command, as written.
struct Entry<'a> {
    id: At<&'a str>,
    keys: Vec<At<String>>,
}

/// Reads the keymap. The keymap itself knows what cannot be; here its errors get their places.
pub(super) fn read(reader: &mut Reader, file: &Table<'_>) -> Keymap {
    let mut entries = Vec::new();
    for (id, value) in reader.entries(file, "keys") {
        if let Some(keys) = keys(reader, id.value, value) {
            entries.push(Entry { id, keys });
        }
    }
    let written = |entry: &Entry<'_>| entry.keys.iter().map(|key| key.value.clone()).collect();
    let configured: BTreeMap<String, Vec<String>> =
        entries.iter().map(|entry| (entry.id.value.to_owned(), written(entry))).collect();
    Keymap::new(&configured).unwrap_or_else(|errors| {
        for error in errors {
            let at = place(&entries, &error).unwrap_or(file.key_at("keys"));
            reader.note(at, error.to_string(), "");
        }
        Keymap::default()
    })
}

fn keys(reader: &mut Reader, id: &str, value: Value<'_>) -> Option<Vec<At<String>>> {
    let help = "write for example [\"p\"], or [] to take the command off the keyboard";
    let list = reader.list_of(value, id, help)?;
    let mut keys = Vec::new();
    for key in list {
        match key.get_ref() {
            DeValue::String(text) => keys.push(At { value: text.to_string(), at: key.span().start }),
            _ => reader.note(key.span().start, format!("a key of `{id}` must be text in quotes"), help),
        }
    }
    Some(keys)
}

/// Returns where the cause of an error stands: of two commands on one key, the one that the file names last.
fn place(entries: &[Entry<'_>], error: &KeymapError) -> Option<usize> {
    let named = |id: &str| entries.iter().find(|entry| entry.id.value == id);
    let key_of = |entry: &Entry<'_>, wanted: &str| {
        let same = |key: &&At<String>| {
            key.value == wanted || key.value.parse::<Chord>().is_ok_and(|chord| chord.to_string() == wanted)
        };
        entry.keys.iter().find(same).map(|key| key.at)
    };
    match error {
        KeymapError::UnknownCommand { id, .. } => named(id).map(|entry| entry.id.at),
        KeymapError::BadKey { id, error } => named(id).and_then(|entry| key_of(entry, &error.0)),
        KeymapError::Conflict { key, first, second } => {
            [first, second].into_iter().filter_map(|id| key_of(named(id)?, key)).max()
        }
        KeymapError::Fixed { key } => entries.iter().find_map(|entry| key_of(entry, key)),
        KeymapError::Answers { key, id } => named(id).and_then(|entry| key_of(entry, key)),
    }
}
